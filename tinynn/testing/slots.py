"""Parameters and their gradients, wherever a framework keeps them: in attributes, containers or objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tinynn.layers.base import Layer
from tinynn.parameter import Parameter
from tinynn.testing.parts import attributes, inside, is_part, parts

#: How frameworks spell the gradient of a parameter w that is an attribute, or a key.
SPELLINGS = ("d{}", "grad_{}", "{}_grad", "d_{}", "{}_gradient", "grad{}", "g{}", "delta_{}", "d{}_", "{}grad")
#: The same without underscores and capitals, for gradients of the parameter's shape.
PREFIX = re.compile(r"d|d[a-z]d?|dlossd|dcostd|grads?|gradients?|delta|nabla|partial")
SUFFIXES = ("grad", "grads", "gradient", "gradients", "update", "error")
ALIASES = {"weights": "w", "weight": "w", "biases": "b", "bias": "b"}
#: Containers of parameters, and of their gradients, beside those spelled alike (weights and dweights).
PARAMS, GRADS_OF = ("params", "parameters", "param", "weights"), ("grads", "gradients", "grad", "dparams", "dweights")
#: Attributes of parameters that are objects.
VALUES, GRADS = ("value", "data", "array", "W"), ("grad", "gradient")
#: What an array is called that surely is a parameter.
TYPICAL = re.compile(r"(w|b|gamma|beta|kernels?|filters?)[a-z]?\d?")


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


def slots_inside(layer: Any) -> dict[str, Slot]:
    """The slots of an object and of its parts that their spelling shows, by path."""
    found: dict[str, Slot] = {}
    owners: dict[int, str] = {}
    for path, part in parts(layer):
        for slot in sorted(_slots_of(part), key=lambda slot: slot.name.count(".")):
            name = f"{path}.{slot.name}".lstrip(".")
            owner = owners.get(id(slot.get()))
            if owner is None:
                owners[id(slot.get())] = path
                found[name] = Slot(name, slot.get, slot.put, _or_zero(slot) if path else slot.grad)
            elif owner != path and not f"{path}.".startswith(f"{owner}." if owner else ""):
                # Two parts hold one array: none of them knows its whole gradient.
                found = {name: other for name, other in found.items() if other.get() is not slot.get()}
    return found


def arrays_inside(layer: Any) -> Iterator[tuple[str, str, Any]]:
    """(path, name, object that holds it) of each array of floats among the attributes of the object and its parts.

    The name is a path itself where the array is in a list or dict.
    """
    for path, part in parts(layer):
        for name, value in inside(attributes(part).items()):
            if _is_array(value):
                yield f"{path}.{name}".lstrip("."), name, part


def _or_zero(slot: Slot) -> Callable[[], Any]:
    """The gradient, 0 where there is none: of a part that forward does not reach."""

    def grad() -> Any:
        found = slot.grad()
        return np.zeros(np.shape(slot.get())) if found is None else found

    return grad


def _slots_of(layer: Any) -> list[Slot]:
    """Parameters and gradients of one object: in containers, else objects, else attributes.

    A tinynn Layer has Parameters, and perhaps arrays of its own beside them.
    """
    objects = _parameter_objects(layer)
    if isinstance(layer, Layer):
        return [*objects, *_in_containers(layer), *_in_attributes(layer)]
    return _in_containers(layer) or objects or _in_attributes(layer)


# ---- attributes ---------------------------------------------------------------------------------
def _in_attributes(layer: Any) -> list[Slot]:
    held = attributes(layer)
    found = []
    for name, value in held.items():
        if _is_array(value) or isinstance(value, (int, float, np.number, np.ndarray)):
            spelled = gradient_of(name, held, value)
            if spelled is not None:
                found.append(slot_of(name, layer, name, spelled))
            elif _is_array(value):
                found += _kept_in_container(layer, name, value)
    return found


def _kept_in_container(layer: Any, name: str, value: Any) -> list[Slot]:
    """The parameter is an attribute, its gradient in a dict such as self.grads."""
    for holder, grads in attributes(layer).items():
        if isinstance(grads, dict) and holder.strip("_") in GRADS_OF:
            key = name if name in grads else gradient_of(name, grads, value)
            if key is not None and np.shape(grads[key]) == np.shape(value):

                def grad(holder: str = holder, key: Any = key) -> Any:
                    return getattr(layer, holder).get(key)

                slot = slot_of(name, layer, name, "")
                return [Slot(name, slot.get, slot.put, grad)]
    return []


def gradient_of(name: str, held: Mapping[Any, Any], value: Any) -> Any:
    """The key of the gradient of `name` among `held`: by a usual spelling, else by a rare one and the same shape."""
    for spelling in SPELLINGS:
        key = spelling.format(name)
        if key in held and (held[key] is None or _is_array(value) or np.shape(held[key]) == np.shape(value)):
            return key
    for key, grad in held.items():
        if key != name and _is_array(grad) and np.shape(grad) == np.shape(value) and _is_spelled(key, name):
            return key
    return None


def _is_spelled(grad: Any, name: Any) -> bool:
    """Whether `grad` is a gradient's spelling of `name`, with or without underscores and capitals."""
    plain, core = _plain(grad), _core(name)
    for long, short in ALIASES.items():
        plain = re.sub(f"^(.*){long}(grad.*|update|error)?$", rf"\g<1>{short}\g<2>", plain)
    before, found, after = plain.rpartition(core) if plain.endswith(core) else plain.partition(core)
    return bool(found) and ((PREFIX.fullmatch(before) and not after) or (not before and after in SUFFIXES))


