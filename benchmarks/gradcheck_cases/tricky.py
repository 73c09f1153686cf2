"""Right, but hard on differences: noise, all sizes, steep and flat functions, edges of domains."""

import numpy as np

from gradcheck_cases.case import Case, normal, pointwise


def relu(x):
    return np.maximum(x, 0)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# ---- sizes and noise -------------------------------------------------------------------------------------
ALL_SIZES = 10.0 ** np.array([-9.0, -6, -3, 0, 3, 6])
SEVENTH = np.array([1.0, -7, 21, -35, 35, -21, 7, -1])


def spread_vjp(x, u):
    return (u * 2 * (x - x.mean()) / x.size,)


SIZES = [
    pointwise("1e6 sin x", "scale", lambda x: 1e6 * np.sin(x), lambda x: 1e6 * np.cos(x), normal(6)),
    pointwise(
        "c sin x, c from 1e-9 to 1e6",
        "scale",
        lambda x: ALL_SIZES * np.sin(x),
        lambda x: ALL_SIZES * np.cos(x),
        normal(6),
    ),
    pointwise("1 + 1e-12 sin x", "scale", lambda x: 1 + 1e-12 * np.sin(x), lambda x: 1e-12 * np.cos(x), normal(6)),
    pointwise("1e6 + sin x", "scale", lambda x: 1e6 + np.sin(x), np.cos, normal(6)),
    pointwise("sin x, x near 1e-9", "scale", np.sin, np.cos, 1e-9 * normal(6)),
    pointwise("x², x near 1e9", "scale", np.square, lambda x: 2 * x, 1e9 * normal(6), None),
    pointwise("√x, x near 1e12", "scale", np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e12 * abs(normal(6)), None),
    pointwise("x³, x from 1e-9 to 1e6", "scale", lambda x: x**3, lambda x: 3 * x**2, ALL_SIZES, None),
    pointwise("(1e8 + x) − 1e8", "scale", lambda x: (1e8 + x) - 1e8, np.ones_like, normal(6)),
    pointwise(
        "exp(2 log x)", "scale", lambda x: np.exp(2 * np.log(x)), lambda x: 2 * x, 10.0 ** np.arange(-2.0, 5), None
    ),
    pointwise(
        "(x − 1)⁷, multiplied out",
        "scale",
        lambda x: np.polyval(SEVENTH, x),
        lambda x: 7 * (x - 1) ** 6,
        [1.5, 2.0, 3.0],
    ),
    Case(
        "variance as a difference of means",
        "scale",
        lambda x: np.mean(x**2) - np.mean(x) ** 2,
        spread_vjp,
        (1e4 + normal(6),),
        scale=1e4,
    ),
    Case(
        "log-sum-exp near 1e6",
        "scale",
        lambda x: np.log(np.exp(x - x.max()).sum()) + x.max(),
        lambda x, u: (u * softmax(x),),
        (1e6 + normal(5),),
    ),
    Case(
        "softmax at ±1e3",
        "scale",
        softmax,
        lambda z, u: (softmax(z) * (u - np.sum(softmax(z) * u, axis=1, keepdims=True)),),
        (np.array([[1e3, 999.0, -1e3], [0.0, -1e3, 1.0]]),),
    ),
]


# ---- steep, flat, at edges -------------------------------------------------------------------------------
def settled(x):
    z = np.zeros_like(x)
    for _ in range(60):
        z = np.tanh(MIX @ z + x)
    return z


def settled_vjp(x, u):
    slope = 1 - settled(x) ** 2
    return (slope * np.linalg.solve(np.eye(3) - MIX.T * slope, u),)


