"""Arrays that are made once and used again in every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._aligned import aligned

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Buffers(dict[str, "Array"]):
    """Named uninitialised C-ordered arrays; the same name gives the same memory as long as it suffices.

    Asking for fewer elements than before gives a view of what is there, so that a smaller last batch
    allocates nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stores: dict[str, Array] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """The array of this name, in this shape and dtype."""
        array = self.get(name)
        if array is not None and array.shape == shape and array.dtype is dtype:
            return array
        dtype, size = np.dtype(dtype), math.prod(shape)
        if size < 0:
            raise ValueError("a negative size")
        store = self._stores.get(name)
        if store is None or store.size < size or store.dtype != dtype:
            store = self._stores[name] = aligned(size, dtype)
        array = self[name] = store[:size].reshape(shape)
        return array

    def release(self, name: str) -> None:
        """Forget the array of this name."""
        self.pop(name, None)
        self._stores.pop(name, None)


class Layout:
    """A number that goes up whenever some layer or parameter anywhere moves to other arrays.

    Who bound arrays earlier compares the number with the one of that time: equal means that nothing has
    moved, and all checks made then still hold.
    """

    version = 0


LAYOUT = Layout()
