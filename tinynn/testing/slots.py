"""Parameters and their gradients, wherever a framework keeps them: in attributes, dicts or objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn.errors import InvalidValueError
from tinynn.parameter import Parameter
from tinynn.testing.parts import parts

#: How frameworks spell the gradient of a parameter w that is an attribute.
SPELLINGS = ("d{}", "grad_{}", "{}_grad", "d_{}", "{}_gradient", "grad{}", "g{}", "delta_{}", "d{}_", "{}grad")
#: Dicts of parameters, and of their gradients.
DICTS = (("params", "grads"), ("parameters", "gradients"), ("parameters", "grads"), ("params", "gradients"))
VALUES, GRADS = ("value", "data", "array", "W"), ("grad", "gradient")


class Slot:
    """One parameter: where its array is, where its gradient will be."""

    def __init__(self, name: str, get: Callable[[], Any], put: Callable[[Any], None], grad: Callable[[], Any]) -> None:
        self.name, self.get, self.put, self.grad = name, get, put, grad

    def assign(self, value: Any) -> None:
        """Copy value into the array; where that cannot be written or has another dtype, put another in its place."""
        array = self.get()
        if isinstance(array, np.ndarray) and array.flags.writeable and array.dtype == value.dtype:
            array[...] = value
        else:
            self.put(value.copy())


def slot_of(name: str, holder: Any, value: str, grad: str) -> Slot:
    def put(array: Any) -> None:
        if isinstance(holder, Parameter):
            holder.value = array
        else:
            setattr(holder, value, array)

    return Slot(name, lambda: getattr(holder, value), put, lambda: getattr(holder, grad, None))


def slots_inside(layer: Any, names: Mapping[str, str] | None, before: Mapping[str, set[str]]) -> dict[str, Slot]:
    """The slots of a foreign object and, unless `names` tells all, of its parts; `before`: array_names by path."""
    found = {slot.name: slot for slot in foreign_slots(layer, names, before.get("", set()))}
    if names is not None:
        return found
    owners = {id(slot.get()): "" for slot in found.values()}
    for path, part in parts(layer)[1:]:
        for slot in foreign_slots(part, None, before.get(path, set())):
            owner = owners.setdefault(id(slot.get()), path)
            if owner == path:
                name = f"{path}.{slot.name}"
                found[name] = Slot(name, slot.get, slot.put, _or_zero(slot))
            elif not f"{path}.".startswith(f"{owner}." if owner else ""):
                # Two parts hold one array: none of them knows its whole gradient.
                found = {name: other for name, other in found.items() if other.get() is not slot.get()}
    return found


def _or_zero(slot: Slot) -> Callable[[], Any]:
    """The gradient, 0 where there is none: of a part that forward does not reach."""

    def grad() -> Any:
        found = slot.grad()
        return np.zeros(np.shape(slot.get())) if found is None else found

    return grad


def array_names(layer: Any) -> set[str]:
    return {name for name, value in vars(layer).items() if _is_floats(value)} if hasattr(layer, "__dict__") else set()


def foreign_slots(layer: Any, names: Mapping[str, str] | None, before: set[str]) -> list[Slot]:
    """Parameters and gradients by `names`, else by the first spelling of DICTS, objects or SPELLINGS that fits."""
    if names is not None:
        for name, grad in names.items():
            for attribute in (name, grad):
                if not hasattr(layer, attribute.split("[")[0].split(".")[0]):
                    raise InvalidValueError(
                        f"names: {type(layer).__name__} has no attribute {attribute!r} after a backward"
                    )
        return [_attribute_slot(layer, name, grad) for name, grad in names.items()]
    for values, grads in DICTS:
        held, written = getattr(layer, values, None), getattr(layer, grads, None)
        if isinstance(held, dict) and isinstance(written, dict) and held:
            return [_dict_slot(layer, values, grads, key) for key in held if _is_floats(held[key])]
    objects = _parameter_objects(layer)
    if objects:
        return objects
    found = []
    for name in sorted(before, key=list(vars(layer)).index) if before else []:
        spelled = next((s.format(name) for s in SPELLINGS if hasattr(layer, s.format(name))), None)
        if spelled is not None:
            found.append(_attribute_slot(layer, name, spelled))
    return found


def _attribute_slot(layer: Any, name: str, grad: str) -> Slot:
    return Slot(
        name,
        lambda: getattr(layer, name),
        lambda array: setattr(layer, name, array),
        lambda: getattr(layer, grad, None),
    )


def _dict_slot(layer: Any, values: str, grads: str, key: Any) -> Slot:
    def spelled() -> Any:
        written = getattr(layer, grads)
        candidates = (key, *(s.format(key) for s in SPELLINGS))
        return next((written[c] for c in candidates if c in written), None)

    return Slot(
        str(key),
        lambda: getattr(layer, values)[key],
        lambda array: getattr(layer, values).__setitem__(key, array),
        spelled,
    )


def _parameter_objects(layer: Any) -> list[Slot]:
    """Objects with .value/.grad or .data/.grad, from parameters() or the attributes."""
    listed = getattr(layer, "named_parameters", None) or getattr(layer, "parameters", None)
    given: Any = listed() if callable(listed) else listed
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, (list, tuple)) or hasattr(given, "__next__"):
        pairs = [item if isinstance(item, tuple) else (None, item) for item in given]
    else:
        pairs = list(vars(layer).items()) if hasattr(layer, "__dict__") else []
    own = {id(value): name for name, value in getattr(layer, "__dict__", {}).items()}
    found = []
    for k, (name, item) in enumerate(pairs):
        value = next((v for v in VALUES if _is_floats(getattr(item, v, None))), None)
        grad = next((g for g in GRADS if hasattr(item, g)), None)
        if value is not None and grad is not None and not isinstance(item, np.ndarray):
            called = name or own.get(id(item)) or getattr(item, "name", None) or f"parameter{k}"
            found.append(slot_of(str(called), item, value, grad))
    return found


def _is_floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
