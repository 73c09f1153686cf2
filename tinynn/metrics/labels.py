"""From scores to classes: which class a prediction names, and which one a target does.

| array | meaning |
|---|---|
| prediction (n, K), K ≥ 2 | scores, one a class; the largest names the class, the first one of equals |
| prediction (n,) or (n, 1), floats | scores of class 1 of two; above the threshold means class 1 |
| prediction or target (n,) or (n, 1), whole numbers | the classes themselves |
| target (n, K), K ≥ 2 | one-hot or probabilities; the one largest entry names the class |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import InvalidValueError, ShapeError
from tinynn.metrics.base import real_array

if TYPE_CHECKING:
    from tinynn._arrays import Array


def predicted_and_true(owner: object, prediction: Any, target: Any, threshold: float) -> tuple[Array, Array, int]:
    """The predicted and the true classes, (n,) each, and how many classes the shapes tell of (0: unknown).

    Raises: ShapeError, InvalidValueError or DtypeError for whatever can be read in two ways.
    """
    prediction = finite_scores(owner, prediction)
    if is_column(prediction):
        predicted = _named(owner, prediction.reshape(-1), threshold)
        classes = 2 if prediction.dtype.kind == "f" else 0
    else:
        predicted, classes = prediction.argmax(axis=1), prediction.shape[1]
    return predicted, true_labels(owner, target, len(prediction), classes), classes


def finite_scores(owner: object, prediction: Any) -> Array:
    """The predictions as an array (n,) or (n, K) without NaN."""
    scores = real_array(owner, "predictions", prediction)
    if scores.ndim not in (1, 2) or scores.shape[1:] == (0,):
        raise ShapeError(f"{owner!r}: expected predictions of shape (n, classes) or (n,), got {scores.shape}")
    unknown = np.isnan(scores)
    if unknown.any():
        row = int(np.argwhere(unknown)[0, 0])
        raise InvalidValueError(f"{owner!r}: the prediction of sample {row} is NaN, which names no class")
    return scores


def true_labels(owner: object, target: Any, n: int, classes: int) -> Array:
    """The classes that a target names, (n,); with classes > 0 each must lie below it."""
    target = real_array(owner, "targets", target)
    if target.ndim not in (1, 2) or len(target) != n or target.shape[1:] == (0,):
        raise ShapeError(
            f"{owner!r}: expected {n} targets, as there are predictions, of shape ({n},) or ({n}, classes), "
            f"got {target.shape}"
        )
    if is_column(target):
        labels = _whole(owner, target.reshape(-1), classes)
    else:
        if classes and target.shape[1] != classes:
            raise ShapeError(
                f"{owner!r}: the predictions have {classes} classes, the targets {target.shape[1]} columns"
            )
        labels = _largest(owner, target)
    return labels


def is_column(array: Array) -> bool:
    """Whether there is one number a sample."""
    return array.ndim == 1 or array.shape[1] == 1


def _named(owner: object, scores: Array, threshold: float) -> Array:
    """Whole numbers are classes as they stand; scores are 1 above the threshold, else 0."""
    if scores.dtype.kind == "f":
        return (scores > threshold).astype(np.int64)
    return _whole(owner, scores, 0, what="predicted class")


def _whole(owner: object, labels: Array, classes: int, what: str = "label") -> Array:
    """labels as integers from 0, below classes where that is known."""
    with np.errstate(invalid="ignore"):  # what int64 cannot hold comes out different, and is refused
        numbers = labels.astype(np.int64)
    wrong = (numbers != labels) | (numbers < 0) | (numbers >= (classes or np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        last = str(classes - 1) if classes else "…"
        raise InvalidValueError(
            f"{owner!r}: expected each {what} to be a whole number 0 … {last}, got {labels[row]} for sample {row}"
        )
    return numbers


def _largest(owner: object, target: Array) -> Array:
    """The place of each row's one largest entry; a row with two of them names no class."""
    largest = target.max(axis=1, keepdims=True)
    wrong = (target == largest).sum(axis=1) != 1  # none is, where there is a NaN
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidValueError(
            f"{owner!r}: targets of shape (n, classes) must be one-hot or probabilities with one largest "
            f"entry, got {target[row].tolist()} for sample {row}"
        )
    labels: Array = target.argmax(axis=1)
    return labels
