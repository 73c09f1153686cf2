"""The loss of a network that chooses one class out of many.

It applies softmax itself, because −log of a computed probability overflows where the logarithm of the
whole expression does not; its gradient is what the network says minus what it should say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import fraction
from tinynn._arrays import FLOATS, as_floats
from tinynn.errors import InvalidValueError, ShapeError
from tinynn.losses.base import Loss, integer_labels

if TYPE_CHECKING:
    from tinynn._arrays import Array


class SoftmaxCrossEntropy(Loss):
    """−log of the probability that softmax gives to the right class.

    C = 1/n Σₓ Σₖ wₖ tₖ (log Σⱼ e^zⱼ − zₖ)                             forward
    ∂C/∂zₖ = 1/n (pₖ Σⱼ wⱼ tⱼ − wₖ tₖ), p = softmax(z)                  backward

    t is the target as probabilities, smoothed to (1 − ε) t + ε / K. With labels and class weights the
    mean is Σ w_y Cₓ / Σ w_y; with probabilities it stays 1/n: both are PyTorch's definitions.

    Parameters: label_smoothing, ε; class_weights, w, (classes,), 1 by default.
    Shapes: prediction (batch, …, classes), logits; target (batch, …) integer labels or (batch, …, classes)
    probabilities; sample_weight (batch,). Each position of … is a sample of its own.
    Raises: ShapeError for another target shape; InvalidValueError for a label outside 0 … classes − 1.
    Source: Bridle (1990); Szegedy et al. (2016) for the smoothing.

    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss.forward(np.zeros((2, 10)), np.array([3, 7])), 6)  # log 10
    2.302585
    >>> loss.backward().sum(axis=1).round(12) + 0.0
    array([0., 0.])
    """

    takes_logits = "softmax"
    transient: ClassVar[tuple[str, ...]] = (*Loss.transient, "_like", "_starts", "_classes")
    #: The last logits, whose shape and dtype the gradient takes; None before the first forward.
    _like: Array | None = None
    #: Where each row begins in the flattened logits, for the longest batch so far.
    _starts: Array | None = None
    _classes: int = 0

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: Any = None) -> None:
        self.label_smoothing = fraction("SoftmaxCrossEntropy: label_smoothing", label_smoothing)
        self.class_weights: Array | None = None
        if class_weights is not None:
            weights = as_floats(class_weights, np.dtype(np.float64), "SoftmaxCrossEntropy", "class_weights").copy()
            if weights.ndim != 1 or not (np.isfinite(weights).all() and (weights >= 0).all()):
                raise InvalidValueError(
                    f"SoftmaxCrossEntropy: class_weights must be finite, 0 or more, one a class, got {class_weights!r}"
                )
            self.class_weights = weights
            self._weights = {dtype: weights.astype(dtype) for dtype in FLOATS}

    def forward(self, prediction: Any, target: Any, sample_weight: Any = None) -> float:
        """C = 1/n Σₓ Σₖ wₖ tₖ (log Σⱼ e^zⱼ − zₖ)."""
        z = self._logits(prediction)
        labels = target if np.shape(target) == z.shape[:-1] else None
        rows = z.reshape(-1, z.shape[-1])
        if labels is not None:
            places = self._places(rows, labels)
            q = self._one_hot(rows, places)
        else:
            places, q = None, self._smoothed(rows, self._probabilities(z, target))
        surprise = self._surprise(rows)  # −log p
        cost, total = self._column("cost", rows), self._column("total", rows)
        np.add.reduce(q, axis=1, keepdims=True, out=total)
        if places is not None and not self.label_smoothing:
            # The label's entry alone, so that a class ruled out by z = −∞ costs nothing.
            np.take(surprise, places, mode="clip", out=cost[:, 0])
            np.multiply(cost, total, cost)
        else:
            np.multiply(surprise, q, surprise)
            np.add.reduce(surprise, axis=1, keepdims=True, out=cost)
        share = self._share(z, places, sample_weight)
        np.multiply(cost, share, cost)
        self._like = z
        return float(np.add.reduce(cost, axis=None))

    def backward(self) -> Array:
        """∂C/∂zₖ = 1/n (pₖ Σⱼ wⱼ tⱼ − wₖ tₖ)."""
        if self._like is None:
            raise self._needs_forward()
        grad = self._buffer("grad", self._like)
        rows = grad.reshape(-1, grad.shape[-1])
        np.multiply(self._buffer("p", rows), self._column("total", rows), rows)
        np.subtract(rows, self._buffer("q", rows), rows)
        np.multiply(rows, self._column("share", rows), rows)
        return grad

    def _logits(self, prediction: Any) -> Array:
        z = self._prediction(prediction)
        if z.ndim < 2:
            raise ShapeError(f"{self!r}: expected logits of shape (batch, classes), got {z.shape}")
        if self.class_weights is not None and len(self.class_weights) != z.shape[-1]:
            raise ShapeError(f"{self!r}: {len(self.class_weights)} class_weights for {z.shape[-1]} classes")
        return z

    def _places(self, rows: Array, labels: Any) -> Array:
        """Where each row's label stands in the flattened rows, after a check of the labels."""
        n, classes = rows.shape
        places = self._buffers.take("places", (n,), np.intp)
        np.copyto(places, integer_labels(self, labels).reshape(-1), casting="unsafe")
        # As unsigned numbers negative labels are huge: one pass finds both faults.
        if np.maximum.reduce(places.view(np.uintp)) >= classes:
            raise InvalidValueError(
                f"{self!r}: labels must lie in 0 … {classes - 1} for {classes} logits, "
                f"got {places.min()} … {places.max()}"
            )
        starts = self._starts
        if starts is None or len(starts) < n or self._classes != classes:
            starts = self._starts = np.arange(0, n * classes, classes)
            self._classes = classes
        np.add(places, starts[:n], places)
        return places

    def _one_hot(self, rows: Array, places: Array) -> Array:
        """q = w t for labels, smoothed."""
        q = self._buffer("q", rows)
        q.fill(self.label_smoothing / rows.shape[1])
        np.put(q, places, 1.0 - self.label_smoothing * (1.0 - 1.0 / rows.shape[1]))
        return self._class_weighted(q)

    def _probabilities(self, z: Array, target: Any) -> Array:
        t = as_floats(target, z.dtype, self, "target")
        if t.shape != z.shape:
            raise ShapeError(
                f"{self!r}: expected labels of shape {z.shape[:-1]} or probabilities of shape {z.shape}, got {t.shape}"
            )
        return t.reshape(-1, z.shape[-1])

    def _smoothed(self, rows: Array, t: Array) -> Array:
        """q = w t for probabilities, smoothed."""
        q = self._buffer("q", rows)
        np.multiply(t, 1.0 - self.label_smoothing, q)
        np.add(q, self.label_smoothing / rows.shape[1], q)
        return self._class_weighted(q)

    def _class_weighted(self, q: Array) -> Array:
        if self.class_weights is not None:
            np.multiply(q, self._weights[q.dtype], q)
        return q

    def _surprise(self, rows: Array) -> Array:
        """−log p = log Σⱼ e^zⱼ − zₖ, shifted by the largest z; leaves p = softmax(z) in its buffer."""
        p, surprise, row = self._buffer("p", rows), self._buffer("surprise", rows), self._column("row", rows)
        np.maximum.reduce(rows, axis=1, keepdims=True, out=row)
        np.subtract(rows, row, surprise)
        np.exp(surprise, p)
        np.add.reduce(p, axis=1, keepdims=True, out=row)
        np.divide(p, row, p)
        np.log(row, row)
        np.subtract(row, surprise, surprise)
        return surprise

    def _share(self, z: Array, places: Array | None, sample_weight: Any) -> Array:
        """What part of the mean each row is: sᵢ / Σ s, with sᵢ w_y / Σ s w_y for weighted labels.

        The factor w_y itself is in q already, so the share is sᵢ over that sum.
        """
        share = self._column("share", z.reshape(-1, z.shape[-1]))
        if sample_weight is None:
            share.fill(1.0 / len(share))
        else:
            given = self._shares(sample_weight, z)
            share[:, 0] = np.repeat(given, len(share) // len(z)) / (len(share) // len(z))
        if places is not None and self.class_weights is not None:
            labels, weights = self._buffers.take("labels", places.shape, np.intp), self._column("weights", share)
            np.remainder(places, z.shape[-1], labels)
            np.take(self._weights[z.dtype], labels, mode="clip", out=weights[:, 0])
            total = float(np.vdot(share, weights))
            if total <= 0:
                raise InvalidValueError(f"{self!r}: the class_weights of all labels of this batch are 0")
            np.divide(share, total, share)
        return share

    def _column(self, name: str, rows: Array) -> Array:
        return self._buffers.take(name, (len(rows), 1), rows.dtype)

    def __repr__(self) -> str:
        parts = [f"label_smoothing={self.label_smoothing}"] if self.label_smoothing else []
        parts += [f"class_weights={self.class_weights.tolist()}"] if self.class_weights is not None else []
        return f"SoftmaxCrossEntropy({', '.join(parts)})"
