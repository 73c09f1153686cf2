"""Is a claimed gradient right? Entry by entry up to a size, in blocks of entries above it.

A claim that agrees with the quick look to `tolerance` is right: that two independent computations agree
to eight digits by accident does not happen. What disagrees gets the close look (see closelook.py), which
alone calls anything wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.blocks import suspects
from tinynn.testing.closelook import TIGHT, TIGHT_OF_LARGEST, CloseLook
from tinynn.testing.complexstep import complex_step
from tinynn.testing.differences import EPSILON
from tinynn.testing.prober import Claim, Prober, largest_finite
from tinynn.testing.report import ArrayReport

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: So many wrong entries are looked at closely; the quick look counts the rest.
CLOSE_LOOKS = 8
#: Real differences confirm the complex step of each entry with this share.
CONFIRMED = 1e-6
#: Arrays of up to so many entries are differenced entry by entry.
ELEMENTWISE = 2048
#: Of a larger array so many entries, drawn at random, are differenced singly, beside all in blocks.
SINGLY = 256
#: The claimed gradient's own rounding excuses no more than this share of the largest entry, or of the steepest secant.
EXCUSED, EXCUSED_STEEP = 1e-5, 1e-12


def verify(
    claim: Claim, tolerance: float, elementwise: int = ELEMENTWISE, rng: np.random.Generator | None = None
) -> ArrayReport:
    """Compare a claimed gradient with differences.

    >>> x = np.array([0.5, 3.0])
    >>> verify(Claim("x", x, lambda x: np.sum(np.sin(x)), np.ones(()), np.cos(x)), 1e-8).wrong
    []
    """
    report = ArrayReport(claim.name, claim.value.shape, tolerance=tolerance)
    report.derivative = np.full(claim.value.shape, np.nan)
    if claim.value.size == 0:
        return report
    with np.errstate(all="ignore"):
        prober = Prober(claim)
        verdict = _Verdict(claim, prober, tolerance, report)
        if claim.value.size <= elementwise:
            verdict.look_at(np.arange(claim.value.size))
        else:
            report.method = "blocks"
            rng = rng or np.random.default_rng(0)
            singly = rng.choice(claim.value.size, min(SINGLY, claim.value.size), replace=False)
            found, complete = suspects(claim, prober, tolerance, rng)
            if not complete:
                report.method = "blocks, in part"
            verdict.look_at(np.union1d(singly, found))
    verdict.finish()
    return report


class _Verdict:
    """The claims about some entries of one array, looked at quickly and, where in doubt, closely."""

    def __init__(self, claim: Claim, prober: Prober, tolerance: float, report: ArrayReport) -> None:
        self.claim, self.prober, self.tolerance, self.report = claim, prober, tolerance, report
        self.claimed = np.ravel(claim.gradient)
        self.largest = largest_finite(self.claimed)
        self.numeric = np.full(self.claimed.size, np.nan)
        self.noise = np.zeros(self.claimed.size)
        self.wrong: list[int] = []
        self.kinks: list[int] = []

    def look_at(self, entries: Array) -> None:
        exact = complex_step(self.claim, self.prober, entries) if self.claim.analytic else None
        pending = self._quick(entries)
        if exact is not None:
            pending = np.union1d(pending, self._exact(entries, exact))
        if len(pending):
            self._close(self._worst_first(pending))

    def _exact(self, entries: Array, exact: Array) -> Array:
        """Take over the complex step's derivatives; the entries whose claims they do not confirm."""
        slack = CONFIRMED * np.abs(exact) + 4 * self.noise[entries]
        if not np.all(np.abs(exact - self.numeric[entries]) <= slack):
            return entries[:0]  # a term has lost its imaginary part
        self.report.method = "complex step"
        self.numeric[entries], self.noise[entries] = exact, 16 * EPSILON * np.abs(exact)
        right: Array = np.abs(self.claimed[entries] - exact) <= self.tolerance * np.abs(exact)
        return entries[~right]

    def _quick(self, entries: Array) -> Array:
        """The entries that do not agree with the quick look."""
        looks, claimed = self.prober.quick(entries), self.claimed[entries]
        self.numeric[entries], self.noise[entries] = looks.numeric, looks.noise
        if len(entries) == self.claimed.size:
            self.report.jacobian = looks.jacobian
        error = np.abs(claimed - looks.numeric)
        blurred = looks.noise > np.maximum(TIGHT * np.abs(looks.numeric), TIGHT_OF_LARGEST * self.largest)
        agreed = error <= self.tolerance * np.abs(looks.numeric) + np.where(blurred, 0.0, looks.noise)
        self.kinks += entries[agreed & looks.kinks].tolist()
        doubtful: Array = entries[~agreed]
        return doubtful

    def _worst_first(self, entries: Array) -> Array:
        error = np.nan_to_num(np.abs(self.claimed[entries] - self.numeric[entries]), nan=np.inf)
        worst_first: Array = entries[np.argsort(-error, kind="stable")]
        return worst_first

    def _close(self, entries: Array) -> None:
        again: Array | None = None
        for seen, k in enumerate(entries.tolist()):
            if len(self.wrong) == CLOSE_LOOKS:
                self.wrong += entries[seen:].tolist()
                break
            outcome = CloseLook(self.prober, k, self.tolerance, self.largest).outcome()
            self.numeric[k], self.noise[k] = outcome.numeric
            if outcome.kink:
                self.kinks.append(k)
            if outcome.right:
                continue
            if again is None:
                again = self._rounded()
            cap = max(EXCUSED * self.largest, EXCUSED_STEEP * outcome.steep)
            # What cancels in backward leaves roundings of its terms.
            excused = min(float(again[k]), cap) + 32 * EPSILON * (self._largest_beside(k) + self.prober.reached(k))
            error = abs(self.claimed[k] - self.numeric[k])
            if not outcome.kink and error <= 4 * (self.noise[k] + excused):
                self.noise[k] += excused
            else:
                self.wrong.append(k)

    def _largest_beside(self, k: int) -> float:
        """The largest claimed entry among those that share an output with entry k, as far as that is known."""
        jacobian = self.report.jacobian
        if jacobian is None:
            return self.largest
        shared = (jacobian[:, jacobian[k] != 0] != 0).any(axis=1)
        shared[k] = True
        return largest_finite(self.claimed[shared])

    def _rounded(self) -> Array:
        """What rounding does to each entry of the claimed gradient."""
        changes = np.zeros(self.claimed.size)
        if self.claim.again is not None:
            for _ in range(3):
                np.fmax(changes, np.abs(np.ravel(self.claim.again()) - self.claimed), out=changes)
        return changes

    def finish(self) -> None:
        """Write what was found into the report."""
        report, shape = self.report, self.claim.value.shape
        report.derivative = self.numeric.reshape(shape)
        report.gradient = self.claim.gradient
        report.wrong, report.kinks = _indices(self.wrong, shape), _indices(sorted(self.kinks), shape)
        error = np.abs(self.claimed - self.numeric)
        k = self.wrong[0] if self.wrong else int(np.fmax(error, -1.0).argmax())
        report.where = _indices([k], shape)[0]
        report.largest_error, report.noise = float(error[k]), float(self.noise[k])
        report.claimed, report.numeric = float(self.claimed[k]), float(self.numeric[k])
        report.evaluations = self.prober.evaluations


def _indices(flat: list[int], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [tuple(int(i) for i in np.unravel_index(k, shape)) for k in flat]
