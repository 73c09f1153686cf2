"""What an optimizer is: one rule applied to one long vector of parameters.

A subclass names its slots (arrays as long as the parameters, zero at first) and writes `update`, which
reads like the paper. The base class keeps slots, groups, schedules, penalties and state. Nothing here
looks at layers: whatever the network, the parameters are one contiguous vector.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tinynn._aligned import aligned
from tinynn._arguments import flag, not_negative
from tinynn.optimizers import subnormals
from tinynn.optimizers.groups import Group, as_groups, as_rate
from tinynn.optimizers.part import Part, check_loop, part_of
from tinynn.optimizers.penalties import penalty
from tinynn.optimizers.scratch import Operands, Scratch
from tinynn.optimizers.states import checked_state
from tinynn.parameter import Parameter, ParameterVector

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.layers.base import Layer
    from tinynn.optimizers.groups import Rate

#: What `_bind` makes.
BOUND = ("_packing", "_operands", "_scratch", "_parts")


class Optimizer(abc.ABC):
    """w ← w − η · (something made of the gradient); abstract.

    Parameters: parameters, a Layer, an iterable of Parameters, or a list of groups
    {"parameters": …, "learning_rate": …, "weight_decay": …, "l1_decay": …}; learning_rate, η, a number
    or a schedule `step -> rate` that sees step 0 first; weight_decay, λ in g + λ w (the gradient of
    λ/2 ‖w‖²); l1_decay, λ₁ in g + λ₁ sign(w) (the gradient of λ₁ ‖w‖₁). What a group leaves out is the
    optimizer's own. fused: run the rule as one compiled loop (the extra `compiled`), for those that have one:
    the same values to the last bit in a third of the time, without NumPy's floating-point warnings.
    Raises: InvalidValueError for a parameter given twice; StateError from step when a later optimizer
    has taken the parameters over; ImportError for fused without numba.

    >>> import numpy as np
    >>> class SignDescent(Optimizer):
    ...     def update(self, value, grad, learning_rate):
    ...         value -= learning_rate * np.sign(grad)
    >>> w = Parameter([1.0, -2.0])
    >>> optimizer = SignDescent([w], learning_rate=0.5)
    >>> w.grad = [3.0, -0.1]
    >>> optimizer.step()
    >>> w.value, optimizer.steps
    (array([ 0.5, -1.5], dtype=float32), 1)
    """

    #: Names of the arrays that `update` keeps from step to step.
    slots: ClassVar[tuple[str, ...]] = ()
    #: Names of the number attributes that the rule keeps from step to step.
    scalars: ClassVar[tuple[str, ...]] = ()
    #: Whether `update` may be called block by block, from several threads: nothing in it looks across elements.
    elementwise: ClassVar[bool] = False
    #: Whether weight decay shrinks the weights, w ← (1 − η λ) w, instead of joining the gradient.
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Layer | Iterable[Parameter] | Iterable[Mapping[str, Any]],
        learning_rate: Rate,
        *,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        name = type(self).__name__
        self.learning_rate = learning_rate
        self.steps = 0
        self.groups = as_groups(name, parameters, weight_decay=weight_decay, l1_decay=l1_decay)
        self.fused = flag(f"{name}: fused", fused)
        if self.fused:
            check_loop(self)
        # Last of all that can fail: it takes the parameters over from an earlier optimizer.
        self.vector = ParameterVector([p for group in self.groups for p in group.parameters])
        self.state = {name: aligned(len(self.vector), self.vector.value.dtype) for name in self._slot_names()}
        for slot in self.state.values():
            slot.fill(0)
        self._bind()

    @property
    def learning_rate(self) -> Rate:
        """η: a number or a schedule; assignable between steps."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Rate) -> None:
        self._learning_rate = as_rate(learning_rate, f"{type(self).__name__}: learning_rate")

    def rate(self, group: Group | None = None) -> float:
        """The learning rate of the next step, of one group or of the optimizer."""
        rate = self._learning_rate if group is None or group.learning_rate is None else group.learning_rate
        if not callable(rate):
            return rate
        what = f"{type(self).__name__}: the schedule's learning rate for step {self.steps}"
        return not_negative(what, rate(self.steps))

    @abc.abstractmethod
    def update(self, value: Array, grad: Array, learning_rate: float, *args: Any, **slots: Any) -> None:
        """Change `value` and the slots in place; all are 1-D arrays of one length, `grad` is not written.

        `self.steps` counts this step already: it is the t = 1, 2, … of the papers.
        """

    def prepare(self) -> None:  # noqa: B027 (a hook: most rules need nothing here)
        """Called once a step before the updates, with `steps` counted already (1, 2, …)."""

    def numbers(self, learning_rate: float) -> tuple[float, ...]:
        """The numbers of this step's calls, for a rule that lists them."""
        raise NotImplementedError

    def calls(self, value: Array, grad: Array, numbers: list[Array], scratch: Scratch, **slots: Array) -> list[Call]:
        """What `update` does, to the last bit, as a list of calls that stays the same from step to step.

        `numbers` are 0-d arrays that hold those of this step; what the list looks like depends on the
        constructor's options alone. A rule that states no list beside its `update` is called by `update`;
        with it Adam takes 17 µs instead of 19 a step of 11,935 parameters.
        """
        raise NotImplementedError

    def loop(self) -> Callable[..., None]:
        """The function of tinynn.optimizers.compiled that does what `calls` lists, for a rule that has one.

        It is called with value, grad, an array of the `numbers` and all slots, None for those left out.
        """
        raise NotImplementedError

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        if not self._packing.valid:
            self.vector.check()
        groups, rate = self.groups, self._learning_rate
        if len(groups) == 1 and groups[0].learning_rate is None and not callable(rate):
            rates = [rate]
        else:
            rates = [self.rate(group) for group in groups]
        self.steps += 1
        self.prepare()
        for part, rate in zip(self._parts, rates):  # noqa: B905 (strict costs a tenth of a small step)
            part.advance(self, rate)
        if self.steps % subnormals.EVERY == 0:
            for slot in self.state.values():
                subnormals.flush(slot, self._scratch)

    def penalty(self) -> float:
        """Σ λ/2 ‖w‖² + λ₁ ‖w‖₁: what the penalties add to the cost (a decoupled decay adds nothing)."""
        total = 0.0
        for group, part in zip(self.groups, self._parts, strict=False):
            total += sum(penalty(block, group, self.decoupled) for block in part.blocks)
        return total

    def scratch(self, name: str, like: Array) -> Array:
        """An uninitialised array like `like`, the same one in every step."""
        return self._scratch.like(name, like)

    def _twin(self, scratch: Scratch) -> Optimizer:
        """This optimizer as another thread uses it: with scratch arrays of its own."""
        twin: Optimizer = object.__new__(type(self))
        vars(twin).update(vars(self), _scratch=scratch)
        return twin

    def operand(self, number: float) -> Array:
        """A number as a 0-d array of the parameters' dtype, which costs a ufunc call half as much."""
        return self._operands[number]

    def _slot_names(self) -> tuple[str, ...]:
        """The slots that this instance needs; a rule with optional ones narrows them."""
        return self.slots

    def _bind(self) -> None:
        """Cut the vector up: views, scratch and calls for its arrays."""
        dtype = self.vector.value.dtype
        self._packing, self._operands, self._scratch = self.vector._packing, Operands(dtype), Scratch(dtype)
        self._parts: list[Part] = []
        start = 0
        for group in self.groups:
            stop = start + sum(p.size for p in group.parameters)
            self._parts.append(part_of(self, group, start, stop))
            start = stop

    def state_dict(self) -> dict[str, Any]:
        """Steps, slots and numbers: what is needed to go on as if never stopped."""
        return {
            "optimizer": type(self).__name__,
            "steps": self.steps,
            "learning_rate": None if callable(self._learning_rate) else self._learning_rate,
            "slots": {name: array.copy() for name, array in self.state.items()},
            "scalars": {name: getattr(self, name) for name in self.scalars},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave; a schedule stays this optimizer's own.

        Raises: InvalidValueError for another optimizer's state, ShapeError for other parameters'; then
        nothing has changed.
        """
        steps, learning_rate, slots, scalars = checked_state(state, type(self).__name__, self.state, self.scalars)
        for slot, array in self.state.items():
            array[:] = slots[slot]
        for scalar, value in scalars.items():
            setattr(self, scalar, value)
        self.steps = steps
        if learning_rate is not None:
            self.learning_rate = learning_rate

    # A copy packs the copied parameters, and binds itself to them.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in BOUND}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._packing, self._parts = self.vector._packing, []
        if self.vector.valid:
            self._bind()

    def __repr__(self) -> str:
        name, rate = type(self).__name__, self._learning_rate
        return f"{name}({len(self.vector)} parameters, learning_rate={rate!r}, steps={self.steps})"
