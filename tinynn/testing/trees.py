"""Arguments in containers: tuples, lists and dicts of arrays, nested as they come, as trees with arrays as leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinynn.errors import InvalidValueError, ShapeError
from tinynn.testing.slots import SPELLINGS

CONTAINERS = (tuple, list, Mapping)


class Missing(NamedTuple):
    """What stands for a gradient that is not among those given, and the keys of these."""

    key: Any
    given: list[Any]


class Tree:
    """An array (a leaf), or a container of trees, each under a key.

    Leaves are named by the path to them, "x0.1" or "layers.0.W". One that is `fixed` is nothing to
    differentiate by, and its gradient is left alone.
    """

    def __init__(self, name: str, key: Any, value: Any, names: Sequence[str] | None = None) -> None:
        self.name, self.key, self.value = name, key, value
        self.fixed = False
        self.branches: list[Tree] = []
        self.is_leaf = not isinstance(value, CONTAINERS)
        if not self.is_leaf:
            keys, items = keys_of(value), list(value.values() if isinstance(value, Mapping) else value)
            paths = names or [f"{name}.{key}" for key in keys]
            if names and not isinstance(value, Mapping):
                keys = list(names)
            self.branches = [Tree(*branch) for branch in zip(paths, keys, map(in_array, items), strict=True)]

    @property
    def leaves(self) -> list[Tree]:
        return [self] if self.is_leaf else [leaf for branch in self.branches for leaf in branch.leaves]

    @property
    def free(self) -> bool:
        return not self.fixed if self.is_leaf else any(branch.free for branch in self.branches)

    @property
    def nested(self) -> bool:
        return not all(branch.is_leaf for branch in self.branches)

    # ---- putting together -----------------------------------------------------------------------
    def built(self, arrays: Iterator[Any]) -> Any:
        """A container like this one around other arrays."""
        return next(arrays) if self.is_leaf else self.around([branch.built(arrays) for branch in self.branches])

    def around(self, items: list[Any]) -> Any:
        """A container of this one's type around other items."""
        kind = type(self.value)
        try:
            if isinstance(self.value, defaultdict):
                return kind(self.value.default_factory, zip(self.value, items, strict=True))
            if isinstance(self.value, Mapping):
                return kind(dict(zip(self.value, items, strict=True)))
            return kind._make(items) if hasattr(kind, "_make") else kind(items)
        except TypeError as error:
            raise InvalidValueError(
                f"{kind.__name__} cannot be made of its items ({error}); give a plain tuple, list or dict"
            ) from error

    # ---- taking gradients apart -----------------------------------------------------------------
    def parted(self, gradient: Any) -> list[Any]:
        """The gradient of each leaf, from a container like this one or an array that stands for it.

        Raises: ShapeError if there are more or fewer than needed.
        """
        if self.is_leaf:
            return [gradient]
        if gradient is None or isinstance(gradient, Missing) or not self.free:
            return [gradient] * len(self.leaves)
        if isinstance(gradient, Mapping):
            given = [_among(gradient, branch) for branch in self.branches]
        else:
            given = self._in_order(gradient)
        return [part for branch, one in zip(self.branches, given, strict=True) for part in branch.parted(one)]

    def _in_order(self, gradient: Any) -> list[Any]:
        free = sum(branch.free for branch in self.branches)
        divides = isinstance(gradient, (tuple, list)) or (free > 1 and self._divides(np.asarray(gradient)))
        parts = list(gradient) if divides else [gradient]
        if len(parts) == len(self.branches):
            return parts
        if free == 1 and not all(branch.is_leaf for branch in self.branches if branch.free):
            parts = [gradient]  # that of the one argument, itself a container
        if len(parts) == free:
            rest = iter(parts)
            return [next(rest) if branch.free else None for branch in self.branches]
        raise ShapeError(f"expected {len(self.branches)} gradients, got {len(parts)}")

    def _divides(self, array: Any) -> bool:
        """Whether an array can be meant for all branches, one after the other."""
        return (array.ndim == 1 and array.dtype == object) or self._has_shape(array.shape)

    def _has_shape(self, shape: tuple[int, ...]) -> bool:
        if self.is_leaf:
            return bool(np.shape(self.value) == shape)
        inside = shape[1:]
        return shape[:1] == (len(self.branches),) and all(branch._has_shape(inside) for branch in self.branches)


def _among(gradients: Mapping[Any, Any], branch: Tree) -> Any:
    """A branch's gradient in a dict, under its own key or one like "dW"."""
    spelled = (branch.key, *(spelling.format(branch.key) for spelling in SPELLINGS))
    return next((gradients[key] for key in spelled if key in gradients), Missing(branch.key, list(gradients)))


def keys_of(container: Any) -> list[Any]:
    """A dict's keys, a named tuple's fields, or 0, 1, …"""
    if isinstance(container, Mapping):
        return list(container)
    return list(getattr(container, "_fields", range(len(container))))


def in_array(value: Any) -> Any:
    """A vector or a matrix in Python's spelling, a list or tuple of numbers or of such, as an array."""
    if _spells_numbers(value):
        try:
            return np.array(value)
        except ValueError:  # rows of several lengths
            pass
    return value


def _spells_numbers(value: Any) -> bool:
    return type(value) in (list, tuple) and all(
        _spells_numbers(item) if isinstance(item, CONTAINERS) else np.ndim(item) == 0 for item in value
    )
