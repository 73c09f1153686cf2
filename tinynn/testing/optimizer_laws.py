"""The laws of optimizers: they descend, keep arrays and state to each its own, and go on from where they were."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.parameter import Parameter

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report

    Factory = Callable[[Sequence[Parameter]], Any]

#: The bowl ½ Σ cᵢ wᵢ² and the valley of Rosenbrock, made flatter by these until a rate fits.
FLATNESS = (1.0, 0.1, 0.01, 0.001)
STEPS = 400
#: Times the optimizer's own rate, for a rate that converges.
RATES = (1.0, 10.0, 100.0, 1000.0, 0.1)
#: The share of the cost that must be left at most, and how nearly two paths are the same.
LEFT, SAME = 0.98, 1e-11


def parameters_to_step(dtype: Any = np.float64, seed: int = 0) -> list[Parameter]:
    """A weight in Fortran order, a bias, the first one's twin, to get equal gradients, and another of its shape."""
    rng = np.random.default_rng(seed)
    weight = np.asfortranarray(rng.normal(size=(3, 2)).astype(dtype))
    other = np.asfortranarray(rng.normal(size=(3, 2)).astype(dtype))
    bias = rng.normal(size=3).astype(dtype)
    return [
        Parameter(weight, "weight"),
        Parameter(bias, "bias"),
        Parameter(weight, "weight"),
        Parameter(other, "other"),
    ]


def _give(parameters: Sequence[Parameter], rng: np.random.Generator) -> None:
    """Some gradients; those of the twins are equal."""
    for parameter in parameters:
        parameter.grad = rng.normal(size=parameter.shape)
    if len(parameters) > 2:
        parameters[2].grad = parameters[0].grad


def _path(factory: Factory, steps: int, dtype: Any = np.float64, seed: int = 1) -> Array:
    """All values after each of some steps with drawn gradients."""
    parameters, rng, path = parameters_to_step(dtype), np.random.default_rng(seed), []
    optimizer = factory(parameters)
    for _ in range(steps):
        _give(parameters, rng)
        optimizer.step()
        path.append(np.concatenate([np.ravel(p.value) for p in parameters]))
    return np.array(path)


# ---- arrays and state ---------------------------------------------------------------------------
def keeps_arrays(factory: Factory, report: Report) -> None:
    for dtype in (np.float64, np.float32):
        parameters, rng = parameters_to_step(dtype), np.random.default_rng(1)
        optimizer = factory(parameters)
        arrays = [p.value for p in parameters]
        for _ in range(3):
            _give(parameters, rng)
            before, grads = [p.value.copy() for p in parameters], [p.grad.copy() for p in parameters]
            optimizer.step()
            for p, array, old, grad in zip(parameters, arrays, before, grads, strict=True):
                if not np.array_equal(p.grad, grad):
                    report.fail("grad-written", f"step writes into the gradient of {p.name}; it is the layer's")
                if p.value.dtype != dtype:
                    report.fail(
                        "dtype", f"step turns the values of {p.name} from {np.dtype(dtype)} into {p.value.dtype}"
                    )
                if p.value is not array:
                    report.fail("array-replaced", f"step puts another array in place of {p.name}.value; write into it")
                if not np.isfinite(p.value).all():
                    report.fail("diverges", f"the values of {p.name} are not finite after a step")
                if np.array_equal(p.value, old):
                    report.fail("forgotten", f"step leaves {p.name} as it was, though its gradient is not 0")
                if np.any((p.value == old) & (grad != 0)) and dtype == np.float64:
                    report.fail(
                        "forgotten", f"step leaves entries of {p.name} as they were, though their gradient is not 0"
                    )
                if dtype == np.float64 and _single(p.value) and not _single(old):
                    report.fail("dtype", f"step rounds the values of {p.name} to float32")
    report.laws.append("keeps arrays, dtypes and gradients")


def _single(array: Array) -> bool:
    return np.array_equal(array.astype(np.float32).astype(np.float64), array)


