"""The close look at one entry, with steps of all sizes, from both sides, with an estimate of the error.

It decides what noise, a kink nearby, a steep or a flat function or the edge of a domain kept from agreeing
with the quick look, and what is wrong. A nearer look comes first, which settles most kinks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinynn.testing.differences import EPSILON, UNKNOWN, Estimate, Slopes, slopes
from tinynn.testing.noise import Noise
from tinynn.testing.prober import QUICK, Prober, dot

#: These reaches are tried in turn, times max(1, |x|): down to where a kink 1e-12 away is left outside, then
#: up, where the slope of a flat function rises above its rounding. So many of them go down.
REACHES, DOWN = 2.0 ** np.array([0.0, -6, -12, -18, -24, -30, -36, -42, 6, 12]), 8
#: Steps of the nearer look, for |x| up to 1: beside a kink that is close, and at one.
NEARER = QUICK * 2.0 ** np.array([-7.0, -14.0, -24.0])
#: Tight enough to end the search: the error in units of the derivative, or of the largest one.
TIGHT, TIGHT_OF_LARGEST = 1e-6, 1e-10
#: A function that stands still does so truly if the doubt is below this share of its slope elsewhere.
FLAT = 1e-3
#: Steps of this reach, times max(1, |x|), are large: rounding inside the function hides nothing from them.
LARGE = 2.0**-7
#: Two estimates from large steps that the claim agrees with suffice with this error; the second, for entries
#: far below the largest.
COARSE, COARSE_SMALL, SMALL = 1e-3, 0.5, 1e-4
#: So small a share of the largest entry, or of the outputs, may hide behind rounding inside the function.
HIDDEN = 1e-7
#: A jump of so small a share of the entry is rounding.
JUMP = 1e-6
#: Differences may overlook so small a share of their steepest secant: a knot of a spline, the tail of an exponential.
UNRESOLVED = 1e-11


class Outcome(NamedTuple):
    """The verdict on one entry."""

    right: bool
    kink: bool
    numeric: Estimate
    #: The steepest secant seen, steps beyond |x| not included.
    steep: float = 0.0


class Seen(NamedTuple):
    """An estimate from steps of about `reach`, and what such steps may overlook."""

    reach: float
    slope: Estimate
    unresolved: float = 0.0


class CloseLook:
    """One entry of one claim, looked at until the claim about it is decided."""

    def __init__(self, prober: Prober, k: int, tolerance: float, largest: float) -> None:
        self.prober, self.k, self.tolerance, self.largest = prober, k, tolerance, largest
        self.claimed = float(prober.claim.gradient.flat[k])
        self.size = abs(float(prober.flat[k]))
        self.scale = max(1.0, self.size)
        self.noise = Noise(prober, k)
        self.found: list[Seen] = []
        self.swallowed: list[Seen] = []
        self.smallest_kink: float | None = None
        #: The difference of the slopes on its two sides.
        self.bend = 0.0
        self.sloping = self.steepest = 0.0
        #: How far f moves within steps of |x|.
        self.span = 0.0
        self.edge, self.agreeing = False, 0

    def outcome(self) -> Outcome:
        return self.nearer() or self.closest()

    # ---- a nearer look --------------------------------------------------------------------------
    def nearer(self) -> Outcome | None:
        """A few smaller steps: enough for a kink close by, or just here; None if they do not settle it."""
        claimed = self.claimed
        for step in NEARER * self.scale:
            coarse, fine = self._sides(step), self._sides(step / 2)
            if coarse is None or fine is None:
                return None
            (low, high, central, change), (lower, higher, finer, _) = coarse, fine
            slope, noise = (4 * finer - central) / 3, 4 * self.prober.rounding(change) / step
            if noise <= max(self.tolerance * abs(slope), TIGHT_OF_LARGEST * self.largest):
                if abs(claimed - slope) <= self.tolerance * abs(slope) + noise:
                    return Outcome(True, False, Estimate(slope, noise))
            elif noise > 1e-2 * (higher - lower):
                return None
        bend = 4 * max(abs(low - lower), abs(high - higher))
        if bend <= 1e-2 * (higher - lower) and lower - noise - bend <= claimed <= higher + noise + bend:
            return Outcome(True, True, Estimate((lower + higher) / 2, (higher - lower) / 2))
        return None

    def _sides(self, step: float) -> tuple[float, float, float, Any] | None:
        """The least and the greatest sum of each output's one-sided slopes, the central one, and the change.

        Outputs have kinks of their own, so that each may take its own side.
        """
        (up, ahead), (down, back) = self.prober.rise(self.k, step), self.prober.rise(self.k, -step)
        if up is None or down is None:
            return None
        upstream = self.prober.upstream
        right, left = upstream * up / ahead, upstream * down / back
        central = dot(upstream, up - down) / (ahead - back)
        return float(np.minimum(left, right).sum()), float(np.maximum(left, right).sum()), central, up - down

    # ---- the close look -------------------------------------------------------------------------
    def closest(self) -> Outcome:
        """The verdict from steps of all sizes."""
        for reach in self._reaches():
            # Beyond x itself only where nothing nearer was seen sharply, and never across the edge of a domain.
            if reach > self.scale and (self.edge or any(self._tight(seen.slope) for seen in self.found)):
                break
            outcome = self._at(reach)
            if outcome is not None:
                return outcome
        return self._conclusion()

    def _reaches(self) -> list[float]:
        reaches = [float(reach) * self.scale for reach in REACHES]
        return [*reaches[:DOWN], self.size, *reaches[DOWN:]] if 0 < self.size < 2.0**-6 else reaches

    def _at(self, reach: float) -> Outcome | None:
        """What steps of one size say, if that decides it; else it is kept for the conclusion."""
        slopes_seen, steep = self._slopes(reach)
        central = slopes_seen.central
        if reach <= self.scale:
            self.steepest = max(self.steepest, steep)
            self.span = max(self.span, steep * reach)
        if steep == 0:
            resolved = max(FLAT * max(self.sloping, abs(self.claimed)), TIGHT_OF_LARGEST * self.largest)
            if central.error > resolved > 0 or self._swallows(reach):  # rounding has swallowed the change
                self.swallowed.append(Seen(reach, central))
                return None
            if self.claimed == 0:
                return Outcome(True, False, central)
        finite = bool(np.isfinite(central.error))
        self.edge = self.edge or not finite
        self.sloping = max(self.sloping, abs(float(np.nan_to_num(central.value, posinf=0.0, neginf=0.0))))
        if slopes_seen.kinked and finite:
            if reach < self.size or reach < 1:
                self.smallest_kink = reach
                self.bend = abs(slopes_seen.right.value - slopes_seen.left.value)
            return None
        smooth = central if finite else _one_sided(slopes_seen)
        return self._judged(Seen(reach, smooth, UNRESOLVED * steep))

    def _swallows(self, reach: float) -> bool:
        """Whether values that stand still for such steps jump a little for larger ones: rounding inside, no floor."""
        slope = abs(self.claimed)
        if 0 < slope * reach <= 4 * EPSILON * self.span:  # 1 + x² close to 0: less than a rounding of what f is made of
            return True
        jumps = [self.noise.at(seen.reach) for seen in self.found if seen.reach > reach]
        return any(reach * slope < 4 * jump <= 4 * JUMP * self.scale * slope for jump in jumps)

    def _judged(self, seen: Seen) -> Outcome | None:
        reach, smooth, unresolved = seen
        if any(_apart(smooth, other.slope) for other in self.found if other.reach < reach):
            return None  # what small steps see is what there is
        tight, agrees = self._tight(smooth), self._agrees(smooth)
        # Rounding inside the function can hide from small steps what two sizes of large ones agree on.
        coarse = COARSE_SMALL if abs(self.claimed) <= SMALL * self.largest else COARSE
        self.agreeing += agrees and reach >= LARGE * self.scale and smooth.error <= coarse * abs(smooth.value)
        if (tight and agrees) or self.agreeing == 2:
            return Outcome(True, False, smooth)
        confirmed = tight and any(self._tight(o.slope) and not _apart(o.slope, smooth) for o in self.found)
        if confirmed and not self.edge and abs(self.claimed - smooth.value) > unresolved:
            return Outcome(self._hidden(smooth, reach), False, smooth, self.steepest)
        self.found.append(seen)
        return None

    def _conclusion(self) -> Outcome:
        """The verdict from all that was seen."""
        found, kink = self.found or self.swallowed, self.smallest_kink
        # Steps smaller than the smallest at which there is a kink may lie beside it.
        best = _best([seen for seen in found if kink is None or seen.reach < kink])
        slope = best.slope
        if kink is not None:
            low, high, doubt = self._between(kink)
            # That it lies beside is believed of steps that would have seen it if it were here.
            sharp = min(1e-3 * abs(slope.value) + 1e-6 * self.largest, 0.02 * (high - low), 0.04 * self.bend)
            if slope.error > sharp:
                slack = 1e-6 * max(abs(low), abs(high), abs(self.claimed)) + doubt
                inside = low - slack <= self.claimed <= high + slack
                middle = Estimate((low + high) / 2, (high - low) / 2)
                return Outcome(self.prober.claim.composite or inside, True, middle)
        near = _best([seen for seen in found if seen.reach <= self.scale]).slope
        right = (
            self._agrees(slope)
            or abs(self.claimed - slope.value) <= best.unresolved
            # Large steps alone, on a function that hardly rises above its rounding, are no proof against.
            or (near.error <= 0.1 * max(abs(near.value), self.largest) and self._agrees(near))
            or self._hidden(slope, best.reach)
        )
        return Outcome(right, False, slope, self.steepest)

    def _hidden(self, best: Estimate, finest: float) -> bool:
        """Whether small steps contradict large ones about next to nothing: rounding inside the function decides."""
        large = max(LARGE * self.scale, np.nextafter(finest, np.inf))
        if not any(seen.reach >= large and self._agrees(seen.slope) for seen in self.found):
            return False
        return abs(self.claimed - best.value) <= HIDDEN * max(self.largest, self.prober.reached(self.k))

    def _slopes(self, reach: float) -> tuple[Slopes, float]:
        """The slopes from steps of about `reach`, and the steepest secant among them."""
        secants = [0.0]

        def rise(step: float) -> tuple[float, float]:
            change, taken = self.prober.projected(self.k, step)
            secants.append(abs(change / taken))
            return change, taken

        seen = slopes(rise, reach, self.noise.at(reach))
        return seen, float(np.nanmax(secants))

    def _between(self, reach: float) -> tuple[float, float, float]:
        """The least and the greatest slope at a kink, and the doubt about them."""
        step = max(1e-3 * reach, min(0.05 * reach, 1e-8 * self.scale))
        coarse, fine = self._sides(step), self._sides(step / 2)
        if coarse is None or fine is None:
            return -np.inf, np.inf, 0.0
        bend = 4 * max(abs(coarse[0] - fine[0]), abs(coarse[1] - fine[1]))
        noise = 4 * self.prober.rounding(fine[3]) / step
        return min(coarse[0], fine[0]), max(coarse[1], fine[1]), noise + bend

    def _tight(self, seen: Estimate) -> bool:
        return seen.error <= max(TIGHT * abs(seen.value), TIGHT_OF_LARGEST * self.largest)

    def _agrees(self, seen: Estimate) -> bool:
        return bool(abs(self.claimed - seen.value) <= 4 * seen.error + self.tolerance * abs(seen.value))


def _one_sided(seen: Slopes) -> Estimate:
    """At the edge of the domain the slope from inside is the derivative."""
    return min(seen.left, seen.right, key=lambda e: e.error)


def _apart(a: Estimate, b: Estimate) -> bool:
    return bool(abs(a.value - b.value) > 4 * (a.error + b.error))


def _best(found: list[Seen]) -> Seen:
    """The surest estimate that none from smaller steps contradicts."""
    credible = [seen for seen in found if not any(_apart(seen.slope, o.slope) for o in found if o.reach < seen.reach)]
    return min(credible, key=lambda seen: seen.slope.error, default=Seen(0.0, UNKNOWN))
