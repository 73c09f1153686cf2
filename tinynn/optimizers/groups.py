"""Groups of parameters that share a learning rate and penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinynn._arguments import not_negative, shown
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.parameter import Parameter, parameters_in

if TYPE_CHECKING:
    Rate: TypeAlias = float | Callable[[int], float]

KEYS = ("parameters", "learning_rate", "weight_decay", "l1_decay")


class Group:
    """Parameters with a learning rate (None: the optimizer's) and penalties of their own, assignable between steps.

    Parameters: owner, the optimizer's name for messages.
    """

    learning_rate: Rate | None
    weight_decay: float
    l1_decay: float

    def __init__(self, owner: str, parameters: Sequence[Parameter], **settings: Any) -> None:
        self.owner, self.parameters = owner, parameters
        for name in KEYS[1:]:
            setattr(self, name, settings[name])

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate" and value is not None:
            value = as_rate(value, "group: learning_rate")
        elif name in ("weight_decay", "l1_decay"):
            value = not_negative(f"{self.owner}: {name}", value)
        super().__setattr__(name, value)


def as_rate(rate: Any, what: str) -> Rate:
    """A schedule as it is, a number as a finite float of at least 0."""
    if isinstance(rate, type):
        raise DtypeError(f"{what} must be a number or a function of the step, got the class {rate.__name__}")
    return rate if callable(rate) else not_negative(what, rate)


def as_groups(owner: str, parameters: Any, **defaults: float) -> list[Group]:
    """One group for a Layer or an iterable of Parameters, one each for a list of dicts."""
    if not hasattr(parameters, "named_parameters"):
        if isinstance(parameters, (Parameter, Mapping, np.ndarray)) or not isinstance(parameters, Iterable):
            raise DtypeError(
                "expected a Layer, an iterable of Parameters or a list of groups, "
                f"got {shown(parameters)}; put a single one into a list"
            )
        parameters = list(parameters)
    if isinstance(parameters, list) and any(isinstance(item, Mapping) for item in parameters):
        return [_group(owner, item, defaults) for item in parameters]
    return [Group(owner, parameters_in(parameters), learning_rate=None, **defaults)]


def _group(owner: str, item: Any, defaults: dict[str, float]) -> Group:
    if not isinstance(item, Mapping):
        raise DtypeError(f"expected every group to be a dict, got {shown(item)}")
    if not set(item) <= set(KEYS) or "parameters" not in item:
        given = sorted(map(str, item))
        raise InvalidValueError(f"a group needs 'parameters' and may have {', '.join(KEYS[1:])}; got {given}")
    settings: dict[str, Any] = {"learning_rate": None, **defaults, **item}
    parameters = settings.pop("parameters")
    listed = [parameters] if isinstance(parameters, Parameter) else parameters_in(parameters)
    return Group(owner, listed, **settings)