def separate_state(factory: Factory, report: Report) -> None:
    """Parameters of one name, value and gradient take the same way; a second optimizer starts afresh."""
    parameters, rng = parameters_to_step(), np.random.default_rng(1)
    optimizer = factory(parameters)
    for _ in range(4):
        _give(parameters, rng)
        optimizer.step()
        if not np.allclose(parameters[0].value, parameters[2].value, rtol=1e-12, atol=1e-14):
            report.fail("state-shared", "two equal parameters with equal gradients part: they share a state")
    if not np.array_equal(_path(factory, 4), _path(factory, 4)):
        report.fail("state-shared", "a second optimizer takes another path: it shares a state with the first")
    report.laws.append("a state for each parameter")


# ---- descent ------------------------------------------------------------------------------------
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
    parameters, rng = parameters_to_step(), np.random.default_rng(2)
    optimizer = factory(parameters)
    for parameter in parameters:
        parameter.value = np.zeros(parameter.shape)
    _give(parameters, rng)
    for _ in range(3):  # the same gradient again and again
        before = [p.value.copy() for p in parameters]
        optimizer.step()
        change = sum(float(np.vdot(p.value - old, p.grad)) for p, old in zip(parameters, before, strict=True))
        if change > 0:
            report.fail("ascends", "a step along a constant gradient goes uphill")
    report.laws.append("descends")


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
        rate = faster * optimizer.rate()
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


# ---- the rule -----------------------------------------------------------------------------------
def same_rule(factory: Factory, like: Factory, report: Report) -> None:
    found, expected = _path(factory, 20), _path(like, 20)
    error = np.abs(found - expected)
    wrong = np.flatnonzero((error > SAME * np.maximum(1.0, np.abs(expected))).any(axis=1))
    if not len(wrong):
        report.laws.append("the rule step for step")
        return
    step = int(wrong[0])
    k = int(error[step].argmax())
    start = np.concatenate([np.ravel(p.value) for p in parameters_to_step()])
    hint = ""
    if step == 0:
        ratio = (found[0] - start) / (expected[0] - start)
        if np.allclose(ratio, ratio[0]):
            hint = f"; its first step is {ratio[0]:.6g} times as long: a rate, or a bias correction?"
    report.fail(
        "rule",
        f"from step {step + 1} on the path differs from {type(like(parameters_to_step())).__name__}'s: "
        f"{found[step, k]:.10g} instead of {expected[step, k]:.10g}{hint}",
    )


# ---- tinynn's own -------------------------------------------------------------------------------
def schedule(factory: Factory, report: Report) -> None:
    parameters, seen = parameters_to_step(), []
    optimizer = factory(parameters)
    rate: float = optimizer.rate()

    def schedule(step: int) -> float:
        seen.append(step)
        return rate

    optimizer.learning_rate = schedule
    for _ in range(3):
        _give(parameters, np.random.default_rng(1))
        optimizer.step()
    if list(dict.fromkeys(seen)) != [0, 1, 2]:
        report.fail("schedule", f"a schedule must see steps 0, 1, 2, and it saw {list(dict.fromkeys(seen))}")
    report.laws.append("schedules see step 0 first")


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
    expected = _path(factory, 6)
    parameters, rng = parameters_to_step(), np.random.default_rng(1)
    optimizer = factory(parameters)
    for step in range(6):
        if step == 3:
            state = optimizer.state_dict()
            kept = copy.deepcopy(state)
            moved = parameters_to_step()
            for old, new in zip(parameters, moved, strict=True):
                new.value = old.value
            _give(parameters, np.random.default_rng(9))
            optimizer.step()
            if not same_state(state, kept):
                report.fail("state", "state_dict changes with the next step: copy the arrays into it")
            parameters, optimizer = moved, factory(moved)
            optimizer.load_state_dict(kept)
        _give(parameters, rng)
        optimizer.step()
        if not np.array_equal(np.concatenate([np.ravel(p.value) for p in parameters]), expected[step]):
            report.fail("state", "gone on from state_dict, the optimizer takes another path: something is not in it")
    report.laws.append("goes on from its state")


def same_state(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[key], b[key]) for key in a)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)
