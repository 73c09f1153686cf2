"""Derivatives from function values alone, each with an estimate of its own error.

The central difference (f(x + h) − f(x − h)) / 2h errs by a series in h². Ridders' tableau takes it at
ever smaller h, removes one term of the series after the other (Richardson's extrapolation), and believes
the entry that differs least from the ones it was made of. That difference and the rounding of f are the
error: there is no tolerance to tune. Two ladders of steps that have no step in common must agree, which
betrays noise and an oscillation in time with the steps.

Source: C. J. F. Ridders (1982), Accurate computation of F'(x) and F'(x) F''(x).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tinynn._arrays import Array

EPSILON = float(np.finfo(np.float64).eps)
#: Each ladder's steps halve; the second ladder stands between the rungs of the first.
RUNGS = 2.0 ** -np.arange(9)
LADDERS = (0.25, 0.25 * 0.7)

#: Σ u · (f(x + t) − f(x)) and the step that was really taken, which rounding makes other than t.
Rise = Callable[[float], tuple[float, float]]


class Estimate(NamedTuple):
    """A derivative and the doubt about it."""

    value: float
    error: float


class Slopes(NamedTuple):
    """The derivative of a function of one number: from both sides, from the left, from the right."""

    central: Estimate
    left: Estimate
    right: Estimate

    @property
    def kinked(self) -> bool:
        """Whether the slopes on the two sides differ by more than their errors."""
        apart = abs(self.right.value - self.left.value)
        return bool(apart > 4 * (self.left.error + self.right.error))


UNKNOWN = Estimate(np.nan, np.inf)


def extrapolated(quotients: Array, noise: Array, ratio: float) -> Estimate:
    """The limit h → 0 of difference quotients at h, h/2, h/4, …

    Each column of Ridders' tableau cancels one more term of the error: h, h², … for ratio 2 (one-sided),
    h², h⁴, … for ratio 4 (central). `noise` is what rounding does to each quotient. Quotients that are
    not finite are passed over.

    >>> h = 0.25 * RUNGS
    >>> limit = extrapolated((np.exp(h) - np.exp(-h)) / (2 * h), 1e-16 / h, 4)
    >>> abs(limit.value - 1) < limit.error < 1e-11
    True
    """
    best, factor = UNKNOWN, 1.0
    with np.errstate(all="ignore"):
        for _ in range(len(quotients) - 1):
            factor *= ratio
            finer, coarser = quotients[1:], quotients[:-1]
            quotients = finer + (finer - coarser) / (factor - 1)
            noise = (factor * noise[1:] + noise[:-1]) / (factor - 1)
            doubt = 2 * np.maximum(abs(quotients - finer), abs(quotients - coarser)) + noise
            doubt[~np.isfinite(doubt)] = np.inf
            k = int(doubt.argmin())
            if doubt[k] < best.error:
                best = Estimate(float(quotients[k]), float(doubt[k]))
    return best


def slopes(rise: Rise, reach: float, rounding: float) -> Slopes:
    """The slopes at 0 of a function given by its rise, from steps of about `reach` and below.

    rounding: what rounding may do to one value of rise.
    """
    found = [_one_ladder(rise, first * reach, rounding) for first in LADDERS]
    return Slopes(*(_agreed(*pair) for pair in zip(*found, strict=True)))


def _one_ladder(rise: Rise, first: float, rounding: float) -> tuple[Estimate, Estimate, Estimate]:
    ups = np.array([rise(step) for step in first * RUNGS])
    downs = np.array([rise(-step) for step in first * RUNGS])
    with np.errstate(all="ignore"):
        width = ups[:, 1] - downs[:, 1]
        noise = 2 * rounding / width
        return (
            extrapolated((ups[:, 0] - downs[:, 0]) / width, noise, 4),
            extrapolated(downs[:, 0] / downs[:, 1], 2 * noise, 2),
            extrapolated(ups[:, 0] / ups[:, 1], 2 * noise, 2),
        )


def _agreed(a: Estimate, b: Estimate) -> Estimate:
    """The better of two estimates; where they contradict one another, their distance is the error."""
    better, apart = min(a, b, key=lambda e: e.error), abs(a.value - b.value)
    if np.isfinite(apart) and apart > a.error + b.error:
        return Estimate(better.value, max(apart, better.error))
    return better
