"""check_loss: a loss's gradient and the laws of losses."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DtypeError, ShapeError, TinynnError
from tinynn.losses.base import Loss
from tinynn.testing.diagnosis import diagnose
from tinynn.testing.evidence import Evidence
from tinynn.testing.generators import Frozen
from tinynn.testing.layers import numbers_of
from tinynn.testing.points import claimed_gradient, drawn, required, rounded
from tinynn.testing.prober import Claim
from tinynn.testing.report import Report
from tinynn.testing.verdict import ELEMENTWISE, verify

if TYPE_CHECKING:
    from tinynn._arrays import Array

ROUNDING = 1e-10
#: How people call the method that gives the gradient.
BACKWARDS = ("backward", "gradient", "grad", "derivative")


def check_loss(
    loss: Any,
    prediction: Any,
    target: Any,
    *,
    sample_weight: Any = None,
    strict: bool = False,
    tolerance: float = 1e-8,
    elementwise: int = ELEMENTWISE,
    rng: Any = 0,
) -> Report:
    """Does backward give ∂C/∂prediction, and does the loss keep the laws?

    A tinynn Loss must also be a mean over the batch (the batch twice gives the same cost), and weigh its
    samples, if it takes weights; any other loss may be a sum.

    Parameters: loss, an object with forward(prediction, target) -> number and backward() -> gradient (or
    backward(prediction, target)); prediction, an array (converted to float64); target, as the loss wants
    it; sample_weight, if the weighted cost is to be checked; strict, to ask a tinynn Loss also to be
    finite at ±1000, to keep float32, and to refuse targets of another shape; the rest as in check_layer.
    Raises: GradientError.

    >>> import tinynn as nn
    >>> check_loss(nn.MSE(), np.array([[0.5, -1.0]]), np.array([[0.0, 1.0]])).right
    True
    """
    subject = _Subject(loss, sample_weight)
    report = Report(subject.label)
    prediction = np.asarray(prediction)
    if prediction.dtype.kind not in "fiub":
        raise DtypeError(f"check_loss: expected a prediction of real numbers, got dtype {prediction.dtype}")
    prediction = prediction.astype(np.float64)
    target = _as_given(target)
    _laws(subject, report, prediction, target)
    _gradient(subject, report, prediction, target, tolerance, elementwise, drawn(rng))
    if subject.native:
        _is_mean(subject, report, prediction, target)
        weighs = _weighs(subject, report, prediction, target)
        if weighs:
            weighted = _Subject(loss, 1.0 + np.arange(len(prediction)) % 3)
            _gradient(weighted, report, prediction, target, tolerance, elementwise, drawn(rng))
            report.laws.append("sample weights")
        elif weighs is False and (strict or sample_weight is not None):
            report.fail("sample-weights", "sample_weight is taken, and ignored")
        if strict:
            _strict(subject, report, prediction, target)
    return report


class _Subject:
    """A loss through one interface: its value, and its gradient after a value."""

    def __init__(self, loss: Any, sample_weight: Any = None) -> None:
        if not callable(getattr(loss, "forward", None)) and not callable(loss):
            raise DtypeError(f"expected a loss with forward(prediction, target) and backward(), got {loss!r}")
        self.original, self.native = loss, isinstance(loss, Loss)
        self.loss: Any = copy.deepcopy(loss)
        text = repr(loss)
        self.label = type(loss).__name__ if text.startswith("<") else text
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.frozen = Frozen(self.loss)

    @property
    def takes_weights(self) -> bool:
        return "sample_weight" in inspect.signature(self.loss.forward).parameters

    def value(self, prediction: Array, target: Any, sample_weight: Any = None) -> float:
        """C; anything but one number is a GradientError at the caller."""
        weight = self.sample_weight if sample_weight is None else sample_weight
        self.frozen.restore()
        forward = getattr(self.loss, "forward", None) or self.loss
        more = () if weight is None else (weight,)
        value = np.asarray(forward(prediction, target, *more))
        if value.size != 1:
            raise ShapeError(f"{self.label}: expected one number from forward, got an array of shape {value.shape}")
        return float(value.reshape(()))

    def gradient(self, prediction: Array, target: Any, sample_weight: Any = None) -> Any:
        self.value(prediction, target, sample_weight)
        return self.backward(prediction, target)

    def backward(self, prediction: Array, target: Any) -> Any:
        backward = next((getattr(self.loss, name) for name in BACKWARDS if hasattr(self.loss, name)), None)
        if backward is None:
            raise DtypeError(f"{self.label}: expected a method backward() that gives ∂C/∂prediction")
        return backward(prediction, target) if required(backward) == 2 else backward()

    def fresh(self) -> _Subject:
        return _Subject(self.original, self.sample_weight)


def _as_given(target: Any) -> Any:
    array = np.asarray(target)
    return array.astype(np.float64) if array.dtype.kind == "f" else array.copy()


def _laws(subject: _Subject, report: Report, prediction: Array, target: Any) -> None:
    p, t = prediction.copy(), target.copy()
    value = subject.value(p, t)
    subject.frozen.notice_globals()
    grad = np.array(subject.backward(p, t))
    if not (np.array_equal(p, prediction) and np.array_equal(t, target)):
        what = "target" if np.array_equal(p, prediction) else "prediction"
        report.fail("mutates", f"the loss writes into its {what}; work on a copy")
    if not np.isfinite(value):
        report.fail("not-finite", f"forward gives {value}; choose another prediction, or mend forward")
    if subject.value(p, t) != value:
        report.fail("nondeterministic", "the same prediction and target give another cost")
    if grad.dtype.kind == "f" and grad.dtype != np.float64:
        report.fail("dtype", f"backward gives {grad.dtype} for a float64 prediction: a dtype is hard-coded")
    if not _near(np.asarray(subject.backward(p, t)), grad):
        report.fail("accumulates", "a second backward gives another gradient")
    if not _near(np.asarray(subject.gradient(p, t)), grad):
        report.fail("stale", "the same call gives another gradient the second time")
    _nothing_stale(subject, report, prediction, target, value)
    report.laws += ["deterministic", "writes into nobody's arrays", "nothing stale"]


def _nothing_stale(subject: _Subject, report: Report, prediction: Array, target: Any, value: float) -> None:
    """After other predictions and targets, of this size and another, all is as on a loss never used."""
    if prediction.ndim == 0 or len(prediction) == 0 or np.ndim(target) == 0 or subject.sample_weight is not None:
        return
    rolled = np.roll(target, 1, axis=0) if len(target) > 1 else target
    for p, t in ((0.7 * prediction, rolled), (np.concatenate([prediction] * 2), np.concatenate([target] * 2))):
        fresh = subject.fresh()
        with np.errstate(all="ignore"):
            try:
                expected = fresh.value(p.copy(), t.copy()), np.array(fresh.backward(p.copy(), t.copy()))
            except Exception:  # not a pair that the loss takes
                continue
            found = subject.value(p.copy(), t.copy()), np.array(subject.backward(p.copy(), t.copy()))
        if not _near(np.asarray(found[0]), np.asarray(expected[0])) or not _near(found[1], expected[1]):
            report.fail("stale", "after another batch, cost or gradient differ from those of a loss never used")
    if subject.value(prediction.copy(), target.copy()) != value:
        report.fail("stale", "after another batch the same call gives another cost")


def _gradient(
    subject: _Subject, report: Report, prediction: Array, target: Any, tolerance: float, elementwise: int, rng: Any
) -> None:
    given = subject.gradient(prediction.copy(), target.copy())
    gradient = claimed_gradient(subject.label, "prediction", prediction, None if given is None else np.array(given))

    def output(changed: Array) -> Any:
        return np.float64(subject.value(changed, target))

    def again() -> Array:
        return np.asarray(subject.gradient(rounded(prediction, rng), target.copy()))

    claim = Claim("prediction", prediction, output, np.ones(()), gradient, again)
    report.arrays["prediction"] = array = verify(claim, tolerance, elementwise, rng)
    if array.wrong:
        values = {"prediction": prediction}
        if np.shape(target) == prediction.shape:
            values["target"] = np.asarray(target, np.float64)
        if subject.sample_weight is not None and prediction.ndim:
            values["sample_weight"] = subject.sample_weight.reshape(-1, *[1] * (prediction.ndim - 1))
        rows = len(prediction) if prediction.ndim else None
        numbers = numbers_of(subject.original)
        if rows:
            numbers |= {
                "the number of elements": float(prediction.size),
                "the outputs of a row": prediction.size / rows,
            }
        evidence = Evidence(report, array, np.ones(()), output, None, values, rows, numbers)
        report.causes.append(diagnose(evidence))
    report.raise_if_wrong()


def _is_mean(subject: _Subject, report: Report, prediction: Array, target: Any) -> None:
    """The batch twice gives the same cost and half the gradient for each row."""
    if prediction.ndim == 0 or subject.sample_weight is not None or np.ndim(target) == 0:
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


def _weighs(subject: _Subject, report: Report, prediction: Array, target: Any) -> bool | None:
    """C(w) = Σ wᵢ Cᵢ / Σ wᵢ, seen from what it implies; False if weights are ignored, None if that was not asked."""
    if prediction.ndim == 0 or not subject.takes_weights or np.ndim(target) == 0:
        return None
    subject = _Subject(subject.original)
    rows, plain = len(prediction), subject.value(prediction.copy(), target.copy())
    weight = 1.0 + np.arange(rows) % 3
    weighted = subject.value(prediction.copy(), target.copy(), weight)
    repeated = np.repeat(np.arange(rows), weight.astype(int))
    expected = subject.value(prediction[repeated].copy(), target[repeated].copy())
    if weighted == plain and not _near(np.asarray(expected), np.asarray(plain)):
        report.notes.append("sample_weight is taken, and ignored")
        return False
    for what, found, wanted in (
        ("equal weights differ from none", subject.value(prediction.copy(), target.copy(), np.full(rows, 2.0)), plain),
        ("a row of weight 2 differs from the same row twice", weighted, expected),
    ):
        if not _near(np.asarray(found), np.asarray(wanted)):
            report.fail("sample-weights", f"{what}: {found:.10g} instead of {wanted:.10g}; C is Σ wᵢ Cᵢ / Σ wᵢ")
    return True


def _strict(subject: _Subject, report: Report, prediction: Array, target: Any) -> None:
    far = 1e3 * np.where(prediction < 0, -1.0, 1.0)
    grad = np.asarray(subject.gradient(far, target.copy()))
    if not (np.isfinite(subject.value(far, target.copy())) and np.isfinite(grad).all()):
        report.fail("not-finite", "cost or gradient are not finite at predictions of ±1000: use a stable form")
    single = np.asarray(subject.gradient(prediction.astype(np.float32), target.copy()))
    if single.dtype != np.float32:
        report.fail("dtype", f"backward gives {single.dtype} for a float32 prediction")
    for wrong in (target[:-1], target[None]):
        try:
            subject.value(prediction.copy(), wrong)
        except (ValueError, TypeError):
            continue
        report.fail("shape", f"a target of shape {np.shape(wrong)} is taken for one of {np.shape(target)}: refuse it")
    report.laws += ["finite at ±1000", "float32 kept", "targets of another shape refused"]


def _near(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    return bool(
        np.all((a == b) | (np.abs(a - b) <= ROUNDING * np.abs(b).max(initial=0.0)) | (np.isnan(a) & np.isnan(b)))
    )
