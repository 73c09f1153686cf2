"""What a schedule is: an object that turns a step's number into a learning rate."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from tinynn._arguments import count, shown
from tinynn.errors import InvalidValueError

#: The largest step whose number a float holds exactly, as all before it.
LAST = 2**53


@dataclasses.dataclass(frozen=True, repr=False)
class Schedule(abc.ABC):
    """A learning rate as a function of the step: 0 at the first one, and so on; abstract.

    A schedule is closed in the step and remembers nothing, so that training goes on with the right rate
    wherever it is resumed. It does not change; equal ones compare equal, and `repr` is the call that makes it.

    >>> import numpy as np
    >>> from tinynn import Parameter, SGD, schedules
    >>> w = Parameter([0.0])
    >>> optimizer = SGD([w], schedules.step(1.0, every=2, factor=0.5))
    >>> for _ in range(4):
    ...     w.grad = np.ones(1)
    ...     optimizer.step()
    >>> w.value  # −(1 + 1 + ½ + ½)
    array([-3.], dtype=float32)
    >>> optimizer.learning_rate
    step(1.0, every=2, factor=0.5)
    """

    def __call__(self, step: int) -> float:
        """The learning rate of a step."""
        if step < 0:
            raise InvalidValueError(f"{self!r}: the first step is 0, got {step}")
        return self.at(step)

    @abc.abstractmethod
    def at(self, step: int) -> float:
        """The learning rate of a step that is not negative."""

    def config(self) -> dict[str, Any]:
        """{"schedule": its name, "arguments": {…}}, plain values for JSON; `from_config` reads it."""
        arguments = {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {"schedule": type(self).__name__, "arguments": arguments}

    def _keep(self, **arguments: Any) -> None:
        """Put checked arguments into their frozen fields."""
        vars(self).update(arguments)

    def __repr__(self) -> str:
        first, *others = dataclasses.fields(self)
        shown = [repr(getattr(self, first.name))]
        for field in others:
            value = getattr(self, field.name)
            if value != field.default:
                shown.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def _plain(value: Any) -> Any:
    if isinstance(value, Schedule):
        return value.config()
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def as_steps(what: str, value: Any, least: int = 1) -> int:
    """value as a number of steps that a float holds exactly."""
    result = count(what, value, least=least)
    if result > LAST:
        raise InvalidValueError(f"{what} must be at most 2**53, got {shown(value)}")
    return result
