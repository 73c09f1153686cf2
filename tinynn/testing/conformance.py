"""The laws of a layer beside its derivative: a third of the bugs found in published frameworks break one of these.

`before` holds those that a comparison with differences relies on, `after` the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.testing.subjects import Subject

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report

    Results = dict[str, Any]

#: Two evaluations in another order of summing may differ by this share of the largest number.
ROUNDING = 1e-11
NOT_SCALED, NOT_ADDED = "{:g} times it gives something else", "backward(u + v) ≠ backward(u) + backward(v)"


def before(subject: Subject, report: Report, inputs: dict[str, Array], rng: np.random.Generator) -> None:
    """Deterministic, in float64, nothing written that belongs to others, nothing added up."""
    y = _deterministic(subject, report, inputs)
    _in_float64(subject, report, inputs, y)
    upstream = rng.normal(size=y.shape)
    _mutates_nothing(subject, report, inputs, upstream)
    _overwrites(subject, report, inputs, upstream)
    _leaves_nothing_stale(subject, report, inputs, rng)


def after(subject: Subject, report: Report, inputs: dict[str, Array], rng: np.random.Generator) -> None:
    """Linear in the upstream gradient, no shared memory, the two backwards alike, float32 stays float32."""
    upstream = rng.normal(size=np.shape(subject.forward(inputs)))
    _is_linear(subject, report, inputs, upstream, rng)
    _shares_nothing(subject, report, inputs, upstream)
    if subject.native:
        _backwards_agree(subject, report, inputs, upstream)
        _keeps_float32(subject, report, inputs, upstream)


# ---- before -------------------------------------------------------------------------------------
def _deterministic(subject: Subject, report: Report, inputs: dict[str, Array]) -> Array:
    first = subject.forward(_copies(inputs))
    if not isinstance(first, np.ndarray):
        report.fail("shape", f"forward gives {type(first).__name__}, expected an array")
    first = first.copy()
    subject.frozen.notice_globals()
    for _ in range(2):
        y = np.asarray(subject.forward(_copies(inputs)))
        if not _equal(y, first):
            report.fail(
                "nondeterministic",
                "the same input gives another output: an unseeded generator, or a state that drifts "
                "(generators among the attributes are put back before each call, so Dropout may draw from its own)",
            )
    if not np.isfinite(first).all():
        report.fail("not-finite", "forward gives values that are not finite at this x; choose another, or mend forward")
    report.laws.append("deterministic")
    return first


def _in_float64(subject: Subject, report: Report, inputs: dict[str, Array], y: Array) -> None:
    if y.dtype != np.float64:
        report.fail("dtype", f"forward gives {y.dtype} for float64 input and parameters: a dtype is hard-coded in it")
    moved = {n: v * (1 + 1.2345e-6) if v.dtype.kind == "f" else v for n, v in inputs.items()}
    with np.errstate(all="ignore"):
        there = np.asarray(subject.forward(moved))
    if _equal(there, y):
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
        return _equal(np.asarray(subject.forward(_rounded(x))), y) and not _equal(
            np.asarray(subject.forward(further)), y
        )


def _has_seven_digits(y: Array) -> bool:
    """Whether all numbers fit float32, and not because they are plain."""
    single = y.astype(np.float32)
    if not np.array_equal(single.astype(np.float64), y):
        return False
    mantissa = np.frexp(single[y != 0])[0]
    return bool(mantissa.size and np.any(mantissa * 2**12 != np.round(mantissa * 2**12)))


def _rounded(inputs: dict[str, Array]) -> dict[str, Array]:
    return {n: v.astype(np.float32).astype(np.float64) if v.dtype.kind == "f" else v for n, v in inputs.items()}


def _mutates_nothing(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    given, values, u = _copies(inputs), subject.parameters, upstream.copy()
    for name, value in subject.initial.items():
        if name in values and not _equal(values[name], value):
            report.fail("mutates", f"forward changes the value of {name}; only the optimizer does that")
    subject.forward(given)
    for name, value in inputs.items():
        if not _equal(given[name], value):
            report.fail("mutates", f"forward writes into its argument {name}; work on a copy")
    _same_values(subject, report, values, "forward")
    subject.backward(given, u)
    if not _equal(u, upstream):
        report.fail("mutates", "backward writes into its argument, the upstream gradient; work on a copy")
    for name, value in inputs.items():
        if not _equal(given[name], value):
            report.fail("mutates", f"backward writes into the input {name}")
    _same_values(subject, report, values, "backward")
    report.laws.append("writes into nobody's arrays")


def _same_values(subject: Subject, report: Report, values: dict[str, Array], who: str) -> None:
    for name, value in subject.parameters.items():
        if not _equal(value, values[name]):
            report.fail("mutates", f"{who} changes the value of {name}; only the optimizer does that")


def _overwrites(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    """What stood in .grad before does not matter."""
    _fill(subject, 7.0)
    first = results(subject, inputs, upstream)
    _fill(subject, -3.0)
    again = results(subject, inputs, upstream)
    for name in first:
        a, b = first[name], again[name]
        if a is None and b is None:
            continue
        if subject.native and name in subject.slots and np.all(a == 7.0) and np.all(b == -3.0):
            report.fail("forgotten", f"∂C/∂{name} is forgotten: backward writes nothing into {name}.grad")
        if a is None or b is None or not _near(b, a):
            _fill(subject, -13.0)
            _differs(report, name, a, b, results(subject, inputs, upstream)[name])
    try:
        third = _as_arrays(subject.backward(_copies(inputs), upstream.copy()))
    except Exception:  # what forward left was used up, which is no fault of the derivative
        third = again
    for name in first:
        if third[name] is not None and not _near(third[name], first[name]):
            if _near(third[name], 2 * first[name], 1e-6):
                report.fail("accumulates", f"a backward without another forward adds to ∂C/∂{name}: overwrite it")
            report.fail(
                "nondeterministic", f"a backward without another forward gives another ∂C/∂{name}: draw in forward"
            )
    report.laws.append("gradients overwritten")


def _differs(report: Report, name: str, first: Any, again: Any, last: Any) -> None:
    """Three times forward and backward gave three gradients: by as much more each time, or from an older state?"""
    text = f"a second backward gives another ∂C/∂{name}"
    if not any(grad is None for grad in (first, again, last)) and _near(last - again, again - first, 1e-6):
        report.fail("accumulates", f"{text}: overwrite gradients, do not add to them")
    report.fail("stale", f"{text}: it depends on a state that earlier calls left")


def _leaves_nothing_stale(subject: Subject, report: Report, inputs: dict[str, Array], rng: np.random.Generator) -> None:
    """After another input, of the same size and of a smaller, all is as on a layer never used."""
    upstream = rng.normal(size=np.shape(subject.forward(_copies(inputs))))
    first = results(subject, inputs, upstream)
    for candidates in _others(inputs, rng):
        for other in candidates:
            if _same_as_fresh(subject, report, other, rng):
                break
    again = results(subject, inputs, upstream)
    for name in first:
        if not _near(again[name], first[name]):
            report.fail("stale", f"∂C/∂{name} is stale: after other batches the same call gives another one")
    report.laws.append("nothing stale")


def _same_as_fresh(subject: Subject, report: Report, other: dict[str, Array], rng: np.random.Generator) -> bool:
    """Whether the layer takes such an input; GradientError if it then differs from one never used."""
    fresh = subject.fresh()
    with np.errstate(all="ignore"):
        try:
            fresh.begin(_copies(other))
            y = np.array(fresh.forward(_copies(other)))
            upstream = rng.normal(size=y.shape)
            expected = {"y": y} | results(fresh, other, upstream)
        except Exception:
            return False
        if not np.isfinite(y).all():
            return False
        try:
            found = {"y": np.array(subject.forward(_copies(other)))} | results(subject, other, upstream)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            report.fail("stale", f"after another batch the layer fails, which a layer never used does not: {what}")
    for name in expected:
        if not _near(found[name], expected[name]):
            what = "the output" if name == "y" else f"∂C/∂{name}"
            report.fail("stale", f"{what} is stale: after an earlier batch it differs from a fresh layer's")
    return True


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


# ---- after --------------------------------------------------------------------------------------
def _is_linear(
    subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array, rng: np.random.Generator
) -> None:
    """backward(u + v) = backward(u) + backward(v), and so for 2¹⁰ u and 2⁻¹⁰ u."""
    one, other = results(subject, inputs, upstream), rng.normal(size=upstream.shape)
    # A gradient that is 0 but for rounding, as of a bias before a batch norm, is measured by the others.
    floor = 1e-13 * max([_largest(upstream), *map(_largest, one.values())])
    two, both = results(subject, inputs, other), results(subject, inputs, upstream + other)
    for factor in (1024.0, 1 / 1024):
        scaled = results(subject, inputs, factor * upstream)
        for name, grad in one.items():
            slack = factor * (1e-9 * _largest(grad) + floor)
            if grad is not None and not _near(scaled[name], factor * grad, 1.0, slack):
                report.fail(
                    "nonlinear",
                    f"∂C/∂{name} is not linear in the upstream gradient: {factor:g} times it gives something else",
                )
    for name, grad in one.items():
        slack = 1e-9 * (_largest(grad) + _largest(two[name])) + floor
        if grad is not None and not _near(both[name], grad + two[name], 1.0, slack):
            report.fail(
                "nonlinear",
                f"∂C/∂{name} is not linear in the upstream gradient: backward(u + v) ≠ backward(u) + backward(v)",
            )
    report.laws.append("backward linear")


def _shares_nothing(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    given, u = _copies(inputs), upstream.copy()
    y = subject.forward(given)
    found = subject.backward(given, u)
    grads = {f"{name}.grad": found[name] for name in subject.slots if isinstance(found[name], np.ndarray)}
    others = {**given, "the upstream gradient": u, "the output": y}
    others |= {f"∂C/∂{name}": found[name] for name in inputs}
    others |= {f"the value of {name}": slot.get() for name, slot in subject.slots.items()}
    listed = list(grads.items())
    for k, (name, grad) in enumerate(listed):
        for what, array in [*others.items(), *listed[:k]]:
            if isinstance(array, np.ndarray) and np.may_share_memory(grad, array) and np.shares_memory(grad, array):
                report.fail(
                    "shared-memory", f"{name} shares memory with {what}: whoever writes into one changes the other"
                )
    report.laws.append("no shared memory")


def _backwards_agree(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    expected = results(subject, inputs, upstream)
    _fill(subject, 5.0)
    subject.forward(_copies(inputs))
    subject.layer.backward_parameters(upstream.copy())
    for name, slot in subject.slots.items():
        if not _near(np.asarray(slot.grad()), expected[name]):
            report.fail("backward-parameters", f"backward_parameters gives another ∂C/∂{name} than backward")
    report.laws.append("backward_parameters")


def _keeps_float32(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    single = subject.fresh(np.float32)
    given = {n: v.astype(np.float32) if v.dtype.kind == "f" else v for n, v in inputs.items()}
    single.begin(given)
    with np.errstate(all="ignore"):
        y = single.forward(given)
        if not isinstance(y, np.ndarray) or y.dtype != np.float32:
            report.fail("dtype", f"forward gives {getattr(y, 'dtype', type(y))} for float32 input: a float64 slips in")
        found = single.backward(given, upstream.astype(np.float32))
    for name in inputs:
        grad = found[name]
        if isinstance(grad, np.ndarray) and given[name].dtype == np.float32 and grad.dtype != np.float32:
            report.fail("dtype", f"∂C/∂{name} has {grad.dtype} for float32 input: a float64 slips in")
    report.laws.append("float32 kept")


def couples_batch(subject: Subject, inputs: dict[str, Array]) -> bool | None:
    """Whether a row's output depends on the other rows, or on how many there are; None without a batch."""
    rows = {len(value) if value.ndim else 0 for value in inputs.values()}
    y = np.array(subject.forward(_copies(inputs)))
    if len(rows) != 1 or y.ndim == 0 or len(y) not in rows:
        return None
    if len(y) < 2:
        return False
    moved = {n: _other_first_row(v) for n, v in inputs.items()}
    with np.errstate(all="ignore"):
        if not _near(np.array(subject.forward(moved))[1:], y[1:], ROUNDING, _largest(y)):
            return True
        subject.frozen.restore()
        if not _equal(np.array(subject.run(_copies(inputs))), np.array(subject.run(_copies(inputs)))):
            return False  # it draws random numbers: a smaller batch gets others
        try:
            alone = np.array(subject.forward({n: v[:1].copy() for n, v in inputs.items()}))
        except Exception:  # it does not take a batch of one
            return True
    return alone.shape != y[:1].shape or not _near(alone, y[:1], ROUNDING, _largest(y))


