"""Times of several contenders in one process, taken round by round, so that a busy neighbour meets all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeAlias

    #: A function that performs so many steps.
    Burst: TypeAlias = Callable[[int], None]

MOST, LEAST = 61, 5


def interleave(
    contenders: Mapping[str, Burst], seconds: float, budget: float, tell: Callable[[int, int], None]
) -> dict[str, list[float]]:
    """Seconds per step of each contender in each round, in bursts of about `seconds`, in `budget` seconds or so.

    There are LEAST to MOST rounds. tell(round, rounds) is called before each.
    """
    steps, round_takes = {}, 0.0
    for name, burst in contenders.items():
        burst(1)
        steps[name], takes = _calibrated(burst, seconds)
        round_takes += 1.2 * takes
    rounds = max(LEAST, min(MOST, int(budget / round_takes)))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for k in range(rounds):
        tell(k + 1, rounds)
        # To and fro, so that nobody always follows the same neighbour.
        for name in list(contenders)[:: -1 if k % 2 else 1]:
            burst, count = contenders[name], steps[name]
            burst(round(count / 5))  # warms the caches up
            times[name].append(_timed(burst, count) / count)
    return times


def _calibrated(burst: Burst, seconds: float) -> tuple[int, float]:
    """How many steps take about so long, and what they take."""
    steps = 1
    while (took := _timed(burst, steps)) < seconds / 4:
        steps *= 4
    each = took / steps
    steps = max(1, round(seconds / each))
    return steps, steps * each


def _timed(burst: Burst, steps: int) -> float:
    began = time.perf_counter()
    burst(steps)
    return time.perf_counter() - began


class Spread(NamedTuple):
    """The median of some figures and their quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """
        >>> Spread.of([1.0, 4.0, 2.0, 3.0, 9.0])
        Spread(median=3.0, low=2.0, high=4.0)
        """
        low, median, high = statistics.quantiles(figures, n=4, method="inclusive")
        return cls(median, low, high)

    @property
    def percent(self) -> float:
        """From quartile to quartile, in percent of the median."""
        return 100 * (self.high - self.low) / self.median
