"""Where a function is checked: its arguments as float64 arrays, and how they go in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinynn._arguments import count, not_negative, shown
from tinynn._arrays import as_array, as_rng
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.testing.report import ArrayReport, Cause, GradientError, Report
from tinynn.testing.signatures import left_over, positional, required, takes_each, takes_names
from tinynn.testing.trees import CONTAINERS, Missing, Tree, in_array, keys_of


class Point:
    """The arguments of f at which it is checked, as a list of float64 arrays with names.

    x is a number, an array, or a tuple, list or dict of them, nested or not; a list of numbers, or of lists
    of numbers, is an array. A tuple or list goes in as f(*x) if f takes that many arguments, a dict as f(**x)
    if f takes these names; otherwise f(x). Integers beside other arguments that f takes as integers alone,
    such as indices, stay what they are, and nothing is differentiated by them.
    """

    def __init__(self, f: Callable[..., Any], x: Any) -> None:
        self.subject = getattr(f, "__name__", type(f).__name__)
        if _holds_itself(x):
            raise InvalidValueError(f"{self.subject}: x is a container that holds itself")
        if isinstance(x, list) and not 1 < len(x) == required(f):
            x = in_array(x)
        self.spread = goes_in_one_by_one(f, x)
        self.tree = Tree("x", "x", x, argument_names(f, x, self.spread))
        self.nested = self.tree.nested
        self.leaves = self.tree.leaves
        self.names = distinct([leaf.name for leaf in self.leaves])
        self.arrays = [as_float64(name, leaf.value) for name, leaf in zip(self.names, self.leaves, strict=True)]
        self._ways: dict[tuple[int, int], tuple[Any, str]] = {}
        self._leave_integers(f)

    @property
    def free(self) -> list[int]:
        """Which of the arrays there is a derivative by."""
        return [k for k, leaf in enumerate(self.leaves) if leaf.free]

    def _leave_integers(self, f: Callable[..., Any]) -> None:
        """Labels and indices stay integers, if f fails with floats in their place and works with them."""
        given = [np.asarray(leaf.value) for leaf in self.leaves]
        integers = [k for k, array in enumerate(given) if array.dtype.kind in "iub"]
        if not integers or len(given) == 1 or self._takes(f, self.arrays):
            return
        floats = self.arrays
        self.arrays = [given[k] if k in integers else array for k, array in enumerate(floats)]
        self.call(f, self.arrays)  # what it raises now is an error of its own
        for k in integers:
            tried = [*self.arrays[:k], floats[k], *self.arrays[k + 1 :]]
            if self._takes(f, tried):
                self.arrays = tried
            else:
                self.leaves[k].fixed = True
        if not self.free:
            raise InvalidValueError(f"{self.subject} takes integers alone; there is nothing to differentiate by")

    def _takes(self, f: Callable[..., Any], arrays: Sequence[Any]) -> bool:
        try:
            self.call(f, arrays)
        except (IndexError, TypeError):  # what floats as indices end in
            return False
        return True

    # ---- calls ----------------------------------------------------------------------------------
    def call(self, f: Callable[..., Any], arrays: Sequence[Any], *more: Any) -> Any:
        """f at copies of the arrays, passed as the user passes them; `more` comes after them."""
        items: list[Any] = [array.copy() if array.ndim else array[()] for array in arrays]
        if self.tree.is_leaf:
            return f(items[0], *more)
        if self.nested:
            leaves = iter(items)
            items = [branch.built(leaves) for branch in self.tree.branches]
        way = self._way(f, len(more))
        if way == "whole":
            return f(self.tree.around(items), *more)
        if way == "each":
            return f(*items, *more)
        named = dict(zip(self.tree.value, items, strict=True))
        return f(**named, **{way: more[0]}) if more else f(**named)

    def _way(self, f: Callable[..., Any], more: int) -> str:
        """How f takes the arguments: "whole", "each", or by "names"; with one more, the name of that."""
        # By identity, with f kept alive: inspecting a signature takes longer than many an f.
        key = id(f), more
        if key not in self._ways:
            self._ways[key] = f, self._find_way(f, more)
        return self._ways[key][1]

    def _find_way(self, f: Callable[..., Any], more: int) -> str:
        """By f's own signature; where that does not tell, as the function takes them that the point is made for."""
        count, needed = len(self.tree.branches), required(f)
        if isinstance(self.tree.value, Mapping):
            if more:
                return left_over(f, self.tree.value) or "whole"
            by_names = takes_names(f, self.tree.value) or (self.spread and needed != 1)
            return "names" if by_names else "whole"
        if count > 1 and needed == count + more:
            return "each"
        if count > 1 and needed == 1 + more:
            return "whole"
        return "each" if self.spread else "whole"

    # ---- gradients ------------------------------------------------------------------------------
    def listed(self, gradient: Any) -> list[Any]:
        """The gradients as float64 arrays, one per argument, of its shape; anything else is an error.

        None stands where there is nothing to differentiate by.
        """
        if self.tree.is_leaf and isinstance(gradient, (tuple, list)) and len(gradient) == 1:
            array = self.arrays[0]
            gradient = gradient[0] if array.ndim != 1 or np.shape(gradient[0]) == array.shape else gradient
        try:
            parts = self.tree.parted(gradient)
        except ShapeError as error:
            raise ShapeError(f"{self.subject}: {error}") from None
        return [
            claimed_gradient(self.subject, name, array, grad) if leaf.free else None
            for name, leaf, array, grad in zip(self.names, self.leaves, self.arrays, parts, strict=True)
        ]


