"""The loss of a network that chooses one class out of many.

It applies softmax itself, because −log of a computed probability overflows where the logarithm of the
whole expression does not; its gradient is what the network says minus what it should say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import fraction, shown
from tinynn._arrays import FLOATS, as_array, as_floats
from tinynn.errors import InvalidValueError, ShapeError
from tinynn.losses.base import Loss
from tinynn.losses.label_places import LabelPlaces
from tinynn.losses.softmax_rows import SoftmaxRows

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype


class SoftmaxCrossEntropy(Loss):
    """−log of the probability that softmax gives to the right class.

    C = Σₓ Σₖ qₖ (log Σⱼ e^zⱼ − zₖ), q = s w t                         forward, s = 1/n
    ∂C/∂zₖ = pₖ Σⱼ qⱼ − qₖ, p = softmax(z)                              backward

    t is the target as probabilities, smoothed to (1 − ε) t + ε / K. With labels and class weights the
    mean is Σ w_y Cₓ / Σ w_y, so s = 1 / Σ w_y; with probabilities it stays 1/n: both are PyTorch's definitions.

    Parameters: label_smoothing, ε; class_weights, w, (classes,), 1 by default.
    Shapes: prediction (batch, …, classes), logits; target (batch, …) integer labels or (batch, …, classes)
    probabilities; sample_weight (batch,). Each position of … is a sample of its own.
    Raises: ShapeError for another target shape; InvalidValueError for a label outside 0 … classes − 1, and, in the
    first call for a shape, for probabilities below 0 or not finite.
    Source: Bridle (1990); Szegedy et al. (2016) for the smoothing.

    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss.forward(np.zeros((2, 10)), np.array([3, 7])), 6)  # log 10
    2.302585
    >>> loss.backward().sum(axis=1).round(12) + 0.0
    array([0., 0.])
    """

    takes_logits = "softmax"
    transient: ClassVar[tuple[str, ...]] = (
        *Loss.transient,
        *("_shape", "_dtype", "_seen", "_positions", "_softmax", "_labels", "_grad", "_flat_grad"),
        *("_mean", "_even", "_q", "_totals", "_first"),
    )
    _shape: tuple[int, ...] | None = None
    _dtype: Dtype | None = None
    #: The prediction that was bound to: a model's output is the same array in every step. Nobody's at first.
    _seen: object = object()
    #: Whether this is the first call for these logits.
    _first: bool = True
    #: What the last forward leaves: q, or None if q is 0 but at the labels' places; Σⱼ qⱼ, or None for no backward.
    _q: Array | None = None
    _totals: Array | None = None

    def __init__(self, *, label_smoothing: float = 0.0, class_weights: Any = None) -> None:
        self.label_smoothing = fraction("SoftmaxCrossEntropy: label_smoothing", label_smoothing)
        self.class_weights: Array | None = None
        if class_weights is not None:
            weights = as_floats(class_weights, np.dtype(np.float64), "SoftmaxCrossEntropy", "class_weights").copy()
            if weights.ndim != 1 or not (weights.size and np.isfinite(weights).all() and (weights >= 0).all()):
                raise InvalidValueError(
                    "SoftmaxCrossEntropy: class_weights must be finite, 0 or more, one a class, "
                    f"got {shown(class_weights)}"
                )
            self.class_weights = weights
            self._weights = {dtype: weights.astype(dtype) for dtype in FLOATS}

    def forward(self, prediction: Any, target: Any, sample_weight: Any = None) -> float:
        """C = Σₓ Σₖ qₖ (log Σⱼ e^zⱼ − zₖ)."""
        self._totals = None
        if not (
            prediction is self._seen
            or (type(prediction) is np.ndarray and prediction.shape == self._shape and prediction.dtype is self._dtype)
        ):
            prediction = self._logits(prediction)
            self._bind(prediction)
        z = prediction if prediction.ndim == 2 else prediction.reshape(self._softmax.result.shape)
        if type(target) is not np.ndarray:
            target = as_array(target, self, "target")
        plain = sample_weight is None and self.class_weights is None
        if target.shape != self._positions:
            t = self._probabilities(target)
            return self._dense_cost(z, t, self._mean if plain else self._share(sample_weight, labels=False))
        self._labels.read(self, target)
        share = self._mean if plain else self._share(sample_weight, labels=True)
        if self.label_smoothing:
            return self._dense_cost(z, self._one_hot(), share)
        return self._label_cost(z, share)

    def backward(self) -> Array:
        """∂C/∂zₖ = pₖ Σⱼ qⱼ − qₖ."""
        totals = self._totals
        if totals is None:
            raise self._needs_forward()
        grad = self._softmax.scaled(totals)
        if self._q is None:
            np.subtract.at(self._flat_grad, self._labels.places, totals)
        else:
            np.subtract(grad, self._q, grad)
        return self._grad

    def _label_cost(self, z: Array, share: Array) -> float:
        """C = Σₓ s w log Σ − s w (z_y − max z), one product: a class ruled out by z = −∞ costs nothing."""
        softmax = self._softmax
        factors, totals = self._even if share is self._mean else self._label_factors(share)
        softmax.shift(z)
        softmax.flat.take(self._labels.places, None, softmax.beside, "clip")
        softmax.exponentiate()
        self._q, self._totals = None, totals
        return float(factors.dot(softmax.terms))

    def _dense_cost(self, z: Array, t: Array, share: Array) -> float:
        """C = Σₓ (Σₖ qₖ) log Σ − Σₖ qₖ (zₖ − max z)."""
        softmax = self._softmax
        q, totals = self._buffer("q", softmax.result), softmax.beside
        if self.label_smoothing:
            t = np.add(np.multiply(t, 1.0 - self.label_smoothing, q), self.label_smoothing / q.shape[1], q)
        if self.class_weights is not None:
            t = np.multiply(t, self._weights[q.dtype], q)
        np.multiply(t, share, q)
        q.dot(softmax.ones, totals)
        softmax.shift(z)
        cost = -float(q.reshape(-1).dot(softmax.flat))
        softmax.exponentiate()
        self._q, self._totals = q, totals
        return cost + float(totals.dot(softmax.log_sums))

    def _logits(self, prediction: Any) -> Array:
        z = self._prediction(prediction)
        if z.ndim < 2:
            raise ShapeError(f"{self!r}: expected logits of shape (batch, classes), got {z.shape}")
        if self.class_weights is not None and len(self.class_weights) != z.shape[-1]:
            raise ShapeError(f"{self!r}: {len(self.class_weights)} class_weights for {z.shape[-1]} classes")
        return z

    def _bind(self, z: Array) -> None:
        """Prepare for logits of this shape and dtype."""
        self._seen, self._shape, self._dtype, self._positions = z, z.shape, z.dtype, z.shape[:-1]
        self._first = True
        classes = z.shape[-1]
        rows = z.size // classes
        self._softmax = SoftmaxRows(self._buffers, (rows, classes), z.dtype)
        self._labels = LabelPlaces(self._buffers, self._positions, classes, self._softmax.starts)
        self._grad, self._flat_grad = self._softmax.result.reshape(z.shape), self._softmax.result.reshape(-1)
        self._mean = np.array(1.0 / rows, z.dtype)
        even = self._buffers.take("even", (2 * rows,), z.dtype)
        even[:rows], even[rows:] = self._mean, -self._mean
        self._even = even, even[:rows]

    def _one_hot(self) -> Array:
        t = self._buffer("q", self._softmax.result)
        t.fill(0.0)
        t.put(self._labels.places, 1.0)
        return t

    def _probabilities(self, target: Array) -> Array:
        t = as_floats(target, self._dtype, self, "target")
        if t.shape != self._shape:
            raise ShapeError(
                f"{self!r}: expected labels of shape {self._positions} or probabilities of shape {self._shape}, "
                f"got {t.shape}"
            )
        if self._first and not (t.min() >= 0 and t.max() < np.inf):
            raise InvalidValueError(
                f"{self!r}: targets must be finite and 0 or more, as probabilities are, got {t.min():g} … {t.max():g}"
            )
        self._first = False
        return t.reshape(self._softmax.result.shape)

    def _share(self, sample_weight: Any, *, labels: bool) -> Array:
        """s: what part of the mean each row is, sᵢ / Σ s, or sᵢ / Σ s w_y for labels with class weights."""
        share = self._buffers.take("share", (len(self._labels.labels), 1), self._mean.dtype)
        if sample_weight is None:
            share.fill(self._mean)
        else:
            given = self._shares(sample_weight, self._grad)
            positions = len(share) // len(given)
            share[:, 0] = np.repeat(given, positions) / positions
        if labels and self.class_weights is not None:
            total = float(share[:, 0].dot(self._label_weights()))
            if total <= 0:
                raise InvalidValueError(f"{self!r}: the class_weights of all labels of this batch are 0")
            np.divide(share, total, share)
            self.batch_weight = total * len(share)
        else:
            self.batch_weight = None
        return share

    def _label_weights(self) -> Array:
        """w_y of each row."""
        weights = self._buffers.take("weights", self._labels.labels.shape, self._mean.dtype)
        return self._weights[weights.dtype].take(self._labels.labels, None, weights, "clip")

    def _label_factors(self, share: Array) -> tuple[Array, Array]:
        """(s w, −s w) for the label's w in one array, and s w alone."""
        rows = len(share)
        factors = self._buffers.take("factors", (2 * rows,), share.dtype)
        totals = factors[:rows]
        totals[...] = share[:, 0]
        if self.class_weights is not None:
            np.multiply(totals, self._label_weights(), totals)
        np.negative(totals, factors[rows:])
        return factors, totals

    def __repr__(self) -> str:
        parts = [f"label_smoothing={self.label_smoothing}"] if self.label_smoothing else []
        parts += [f"class_weights={self.class_weights.tolist()}"] if self.class_weights is not None else []
        return f"SoftmaxCrossEntropy({', '.join(parts)})"
