"""Functions entry by entry: one formula for the value, one for the slope, and the wrong slopes that people wrote."""

from __future__ import annotations

import math

import numpy as np
from testing.right import sigmoid
from testing.wrong import UNCLEAR, Wrong, normal

import tinynn as nn
from tinynn import testing as kit


def erf(x):
    return np.array([math.erf(v) for v in x.flat], x.dtype).reshape(x.shape)


C, K = math.sqrt(2 / math.pi), 0.044715


def gelu(x):
    return 0.5 * x * (1 + np.tanh(C * (x + K * x**3)))


def gelu_slope(x, k=K):
    t = np.tanh(C * (x + k * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * C * (1 + 3 * k * x**2)


def exact_gelu_slope(x):
    return 0.5 * (1 + erf(x / math.sqrt(2))) + x * np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)


def off_at(flat_index, by):
    def factor(x):
        factors = np.ones_like(x)
        factors.flat[flat_index] += by
        return factors

    return factor


def last_row(x, inside):
    factors = np.ones_like(x)
    factors[-1] = inside
    return factors


class Elementwise(nn.Layer):
    """y = f(x), ∂C/∂x = ∂C/∂y · slope(x, y)."""

    def __init__(self, f, slope):
        self.f, self.slope = f, slope

    def forward(self, x):
        self.x, self.y = x, self.f(x)
        return self.y

    def backward(self, grad):
        return (grad * self.slope(self.x, self.y)).astype(grad.dtype, copy=False)


def elementwise(name, f, slope, faults, x=None, input_shape=(5, 3)):
    """One case for each row (fault, cause, wrong slope) of a function f and its right slope, both of x and y."""

    def case(fault, cause, wrong_slope):
        def run(wrong):
            layer = Elementwise(f, wrong_slope if wrong else slope)
            return kit.check_layer(layer, x, input_shape=input_shape if x is None else None)

        return Wrong(f"{name}: {fault}", cause, run)

    return [case(*row) for row in faults]


POSITIVE = 0.3 + np.abs(normal(5, 3))
WITH_ZEROS = np.array([[0.0, 1.5, -2.0], [0.7, 0.0, -0.3]])
ALPHA, BETA, SLOPE, SCALE = 1.3, 1.7, 0.1, 1.0507


def elu(x):
    return np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0)))


def leaky(x):
    return np.where(x > 0, x, SLOPE * x)


def swish(x):
    return x * sigmoid(BETA * x)


def swish_slope(x, beta):
    s = sigmoid(BETA * x)
    return s + beta * x * s * (1 - s)


def softplus(x):
    return np.logaddexp(0, x).astype(x.dtype)


