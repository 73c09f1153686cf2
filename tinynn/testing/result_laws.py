"""Laws of what a layer gives: linear in its upstream gradient, in memory of its own, alike by both backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.comparisons import ROUNDING, copies, equal, fill_gradients, largest_of, near, results
from tinynn.testing.subjects import Subject

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report

NOT_SCALED, NOT_ADDED = "{:g} times it gives something else", "backward(u + v) ≠ backward(u) + backward(v)"


def is_linear(
    subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array, rng: np.random.Generator
) -> None:
    """backward(u + v) = backward(u) + backward(v), and so for 2¹⁰ u and 2⁻¹⁰ u."""
    one, other = results(subject, inputs, upstream), rng.normal(size=upstream.shape)
    # A gradient that is 0 but for rounding, as of a bias before a batch norm, is measured by the others.
    floor = 1e-13 * max([largest_of(upstream), *map(largest_of, one.values())])
    two, both = results(subject, inputs, other), results(subject, inputs, upstream + other)
    for factor in (1024.0, 1 / 1024):
        scaled = results(subject, inputs, factor * upstream)
        for name, grad in one.items():
            slack = factor * (1e-9 * largest_of(grad) + floor)
            if grad is not None and not near(scaled[name], factor * grad, 1.0, slack):
                report.fail(
                    "nonlinear",
                    f"∂C/∂{name} is not linear in the upstream gradient: {factor:g} times it gives something else",
                )
    for name, grad in one.items():
        slack = 1e-9 * (largest_of(grad) + largest_of(two[name])) + floor
        if grad is not None and not near(both[name], grad + two[name], 1.0, slack):
            report.fail(
                "nonlinear",
                f"∂C/∂{name} is not linear in the upstream gradient: backward(u + v) ≠ backward(u) + backward(v)",
            )
    report.laws.append("backward linear")


def shares_nothing(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    given, u = copies(inputs), upstream.copy()
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


def backwards_agree(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    expected = results(subject, inputs, upstream)
    fill_gradients(subject, 5.0)
    subject.forward(copies(inputs))
    subject.layer.backward_parameters(upstream.copy())
    for name, slot in subject.slots.items():
        if not near(np.asarray(slot.grad()), expected[name]):
            report.fail("backward-parameters", f"backward_parameters gives another ∂C/∂{name} than backward")
    report.laws.append("backward_parameters")


def keeps_float32(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
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
    y = np.array(subject.forward(copies(inputs)))
    if len(rows) != 1 or y.ndim == 0 or len(y) not in rows:
        return None
    if len(y) < 2:
        return False
    moved = {n: _other_first_row(v) for n, v in inputs.items()}
    with np.errstate(all="ignore"):
        if not near(np.array(subject.forward(moved))[1:], y[1:], ROUNDING, largest_of(y)):
            return True
        subject.frozen.restore()
        if not equal(np.array(subject.run(copies(inputs))), np.array(subject.run(copies(inputs)))):
            return False  # it draws random numbers: a smaller batch gets others
        try:
            alone = np.array(subject.forward({n: v[:1].copy() for n, v in inputs.items()}))
        except Exception:  # it does not take a batch of one
            return True
    return alone.shape != y[:1].shape or not near(alone, y[:1], ROUNDING, largest_of(y))


def _other_first_row(value: Array) -> Array:
    moved = value.copy()
    moved[0] = value[0] * 0.7 + 0.1 * np.abs(value[0]) if value.dtype.kind == "f" else value[-1]
    return moved
