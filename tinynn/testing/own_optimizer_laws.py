"""What a tinynn Optimizer promises beyond the laws of every optimizer."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.parameter import Parameter
from tinynn.testing.optimizer_laws import give, parameters_to_step, path

if TYPE_CHECKING:
    from tinynn.testing.optimizer_laws import Factory
    from tinynn.testing.report import Report


def schedule(factory: Factory, report: Report) -> None:
    parameters, seen = parameters_to_step(), []
    optimizer = factory(parameters)
    rate: float = optimizer.rate()

    def schedule(step: int) -> float:
        seen.append(step)
        return rate

    optimizer.learning_rate = schedule
    for _ in range(3):
        give(parameters, np.random.default_rng(1))
        optimizer.step()
    if list(dict.fromkeys(seen)) != [0, 1, 2]:
        report.fail("schedule", f"a schedule must see steps 0, 1, 2, and it saw {list(dict.fromkeys(seen))}")
    report.laws.append("schedules see step 0 first")


def follows_its_rate(factory: Factory, report: Report) -> None:
    parameters = parameters_to_step()
    optimizer = factory(parameters)
    if any(group.learning_rate is not None for group in optimizer.groups):
        return  # rates of their own
    optimizer.learning_rate = 0.0
    before = [p.value.copy() for p in parameters]
    for _ in range(2):
        give(parameters, np.random.default_rng(1))
        optimizer.step()
    if not all(np.array_equal(p.value, old) for p, old in zip(parameters, before, strict=True)):
        report.fail("rate", "a learning rate of 0 still moves the values: multiply the step by the rate")
    report.laws.append("the rate is followed")


def duplicates(factory: Factory, report: Report) -> None:
    weight = Parameter(np.ones(3))
    try:
        factory([weight, weight])
    except ValueError:
        report.laws.append("duplicates refused")
        return
    report.fail("duplicates", "a parameter given twice must be refused: it would be stepped twice")


def state(factory: Factory, report: Report) -> None:
    """Stopped after some steps and gone on from its state, it takes the very same path."""
    expected = path(factory, 6)
    parameters, rng = parameters_to_step(), np.random.default_rng(1)
    optimizer = factory(parameters)
    for step in range(6):
        if step == 3:
            state = optimizer.state_dict()
            kept = copy.deepcopy(state)
            moved = parameters_to_step()
            for old, new in zip(parameters, moved, strict=True):
                new.value = old.value
            give(parameters, np.random.default_rng(9))
            optimizer.step()
            if not same_state(state, kept):
                report.fail("state", "state_dict changes with the next step: copy the arrays into it")
            parameters, optimizer = moved, factory(moved)
            optimizer.load_state_dict(kept)
        give(parameters, rng)
        optimizer.step()
        if not np.array_equal(np.concatenate([np.ravel(p.value) for p in parameters]), expected[step]):
            report.fail("state", "gone on from state_dict, the optimizer takes another path: something is not in it")
    report.laws.append("goes on from its state")


def same_state(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[key], b[key]) for key in a)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)
