"""The share of right answers: what the lecture counts, and what no gradient can follow."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import count, number
from tinynn.errors import InvalidValueError, ShapeError
from tinynn.metrics.base import Metric
from tinynn.metrics.labels import finite_scores, is_column, predicted_and_true, true_labels

if TYPE_CHECKING:
    from tinynn._arrays import Array


class _Share(Metric):
    """Hits / samples; abstract. A subclass says which samples are hits."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self.hits = self.count = 0

    def update(self, prediction: Any, target: Any) -> None:
        """Take in one batch."""
        hits = self._hits(prediction, target)
        self.hits += int(np.count_nonzero(hits))
        self.count += len(hits)

    def result(self) -> float:
        """The share of hits, 0 to 1."""
        self._needs_samples(self.count)
        return self.hits / self.count

    @abc.abstractmethod
    def _hits(self, prediction: Any, target: Any) -> Array:
        """(n,) of bool."""


class Accuracy(_Share):
    """The share of samples whose class is named rightly, argmax prediction = target.

    Parameters: threshold, for one score a sample: above it means class 1 (0.5 is right for
    probabilities, 0 for logits).
    Shapes: prediction (n, classes) scores, or (n,) or (n, 1), scores of class 1 or whole-numbered
    classes; target (n,) labels or (n, classes) one-hot or probabilities.
    Raises: ShapeError if the shapes do not fit; InvalidValueError for a label that is no class.

    >>> Accuracy()([[0.1, 0.9], [0.8, 0.2], [0.6, 0.4]], [1, 0, 1])
    0.6666666666666666
    """

    name = "accuracy"

    def __init__(self, *, threshold: float = 0.5) -> None:
        self.threshold = number("Accuracy: threshold", threshold)
        super().__init__()

    def _hits(self, prediction: Any, target: Any) -> Array:
        predicted, true, _ = predicted_and_true(self, prediction, target, self.threshold)
        hits: Array = predicted == true
        return hits


class TopKAccuracy(_Share):
    """The share of samples whose true class is among the k highest scores.

    Of equal scores the first counts as the higher one, so that k = 1 is Accuracy.

    Parameters: k, from 1 to the number of classes.
    Shapes: prediction (n, classes); target (n,) labels or (n, classes) one-hot or probabilities.
    Raises: ShapeError if the shapes do not fit; InvalidValueError if there are fewer than k classes.

    >>> TopKAccuracy(2)([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], [1, 2])
    0.5
    """

    def __init__(self, k: int = 5) -> None:
        self.k = count("TopKAccuracy: k", k)
        self.name = f"top_{self.k}_accuracy"
        super().__init__()

    def _hits(self, prediction: Any, target: Any) -> Array:
        scores = finite_scores(self, prediction)
        if is_column(scores):
            raise ShapeError(f"{self!r}: expected predictions of shape (n, classes), got {scores.shape}")
        classes = scores.shape[1]
        if classes < self.k:
            raise InvalidValueError(f"{self!r}: the predictions have {classes} classes, fewer than k")
        true = true_labels(self, target, len(scores), classes)[:, None]
        own = np.take_along_axis(scores, true, axis=1)
        before = (scores > own) | ((scores == own) & (np.arange(classes) < true))
        hits: Array = before.sum(axis=1) < self.k
        return hits

    def __repr__(self) -> str:
        return f"TopKAccuracy({self.k})"
