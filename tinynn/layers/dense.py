"""Dense: every neuron of a layer reads every neuron of the layer before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arrays import as_dtype, as_floats, as_rng
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.initializers import glorot_uniform, zeros
from tinynn.layers.base import Layer
from tinynn.parameter import Parameter

if TYPE_CHECKING:
    from tinynn._arrays import Array, Rng
    from tinynn.initializers import Initializer


class Dense(Layer):
    """The weighted input of a layer of neurons, z = W a + b, for a batch of rows.

    Z = A Wᵀ + b                                                     forward
    ∂C/∂W = δᵀ A,  ∂C/∂b = Σ_batch δ,  ∂C/∂A = δ W                   backward, δ = ∂C/∂Z

    W[j, k] is the weight from neuron k of the layer before to neuron j of this one. Its memory is laid
    out in Fortran order: both big products want the transpose (in, out) contiguous.

    Parameters: in_features, out_features (neurons); bias; weight_initializer, bias_initializer (see
    tinynn.initializers); rng; dtype.
    Shapes: x (batch, …, in_features) -> (batch, …, out_features); weight (out_features, in_features);
    bias (out_features,).
    Raises: ShapeError if x has another width or no batch axis.
    Source: Rumelhart, Hinton & Williams (1986); Nielsen ch. 2, eq. 25 and BP2–BP4.

    >>> layer = Dense(3, 2, rng=0)
    >>> layer.forward(np.ones((5, 3), np.float32)).shape
    (5, 2)
    >>> layer.backward(np.ones((5, 2), np.float32)).shape, layer.weight.grad.shape
    ((5, 3), (2, 3))
    """

    transient: ClassVar[tuple[str, ...]] = (*Layer.transient, "_ones")
    _ones: Array | None = None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        weight_initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
        rng: Rng = None,
        dtype: Any = np.float32,
    ) -> None:
        for name, width in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(width, (int, np.integer)) or isinstance(width, bool):
                raise DtypeError(f"Dense: {name} must be an int, got {width!r}")
            if width < 1:
                raise InvalidValueError(f"Dense: {name} must be at least 1, got {width}")
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.weight_initializer, self.bias_initializer = weight_initializer, bias_initializer
        dtype = as_dtype(dtype)
        self.weight = Parameter(np.zeros((self.out_features, self.in_features), dtype, order="F"), "weight")
        self.bias = Parameter(np.zeros(self.out_features, dtype), "bias") if bias else None
        self.initialize(rng)

    def initialize(self, rng: Rng = None) -> None:
        """Draw weights, then biases, from `rng`."""
        rng = as_rng(rng)
        self.weight.value = self.weight_initializer(self.weight.shape, rng, self.weight.dtype)
        if self.bias is not None:
            self.bias.value = self.bias_initializer(self.bias.shape, rng, self.bias.dtype)

    def forward(self, x: Any) -> Array:
        """Z = A Wᵀ + b."""
        weight = self.weight.value
        if not (type(x) is np.ndarray and x.dtype is weight.dtype and x.shape == (len(x), self.in_features)):
            x = self._checked(x)
        rows = x if x.ndim == 2 else x.reshape(-1, self.in_features)
        z = self.buffer("output", (len(rows), self.out_features), weight.dtype)
        np.dot(rows, weight.T, z)
        if self.bias is not None:
            np.add(z, self.bias.value, z)
        output = z if rows is x else z.reshape(*x.shape[:-1], self.out_features)
        if self.training:
            self._input, self._output = x, output
        return output

    def backward(self, grad: Array) -> Array:
        """∂C/∂A = δ W, and the parameters' gradients."""
        delta = self._parameter_gradients(grad)
        x: Array = self._input  # type: ignore[assignment]
        grad_x = self.buffer("grad", x.shape, delta.dtype)
        np.dot(delta, self.weight.value, grad_x if x.ndim == 2 else grad_x.reshape(-1, self.in_features))
        return grad_x

    def backward_parameters(self, grad: Array) -> None:
        """The parameters' gradients alone."""
        self._parameter_gradients(grad)

    def _parameter_gradients(self, grad: Array) -> Array:
        """∂C/∂W = δᵀ A, written as its transpose Aᵀ δ, and ∂C/∂b = Σ_batch δ; returns δ as rows."""
        output = self._output
        if not (self.training and output is not None and grad.shape == output.shape and grad.dtype is output.dtype):
            grad = self._upstream(grad, output)
        delta, rows = grad, self._input
        assert rows is not None  # it came with the output
        if grad.ndim != 2:
            delta, rows = grad.reshape(-1, self.out_features), rows.reshape(-1, self.in_features)
        np.dot(rows.T, delta, self.weight.grad.T)
        if self.bias is not None:
            # As a product with a row of ones: half the time of delta.sum(axis=0) at 10 × 30.
            ones = self._ones
            if ones is None or len(ones) != len(delta) or ones.dtype is not delta.dtype:
                ones = self._ones = np.ones(len(delta), delta.dtype)
            np.dot(ones, delta, self.bias.grad)
        return delta

    def _checked(self, x: Any) -> Array:
        """x as floats of the weights' dtype, (batch, …, in_features), or a ShapeError."""
        array = as_floats(x, self.weight.dtype, self._label())
        if array.ndim >= 2 and array.shape[-1] == self.in_features:
            return array
        if array.shape == (self.in_features,):
            remedy = "one sample is a batch of one: pass x[None]"
        elif array.ndim > 2 and math.prod(array.shape[1:]) == self.in_features:
            remedy = "flatten it with Flatten()"
        else:
            remedy = f"give {self.in_features} features along the last axis, and a batch axis before it"
        raise ShapeError(
            f"{self._label()}: expected x of shape (batch, {self.in_features}), got {array.shape}; {remedy}"
        )

    def config(self) -> dict[str, Any]:
        """As `Layer.config`; the attribute `bias` is the parameter, the argument says whether there is one."""
        return {**super().config(), "bias": self.bias is not None}
