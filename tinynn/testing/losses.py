"""check_loss: a loss's gradient and the laws of losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import flag
from tinynn.testing import loss_laws as laws
from tinynn.testing.diagnosis import diagnose
from tinynn.testing.evidence import Evidence
from tinynn.testing.layer_gradients import numbers_of
from tinynn.testing.loss_subject import LossSubject, duplicate
from tinynn.testing.points import as_float64, check_settings, claimed_gradient, drawn, rounded
from tinynn.testing.prober import Claim
from tinynn.testing.report import Report
from tinynn.testing.verdict import ELEMENTWISE, verify

if TYPE_CHECKING:
    from tinynn._arrays import Array


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

    Parameters: loss, an object with forward(prediction, target) -> number and backward() -> gradient, or
    called in another usual way: loss(y_true, y_pred), gradient(…), backward(prediction, target),
    backward(dout); prediction, an array (converted to float64); target, as the loss wants it;
    sample_weight, if the weighted cost is to be checked; strict, to ask a tinynn Loss also to be finite
    at ±1000, to keep float32, and to refuse targets of another shape; the rest as in check_layer.
    Raises: GradientError.

    >>> import tinynn as nn
    >>> check_loss(nn.MSE(), np.array([[0.5, -1.0]]), np.array([[0.0, 1.0]])).right
    True
    """
    tolerance = check_settings("check_loss", tolerance, elementwise, rng)
    strict = flag("check_loss: strict", strict)
    subject = LossSubject(loss, sample_weight)
    report = Report(subject.label)
    prediction = as_float64("prediction", prediction)
    target = _as_given(target)
    with subject.frozen:
        laws.always(subject, report, prediction, target)
        _gradient(subject, report, prediction, target, tolerance, elementwise, drawn(rng))
        if subject.native:
            laws.is_mean(subject, report, prediction, target)
            weighs = laws.weighs(subject, report, prediction, target)
            if weighs:
                weighted = LossSubject(loss, 1.0 + np.arange(len(prediction)) % 3)
                _gradient(weighted, report, prediction, target, tolerance, elementwise, drawn(rng))
                report.laws.append("sample weights")
            elif weighs is False and (strict or sample_weight is not None):
                report.fail("sample-weights", "sample_weight is taken, and ignored")
            if strict:
                laws.strictly(subject, report, prediction, target)
    return report


def _as_given(target: Any) -> Any:
    """The target as an array, floats as float64; None, dicts and tuples of arrays as they are."""
    if target is None or isinstance(target, dict) or (isinstance(target, tuple) and any(map(np.ndim, target))):
        return duplicate(target)
    try:
        array = np.asarray(target)
    except Exception:  # rows of several lengths, another library's object
        return duplicate(target)
    return array.astype(np.float64) if array.dtype.kind == "f" else array.copy()


def _gradient(
    subject: LossSubject, report: Report, prediction: Array, target: Any, tolerance: float, elementwise: int, rng: Any
) -> None:
    given = subject.gradient(prediction.copy(), duplicate(target))
    gradient = claimed_gradient(subject.label, "prediction", prediction, given)

    def output(changed: Array) -> Any:
        return np.float64(subject.value(changed, target))

    def again() -> Array:
        return np.asarray(subject.gradient(rounded(prediction, rng), duplicate(target)))

    claim = Claim("prediction", prediction, output, np.ones(()), gradient, again)
    report.arrays["prediction"] = array = verify(claim, tolerance, elementwise, rng)
    if array.wrong:
        values = {"prediction": prediction}
        if isinstance(target, np.ndarray) and target.shape == prediction.shape:
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
