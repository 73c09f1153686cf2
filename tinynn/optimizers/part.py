"""One group's part of a step, bound once: which calls with which arrays, and on which thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn import _calls, _workers
from tinynn._workers import cores
from tinynn.errors import InvalidValueError
from tinynn.optimizers import blocks
from tinynn.optimizers.compiled import compiled
from tinynn.optimizers.penalties import penalty_calls
from tinynn.optimizers.scratch import Scratch

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.optimizers.base import Optimizer
    from tinynn.optimizers.blocks import Block
    from tinynn.optimizers.groups import Group


class Part:
    """A group's blocks, shared out to threads, each with scratch arrays of its own.

    Here a rule's `update` is called for each block.

    Parameters: optimizer, which is not kept; group, the parameters from `start` to `stop` in its vector.
    """

    def __init__(self, optimizer: Optimizer, group: Group, start: int, stop: int) -> None:
        self._group, self._dtype = group, optimizer.vector.value.dtype
        halves = 2 * self._passes(optimizer) * (stop - start) // blocks.SHARED
        number = max(1, min(cores(), halves)) if optimizer.elementwise else 1
        size = self._block_size(optimizer, -(-(stop - start) // number))
        self.blocks = blocks.cut(optimizer.vector, start, stop, optimizer.state, size, number)
        self._shares = blocks.share(self.blocks, number)
        #: The first share is the calling thread's, whose scratch all parts have in common.
        self._scratches = [optimizer._scratch, *(Scratch(self._dtype) for _ in self._shares[1:])]
        #: The penalties that the calls were made for; the factor of a decoupled weight decay.
        self._penalties: tuple[float, float] | None = None
        self._shrinking: Array | None = None

    def _passes(self, optimizer: Optimizer) -> int:
        """How often a step goes over the vector, as far as one can tell."""
        return 4 + 2 * len(optimizer.state)

    def _block_size(self, optimizer: Optimizer, most: int) -> int:
        return blocks.longest(most, 2 + len(optimizer.state)) if optimizer.elementwise else max(1, most)

    def advance(self, optimizer: Optimizer, rate: float) -> None:
        """One step of the group."""
        group = self._group
        if self._penalties != (group.weight_decay, group.l1_decay):
            self._bind(optimizer)
        if self._shrinking is not None:
            self._shrinking[()] = 1.0 - rate * group.weight_decay
        self._run(optimizer, rate)

    def _bind(self, optimizer: Optimizer) -> None:
        """Make the calls for the group's penalties as they are now."""
        group = self._group
        self._penalties = group.weight_decay, group.l1_decay
        self._shrinking = np.empty((), self._dtype) if optimizer.decoupled and group.weight_decay else None
        self._work = [
            [(block, *penalty_calls(block, group, self._shrinking, scratch)) for block in share]
            for share, scratch in zip(self._shares, self._scratches, strict=True)
        ]

    def _run(self, optimizer: Optimizer, rate: float) -> None:
        threads = [optimizer, *map(optimizer._twin, self._scratches[1:])]
        _workers.run([(_update, (thread, work, rate)) for thread, work in zip(threads, self._work, strict=True)])


class ListedPart(Part):
    """The same for a rule that lists its calls (Optimizer.calls): one flat list of them.

    The rule's numbers are elements of one array, which is written again when one of them has changed.
    """

    def _passes(self, optimizer: Optimizer) -> int:
        nothing = np.empty(0, self._dtype)
        numbers = [nothing for _ in optimizer.numbers(0.0)]
        slots = dict.fromkeys(optimizer.state, nothing)
        return len(optimizer.calls(nothing, nothing, numbers, Scratch(self._dtype), **slots))

    def _bind(self, optimizer: Optimizer) -> None:
        super()._bind(optimizer)
        self._numbers: tuple[float, ...] = optimizer.numbers(0.0)
        self._memory = np.array(self._numbers, self._dtype)
        listed = [
            [call for item in work for call in self._listed(optimizer, *item, scratch)]
            for work, scratch in zip(self._work, self._scratches, strict=True)
        ]
        shares = [(_calls.run, (calls,)) for calls in listed]
        self._calls: list[Call] = listed[0] if len(listed) == 1 else [(_workers.run, (shares,))]

    def _listed(
        self, optimizer: Optimizer, block: Block, penalties: list[Call], grad: Array, scratch: Scratch
    ) -> list[Call]:
        numbers = [self._memory[k : k + 1].reshape(()) for k in range(len(self._memory))]
        return [*penalties, *optimizer.calls(block.value, grad, numbers, scratch, **block.slots)]

    def _run(self, optimizer: Optimizer, rate: float) -> None:
        numbers = optimizer.numbers(rate)
        if numbers != self._numbers:
            self._numbers = numbers
            self._memory[:] = numbers
        for function, arguments in self._calls:
            function(*arguments)


class FusedPart(ListedPart):
    """The same with one compiled loop in place of the rule's calls; the penalties stay calls of NumPy."""

    def __init__(self, optimizer: Optimizer, group: Group, start: int, stop: int) -> None:
        super().__init__(optimizer, group, start, stop)
        self._loop = compiled(optimizer.loop())

    def _passes(self, optimizer: Optimizer) -> int:
        return 3 if optimizer.state else 1  # as long as three of NumPy's, with a root and a division

    def _block_size(self, optimizer: Optimizer, most: int) -> int:
        return max(1, most)  # there are no temporaries to bound

    def _listed(
        self, optimizer: Optimizer, block: Block, penalties: list[Call], grad: Array, scratch: Scratch
    ) -> list[Call]:
        slots = [block.slots.get(name) for name in optimizer.slots]
        return [*penalties, (self._loop, (block.value, grad, self._memory, *slots))]


def part_of(optimizer: Optimizer, group: Group, start: int, stop: int) -> Part:
    """The part of one group, of the kind that suits the rule."""
    make = FusedPart if optimizer.fused else ListedPart if "calls" in vars(_stating(optimizer)) else Part
    return make(optimizer, group, start, stop)


def check_loop(optimizer: Optimizer) -> None:
    """Whether a rule that is to be fused can be.

    Raises: InvalidValueError if it has no compiled form: its class, or one that it inherits from, states `update`
    without a `loop` beside it. ImportError without numba.
    """
    if "loop" not in vars(_stating(optimizer)):
        raise InvalidValueError(f"{type(optimizer).__name__}: its update has no compiled form; leave fused out")
    compiled(optimizer.loop())


def _stating(optimizer: Optimizer) -> type:
    """The class that states the rule."""
    return next(kind for kind in type(optimizer).__mro__ if "update" in vars(kind))


def _update(optimizer: Optimizer, work: list[tuple[Block, list[Call], Array]], rate: float) -> None:
    for block, penalties, grad in work:
        _calls.run(penalties)
        optimizer.update(block.value, grad, rate, **block.slots)
