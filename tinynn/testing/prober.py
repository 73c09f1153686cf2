"""Differences of one function at one point, entry by entry: a quick look at many entries, a close one at one.

The quick look takes four values of f per entry. The close look has steps of all sizes, from both sides,
with an estimate of the error; it decides what noise, a kink nearby, a steep or a flat function or the
edge of a domain kept from agreeing, and what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn.testing.differences import EPSILON, UNKNOWN, Estimate, Slopes, slopes

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: Steps of the quick look: small enough for functions that bend over a tenth, large enough for 12 digits.
QUICK = 2.0**-9
#: The close look tries these in turn, times max(1, |x|): down to where a kink 1e-10 away is left outside,
#: then up, where the slope of a flat function rises above its rounding.
REACHES = 2.0 ** np.array([0.0, -6, -12, -18, -24, -30, -36, -42, 6, 12])
#: So many of them go down.
DOWN = 8
#: A value of f is trusted to this many of its roundings.
ROUNDINGS = 16 * EPSILON
#: Tight enough to end the search: the error in units of the derivative, or of the largest one.
TIGHT, TIGHT_OF_LARGEST = 1e-6, 1e-10
#: A function that stands still does so truly if the doubt is below this share of its slope elsewhere.
FLAT = 1e-3
#: Two estimates that the claim agrees with suffice with this error; the second, for entries far below the largest.
COARSE, COARSE_SMALL = 1e-3, 0.5
#: So small a share of the largest entry, or of the outputs, may hide behind rounding inside the function.
HIDDEN = 1e-7
#: Steps, in reaches, that are no powers of 2, at which rounding could hide.
JITTERS = 2.0**-20 * np.array([0.4170220, 0.7203245, 0.9302326, 1.0146756, 1.0923386, 1.1862602])
#: Differences may overlook so small a share of their steepest secant: a knot of a spline, the tail of an exponential.
UNRESOLVED = 1e-11
#: Steps of the nearer look, for |x| up to 1: beside a kink that is close, and at one.
NEARER = QUICK * 2.0 ** np.array([-7.0, -14.0, -24.0])
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


class Outcome(NamedTuple):
    """The close look at one entry."""

    right: bool
    kink: bool
    numeric: Estimate
    #: The steepest secant seen, not the steps beyond |x| included.
    steep: float = 0.0


class Looks(NamedTuple):
    """The quick look at some entries: derivative and noise of each, and which of them sit on a kink.

    jacobian, shape (entries, outputs), holds the derivative of every output; None if it is too large.
    """

    numeric: Array
    noise: Array
    kinks: Array
    jacobian: Array | None


class Prober:
    """Differences of one claim's function."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.evaluations = claim, 0
        self._flat = np.ravel(claim.value)
        self._shape, self._f = claim.value.shape, claim.output
        self._upstream = np.ravel(claim.upstream)
        self._output_shape = np.shape(claim.upstream)
        self.middle = self._output(self._flat.copy())
        self._weight = np.abs(self._upstream) * np.abs(self.middle)
        self._jitters: dict[tuple[int, float], tuple[float, bool]] = {}

    def _output(self, flat: Array) -> Array:
        self.evaluations += 1
        return np.array(self._f(flat.reshape(self._shape)), np.float64).ravel()

    def rise(self, k: int, step: float) -> tuple[Array | None, float]:
        """output(value + step · eₖ) − output(value), None where that is undefined, and the true step."""
        moved = self._flat.copy()
        moved[k] += step
        taken = float(moved[k] - self._flat[k])
        try:
            return self._output(moved) - self.middle, taken
        except UNDEFINED:
            return None, taken

    def rounding(self, change: Array) -> float:
        """What rounding does to ⟨upstream, change⟩: only outputs that changed add to it, if any did."""
        if not change.any():  # nothing depends on the entry, or rounding has swallowed what does
            return ROUNDINGS * float(self._weight.sum())
        with np.errstate(all="ignore"):
            found = float(np.sum(np.where(change != 0, self._weight + np.abs(self._upstream * change), 0.0)))
        return ROUNDINGS * found if np.isfinite(found) else np.inf

    # ---- the quick look -------------------------------------------------------------------------
    def quick(self, entries: Array) -> Looks:
        """Central differences with two steps, extrapolated; the noise is that of rounding alone."""
        outputs = max(1, self.middle.size)
        chunk = max(1, CHUNK // (4 * max(outputs, self._flat.size)))
        keep = len(entries) <= chunk
        found = [self._quick(entries[start : start + chunk], keep) for start in range(0, len(entries), chunk)]
        numeric, noise, kinks = (np.concatenate([part[k] for part in found]) for k in range(3))
        return Looks(numeric, noise, kinks, found[0].jacobian if keep else None)

    def _quick(self, entries: Array, keep: bool) -> Looks:
        upstream, middle, f = self._upstream, self.middle, self._f
        at, rows = self._flat[entries], np.arange(len(entries))
        reach = QUICK * np.maximum(1.0, np.abs(at))
        ends = np.array([at + reach, at - reach, at + reach / 2, at - reach / 2])
        widths = np.array([ends[0] - ends[1], ends[2] - ends[3]])
        # All points at once: an array of its own for each evaluation, which the function may keep.
        points = np.tile(self._flat, (4, len(entries), 1))
        points[:, rows, entries] = ends
        points = points.reshape(4, len(entries), *self._shape)
        values = np.empty((4, len(entries), *self._output_shape))
        for row in range(len(entries)):
            try:
                for k in range(4):
                    values[k, row] = f(points[k, row])
            except UNDEFINED:
                values[:, row] = np.nan
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
        scale, changed = max(1.0, abs(float(self._flat[k]))), np.zeros(self._weight.shape, bool)
        for step in scale * np.array([1.0, -1.0, 64.0, -64.0, 4096.0, -4096.0]):
            change, _ = self.rise(k, step)
            if change is not None:
                changed |= change != 0
        return float(self._weight[changed].sum()) / scale

    # ---- a nearer look --------------------------------------------------------------------------
    def near(self, k: int, tolerance: float, largest: float) -> Outcome | None:
        """A few smaller steps: enough for a kink close by, or just here; None if they do not settle it."""
        claimed, scale = float(self.claim.gradient.flat[k]), max(1.0, abs(float(self._flat[k])))
        for step in NEARER * scale:
            sides = [(self.rise(k, h), self.rise(k, -h)) for h in (step, step / 2)]
            if any(change is None for pair in sides for change, _ in pair):
                return None
            (low, high, central), (lower, higher, nearer) = (self._sides(pair) for pair in sides)
            slope = (4 * nearer - central) / 3
            noise = 4 * self.rounding(sides[0][0][0] - sides[0][1][0]) / step  # type: ignore[operator]
            if noise <= max(tolerance * abs(slope), TIGHT_OF_LARGEST * largest):
                if abs(claimed - slope) <= tolerance * abs(slope) + noise:
                    return Outcome(True, False, Estimate(slope, noise))
            elif noise > 1e-2 * (higher - lower):
                return None
        bend = 4 * max(abs(low - lower), abs(high - higher))
        if bend <= 1e-2 * (higher - lower) and lower - noise - bend <= claimed <= higher + noise + bend:
            return Outcome(True, True, Estimate((lower + higher) / 2, (higher - lower) / 2))
        return None

    def _sides(self, pair: Any) -> tuple[float, float, float]:
        """The least and greatest sum of each output's one-sided slopes, and the central one."""
        (up, ahead), (down, back) = pair
        right, left = self._upstream * up / ahead, self._upstream * down / back
        central = float(self._upstream @ (up - down)) / (ahead - back)
        return float(np.minimum(left, right).sum()), float(np.maximum(left, right).sum()), central

    # ---- the close look -------------------------------------------------------------------------
    def close(self, k: int, tolerance: float, largest: float) -> Outcome:
        """The verdict on entry k from steps of all sizes."""
        claimed, size = float(self.claim.gradient.flat[k]), abs(float(self._flat[k]))
        found: list[_Seen] = []
        swallowed: list[_Seen] = []
        smallest_kink, sloping, steepest, edge, agreeing = None, 0.0, 0.0, False, 0
        for reach in self._reaches(size):
            if reach > max(1.0, size) and (edge or any(_tight(other.slope, largest) for other in found)):
                break
            seen, steep = self._slopes(k, reach)
            unresolved = UNRESOLVED * steep
            if reach <= max(1.0, size):
                steepest = max(steepest, steep)
            if steep == 0:
                doubt = seen.central.error
                if (
                    doubt > max(FLAT * max(sloping, abs(claimed)), TIGHT_OF_LARGEST * largest) > 0
                ):  # rounding has swallowed the change
                    swallowed.append(_Seen(reach, seen.central, unresolved))
                    continue
                if claimed == 0:
                    return Outcome(True, False, seen.central)
            sloping = max(sloping, abs(np.nan_to_num(seen.central.value, posinf=0.0, neginf=0.0)))
            edge = edge or not np.isfinite(seen.central.error)
            smooth = seen.central if np.isfinite(seen.central.error) else _one_sided(seen)
            if seen.kinked and np.isfinite(seen.central.error):
                if reach < size or reach < 1:
                    smallest_kink = reach
                continue
            contradicted = any(_apart(smooth, other.slope) for other in found if other.reach < reach)
            if contradicted:  # what small steps see is what there is
                continue
            tight, agrees = _tight(smooth, largest), _agrees(claimed, smooth, tolerance)
            if tight and agrees:
                return Outcome(True, False, smooth)
            # Rounding inside the function can hide from small steps what two sizes of large ones agree on.
            coarse = COARSE_SMALL if abs(claimed) <= 1e-4 * largest else COARSE
            large = reach >= 2.0**-7 * max(1.0, size)
            agreeing += agrees and large and smooth.error <= coarse * abs(smooth.value)
            if agreeing == 2:
                return Outcome(True, False, smooth)
            confirmed = tight and any(
                _tight(other.slope, largest) and not _apart(other.slope, smooth) for other in found
            )
            if confirmed and not edge and abs(claimed - smooth.value) > unresolved:
                hidden = self._hidden(k, claimed, smooth, found, tolerance, largest)
                return Outcome(hidden, False, smooth, steepest)
            found.append(_Seen(reach, smooth, unresolved))
        found = found or swallowed
        # Steps smaller than the smallest at which there is a kink may lie beside it.
        best, unresolved = _best([seen for seen in found if smallest_kink is None or seen.reach < smallest_kink])
        if smallest_kink is not None:
            low, high, noise = self._between(k, smallest_kink)
            if best.error > min(1e-3 * abs(best.value) + 1e-6 * largest, 0.02 * (high - low)):
                slack = 1e-6 * max(abs(low), abs(high), abs(claimed)) + noise
                inside = low - slack <= claimed <= high + slack
                middle = Estimate((low + high) / 2, (high - low) / 2)
                return Outcome(self.claim.composite or inside, True, middle)
        near, _ = _best([seen for seen in found if seen.reach <= max(1.0, size)])
        right = _agrees(claimed, best, tolerance) or abs(claimed - best.value) <= unresolved
        # Large steps alone, on a function that hardly rises above its rounding, are no proof against.
        right = right or (near.error <= 0.1 * max(abs(near.value), largest) and _agrees(claimed, near, tolerance))
        right = right or self._hidden(k, claimed, best, found, tolerance, largest)
        return Outcome(right, False, best, steepest)

    def _hidden(
        self, k: int, claimed: float, best: Estimate, found: list[_Seen], tolerance: float, largest: float
    ) -> bool:
        """Whether small steps contradict large ones about next to nothing: rounding inside the function decides."""
        large = 2.0**-7 * max(1.0, abs(float(self._flat[k])))
        agrees = any(seen.reach >= large and _agrees(claimed, seen.slope, tolerance) for seen in found)
        return agrees and abs(claimed - best.value) <= HIDDEN * max(largest, self.reached(k))

    def _reaches(self, size: float) -> list[float]:
        reaches = [float(reach) * max(1.0, size) for reach in REACHES]
        return [*reaches[:DOWN], size, *reaches[DOWN:]] if 0 < size < 2.0**-6 else reaches

    def _slopes(self, k: int, reach: float) -> tuple[Slopes, float]:
        """The slopes from steps of about `reach`, and the steepest secant among them."""
        change, _ = self.rise(k, 0.1 * reach)
        rounding = 0.0 if change is None else self.rounding(change) / 4
        jitter, moved = self._jitter(k, reach)
        noise = max(float(np.nan_to_num(jitter)) if moved else self._quantum(k, reach), self._grain(k))
        secants = [0.0]

        def rise(step: float) -> tuple[float, float]:
            change, taken = self._projected(k, step)
            secants.append(abs(change / taken))
            return change, taken

        seen = slopes(rise, reach, max(rounding, noise))
        return seen, float(np.nanmax(secants))

    def _projected(self, k: int, step: float) -> tuple[float, float]:
        outputs, taken = self.rise(k, step)
        if outputs is None or taken == 0:
            return np.nan, step
        return float(self._upstream @ outputs), taken

    def _grain(self, k: int) -> float:
        """Noise that is the same for steps of two sizes; what grows with the step is the function's own bend."""
        near = 2.0**-12 * (abs(float(self._flat[k])) or 1.0)
        grain = self._jitter(k, near)[0]
        return grain if self._jitter(k, 8 * near)[0] <= 64 * grain else 0.0

    def _jitter(self, k: int, reach: float) -> tuple[float, bool]:
        """Noise that the size of the outputs does not tell, as of (1e8 + x) − 1e8, and whether anything moved.

        Five values so near to one another that a smooth function's third and fourth differences vanish:
        what is left is noise.
        """
        if (k, reach) not in self._jitters:
            rests, seen = [0.0], [0.0]
            for t in JITTERS * reach:
                a, b, c, d = (self._projected(k, step * t)[0] for step in (-2, -1, 1, 2))
                rests += [abs(a - 4 * b - 4 * c + d), abs(d - 2 * c + 2 * b - a)]
                seen += [a, b, c, d]
            self._jitters[k, reach] = float(np.max(rests)), bool(np.any(seen))
        return self._jitters[k, reach]

    def _quantum(self, k: int, reach: float) -> float:
        """The smallest change that shows at all, where the jitter's steps are swallowed by rounding."""
        for t in JITTERS[0] * reach * 16.0 ** np.arange(1, 6):
            changes = np.abs([self._projected(k, step * t)[0] for step in (-1, 1)])
            if np.any(changes > 0):
                return float(np.min(changes[changes > 0]))
        return 0.0

    def _between(self, k: int, reach: float) -> tuple[float, float, float]:
        """The least and the greatest sum of each output's slopes, and the doubt about them.

        Outputs have kinks of their own, so that each may take its own side.
        """
        step = max(1e-3 * reach, min(0.05 * reach, 1e-8 * max(1.0, abs(float(self._flat[k])))))
        ends, noise = [], 0.0
        for h in (step, step / 2):
            (up, ahead), (down, back) = self.rise(k, h), self.rise(k, -h)
            if up is None or down is None:
                return -np.inf, np.inf, 0.0
            ends.append(self._sides(((up, ahead), (down, back)))[:2])
            noise = (self.rounding(up) + self.rounding(down)) / h
        (low, high), (lower, higher) = ends
        bend = 4 * max(abs(low - lower), abs(high - higher))
        return min(low, lower), max(high, higher), noise + bend


def _one_sided(seen: Slopes) -> Estimate:
    """At the edge of the domain the slope from inside is the derivative."""
    return min(seen.left, seen.right, key=lambda e: e.error)


def _tight(seen: Estimate, largest: float) -> bool:
    return seen.error <= max(TIGHT * abs(seen.value), TIGHT_OF_LARGEST * largest)


def _agrees(claimed: float, seen: Estimate, tolerance: float) -> bool:
    return bool(abs(claimed - seen.value) <= 4 * seen.error + tolerance * abs(seen.value))


def _apart(a: Estimate, b: Estimate) -> bool:
    return bool(abs(a.value - b.value) > 4 * (a.error + b.error))


class _Seen(NamedTuple):
    """An estimate from steps of about `reach`, and what such steps may overlook."""

    reach: float
    slope: Estimate
    unresolved: float


def _best(found: list[_Seen]) -> tuple[Estimate, float]:
    """The surest estimate that none from smaller steps contradicts, and what it may have overlooked."""
    credible = [seen for seen in found if not any(_apart(seen.slope, o.slope) for o in found if o.reach < seen.reach)]
    best = min(credible, key=lambda seen: seen.slope.error, default=_Seen(0.0, UNKNOWN, 0.0))
    return best.slope, best.unresolved
