"""check_gradient, check_jacobian, check_hessian_product: a function and its hand-written derivative, any NumPy code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn.errors import ShapeError
from tinynn.testing.diagnosis import diagnose
from tinynn.testing.evidence import Evidence
from tinynn.testing.points import Point, drawn, rounded
from tinynn.testing.prober import Claim
from tinynn.testing.report import Report
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
    tuple, list or dict of them, in float64 (others are converted). A tuple goes in as f(*x) if f takes
    that many arguments, a dict as f(**x) if f takes these names; otherwise f(x). Arrays of more than
    `elementwise` entries are checked in random blocks, drawn from rng.
    Raises: GradientError; ShapeError if f gives no single number.

    >>> check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, -2.0])).right
    True
    >>> check_gradient(lambda x: np.sum(x**3), lambda x: 6 * x**2, np.array([1.0]))
    Traceback (most recent call last):
    tinynn.testing.report.GradientError: <lambda>: wrong gradient
    ∂C/∂x[0]: the code says 6, differences say 3 ± ... (error 3.0e+00, tolerance ...; 1 of 1 entries wrong)
    likely cause: ∂C/∂x is the right one times the constant factor 2
    ...
    """
    point = Point(f, x)
    value = np.asarray(point.call(f, point.arrays))
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
    check_gradient: vjp(*x, u) where f takes f(*x); rng, where u comes from.
    Raises: GradientError; ShapeError if the product has another shape than x.

    >>> check_jacobian(np.tanh, lambda x, u: u * (1 - np.tanh(x) ** 2), np.array([0.3, -2.0])).right
    True
    """
    point = Point(f, x)
    upstream = drawn(rng).normal(size=np.shape(point.call(f, point.arrays)))
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
    return check_jacobian(gradient, product, x, tolerance=tolerance, elementwise=elementwise, rng=rng)


def _compared(point: Point, f: Any, vjp: Any, upstream: Any, tolerance: float, elementwise: int, rng: Any) -> Report:
    report = Report(point.subject)
    generator = drawn(rng)
    claimed = point.listed(vjp(point.arrays, upstream))
    for k, name in enumerate(point.names):

        def output(changed: Any, k: int = k) -> Any:
            value = point.call(f, [*point.arrays[:k], changed, *point.arrays[k + 1 :]])
            return np.asarray(value).reshape(upstream.shape)

        def again(k: int = k) -> Any:
            return point.listed(vjp([rounded(array, generator) for array in point.arrays], upstream))[k]

        claim = Claim(name, point.arrays[k], output, upstream, claimed[k], again, analytic=True)
        report.arrays[name] = verify(claim, tolerance, elementwise, generator)
    for array in report.wrong:

        def at(value: Any, name: str = array.name) -> Any:
            k = point.names.index(name)
            return np.asarray(point.call(f, [*point.arrays[:k], value, *point.arrays[k + 1 :]]))

        def other(u: Any, name: str = array.name) -> Any:
            return point.listed(vjp(point.arrays, u))[point.names.index(name)]

        values = dict(zip(point.names, point.arrays, strict=True))
        evidence = Evidence(report, array, upstream, at, other if upstream.ndim else None, values)
        report.causes.append(diagnose(evidence))
    return report.raise_if_wrong()
