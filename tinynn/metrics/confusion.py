"""Which class is taken for which, and what follows from those counts: precision, recall, F1."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import count, number, shown
from tinynn.errors import InvalidValueError
from tinynn.metrics.base import Metric
from tinynn.metrics.labels import predicted_and_true

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: Classes of a table that still may fit into memory.
MOST = 65_536
AVERAGES = ("macro", "micro", "weighted", "binary", None)


class ConfusionMatrix(Metric):
    """How often each class was taken for each: row true class, column predicted class, as in scikit-learn.

    Parameters: classes, their number, by default as many as predictions and targets show; threshold, for
    one score a sample, as in Accuracy.
    Shapes: prediction and target as in Accuracy; result (classes, classes) of int64.
    Raises: ShapeError if the shapes do not fit; InvalidValueError for a label that is no class.

    >>> ConfusionMatrix()([0, 2, 1, 2], [0, 1, 1, 2])
    array([[1, 0, 0],
           [0, 1, 1],
           [0, 0, 1]])
    """

    name = "confusion_matrix"

    def __init__(self, classes: int | None = None, *, threshold: float = 0.5) -> None:
        if classes is not None:
            classes = count("ConfusionMatrix: classes", classes, "an int or None")
            _check_size(f"ConfusionMatrix: {shown(classes)} classes", classes)
        self.classes = classes
        self.threshold = number("ConfusionMatrix: threshold", threshold)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        size = self.classes or 0
        self.counts: Array = np.zeros((size, size), np.int64)

    def update(self, prediction: Any, target: Any) -> None:
        """Take in one batch."""
        self.counts = _with(self, self.counts, prediction, target, self.threshold, self.classes)

    def result(self) -> Array:
        """The counts, a copy."""
        self._needs_samples(int(self.counts.sum()))
        return self.counts.copy()

    def __repr__(self) -> str:
        return f"ConfusionMatrix({'' if self.classes is None else self.classes})"


class _PerClass(Metric):
    """A quotient of counts for each class, averaged as asked; abstract.

    Where nothing can be said (0 / 0) the quotient is 0, without a warning.
    """

    def __init__(self, average: str | None = "macro", *, threshold: float = 0.5) -> None:
        if average is not None and not (isinstance(average, str) and average in AVERAGES):
            names = ", ".join(map(repr, AVERAGES))
            raise InvalidValueError(f"{type(self).__name__}: average must be one of {names}, got {shown(average)}")
        self.average = average
        self.threshold = number(f"{type(self).__name__}: threshold", threshold)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self.counts: Array = np.zeros((0, 0), np.int64)

    def update(self, prediction: Any, target: Any) -> None:
        """Take in one batch."""
        self.counts = _with(self, self.counts, prediction, target, self.threshold)

    def result(self) -> Any:
        """A float, or with average=None an array (classes,)."""
        counts = self.counts
        self._needs_samples(int(counts.sum()))
        hits, true, predicted = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
        if self.average == "micro":
            return float(_quotient(*self._terms(hits.sum(), true.sum(), predicted.sum())))
        values = _quotient(*self._terms(hits, true, predicted))
        if self.average is None:
            return values
        if self.average == "binary":
            return float(self._of_class_1(values))
        weights = true if self.average == "weighted" else (true + predicted > 0)
        return float(np.average(values, weights=weights))

    @abc.abstractmethod
    def _terms(self, hits: Any, true: Any, predicted: Any) -> tuple[Any, Any]:
        """Numerator and denominator, from the counts of each class or their sums."""

    def _of_class_1(self, values: Array) -> Any:
        if len(values) > 2:
            raise InvalidValueError(
                f"{self!r}: average='binary' needs two classes, got {len(values)}; take 'macro' or 'micro'"
            )
        return values[1] if len(values) == 2 else 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.average == 'macro' else f'average={self.average!r}'})"


class Precision(_PerClass):
    """Of the samples taken for a class, the share that are of it: hits / predicted.

    Parameters: average, "macro" (the mean over all classes that occur among targets or predictions), "micro"
    (from the summed counts), "weighted" (by the targets' frequencies), "binary" (class 1 of two) or None
    (an array, one a class); threshold, for one score a sample, as in Accuracy.
    Shapes: prediction and target as in Accuracy.
    Raises: ShapeError if the shapes do not fit; InvalidValueError for a label that is no class.
    Source: scikit-learn's precision_score, with zero_division=0.

    >>> Precision()([0, 0, 1, 1], [0, 1, 1, 1])
    0.75
    """

    name = "precision"

    def _terms(self, hits: Any, true: Any, predicted: Any) -> tuple[Any, Any]:
        return hits, predicted


class Recall(_PerClass):
    """Of the samples of a class, the share that are taken for it: hits / true.

    Parameters, shapes and errors as in Precision.
    Source: scikit-learn's recall_score, with zero_division=0.

    >>> Recall(average=None)([0, 0, 1, 1], [0, 1, 1, 1]).round(3)
    array([1.   , 0.667])
    """

    name = "recall"

    def _terms(self, hits: Any, true: Any, predicted: Any) -> tuple[Any, Any]:
        return hits, true


class F1(_PerClass):
    """The harmonic mean of precision and recall: 2 hits / (true + predicted).

    Parameters, shapes and errors as in Precision.
    Source: scikit-learn's f1_score, with zero_division=0.

    >>> F1(average="binary")([0, 0, 1, 1], [0, 1, 1, 1])
    0.8
    """

    name = "f1"

    def _terms(self, hits: Any, true: Any, predicted: Any) -> tuple[Any, Any]:
        return 2 * hits, true + predicted


def _with(
    owner: Metric,
    counts: Array,
    prediction: Any,
    target: Any,
    threshold: float,
    classes: int | None = None,
) -> Array:
    """The confusion counts with a batch added, in a new array that is larger if more classes came."""
    predicted, true, told = predicted_and_true(owner, prediction, target, threshold)
    have, needed = len(counts), max(told, *(int(labels.max(initial=-1)) + 1 for labels in (predicted, true)))
    if classes is not None and (needed > have or told not in (0, have)):
        raise InvalidValueError(f"{owner!r}: predictions or targets have {needed} classes, not {have}")
    size = max(have, needed)
    _check_size(f"{owner!r}: a class {size - 1}, if the labels are class numbers,", size)
    pairs = np.bincount(true * size + predicted, minlength=size**2).reshape(size, size)
    pairs[:have, :have] += counts
    return pairs


def _check_size(what: str, classes: int) -> None:
    if classes > MOST:
        raise InvalidValueError(f"{what} would need a table of {shown(classes)} rows and columns; {MOST} is the most")


def _quotient(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator, 0 where both are 0: a class without samples has no hits."""
    return numerator / np.maximum(denominator, 1)