CASES = [
    *elementwise(
        "sigmoid",
        sigmoid,
        lambda x, y: y * (1 - y),
        [
            ("sign", "sign", lambda x, y: y * (y - 1)),
            ("slope at the output", "derivative-at-output", lambda x, y: sigmoid(y) * (1 - sigmoid(y))),
            ("(1 - y) forgotten", "entry-factor", lambda x, y: y),
            ("y forgotten", "entry-factor", lambda x, y: 1 - y),
            ("slope of the input", UNCLEAR, lambda x, y: x * (1 - x)),
            ("slope forgotten", "entry-factor", lambda x, y: np.ones_like(y)),
            ("shortcut beyond 2.5", "branch", lambda x, y: np.where(x > 2.5, 0, y * (1 - y))),
        ],
    ),
    *elementwise(
        "tanh",
        np.tanh,
        lambda x, y: 1 - y**2,
        [
            ("square forgotten", UNCLEAR, lambda x, y: 1 - y),
            ("slope at the output", "derivative-at-output", lambda x, y: 1 - np.tanh(y) ** 2),
            ("slope of the sigmoid", UNCLEAR, lambda x, y: y * (1 - y)),
            ("sign below 0", "branch", lambda x, y: np.sign(x) * (1 - y**2)),
            ("last row doubled", ("branch", "row-dropped"), lambda x, y: last_row(x, 2) * (1 - y**2)),
            ("last row forgotten", ("row-dropped", "branch"), lambda x, y: last_row(x, 0) * (1 - y**2)),
        ],
    ),
    *elementwise(
        "tanh",
        np.tanh,
        lambda x, y: 1 - y**2,
        [("one entry of 1,000 off by 1e-5", "branch", lambda x, y: off_at(7, 1e-5)(x) * (1 - y**2))],
        input_shape=(50, 20),
    ),
    *elementwise(
        "scaled tanh",
        lambda x: 1.7159 * np.tanh(2 / 3 * x),
        lambda x, y: 1.7159 * 2 / 3 * (1 - (y / 1.7159) ** 2),
        [("inner factor forgotten", "factor", lambda x, y: 1.7159 * (1 - (y / 1.7159) ** 2))],
    ),
    *elementwise(
        "ELU",
        elu,
        lambda x, y: np.where(x > 0, 1, y + ALPHA),
        [
            ("operator precedence", "branch", lambda x, y: (x > 0) + (x <= 0) * y + ALPHA),
            ("alpha forgotten", "branch", lambda x, y: np.where(x > 0, 1, y + 1)),
            ("exp instead of alpha exp", "branch", lambda x, y: np.where(x > 0, 1, np.exp(x))),
        ],
    ),
    *elementwise(
        "SELU",
        lambda x: SCALE * elu(x),
        lambda x, y: SCALE * np.where(x > 0, 1, y / SCALE + ALPHA),
        [("scale forgotten", "factor", lambda x, y: np.where(x > 0, 1, y / SCALE + ALPHA))],
    ),
    *elementwise(
        "leaky ReLU",
        leaky,
        lambda x, y: (x > 0) + SLOPE * (x <= 0),
        [("slope forgotten", "branch", lambda x, y: x > 0)],
    ),
    *elementwise(
        "leaky ReLU",
        leaky,
        lambda x, y: (x > 0) + SLOPE * (x <= 0),
        [("0 at the kink", "kink", lambda x, y: (x > 0) + SLOPE * (x < 0))],
        x=WITH_ZEROS,
    ),
    *elementwise(
        "ReLU",
        lambda x: np.maximum(x, 0),
        lambda x, y: x >= 0,
        [("both sides added at the kink", "kink", lambda x, y: (x >= 0) + 1.0 * (x == 0))],
        x=WITH_ZEROS,
    ),
    *elementwise(
        "|x|",
        np.abs,
        lambda x, y: np.sign(x),
        [("2 at the kink", "kink", lambda x, y: np.sign(x) + 2 * (x == 0))],
        x=WITH_ZEROS,
    ),
    *elementwise(
        "|x|",
        np.abs,
        lambda x, y: np.sign(x),
        [("1 everywhere", ("branch", "derivative-at-output"), lambda x, y: np.ones_like(x))],
    ),
    *elementwise(
        "softplus",
        softplus,
        lambda x, y: sigmoid(x),
        [
            ("slope at the output", "derivative-at-output", lambda x, y: sigmoid(y)),
            ("σ(−x)", UNCLEAR, lambda x, y: sigmoid(-x)),
        ],
    ),
    *elementwise(
        "GELU",
        gelu,
        lambda x, y: gelu_slope(x),
        [
            ("erf's slope, off by 5e-4", ("coefficient", *UNCLEAR), lambda x, y: exact_gelu_slope(x)),
            ("0.0447 in the slope", ("coefficient", *UNCLEAR), lambda x, y: gelu_slope(x, 0.0447)),
            ("inner derivative forgotten", UNCLEAR, lambda x, y: 0.5 * (1 + np.tanh(C * (x + K * x**3)))),
        ],
    ),
    *elementwise(
        "swish",
        swish,
        lambda x, y: swish_slope(x, BETA),
        [
            ("second term forgotten", UNCLEAR, lambda x, y: swish_slope(x, 0)),
            ("beta forgotten in the slope", UNCLEAR, lambda x, y: swish_slope(x, 1)),
        ],
    ),
    *elementwise(
        "softsign",
        lambda x: x / (1 + np.abs(x)),
        lambda x, y: 1 / (1 + np.abs(x)) ** 2,
        [("square forgotten", UNCLEAR, lambda x, y: 1 / (1 + np.abs(x)))],
    ),
    *elementwise(
        "hard sigmoid",
        lambda x: np.clip(0.25 * x + 0.5, 0, 1),
        lambda x, y: 0.25 * (np.abs(x) < 2),
        [("flat part forgotten", ("branch", "derivative-at-output"), lambda x, y: np.full_like(x, 0.25))],
        input_shape=(8, 6),
    ),
    *elementwise(
        "square",
        np.square,
        lambda x, y: 2 * x,
        [("2 forgotten", "factor", lambda x, y: x), ("x forgotten", "entry-factor", lambda x, y: np.full_like(x, 2))],
    ),
    *elementwise("cube", lambda x: x**3, lambda x, y: 3 * x**2, [("3 x", "entry-factor", lambda x, y: 3 * x)]),
    *elementwise("exp", np.exp, lambda x, y: y, [("power rule", UNCLEAR, lambda x, y: x * np.exp(x - 1))]),
    *elementwise(
        "exp(−|x| − 1)",
        lambda x: np.exp(-np.abs(x) - 1),
        lambda x, y: -np.sign(x) * y,
        [("slope at the output", "derivative-at-output", lambda x, y: -np.exp(-y - 1))],
    ),
    *elementwise(
        "log",
        np.log,
        lambda x, y: 1 / x,
        [("x instead of 1/x", "entry-factor", lambda x, y: x), ("1/y", UNCLEAR, lambda x, y: 1 / y)],
        x=POSITIVE,
    ),
    *elementwise(
        "square root", np.sqrt, lambda x, y: 0.5 / y, [("1/2 forgotten", "factor", lambda x, y: 1 / y)], x=POSITIVE
    ),
    *elementwise("1/x", np.reciprocal, lambda x, y: -(y**2), [("sign", "sign", lambda x, y: y**2)], x=POSITIVE),
    *elementwise("cosine", np.cos, lambda x, y: -np.sin(x), [("sign", "sign", lambda x, y: np.sin(x))]),
    *elementwise(
        "sine",
        np.sin,
        lambda x, y: np.cos(x),
        [
            ("forgotten", "forgotten", lambda x, y: np.zeros_like(x)),
            ("rows reversed", ("permuted", *UNCLEAR), lambda x, y: np.cos(x)[::-1]),
        ],
    ),
]