def claimed_gradient(subject: str, name: str, array: Any, grad: Any) -> Any:
    """A claimed gradient as a float64 array of its variable's shape, or a GradientError that says why not."""
    if grad is None:
        _refuse(subject, name, array, "forgotten", "is None: nothing was returned or written")
    if isinstance(grad, Missing):
        given = ", ".join(map(repr, grad.given)) or "no other"
        what = (
            f"is missing: gradients are given under {given}; expected the key {grad.key!r}, or one like 'd{grad.key}'"
        )
        _refuse(subject, name, array, "forgotten", what)
    grad = np.array(grad)
    if grad.dtype.kind not in "fiub":
        _refuse(subject, name, array, "dtype", f"has dtype {grad.dtype}, a gradient is an array of real numbers")
    if grad.shape == array.shape or (array.shape == () and grad.shape == (1,)):
        return grad.astype(np.float64).reshape(array.shape)
    cause, hint = "shape", ""
    if grad.shape == array.shape[::-1]:
        cause, hint = "transposed", "; likely cause: it is transposed"
    elif grad.ndim == array.ndim + 1 and grad.shape[1:] == array.shape:
        cause, hint = "batch-sum", f"; likely cause: the sum over the batch of {len(grad)} is missing"
    _refuse(subject, name, array, cause, f"has shape {grad.shape}, {name} has {array.shape}{hint}")


def _refuse(subject: str, name: str, array: Any, slug: str, what: str) -> Any:
    text = f"∂C/∂{name} {what}"
    report = Report(subject, {name: ArrayReport(name, np.shape(array))}, [Cause(slug, text)])
    raise GradientError(f"{subject}: {text}", report)


def as_float64(name: str, value: Any) -> Any:
    """value as a float64 array of finite numbers."""
    array = as_array(value, "check", name)
    if array.dtype.kind not in "iufb":
        raise DtypeError(f"expected {name} of real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InvalidValueError(f"{name} holds values that are not finite; choose another point")
    return array


def check_settings(who: str, tolerance: Any, elementwise: Any, rng: Any) -> float:
    """What all checks take: a tolerance of at least 0, which is returned, a number of entries, a seed or generator."""
    count(f"{who}: elementwise", elementwise, least=0)
    as_rng(rng, f"{who}: rng")
    return not_negative(f"{who}: tolerance", tolerance)


def check_function(who: str, name: str, f: Any) -> None:
    """DtypeError unless f can be called."""
    if not callable(f):
        raise DtypeError(f"{who}: {name} must be a function, got {shown(f)}")


def drawn(rng: Any) -> np.random.Generator:
    """The generator that a seed stands for, in a stream apart: users draw x from default_rng(0) as well."""
    generator = as_rng(rng)
    return generator if rng is None or rng is generator else np.random.default_rng([0x6B17, rng])


def rounded(array: Any, rng: np.random.Generator) -> Any:
    """A float array off by up to two roundings an entry; others as they are."""
    return array * (1 + 2.3e-16 * rng.integers(-2, 3, array.shape)) if array.dtype.kind == "f" else array


def goes_in_one_by_one(f: Callable[..., Any], x: Any) -> bool:
    """Whether a container goes in as f(*x) or f(**x).

    One of a single item goes in as it is where that is the plain reading: a named tuple, a list of a pair.
    """
    if isinstance(x, Mapping):
        return takes_names(f, x)
    if not isinstance(x, CONTAINERS) or not takes_each(f, len(x)):
        return False
    return len(x) != 1 or type(x) is tuple or (type(x) is list and not isinstance(x[0], CONTAINERS))


def argument_names(f: Callable[..., Any], x: Any, spread: bool) -> list[str]:
    """The keys, fields, or names that f gives its arguments, as far as it takes so many; else x, or x0, x1, …"""
    if not isinstance(x, CONTAINERS):
        return []
    if isinstance(x, Mapping):
        return [str(key) for key in x]
    names = [p.name for p in positional(f)]
    if spread and 1 < len(x) <= len(names):
        return names[: len(x)]
    if hasattr(x, "_fields"):
        return keys_of(x)
    return ["x"] if len(x) == 1 and not isinstance(in_array(x[0]), CONTAINERS) else [f"x{k}" for k in range(len(x))]


def distinct(names: list[str]) -> list[str]:
    """The names, with their places where two are the same, as those of the keys 1 and "1"."""
    return [name if names.count(name) == 1 else f"{name} ({k})" for k, name in enumerate(names)]


def _holds_itself(x: Any, around: tuple[Any, ...] = ()) -> bool:
    """Whether a container is one of those around it."""
    if not isinstance(x, CONTAINERS):
        return False
    if any(x is outer for outer in around):
        return True
    inside = x.values() if isinstance(x, Mapping) else x
    return any(_holds_itself(item, (*around, x)) for item in inside)
