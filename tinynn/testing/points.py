"""Where a function is checked: its arguments as float64 arrays, and how they go in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.testing.report import ArrayReport, Cause, GradientError, Report


class Point:
    """The arguments of f at which it is checked, as a list of float64 arrays with names.

    x is a number, an array, or a tuple, list or dict of them. A tuple goes in as f(*x) if f takes that
    many arguments, a dict as f(**x) if f takes these names; otherwise f(x).
    """

    def __init__(self, f: Callable[..., Any], x: Any) -> None:
        self.subject = getattr(f, "__name__", type(f).__name__)
        if isinstance(x, list) and all(np.ndim(item) == 0 for item in x):
            x = np.array(x)  # a vector in Python's spelling
        self.kind = type(x) if isinstance(x, (tuple, list, dict)) else None
        values = list(x.values()) if isinstance(x, dict) else list(x) if self.kind else [x]
        self.names = [str(name) for name in x] if isinstance(x, dict) else argument_names(f, len(values), self.kind)
        self.keys = list(x) if isinstance(x, dict) else []
        self.arrays = [as_float64(name, value) for name, value in zip(self.names, values, strict=True)]
        if self.kind is dict:
            self.spread = takes_names(f, self.keys)
        else:
            self.spread = self.kind is not None and takes_each(f, len(values))

    def call(self, f: Callable[..., Any], arrays: Sequence[Any], *more: Any) -> Any:
        """f at copies of the arrays, passed as the user passes them; `more` comes after them."""
        copies = [array.copy() if array.ndim else array[()] for array in arrays]
        if self.kind is None:
            return f(copies[0], *more)
        if self.kind is dict:
            named = dict(zip(self.keys, copies, strict=True))
            return f(*more, **named) if self.spread and not more else f(named, *more)
        if self.spread or takes_count(f, len(copies) + len(more)):
            return f(*copies, *more)
        return f(self.kind(copies), *more)

    def listed(self, gradient: Any) -> list[Any]:
        """The gradients as float64 arrays, one per argument, of its shape; anything else is an error."""
        if self.kind is dict:
            gradient = [gradient[key] for key in self.keys]
        found = list(gradient) if self.kind is not None and isinstance(gradient, (tuple, list)) else [gradient]
        if (
            self.kind is None
            and isinstance(gradient, (tuple, list))
            and len(gradient) == 1
            and self.arrays[0].ndim != 1
        ):
            found = [gradient[0]]
        if len(found) != len(self.arrays):
            raise ShapeError(f"{self.subject}: expected {len(self.arrays)} gradients, got {len(found)}")
        return [
            claimed_gradient(self.subject, name, array, grad)
            for name, array, grad in zip(self.names, self.arrays, found, strict=True)
        ]


def claimed_gradient(subject: str, name: str, array: Any, grad: Any) -> Any:
    """A claimed gradient as a float64 array of its variable's shape, or a GradientError that says why not."""
    if grad is None:
        _refuse(subject, name, array, "forgotten", "is None: nothing was returned or written")
    grad = np.array(grad)
    if grad.dtype.kind not in "fiub":
        _refuse(subject, name, array, "dtype", f"has dtype {grad.dtype}, a gradient is an array of real numbers")
    if grad.shape == array.shape:
        return grad.astype(np.float64)
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
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise DtypeError(f"expected {name} of real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InvalidValueError(f"{name} holds values that are not finite; choose another point")
    return array


def drawn(rng: Any) -> np.random.Generator:
    """The generator that a seed stands for, in a stream apart: users draw x from default_rng(0) as well."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng([0x6B17, rng])


def rounded(array: Any, rng: np.random.Generator) -> Any:
    """A float array off by up to two roundings an entry; others as they are."""
    return array * (1 + 2.3e-16 * rng.integers(-2, 3, array.shape)) if array.dtype.kind == "f" else array


def argument_names(f: Callable[..., Any], count: int, kind: type | None) -> list[str]:
    """The names that f gives its arguments, as far as it takes so many; else x, or x0, x1, …"""
    if kind is None or count == 1:
        return ["x"] * count
    positional = _positional(f)
    if kind is tuple and takes_each(f, count) and len(positional) >= count:
        return [p.name for p in positional[:count]]
    return [f"x{k}" for k in range(count)]


def _parameters(f: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a ufunc, a builtin
        return []


def _positional(f: Callable[..., Any]) -> list[inspect.Parameter]:
    return [p for p in _parameters(f) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def takes_each(f: Callable[..., Any], count: int) -> bool:
    """Whether `count` arrays go in one by one: f takes so many, with or without its defaults.

    One argument without a default and others with one, f(pair, scale=2.0), is taken for a function of all at once.
    """
    needed = required(f)
    return takes_count(f, count) or (needed != 1 and needed < count <= len(_positional(f)))


def takes_count(f: Callable[..., Any], count: int) -> bool:
    """Whether f has exactly `count` arguments by position that need a value, or takes any number."""
    return required(f) in (count, -1)


def required(f: Callable[..., Any]) -> int:
    """How many arguments by position f needs; -1 if it takes *args."""
    if any(p.kind is p.VAR_POSITIONAL for p in _parameters(f)):
        return -1
    return sum(p.default is p.empty for p in _positional(f))


def takes_names(f: Callable[..., Any], names: Sequence[Any]) -> bool:
    return set(names) <= {p.name for p in _parameters(f)}
