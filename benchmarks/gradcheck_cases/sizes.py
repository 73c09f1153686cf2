"""Tiny, huge, steep and noisy derivatives, right and wrong."""

import numpy as np

from gradcheck_cases.case import elementwise, normal
from gradcheck_cases.subtle import one_entry

SIZES = 10.0 ** -np.arange(0, 12, 2)
SATURATED = np.array([-20.0, -15.0, 1.0, 15.0])


def logistic_slope(x):
    return 0.25 / np.cosh(0.5 * x) ** 2


CASES = [
    *elementwise(
        "1e-9 sin x",
        lambda x: 1e-9 * np.sin(x),
        lambda x: 1e-9 * np.cos(x),
        {
            "doubled": lambda x: 2e-9 * np.cos(x),
            "its sign": lambda x: -1e-9 * np.cos(x),
            "zeros": np.zeros_like,
        },
        normal(6),
        "subtle",
        "scale",
    ),
    *elementwise(
        "c sin x, c from 1 to 1e-10",
        lambda x: SIZES * np.sin(x),
        lambda x: SIZES * np.cos(x),
        {"the smallest doubled": lambda x: one_entry(-1, 2)(SIZES * np.cos(x))},
        normal(6),
        "subtle",
        "scale",
    ),
    *elementwise(
        "1 + 1e-6 sin x",
        lambda x: 1 + 1e-6 * np.sin(x),
        lambda x: 1e-6 * np.cos(x),
        {"doubled": lambda x: 2e-6 * np.cos(x)},
        normal(6),
        "subtle",
        "scale",
    ),
    *elementwise(
        "x³ near 1e-3",
        lambda x: x**3,
        lambda x: 3 * x**2,
        {"x²": lambda x: x**2},
        1e-3 * normal(6),
        "subtle",
        "scale",
        scale=1e-3,
    ),
    *elementwise(
        "saturated sigmoid",
        lambda x: 1 / (1 + np.exp(-x)),
        logistic_slope,
        {"at least 1e-6": lambda x: np.maximum(logistic_slope(x), 1e-6)},
        SATURATED,
        "subtle",
        "steep",
    ),
    *elementwise(
        "1e9 + sin x",
        lambda x: 1e9 + np.sin(x),
        np.cos,
        {"zeros": np.zeros_like},
        normal(6),
        "subtle",
        "scale",
    ),
    *elementwise(
        "1e12 + sin x",
        lambda x: 1e12 + np.sin(x),
        np.cos,
        {"doubled": lambda x: 2 * np.cos(x)},
        normal(6),
        "subtle",
        "scale",
    ),
    *elementwise(
        "tan near its pole",
        np.tan,
        lambda x: 1 / np.cos(x) ** 2,
        {"one entry forgotten": lambda x: one_entry(0, 0)(1 / np.cos(x) ** 2)},
        np.array([1.57, 1.5707, -1.5, 0.3]),
        "subtle",
        "steep",
        scale=1e-5,
    ),
    *elementwise(
        "1e12 sin x",
        lambda x: 1e12 * np.sin(x),
        lambda x: 1e12 * np.cos(x),
        {"off by 1e-4": lambda x: 1e12 * np.cos(x) * (1 + 1e-4)},
        normal(6),
        "subtle",
        "scale",
    ),
    *elementwise(
        "tanh(1e4 x)",
        lambda x: np.tanh(1e4 * x),
        lambda x: 1e4 / np.cosh(1e4 * x) ** 2,
        {"off by 1e-4": lambda x: 1.0001e4 / np.cosh(1e4 * x) ** 2},
        1e-4 * normal(6),
        "subtle",
        "steep",
        scale=1e-4,
    ),
]
