"""What the losses that add up a cost for each output share.

Each sums over a sample's outputs and takes the mean over the samples, as the lecture's costs do;
mean_over="elements" divides by the number of outputs as well, as PyTorch's reduction="mean" does.
`_elements` writes the cost of each output, and into `_slopes` its derivative, but for the factor `_steepness`.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import choice
from tinynn._arrays import as_floats
from tinynn.errors import ShapeError
from tinynn.losses.base import Loss

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype


class ElementwiseLoss(Loss):
    """C = 1/n Σₓ Σⱼ c(aⱼ, yⱼ); abstract.

    Shapes: prediction (batch, …), target the same; sample_weight (batch,).
    """

    transient: ClassVar[tuple[str, ...]] = (
        *Loss.transient,
        *("_shape", "_dtype", "_n", "_mean", "_scale", "_slopes", "_grad", "_seen"),
    )
    _shape: tuple[int, ...] | None = None
    _dtype: Dtype | None = None
    #: The prediction that was bound to: a model's output is the same array in every step.
    _seen: Array | None = None
    _n: int
    #: ∂c/∂a over what `_elements` leaves in `_slopes`.
    _steepness: float = 1.0
    #: `_steepness` / n; and what the last forward has for backward to multiply the slopes with, None before the first.
    _mean: Array
    _scale: Array | None = None
    _slopes: Array
    _grad: Array

    def __init__(self, *, mean_over: str = "samples") -> None:
        self.mean_over = choice(f"{type(self).__name__}: mean_over", mean_over, "samples", "elements")

    @abc.abstractmethod
    def _elements(self, prediction: Array, target: Array) -> Array:
        """c(a, y) of each output, in a buffer; leaves ∂c/∂a / `_steepness` in `_slopes`."""

    def _cost(self, prediction: Array, target: Array) -> float:
        """C without sample weights; leaves `_slopes` as `_elements` does."""
        return float(np.add.reduce(self._elements(prediction, target), axis=None)) / self._n

    def forward(self, prediction: Any, target: Any, sample_weight: Any = None) -> float:
        """C = 1/n Σ c(a, y), or Σ wᵢ Cᵢ / Σ wᵢ with sample_weight w."""
        fits = prediction is self._seen or (
            type(prediction) is np.ndarray and prediction.shape == self._shape and prediction.dtype is self._dtype
        )
        if not (fits and type(target) is np.ndarray and target.shape == self._shape and target.dtype is self._dtype):
            prediction = self._prediction(prediction)
            self._bind(prediction)
            target = self._target(prediction, target)
        if sample_weight is not None:
            return self._weighted(prediction, target, sample_weight)
        cost = self._cost(prediction, target)
        self._scale = self._mean
        return cost

    def _weighted(self, prediction: Array, target: Array, sample_weight: Any) -> float:
        rows = len(prediction)
        shares: Array = self._shares(sample_weight, prediction) * (rows / self._n)
        costs = self._elements(prediction, target).reshape(rows, -1).sum(axis=1, dtype=np.float64)
        scale = (shares * self._steepness).astype(prediction.dtype)
        self._scale = scale.reshape(rows, *[1] * (prediction.ndim - 1))
        return float(shares @ costs)

    def backward(self) -> Array:
        """∂C/∂a = 1/n ∂c/∂a."""
        if self._scale is None:
            raise self._needs_forward()
        return np.multiply(self._slopes, self._scale, self._grad)

    def _bind(self, prediction: Array) -> None:
        """Prepare for predictions of this shape and dtype."""
        self._seen, self._scale = prediction, None
        self._shape, self._dtype = prediction.shape, prediction.dtype
        self._n = len(prediction) if self.mean_over == "samples" else prediction.size
        self._mean = np.array(self._steepness / self._n, prediction.dtype)
        self._slopes, self._grad = self._buffer("slopes", prediction), self._buffer("grad", prediction)

    def _target(self, prediction: Array, target: Any) -> Array:
        """The target as floats of the prediction's shape; anything else is a ShapeError."""
        array = as_floats(target, prediction.dtype, self, "target")
        if array.shape == prediction.shape:
            return array
        hint = "give every output its desired value"
        if array.shape == prediction.shape[:-1]:
            column = prediction.shape[-1] == 1
            hint = "pass target[:, None]" if column else "are these class labels? pass one_hot(labels, classes)"
        expected = f"{self!r}: expected a target of the prediction's shape {prediction.shape}"
        raise ShapeError(f"{expected}, got {array.shape}; {hint}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._arguments()})"

    def _arguments(self) -> str:
        return "" if self.mean_over == "samples" else f"mean_over={self.mean_over!r}"
