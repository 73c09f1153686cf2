"""Activations, right and with the mistakes that are made in them."""

import numpy as np

from gradcheck_cases.case import elementwise, faulty, normal


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def last_row(x, inside):
    return np.concatenate([np.ones_like(x[:-1]), np.full_like(x[-1:], inside)])


# ---- activations -----------------------------------------------------------------------------------------
ALPHA, SLOPE, BETA, TEMPERATURE = 1.3, 0.1, 1.7, 2.5
X = 1.5 * normal(5, 3)


def elu(x):
    return np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0)))


def swish_slope(x, beta=BETA, second=1):
    s = sigmoid(BETA * x)
    return s + second * beta * x * s * (1 - s)


def gated(a, b):
    return a * sigmoid(b)


def gated_vjp(a, b, u):
    s = sigmoid(b)
    return u * s, u * a * s * (1 - s)


ACTIVATIONS = [
    *elementwise(
        "sigmoid",
        sigmoid,
        lambda x: sigmoid(x) * (1 - sigmoid(x)),
        {
            "1 − y forgotten": sigmoid,
            "slope at the output": lambda x: sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x))),
            "x in place of y": lambda x: x * (1 - x),
            "0 beyond 2.5": lambda x: np.where(x > 2.5, 0, sigmoid(x) * (1 - sigmoid(x))),
        },
        2 * normal(5, 3),
    ),
    *elementwise(
        "tanh",
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
        {
            "square forgotten": lambda x: 1 - np.tanh(x),
            "last row dropped": lambda x: last_row(x, 0) * (1 - np.tanh(x) ** 2),
            "rows reversed": lambda x: (1 - np.tanh(x) ** 2)[::-1],
        },
        X,
    ),
    *elementwise(
        "sigmoid(x / T)",
        lambda x: sigmoid(x / TEMPERATURE),
        lambda x: sigmoid(x / TEMPERATURE) * sigmoid(-x / TEMPERATURE) / TEMPERATURE,
        {"temperature forgotten": lambda x: sigmoid(x / TEMPERATURE) * sigmoid(-x / TEMPERATURE)},
        X,
    ),
    *elementwise(
        "ELU",
        elu,
        lambda x: np.where(x > 0, 1, ALPHA * np.exp(np.minimum(x, 0))),
        {
            "operator precedence": lambda x: (x > 0) + (x <= 0) * elu(x) + ALPHA,
            "alpha forgotten": lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
        },
        X,
    ),
    *elementwise(
        "leaky ReLU",
        lambda x: np.where(x > 0, x, SLOPE * x),
        lambda x: np.where(x > 0, 1, SLOPE),
        {"slope forgotten": lambda x: np.where(x > 0, 1, 0)},
        X,
    ),
    *faulty(
        "ReLU",
        lambda x: np.maximum(x, 0),
        lambda x, u: (u * (x > 0),),
        (X,),
        {
            "masked by the upstream": (0, lambda x, u: u * (u > 0)),
            "masked by both": (0, lambda x, u: u * (u > 0) * (x > 0)),
            "mask inverted": (0, lambda x, u: u * (x <= 0)),
        },
    ),
    *elementwise("swish", lambda x: x * sigmoid(BETA * x), swish_slope, {"beta lost": lambda x: swish_slope(x, 1)}, X),
    *elementwise("softplus", lambda x: np.logaddexp(0, x), sigmoid, {"σ(−x)": lambda x: sigmoid(-x)}, X),
    *faulty(
        "gate",
        gated,
        gated_vjp,
        (normal(5, 3), normal(5, 3, seed=1)),
        {
            "gradients swapped": (None, lambda a, b, u: gated_vjp(a, b, u)[::-1]),
            "second gradient forgotten": (1, lambda a, b, u: np.zeros_like(b)),
        },
    ),
]

CASES = ACTIVATIONS
