"""What an optimizer is: one rule applied to one long vector of parameters.

A subclass names its slots (arrays as long as the parameters, zero at first) and writes `update`, which
reads like the paper. The base class keeps slots, groups, schedules, penalties and state. Nothing here
looks at layers: whatever the network, the parameters are one contiguous vector.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import number
from tinynn._buffers import Buffers
from tinynn.errors import InvalidValueError, ShapeError
from tinynn.optimizers.groups import Group, as_groups, as_rate
from tinynn.parameter import Parameter, ParameterVector

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.layers.base import Layer
    from tinynn.optimizers.groups import Rate

#: Elements that an element-wise rule works on at a time. It bounds the temporaries to a megabyte or two and
#: gains at two million parameters (Adam: 3.3 against 3.6 ms); much smaller blocks lose (32,768: 3.9 ms).
BLOCK = 262_144


class Optimizer(abc.ABC):
    """w ← w − η · (something made of the gradient); abstract.

    Parameters: parameters, a Layer, an iterable of Parameters, or a list of groups
    {"parameters": …, "learning_rate": …, "weight_decay": …, "l1_decay": …}; learning_rate, η, a number
    or a schedule `step -> rate` that sees step 0 first; weight_decay, λ in g + λ w (the gradient of
    λ/2 ‖w‖²); l1_decay, λ₁ in g + λ₁ sign(w) (the gradient of λ₁ ‖w‖₁). What a group leaves out is the
    optimizer's own.
    Raises: InvalidValueError for a parameter given twice; StateError from step when a later optimizer
    has taken the parameters over.

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

    _buffers: Buffers
    _operands: dict[float, Array]
    #: (number of the group, group, value, grad, slots): the views that `update` gets, one after the other.
    _blocks: list[tuple[int, Group, Array, Array, dict[str, Array]]]
    _varied: bool
    #: Names of the arrays that `update` keeps from step to step.
    slots: ClassVar[tuple[str, ...]] = ()
    #: Names of the number attributes that the rule keeps from step to step.
    scalars: ClassVar[tuple[str, ...]] = ()
    #: Whether `update` may be called block by block: nothing in it looks across elements.
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
    ) -> None:
        self.learning_rate = learning_rate
        self.steps = 0
        self.groups = as_groups(parameters, weight_decay=weight_decay, l1_decay=l1_decay)
        self.vector = ParameterVector([p for group in self.groups for p in group.parameters])
        self.state = {name: np.zeros_like(self.vector.value) for name in self._slot_names()}
        self._buffers, self._operands = Buffers(), {}
        self._cut()

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
        return as_rate(number("the schedule's learning rate", rate(self.steps)), f"step {self.steps}")  # type: ignore[return-value]

    @abc.abstractmethod
    def update(self, value: Array, grad: Array, learning_rate: float, *args: Any, **slots: Any) -> None:
        """Change `value` and the slots in place; all are 1-D arrays of one length, `grad` is not written.

        `self.steps` counts this step already: it is the t = 1, 2, … of the papers.
        """

    def prepare(self) -> None:  # noqa: B027 (a hook: most rules need nothing here)
        """Called once a step before the updates, with `steps` counted already (1, 2, …)."""

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        if not self._packing.valid:
            self.vector.check()
        rate: Any = self._learning_rate
        rates = [self.rate(group) for group in self.groups] if self._varied or callable(rate) else None
        self.steps += 1
        self.prepare()
        for k, group, value, grad, slots in self._blocks:
            if rates is not None:
                rate = rates[k]
            if group.weight_decay or group.l1_decay:
                grad = self._penalised(group, value, grad, rate)
            self.update(value, grad, rate, **slots)

    def _penalised(self, group: Group, value: Array, grad: Array, rate: float) -> Array:
        """g + λ w + λ₁ sign(w) in a buffer; a decoupled λ shrinks w itself."""
        if self.decoupled and group.weight_decay:
            np.multiply(value, 1.0 - rate * group.weight_decay, value)
        penalised, term = self.scratch("penalised", value), self.scratch("penalty", value)
        np.copyto(penalised, grad)
        if group.weight_decay and not self.decoupled:
            np.multiply(value, group.weight_decay, term)
            np.add(penalised, term, penalised)
        if group.l1_decay:
            np.sign(value, term)
            np.multiply(term, group.l1_decay, term)
            np.add(penalised, term, penalised)
        return penalised

    def penalty(self) -> float:
        """Σ λ/2 ‖w‖² + λ₁ ‖w‖₁: what the penalties add to the cost (a decoupled decay adds nothing)."""
        total = 0.0
        for _, group, value, _, _ in self._blocks:
            if not self.decoupled:
                total += 0.5 * group.weight_decay * float(value @ value)
            total += group.l1_decay * float(np.abs(value).sum())
        return total

    def scratch(self, name: str, like: Array) -> Array:
        """An uninitialised array like `like`, the same one in every step."""
        array = self._buffers.get(name)
        if array is not None and array.size == like.size:  # all are 1-D and of one dtype
            return array
        return self._buffers.take(name, like.shape, like.dtype)

    def operand(self, number: float) -> Array:
        """A number as a 0-d array of the parameters' dtype, which costs a ufunc call half as much."""
        array = self._operands.get(number)
        if array is None:
            if len(self._operands) >= 64:
                self._operands.clear()
            array = self._operands[number] = np.array(number, self.vector.value.dtype)
        return array

    def _slot_names(self) -> tuple[str, ...]:
        """The slots that this instance needs; a rule with optional ones narrows them."""
        return self.slots

    def _cut(self) -> None:
        """Views of value, gradient and slots: group by group, in blocks if the rule is element-wise."""
        self._packing = self.vector._packing
        self._varied = any(group.learning_rate is not None for group in self.groups)
        self._blocks = []
        start = 0
        for k, group in enumerate(self.groups):
            stop = start + sum(p.size for p in group.parameters)
            size = BLOCK if self.elementwise else max(1, stop - start)
            for first in range(start, stop, size):
                cut = slice(first, min(first + size, stop))
                slots = {name: array[cut] for name, array in self.state.items()}
                self._blocks.append((k, group, self.vector.value[cut], self.vector.grad[cut], slots))
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
        name, slots, scalars = type(self).__name__, state.get("slots"), state.get("scalars")
        if state.get("optimizer") != name or slots is None or scalars is None:
            raise InvalidValueError(f"{name}: this is not the state of a {name} but of {state.get('optimizer')!r}")
        if set(slots) != set(self.state) or set(scalars) != set(self.scalars):
            raise InvalidValueError(
                f"{name}: the state has slots {sorted(slots)}, this optimizer needs {sorted(self.state)}; "
                "build it with the same options"
            )
        for slot, array in self.state.items():
            if np.shape(slots[slot]) != array.shape:
                raise ShapeError(f"{name}: slot {slot} has shape {np.shape(slots[slot])} instead of {array.shape}")
        for slot, array in self.state.items():
            array[:] = slots[slot]
        for scalar, value in scalars.items():
            setattr(self, scalar, value)
        self.steps = int(state["steps"])
        if state.get("learning_rate") is not None:
            self.learning_rate = state["learning_rate"]

    # A copy packs the copied parameters, and cuts its views anew.
    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("_buffers", "_operands", "_blocks", "_packing")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._buffers, self._operands = Buffers(), {}
        self._blocks, self._packing = [], self.vector._packing
        if self.vector.valid:
            self._cut()

    def __repr__(self) -> str:
        name, rate = type(self).__name__, self._learning_rate
        return f"{name}({len(self.vector)} parameters, learning_rate={rate!r}, steps={self.steps})"
