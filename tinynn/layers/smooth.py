"""Smooth relatives of the ReLU: SiLU and Softplus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn import _numerics
from tinynn._arguments import positive
from tinynn._arrays import ONE, constant
from tinynn.layers.activations import Activation

if TYPE_CHECKING:
    from tinynn._arrays import Array


class SiLU(Activation):
    """z σ(z), also called swish.

    a = z σ(z)                                                       forward
    ∂C/∂z = ∂C/∂a · σ (1 + z (1 − σ))                                backward

    Shapes: x (batch, …) -> the same shape.
    Source: Elfwing, Uchibe & Doya (2018).

    >>> SiLU().forward(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[  -0.,    0., 1000.]])
    """

    def _apply(self, z: Array, out: Array) -> None:
        sigmoid = self._scratch("sigmoid", z)
        _numerics.sigmoid(z, sigmoid, out)
        np.multiply(z, sigmoid, out)

    def _derive(self, grad: Array, out: Array) -> None:
        z: Array = self._input  # type: ignore[assignment]
        sigmoid = self._scratch("sigmoid", z)  # as forward left it
        one = ONE[z.dtype]
        np.subtract(one, sigmoid, out)
        np.multiply(out, z, out)
        np.add(out, one, out)
        np.multiply(out, sigmoid, out)
        np.multiply(out, grad, out)


class Softplus(Activation):
    """The smooth ReLU.

    a = log(1 + e^βz) / β                                            forward
    ∂C/∂z = ∂C/∂a · σ(βz) = ∂C/∂a · (1 − e^−βa)                      backward

    Parameters: beta, the steepness, above 0.
    Shapes: x (batch, …) -> the same shape.
    Source: Dugas et al. (2001).

    >>> Softplus().forward(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[0.00000000e+00, 6.93147181e-01, 1.00000000e+03]])
    """

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = positive("Softplus: beta", beta)
        self._beta = constant(self.beta)

    def _apply(self, z: Array, out: Array) -> None:
        beta, scratch = self._beta[z.dtype], self._scratch("scratch", z)
        np.multiply(z, beta, scratch)
        _numerics.softplus(scratch, out, self._scratch("exponential", z))
        np.divide(out, beta, out)

    def _derive(self, grad: Array, out: Array) -> None:
        a: Array = self._output  # type: ignore[assignment]
        np.multiply(a, self._beta[a.dtype], out)
        np.negative(out, out)
        np.expm1(out, out)
        np.negative(out, out)
        np.multiply(out, grad, out)
