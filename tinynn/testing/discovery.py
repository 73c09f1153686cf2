"""Which of the arrays that look like parameters are some: tried on a copy that nobody else sees."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.layers.base import Layer
from tinynn.testing.parts import attributes
from tinynn.testing.paths import put, resolve, slot_by_path
from tinynn.testing.slots import arrays_inside, gradient_of, is_typical, slot_of, slots_inside

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.subjects import Subject


#: The attribute where a gradient would be that is nowhere.
FORGOTTEN = "gradient that was not found"


class Discovery:
    """The parameters of a subject that has run forward and backward once.

    An array with a gradient's spelling beside it is none if forward overwrites it (x and dx of an earlier
    call, a weight made from others), or if backward never writes its gradient (a grid's step dx). One
    without is one all the same if it has a parameter's name and changes the output: its gradient is forgotten.
    What changes the output under another name may be a constant: `unchecked` lists it.
    """

    def __init__(self, subject: Subject, inputs: Mapping[str, Any], names: Mapping[str, str] | None) -> None:
        self.subject, self.inputs = subject, inputs
        self.unchecked: list[str] = []
        if names is not None:
            self.slots = {name: slot_by_path(subject.layer, name, grad) for name, grad in names.items()}
            return
        self.slots = slots_inside(subject.layer)
        if subject.native:
            known = {id(slot.get()) for slot in subject.slots.values()}
            self.slots = {name: slot for name, slot in self.slots.items() if id(slot.get()) not in known}
        with np.errstate(all="ignore"):
            try:
                self._sift()
                self._add_forgotten()
            except Exception:  # a moved array leaves the layer's domain: what is spelled like one is one
                return

    def _sift(self) -> None:
        for name in list(self.slots):
            if not self._is_real(name):
                del self.slots[name]

    def _is_real(self, name: str) -> bool:
        twin = copy.deepcopy(self.subject.layer)
        slot = slots_inside(twin)[name]
        value = np.array(slot.get())
        moved = _moved(value)
        slot.assign(moved)
        self._run(twin, zero=True)
        if np.mean(np.asarray(slot.get()) == moved) < 0.5:
            return False
        before = slot.grad()
        held = None if before is None else np.array(before)
        marked = isinstance(before, np.ndarray) and before.flags.writeable
        if marked:
            before[...] = 7.25  # backward may well write the same numbers again
        self._run(twin)
        after = slot.grad()
        if _is_frozen(twin):
            return False
        if after is None:
            return is_typical(name.split(".")[-1])
        if after is not before or (marked and np.any(after != 7.25)):
            return np.asarray(after).dtype.kind == "f"
        # Untouched: a gradient that is still as it was made, or no gradient at all.
        return value.dtype.kind == "f" and value.ndim > 0 and not np.any(held)

    def _add_forgotten(self) -> None:
        taken = {id(slot.get()) for slot in (*self.slots.values(), *self.subject.slots.values())}
        taken |= {id(slot.grad()) for slot in self.slots.values()}
        for path, name, holder in arrays_inside(self.subject.layer):
            value = resolve(holder, name)
            spelled = gradient_of(name, attributes(holder), value)
            known = id(value) in taken or getattr(holder, spelled or "", None) is not None
            if isinstance(holder, Layer) or known or not self._matters(path):
                continue
            # Others beside it have gradients, so that this one's is missing.
            prefix = path.removesuffix(name)
            beside = any(other.startswith(prefix) and "." not in other[len(prefix) :] for other in self.slots)
            if is_typical(name) and beside and not _is_frozen(holder):
                self.slots[path] = slot_of(path, holder, name, FORGOTTEN)
            else:
                self.unchecked.append(path)

    def _matters(self, path: str) -> bool:
        """Whether an array keeps what is written into it, and changes the output."""
        expected = self._run(copy.deepcopy(self.subject.layer), zero=True)
        twin = copy.deepcopy(self.subject.layer)
        holder, name = next((holder, name) for p, name, holder in arrays_inside(twin) if p == path)
        moved = _moved(resolve(holder, name))
        put(holder, name, moved.copy())
        y = self._run(twin, zero=True)
        return bool(np.mean(resolve(holder, name) == moved) >= 0.5) and not np.array_equal(y, expected)

    def _run(self, twin: Any, zero: bool = False) -> Array:
        """A forward, and a backward with an upstream gradient of 0 or a drawn one; the output."""
        self.subject.frozen.restore()
        # Somewhere near for a gradient that must not be 0, which it may be where x is.
        inputs = [value.copy() if zero or value.dtype.kind != "f" else _moved(value) for value in self.inputs.values()]
        y = np.array(self.subject.output_from(twin, twin.forward(*inputs)))
        upstream = np.zeros(y.shape) if zero else np.random.default_rng(0).normal(size=y.shape)
        twin.backward(upstream.astype(y.dtype))
        return y


def _is_frozen(holder: Any) -> bool:
    flags = attributes(holder)
    return flags.get("trainable", True) is False or flags.get("frozen", False) is True


def _moved(value: Any) -> Any:
    """Something near, in the same dtype if that is one of floats."""
    moved = 0.9375 * value + 0.0078125 * (np.asarray(value) == 0)
    return moved.astype(value.dtype) if value.dtype.kind == "f" else moved
