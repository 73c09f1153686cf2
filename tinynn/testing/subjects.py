"""What can be checked as a layer: a tinynn Layer, anybody's object with forward and backward, two functions.

A Subject is such a thing seen through one interface: its variables (inputs and parameters) as arrays by
name, one call that runs forward, and one that gives the gradients of all variables by name.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.layers.base import Layer
from tinynn.parameter import Parameter
from tinynn.testing.generators import Frozen
from tinynn.testing.points import required

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


class Subject:
    """forward and backward of one thing, at variables by name.

    It works on a deep copy with its parameters in float64 (or `dtype`), so that the original is left as
    it was. `names` maps a parameter's attribute to its gradient's, for spellings that are not found.
    """

    def __init__(
        self,
        layer: Any,
        names: Mapping[str, str] | None = None,
        dtype: Any = np.float64,
        like: Subject | None = None,
    ) -> None:
        if not (callable(getattr(layer, "forward", None)) and callable(getattr(layer, "backward", None))):
            raise DtypeError(
                f"expected an object with forward(x) and backward(grad), got {layer!r}; "
                "wrap two functions with from_callables(forward, backward)"
            )
        self.original, self.names, self.dtype = layer, names, np.dtype(dtype)
        self.native = isinstance(layer, Layer)
        self.label = _label(layer) if like is None else like.label
        self.layer: Any = _copied(layer)
        self.slots: dict[str, Slot] = {}
        if self.native:
            self.layer.astype(dtype).train()
            found = [_slot_of(name, p, "value", "grad") for name, p in self.layer.named_parameters()]
            self.slots = {slot.name: slot for slot in found}
        #: The parameters before the first forward.
        self.initial = self.parameters
        self.frozen = Frozen(self.layer, None if like is None else like.frozen)
        self._spread = False

    def fresh(self, dtype: Any = np.float64) -> Subject:
        """Another copy of the original, never used."""
        return Subject(self.original, self.names, dtype, self)

    def begin(self, inputs: dict[str, Any]) -> None:
        """Find the parameters: those of a foreign object show after a first forward and backward."""
        self._spread = len(inputs) > 1
        if self.native:
            return
        before = _array_ids(self.layer)
        y = np.asarray(self.run(inputs))
        self._zero_grad()
        self._backward(np.zeros(y.shape, y.dtype))
        self.slots = {slot.name: slot for slot in _foreign_slots(self.layer, self.names, before)}
        self.frozen.restore()
        for slot in self.slots.values():
            array = np.asarray(slot.get())
            if array.dtype != self.dtype:
                slot.put(array.astype(self.dtype))

    @property
    def parameters(self) -> dict[str, Any]:
        """A copy of each parameter's array."""
        return {name: np.array(slot.get()) for name, slot in self.slots.items()}

    def assign(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.slots[name].assign(value)

    def forward(self, inputs: Mapping[str, Any]) -> Any:
        """The output at these inputs, with the generators where they stood."""
        if self.frozen.needed:
            self.frozen.restore()
        return self.run(inputs)

    def output_of(self, name: str, inputs: Mapping[str, Any]) -> Callable[[Any], Any]:
        """The output as a function of one variable, which is left as it was; it owns the array that it gets."""
        if name in inputs:
            if self._spread:
                return lambda changed: self.forward({**inputs, name: changed})
            forward, frozen = self.layer.forward, self.frozen

            def of_input(changed: Any) -> Any:
                if frozen.needed:
                    frozen.restore()
                return forward(changed)

            return of_input
        slot, start = self.slots[name], np.array(self.slots[name].get())

        def of_parameter(changed: Any) -> Any:
            slot.assign(changed)
            y = self.forward(inputs)
            slot.assign(start)
            return y

        return of_parameter

    def run(self, inputs: Mapping[str, Any]) -> Any:
        values = list(inputs.values())
        return self.layer.forward(*values) if self._spread else self.layer.forward(values[0])

    def gradients(self, inputs: Mapping[str, Any], upstream: Any) -> dict[str, Any]:
        """What the code gives for each variable after a forward and a backward, None where it gives nothing."""
        self.forward(inputs)
        return self.backward(inputs, upstream)

    def backward(self, inputs: Mapping[str, Any], upstream: Any) -> dict[str, Any]:
        self._zero_grad()
        back = self._backward(upstream)
        named = list(inputs)
        listed = list(back) if self._spread and isinstance(back, (tuple, list)) else [back]
        if len(listed) != len(named):
            raise ShapeError(f"{self.label}: expected {len(named)} gradients from backward, got {len(listed)}")
        return dict(zip(named, listed, strict=True)) | {name: slot.grad() for name, slot in self.slots.items()}

    def _zero_grad(self) -> None:
        zero = getattr(self.layer, "zero_grad", None)
        if not self.native and callable(zero):
            zero()

    def _backward(self, upstream: Any) -> Any:
        back = self.layer.backward(upstream)
        if not self.native and not self._spread and isinstance(back, (tuple, list)) and len(back) == 1:
            return back[0]
        return back


class Functions:
    """Two functions as one object with forward and backward; made by from_callables."""

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], parameters: Mapping[str, Any]
    ) -> None:
        self._forward, self._backward = forward, backward
        self.params = {name: np.array(value) for name, value in parameters.items()}
        self.grads: dict[str, Any] = {}
        self._inputs: tuple[Any, ...] = ()
        self._cache: tuple[Any, ...] = ()

    def forward(self, *inputs: Any) -> Any:
        result = self._forward(*inputs, *self.params.values())
        self._inputs = inputs
        self._cache = ()
        if isinstance(result, tuple):
            result, *cache = result
            self._cache = tuple(cache)
        return result

    def backward(self, grad: Any) -> Any:
        back = self._backward(*self._arguments(grad))
        if not self.params:
            return back
        count = len(self._inputs)
        if not isinstance(back, (tuple, list)):
            raise ShapeError(
                f"{self!r}: expected backward to give (dx, one gradient for each parameter), got one array"
            )
        inputs, rest = back[:count], back[count:]
        if len(rest) == 1 and isinstance(rest[0], Mapping):
            self.grads = dict(rest[0])
        elif len(rest) == len(self.params):
            self.grads = dict(zip(self.params, rest, strict=True))
        else:
            raise ShapeError(f"{self!r}: expected {len(self.params)} parameters' gradients after dx, got {len(rest)}")
        return inputs if count > 1 else inputs[0]

    def _arguments(self, grad: Any) -> tuple[Any, ...]:
        if self._cache:
            return grad, *self._cache
        if required(self._backward) == 1:
            return (grad,)
        if _x_comes_first(self._backward):
            return (*self._inputs, *self.params.values(), grad) if _x_comes_first(self._backward) == "last" else (
                *self._inputs, grad, *self.params.values(),
            )  # fmt: skip
        return grad, *self._inputs, *self.params.values()

    def __repr__(self) -> str:
        return f"{getattr(self._forward, '__name__', 'forward')}, {getattr(self._backward, '__name__', 'backward')}"


