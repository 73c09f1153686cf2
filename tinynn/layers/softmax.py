"""Softmax as a layer, for networks whose output must be read as probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import _numerics
from tinynn._arrays import as_floats
from tinynn.errors import ShapeError
from tinynn.layers.base import Layer

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Softmax(Layer):
    """Positive numbers that add up to 1, along the last axis.

    aⱼ = e^zⱼ / Σₖ e^zₖ                                               forward
    ∂C/∂zⱼ = aⱼ (gⱼ − Σₖ gₖ aₖ), g = ∂C/∂a                             backward

    SoftmaxCrossEntropy takes logits and does its own softmax: do not put this layer under it.
    Shapes: x (batch, …, classes) -> the same shape.
    Raises: ShapeError if x has no batch axis or no classes.
    Source: Bridle (1990).

    >>> Softmax().forward(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """

    def forward(self, x: Any) -> Array:
        """a = softmax(z)."""
        z = as_floats(x, None, self)
        if z.ndim < 2 or z.shape[-1] == 0:
            raise ShapeError(f"Softmax(): expected x of shape (batch, classes), got {z.shape}")
        output = self.buffer("output", z.shape, z.dtype)
        _numerics.softmax(z, output, self.buffer("row", (*z.shape[:-1], 1), z.dtype))
        if self.training:
            self._output = output
        return output

    def backward(self, grad: Array) -> Array:
        """∂C/∂z = a (g − Σ g a)."""
        grad = self._upstream(grad, self._output)
        a: Array = self._output  # type: ignore[assignment]
        grad_z = self.buffer("grad", a.shape, a.dtype)
        row = self.buffer("row", (*a.shape[:-1], 1), a.dtype)
        np.multiply(grad, a, grad_z)
        np.add.reduce(grad_z, axis=-1, keepdims=True, out=row)
        np.subtract(grad, row, grad_z)
        np.multiply(grad_z, a, grad_z)
        return grad_z
