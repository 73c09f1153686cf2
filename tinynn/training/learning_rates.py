"""What a sweep over learning rates found: the costs, smoothed, and the rate that they suggest."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tinynn._arrays import Array

#: The part of the rate with the lowest cost that is suggested. After two or three epochs of 16 small networks a third
#: cost 1.18 times what the best rate of all did (the geometric mean of three sweeps each; a half 1.13, a tenth 1.70),
#: the steepest descent of the same curves 1.54 times. Longer training wants less than a half.
PART = 1 / 3
#: How many standard errors of itself a fall must be: of a thousand sweeps over nothing but noise one has more.
CLEAR = 5.0


class LearningRates:
    """What `find_learning_rate` found.

    costs are the raw ones smoothed both ways, Σⱼ βˡⁱ⁻ʲˡ cⱼ / Σⱼ βˡⁱ⁻ʲˡ, so that nothing moves to the right.

    Attributes: rates; raw, the cost of a batch at each; costs; suggestion, a third of the rate at which they
    are lowest, or None where they never fell clearly; note, what is to be said about it, or None.

    >>> rates = np.geomspace(0.01, 10, 31)
    >>> LearningRates(rates, np.log10(rates) ** 2, smoothing=0.0)
    LearningRates(31 steps from 0.01 to 10: suggestion 0.333)
    """

    def __init__(self, rates: Sequence[float] | Array, raw: Sequence[float], smoothing: float) -> None:
        self.raw = np.array(raw, float)
        self.rates = np.array(rates, float)[: len(self.raw)]
        self.costs = _smoothed(self.raw, smoothing)
        self.suggestion, self.note = self._judged(smoothing, len(rates))

    def _judged(self, smoothing: float, steps: int) -> tuple[float | None, str | None]:
        if len(self.raw) == 0:
            return None, "the cost was not finite at the first batch; check the data and the model's parameters"
        lowest = int(self.costs.argmin())
        if not self.costs[0] - self.costs[lowest] > CLEAR * _error(self.raw[: lowest + 1], smoothing):
            return None, (
                "the cost never fell clearly, by more than the batches differ anyway; "
                "take more steps or larger batches, start lower, or check model and data"
            )
        last = "the cost was still falling at the last rate; raise stop" if lowest == steps - 1 else None
        return float(self.rates[lowest]) * PART, last

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The costs over the rates as a picture, which goes into a PNG file as well where a path is given.

        Raises: ImportError without matplotlib (the extra `plots`).
        """
        from tinynn.plots import draw_learning_rates

        return draw_learning_rates(self, path)

    def __repr__(self) -> str:
        parts = [] if self.suggestion is None else [f"suggestion {self.suggestion:.3g}"]
        parts += [] if self.note is None else [self.note]
        span = f" from {self.rates[0]:.3g} to {self.rates[-1]:.3g}" if len(self.rates) else ""
        return f"LearningRates({len(self.rates)} steps{span}: {'; '.join(parts)})"


def _smoothed(costs: Array, smoothing: float) -> Array:
    """Σⱼ βˡⁱ⁻ʲˡ cⱼ / Σⱼ βˡⁱ⁻ʲˡ."""
    both = np.array([costs, np.ones_like(costs)])
    left, right = both.copy(), both.copy()
    for k in range(1, len(costs)):
        left[:, k] += smoothing * left[:, k - 1]
        right[:, -1 - k] += smoothing * right[:, -k]
    sums = left + right - both
    return np.asarray(sums[0] / sums[1])


def _error(raw: Array, smoothing: float) -> float:
    """The standard error of a fall from the first smoothed cost, a one-sided mean, to a later, two-sided one.

    The costs' own spread is judged by how much neighbours differ: σ² = E (cᵢ₊₁ − cᵢ)² / 2. The mean of n
    independent costs has σ² / n; with weights βᵏ to one side n is (1 + β) / (1 − β), to both about twice that.
    """
    if len(raw) < 2:
        return 0.0
    variance = float(np.mean(np.diff(raw) ** 2)) / 2
    return math.sqrt(1.5 * variance * (1 - smoothing) / (1 + smoothing))
