"""Differences of one function at one point, entry by entry, and the quick look at many entries.

The quick look takes four values of f per entry. What it leaves in doubt is for the close look
(closelook.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinynn.testing.differences import EPSILON

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: Steps of the quick look: small enough for functions that bend over a tenth, large enough for 12 digits.
QUICK = 2.0**-9
#: A value of f is trusted to this many of its roundings.
ROUNDINGS = 16 * EPSILON
#: Up to so many numbers a product of two vectors is one thread's work.
UNTHREADED = 8192
#: A quick look holds so many numbers at once.
CHUNK = 1 << 20
#: Outside of its domain a function raises one of these.
UNDEFINED = (ArithmeticError, ValueError, np.linalg.LinAlgError)


class Claim(NamedTuple):
    """That `gradient` is ∂⟨upstream, output(value)⟩/∂value at `value`; float64 arrays.

    output may be called with any array of value's shape, and owns what it gives. `again`, if given,
    claims anew with value off by a few roundings: how much that changes is what rounding does to the
    claimed gradient. `composite`: a chain of functions, whose right derivative at a kink need not lie
    between the one-sided ones. `analytic`: output takes complex numbers too, perhaps.
    """

    name: str
    value: Array
    output: Callable[[Array], Array]
    upstream: Array
    gradient: Array
    again: Callable[[], Array] | None = None
    composite: bool = False
    analytic: bool = False


class Looks(NamedTuple):
    """The quick look at some entries: derivative and noise of each, and which of them sit on a kink.

    jacobian, shape (entries, outputs), holds the derivative of every output; None if it is too large.
    """

    numeric: Array
    noise: Array
    kinks: Array
    jacobian: Array | None


def dot(a: Array, b: Array) -> float:
    """⟨a, b⟩; of long vectors without BLAS, whose threads wait for one another on a busy machine."""
    return float(a @ b if a.size <= UNTHREADED else np.sum(a * b))


def largest_finite(array: Array) -> float:
    """The largest finite size in an array, 0 if there is none."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


class Prober:
    """Differences of one claim's function."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.evaluations = claim, 0
        self.flat = np.ravel(claim.value)
        self._shape, self._f = claim.value.shape, claim.output
        self.upstream = np.ravel(claim.upstream)
        self._output_shape = np.shape(claim.upstream)
        self.middle = self._output(self.flat.copy())
        self._weight = np.abs(self.upstream) * np.abs(self.middle)

    def _output(self, flat: Array) -> Array:
        self.evaluations += 1
        return np.array(self._f(flat.reshape(self._shape)), np.float64).ravel()

    def rise(self, k: int, step: float) -> tuple[Array | None, float]:
        """output(value + step · eₖ) − output(value), None where that is undefined, and the true step."""
        moved = self.flat.copy()
        moved[k] += step
        taken = float(moved[k] - self.flat[k])
        try:
            return self._output(moved) - self.middle, taken
        except UNDEFINED:
            return None, taken

    def projected(self, k: int, step: float) -> tuple[float, float]:
        """⟨upstream, rise⟩, nan where that is undefined or the step is swallowed by rounding, and the true step."""
        outputs, taken = self.rise(k, step)
        if outputs is None or taken == 0:
            return np.nan, step
        return dot(self.upstream, outputs), taken

    def rounding(self, change: Array) -> float:
        """What rounding does to ⟨upstream, change⟩: only outputs that changed add to it, if any did."""
        if not change.any():  # nothing depends on the entry, or rounding has swallowed what does
            return ROUNDINGS * float(self._weight.sum())
        with np.errstate(all="ignore"):
            found = float(np.sum(np.where(change != 0, self._weight + np.abs(self.upstream * change), 0.0)))
        return ROUNDINGS * found if np.isfinite(found) else np.inf

    # ---- the quick look -------------------------------------------------------------------------
    def quick(self, entries: Array) -> Looks:
        """Central differences with two steps, extrapolated; the noise is that of rounding alone."""
        outputs = max(1, self.middle.size)
        chunk = max(1, CHUNK // (4 * max(outputs, self.flat.size)))
        keep = len(entries) <= chunk
        found = [self._quick(entries[start : start + chunk], keep) for start in range(0, len(entries), chunk)]
        numeric, noise, kinks = (np.concatenate([part[k] for part in found]) for k in range(3))
        return Looks(numeric, noise, kinks, found[0].jacobian if keep else None)

    def _quick(self, entries: Array, keep: bool) -> Looks:
        upstream, middle, f = self.upstream, self.middle, self._f
        at, rows = self.flat[entries], np.arange(len(entries))
        reach = QUICK * np.maximum(1.0, np.abs(at))
        ends = np.array([at + reach, at - reach, at + reach / 2, at - reach / 2])
        widths = np.array([ends[0] - ends[1], ends[2] - ends[3]])
        # All points at once: an array of its own for each evaluation, which the function may keep.
        points = np.tile(self.flat, (4, len(entries), 1))
        points[:, rows, entries] = ends
        values = np.empty((4 * len(entries), *(self._output_shape or (1,))))
        for point, value in zip(points.reshape(-1, *self._shape), values, strict=True):
            try:
                value[...] = f(point)
            except UNDEFINED:
                value[...] = np.nan
        values = values.reshape(4, len(entries), middle.size)
        self.evaluations += 4 * len(entries)
        up, down, half_up, half_down = values
        changed = (up - down) != 0
        coarse, fine = (up - down) / widths[0, :, None], (half_up - half_down) / widths[1, :, None]
        jacobian = (4 * fine - coarse) / 3
        weights = np.abs(upstream) * np.abs(middle) + np.abs(upstream * (up - middle))
        rounded = np.where(changed, weights, 0.0).sum(axis=1)
        rounded = np.where(changed.any(axis=1), rounded, self._weight.sum())
        noise = 4 * ROUNDINGS * rounded / widths[0]
        # A bend halves when the step does; what stays is a kink.
        bends = [2 * ((a + b - 2 * middle) @ upstream) / w for a, b, w in
                 ((up, down, widths[0]), (half_up, half_down, widths[1]))]  # fmt: skip
        numeric = jacobian @ upstream
        kinks = np.abs(bends[1]) > np.maximum(0.75 * np.abs(bends[0]), 1e-3 * np.abs(numeric) + 100 * noise)
        return Looks(numeric, noise, kinks, jacobian if keep else None)

    def reached(self, k: int) -> float:
        """Σ |u y| over the outputs that entry k can change at all, for each unit of the entry."""
        scale, changed = max(1.0, abs(float(self.flat[k]))), np.zeros(self._weight.shape, bool)
        for step in scale * np.array([1.0, -1.0, 64.0, -64.0, 4096.0, -4096.0]):
            change, _ = self.rise(k, step)
            if change is not None:
                changed |= change != 0
        return float(self._weight[changed].sum()) / scale
