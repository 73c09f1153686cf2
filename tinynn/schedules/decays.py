"""Schedules that only fall: constant, in steps, exponential, polynomial."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tinynn._arguments import not_negative, positive, shown
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.schedules.base import Schedule, as_steps


@dataclass(frozen=True, repr=False)
class constant(Schedule):
    """η(t) = η₀, the same rate at every step: a plain number does that too, this one fits among schedules.

    Parameters: learning_rate, η₀, at least 0.

    >>> constant(0.1)(1000)
    0.1
    """

    learning_rate: float

    def __post_init__(self) -> None:
        self._keep(learning_rate=not_negative("constant: learning_rate", self.learning_rate))

    def at(self, step: int) -> float:
        return self.learning_rate


@dataclass(frozen=True, repr=False)
class step(Schedule):
    """η(t) = η₀ γᵏ, k = ⌊t / every⌋: the rate falls to a part of itself at regular distances.

    Equal to PyTorch's StepLR.

    Parameters: learning_rate, η₀; every, in steps; factor, γ, above 0 and at most 1.

    >>> halves = step(0.4, every=100, factor=0.5)
    >>> halves(99), halves(100), halves(250)
    (0.4, 0.2, 0.1)
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        self._keep(
            learning_rate=positive("step: learning_rate", self.learning_rate),
            every=as_steps("step: every", self.every),
            factor=_factor("step: factor", self.factor),
        )

    def at(self, step: int) -> float:
        return self.learning_rate * self.factor ** (step // self.every)


@dataclass(frozen=True, repr=False)
class multi_step(Schedule):
    """η(t) = η₀ γᵏ, k the number of milestones that are at most t: the rate falls at steps of your choice.

    Equal to PyTorch's MultiStepLR.

    Parameters: learning_rate, η₀; milestones, steps in rising order; factor, γ, above 0 and at most 1.

    >>> falls = multi_step(0.4, milestones=[30, 80], factor=0.5)
    >>> falls(29), falls(30), falls(80)
    (0.4, 0.2, 0.1)
    """

    learning_rate: float
    milestones: Sequence[int]
    factor: float = 0.1

    def __post_init__(self) -> None:
        self._keep(
            learning_rate=positive("multi_step: learning_rate", self.learning_rate),
            milestones=rising("multi_step: milestones", self.milestones),
            factor=_factor("multi_step: factor", self.factor),
        )

    def at(self, step: int) -> float:
        return self.learning_rate * self.factor ** bisect_right(self.milestones, step)


@dataclass(frozen=True, repr=False)
class exponential(Schedule):
    """η(t) = η₀ γᵗ: each step's rate is the same part of the one before.

    Equal to PyTorch's ExponentialLR. To fall to a part p within n steps, factor is p ** (1 / n).

    Parameters: learning_rate, η₀; factor, γ, above 0 and at most 1.

    >>> falls = exponential(0.4, factor=0.5)
    >>> falls(0), falls(1), falls(3)
    (0.4, 0.2, 0.05)
    """

    learning_rate: float
    factor: float

    def __post_init__(self) -> None:
        self._keep(
            learning_rate=positive("exponential: learning_rate", self.learning_rate),
            factor=_factor("exponential: factor", self.factor),
        )

    def at(self, step: int) -> float:
        return self.learning_rate * self.factor**step


@dataclass(frozen=True, repr=False)
class polynomial(Schedule):
    """η(t) = η₁ + (η₀ − η₁) (1 − t/n)ᵖ, and η₁ from step n on; with p = 1 a straight line.

    With the minimum 0 equal to PyTorch's PolynomialLR, with the power 1 to its LinearLR that falls.

    Parameters: learning_rate, η₀; steps, n; power, p, above 0; minimum, η₁, at most η₀.

    >>> line = polynomial(0.4, steps=100)
    >>> line(0), line(50), line(75), line(1000)
    (0.4, 0.2, 0.1, 0.0)
    """

    learning_rate: float
    steps: int
    power: float = 1.0
    minimum: float = 0.0

    def __post_init__(self) -> None:
        self._keep(
            learning_rate=positive("polynomial: learning_rate", self.learning_rate),
            steps=as_steps("polynomial: steps", self.steps),
            power=positive("polynomial: power", self.power),
            minimum=not_negative("polynomial: minimum", self.minimum),
        )
        check_minimum(self)

    def at(self, step: int) -> float:
        if step >= self.steps:
            return self.minimum
        left = 1.0 - step / self.steps
        return self.minimum + (self.learning_rate - self.minimum) * math.pow(left, self.power)


def check_minimum(schedule: Any) -> None:
    """The rate falls to its minimum."""
    if schedule.minimum > schedule.learning_rate:
        raise InvalidValueError(
            f"{type(schedule).__name__}: minimum must be at most learning_rate, {schedule.learning_rate}, "
            f"got {schedule.minimum}"
        )


def rising(what: str, milestones: Any) -> tuple[int, ...]:
    """Steps above 0, each larger than the one before, as a tuple."""
    try:
        if isinstance(milestones, (str, bytes)):
            raise TypeError
        listed = tuple(milestones)
    except Exception:  # that of another library's object, too
        raise DtypeError(f"{what} must be a list of steps, got {shown(milestones)}") from None
    steps = tuple(as_steps(f"each of {what}", milestone) for milestone in listed)
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise InvalidValueError(f"{what} must rise from each to the next, got {list(steps)}")
    return steps


def _factor(what: str, value: Any) -> float:
    factor = positive(what, value)
    if factor > 1:
        raise InvalidValueError(f"{what} must be at most 1, got {value!r}; to divide by it pass {1 / factor:g}")
    return factor
