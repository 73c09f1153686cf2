"""Schedules that rise and fall: cosine with warm-up and restarts, and the one-cycle policy."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from tinynn._arguments import choice, flag, fraction, not_negative, positive
from tinynn.errors import InvalidValueError
from tinynn.schedules.base import Schedule, as_steps
from tinynn.schedules.decays import check_minimum


@dataclass(frozen=True, repr=False)
class cosine(Schedule):
    """Half a cosine from η₀ down to η₁, if asked after a linear rise, and if asked again and again.

    η(t) = η₀ (s + (1 − s) t/w)                          warm-up: t < w
    η(t) = η₁ + (η₀ − η₁) (1 + cos(π (t − w) / T)) / 2   T = n − w; w ≤ t < n
    η(t) = η₁                                            t ≥ n, without restarts

    With restarts the rate jumps back to η₀ at step n, and the next half cosine is `growth` times as long
    as the one before: T, gT, g²T, …, without an end.

    Equal to PyTorch's CosineAnnealingLR up to step n (there the rate rises again afterwards, here it stays),
    with restarts to CosineAnnealingWarmRestarts, with warm-up to SequentialLR of LinearLR and either.

    Parameters: learning_rate, η₀; steps, n, of the warm-up and the first descent together; minimum, η₁, at
    most η₀; warmup, w, in steps, less than n; start_factor, s; restarts; growth, g, an int.
    Source: Loshchilov & Hutter (2017), SGDR, eq. 5; Goyal et al. (2017), section 2.2, for the warm-up.

    >>> falls = cosine(0.4, steps=100, warmup=20)
    >>> [round(falls(step), 3) for step in (0, 10, 20, 60, 100)]
    [0.004, 0.202, 0.4, 0.2, 0.0]
    >>> again = cosine(0.4, steps=100, restarts=True, growth=2)
    >>> [round(again(step), 3) for step in (0, 50, 100, 200, 300)]
    [0.4, 0.2, 0.4, 0.2, 0.4]
    """

    learning_rate: float
    steps: int
    minimum: float = 0.0
    _: KW_ONLY
    warmup: int = 0
    start_factor: float = 0.01
    restarts: bool = False
    growth: int = 1

    def __post_init__(self) -> None:
        self._keep(
            learning_rate=positive("cosine: learning_rate", self.learning_rate),
            steps=as_steps("cosine: steps", self.steps),
            minimum=not_negative("cosine: minimum", self.minimum),
            warmup=as_steps("cosine: warmup", self.warmup, least=0),
            start_factor=fraction("cosine: start_factor", self.start_factor),
            restarts=flag("cosine: restarts", self.restarts),
            growth=as_steps("cosine: growth", self.growth),
        )
        check_minimum(self)
        if self.warmup >= self.steps:
            raise InvalidValueError(
                f"cosine: warmup is part of the {self.steps} steps and must be less, got {self.warmup}"
            )
        if self.growth > 1 and not self.restarts:
            raise InvalidValueError(f"cosine: growth={self.growth} needs restarts=True")

    def at(self, step: int) -> float:
        if step < self.warmup:
            return self.learning_rate * rise(step, self.warmup, self.start_factor)
        step, period = step - self.warmup, self.steps - self.warmup
        if self.restarts:
            step, period = _since_restart(step, period, self.growth)
        step = min(step, period)
        return self.minimum + (self.learning_rate - self.minimum) * (1 + math.cos(math.pi * step / period)) / 2


def rise(step: int, steps: int, start_factor: float) -> float:
    """The part of the full rate in a linear warm-up: start_factor at step 0, 1 after `steps`."""
    return start_factor + (1 - start_factor) * step / steps


def _since_restart(step: int, period: int, growth: int) -> tuple[int, int]:
    """Steps since the last restart, and the length of the descent that began there."""
    if growth == 1:
        return step % period, period
    while step >= period:  # a few turns: each period is at least twice as long
        step, period = step - period, period * growth
    return step, period


@dataclass(frozen=True, repr=False)
class one_cycle(Schedule):
    """One rise to a large rate and one long fall far below the first one.

    From η₀ = maximum / start_divisor up to the maximum in the first `rise` of the steps, then down to
    η₀ / final_divisor, each along half a cosine or a line; with three_phase the fall takes as long as the
    rise did, back to η₀, and a third phase leads on to the end. The last step has the last rate, and what
    follows too.

    Equal to the learning rate of PyTorch's OneCycleLR, which refuses to go beyond the end. It moves the
    momentum as well, unless told cycle_momentum=False; here the optimizer's stays.

    Parameters: maximum; steps; rise, from 0 to below 1, at most 0.5 with three_phase; start_divisor and
    final_divisor, at least 1; anneal, "cosine" or "linear"; three_phase.
    Source: Smith & Topin (2018), Super-convergence.

    >>> cycle = one_cycle(1.0, steps=100, rise=0.21, start_divisor=5, final_divisor=100)
    >>> [round(cycle(step), 3) for step in (0, 10, 20, 60, 99, 200)]
    [0.2, 0.6, 1.0, 0.491, 0.002, 0.002]
    """

    maximum: float
    steps: int
    _: KW_ONLY
    rise: float = 0.3
    start_divisor: float = 25.0
    final_divisor: float = 1e4
    anneal: Literal["cosine", "linear"] = "cosine"
    three_phase: bool = False

    def __post_init__(self) -> None:
        self._keep(
            maximum=positive("one_cycle: maximum", self.maximum),
            steps=as_steps("one_cycle: steps", self.steps),
            rise=fraction("one_cycle: rise", self.rise),
            start_divisor=_divisor("one_cycle: start_divisor", self.start_divisor),
            final_divisor=_divisor("one_cycle: final_divisor", self.final_divisor),
            anneal=choice("one_cycle: anneal", self.anneal, "cosine", "linear"),
            three_phase=flag("one_cycle: three_phase", self.three_phase),
        )
        if self.three_phase and self.rise > 0.5:
            raise InvalidValueError(
                f"one_cycle: rise must be at most 0.5 with three_phase, for the fall takes as long; got {self.rise}"
            )

    def at(self, step: int) -> float:
        low, peak = self.maximum / self.start_divisor, self.rise * self.steps - 1.0
        phases = [(peak, self.maximum), (self.steps - 1.0, low / self.final_divisor)]
        if self.three_phase:
            phases.insert(1, (2 * peak, low))
        begin, start = 0.0, low
        for end, goal in phases:
            if step < end:
                return self._between(start, goal, (step - begin) / (end - begin))
            begin, start = end, goal
        return start

    def _between(self, start: float, end: float, part: float) -> float:
        """From start (part 0) to end (part 1)."""
        if self.anneal == "linear":
            return start + (end - start) * part
        return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


def _divisor(what: str, value: float) -> float:
    divisor = positive(what, value)
    if divisor < 1:
        raise InvalidValueError(f"{what} must be at least 1, got {value!r}")
    return divisor
