"""The loss of a network whose outputs are each right or wrong on their own.

It applies the sigmoid itself, because −log of a computed probability overflows where the logarithm of
the whole expression does not; its gradient is what the network says minus what it should say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import shown
from tinynn._arrays import ONE, ZERO, as_array, as_floats, constant
from tinynn.errors import InvalidValueError, ShapeError
from tinynn.losses.base import integer_labels, labels_outside
from tinynn.losses.elementwise import ElementwiseLoss

if TYPE_CHECKING:
    from tinynn._arrays import Array

MINUS_ONE = constant(-1.0)


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
            if weight.ndim > 1 or not (weight.size and np.isfinite(weight).all() and (weight > 0).all()):
                raise InvalidValueError(
                    f"SigmoidCrossEntropy: positive_weight must be finite and above 0, got {shown(positive_weight)}"
                )
            self.positive_weight = weight

    def _prediction(self, prediction: Any) -> Array:
        z, weight = super()._prediction(prediction), self.positive_weight
        if weight is not None and weight.ndim and (z.ndim < 2 or len(weight) != z.shape[-1]):
            raise ShapeError(
                f"{self!r}: {len(weight)} positive weights do not fit a prediction of shape {z.shape}; "
                "give one for each output, or a number"
            )
        return z

    def _target(self, prediction: Array, target: Any) -> Array:
        classes, target = prediction.shape[-1], as_array(target, self, "target")
        if prediction.ndim > 1 and classes > 1 and target.shape == prediction.shape[:-1]:
            labels = integer_labels(self, target)
            if labels.min() < 0 or labels.max() >= classes:
                raise labels_outside(self, labels, classes)
            rows = self._buffer("one_hot", prediction)
            np.equal(labels[..., None], np.arange(classes), rows)
            return rows
        return super()._target(prediction, target)

    def _elements(self, prediction: Array, target: Array) -> Array:
        slopes, elements = self._slopes, self._buffer("elements", prediction)
        z, y, scratch, rest = prediction, target, self._buffer("scratch", prediction), self._grad  # free until backward
        zero, one = ZERO[z.dtype], ONE[z.dtype]
        if not (y.item(y.argmin()) >= 0 and y.item(y.argmax()) <= 1):
            raise InvalidValueError(f"{self!r}: targets must lie between 0 and 1, got {y.min():g} … {y.max():g}")
        np.copysign(z, MINUS_ONE[z.dtype], scratch)
        np.exp(scratch, scratch)  # e^−|z|
        np.add(scratch, one, rest)
        np.negative(z, slopes)
        np.minimum(slopes, zero, out=slopes)
        np.exp(slopes, slopes)
        np.divide(slopes, rest, slopes)  # 1 − σ(z)
        np.log1p(scratch, scratch)
        np.minimum(z, zero, out=elements)
        if self.positive_weight is not None:
            self._weigh(self.positive_weight, y, rest, slopes, scratch, elements)
        np.subtract(one, y, rest)
        np.subtract(rest, slopes, slopes)
        # ((1 − y) z − w min(z, 0)) + w log(1 + e^−|z|): in this order nothing cancels where y is 0 or 1.
        np.multiply(rest, z, rest)
        np.subtract(rest, elements, elements)
        np.add(elements, scratch, elements)
        return elements

    @staticmethod
    def _weigh(positive_weight: Array, y: Array, weight: Array, *terms: Array) -> None:
        """Multiply the terms with w = 1 + (P − 1) y, written into `weight`."""
        np.multiply(y, (positive_weight - 1.0).astype(y.dtype), weight)
        np.add(weight, ONE[y.dtype], weight)
        for term in terms:
            np.multiply(term, weight, term)

    def _arguments(self) -> str:
        weight = "" if self.positive_weight is None else f"positive_weight={self.positive_weight.tolist()}"
        return ", ".join(filter(None, [weight, super()._arguments()]))
