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

from tinynn._arguments import shown
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.layers.base import Layer
from tinynn.testing.discovery import Discovery
from tinynn.testing.generators import Frozen
from tinynn.testing.parts import attributes, is_part, parts
from tinynn.testing.report import Report
from tinynn.testing.signatures import positional, required
from tinynn.testing.slots import Slot, slot_of


class Subject:
    """forward and backward of one thing, at variables by name.

    It works on a deep copy with its parameters in float64 (or `dtype`), so that the original is left as
    it was (`layer`, if somebody has made that already). `names` maps a parameter's attribute to its
    gradient's, for spellings that are not found.
    """

    def __init__(
        self,
        original: Any,
        names: Mapping[str, str] | None = None,
        dtype: Any = np.float64,
        like: Subject | None = None,
        layer: Any = None,
    ) -> None:
        if isinstance(original, type) or not is_part(original):
            raise DtypeError(
                f"expected an object with forward(x) and backward(grad), got {shown(original)}; "
                "wrap two functions with from_callables(forward, backward)"
            )
        if names is not None and not isinstance(names, Mapping):
            raise DtypeError(f"names must be a dict of attributes' names, got {shown(names)}")
        self.original, self.names, self.dtype = original, names, np.dtype(dtype)
        self.native = isinstance(original, Layer)
        self.label: str = _label(original) if like is None else like.label
        self.layer: Any = copied(original) if layer is None else layer
        self.slots: dict[str, Slot] = {}
        for part in [self.layer] if self.native else [part for _, part in parts(self.layer)]:
            if isinstance(part, Layer):
                part.astype(dtype).train()
        if self.native:
            found = [slot_of(name, p, "value", "grad") for name, p in self.layer.named_parameters()]
            self.slots = {slot.name: slot for slot in found}
        #: The parameters before the first forward.
        self.initial = self.parameters
        self.frozen: Frozen = Frozen(self.layer, None if like is None else like.frozen)
        self._spread = self._begun = False
        #: Whether it has a zero_grad, which comes before each forward.
        self.zeroes = not self.native and callable(getattr(self.layer, "zero_grad", None))
        #: Arrays that change the output, and whose gradients were not found.
        self.unchecked: list[str] = []

    def fresh(self, dtype: Any = np.float64) -> Subject:
        """Another copy of the original, never used."""
        return Subject(self.original, self.names, dtype, self)

    def begin(self, inputs: dict[str, Any]) -> None:
        """Find the parameters: those of a foreign object show after a first forward and backward."""
        self._spread = len(inputs) > 1
        self.accepts(len(inputs))
        if self.native and not _has_arrays(self.layer):
            return  # nothing but Parameters
        y = np.asarray(self.run(inputs))
        with np.errstate(all="ignore"):  # a backward that divides by the size of its argument
            self._backward(np.zeros(y.shape, y.dtype))
        found = Discovery(self, inputs, self.names)
        self.slots |= found.slots
        self.unchecked = found.unchecked
        self.frozen.restore()
        for slot in self.slots.values():
            array = np.asarray(slot.get())
            if array.dtype != self.dtype:
                slot.put(array.astype(self.dtype))
        self._begun = True

    def accepts(self, inputs: int) -> None:
        """Whether forward takes that many inputs, and backward one gradient."""
        for name, given in (("forward", inputs), ("backward", 1)):
            function = getattr(self.layer, name)
            needed, most = required(function), len(positional(function))
            if needed > given or (needed != -1 and 0 < most < given):
                raise DtypeError(
                    f"{self.label}: {name} needs {needed} arguments and gets {given}; give the others values with "
                    "from_callables(lambda x: layer.forward(x, …), lambda grad: layer.backward(grad, …)), or give "
                    "several inputs as a tuple x"
                )

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

            return of_input if self.native else lambda changed: self.forward({name: changed})
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
        if self.zeroes:
            self.layer.zero_grad()
        y = self.layer.forward(*inputs.values())
        return y if self.native else self.output_from(self.layer, y)

    def output_from(self, layer: Any, y: Any) -> Any:
        """What a foreign forward gives, as an array."""
        if isinstance(y, np.ndarray):
            return y
        if y is None:  # some leave it in an attribute
            y = getattr(layer, "output", None)
        if isinstance(y, (tuple, dict)):
            raise ShapeError(
                f"{self.label}: forward gives a {type(y).__name__} of {len(y)}, not one array; for (output, cache) "
                "use from_callables(forward, backward), several outputs join with np.concatenate"
            )
        return np.asarray(y) if isinstance(y, (float, np.floating)) else y

    def gradients(self, inputs: Mapping[str, Any], upstream: Any) -> dict[str, Any]:
        """What the code gives for each variable after a forward and a backward, None where it gives nothing."""
        self.forward(inputs)
        return self.backward(inputs, upstream)

    def backward(self, inputs: Mapping[str, Any], upstream: Any) -> dict[str, Any]:
        back = self._backward(upstream)
        named = list(inputs)
        listed = list(back) if self._spread and isinstance(back, (tuple, list)) else [back]
        if len(listed) != len(named):
            raise ShapeError(f"{self.label}: expected {len(named)} gradients from backward, got {len(listed)}")
        return dict(zip(named, listed, strict=True)) | {name: slot.grad() for name, slot in self.slots.items()}

    def _backward(self, upstream: Any) -> Any:
        try:
            back = self.layer.backward(upstream)
        except (ValueError, TypeError, IndexError) as error:  # what shapes that do not fit end in
            text = f"backward fails with {type(error).__name__}: {error} ({place_of(error)})"
            Report(self.label).fail("shape", text)
        return back if self.native else self._given(back)

    def _given(self, back: Any) -> Any:
        """What a foreign backward gives, in the spellings that people have for it."""
        if back is None:
            held = attributes(self.layer)
            back = held.get("dinputs", held.get("dinput"))
        if isinstance(back, dict):
            raise ShapeError(f"{self.label}: backward gives a dict, expected ∂C/∂x; keep the others in attributes")
        if self._spread or not isinstance(back, (tuple, list)):
            return back
        if len(back) == 1 or not self._begun or (self.slots and len(back) == 1 + len(self.slots)):
            return back[0]
        if all(isinstance(item, np.ndarray) for item in back):
            raise ShapeError(
                f"{self.label}: backward gives {len(back)} arrays for one input; keep the parameters' gradients in "
                "attributes, or use from_callables(forward, backward, parameters)"
            )
        return back


def copied(layer: Any) -> Any:
    try:
        return copy.deepcopy(layer)
    except Exception as error:
        raise InvalidValueError(
            f"{type(layer).__name__} cannot be copied ({type(error).__name__}: {error}), and a check must not change "
            "yours; give the class a __deepcopy__, or wrap two functions with from_callables"
        ) from error


def _has_arrays(layer: Layer) -> bool:
    """Whether a layer holds anything that might be a parameter and is no Parameter; ours do not."""
    for _, part in parts(layer):
        if not isinstance(part, Layer):
            return True
        if not type(part).__module__.startswith("tinynn.layers."):
            own = (value for name, value in vars(part).items() if name not in part.transient)
            if any(isinstance(value, (np.ndarray, dict, list)) for value in own):
                return True
    return False


def place_of(error: BaseException) -> str:
    """Where an error was raised, as file:line."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(place.filename)}:{place.lineno}"


def _label(layer: Any) -> str:
    try:
        text = repr(layer)
    except Exception:  # an attribute in a method's place, say
        return type(layer).__name__
    plain = text.startswith("<") or len(text) > 80 or "\n" in text
    return type(layer).__name__ if plain else text
