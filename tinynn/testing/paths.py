"""A parameter and its gradient by paths that the user gives."""

from __future__ import annotations

import re
from typing import Any

from tinynn.errors import InvalidValueError
from tinynn.testing.slots import Slot


def slot_by_path(layer: Any, name: str, grad: str) -> Slot:
    """The slot of two paths such as "W" and "delta", "params[0]" and "grads[0]", or "layer.W" and "layer.dW"."""
    for path in (name, grad):
        try:
            resolve(layer, path)
        except (AttributeError, LookupError, TypeError) as error:
            kind = type(layer).__name__
            raise InvalidValueError(f"names: {kind} has no attribute {path!r} after a backward") from error

    return Slot(name, lambda: resolve(layer, name), lambda array: put(layer, name, array), lambda: resolve(layer, grad))


def put(layer: Any, path: str, array: Any) -> None:
    """Put another array where a path leads."""
    *outer, last = _steps(path)
    holder = _follow(layer, outer)
    if isinstance(holder, (dict, list)):
        holder[last] = array
    else:
        setattr(holder, str(last), array)


def _steps(path: str) -> list[Any]:
    """ "params[0].w" as its steps."""
    steps = [step.strip("'\"") for step in re.findall(r"[^.\[\]]+", path)]
    return [int(step) if step.isdigit() else step for step in steps]


def resolve(layer: Any, path: str) -> Any:
    return _follow(layer, _steps(path))


def _follow(thing: Any, steps: list[Any]) -> Any:
    for step in steps:
        thing = thing[step] if isinstance(thing, (dict, list, tuple)) else getattr(thing, str(step))
    return thing
