"""How much of the targets' spread the predictions explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import InvalidValueError, ShapeError
from tinynn.metrics.base import Metric, real_array

if TYPE_CHECKING:
    from tinynn._arrays import Array


class R2(Metric):
    """The coefficient of determination, 1 for perfect predictions, 0 for always saying the mean.

    R² = 1 − Σ (y − a)² / Σ (y − ȳ)², the mean over the outputs where there are several

    An output whose target never changes counts 1 if it was predicted exactly, else 0.
    Shapes: prediction and target (n,) or (n, …), both the same.
    Raises: ShapeError if the shapes differ; InvalidValueError if a number is not finite; StateError from result with
    fewer than two samples.
    Source: scikit-learn's r2_score, multioutput "uniform_average"; Chan, Golub & LeVeque (1983) for
    sums that lose no digits when batches are put together.

    >>> R2()([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    0.9486081370449679
    """

    name = "r2"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self.count = 0

    def update(self, prediction: Any, target: Any) -> None:
        """Take in one batch."""
        a, y = real_array(self, "predictions", prediction), real_array(self, "targets", target)
        if a.shape != y.shape or a.ndim < 1 or 0 in a.shape[1:]:
            raise ShapeError(
                f"{self!r}: expected predictions and targets of one shape (n, …), got {a.shape} and {y.shape}"
            )
        n = len(y)
        if n == 0:
            return
        if not (np.isfinite(a).all() and np.isfinite(y).all()):
            raise InvalidValueError(f"{self!r}: expected finite predictions and targets, got NaN or infinity")
        a, y = a.reshape(n, -1).astype(np.float64), y.reshape(n, -1).astype(np.float64)
        if self.count == 0:
            # Sums are taken of y − origin, so that a constant target has a spread of exactly 0.
            self._origin: Array = y[0]
            self._residual, self._mean, self._spread = np.zeros((3, y.shape[1]))
        elif y.shape[1:] != self._origin.shape:
            raise ShapeError(f"{self!r}: {y.shape[1]} outputs after {len(self._origin)} so far; reset() in between")
        y0 = y - self._origin
        mean = y0.mean(axis=0)
        step, total = mean - self._mean, self.count + n
        self._residual = self._residual + ((y - a) ** 2).sum(axis=0)
        self._spread = self._spread + ((y0 - mean) ** 2).sum(axis=0) + step**2 * (self.count * n / total)
        self._mean = self._mean + step * (n / total)
        self.count = total

    def result(self) -> float:
        """R² over all samples."""
        self._needs_samples(self.count, least=2)
        constant = self._spread == 0
        share = self._residual / np.where(constant, 1.0, self._spread)
        return float(np.where(constant, self._residual == 0, 1.0 - share).mean())