def _other_first_row(value: Array) -> Array:
    moved = value.copy()
    moved[0] = value[0] * 0.7 + 0.1 * np.abs(value[0]) if value.dtype.kind == "f" else value[-1]
    return moved


# ---- shared -------------------------------------------------------------------------------------
def results(subject: Subject, inputs: dict[str, Array], upstream: Array) -> Results:
    """Copies of all gradients of one forward and one backward."""
    return _as_arrays(subject.gradients(_copies(inputs), upstream.copy()))


def _as_arrays(found: dict[str, Any]) -> Results:
    return {name: None if grad is None else np.array(grad) for name, grad in found.items()}


def _fill(subject: Subject, number: float) -> None:
    if subject.native:
        for slot in subject.slots.values():
            slot.grad()[...] = number


def _copies(inputs: dict[str, Array]) -> dict[str, Array]:
    return {name: value.copy() for name, value in inputs.items()}


def _equal(a: Array, b: Array) -> bool:
    """Bit for bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _largest(array: Any) -> float:
    return 0.0 if array is None else float(np.abs(array).max(initial=0.0))


def _near(a: Any, b: Any, share: float = ROUNDING, largest: float | None = None) -> bool:
    """Equal up to a share of the largest number; None is near None alone."""
    if a is None or b is None:
        return a is b
    if np.shape(a) != np.shape(b):
        return False
    if not np.size(b) or _equal(np.asarray(a), np.asarray(b)):
        return True
    return bool(np.all(np.abs(a - b) <= share * (_largest(b) if largest is None else largest)))
