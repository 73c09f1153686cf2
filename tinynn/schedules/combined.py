"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinynn._arguments import fraction
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.schedules.base import Schedule, as_steps
from tinynn.schedules.cycles import rise
from tinynn.schedules.decays import rising


@dataclass(frozen=True, repr=False)
class warmup(Schedule):
    """A linear rise before any schedule, up to the rate that it begins with.

    η(t) = f(0) (s + (1 − s) t/w)   t < w
    η(t) = f(t − w)                 t ≥ w

    Equal to PyTorch's SequentialLR of LinearLR and the scheduler of f; before a constant, to LinearLR.

    Parameters: schedule, f; steps, w; start_factor, s, from 0 to below 1.
    Source: Goyal et al. (2017), section 2.2.

    >>> from tinynn.schedules import constant
    >>> rate = warmup(constant(1.0), steps=10, start_factor=0.5)
    >>> rate(0), rate(5), rate(10), rate(11)
    (0.5, 0.75, 1.0, 1.0)
    """

    schedule: Schedule
    steps: int
    start_factor: float = 0.01

    def __post_init__(self) -> None:
        self._keep(
            schedule=_schedule("warmup: schedule", self.schedule),
            steps=as_steps("warmup: steps", self.steps),
            start_factor=fraction("warmup: start_factor", self.start_factor),
        )

    def at(self, step: int) -> float:
        if step < self.steps:
            return self.schedule.at(0) * rise(step, self.steps, self.start_factor)
        return self.schedule.at(step - self.steps)


@dataclass(frozen=True, repr=False)
class sequential(Schedule):
    """One schedule after another; each begins with its own step 0 at its milestone.

    η(t) = fₖ(t − mₖ), k the number of milestones that are at most t, m₀ = 0

    Equal to PyTorch's SequentialLR.

    Parameters: schedules, f₀, f₁, …; milestones, m₁, m₂, …, steps in rising order, one fewer.

    >>> from tinynn.schedules import constant, exponential
    >>> rate = sequential([constant(0.1), exponential(0.4, factor=0.5)], milestones=[100])
    >>> rate(99), rate(100), rate(102)
    (0.1, 0.4, 0.1)
    """

    schedules: Sequence[Schedule]
    milestones: Sequence[int]

    def __post_init__(self) -> None:
        if not isinstance(self.schedules, (list, tuple)):
            raise DtypeError(f"sequential: schedules must be a list, got {self.schedules!r}")
        self._keep(
            schedules=tuple(_schedule("sequential: each schedule", part) for part in self.schedules),
            milestones=rising("sequential: milestones", self.milestones),
        )
        if len(self.schedules) != len(self.milestones) + 1:
            raise InvalidValueError(
                "sequential: milestones must be one fewer than schedules, the steps at which all but the "
                f"first begin; got {len(self.milestones)} and {len(self.schedules)}"
            )

    def at(self, step: int) -> float:
        k = bisect_right(self.milestones, step)
        return self.schedules[k].at(step - self.milestones[k - 1] if k else step)


def _schedule(what: str, part: Any) -> Schedule:
    if isinstance(part, Schedule):
        return part
    hint = "a function of your own can be joined to it in a function of your own"
    if not callable(part):
        hint = f"for one rate all the way pass constant({part!r})"
    raise DtypeError(f"{what} must be one of tinynn.schedules, got {part!r}; {hint}")
