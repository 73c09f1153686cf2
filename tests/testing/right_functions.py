"""Right but tricky gradients, Jacobian products and Hessian products of functions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from testing.right import Array, Right, collector, near, relu, scales, sigmoid, signs, softmax, softmax_vjp

from tinynn.testing import check_gradient, check_hessian_product, check_jacobian

FUNCTIONS: list[Right] = []
right = collector(FUNCTIONS)


def total(f: Callable[..., Array]) -> Callable[..., float]:
    return lambda x: np.sum(f(x))


# ---- kinks: any slope between the two sides' is right -------------------------------------------
@right("ReLU at and near 0, with a slope of 0, 1/2 or 1 there")
def _(rng):
    slope = rng.choice([0.0, 0.5, 1.0])
    check_gradient(total(relu), lambda x: np.where(x == 0, slope, x > 0), near(rng, 0.0))


@right("leaky ReLU at and near 0")
def _(rng):
    check_gradient(total(lambda x: np.where(x > 0, x, 0.01 * x)), lambda x: np.where(x > 0, 1, 0.01), near(rng, 0.0))


@right("absolute value at and near 0")
def _(rng):
    check_gradient(total(np.abs), np.sign, near(rng, 0.0))


@right("L1 norm at the origin")
def _(rng):
    check_gradient(total(np.abs), np.sign, np.zeros((2, int(rng.integers(1, 5)))))


@right("clip and hard tanh at their corners")
def _(rng):
    check_gradient(total(lambda x: np.clip(x, -1, 1)), lambda x: 1.0 * (abs(x) < 1), near(rng, -1.0, 0.0, 1.0))


@right("hard sigmoid at its corners")
def _(rng):
    def slope(x):
        return ((x > -3) & (x < 3)) / 6

    check_gradient(total(lambda x: np.clip(x / 6 + 0.5, 0, 1)), slope, near(rng, -3.0, 3.0))


@right("hinge at its corner")
def _(rng):
    check_gradient(total(lambda x: relu(1 - x)), lambda x: -1.0 * (x <= 1), near(rng, 1.0))


@right("Huber where its pieces meet")
def _(rng):
    def huber(x):
        return np.where(abs(x) <= 1, x**2 / 2, abs(x) - 0.5)

    check_gradient(total(huber), lambda x: np.clip(x, -1, 1), near(rng, -1.0, 0.0, 1.0))


@right("x |x| and the square of ReLU at 0")
def _(rng):
    check_jacobian(lambda x: x * abs(x), lambda x, u: 2 * abs(x) * u, near(rng, 0.0), rng=rng)
    check_jacobian(lambda x: relu(x) ** 2, lambda x, u: 2 * relu(x) * u, near(rng, 0.0), rng=rng)


@right("maximum, ties: the first wins")
def _(rng):
    check_gradient(np.max, lambda x: np.eye(8)[x.argmax()], near(rng, 2.0, 1.0))


@right("maximum, ties: split evenly")
def _(rng):
    check_gradient(np.max, lambda x: (x == x.max()) / np.sum(x == x.max()), rng.choice([1.0, 2.0], 6))


@right("maximum, ties: each of them")
def _(rng):
    check_gradient(np.max, lambda x: 1.0 * (x == x.max()), rng.choice([1.0, 2.0], 6))


@right("maximum and minimum of two arrays, equal in places")
def _(rng):
    a, b = rng.choice([1.0, 2.0], (2, 3, 2))
    check_gradient(lambda a, b: np.sum(np.maximum(a, b)), lambda a, b: (1.0 * (a >= b), 1.0 * (a < b)), (a, b))
    check_gradient(lambda a, b: np.sum(np.minimum(a, b)), lambda a, b: (1.0 * (a < b), 1.0 * (a >= b)), (a, b))


@right("median of an odd and of an even number, two of them equal")
def _(rng):
    def gradient(x):
        n, rank = len(x), np.argsort(np.argsort(x, kind="stable"), kind="stable")
        return ((rank == (n - 1) // 2) + 1.0 * (rank == n // 2)) / 2

    check_gradient(np.median, gradient, rng.permutation([-2.0, 0.3, 0.3, 5.0, 1.1]))
    check_gradient(np.median, gradient, rng.permutation([-2.0, 0.3, 0.3, 5.0]))


@right("sum of the two largest, ties")
def _(rng):
    def gradient(x):
        return 1.0 * (np.argsort(np.argsort(x, kind="stable"), kind="stable") >= len(x) - 2)

    check_gradient(lambda x: np.sort(x)[-2:].sum(), gradient, rng.choice([1.0, 2.0, 3.0], 6))


@right("sort, two equal")
def _(rng):
    def vjp(x, u):
        gradient = np.empty_like(x)
        gradient[np.argsort(x, kind="stable")] = u
        return gradient

    check_jacobian(np.sort, vjp, rng.permutation([1.0, 1.0, -3.0, 2.0, 2.5]), rng=rng)


@right("CReLU at 0: a slope between the sides for each output")
def _(rng):
    def vjp(x, u):
        return u[:8] * (x > 0) - u[8:] * (x < 0)

    check_jacobian(lambda x: np.concatenate([relu(x), relu(-x)]), vjp, near(rng, 0.0), rng=rng)


@right("forty kinks of both signs, more entries than are looked at one by one")
def _(rng):
    s = signs(rng, 40)
    check_gradient(
        lambda x: np.sum(s * relu(x) + x**2), lambda x: s * (x >= 0) + 2 * x, near(rng, 0.0, shape=40), elementwise=8
    )


@right("a ReLU unit that is dead for every row, at exactly 0")
def _(rng):
    x = rng.normal(size=(4, 3))

    def gradient(w):
        return x.T @ (x @ w > 0)

    check_gradient(lambda w: np.sum(relu(x @ w)), gradient, np.zeros((3, 2)) if rng.random() < 0.1 else -x[:1].T)


@right("total variation where neighbours are equal")
def _(rng):
    def gradient(x):
        s = np.sign(np.diff(x))
        return np.concatenate([[0.0], s]) - np.concatenate([s, [0.0]])

    check_jacobian(
        lambda x: abs(np.diff(x)),
        lambda x, u: np.diff(-np.pad(u * np.sign(np.diff(x)), 1)),
        np.array([1.0, 1, 2, 2, 0]),
        rng=rng,
    )
    check_gradient(lambda x: abs(np.diff(x)).sum(), gradient, rng.permutation(5) + 0.5)


# ---- discontinuities and pieces in the neighbourhood --------------------------------------------
@right("a saw tooth, near its jumps")
def _(rng):
    x = rng.integers(-3, 4, 6) + rng.choice([1e-6, 1e-4, 0.3, -1e-6, -1e-4, -0.3], 6)
    check_gradient(total(lambda x: x - np.floor(x)), np.ones_like, x)


@right("a step function away from its steps")
def _(rng):
    x = rng.integers(-3, 4, 6) + rng.choice([1e-6, 1e-3, 0.3, -1e-3], 6)
    check_gradient(total(np.floor), np.zeros_like, x)


@right("cubic B-spline at its knots")
def _(rng):
    def spline(x):
        a = abs(x)
        return np.where(a < 1, 2 / 3 - a**2 + a**3 / 2, np.where(a < 2, (2 - a) ** 3 / 6, 0))

    def slope(x):
        a = abs(x)
        return np.sign(x) * np.where(a < 1, -2 * a + 1.5 * a**2, np.where(a < 2, -((2 - a) ** 2) / 2, 0))

    check_gradient(total(spline), slope, rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0], 8) + rng.choice([0.0, 1e-13, 0.37], 8))


@right("linear interpolation in a table, at and between its knots")
def _(rng):
    knots, heights = np.arange(6.0), rng.normal(size=6)

    def slope(x):
        return np.diff(heights)[np.clip(np.floor(x).astype(int), 0, 4)]

    check_gradient(total(lambda x: np.interp(x, knots, heights)), slope, near(rng, 1.0, 2.0, 3.0))


@right("ELU and SELU-like pieces: one joins smoothly, one has a kink")
def _(rng):
    scale = rng.choice([1.0, 1.7])

    def elu(x):
        return np.where(x > 0, x, scale * np.expm1(np.minimum(x, 0)))

    check_gradient(total(elu), lambda x: np.where(x > 0, 1, scale * np.exp(np.minimum(x, 0))), near(rng, 0.0, -4.0))


@right("sinc and sinh(x)/x-like quotients at the hole at 0")
def _(rng):
    def value(x):
        return np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x))

    def slope(x):
        safe = np.where(abs(x) < 1e-2, 1.0, x)
        series = -x / 3 + x**3 / 30 - x**5 / 840
        return np.where(abs(x) < 1e-2, series, np.cos(safe) / safe - np.sin(safe) / safe**2)

    check_gradient(total(value), slope, near(rng, 0.0, 3.0))


# ---- scales and noise ---------------------------------------------------------------------------
@right("inputs near 1e-9")
def _(rng):
    check_gradient(total(np.sin), np.cos, 1e-9 * rng.normal(size=6))
    check_gradient(total(np.square), lambda x: 2 * x, 1e-9 * rng.normal(size=6))


@right("inputs near 1e12")
def _(rng):
    check_gradient(total(np.square), lambda x: 2 * x, 1e12 * rng.normal(size=6))
    check_gradient(total(np.sqrt), lambda x: 0.5 / np.sqrt(x), 1e12 * rng.uniform(0.1, 9, 6))


@right("inputs of all scales in one array")
def _(rng):
    x = signs(rng) * scales(rng, -9, 9)
    check_gradient(total(np.square), lambda x: 2 * x, x)
    check_jacobian(lambda x: x**3, lambda x, u: 3 * x**2 * u, x, rng=rng)


@right("derivatives near 1e-9")
def _(rng):
    check_gradient(lambda x: 1e-9 * np.sum(np.sin(x)), lambda x: 1e-9 * np.cos(x), rng.normal(size=6))


@right("derivatives near 1e12")
def _(rng):
    check_gradient(lambda x: 1e12 * np.sum(np.sin(x)), lambda x: 1e12 * np.cos(x), rng.normal(size=6))


@right("derivatives of all scales in one array")
def _(rng):
    c = scales(rng, -9, 9)
    check_gradient(lambda x: np.sum(c * np.sin(x)), lambda x: c * np.cos(x), rng.normal(size=6))
    check_jacobian(lambda x: c * np.sin(x), lambda x, u: u * c * np.cos(x), rng.normal(size=6), rng=rng)


@right("1 + 1e-12 sin x")
def _(rng):
    check_gradient(lambda x: 1 + 1e-12 * np.sum(np.sin(x)), lambda x: 1e-12 * np.cos(x), rng.normal(size=6))


@right("(1e8 + x) - 1e8, all of it noise")
def _(rng):
    check_gradient(lambda x: np.sum((1e8 + x) - 1e8), np.ones_like, rng.normal(size=6))
    check_jacobian(lambda x: (1e8 + x) - 1e8, lambda x, u: u, rng.normal(size=6), rng=rng)


@right("a variance as the difference of two large numbers")
def _(rng):
    x = 1e4 + rng.normal(size=6)
    check_gradient(lambda x: np.mean(x**2) - np.mean(x) ** 2, lambda x: 2 * (x - x.mean()) / x.size, x)


@right("the second power through logarithms: noisy digits")
def _(rng):
    check_gradient(total(lambda x: np.exp(2 * np.log(x))), lambda x: 2 * x, scales(rng, -3, 5))


@right("the mean over 1,000 fixed random numbers")
def _(rng):
    seed = int(rng.integers(1000))

    def f(x):
        return np.mean(np.tanh(x + np.random.default_rng(seed).normal(size=1000)))

    def gradient(x):
        return np.mean(1 - np.tanh(x + np.random.default_rng(seed).normal(size=1000)) ** 2)

    check_gradient(f, gradient, float(rng.normal()))


# ---- steep, oscillating, flat -------------------------------------------------------------------
@right("tanh(1e4 x)")
def _(rng):
    x = signs(rng) * scales(rng, -6, -3)
    check_gradient(total(lambda x: np.tanh(1e4 * x)), lambda x: 1e4 * (1 - np.tanh(1e4 * x) ** 2), x)


@right("exp(300 x)")
def _(rng):
    check_gradient(total(lambda x: np.exp(300 * x)), lambda x: 300 * np.exp(300 * x), rng.uniform(-1, 1, 4))
    check_jacobian(lambda x: np.exp(300 * x), lambda x, u: 300 * u * np.exp(300 * x), rng.uniform(-1, 1, 4), rng=rng)


@right("sin(1e6 x)")
def _(rng):
    check_gradient(total(lambda x: np.sin(1e6 * x)), lambda x: 1e6 * np.cos(1e6 * x), rng.uniform(-1, 1, 4))


@right("sin(1/x)")
def _(rng):
    x = signs(rng) * scales(rng, -3, 0)
    check_gradient(total(lambda x: np.sin(1 / x)), lambda x: -np.cos(1 / x) / x**2, x)


@right("a slow wave with a fast ripple")
def _(rng):
    check_gradient(
        total(lambda x: np.sin(x) + 1e-3 * np.sin(1000 * x)), lambda x: np.cos(x) + np.cos(1000 * x), rng.normal(size=6)
    )


@right("x² sin(1/x) near 0")
def _(rng):
    x = signs(rng) * scales(rng, -4, 0)
    check_gradient(total(lambda x: x**2 * np.sin(1 / x)), lambda x: 2 * x * np.sin(1 / x) - np.cos(1 / x), x)


@right("exp(-1e4 x²): flat but for a peak")
def _(rng):
    x = signs(rng) * scales(rng, -5, 0)
    check_gradient(total(lambda x: np.exp(-1e4 * x**2)), lambda x: -2e4 * x * np.exp(-1e4 * x**2), x)


@right("saturated sigmoid and tanh, the slope by cancellation")
def _(rng):
    x = signs(rng) * rng.choice([5.0, 9.0, 15.0, 19.0, 25.0, 40.0, 400.0], 6)
    check_jacobian(np.tanh, lambda x, u: u * (1 - np.tanh(x) ** 2), x, rng=rng)
    check_gradient(total(sigmoid), lambda x: sigmoid(x) * (1 - sigmoid(x)), x)


@right("a dead ReLU, a constant, an input that nothing depends on")
def _(rng):
    check_gradient(total(relu), np.zeros_like, -rng.uniform(0.1, 9, 5))
    check_gradient(lambda x: 3.0, np.zeros_like, rng.normal(size=5))
    check_gradient(lambda a, b: np.sum(a**2), lambda a, b: (2 * a, np.zeros_like(b)), (rng.normal(size=3), np.ones(2)))


@right("the 30th power and the Chebyshev polynomial T₂₀ near the ends of its interval")
def _(rng):
    chebyshev = np.polynomial.chebyshev.Chebyshev.basis(20)
    check_gradient(total(chebyshev), chebyshev.deriv(), rng.uniform(-1, 1, 4))
    check_gradient(total(lambda x: x**30), lambda x: 30 * x**29, rng.uniform(-2, 2, 4))


@right("a flat minimum: the fourth and tenth powers at and near 0")
def _(rng):
    check_gradient(total(lambda x: x**4), lambda x: 4 * x**3, near(rng, 0.0))
    check_gradient(total(lambda x: x**10), lambda x: 10 * x**9, near(rng, 0.0))


@right("Rosenbrock's function far from and in its valley")
def _(rng):
    def f(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    def gradient(x):
        return np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])

    a = float(rng.normal())
    check_gradient(f, gradient, [a, a * a])
    check_gradient(f, gradient, [1.0, 1.0])
    check_gradient(f, gradient, 30 * rng.normal(size=2))


# ---- edges of domains ---------------------------------------------------------------------------
@right("logarithm from 1e-9 on")
def _(rng):
    check_gradient(total(np.log), lambda x: 1 / x, scales(rng, -9, 1))


@right("square root from 1e-12 on")
def _(rng):
    check_gradient(total(np.sqrt), lambda x: 0.5 / np.sqrt(x), scales(rng, -12, 1))


@right("x**1.5 at exactly 0: a derivative from one side")
def _(rng):
    check_gradient(total(lambda x: x**1.5), lambda x: 1.5 * np.sqrt(x), rng.choice([0.0, 1e-9, 1e-3, 0.25, 2.0], 5))


@right("x log x from 1e-9 on")
def _(rng):
    check_gradient(total(lambda x: x * np.log(x)), lambda x: np.log(x) + 1, scales(rng, -9, 1))


@right("arcsin and arccosh near the ends of their domains")
def _(rng):
    check_gradient(total(np.arcsin), lambda x: 1 / np.sqrt((1 - x) * (1 + x)), signs(rng) * (1 - scales(rng, -9, -1)))
    check_gradient(total(np.arccosh), lambda x: 1 / np.sqrt((x - 1) * (x + 1)), 1 + scales(rng, -9, 1))


@right("1/x from 1e-6 on")
def _(rng):
    check_gradient(total(lambda x: 1 / x), lambda x: -1 / x**2, signs(rng) * scales(rng, -6, 1))


@right("functions of a number that raise outside of their domain")
def _(rng):
    x = float(scales(rng, -9, 1, None))
    check_gradient(math.log, lambda x: 1 / x, x)
    check_gradient(math.sqrt, lambda x: 0.5 / math.sqrt(x), x)
    check_gradient(lambda x: math.exp(x * x), lambda x: 2 * x * math.exp(x * x), rng.uniform(-20, 20))


@right("entropy, one probability at exactly 0 where the code guards it")
def _(rng):
    def f(p):
        return np.sum(np.where(p > 0, p * p * np.log(np.where(p > 0, p, 1)), 0))

    def gradient(p):
        return np.where(p > 0, 2 * p * np.log(np.where(p > 0, p, 1)) + p, 0)

    check_gradient(f, gradient, rng.choice([0.0, 1e-6, 0.5, 1.0], 5))


# ---- exponentials, stable -----------------------------------------------------------------------
@right("logsumexp of large numbers")
def _(rng):
    def logsumexp(x):
        return np.log(np.exp(x - x.max()).sum()) + x.max()

    check_gradient(logsumexp, softmax, rng.choice([1e3, 1e6]) + rng.normal(size=5))
    check_gradient(logsumexp, softmax, 1e3 * rng.normal(size=5))


@right("softmax at ±1e3 and at ties")
def _(rng):
    x = rng.choice([-1e3, 0.0, 1e3, 999.0], (2, 4))
    check_jacobian(softmax, lambda x, u: softmax_vjp(softmax(x), u), x, rng=rng)


@right("log-softmax at ±1e3")
def _(rng):
    def log_softmax(x):
        shifted = x - x.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def vjp(x, u):
        return u - softmax(x) * u.sum(axis=1, keepdims=True)

    check_jacobian(log_softmax, vjp, rng.choice([1.0, 30.0, 1e3]) * rng.normal(size=(2, 4)), rng=rng)


@right("softplus and log-sigmoid at ±1e3")
def _(rng):
    x = rng.choice([-1e3, -40.0, -1.0, 0.0, 1e-9, 2.0, 40.0, 1e3], 6)
    check_gradient(total(lambda x: np.logaddexp(0, x)), sigmoid, x)
    check_gradient(total(lambda x: -np.logaddexp(0, -x)), lambda x: sigmoid(-x), x)


# ---- linear algebra -----------------------------------------------------------------------------
@right("solution of linear equations")
def _(rng):
    c = rng.normal(size=3)

    def gradient(a, b):
        adjoint = np.linalg.solve(a.T, c)
        return -np.outer(adjoint, np.linalg.solve(a, b)), adjoint

    a = rng.normal(size=(3, 3)) + 5 * np.eye(3)
    check_gradient(lambda a, b: c @ np.linalg.solve(a, b), gradient, (a, rng.normal(size=3)))


@right("inverse of a matrix")
def _(rng):
    def vjp(a, u):
        inverse = np.linalg.inv(a)
        return -inverse.T @ u @ inverse.T

    check_jacobian(np.linalg.inv, vjp, rng.normal(size=(3, 3)) + 5 * np.eye(3), rng=rng)


@right("determinant and its logarithm")
def _(rng):
    a = rng.normal(size=(3, 3)) + 4 * np.eye(3)
    check_gradient(np.linalg.det, lambda a: np.linalg.det(a) * np.linalg.inv(a).T, a)
    check_gradient(lambda a: np.linalg.slogdet(a)[1], lambda a: np.linalg.inv(a).T, a)


@right("Cholesky factor, which exists for positive matrices only")
def _(rng):
    def vjp(b, u):
        factor = np.linalg.cholesky(b @ b.T + np.eye(3))
        lower = np.tril(factor.T @ np.tril(u))
        lower -= np.diag(np.diag(lower)) / 2
        half = np.linalg.solve(factor.T, np.linalg.solve(factor.T, lower.T).T)
        return (half + half.T) @ b

    check_jacobian(lambda b: np.linalg.cholesky(b @ b.T + np.eye(3)), vjp, rng.normal(size=(3, 3)), rng=rng)


@right("logarithm of a determinant by Cholesky, at the edge of positive matrices")
def _(rng):
    a = np.diag(scales(rng, -6, 0, 3))
    check_gradient(
        lambda a: 2 * np.log(np.diag(np.linalg.cholesky((a + a.T) / 2))).sum(),
        lambda a: np.linalg.inv((a + a.T) / 2),
        a,
    )


@right("eigenvalues of a symmetric matrix")
def _(rng):
    def vjp(b, u):
        vectors = np.linalg.eigh(b + b.T)[1]
        return 2 * (vectors * u) @ vectors.T

    check_jacobian(lambda b: np.linalg.eigvalsh(b + b.T), vjp, rng.normal(size=(3, 3)), rng=rng)


@right("nuclear norm: the sum of the singular values")
def _(rng):
    def gradient(a):
        left, _, right = np.linalg.svd(a, full_matrices=False)
        return left @ right

    check_gradient(lambda a: np.linalg.svd(a, compute_uv=False).sum(), gradient, rng.normal(size=(4, 2)))


@right("norm away from 0, its square at 0")
def _(rng):
    check_gradient(np.linalg.norm, lambda x: x / np.linalg.norm(x), scales(rng, -6, -5, None) * rng.normal(size=4))
    check_gradient(lambda x: x @ x, lambda x: 2 * x, np.zeros(4))


@right("a fixed point z = tanh(W z + x), differentiated implicitly")
def _(rng):
    w = rng.normal(size=(3, 3))
    w *= 0.5 / np.linalg.norm(w, 2)

    def solve(x):
        z = np.zeros(3)
        for _ in range(60):
            z = np.tanh(w @ z + x)
        return z

    def vjp(x, u):
        slope = 1 - solve(x) ** 2
        return slope * np.linalg.solve(np.eye(3) - w.T * slope, u)

    check_jacobian(solve, vjp, rng.normal(size=3), rng=rng)


@right("a fixed point iterated until it stands still: the count of iterations jumps")
def _(rng):
    def f(x):
        root, before = 1.0 + x, np.inf
        while abs(root - before) > 1e-14 * root:
            root, before = (root + x / root) / 2, root
        return root

    x = float(scales(rng, -2, 2, None))
    check_gradient(f, lambda x: 0.5 / math.sqrt(x), x)


# ---- complex numbers inside ---------------------------------------------------------------------
@right("power spectrum")
def _(rng):
    def vjp(x, u):
        return 2 * len(x) * np.fft.ifft(u * np.fft.fft(x)).real

    check_jacobian(lambda x: abs(np.fft.fft(x)) ** 2, vjp, rng.normal(size=7), rng=rng)


@right("modulus and phase of a complex product")
def _(rng):
    c = rng.normal(size=5) + 1j * rng.normal(size=5)

    def gradient(x):
        z = c @ x
        return (c * np.conj(z)).real / abs(z) + (c / z).imag

    x = rng.normal(size=5)
    x *= np.sign((c @ x).real)  # on the side where the phase has no jump
    check_gradient(lambda x: abs(c @ x) + np.angle(c @ x), gradient, x)


# ---- how arguments come -------------------------------------------------------------------------
@right("numbers and 0-d arrays")
def _(rng):
    x = rng.normal()
    check_gradient(math.sin, math.cos, x)
    check_gradient(np.sin, np.cos, np.array(x))
    check_gradient(lambda x: np.array([x**3]), lambda x: 3 * x**2, np.float64(x))
    check_gradient(lambda x: x * x, lambda x: 2 * x, int(rng.integers(-5, 5)))


@right("integers and lists of numbers")
def _(rng):
    check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, rng.integers(-5, 6, 4))
    check_gradient(lambda x: np.sum(np.square(x)), lambda x: 2 * np.asarray(x), [1, 2.5, -3])


@right("Fortran's order, strides, a read-only array, a broadcast one")
def _(rng):
    x = rng.normal(size=(4, 6))
    frozen = x.copy()
    frozen.flags.writeable = False
    w = rng.normal(size=24)
    f, gradient = (lambda x: w[: x.size] @ np.sin(x).ravel()), (lambda x: w[: x.size].reshape(x.shape) * np.cos(x))
    for array in (np.asfortranarray(x), x.T, x[::2, ::-3], frozen, np.broadcast_to(x[0], (3, 6))):
        check_gradient(f, gradient, array)


@right("empty arrays")
def _(rng):
    check_gradient(np.sum, np.ones_like, np.empty((0, 3)))
    check_gradient(lambda a, b: a @ a, lambda a, b: (2 * a, np.zeros(0)), (rng.normal(size=3), np.empty(0)))


@right("tuples, lists and dicts of arrays, spread out or not")
def _(rng):
    a, b = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
    ones = np.ones((3, 4))
    check_gradient(lambda a, b: np.sum(a @ b), lambda a, b: (ones @ b.T, a.T @ ones), (a, b))
    check_gradient(lambda p: np.sum(p[0] @ p[1]), lambda p: (ones @ p[1].T, p[0].T @ ones), (a, b))
    check_gradient(lambda p: np.sum(p[0] @ p[1]), lambda p: [ones @ p[1].T, p[0].T @ ones], [a, b])
    check_gradient(lambda b, a: np.sum(a @ b), lambda b, a: {"a": ones @ b.T, "b": a.T @ ones}, {"a": a, "b": b})
    check_gradient(
        lambda p: np.sum(p["a"] @ p["b"]), lambda p: {"b": p["a"].T @ ones, "a": ones @ p["b"].T}, {"a": a, "b": b}
    )


@right("arguments with defaults, partial functions and methods")
def _(rng):
    class Line:
        slope = rng.normal(size=4)

        def value(self, x):
            return self.slope @ x

        def __call__(self, x, power=2):
            return np.sum(x**power)

    line = Line()
    check_gradient(line.value, lambda x: line.slope, rng.normal(size=4))
    check_gradient(line, lambda x: 2 * x, rng.normal(size=4))
    check_gradient(functools.partial(line, power=3), lambda x: 3 * x**2, rng.normal(size=4))
    check_gradient(lambda a, b, c=2.0: c * a * b, lambda a, b, c=2.0: (c * b, c * a), (rng.normal(), rng.normal()))


@right("a function that keeps its results, and a gradient that reads what the function left")
def _(rng):
    left = {}

    def f(x):
        left["y"] = y = np.tanh(x)
        return np.sum(y)

    def gradient(x):
        f(x)
        return 1 - left["y"] ** 2

    check_gradient(f, gradient, rng.normal(size=5))


@right("a Jacobian product of a function with another shape")
def _(rng):
    w = rng.normal(size=(2, 3, 4))
    check_jacobian(
        lambda x: np.einsum("abc,c->ab", w, x), lambda x, u: np.einsum("abc,ab->c", w, u), rng.normal(size=4), rng=rng
    )
    check_jacobian(lambda x: x.sum(), lambda x, u: np.full_like(x, u), rng.normal(size=(2, 2)), rng=rng)


# ---- second derivatives -------------------------------------------------------------------------
@right("Hessian product of logistic regression")
def _(rng):
    x = rng.normal(size=(6, 3))

    def product(w, v):
        s = sigmoid(x @ w)
        return x.T @ (s * (1 - s) * (x @ v))

    check_hessian_product(lambda w: x.T @ sigmoid(x @ w), product, 3 * rng.normal(size=3))


@right("Hessian product of Rosenbrock's function")
def _(rng):
    def gradient(x):
        return np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])

    def product(x, v):
        hessian = np.array([[2 - 400 * (x[1] - 3 * x[0] ** 2), -400 * x[0]], [-400 * x[0], 200]])
        return hessian @ v

    check_hessian_product(gradient, product, rng.normal(size=2))


@right("Hessian product of a square of ReLU, whose gradient has a kink at 0")
def _(rng):
    check_hessian_product(lambda x: 2 * relu(x), lambda x, v: 2 * (x > 0) * v, near(rng, 0.0))