def _plain(name: Any) -> str:
    """A name without capitals, underscores and a class's private prefix."""
    return re.sub(r"^_[A-Za-z0-9]+__", "", str(name)).lower().replace("_", "")


def _core(name: Any) -> str:
    plain = _plain(name)
    return ALIASES.get(plain, plain)


def is_typical(name: str) -> bool:
    """Whether a name is one that people give to parameters alone."""
    return TYPICAL.fullmatch(_core(name)) is not None


# ---- containers ---------------------------------------------------------------------------------
def _in_containers(layer: Any) -> list[Slot]:
    containers = {name: value for name, value in attributes(layer).items() if isinstance(value, (dict, list, tuple))}
    found: list[Slot] = []
    for name, values in containers.items():
        kinds = dict if isinstance(values, dict) else (list, tuple)
        others = {other: value for other, value in containers.items() if isinstance(value, kinds) and other != name}
        grads = next((g for g in others if _is_spelled(g, name)), None)
        if grads is None and name.strip("_") in PARAMS:
            grads = next((g for g in others if g.strip("_") in GRADS_OF), None)
        if grads is not None:
            at = "" if isinstance(values, dict) and name.strip("_") in PARAMS else f"{name}."
            found += _paired(at, lambda n=name: getattr(layer, n), lambda g=grads: getattr(layer, g))  # type: ignore[misc]
    return found


def _paired(path: str, held: Callable[[], Any], written: Callable[[], Any]) -> list[Slot]:
    """A slot for each array in a dict or list, and in those inside."""
    values = held()
    found = []
    for key, value in list(values.items() if isinstance(values, dict) else enumerate(values)):

        def get(key: Any = key) -> Any:
            return held()[key]

        def put(array: Any, key: Any = key) -> None:
            held()[key] = array

        def grad(key: Any = key) -> Any:
            grads = written()
            if isinstance(grads, dict):
                candidates = (key, *(s.format(key) for s in SPELLINGS))
                return next((grads[c] for c in candidates if c in grads), None)
            return grads[key] if grads is not None and key < len(grads) else None

        if isinstance(value, (dict, list, tuple)):
            found += _paired(f"{path}{key}.", get, grad)
        elif _is_array(value):
            found.append(Slot(f"{path}{key}", get, put, grad))
    return found


# ---- objects ------------------------------------------------------------------------------------
def _parameter_objects(layer: Any) -> list[Slot]:
    """Objects with .value/.grad or .data/.grad, from parameters() or the attributes."""
    listed = getattr(layer, "named_parameters", None) or getattr(layer, "parameters", None)
    try:
        given: Any = listed() if callable(listed) else None
    except Exception:  # a method of another kind
        given = None
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, (list, tuple)) or hasattr(given, "__next__"):
        pairs = [item if isinstance(item, tuple) and len(item) == 2 else (None, item) for item in given]
    else:
        pairs = list(inside(attributes(layer).items()))
    own = {id(value): name for name, value in attributes(layer).items()}
    found = []
    for k, (name, item) in enumerate(pairs):
        if is_part(item) or isinstance(item, np.ndarray):
            continue
        value = next((v for v in VALUES if _is_array(getattr(item, v, None))), None)
        grad = next((g for g in GRADS if hasattr(item, g)), None)
        if value is not None and grad is not None:
            called = name or own.get(id(item)) or getattr(item, "name", None) or f"parameter{k}"
            found.append(slot_of(str(called), item, value, grad))
    return found


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
