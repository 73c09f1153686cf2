"""The loss of a network whose outputs are each right or wrong on their own.

It applies the sigmoid itself, because −log of a computed probability overflows where the logarithm of
the whole expression does not; its gradient is what the network says minus what it should say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import _numerics
from tinynn._arrays import ONE, ZERO, as_floats
from tinynn.errors import InvalidValueError
from tinynn.losses.base import integer_labels
from tinynn.losses.elementwise import ElementwiseLoss

if TYPE_CHECKING:
    from tinynn._arrays import Array


class SigmoidCrossEntropy(ElementwiseLoss):
    """The cross-entropy of outputs that are each right or wrong on their own.

    C = 1/n Σₓ Σⱼ (1 − y) z + (1 + (P − 1) y) log(1 + e^−z)           forward
    ∂C/∂z = 1/n ((1 − y) − (1 + (P − 1) y) (1 − σ(z)))                backward, (σ(z) − y) / n for P = 1

    That is −1/n Σ [P y log σ(z) + (1 − y) log(1 − σ(z))], the lecture's cross-entropy.

    Parameters: positive_weight, P, a number or one an output, above 0 (PyTorch's pos_weight); mean_over,
    "samples" or "elements" (PyTorch's BCEWithLogitsLoss).
    Shapes: prediction (batch, …, outputs), logits; target the same, from 0 to 1, or (batch, …) integer
    labels, which stand for one-hot rows; sample_weight (batch,).
    Raises: ShapeError for another target shape; InvalidValueError for a target outside 0 … 1.
    Source: Nielsen ch. 3, eq. 63.

    >>> loss = SigmoidCrossEntropy()
    >>> round(loss.forward(np.array([[0.0, 1000.0]]), np.array([[1.0, 1.0]])), 6)  # log 2
    0.693147
    >>> loss.backward()
    array([[-0.5,  0. ]])
    """

    takes_logits = "sigmoid"

    def __init__(self, *, positive_weight: Any = None, mean_over: str = "samples") -> None:
        super().__init__(mean_over=mean_over)
        self.positive_weight: Array | None = None
        if positive_weight is not None:
            weight = as_floats(positive_weight, np.dtype(np.float64), "SigmoidCrossEntropy", "positive_weight").copy()
            if weight.ndim > 1 or not (np.isfinite(weight).all() and (weight > 0).all()):
                raise InvalidValueError(
                    f"SigmoidCrossEntropy: positive_weight must be finite and above 0, got {positive_weight!r}"
                )
            self.positive_weight = weight

    def _target(self, prediction: Array, target: Any) -> Array:
        classes = prediction.shape[-1]
        if prediction.ndim > 1 and classes > 1 and np.shape(target) == prediction.shape[:-1]:
            labels = integer_labels(self, target)
            if labels.min() < 0 or labels.max() >= classes:
                raise InvalidValueError(
                    f"{self!r}: labels must lie in 0 … {classes - 1} for {classes} logits, "
                    f"got {labels.min()} … {labels.max()}"
                )
            rows = self._buffer("one_hot", prediction)
            np.equal(labels[..., None], np.arange(classes), rows)
            return rows
        return super()._target(prediction, target)

    def _elements(self, prediction: Array, target: Array) -> Array:
        slopes, elements = self._slopes, self._buffer("elements", prediction)
        z, y, scratch, one = prediction, target, self._buffer("scratch", prediction), ONE[prediction.dtype]
        if not (np.minimum.reduce(y, axis=None) >= 0 and np.maximum.reduce(y, axis=None) <= 1):
            raise InvalidValueError(f"{self!r}: targets must lie between 0 and 1, got {y.min():g} … {y.max():g}")
        np.negative(z, scratch)
        _numerics.sigmoid(scratch, slopes, elements)  # 1 − σ(z)
        weight = self._positive_factor(y)
        np.multiply(slopes, weight, slopes)
        # (1 − y) z + w max(−z, 0) + w log(1 + e^−|z|): in this order nothing cancels where y is 0 or 1.
        np.maximum(scratch, ZERO[z.dtype], out=elements)
        np.multiply(elements, weight, elements)
        np.subtract(one, y, scratch)
        np.subtract(scratch, slopes, slopes)
        np.multiply(scratch, z, scratch)
        np.add(elements, scratch, elements)
        _numerics.log_1p_exp_minus_abs(z, scratch)
        np.multiply(scratch, weight, scratch)
        np.add(elements, scratch, elements)
        return elements

    def _positive_factor(self, y: Array) -> Array:
        """w = 1 + (P − 1) y."""
        one = ONE[y.dtype]
        if self.positive_weight is None:
            return one
        weight = self._buffer("weight", y)
        np.multiply(y, (self.positive_weight - 1.0).astype(y.dtype), weight)
        return np.add(weight, one, weight)

    def _arguments(self) -> str:
        weight = "" if self.positive_weight is None else f"positive_weight={self.positive_weight.tolist()}"
        return ", ".join(filter(None, [weight, super()._arguments()]))
