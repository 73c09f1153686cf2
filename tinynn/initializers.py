"""How weights start.

An initializer is a function `(shape, rng, dtype) -> array`; shape is (out_features, in_features) for
weights and (out_features,) for biases. The scaled ones keep the spread of a signal about the same from
layer to layer: their variance falls with the number of inputs (fan_in) or with the mean of inputs and
outputs (fan_in and fan_out).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinynn._arguments import flag, number, sizes
from tinynn._arrays import as_dtype, as_rng
from tinynn.errors import ShapeError

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype

    Initializer: TypeAlias = Callable[[tuple[int, ...], np.random.Generator, Any], Array]

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "nielsen",
    "orthogonal",
    "zeros",
]


def _given(name: str, shape: Any, rng: Any, dtype: Any) -> tuple[tuple[int, ...], np.random.Generator, Dtype]:
    """The arguments of the initializer of that name, checked."""
    return sizes(f"{name}: shape", shape), as_rng(rng, f"{name}: rng"), as_dtype(dtype, f"{name}: dtype")


def _initializer(function: Initializer) -> Initializer:
    """The function with its arguments checked."""

    @functools.wraps(function)
    def checked(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
        return function(*_given(function.__name__, shape, rng, dtype))

    return checked


@_initializer
def zeros(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """All zeros: the usual start of biases (of weights it would leave all neurons alike).

    >>> zeros((2,), np.random.default_rng(0), np.float32)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, dtype)


def constant(value: float) -> Initializer:
    """All the same `value`, say a small positive bias under ReLU.

    >>> constant(0.5)((2,), np.random.default_rng(0), np.float32)
    array([0.5, 0.5], dtype=float32)
    """
    return _Constant(number("constant: value", value))


def nielsen(scaled: bool = False) -> Initializer:
    """N(0, 1) for weights and biases; `scaled=True` gives weights N(0, 1/√fan_in) and keeps biases N(0, 1).

    Nielsen writes the standard deviation as the second argument: 1/√fan_in is not the variance.
    Source: Nielsen, Neural Networks and Deep Learning, ch. 1 and ch. 3 ("Weight initialization").

    >>> nielsen()((2, 3), np.random.default_rng(0), np.float64).shape
    (2, 3)
    """
    return _Nielsen(flag("nielsen: scaled", scaled))


@_initializer
def glorot_normal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """N(0, σ²) with σ² = 2 / (fan_in + fan_out). Source: Glorot & Bengio (2010), eq. 12.

    >>> float(glorot_normal((300, 100), np.random.default_rng(0), np.float64).std().round(3))
    0.071
    """
    fan_in, fan_out = _fans(shape)
    return _normal(shape, rng, dtype, 2.0 / (fan_in + fan_out))


@_initializer
def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """U(−r, r) with r = √(6 / (fan_in + fan_out)). Source: Glorot & Bengio (2010), eq. 16.

    >>> bool(abs(glorot_uniform((3, 3), np.random.default_rng(0), np.float64)).max() <= 1)
    True
    """
    fan_in, fan_out = _fans(shape)
    return _uniform(shape, rng, dtype, 2.0 / (fan_in + fan_out))


@_initializer
def he_normal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """N(0, σ²) with σ² = 2 / fan_in, for ReLU. Source: He et al. (2015), eq. 10.

    >>> float(he_normal((300, 200), np.random.default_rng(0), np.float64).std().round(2))
    0.1
    """
    return _normal(shape, rng, dtype, 2.0 / _fans(shape)[0])


@_initializer
def he_uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """U(−r, r) with r = √(6 / fan_in), for ReLU. Source: He et al. (2015).

    >>> bool(abs(he_uniform((3, 6), np.random.default_rng(0), np.float64)).max() <= 1)
    True
    """
    return _uniform(shape, rng, dtype, 2.0 / _fans(shape)[0])


@_initializer
def lecun_normal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """N(0, σ²) with σ² = 1 / fan_in, for tanh and SELU. Source: LeCun et al. (1998), Efficient BackProp, eq. 16.

    >>> float(lecun_normal((300, 100), np.random.default_rng(0), np.float64).std().round(2))
    0.1
    """
    return _normal(shape, rng, dtype, 1.0 / _fans(shape)[0])


@_initializer
def lecun_uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """U(−r, r) with r = √(3 / fan_in). Source: LeCun et al. (1998), Efficient BackProp.

    >>> bool(abs(lecun_uniform((3, 3), np.random.default_rng(0), np.float64)).max() <= 1)
    True
    """
    return _uniform(shape, rng, dtype, 1.0 / _fans(shape)[0])


@_initializer
def orthogonal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    """Orthonormal rows (or columns, whichever are fewer), uniform over all such matrices.

    Q of a QR decomposition of Gaussian numbers, with the signs of R's diagonal moved into it.
    Source: Saxe et al. (2014); Mezzadri (2007) for the signs.

    >>> w = orthogonal((2, 4), np.random.default_rng(0), np.float64)
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    _fans(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


class _Constant:
    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
        shape, _, dtype = _given("constant", shape, rng, dtype)
        return np.full(shape, self.value, dtype)

    def __repr__(self) -> str:
        return f"constant({self.value})"


class _Nielsen:
    def __init__(self, scaled: bool) -> None:
        self.scaled = scaled

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
        shape, rng, dtype = _given("nielsen", shape, rng, dtype)
        variance = 1.0 / _fans(shape)[0] if self.scaled and len(shape) > 1 else 1.0
        return _normal(shape, rng, dtype, variance)

    def __repr__(self) -> str:
        return f"nielsen(scaled={self.scaled})"


def _normal(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any, variance: float) -> Array:
    return (rng.standard_normal(shape) * math.sqrt(variance)).astype(dtype)


def _uniform(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any, variance: float) -> Array:
    radius = math.sqrt(3.0 * variance)  # U(−r, r) has the variance r² / 3
    return rng.uniform(-radius, radius, shape).astype(dtype)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, *kernel): the inputs of one output, the outputs of one input."""
    if len(shape) < 2:
        raise ShapeError(
            f"this initializer needs a weight of shape (out, in), got {tuple(shape)}; for a bias take zeros or constant"
        )
    kernel = math.prod(shape[2:])
    return max(1, shape[1] * kernel), max(1, shape[0] * kernel)
