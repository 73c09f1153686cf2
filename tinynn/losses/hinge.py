"""The hinge loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn._arrays import ONE, ZERO
from tinynn.errors import InvalidValueError
from tinynn.losses.elementwise import ElementwiseLoss

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Hinge(ElementwiseLoss):
    """The support vector machine's cost: nothing beyond the margin, the shortfall within it.

    C = 1/n Σₓ Σⱼ max(0, 1 − yⱼ aⱼ), y = ±1                            forward
    ∂C/∂a = −y [y a < 1] / n                                          backward

    Parameters: mean_over, "samples" or "elements" (Keras' hinge).
    Shapes: prediction (batch, …), target the same, each −1 or 1; sample_weight (batch,).
    Raises: ShapeError if the shapes differ; InvalidValueError if a target is not ±1.
    Source: Cortes & Vapnik (1995).

    >>> loss = Hinge()
    >>> loss.forward(np.array([[0.5], [-2.0]]), np.array([[1.0], [-1.0]]))
    0.25
    >>> loss.backward()
    array([[-0.5],
           [ 0. ]])
    """

    def _elements(self, prediction: Array, target: Array) -> Array:
        slope, elements = self._slopes, self._buffer("elements", prediction)
        one, zero = ONE[elements.dtype], ZERO[elements.dtype]
        np.abs(target, elements)
        if not (np.minimum.reduce(elements, axis=None) == 1 == np.maximum.reduce(elements, axis=None)):
            raise InvalidValueError(
                f"{self!r}: targets must be -1 or 1, got {_other(target):g}; from 0 and 1 make them with 2 * target - 1"
            )
        np.multiply(prediction, target, elements)
        np.subtract(one, elements, elements)
        np.greater(elements, zero, slope)
        np.multiply(slope, target, slope)
        np.negative(slope, slope)
        np.maximum(elements, zero, out=elements)
        return elements


def _other(target: Array) -> float:
    """The first of the targets that is neither."""
    return float(target[np.abs(target) != 1].flat[0])
