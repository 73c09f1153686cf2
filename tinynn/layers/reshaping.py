"""Layers that change the shape of a sample, or nothing at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import shown, sizes
from tinynn._arrays import as_floats
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.layers.base import Layer

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._calls import Call


class _Reshaping(Layer):
    """Rearranges each sample; abstract. Remembers the input's shape alone."""

    transient: ClassVar[tuple[str, ...]] = (*Layer.transient, "_input_shape")
    _input_shape: tuple[int, ...] = ()

    def _reshape(self, x: Array, sample_shape: tuple[int, ...]) -> Array:
        output = x.reshape(len(x), *sample_shape)
        if self.training:
            self._input_shape, self._output = x.shape, output
        return output

    def backward(self, grad: Array) -> Array:
        """∂C/∂x is ∂C/∂y in x's shape."""
        return self._upstream(grad, self._output).reshape(self._input_shape)


class Flatten(_Reshaping):
    """Each sample as one row.

    y[n] = x[n] in C order                                           forward
    ∂C/∂x = ∂C/∂y in x's shape                                       backward

    Shapes: x (batch, …) -> (batch, product of …).
    Raises: ShapeError if x has no batch axis.

    >>> Flatten().forward(np.zeros((5, 28, 28))).shape
    (5, 784)
    """

    def forward(self, x: Any) -> Array:
        """(batch, …) -> (batch, features)."""
        x = as_floats(x, None, self)
        if x.ndim < 1:
            raise ShapeError(f"Flatten(): expected x of shape (batch, …), got {x.shape}")
        return self._reshape(x, (math.prod(x.shape[1:]),))

    def _prediction_calls(self, x: Array) -> tuple[Array, list[Call]]:
        return x.reshape(len(x), math.prod(x.shape[1:])), []


class Reshape(_Reshaping):
    """Each sample in another shape.

    y[n] = x[n] in C order                                           forward
    ∂C/∂x = ∂C/∂y in x's shape                                       backward

    Parameters: shape of one sample, as numbers or one tuple; one of them may be −1.
    Shapes: x (batch, …) -> (batch, *shape).
    Raises: ShapeError if the sizes do not agree.

    >>> Reshape(28, 28).forward(np.zeros((5, 784))).shape
    (5, 28, 28)
    """

    def __init__(self, *shape: int | tuple[int, ...]) -> None:
        flat = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in flat):
            raise DtypeError(f"Reshape: the shape must be ints, got {shown(flat)}")
        self.shape = tuple(int(n) for n in flat)  # type: ignore[arg-type]
        if self.shape.count(-1) > 1 or any(n < -1 for n in self.shape):
            raise InvalidValueError(f"Reshape: sizes must be 0 or more, and one may be -1, got {self.shape}")
        sizes("Reshape: shape", [n for n in self.shape if n != -1])

    def forward(self, x: Any) -> Array:
        """(batch, …) -> (batch, *shape)."""
        x = as_floats(x, None, self)
        size, known = math.prod(x.shape[1:]), math.prod(n for n in self.shape if n != -1)
        fits = (size == known) if -1 not in self.shape else (known > 0 and size % known == 0)
        if x.ndim < 1 or not fits:
            raise ShapeError(f"{self!r}: a sample of shape {x.shape[1:]} has {size} numbers and cannot take this shape")
        free = size // known if known else 0
        return self._reshape(x, tuple(free if n == -1 else n for n in self.shape))

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"


class Identity(Layer):
    """Nothing: a place holder, or the straight branch of a Parallel.

    y = x                                                            forward
    ∂C/∂x = ∂C/∂y                                                    backward

    Shapes: x (batch, …) -> the same array.

    >>> Identity().forward(np.array([[1.0, 2.0]]))
    array([[1., 2.]])
    """

    def forward(self, x: Any) -> Array:
        """x as it is."""
        output = as_floats(x, None, self)
        if self.training:
            self._output = output
        return output

    def _prediction_calls(self, x: Array) -> tuple[Array, list[Call]]:
        return x, []

    def backward(self, grad: Array) -> Array:
        """grad as it is."""
        return self._upstream(grad, self._output)
