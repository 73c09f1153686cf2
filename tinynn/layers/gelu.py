"""GELU: z times the chance that a standard normal number falls below z."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinynn import _numerics
from tinynn._arguments import choice
from tinynn._arrays import HALF, ONE, constant
from tinynn.layers.activations import Activation

if TYPE_CHECKING:
    from tinynn._arrays import Array

DENSITY_AT_0 = constant(1.0 / math.sqrt(2.0 * math.pi))
CUBIC, CUBIC_SLOPE, ROOT = constant(0.044715), constant(3 * 0.044715), constant(math.sqrt(2.0 / math.pi))
#: tanh is ±1 to the last digit long before |z| = 20, and z³ cannot overflow there.
FAR = {sign: constant(sign * 20.0) for sign in (-1, 1)}


class GELU(Activation):
    """The Gaussian error linear unit, exact or in the tanh form.

    a = z Φ(z), Φ(z) = ½ (1 + erf(z / √2))                           forward
    ∂C/∂z = ∂C/∂a · (Φ(z) + z φ(z)), φ(z) = e^(−z²/2) / √(2π)        backward

    With approximate="tanh", Φ(z) ≈ ½ (1 + tanh u), u = √(2/π) (z + 0.044715 z³).

    Parameters: approximate, "none" or "tanh", as in PyTorch.
    Shapes: x (batch, …) -> the same shape.
    Source: Hendrycks & Gimpel (2016); erf as in tinynn._numerics.normal_cdf.

    >>> GELU().forward(np.array([[-1000.0, 0.0, 1.0]])).round(6)
    array([[-0.      ,  0.      ,  0.841345]])
    >>> GELU("tanh").forward(np.array([[1.0]])).round(6)
    array([[0.841192]])
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = choice("GELU: approximate", approximate, "none", "tanh")

    def _apply(self, z: Array, out: Array) -> None:
        cdf = self._scratch("cdf", z)
        if self.approximate == "tanh":
            _tanh_cdf(z, cdf, out)
        else:
            _numerics.normal_cdf(z, cdf, self._scratch("density", z), out)
        np.multiply(z, cdf, out)

    def _derive(self, grad: Array, out: Array) -> None:
        z: Array = self._input  # type: ignore[assignment]
        cdf, density = self._scratch("cdf", z), self._scratch("density", z)  # as forward left them
        if self.approximate == "tanh":
            _tanh_density(z, cdf, density, out)
        else:
            np.multiply(density, DENSITY_AT_0[z.dtype], out)
        np.multiply(out, z, out)
        np.add(out, cdf, out)
        np.multiply(out, grad, out)


def _tanh_cdf(z: Array, cdf: Array, scratch: Array) -> None:
    """cdf = ½ (1 + tanh u)."""
    dtype = z.dtype
    np.minimum(z, FAR[1][dtype], out=scratch)
    np.maximum(scratch, FAR[-1][dtype], out=scratch)
    np.multiply(scratch, scratch, cdf)
    np.multiply(cdf, CUBIC[dtype], cdf)
    np.add(cdf, ONE[dtype], cdf)
    np.multiply(cdf, scratch, cdf)
    np.multiply(cdf, ROOT[dtype], cdf)
    np.tanh(cdf, cdf)
    np.add(cdf, ONE[dtype], cdf)
    np.multiply(cdf, HALF[dtype], cdf)


def _tanh_density(z: Array, cdf: Array, scratch: Array, out: Array) -> None:
    """out = d cdf / dz = 2 cdf (1 − cdf) u', since 1 − tanh² u = 4 cdf (1 − cdf)."""
    dtype = z.dtype
    np.minimum(z, FAR[1][dtype], out=scratch)
    np.maximum(scratch, FAR[-1][dtype], out=scratch)
    np.multiply(scratch, scratch, scratch)
    np.multiply(scratch, CUBIC_SLOPE[dtype], scratch)
    np.add(scratch, ONE[dtype], scratch)
    np.multiply(scratch, ROOT[dtype], scratch)  # u'
    np.subtract(ONE[dtype], cdf, out)
    np.multiply(out, cdf, out)
    np.multiply(out, scratch, out)
    np.add(out, out, out)
