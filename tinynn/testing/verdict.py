"""Is a claimed gradient right? Entry by entry, first a quick look, then a close one where that fails.

The quick look takes four values of f per entry. A claim that agrees with it to `tolerance` is right: that
two independent computations agree to eight digits by accident does not happen. The close look has steps
of all sizes, from both sides, with an estimate of the error; it decides what noise, a kink nearby, a
steep or a flat function or the edge of a domain kept from agreeing, and what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinynn.testing.differences import EPSILON, UNKNOWN, Estimate, Slopes, slopes
from tinynn.testing.report import ArrayReport

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: Steps of the quick look: small enough for functions that bend over a tenth, large enough for 12 digits.
QUICK = 2.0**-9
#: The close look tries these in turn, times max(1, |x|): down to where a kink 1e-10 away is left outside,
#: then up, where the slope of a flat function rises above its rounding.
REACHES = 2.0 ** np.array([0.0, -6, -12, -18, -24, -30, 6, 12])
#: A value of f is trusted to this many of its roundings.
ROUNDINGS = 16 * EPSILON
#: Tight enough to end the search: the error in units of the derivative, or of the largest one.
TIGHT, TIGHT_OF_LARGEST = 1e-6, 1e-10
#: So many wrong entries are looked at closely; the quick look counts the rest.
CLOSE_LOOKS = 8


class Claim(NamedTuple):
    """That `gradient` is ∂⟨upstream, output(value)⟩/∂value at `value`; float64 arrays."""

    name: str
    value: Array
    output: Callable[[Array], Array]
    upstream: Array
    gradient: Array


class Outcome(NamedTuple):
    """The close look at one entry."""

    right: bool
    kink: bool
    numeric: Estimate


class Prober:
    """Differences of one claim's function, entry by entry."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.evaluations = claim, 0
        self._flat = np.ravel(claim.value)
        self.middle = self._output(self._flat.copy())
        self._weight = np.abs(claim.upstream) * np.abs(self.middle)

    def _output(self, flat: Array) -> Array:
        self.evaluations += 1
        return np.array(self.claim.output(flat.reshape(self.claim.value.shape)), np.float64)

    def rise(self, k: int, step: float) -> tuple[Array | None, float]:
        """output(value + step · eₖ) − output(value), None where that is undefined, and the true step."""
        moved = self._flat.copy()
        moved[k] += step
        taken = float(moved[k] - self._flat[k])
        try:
            return self._output(moved) - self.middle, taken
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):  # outside of the function's domain
            return None, taken

    def rounding(self, change: Array) -> float:
        """What rounding does to ⟨upstream, change⟩: only outputs that changed add to it, if any did."""
        if not change.any():  # nothing depends on the entry, or rounding has swallowed what does
            return ROUNDINGS * float(self._weight.sum())
        with np.errstate(all="ignore"):
            found = float(np.sum(np.where(change != 0, self._weight + np.abs(self.claim.upstream * change), 0.0)))
        return ROUNDINGS * found if np.isfinite(found) else np.inf

    def quick(self, k: int) -> Estimate:
        """Central differences with two steps, extrapolated; the error is that of rounding alone."""
        upstream, quotients = self.claim.upstream, []
        reach = QUICK * max(1.0, abs(self._flat[k]))
        for step in (reach, reach / 2):
            (up, ahead), (down, back) = self.rise(k, step), self.rise(k, -step)
            if up is None or down is None or ahead == back:
                return UNKNOWN
            quotients.append((float(np.vdot(upstream, up)) - float(np.vdot(upstream, down))) / (ahead - back))
            rounding = self.rounding(up)
        return Estimate((4 * quotients[1] - quotients[0]) / 3, 2 * rounding / reach)

    def close(self, k: int, tolerance: float, largest: float) -> Outcome:
        """The verdict on entry k from steps of all sizes."""
        claimed, size = float(self.claim.gradient.flat[k]), abs(float(self._flat[k]))
        best, smallest_kink, disagreements = UNKNOWN, None, 0
        for reach in self._reaches(size):
            seen = self._slopes(k, reach)
            smooth = seen.central if np.isfinite(seen.central.error) else _one_sided(seen)
            if seen.kinked and np.isfinite(seen.central.error):
                if reach < size or reach < 1:
                    smallest_kink = reach
                continue
            error = 4 * smooth.error + tolerance * abs(smooth.value)
            tight = smooth.error <= max(TIGHT * abs(smooth.value), TIGHT_OF_LARGEST * largest)
            if smooth.error < best.error:
                best = smooth
            if tight and abs(claimed - smooth.value) <= error:
                return Outcome(True, False, smooth)
            disagreements += tight
            if disagreements == 2:
                return Outcome(False, False, best)
        if best.error <= max(1e-3 * abs(best.value), 1e-6 * largest) or smallest_kink is None:
            error = 4 * best.error + tolerance * abs(best.value)
            return Outcome(bool(abs(claimed - best.value) <= error), False, best)
        low, high = self._between(k, smallest_kink)
        slack = 1e-6 * max(abs(low), abs(high), abs(claimed))
        return Outcome(low - slack <= claimed <= high + slack, True, Estimate((low + high) / 2, (high - low) / 2))

    def _reaches(self, size: float) -> list[float]:
        reaches = [float(reach) * max(1.0, size) for reach in REACHES]
        return [*reaches, size] if 0 < size < 2.0**-6 else reaches

    def _slopes(self, k: int, reach: float) -> Slopes:
        change, _ = self.rise(k, 0.1 * reach)

        def rise(step: float) -> tuple[float, float]:
            outputs, taken = self.rise(k, step)
            if outputs is None or taken == 0:
                return np.nan, step
            return float(np.vdot(self.claim.upstream, outputs)), taken

        rounding = 0.0 if change is None else self.rounding(change)
        # Five values so near to one another that a smooth function's fourth difference vanishes: what is
        # left is noise that the size of the outputs does not tell, as of (1e8 + x) − 1e8.
        near = [rise(step * 2.0**-20 * reach)[0] for step in (-2, -1, 1, 2)]
        fourth = abs(near[0] - 4 * near[1] - 4 * near[2] + near[3])
        return slopes(rise, reach, max(rounding, fourth) if np.isfinite(fourth) else rounding)

    def _between(self, k: int, reach: float) -> tuple[float, float]:
        """The least and the greatest sum of each output's slopes: outputs have kinks of their own."""
        step = 1e-3 * reach
        (up, ahead), (down, back) = self.rise(k, step), self.rise(k, -step)
        if up is None or down is None:
            return -np.inf, np.inf
        right, left = self.claim.upstream * up / ahead, self.claim.upstream * down / back
        return float(np.minimum(left, right).sum()), float(np.maximum(left, right).sum())