def from_callables(
    forward: Callable[..., Any], backward: Callable[..., Any], parameters: Mapping[str, Any] | None = None
) -> Functions:
    """Two functions as something that check_layer takes.

    forward(x, *parameters) gives y, or (y, cache); backward(grad, cache) then gets that cache, and
    backward(grad, x, *parameters) where there is none (backward(grad) if it takes one argument alone).
    It gives ∂C/∂x, or with parameters (∂C/∂x, ∂C/∂p₁, ∂C/∂p₂, …) or (∂C/∂x, {name: ∂C/∂p}).

    Parameters: forward, backward; parameters, arrays by name, in the order in which forward takes them.

    >>> from tinynn.testing import check_layer
    >>> layer = from_callables(lambda x, w: x @ w, lambda grad, x, w: (grad @ w.T, x.T @ grad), {"w": np.ones((3, 2))})
    >>> check_layer(layer, input_shape=(4, 3)).right
    True
    """
    return Functions(forward, backward, parameters or {})


def _x_comes_first(backward: Callable[..., Any]) -> str:
    """Whether backward names x before the upstream gradient, and where that stands: "second", "last", or ""."""
    try:
        names = list(inspect.signature(backward).parameters)
    except (TypeError, ValueError):
        return ""
    words = ("grad", "g", "dy", "dout", "upstream", "u", "delta", "grad_output", "dz", "da", "grad_out", "gy")
    if len(names) < 2 or names[0] in words:
        return ""
    return "second" if names[1] in words else "last" if names[-1] in words else ""


def _copied(layer: Any) -> Any:
    try:
        return copy.deepcopy(layer)
    except Exception as error:
        raise InvalidValueError(
            f"{type(layer).__name__} cannot be copied ({type(error).__name__}: {error}), and a check must not change "
            "yours; give the class a __deepcopy__, or wrap two functions with from_callables"
        ) from error


def _label(layer: Any) -> str:
    text = repr(layer)
    plain = text.startswith("<") or len(text) > 80 or "\n" in text
    return type(layer).__name__ if plain else text


def _slot_of(name: str, holder: Any, value: str, grad: str) -> Slot:
    def put(array: Any) -> None:
        if isinstance(holder, Parameter):
            holder.value = array
        else:
            setattr(holder, value, array)

    return Slot(name, lambda: getattr(holder, value), put, lambda: getattr(holder, grad, None))


def _array_ids(layer: Any) -> set[str]:
    return {name for name, value in vars(layer).items() if _is_floats(value)} if hasattr(layer, "__dict__") else set()


def _foreign_slots(layer: Any, names: Mapping[str, str] | None, before: set[str]) -> list[Slot]:
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
    given = listed() if callable(listed) else listed
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
            found.append(_slot_of(str(called), item, value, grad))
    return found


def _is_floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