def valley(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def valley_vjp(x, u):
    away = x[1] - x[0] ** 2
    return (u * np.array([-2 * (1 - x[0]) - 400 * x[0] * away, 200 * away]),)


def entropy(p):
    return np.where(p > 0, p * p * np.log(np.where(p > 0, p, 1)), 0)


def entropy_slope(p):
    return np.where(p > 0, 2 * p * np.log(np.where(p > 0, p, 1)) + p, 0)


MIX = 0.3 * normal(3, 3)
SMALL, TINY = np.array([1e-3, -2e-3, 0.01, 0.3, -0.02]), 10.0 ** np.array([-9.0, -6, -3, 0])
STEEP = [
    pointwise("sin(1e6 x)", "steep", lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 * x), normal(5), 1e-6),
    pointwise(
        "exp(300 x)", "steep", lambda x: np.exp(300 * x), lambda x: 300 * np.exp(300 * x), [-1.0, -0.1, 0.1, 1], 3e-3
    ),
    pointwise("sin(1/x) from 1e-3 on", "steep", lambda x: np.sin(1 / x), lambda x: -np.cos(1 / x) / x**2, SMALL, 1e-7),
    pointwise(
        "x² sin(1/x)",
        "steep",
        lambda x: x**2 * np.sin(1 / x),
        lambda x: 2 * x * np.sin(1 / x) - np.cos(1 / x),
        SMALL,
        1e-7,
    ),
    pointwise(
        "exp(−1e4 x²)", "steep", lambda x: np.exp(-1e4 * x**2), lambda x: -2e4 * x * np.exp(-1e4 * x**2), SMALL, 1e-3
    ),
    pointwise(
        "a wave with a ripple",
        "steep",
        lambda x: np.sin(x) + 1e-3 * np.sin(1000 * x),
        lambda x: np.cos(x) + np.cos(1000 * x),
        normal(5),
        1e-3,
    ),
    pointwise("saturated tanh", "steep", np.tanh, lambda x: 1 / np.cosh(x) ** 2, [-40.0, -15, 5, 9, 19]),
    pointwise("a dead ReLU", "steep", relu, lambda x: 1.0 * (x > 0), [-3.0, -0.1, -7], 0.1),
    pointwise("x¹⁰ at and near 0", "steep", lambda x: x**10, lambda x: 10 * x**9, [0.0, 1e-9, -1e-3, 0.5]),
    pointwise("log x from 1e-9 on", "steep", np.log, lambda x: 1 / x, TINY, None),
    pointwise("√x from 1e-9 on", "steep", np.sqrt, lambda x: 0.5 / np.sqrt(x), TINY, None),
    pointwise("x log x from 1e-9 on", "steep", lambda x: x * np.log(x), lambda x: np.log(x) + 1, TINY, None),
    pointwise("log(1 + x) near −1", "steep", np.log1p, lambda x: 1 / (1 + x), [-1 + 1e-9, -1 + 1e-12, 0.5], 1e-13),
    pointwise("1/x from 1e-6 on", "steep", lambda x: 1 / x, lambda x: -1 / x**2, 1e3 * TINY, None),
    pointwise("x^1.5 from 0 on", "steep", lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), [0.0, 1e-3, 0.25, 2], None),
    pointwise("arcsin near 1", "steep", np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), 1 - TINY[:3], 1e-9),
    pointwise("p² log p with p = 0", "steep", entropy, entropy_slope, [0.0, 1e-3, 0.5, 1], None),
    Case(
        "length of a short vector",
        "steep",
        lambda x: np.sqrt(np.sum(x * x)),
        lambda x, u: (u * x / np.sqrt(np.sum(x * x)),),
        (1e-6 * normal(4),),
        scale=1e-6,
    ),
    Case("Rosenbrock's function", "steep", valley, valley_vjp, (np.array([-30.0, 20.0]),)),
    Case("a fixed point, implicitly", "steep", settled, settled_vjp, (normal(3, seed=1),), scale=0.3),
    Case(
        "an argument that nothing depends on",
        "steep",
        lambda a, b: np.sin(a),
        lambda a, b, u: (u * np.cos(a), np.zeros_like(b)),
        (normal(4), normal(3)),
    ),
]

CASES = [*SIZES, *STEEP]
