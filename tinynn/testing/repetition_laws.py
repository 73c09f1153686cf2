"""Laws of calling a layer again: the same result, in float64, nothing written, added up or left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.testing.comparisons import as_arrays, copies, equal, fill_gradients, near, results
from tinynn.testing.subjects import Subject

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report


STATISTICS = "running statistics are plain arrays, no Parameters"


def deterministic(subject: Subject, report: Report, inputs: dict[str, Array]) -> Array:
    first = subject.run(copies(inputs))  # the generators stand where they stood
    if not isinstance(first, np.ndarray):
        report.fail("shape", f"forward gives {type(first).__name__}, expected an array")
    first = first.copy()
    subject.frozen.notice_globals()
    for _ in range(2):
        y = np.asarray(subject.forward(copies(inputs)))
        if not equal(y, first):
            report.fail(
                "nondeterministic",
                "the same input gives another output: an unseeded generator, or a state that drifts "
                "(generators that the layer holds are put back before each call, so Dropout may draw from its own)",
            )
    if not np.isfinite(first).all():
        report.fail("not-finite", "forward gives values that are not finite at this x; choose another, or mend forward")
    report.laws.append("deterministic")
    return first


def in_float64(subject: Subject, report: Report, inputs: dict[str, Array], y: Array) -> None:
    if y.dtype != np.float64:
        report.fail("dtype", f"forward gives {y.dtype} for float64 input and parameters: a dtype is hard-coded in it")
    moved = {n: v * (1 + 1.2345e-6) if v.dtype.kind == "f" else v for n, v in inputs.items()}
    with np.errstate(all="ignore"):
        there = np.asarray(subject.forward(moved))
    if equal(there, y):
        return  # nothing to see: a step function
    if _has_seven_digits(y) and _has_seven_digits(there):
        report.fail("dtype", "the outputs have the seven digits of float32: forward computes in a hard-coded dtype")
    if all(_rounds_at_once(subject, inputs, factor) for factor in (1.23456e-6, 2.71828e-6, 3.14159e-6)):
        report.fail("dtype", "forward rounds x to float32 at once: a hard-coded dtype")


def _rounds_at_once(subject: Subject, inputs: dict[str, Array], factor: float) -> bool:
    """Whether rounding x to float32 changes nothing, though moving it by as much does."""
    x = {n: v * (1 + factor) if v.dtype.kind == "f" else v for n, v in inputs.items()}
    further = {n: v * (1 + 1.2e-7) if v.dtype.kind == "f" else v for n, v in x.items()}
    with np.errstate(all="ignore"):
        y = np.array(subject.forward(x))
        return equal(np.asarray(subject.forward(_rounded(x))), y) and not equal(np.asarray(subject.forward(further)), y)


def _has_seven_digits(y: Array) -> bool:
    """Whether all numbers fit float32, and not because they are plain."""
    single = y.astype(np.float32)
    if not np.array_equal(single.astype(np.float64), y):
        return False
    mantissa = np.frexp(single[y != 0])[0]
    return bool(mantissa.size and np.any(mantissa * 2**12 != np.round(mantissa * 2**12)))


def _rounded(inputs: dict[str, Array]) -> dict[str, Array]:
    return {n: v.astype(np.float32).astype(np.float64) if v.dtype.kind == "f" else v for n, v in inputs.items()}


def mutates_nothing(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    given, values, u = copies(inputs), subject.parameters, upstream.copy()
    for name, value in subject.initial.items():
        if name in values and not equal(values[name], value):
            report.fail("mutates", f"forward changes the value of {name}; only the optimizer does that ({STATISTICS})")
    subject.forward(given)
    for name, value in inputs.items():
        if not equal(given[name], value):
            report.fail("mutates", f"forward writes into its argument {name}; work on a copy")
    _same_values(subject, report, values, "forward")
    subject.backward(given, u)
    if not equal(u, upstream):
        report.fail("mutates", "backward writes into its argument, the upstream gradient; work on a copy")
    for name, value in inputs.items():
        if not equal(given[name], value):
            report.fail("mutates", f"backward writes into the input {name}")
    _same_values(subject, report, values, "backward")
    report.laws.append("writes into nobody's arrays")


def _same_values(subject: Subject, report: Report, values: dict[str, Array], who: str) -> None:
    for name, value in subject.parameters.items():
        if not equal(value, values[name]):
            report.fail("mutates", f"{who} changes the value of {name}; only the optimizer does that")


def overwrites(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    """What stood in .grad before does not matter."""
    fill_gradients(subject, 7.0)
    first = results(subject, inputs, upstream)
    fill_gradients(subject, -3.0)
    again = results(subject, inputs, upstream)
    for name in first:
        a, b = first[name], again[name]
        if a is None and b is None:
            continue
        if subject.native and name in subject.slots and np.all(a == 7.0) and np.all(b == -3.0):
            report.fail("forgotten", f"∂C/∂{name} is forgotten: backward writes nothing into {name}.grad")
        if a is None or b is None or not near(b, a):
            fill_gradients(subject, -13.0)
            _differs(report, name, a, b, results(subject, inputs, upstream)[name])
    try:
        third = as_arrays(subject.backward(copies(inputs), upstream.copy()))
    except Exception:  # what forward left was used up, which is no fault of the derivative
        third = again
    if subject.zeroes:  # added up until zero_grad: that is meant
        third = again
    for name in first:
        if third[name] is not None and not near(third[name], first[name]):
            if near(third[name], 2 * first[name], 1e-6):
                report.fail("accumulates", f"a backward without another forward adds to ∂C/∂{name}: overwrite it")
            if subject.native:  # others may use up what forward left
                report.fail(
                    "nondeterministic",
                    f"a backward without another forward gives another ∂C/∂{name}: draw in forward; leave what it kept",
                )
    report.laws.append("gradients overwritten")


def _differs(report: Report, name: str, first: Any, again: Any, last: Any) -> None:
    """Three times forward and backward gave three gradients: by as much more each time, or from an older state?"""
    text = f"a second backward gives another ∂C/∂{name}"
    if not any(grad is None for grad in (first, again, last)) and near(last - again, again - first, 1e-6):
        report.fail("accumulates", f"{text}: overwrite gradients, do not add to them")
    report.fail("stale", f"{text}: it depends on a state that earlier calls left")


def leaves_nothing_stale(subject: Subject, report: Report, inputs: dict[str, Array], rng: np.random.Generator) -> None:
    """After another input, of the same size and of a smaller, all is as on a layer never used."""
    upstream = rng.normal(size=np.shape(subject.forward(copies(inputs))))
    first = results(subject, inputs, upstream)
    for candidates in _others(inputs, rng):
        any(_same_as_fresh(subject, report, other, rng) for other in candidates)  # the first that the layer takes
    again = results(subject, inputs, upstream)
    for name in first:
        if not near(again[name], first[name]):
            report.fail("stale", f"∂C/∂{name} is stale: after other batches the same call gives another one")
    report.laws.append("nothing stale")


def _same_as_fresh(subject: Subject, report: Report, other: dict[str, Array], rng: np.random.Generator) -> bool:
    """Whether the layer takes such an input; GradientError if it then differs from one never used."""
    fresh = subject.fresh()
    with np.errstate(all="ignore"):
        try:
            fresh.begin(copies(other))
            y = np.array(fresh.forward(copies(other)))
            upstream = rng.normal(size=y.shape)
            expected = _once(fresh, other, upstream)
        except Exception:
            return False
        if not np.isfinite(y).all():
            return False
        try:
            found = _once(subject, other, upstream)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            report.fail("stale", f"after another batch the layer fails, which a layer never used does not: {what}")
    for name in expected:
        if not near(found[name], expected[name]):
            what = "the output" if name == "y" else f"∂C/∂{name}"
            report.fail("stale", f"{what} is stale: after an earlier batch it differs from a fresh layer's")
    return True


def _once(subject: Subject, inputs: dict[str, Array], upstream: Array) -> dict[str, Any]:
    """Output and gradients of one forward: a second one would find what the first has left."""
    y = np.array(subject.forward(copies(inputs)))
    return {"y": y} | as_arrays(subject.backward(inputs, upstream.copy()))


def _others(inputs: dict[str, Array], rng: np.random.Generator) -> list[list[dict[str, Array]]]:
    """Other rows and signs (signs kept where the layer refuses them), and fewer rows."""
    rows = {len(value) if value.ndim else 0 for value in inputs.values()}
    if len(rows) != 1 or 0 in rows:
        return []
    n = rows.pop()
    smaller = {k: v * rng.uniform(0.5, 0.9, v.shape) if v.dtype.kind == "f" else v for k, v in inputs.items()}
    turned = {k: v[::-1].copy() for k, v in smaller.items()}
    negative = {k: -v if v.dtype.kind == "f" else v for k, v in turned.items()}
    if n > 1:
        return [[negative, turned], [{k: v[: n - 1].copy() for k, v in inputs.items()}]]
    return [[negative, turned], [{k: np.concatenate([v, v]) for k, v in inputs.items()}]]
