"""What a loss is: a number that says how wrong a batch of predictions is, and its gradient.

The loss owns the mean over the batch: a cost and its gradient do not grow with the batch size. Value
and derivative belong to one object, because forward leaves what backward needs.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arrays import FLOAT64, as_array, as_floats
from tinynn._buffers import Buffers
from tinynn.errors import DtypeError, InvalidValueError, ShapeError, StateError

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Loss(abc.ABC):
    """C(prediction, target) and ∂C/∂prediction; abstract.

    Shapes: prediction (batch, …); target as the subclass says; sample_weight (batch,).
    Raises: ShapeError if the target has another shape than the loss expects: nothing is broadcast.
    """

    #: "softmax" or "sigmoid" if the loss applies that function itself, so the network must not.
    takes_logits: str | None = None
    #: What the last mean was taken over, if not over the batch's rows: Σ w_y. Means of batches are joined with it.
    batch_weight: float | None = None
    #: Attributes that one call leaves behind for the next: not part of a copy or a pickle.
    transient: ClassVar[tuple[str, ...]] = ("_buffers", "batch_weight")
    _buffers: Buffers

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        loss = super().__new__(cls)
        loss._buffers = Buffers()
        return loss

    @abc.abstractmethod
    def forward(self, prediction: Any, target: Any, sample_weight: Any = None) -> float:
        """The cost of a batch: the mean over its samples, or Σ wᵢ Cᵢ / Σ wᵢ with sample_weight w."""

    @abc.abstractmethod
    def backward(self) -> Array:
        """∂C/∂prediction of the last forward, in its shape and dtype; valid until the next forward."""

    def _prediction(self, prediction: Any) -> Array:
        array = as_floats(prediction, None, self, "prediction")
        if array.ndim < 1 or array.size == 0:
            raise ShapeError(f"{self!r}: expected a prediction of shape (batch, …), not empty, got {array.shape}")
        return array

    def _shares(self, sample_weight: Any, rows: Array) -> Array:
        """wᵢ / Σ w in float64, shape (batch,)."""
        weight = as_floats(sample_weight, FLOAT64, self, "sample_weight")
        if weight.shape != rows.shape[:1]:
            raise ShapeError(f"{self!r}: expected sample_weight of shape {rows.shape[:1]}, got {weight.shape}")
        total = float(weight.sum())
        if not (np.isfinite(total) and total > 0 and weight.min() >= 0):
            raise InvalidValueError(
                f"{self!r}: sample_weight must be finite, 0 or more, and not all 0; it sums to {total:g} "
                f"and its minimum is {weight.min():g}"
            )
        shares: Array = weight / total
        return shares

    def _buffer(self, name: str, like: Array) -> Array:
        return self._buffers.take(name, like.shape, like.dtype)

    def _needs_forward(self) -> StateError:
        return StateError(f"{self!r}: backward needs a forward(prediction, target) before it")

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in self.transient}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def integer_labels(loss: Loss, labels: Any) -> Array:
    """Class labels as an integer array."""
    array = as_array(labels, loss, "target")
    if array.dtype.kind not in "iub":
        raise DtypeError(
            f"{loss!r}: class labels must be integers, got dtype {array.dtype}; convert them with astype(int), "
            "or pass probabilities of the logits' shape"
        )
    return array


def labels_outside(loss: Loss, labels: Array, classes: int) -> InvalidValueError:
    """The error for labels of which some are no class."""
    return InvalidValueError(
        f"{loss!r}: labels must lie in 0 … {classes - 1} for {classes} logits, got {labels.min()} … {labels.max()}"
    )
