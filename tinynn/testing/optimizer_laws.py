"""The laws of optimizers: arrays and state to each its own, float64 kept, the rule itself, a state to go on from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.optimizers.base import Optimizer
from tinynn.parameter import Parameter
from tinynn.testing.differences import EPSILON

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report

    Factory = Callable[[Sequence[Parameter]], Any]

#: How nearly two paths are the same, and after how many steps every entry must have moved.
SAME, ENOUGH = 1e-11, 12


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


def give(parameters: Sequence[Parameter], rng: np.random.Generator) -> None:
    """Some gradients; those of the twins are equal."""
    for parameter in parameters:
        parameter.grad = rng.normal(size=parameter.shape)
    if len(parameters) > 2:
        parameters[2].grad = parameters[0].grad


def path(factory: Factory, steps: int, dtype: Any = np.float64, seed: int = 1) -> Array:
    """All values after each of some steps with drawn gradients."""
    parameters, rng, path = parameters_to_step(dtype), np.random.default_rng(seed), []
    optimizer = factory(parameters)
    for _ in range(steps):
        give(parameters, rng)
        optimizer.step()
        path.append(np.concatenate([np.ravel(p.value) for p in parameters]))
    return np.array(path)


# ---- arrays and state ---------------------------------------------------------------------------
def keeps_arrays(factory: Factory, report: Report) -> None:
    for dtype in (np.float64, np.float32):
        parameters, rng = parameters_to_step(dtype), np.random.default_rng(1)
        optimizer = factory(parameters)
        arrays, still = [p.value for p in parameters], [np.ones(p.shape, bool) for p in parameters]
        for _ in range(ENOUGH):
            give(parameters, rng)
            before, grads = [p.value.copy() for p in parameters], [p.grad.copy() for p in parameters]
            optimizer.step()
            for k, (p, array, old, grad) in enumerate(zip(parameters, arrays, before, grads, strict=True)):
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
                if dtype == np.float64 and _single(p.value) and not _single(old):
                    report.fail("dtype", f"step rounds the values of {p.name} to float32")
                still[k] &= p.value == old
        if dtype == np.float64:
            _all_moved(parameters, still, report)
            if isinstance(optimizer, Optimizer):
                _slots_written(optimizer, report)
    report.laws.append("keeps arrays, dtypes and gradients")


def _all_moved(parameters: Sequence[Parameter], still: list[Array], report: Report) -> None:
    """A rate that warms up, or a gradient that is gathered first, may leave values where they are for a while."""
    for p, entries in zip(parameters, still, strict=True):
        if entries.any():
            what = f"{p.name} as it was" if entries.all() else f"entries of {p.name} as they were"
            report.fail("forgotten", f"{ENOUGH} steps leave {what}, though the gradient is not 0")


def _slots_written(optimizer: Optimizer, report: Report) -> None:
    for name, array in optimizer.state.items():
        if not array.any():
            report.fail("state", f"the slot {name} is 0 after {ENOUGH} steps: write into it ({name}[:] = …)")


def zero_gradients(factory: Factory, report: Report) -> None:
    """A gradient of 0, of all parameters or of one, gives finite values: dead units have it."""
    parameters, rng = parameters_to_step(), np.random.default_rng(4)
    optimizer = factory(parameters)
    for alone in (False, True, True):
        give(parameters, rng)
        for parameter in parameters[1:] if alone else parameters:
            parameter.grad = np.zeros(parameter.shape)
        with np.errstate(all="ignore"):
            optimizer.step()
        if not all(np.isfinite(p.value).all() for p in parameters):
            report.fail("not-finite", "a gradient of 0 gives values that are not finite: is an epsilon missing?")
    report.laws.append("finite at a gradient of 0")


def computes_in_float64(factory: Factory, report: Report) -> None:
    """A change of the gradient that float32 cannot hold shows in the values, if a larger one does."""

    def values(share: float) -> Array:
        parameters, rng = parameters_to_step(), np.random.default_rng(5)
        for parameter in parameters:
            parameter.value = np.zeros(parameter.shape)
        optimizer = factory(parameters)
        for step in range(3):
            for parameter in parameters:
                grad = rng.normal(size=parameter.shape).astype(np.float32).astype(np.float64)
                away = 1 + share * rng.uniform(0.5, 1.0, parameter.shape)
                parameter.grad = grad * away if step == 1 else grad
            optimizer.step()
        return np.concatenate([np.ravel(p.value) for p in parameters])

    plain = values(0.0)
    shows = 1e-6 * np.abs(values(1e-3) - plain) > 64 * EPSILON * np.abs(plain)
    if shows.any() and np.mean(values(1e-9)[shows] != plain[shows]) < 0.5:  # a few may cross a rounding
        report.fail("dtype", "step computes in float32: a change of a float64 gradient by 1e-9 does not show")


def keeps_no_gradient(factory: Factory, report: Report) -> None:
    """Gradients in arrays of their own, step by step, give the same path as one array that is written anew."""
    kept, rng = parameters_to_step(), np.random.default_rng(1)
    optimizer, expected = factory(kept), path(factory, 4)
    for step in range(4):
        for parameter in kept:
            parameter._grad = np.empty_like(parameter.value)
        give(kept, rng)
        optimizer.step()
        if not np.array_equal(np.concatenate([np.ravel(p.value) for p in kept]), expected[step]):
            report.fail("state-shared", "a gradient's array is kept, which the next gradient overwrites: copy it")


def _single(array: Array) -> bool:
    return np.array_equal(array.astype(np.float32).astype(np.float64), array)


def separate_state(factory: Factory, report: Report) -> None:
    """Parameters of one name, value and gradient take the same way; a second optimizer starts afresh."""
    parameters, rng = parameters_to_step(), np.random.default_rng(1)
    optimizer = factory(parameters)
    for _ in range(4):
        give(parameters, rng)
        optimizer.step()
        if not np.allclose(parameters[0].value, parameters[2].value, rtol=1e-12, atol=1e-14):
            report.fail("state-shared", "two equal parameters with equal gradients part: they share a state")
    if not np.array_equal(path(factory, 4), path(factory, 4)):
        report.fail("state-shared", "a second optimizer takes another path: it shares a state with the first")
    report.laws.append("a state for each parameter")


# ---- the rule -----------------------------------------------------------------------------------
def same_rule(factory: Factory, like: Factory, report: Report) -> None:
    found, expected = path(factory, 20), path(like, 20)
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
