"""Which cases are right, found out by none of the checkers: differences in long double, extrapolated.

Where long double is no longer than double (on ARM, with Microsoft's compiler) `digits()` says so; the verdicts
then mean less. At a kink each number between the slopes of the two sides, taken output by output, is right.
"""

from itertools import pairwise

import numpy as np

LONG = np.longdouble
#: Steps h, h/2, h/4, h/8, in units of the length over which the function varies, over a power of 2.
LEVELS, FIRST = 4, LONG(2) ** -6
#: Of the upstream gradients, another than of the arrays: equal numbers would hide mistakes.
SEED = 1982
#: Right for a reason that no difference tells.
BY_HAND = {"x^1.5 from 0 on": "the derivative from the right at 0 is lim √h = 0, which no series in h approaches"}


def digits():
    return np.finfo(LONG).precision


def limit(quotients, ratio):
    """Richardson's extrapolation of outputs' difference quotients, and how much the last stage changed."""
    factor, table, before = 1, list(quotients), None
    while len(table) > 1:
        factor *= ratio
        before = table[-1]
        table = [finer + (finer - coarser) / (factor - 1) for coarser, finer in pairwise(table)]
    return table[0], abs(table[0] - before)


def slopes(f, arrays, index, k, step):
    """Slopes of all outputs along entry k of arrays[index]: central, its doubt, left, right, and their rounding."""

    def moved(by):
        changed = [np.array(array, LONG) for array in arrays]
        changed[index].flat[k] += by
        return np.asarray(f(*changed), LONG), changed[index].flat[k] - arrays[index].flat[k]

    middle, _ = moved(LONG(0))
    sides = [(moved(step / 2**level), moved(-step / 2**level)) for level in range(LEVELS)]
    central, doubt = limit([(up - down) / (ahead - back) for (up, ahead), (down, back) in sides], 4)
    right, _ = limit([(up - middle) / ahead for (up, ahead), _ in sides], 2)
    left, _ = limit([(down - middle) / back for _, (down, back) in sides], 2)
    rounding = 8 * np.finfo(LONG).eps * abs(middle) * 2**LEVELS / step
    return central, doubt, left, right, rounding


def bounds(case, u, index, k):
    """Between what ⟨u, ∂f/∂entry⟩ must lie, and how exact that is."""
    size = abs(float(case.arrays[index].flat[k]))
    step = FIRST * LONG(case.scale if case.scale else size or 1.0)
    central, doubt, left, right, rounding = slopes(case.f, case.arrays, index, k, step)
    finite = np.where(np.isfinite(left), left, right), np.where(np.isfinite(right), right, left)
    apart = abs(finite[1] - finite[0]) > 1e-5 * (abs(finite[0]) + abs(finite[1]))
    smooth = np.isfinite(central) & ~apart
    low = np.where(smooth, u * central, np.minimum(u * finite[0], u * finite[1])).sum()
    high = np.where(smooth, u * central, np.maximum(u * finite[0], u * finite[1])).sum()
    slack = np.where(smooth, 10 * abs(u) * doubt, 1e-6 * abs(u) * (abs(finite[0]) + abs(finite[1]))).sum()
    largest = np.where(smooth, abs(u * central), abs(u) * np.maximum(abs(finite[0]), abs(finite[1]))).sum()
    return low, high, slack + 1e-14 * largest + np.sum(abs(u) * rounding)


def error(case):
    """How far the claim is off, at worst: 1 is the largest error that a right one has, beside 1e-9 of its value."""
    u = case.upstream(np.random.default_rng(SEED))
    worst = 0.0
    with np.errstate(all="ignore"):
        claims = case.vjp(*case.arrays, u)
        for index, claim in enumerate(claims):
            for k, value in enumerate(np.ravel(np.asarray(claim))):
                low, high, slack = bounds(case, u, index, k)
                off = max(low - value, value - high, 0)
                worst = max(worst, float(off / (slack + 1e-9 * max(abs(low), abs(high)) + np.finfo(float).tiny)))
    return worst


def disputed(cases):
    """{name: error} of the cases that are not what the table says: right ones above 1, wrong ones below 10."""
    found = {case.name: (case.right, error(case)) for case in cases if case.name not in BY_HAND}
    return {name: worst for name, (right, worst) in found.items() if not (worst <= 1 if right else worst >= 10)}
