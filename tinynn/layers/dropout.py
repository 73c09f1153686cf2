"""Dropout: training with some of the units absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import shown
from tinynn._arrays import as_floats, as_rng, constant
from tinynn.errors import InvalidValueError
from tinynn.layers.base import Layer

if TYPE_CHECKING:
    from tinynn._arrays import Array, Rng
    from tinynn._calls import Call


class Dropout(Layer):
    """Sets each number to 0 with probability `rate`, and scales the others up so that the mean stays.

    a = m · x / (1 − rate), m drawn anew each time: 1 with probability 1 − rate, else 0      forward
    ∂C/∂x = m / (1 − rate) · ∂C/∂a                                                            backward

    In evaluation mode a = x.
    Parameters: rate, from 0 to 1; rng.
    Shapes: x (batch, …) -> the same shape.
    Source: Srivastava et al. (2014), in the inverted form of today's frameworks.

    >>> Dropout(0.5, rng=1).forward(np.ones((1, 6)))
    array([[2., 2., 0., 2., 0., 0.]])
    """

    def __init__(self, rate: float = 0.5, *, rng: Rng = None) -> None:
        if isinstance(rate, bool) or not (isinstance(rate, (int, float, np.floating, np.integer)) and 0 <= rate <= 1):
            raise InvalidValueError(f"Dropout: rate must lie between 0 and 1, got {shown(rate)}")
        self.rate = float(rate)
        self.rng = as_rng(rng, "Dropout: rng")
        self._rate = constant(self.rate)
        self._scale = constant(0.0 if self.rate == 1 else 1 / (1 - self.rate))

    def initialize(self, rng: Rng = None) -> None:
        """Own a generator seeded from `rng`, independent of what is drawn from that one later."""
        self.rng = np.random.default_rng(as_rng(rng, "Dropout: rng").integers(0, 2**63, size=4).tolist())

    def forward(self, x: Any) -> Array:
        """a = m · x / (1 − rate)."""
        array = as_floats(x, None, self)
        if not self.training:
            return array
        shape, dtype = array.shape, array.dtype
        mask, output = self.buffer("mask", shape, dtype), self.buffer("output", shape, dtype)
        self.rng.random(out=mask, dtype=dtype)
        np.greater_equal(mask, self._rate[dtype], mask)
        np.multiply(mask, self._scale[dtype], mask)
        np.multiply(array, mask, output)
        self._output = output
        return output

    def _prediction_calls(self, x: Array) -> tuple[Array, list[Call]]:
        return x, []

    def backward(self, grad: Array) -> Array:
        """∂C/∂x = m / (1 − rate) · ∂C/∂a."""
        grad = self._upstream(grad, self._output)
        grad_x = self.buffer("grad", grad.shape, grad.dtype)
        np.multiply(grad, self.buffer("mask", grad.shape, grad.dtype), grad_x)
        return grad_x

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"
