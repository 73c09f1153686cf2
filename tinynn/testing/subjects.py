"""What can be checked as a layer: a tinynn Layer, anybody's object with forward and backward, two functions.

A Subject is such a thing seen through one interface: its variables (inputs and parameters) as arrays by
name, one call that runs forward, and one that gives the gradients of all variables by name.
"""

from __future__ import annotations

import copy
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.layers.base import Layer
from tinynn.testing.generators import Frozen
from tinynn.testing.parts import parts
from tinynn.testing.report import Report
from tinynn.testing.slots import Slot, array_names, slot_of, slots_inside


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
        self.label: str = _label(layer) if like is None else like.label
        self.layer: Any = copied(layer)
        self.slots: dict[str, Slot] = {}
        for part in [self.layer] if self.native else dict(parts(self.layer)).values():
            if isinstance(part, Layer):
                part.astype(dtype).train()
        if self.native:
            found = [slot_of(name, p, "value", "grad") for name, p in self.layer.named_parameters()]
            self.slots = {slot.name: slot for slot in found}
        #: The parameters before the first forward.
        self.initial = self.parameters
        self.frozen: Frozen = Frozen(self.layer, None if like is None else like.frozen)
        self._spread = False

    def fresh(self, dtype: Any = np.float64) -> Subject:
        """Another copy of the original, never used."""
        return Subject(self.original, self.names, dtype, self)

    def begin(self, inputs: dict[str, Any]) -> None:
        """Find the parameters: those of a foreign object show after a first forward and backward."""
        self._spread = len(inputs) > 1
        if self.native:
            return
        before = {path: array_names(part) for path, part in parts(self.layer)}
        y = np.asarray(self.run(inputs))
        self._zero_grad()
        self._backward(np.zeros(y.shape, y.dtype))
        self.slots = slots_inside(self.layer, self.names, before)
        if self.slots and self.names is None:
            for name in self._caches(inputs, before):
                del self.slots[name]
        self.frozen.restore()
        for slot in self.slots.values():
            array = np.asarray(slot.get())
            if array.dtype != self.dtype:
                slot.put(array.astype(self.dtype))

    def _caches(self, inputs: dict[str, Any], before: Mapping[str, set[str]]) -> set[str]:
        """What looks like a parameter and is none, since it follows the input: x and dx of an earlier call, say."""
        twin = copy.deepcopy(self.layer)
        slots = slots_inside(twin, None, before)
        kept = {name: np.array(slot.get()) for name, slot in slots.items()}
        other = {name: 0.7 * value[::-1] if value.dtype.kind == "f" else value for name, value in inputs.items()}
        with np.errstate(all="ignore"):
            try:
                y = np.asarray(twin.forward(*other.values()))
                twin.backward(np.zeros(y.shape, y.dtype))
            except Exception:  # outside of its domain: the input itself tells what is kept from it
                return set()
        return {name for name, slot in slots.items() if not np.array_equal(slot.get(), kept[name])}

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
        array = slot.get()

        def of_parameter(changed: Any) -> Any:
            slot.assign(changed)
            y = self.forward(inputs)
            slot.assign(start)
            return y

        def of_parameter_in_place(changed: Any) -> Any:
            array[...] = changed
            y = self.forward(inputs)
            array[...] = start
            return y

        in_place = array is slot.get() and isinstance(array, np.ndarray) and array.flags.writeable
        return of_parameter_in_place if in_place and array.dtype == np.float64 else of_parameter

    def run(self, inputs: Mapping[str, Any]) -> Any:
        return self.layer.forward(*inputs.values())

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
        try:
            back = self.layer.backward(upstream)
        except (ValueError, TypeError, IndexError) as error:  # what shapes that do not fit end in
            text = f"backward fails with {type(error).__name__}: {error} ({place_of(error)})"
            Report(self.label).fail("shape", text)
        if not self.native and not self._spread and isinstance(back, (tuple, list)) and len(back) == 1:
            return back[0]
        return back


def copied(layer: Any) -> Any:
    try:
        return copy.deepcopy(layer)
    except Exception as error:
        raise InvalidValueError(
            f"{type(layer).__name__} cannot be copied ({type(error).__name__}: {error}), and a check must not change "
            "yours; give the class a __deepcopy__, or wrap two functions with from_callables"
        ) from error


def place_of(error: BaseException) -> str:
    """Where an error was raised, as file:line."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(place.filename)}:{place.lineno}"


def _label(layer: Any) -> str:
    text = repr(layer)
    plain = text.startswith("<") or len(text) > 80 or "\n" in text
    return type(layer).__name__ if plain else text