def _one_sided(seen: Slopes) -> Estimate:
    """At the edge of the domain the slope from inside is the derivative."""
    return min(seen.left, seen.right, key=lambda e: e.error)


def verify(claim: Claim, tolerance: float) -> ArrayReport:
    """Compare every entry of a claimed gradient with differences.

    >>> x = np.array([0.5, 3.0])
    >>> verify(Claim("x", x, lambda x: np.sum(np.sin(x)), np.ones(()), np.cos(x)), 1e-8).wrong
    []
    """
    report = ArrayReport(claim.name, claim.value.shape, derivative=np.full(claim.value.shape, np.nan))
    if claim.value.size == 0:
        return report
    with np.errstate(all="ignore"):
        prober = Prober(claim)
        _verify(claim, prober, report, tolerance)
    report.evaluations = prober.evaluations
    return report


def _verify(claim: Claim, prober: Prober, report: ArrayReport, tolerance: float) -> None:
    claimed = np.ravel(claim.gradient)
    quick = [prober.quick(k) for k in range(claimed.size)]
    numeric, noise = np.array([q.value for q in quick]), np.array([q.error for q in quick])
    largest = float(np.abs(claimed[np.isfinite(claimed)]).max(initial=0.0))
    error = np.abs(claimed - numeric)
    blurred = noise > np.maximum(TIGHT * np.abs(numeric), TIGHT_OF_LARGEST * largest)
    agreed = error <= tolerance * np.abs(numeric) + np.where(blurred, 0.0, noise)
    doubtful = np.flatnonzero(~agreed)
    order = doubtful[np.argsort(-np.nan_to_num(error[doubtful], nan=np.inf))]
    wrong: list[int] = []
    for seen, k in enumerate(order):
        if len(wrong) == CLOSE_LOOKS:
            wrong += [int(rest) for rest in order[seen:]]
            break
        outcome = prober.close(int(k), tolerance, largest)
        numeric[k], noise[k] = outcome.numeric
        index = tuple(int(i) for i in np.unravel_index(k, claim.value.shape))
        if outcome.kink:
            report.kinks.append(index)
        if not outcome.right:
            wrong.append(int(k))
    report.derivative = numeric.reshape(claim.value.shape)
    report.wrong = [tuple(int(i) for i in np.unravel_index(k, claim.value.shape)) for k in wrong]
    error = np.abs(claimed - numeric)
    smooth = [k for k in range(claimed.size) if not np.isnan(error[k])] or [0]
    k = wrong[0] if wrong else max(smooth, key=lambda k: error[k])
    report.where = tuple(int(i) for i in np.unravel_index(k, claim.value.shape))
    report.largest_error, report.noise = float(error[k]), float(noise[k])
    report.claimed, report.numeric = float(claimed[k]), float(numeric[k])
