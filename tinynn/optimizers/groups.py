"""Groups of parameters that share a learning rate and penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tinynn._arguments import not_negative
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.parameter import Parameter

if TYPE_CHECKING:
    Rate: TypeAlias = float | Callable[[int], float]

KEYS = ("parameters", "learning_rate", "weight_decay", "l1_decay")


class Group:
    """Parameters with a learning rate (None: the optimizer's) and penalties of their own."""

    def __init__(
        self, parameters: list[Parameter], learning_rate: Rate | None, weight_decay: float, l1_decay: float
    ) -> None:
        self.parameters = parameters
        self.learning_rate = None if learning_rate is None else as_rate(learning_rate, "group: learning_rate")
        self.weight_decay = not_negative("weight_decay", weight_decay)
        self.l1_decay = not_negative("l1_decay", l1_decay)


def as_rate(rate: Any, what: str) -> Rate:
    """A schedule as it is, a number as a finite float of at least 0."""
    return rate if callable(rate) else not_negative(what, rate)


def as_groups(parameters: Any, **defaults: float) -> list[Group]:
    """One group for a Layer or an iterable of Parameters, one each for a list of dicts."""
    if not hasattr(parameters, "named_parameters"):
        if isinstance(parameters, (Parameter, Mapping)) or not isinstance(parameters, Iterable):
            raise DtypeError(
                f"expected a Layer, an iterable of Parameters or a list of groups, got {parameters!r}; "
                "put a single one into a list"
            )
        parameters = list(parameters)
    if isinstance(parameters, list) and any(isinstance(item, Mapping) for item in parameters):
        return [_group(item, defaults) for item in parameters]
    return [Group(_listed(parameters), None, **defaults)]


def _group(item: Any, defaults: dict[str, float]) -> Group:
    if not isinstance(item, Mapping):
        raise DtypeError(f"expected every group to be a dict, got {item!r}")
    unknown = sorted(set(item) - set(KEYS))
    if unknown or "parameters" not in item:
        raise InvalidValueError(f"a group needs 'parameters' and may have {', '.join(KEYS[1:])}; got {sorted(item)}")
    settings: dict[str, Any] = {"learning_rate": None, **defaults, **item}
    settings["parameters"] = _listed(settings["parameters"])
    return Group(**settings)


def _listed(parameters: Any) -> list[Parameter]:
    if isinstance(parameters, Parameter):
        return [parameters]
    return list(parameters.parameters() if hasattr(parameters, "named_parameters") else parameters)
