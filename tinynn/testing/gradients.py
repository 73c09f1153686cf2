"""check_gradient and check_jacobian: a function and its hand-written derivative, any NumPy code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.testing.report import ArrayReport, GradientError, Report
from tinynn.testing.verdict import Claim, verify


def check_gradient(f: Callable[..., Any], gradient: Callable[..., Any], x: Any, *, tolerance: float = 1e-8) -> Report:
    """Is gradient(x) = ∂f/∂x? A Report if it is, a GradientError if not.

    Each entry must agree with differences of f to `tolerance` times its value plus what the differences
    themselves cannot resolve, which is measured. At a kink each number between the slopes from the left
    and from the right is right.

    Parameters: f, array(s) -> float; gradient, array(s) -> array(s) like x; x, a number, an array, or a
    tuple, list or dict of them, in float64 (others are converted). A tuple goes in as f(*x) if f takes
    that many arguments, a dict as f(**x) if f takes these names; otherwise f(x).
    Raises: GradientError; ShapeError if f gives no single number, or the gradient another shape than x.

    >>> check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, -2.0])).right
    True
    >>> check_gradient(lambda x: np.sum(x**3), lambda x: 2 * x**2, np.array([1.0]))
    Traceback (most recent call last):
    tinynn.testing.report.GradientError: <lambda>: wrong gradient
    ∂C/∂x[0]: the code says 2, differences say 3 ± ... (error 1.0e+00; 1 of 1 entries wrong)
    ...
    """
    point = _Point(f, x)
    value = np.asarray(point.call(f, point.arrays))
    if value.size != 1:
        raise ShapeError(
            f"check_gradient: expected a function of one number, {point.subject} gives shape {value.shape}; "
            "check a function of arrays with check_jacobian(f, vjp, x)"
        )
    claimed = point.listed(point.call(gradient, point.arrays))
    return point.compared(f, claimed, np.ones(()), tolerance)


def check_jacobian(
    f: Callable[..., Any], vjp: Callable[..., Any], x: Any, *, tolerance: float = 1e-8, rng: Any = 0
) -> Report:
    """Is vjp(x, u) = Jᵀ u, J the Jacobian matrix of f at x? u is drawn at random.

    Parameters: f, array -> array; vjp, (array, array like f(x)) -> array like x; rng, where u comes from.
    Raises: GradientError; ShapeError if the product has another shape than x.

    >>> check_jacobian(np.tanh, lambda x, u: u * (1 - np.tanh(x) ** 2), np.array([0.3, -2.0])).right
    True
    """
    point = _Point(f, (x,))
    upstream = np.random.default_rng(rng).normal(size=np.shape(f(point.arrays[0].copy())))
    claimed = point.listed((vjp(point.arrays[0].copy(), upstream.copy()),))
    return point.compared(f, claimed, upstream, tolerance)


class _Point:
    """Where a function is checked: its arguments as a list of float64 arrays, and how to pass them."""

    def __init__(self, f: Callable[..., Any], x: Any) -> None:
        self.subject = getattr(f, "__name__", type(f).__name__)
        if isinstance(x, list) and all(np.ndim(item) == 0 for item in x):
            x = np.array(x)  # a vector in Python's spelling
        self.kind = type(x) if isinstance(x, (tuple, list, dict)) else None
        self.names = list(x) if isinstance(x, dict) else [f"x{k}" for k in range(len(x))] if self.kind else ["x"]
        if self.kind and len(self.names) == 1 and not isinstance(x, dict):
            self.names = ["x"]
        values = list(x.values()) if isinstance(x, dict) else list(x) if self.kind else [x]
        self.arrays = [_as_float64(name, value) for name, value in zip(self.names, values, strict=True)]

    def call(self, f: Callable[..., Any], arrays: Sequence[Any]) -> Any:
        """f at copies of the arrays, passed as the user passes them."""
        copies = [array.copy() if array.ndim else array[()] for array in arrays]
        if self.kind is None:
            return f(copies[0])
        if self.kind is dict:
            named = dict(zip(self.names, copies, strict=True))
            return f(**named) if _takes_names(f, self.names) else f(named)
        return f(*copies) if _takes_count(f, len(copies)) else f(self.kind(copies))

    def listed(self, gradient: Any) -> list[Any]:
        """The gradients as float64 arrays, one per argument, of its shape."""
        if self.kind is dict:
            gradient = [gradient[name] for name in self.names]
        found = list(gradient) if self.kind is not None else [gradient]
        if len(found) != len(self.arrays):
            raise ShapeError(f"{self.subject}: expected {len(self.arrays)} gradients, got {len(found)}")
        listed = []
        for name, array, grad in zip(self.names, self.arrays, found, strict=True):
            grad = np.array(grad)
            if grad.shape != array.shape:
                raise GradientError(
                    f"{self.subject}: ∂C/∂{name} has shape {grad.shape}, {name} has {array.shape}",
                    Report(self.subject, {name: ArrayReport(name, array.shape)}),
                )
            listed.append(grad.astype(np.float64))
        return listed

    def compared(self, f: Callable[..., Any], claimed: list[Any], upstream: Any, tolerance: float) -> Report:
        report = Report(self.subject)
        for k, name in enumerate(self.names):

            def output(changed: Any, k: int = k) -> Any:
                value = self.call(f, [*self.arrays[:k], changed, *self.arrays[k + 1 :]])
                return np.asarray(value).reshape(upstream.shape)

            report.arrays[name] = verify(Claim(name, self.arrays[k], output, upstream, claimed[k]), tolerance)
        return report.raise_if_wrong()


def _as_float64(name: str, value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise DtypeError(f"check_gradient: expected {name} of real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InvalidValueError(f"check_gradient: {name} holds values that are not finite; choose another point")
    return array


def _parameters(f: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a ufunc, a builtin
        return []


def _takes_count(f: Callable[..., Any], count: int) -> bool:
    """Whether f has exactly `count` arguments by position that need a value."""
    positional = [p for p in _parameters(f) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.default is p.empty for p in positional) == count


def _takes_names(f: Callable[..., Any], names: list[str]) -> bool:
    return set(names) <= {p.name for p in _parameters(f)}
