"""Wrong by little, or in one entry of many."""

import math

import numpy as np

from gradcheck_cases.case import elementwise, faulty, normal
from gradcheck_cases.layers import dense, dense_vjp
from gradcheck_cases.losses import cross_entropy, cross_entropy_vjp, norm, norm_vjp, softmax, softmax_vjp


def one_entry(index, factor):
    """What turns a right array into one with a single wrong entry."""

    def times(array):
        changed = np.array(array, dtype=float)
        changed.flat[index] *= factor
        return changed

    return times


# ---- one entry of 1,000 ----------------------------------------------------------------------------------
def tanh_slope(x):
    return 1 - np.tanh(x) ** 2


def tanh_with(factor, index=7):
    return lambda x: one_entry(index, factor)(tanh_slope(x))


WIDE = normal(5, 100), normal(10, 100, seed=1), normal(10, seed=2)
FEW = [
    *elementwise(
        "tanh of 1,000",
        np.tanh,
        tanh_slope,
        {
            "one entry off by 1e-5": tanh_with(1 + 1e-5),
            "one entry off by 1e-3": tanh_with(1 + 1e-3),
            "one entry off by 1e-7": tanh_with(1 + 1e-7),
            "one entry forgotten": tanh_with(0),
        },
        normal(50, 20),
        "subtle",
    ),
    *faulty(
        "dense, 1,000 weights",
        dense,
        dense_vjp,
        WIDE,
        {
            "one weight off by 1e-5": (1, lambda x, w, b, u: one_entry(777, 1 + 1e-5)(u.T @ x)),
            "one weight off by 1 %": (1, lambda x, w, b, u: one_entry(777, 1.01)(u.T @ x)),
        },
        "subtle",
    ),
    *faulty(
        "softmax of 1,000 classes",
        softmax,
        softmax_vjp,
        (normal(1, 1000),),
        {"diagonal only": (0, lambda z, u: u * softmax(z) * (1 - softmax(z)))},
        "subtle",
    ),
]

# ---- all of it, by little --------------------------------------------------------------------------------
C, K, DECAY = math.sqrt(2 / math.pi), 0.044715, 1e-5
GAIN_AND_SHIFT = normal(5, 4), normal(4, seed=1), normal(4, seed=2)
HOT = np.eye(50)[:20]
SMOOTH = 0.999 * HOT + 1e-3 / 50


def gelu_slope(x, k=K):
    t = np.tanh(C * (x + k * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * C * (1 + 3 * k * x**2)


def gelu_slope_by_erf(x):
    erf = np.array([math.erf(value / math.sqrt(2)) for value in x.flat]).reshape(x.shape)
    return 0.5 * (1 + erf) + x * np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)


LITTLE = [
    *elementwise(
        "GELU by tanh",
        lambda x: 0.5 * x * (1 + np.tanh(C * (x + K * x**3))),
        gelu_slope,
        {"slope of the GELU by erf, off by 5e-4": gelu_slope_by_erf, "0.0447": lambda x: gelu_slope(x, 0.0447)},
        normal(5, 3),
        "subtle",
    ),
    *faulty(
        "dense",
        dense,
        dense_vjp,
        (normal(5, 3), normal(4, 3, seed=1), normal(4, seed=2)),
        {"input off by 0.01 %": (0, lambda x, w, b, u: 1.0001 * u @ w)},
        "subtle",
        None,
    ),
    *faulty(
        "dense with decay of 1e-5",
        lambda w: np.sum(np.sin(WIDE[0] @ w.T)) + DECAY / 2 * np.sum(w**2),
        lambda w, u: (u * (np.cos(WIDE[0] @ w.T).T @ WIDE[0] + DECAY * w),),
        (0.1 * normal(3, 100),),
        {"decay forgotten": (0, lambda w, u: u * np.cos(WIDE[0] @ w.T).T @ WIDE[0])},
        "subtle",
    ),
    *faulty(
        "layer norm",
        norm(1),
        norm_vjp(1),
        GAIN_AND_SHIFT,
        {"epsilon forgotten": (None, norm_vjp(1, epsilon=0)), "epsilon of 1e-6": (None, norm_vjp(1, epsilon=1e-6))},
        "subtle",
        None,
    ),
    *faulty(
        "cross-entropy smoothed by 1e-3, 50 classes",
        cross_entropy(SMOOTH),
        cross_entropy_vjp(SMOOTH, n=20),
        (normal(20, 50),),
        {"smoothing forgotten": (None, cross_entropy_vjp(HOT, n=20))},
        "subtle",
    ),
    *elementwise(
        "sine",
        np.sin,
        np.cos,
        {"slope as a difference over 1e-4": lambda x: (np.sin(x + 1e-4) - np.sin(x)) / 1e-4},
        normal(6),
        "subtle",
    ),
]

CASES = [*FEW, *LITTLE]
