"""check_gradient, check_jacobian, check_hessian_product: a function and its hand-written derivative, any NumPy code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn._arguments import shown
from tinynn.errors import DtypeError, ShapeError
from tinynn.testing.diagnosis import diagnose
from tinynn.testing.evidence import Evidence
from tinynn.testing.points import Point, check_function, check_settings, drawn, rounded
from tinynn.testing.prober import Claim
from tinynn.testing.report import Report
from tinynn.testing.trees import CONTAINERS
from tinynn.testing.verdict import ELEMENTWISE, verify


def check_gradient(
    f: Callable[..., Any],
    gradient: Callable[..., Any],
    x: Any,
    *,
    tolerance: float = 1e-8,
    elementwise: int = ELEMENTWISE,
    rng: Any = 0,
) -> Report:
    """Is gradient(x) = ∂f/∂x? A Report if it is, a GradientError if not.

    Each entry must agree with differences of f to `tolerance` times its value plus what the differences
    themselves cannot resolve, which is measured. At a kink each number between the slopes from the left
    and from the right is right.

    Parameters: f, array(s) -> float; gradient, array(s) -> array(s) like x; x, a number, an array, or a
    tuple, list or dict of them, nested or not, in float64 (others are converted). A tuple goes in as f(*x)
    if f takes that many arguments, a dict as f(**x) if f takes these names; otherwise f(x). A dict's
    gradients may be spelled "dW" or the like. Integers beside other arguments that f takes as integers
    alone, such as labels and indices (with floats it raises an IndexError or a TypeError), stay integers:
    they are not differentiated, and their gradients may be anything or left out. Arrays of more than
    `elementwise` entries are checked in random blocks, drawn from rng.
    Raises: GradientError, also where f is not finite at x; ShapeError if f gives no single number.

    >>> check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, -2.0])).right
    True
    >>> check_gradient(lambda x: np.sum(x**3), lambda x: 6 * x**2, np.array([1.0]))
    Traceback (most recent call last):
    tinynn.testing.report.GradientError: <lambda>: wrong gradient
    ∂C/∂x[0]: the code says 6, differences say 3 ± ... (error 3.0e+00, tolerance ...; 1 of 1 entries wrong)
    likely cause: ∂C/∂x is the right one times the constant factor 2
    ...
    """
    tolerance = _check("check_gradient", {"f": f, "gradient": gradient}, tolerance, elementwise, rng)
    point = Point(f, x)
    given = point.call(f, point.arrays)
    if isinstance(given, (tuple, Mapping)) and len(given) > 1:
        raise ShapeError(
            f"check_gradient: expected a function of one number, {point.subject} gives {len(given)} results; if these "
            "are the value and the gradient, check_gradient(lambda x: f(x)[0], lambda x: f(x)[1], x)"
        )
    value = _finite(point, given)
    if value.size != 1:
        raise ShapeError(
            f"check_gradient: expected a function of one number, {point.subject} gives shape {value.shape}; "
            "check a function of arrays with check_jacobian(f, vjp, x)"
        )
    return _compared(point, f, lambda arrays, u: point.call(gradient, arrays), np.ones(()), tolerance, elementwise, rng)


def check_jacobian(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    x: Any,
    *,
    tolerance: float = 1e-8,
    elementwise: int = ELEMENTWISE,
    rng: Any = 0,
) -> Report:
    """Is vjp(x, u) = Jᵀ u, J the Jacobian matrix of f at x? u is drawn at random.

    Parameters: f, array(s) -> array; vjp, (array(s), array like f(x)) -> array(s) like x; x, as in
    check_gradient: vjp(*x, u) where f takes f(*x), and vjp(**x, u) by the name that u has there; rng, where
    u comes from.
    Raises: GradientError, also where f is not finite at x; ShapeError if f gives arrays of several shapes.

    >>> check_jacobian(np.tanh, lambda x, u: u * (1 - np.tanh(x) ** 2), np.array([0.3, -2.0])).right
    True
    """
    tolerance = _check("check_jacobian", {"f": f, "vjp": vjp}, tolerance, elementwise, rng)
    point = Point(f, x)
    upstream = drawn(rng).normal(size=_finite(point, point.call(f, point.arrays)).shape)
    return _compared(
        point, f, lambda arrays, u: point.call(vjp, arrays, u.copy()), upstream, tolerance, elementwise, rng
    )


def check_hessian_product(
    gradient: Callable[..., Any],
    product: Callable[..., Any],
    x: Any,
    *,
    tolerance: float = 1e-8,
    elementwise: int = ELEMENTWISE,
    rng: Any = 0,
) -> Report:
    """Is product(x, v) = H v, H the derivative of `gradient` at x? v is drawn at random.

    A Hessian is symmetric, so H v = Hᵀ v: a gradient that is none, because its derivative is not
    symmetric, fails as well.

    Parameters: gradient, array -> array like x; product, (array, array like x) -> array like x; the rest
    as in check_jacobian.

    >>> check_hessian_product(lambda x: x**3, lambda x, v: 3 * x**2 * v, np.array([1.0, -2.0])).right
    True
    """
    tolerance = _check("check_hessian_product", {"gradient": gradient, "product": product}, tolerance, elementwise, rng)
    return check_jacobian(gradient, product, x, tolerance=tolerance, elementwise=elementwise, rng=rng)


def _check(who: str, functions: dict[str, Any], tolerance: Any, elementwise: Any, rng: Any) -> float:
    for name, function in functions.items():
        check_function(who, name, function)
    return check_settings(who, tolerance, elementwise, rng)


def _finite(point: Point, given: Any) -> Any:
    """What f gives at the point, as an array of finite numbers."""
    if given is None:
        raise DtypeError(f"{point.subject} gives None; expected a number or an array: is its return missing?")
    try:
        value = np.asarray(None if isinstance(given, Mapping) else given)
    except ValueError:  # arrays of several shapes
        value = np.asarray(None)
    if value.dtype == object and isinstance(given, CONTAINERS):
        raise ShapeError(
            f"{point.subject} gives {len(given)} results, expected one array; check one of them, lambda x: f(x)[0], or "
            "all joined, np.concatenate([np.ravel(y) for y in f(x)])"
        )
    try:
        finite = np.isfinite(value.astype(np.float64) if value.dtype == object else value)
    except (TypeError, ValueError):
        raise DtypeError(f"{point.subject} gives {shown(given)}; expected a number or an array") from None
    if not finite.all():
        share = f"{int((~finite).sum())} of {finite.size} values"
        text = f"the function is not finite at this point ({share} inf or nan); choose another point"
        Report(point.subject).fail("not-finite", text)
    return value


def _compared(point: Point, f: Any, vjp: Any, upstream: Any, tolerance: float, elementwise: int, rng: Any) -> Report:
    report = Report(point.subject)
    generator = drawn(rng)
    claimed = point.listed(vjp(point.arrays, upstream))

    def at(k: int, value: Any) -> Any:
        return np.asarray(point.call(f, [*point.arrays[:k], value, *point.arrays[k + 1 :]]))

    places = {point.names[k]: k for k in point.free}
    for name, k in places.items():

        def output(changed: Any, k: int = k) -> Any:
            return at(k, changed).reshape(upstream.shape)

        def again(k: int = k) -> Any:
            return point.listed(vjp([rounded(array, generator) for array in point.arrays], upstream))[k]

        claim = Claim(name, point.arrays[k], output, upstream, claimed[k], again, analytic=True)
        report.arrays[name] = verify(claim, tolerance, elementwise, generator)
    values = {name: point.arrays[k] for name, k in places.items()}
    for array in report.wrong:

        def other(u: Any, k: int = places[array.name]) -> Any:
            return point.listed(vjp(point.arrays, u))[k]

        there = functools.partial(at, places[array.name])
        evidence = Evidence(report, array, upstream, there, other if upstream.ndim else None, values)
        report.causes.append(diagnose(evidence))
    return report.raise_if_wrong()
