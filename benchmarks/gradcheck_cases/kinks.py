"""At kinks, where any slope between those of the two sides is right and any other wrong."""

import numpy as np

from gradcheck_cases.case import Case, elementwise, normal, pointwise


def relu(x):
    return np.maximum(x, 0)


def windows_max_vjp(x, u):
    pairs = x.reshape(2, 3, 2)
    return ((u[..., None] * (np.argmax(pairs, axis=2)[..., None] == np.arange(2))).reshape(x.shape),)


def median_vjp(x, u):
    return (u * np.eye(5)[np.argsort(x, kind="stable")[2]],)


def neighbours_vjp(x, u):
    return (-np.diff(np.pad(u * np.sign(np.diff(x)), 1)),)


def wave_slope(x):
    return 1e6 * np.sign((1e6 * x) % 2 - 1)


NEAR_0 = np.array([0.0, 1e-7, -1e-7, 3e-9, -0.4, 0.8])
TIES = np.array([2.0, 1.0, 2.0, 0.5, 2.0])
CORNERS = np.array([-1.0, 1.0, 0.3, 2.0, -1.7])
ROWS = normal(4, 3)
PARTS = np.array([[0.0, 0.0, 1.0, 0.0, 0.0, 2.0], [0.0, 0.5, 0.5, 0.0, 0.0, 0.0]])

RIGHT = [
    pointwise("ReLU at and near 0, slope 0 there", "kink", relu, lambda x: 1.0 * (x > 0), NEAR_0, None),
    pointwise("ReLU at and near 0, slope 1 there", "kink", relu, lambda x: 1.0 * (x >= 0), NEAR_0, None),
    pointwise("ReLU, all units 1e-6 from 0", "kink", relu, lambda x: 1.0 * (x > 0), 1e-6 * normal(5), None),
    pointwise("|x| at 1e-9", "kink", np.abs, np.sign, [1e-9, -1e-9, 0.5], None),
    pointwise("|x|, all at 0", "kink", np.abs, np.sign, np.zeros(3)),
    pointwise("|x| at 0, slope 1 there", "kink", np.abs, lambda x: np.where(x < 0, -1.0, 1.0), [0.0, -1, 2]),
    pointwise("clip at its corners", "kink", lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (abs(x) < 1), CORNERS, 0.1),
    pointwise("hinge at its corner", "kink", lambda x: relu(1 - x), lambda x: -1.0 * (x <= 1), CORNERS, 0.1),
    pointwise(
        "a saw tooth 1e-7 from its jumps", "kink", lambda x: x - np.floor(x), np.ones_like, [1 - 1e-7, 2 + 1e-7], 1e-8
    ),
    pointwise("a step function 1e-6 from its steps", "kink", np.floor, np.zeros_like, [1 - 1e-6, 2 + 1e-6, 0.5], 1e-7),
    Case("largest of ties: the first", "kink", np.max, lambda x, u: (u * np.eye(5)[x.argmax()],), (TIES,), scale=0.1),
    Case("largest of ties: each a third", "kink", np.max, lambda x, u: (u * (x == 2) / 3,), (TIES,), scale=0.1),
    Case(
        "max pooling of a ReLU's zeros",
        "kink",
        lambda x: x.reshape(2, 3, 2).max(axis=2),
        windows_max_vjp,
        (PARTS,),
        scale=0.1,
    ),
    Case("median, two equal", "kink", np.median, median_vjp, (np.array([-2.0, 0.3, 0.3, 5.0, 0.1]),), scale=0.05),
    Case(
        "total variation, neighbours equal",
        "kink",
        lambda x: abs(np.diff(x)),
        neighbours_vjp,
        (np.array([1.0, 1, 2, 2, 0]),),
        scale=0.1,
    ),
    Case(
        "maximum of two arrays, equal in places",
        "kink",
        lambda a, b: np.maximum(a, b),
        lambda a, b, u: (u * (a >= b), u * (a < b)),
        (np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 3.0])),
        scale=0.1,
    ),
    Case(
        "ReLU layer, weights 0",
        "kink",
        lambda w: relu(ROWS @ w),
        lambda w, u: (ROWS.T @ (u * (ROWS @ w > 0)),),
        (np.zeros((3, 2)),),
    ),
]

# ---- wrong: no slope between those of the two sides --------------------------------------------------------
WITH_ZEROS = np.array([[0.0, 1.5, -2.0], [0.7, 0.0, -0.3]])
WRONG = [
    *elementwise(
        "ReLU at 0",
        relu,
        lambda x: 1.0 * (x > 0),
        {"a slope of 2": lambda x: (x > 0) + 2.0 * (x == 0)},
        WITH_ZEROS,
        "subtle",
        "kink",
    ),
    *elementwise(
        "|x| at 0", np.abs, np.sign, {"a slope of 2": lambda x: np.sign(x) + 2 * (x == 0)}, WITH_ZEROS, "subtle"
    ),
    *elementwise(
        "leaky ReLU at 0",
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: np.where(x > 0, 1, 0.1),
        {"a slope of 0": lambda x: (x > 0) + 0.1 * (x < 0)},
        WITH_ZEROS,
        "subtle",
        "kink",
    ),
]

WRONG += elementwise(
    "triangle wave of period 2e-6",
    lambda x: abs((1e6 * x) % 2 - 1),
    wave_slope,
    {"one entry forgotten": lambda x: wave_slope(x) * (x != x[0])},
    normal(5),
    "subtle",
    "kink",
    scale=1e-8,
)

CASES = [*WRONG, *RIGHT]
