"""Large arrays: all entries in random blocks, each moved along random signs, and a search for what is wrong.

A direction of signs ±1 carries every entry's fault undiminished, so one wrong entry cannot hide; two that
cancel must meet in one block with opposite signs, in every round. Where a block disagrees, halving it
leads to the entries at fault in a logarithmic number of looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.closelook import CloseLook
from tinynn.testing.prober import QUICK, ROUNDINGS, UNDEFINED, Claim, Prober, dot, largest_finite

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: Rounds with fresh blocks and signs, and blocks in each.
ROUNDS, BLOCKS = 3, 64
#: The smaller of the two steps.
NEAR = QUICK * 2.0**-6
#: A block's slope may differ by this share of the sum of its entries' sizes: truncation of the differences.
BLOCK_TOLERANCE = 1e-10
#: The search ends after so many suspicious entries, or so many looks.
SUSPECTS, LOOKS = 24, 2048


def suspects(claim: Claim, prober: Prober, tolerance: float, rng: np.random.Generator) -> tuple[Array, bool]:
    """The entries that differences in blocks throw doubt on, and whether all doubts were followed.

    The close look has the last word on each entry.
    """
    search = _Search(claim, prober, tolerance)
    size = claim.value.size
    for _ in range(ROUNDS):
        signs = _signs(size, rng)
        for block in np.array_split(rng.permutation(size), BLOCKS):
            search.into(block, signs)
    complete = search.looks < LOOKS and len(search.found) < SUSPECTS
    return np.array(sorted(search.found), dtype=np.intp), complete


def _signs(size: int, rng: np.random.Generator) -> Array:
    """±1 at random, in a tenth of the time that rng.choice takes for a few."""
    return np.where(rng.random(size) < 0.5, -1.0, 1.0)


class _Search:
    def __init__(self, claim: Claim, prober: Prober, tolerance: float) -> None:
        self.claim, self.prober, self.tolerance = claim, prober, tolerance
        self.claimed = np.ravel(claim.gradient)
        self.value = np.ravel(claim.value)
        self.scale = np.maximum(1.0, np.abs(self.value))
        self.largest = largest_finite(self.claimed)
        self.found: set[int] = set()
        self.settled: dict[int, bool] = {}
        self.looks = 0

    def into(self, block: Array, signs: Array) -> None:
        """Look at a block; where it disagrees, at its halves, the worse one first."""
        misfit = self.misfit(block, signs)
        stack = [(misfit, block)] if misfit else []
        while stack and len(self.found) < SUSPECTS and self.looks < LOOKS:
            _, block = stack.pop()
            if len(block) == 1:
                if not self._excused(int(block[0])):
                    self.found.add(int(block[0]))
                continue
            halves = [(self.misfit(half, signs), half) for half in np.array_split(block, 2)]
            stack += sorted((half for half in halves if half[0]), key=lambda half: half[0])

    def _excused(self, k: int) -> bool:
        """Whether a nearer look finds a kink that explains the misfit: there may be more of these than suspects."""
        if k not in self.settled:
            outcome = CloseLook(self.prober, k, self.tolerance, self.largest).nearer()
            self.settled[k] = outcome is not None and outcome.right
        return self.settled[k]

    def misfit(self, block: Array, signs: Array) -> float:
        """How far the claimed slope along a block lies outside of its tolerance, 0 if it does not."""
        self.looks += 1
        direction = signs[block] * self.scale[block]
        terms = self.claimed[block] * direction
        # Kinks stand closer than the usual step to a few entries of many; a smaller step is noisier, and meets next
        # to none: what both disagree with is a misfit.
        return self._misfit(block, direction, terms, QUICK) and self._misfit(block, direction, terms, NEAR)

    def _misfit(self, block: Array, direction: Array, terms: Array, step: float) -> float:
        try:
            numeric, rounding = self._slope(block, direction, step)
        except UNDEFINED:
            return np.inf
        slack = self.tolerance * abs(numeric) + BLOCK_TOLERANCE * float(np.abs(terms).sum()) + rounding
        error = abs(float(terms.sum()) - numeric)
        if not np.isfinite(error):  # then the slack is infinite as well
            return np.inf
        return 0.0 if error <= slack else error

    def _slope(self, block: Array, direction: Array, largest: float) -> tuple[float, float]:
        upstream, quotients, rounding = np.ravel(self.claim.upstream), [], 0.0
        for step in (largest, largest / 2):
            ends = []
            for t in (step, -step):
                moved = self.value.copy()
                moved[block] += t * direction
                self.prober.evaluations += 1
                ends.append(np.array(self.claim.output(moved.reshape(self.claim.value.shape)), np.float64).ravel())
            change = ends[0] - ends[1]
            quotients.append(dot(upstream, change) / (2 * step))
            rounding = float(np.sum(np.where(change != 0, np.abs(upstream) * np.abs(ends[0]), 0.0)))
        return (4 * quotients[1] - quotients[0]) / 3, 4 * ROUNDINGS * rounding / largest


def looks_right(claim: Claim, tolerance: float, rng: np.random.Generator) -> bool:
    """Whether the claimed gradient agrees with differences along two random directions that move every entry."""
    if claim.value.size == 0:
        return True
    search = _Search(claim, Prober(claim), tolerance)
    everything = np.arange(claim.value.size)
    return not any(search.misfit(everything, _signs(claim.value.size, rng)) for _ in range(2))
