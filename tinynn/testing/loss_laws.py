"""The laws of losses: deterministic, nothing stale, a mean over the batch, weighted as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import TinynnError
from tinynn.testing.comparisons import equal, near
from tinynn.testing.loss_subject import LossSubject, duplicate
from tinynn.testing.points import claimed_gradient

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report

ROUNDING = 1e-10


def always(subject: LossSubject, report: Report, prediction: Array, target: Any) -> None:
    p, t = prediction.copy(), duplicate(target)
    value = subject.value(p, t)
    subject.frozen.notice_globals()
    given = subject.backward(p, t)
    _writes_nothing(report, prediction, target, p, t)
    if not np.isfinite(value):
        report.fail("not-finite", f"forward gives {value}; choose another prediction, or mend forward")
    grad = claimed_gradient(subject.label, "prediction", prediction, given)
    _backward_again(subject, report, p, t, grad)
    if subject.value(p, t) != value:
        report.fail("nondeterministic", "the same prediction and target give another cost")
    kind = getattr(given, "dtype", grad.dtype)
    if kind.kind == "f" and kind != np.float64:
        report.fail("dtype", f"backward gives {kind} for a float64 prediction: a dtype is hard-coded")
    if not near(subject.gradient(p, t), grad, ROUNDING):
        report.fail("stale", "the same call gives another gradient the second time")
    _in_float64(subject, report, prediction, target)
    _nothing_stale(subject, report, prediction, target, value)
    report.laws += ["deterministic", "writes into nobody's arrays", "nothing stale"]


def _writes_nothing(report: Report, prediction: Array, target: Any, p: Array, t: Any) -> None:
    for what, before, after in (("prediction", prediction, p), ("target", target, t)):
        if isinstance(before, np.ndarray) and before.dtype != object and not equal(before, after):
            report.fail("mutates", f"the loss writes into its {what}; work on a copy")


def _backward_again(subject: LossSubject, report: Report, prediction: Array, target: Any, grad: Array) -> None:
    try:
        again = subject.backward(prediction, target)
    except Exception:  # what forward left was used up, which is no fault of the derivative
        return
    if not near(again, grad, ROUNDING):
        report.fail("accumulates", "a second backward gives another gradient")


def _in_float64(subject: LossSubject, report: Report, prediction: Array, target: Any) -> None:
    """Rounding the prediction to float32 changes the cost, if moving it by a little more does."""

    def at(p: Array) -> float:
        with np.errstate(all="ignore"):
            return subject.value(p, duplicate(target))

    for factor in (1.23456e-6, 2.71828e-6, 3.14159e-6):
        p = prediction * (1 + factor)
        if at(p.astype(np.float32).astype(np.float64)) != at(p) or at(p * (1 + 4e-6)) == at(p):
            return
    report.fail("dtype", "forward rounds the prediction to float32 at once: a hard-coded dtype")


def _nothing_stale(subject: LossSubject, report: Report, prediction: Array, target: Any, value: float) -> None:
    """After other predictions and targets, of this size and another, all is as on a loss never used."""
    if not _has_rows(prediction, target) or subject.sample_weight is not None:
        return
    rolled = np.roll(target, 1, axis=0) if len(target) > 1 else target
    for p, t in ((0.7 * prediction, rolled), (np.concatenate([prediction] * 2), np.concatenate([target] * 2))):
        fresh = subject.fresh()
        with np.errstate(all="ignore"):
            try:
                expected = fresh.value(p.copy(), t.copy()), np.array(fresh.backward(p.copy(), t.copy()))
            except Exception:  # not a pair that the loss takes
                continue
            try:
                found = subject.value(p.copy(), t.copy()), np.array(subject.backward(p.copy(), t.copy()))
            except Exception as error:
                what = f"{type(error).__name__}: {error}"
                report.fail("stale", f"after another batch the loss fails, which a loss never used does not: {what}")
        if not all(near(a, b, ROUNDING) for a, b in zip(found, expected, strict=True)):
            report.fail("stale", "after another batch, cost or gradient differ from those of a loss never used")
    if subject.value(prediction.copy(), target.copy()) != value:
        report.fail("stale", "after another batch the same call gives another cost")


def _has_rows(prediction: Array, target: Any) -> bool:
    """Whether both are batches of as many rows."""
    return (
        prediction.ndim > 0
        and np.ndim(target) > 0
        and isinstance(target, np.ndarray)
        and (len(prediction) == len(target) > 0)
    )


def is_mean(subject: LossSubject, report: Report, prediction: Array, target: Any) -> None:
    """The batch twice gives the same cost and half the gradient for each row."""
    if not _has_rows(prediction, target) or subject.sample_weight is not None:
        return
    once = subject.value(prediction.copy(), target.copy())
    try:
        twice = subject.value(np.concatenate([prediction] * 2), np.concatenate([target] * 2))
    except (TinynnError, ValueError):  # the loss is for batches of this size
        return
    for factor, text in ((2.0, "it is a sum over the batch"), (0.5, "it is divided by the batch size once too often")):
        if once and abs(twice - factor * once) <= ROUNDING * abs(once):
            report.fail(
                "batch-mean", f"the batch twice gives {factor:g} times the cost: {text}; a loss is a mean over it"
            )
    report.laws.append("mean over the batch")


def weighs(subject: LossSubject, report: Report, prediction: Array, target: Any) -> bool | None:
    """C(w) = Σ wᵢ Cᵢ / Σ wᵢ, seen from what it implies; False if weights are ignored, None if that was not asked."""
    if not _has_rows(prediction, target) or not subject.takes_weights:
        return None
    subject = LossSubject(subject.original)
    rows, plain = len(prediction), subject.value(prediction.copy(), target.copy())
    weight = 1.0 + np.arange(rows) % 3
    try:
        weighted = subject.value(prediction.copy(), target.copy(), weight)
    except (NotImplementedError, ValueError, TypeError):  # the argument is there, and refused
        return None
    repeated = np.repeat(np.arange(rows), weight.astype(int))
    expected = subject.value(prediction[repeated].copy(), target[repeated].copy())
    if weighted == plain and not near(expected, plain, ROUNDING):
        report.notes.append("sample_weight is taken, and ignored")
        return False
    for what, found, wanted in (
        ("equal weights differ from none", subject.value(prediction.copy(), target.copy(), np.full(rows, 2.0)), plain),
        ("a row of weight 2 differs from the same row twice", weighted, expected),
    ):
        if not near(found, wanted, ROUNDING):
            report.fail("sample-weights", f"{what}: {found:.10g} instead of {wanted:.10g}; C is Σ wᵢ Cᵢ / Σ wᵢ")
    return True


def strictly(subject: LossSubject, report: Report, prediction: Array, target: Any) -> None:
    far = 1e3 * np.where(prediction < 0, -1.0, 1.0)
    grad = np.asarray(subject.gradient(far, duplicate(target)))
    if not (np.isfinite(subject.value(far, duplicate(target))) and np.isfinite(grad).all()):
        report.fail("not-finite", "cost or gradient are not finite at predictions of ±1000: use a stable form")
    single = np.asarray(subject.gradient(prediction.astype(np.float32), duplicate(target)))
    if single.dtype != np.float32:
        report.fail("dtype", f"backward gives {single.dtype} for a float32 prediction")
    for wrong in (target[:-1], target[None]) if _has_rows(prediction, target) else ():
        try:
            subject.value(prediction.copy(), wrong)
        except (ValueError, TypeError):
            continue
        report.fail("shape", f"a target of shape {np.shape(wrong)} is taken for one of {np.shape(target)}: refuse it")
    report.laws += ["finite at ±1000", "float32 kept", "targets of another shape refused"]
