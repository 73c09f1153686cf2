"""Optimizers go down: a bowl, a valley, and never against a gradient that stays."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.parameter import Parameter
from tinynn.testing.optimizer_laws import give, parameters_to_step

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.optimizer_laws import Factory
    from tinynn.testing.report import Report

#: The bowl ½ Σ cᵢ wᵢ² and the valley of Rosenbrock, made flatter by these until a rate fits.
FLATNESS = (1.0, 0.1, 0.01, 0.001)
STEPS = 400
#: Times the optimizer's own rate, for a rate that converges.
RATES = (1.0, 10.0, 100.0, 1000.0, 0.1, 1e4, 1e5)
#: The share of the cost that must be left at most: with a small rate not much is gone after these steps.
LEFT = 1 - 1e-5


def _bowl(w: Array) -> tuple[float, Array]:
    curvature = np.array([1.0, 10.0])
    return float(0.5 * curvature @ w**2), curvature * w


def _valley(w: Array) -> tuple[float, Array]:
    x, y = w
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def descends(factory: Factory, report: Report) -> None:
    for name, f, start in (("a bowl", _bowl, (1.0, -2.0)), ("Rosenbrock's valley", _valley, (-1.2, 1.0))):
        left = [_left(factory, f, np.array(start), flat) for flat in FLATNESS]
        if min(left) <= LEFT:
            continue
        finite = [share for share in left if np.isfinite(share)]
        if not finite or min(finite) > 10:
            report.fail("diverges", f"{STEPS} steps on {name} end at {min(left):.3g} times the cost: steps too long?")
        report.fail(
            "ascends", f"{STEPS} steps on {name} end at {min(left):.4g} times the cost at the start: it climbs?"
        )
    report.laws.append("descends")


def goes_downhill(factory: Factory, report: Report) -> None:
    """From where all values are 0, no parameter goes against its gradient; no entry, if each moves by itself."""
    diagonal = _is_diagonal(factory)
    for seed in range(8):
        parameters, optimizer = _at_zero(factory, np.random.default_rng([2, seed]))
        for _ in range(3):  # the same gradient again and again
            optimizer.step()
            for p in parameters:
                along = p.value * p.grad
                if along.sum() > 0:
                    report.fail("ascends", f"steps along a constant gradient take {p.name} uphill")
                if diagonal and np.any(along > 0):
                    report.fail("ascends", f"steps along a constant gradient take an entry of {p.name} uphill")


def _at_zero(factory: Factory, rng: np.random.Generator) -> tuple[list[Parameter], Any]:
    parameters = parameters_to_step()
    for parameter in parameters:
        parameter.value = np.zeros(parameter.shape)
    optimizer = factory(parameters)
    give(parameters, rng)
    return parameters, optimizer


def _is_diagonal(factory: Factory) -> bool:
    """Whether another gradient of one entry of a matrix, and one of a vector, moves these two alone."""
    found = []
    for change in (0.0, 0.5):
        parameters, optimizer = _at_zero(factory, np.random.default_rng(3))
        parameters[1].grad[1] += change
        parameters[3].grad[1, 1] += change
        optimizer.step()
        found.append(np.concatenate([np.ravel(p.value) for p in parameters]))
    return int(np.sum(found[0] != found[1])) <= 2


def converges(factory: Factory, report: Report) -> None:
    """With a rate that falls to 0, and some start of it, next to nothing is left of either cost."""
    bowl, valley = ("a bowl", _bowl, (1.0, -2.0), 0.01), ("Rosenbrock's valley", _valley, (-1.2, 1.0), 0.3)
    for name, f, start, enough in (bowl, valley):
        least = np.inf
        for faster, flat in itertools.product(RATES, FLATNESS):
            least = min(least, _left(factory, f, np.array(start), flat, faster))
            if least <= enough:
                break
        else:
            report.fail("diverges", f"whatever the rate, {STEPS} steps on {name} leave {least:.3g} of the first cost")
    report.laws.append("converges")


def _left(
    factory: Factory, f: Callable[[Array], tuple[float, Array]], start: Array, flat: float, faster: float | None = None
) -> float:
    """Which share of the cost is left after some steps; `faster` times the first rate, falling to 0, if given."""
    w = Parameter(start.copy(), "w")
    optimizer = factory([w])
    if faster is not None:
        rate = faster * _highest(optimizer)
        optimizer.learning_rate = lambda step: rate * max(0.0, 1 - step / STEPS)
    first = f(start)[0]
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            cost, grad = f(w.value)
            if not np.isfinite(cost):
                return np.inf
            w.grad = flat * grad
            optimizer.step()
        return float(f(w.value)[0] / first)


def _highest(optimizer: Any) -> float:
    """The optimizer's own rate, of a schedule the highest: one that warms up starts at 0."""
    rate = optimizer.learning_rate
    return float(max(rate(step) for step in range(STEPS)) if callable(rate) else rate)
