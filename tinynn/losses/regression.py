"""Losses of numbers that should come close to other numbers: quadratic, absolute, Huber."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tinynn._arguments import flag, positive
from tinynn._arrays import HALF, constant
from tinynn.losses.elementwise import ElementwiseLoss

if TYPE_CHECKING:
    from tinynn._arrays import Array


class MSE(ElementwiseLoss):
    """The quadratic cost.

    C = 1/(2n) Σₓ ‖y(x) − a(x)‖²                                     forward
    ∂C/∂a = (a − y) / n                                              backward

    MSE(half=False, mean_over="elements") is PyTorch's and Keras' mean squared error.

    Parameters: half, whether the factor ½ is there; mean_over, "samples" or "elements".
    Shapes: prediction (batch, …), target the same; sample_weight (batch,).
    Raises: ShapeError if the shapes differ: (n,) against (n, 1) is never broadcast.
    Source: Nielsen ch. 1, eq. 6.

    >>> loss = MSE()
    >>> loss.forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 3.0]]))
    1.25
    >>> loss.backward()
    array([[0. , 1. ],
           [0. , 0.5]])
    """

    transient: ClassVar[tuple[str, ...]] = (*ElementwiseLoss.transient, "_flat", "_factor")
    #: a − y in one dimension, and what Σ (a − y)² is multiplied with.
    _flat: Array
    _factor: float

    def __init__(self, *, half: bool = True, mean_over: str = "samples") -> None:
        super().__init__(mean_over=mean_over)
        self.half = flag("MSE: half", half)
        self._steepness = 1.0 if self.half else 2.0  # c = steepness / 2 (a − y)²

    def _bind(self, prediction: Array) -> None:
        super()._bind(prediction)
        self._flat, self._factor = self._slopes.reshape(-1), 0.5 * self._steepness / self._n

    def _cost(self, prediction: Array, target: Array) -> float:
        # Σ (a − y)² as one product of the difference with itself.
        np.subtract(prediction, target, self._slopes)
        difference = self._flat
        return self._factor * float(difference.dot(difference))

    def _elements(self, prediction: Array, target: Array) -> Array:
        difference, squares = self._slopes, self._buffer("elements", prediction)
        np.subtract(prediction, target, difference)
        np.multiply(difference, difference, squares)
        if self.half:
            np.multiply(squares, HALF[squares.dtype], squares)
        return squares

    def _arguments(self) -> str:
        return ", ".join(filter(None, ["" if self.half else "half=False", super()._arguments()]))


class MAE(ElementwiseLoss):
    """The absolute error, which far-off targets pull less than the quadratic one.

    C = 1/n Σₓ Σⱼ |aⱼ − yⱼ|                                           forward
    ∂C/∂a = sign(a − y) / n, 0 at a = y                               backward

    MAE(mean_over="elements") is PyTorch's L1Loss.

    Parameters: mean_over, "samples" or "elements".
    Shapes: prediction (batch, …), target the same; sample_weight (batch,).
    Raises: ShapeError if the shapes differ.

    >>> loss = MAE()
    >>> loss.forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 5.0]]))
    1.5
    >>> loss.backward()
    array([[ 0. ,  0.5],
           [ 0. , -0.5]])
    """

    def _elements(self, prediction: Array, target: Array) -> Array:
        slopes, elements = self._slopes, self._buffer("elements", prediction)
        np.subtract(prediction, target, slopes)
        np.abs(slopes, elements)
        np.sign(slopes, slopes)
        return elements


class Huber(ElementwiseLoss):
    """Quadratic near the target, absolute far from it.

    C = 1/n Σₓ Σⱼ h (d − h/2), d = aⱼ − yⱼ, h = d clipped to ±δ       forward
    ∂C/∂a = h / n                                                     backward

    That is d²/2 where |d| ≤ δ and δ (|d| − δ/2) beyond.

    Parameters: delta, δ, above 0; mean_over, "samples" or "elements" (PyTorch's HuberLoss).
    Shapes: prediction (batch, …), target the same; sample_weight (batch,).
    Raises: ShapeError if the shapes differ.
    Source: Huber (1964).

    >>> loss = Huber(delta=1.0)
    >>> loss.forward(np.array([[0.5, 3.0]]), np.array([[0.0, 0.0]]))
    2.625
    >>> loss.backward()
    array([[0.5, 1. ]])
    """

    def __init__(self, delta: float = 1.0, *, mean_over: str = "samples") -> None:
        super().__init__(mean_over=mean_over)
        self.delta = positive("Huber: delta", delta)
        self._delta, self._minus_delta = constant(self.delta), constant(-self.delta)

    def _elements(self, prediction: Array, target: Array) -> Array:
        clipped, elements = self._slopes, self._buffer("elements", prediction)
        difference = self._buffer("difference", prediction)
        dtype = difference.dtype
        np.subtract(prediction, target, difference)
        np.minimum(difference, self._delta[dtype], out=clipped)
        np.maximum(clipped, self._minus_delta[dtype], out=clipped)
        np.multiply(clipped, HALF[dtype], elements)
        np.subtract(difference, elements, elements)
        np.multiply(elements, clipped, elements)
        return elements

    def _arguments(self) -> str:
        return ", ".join(filter(None, [f"delta={self.delta}", super()._arguments()]))
