"""The rules as compiled loops: one pass over the vectors instead of one a NumPy call (the extra `compiled`).

Each loop does what the rule's `calls` do, in their order and in the vectors' dtype, so that every bit is the
same: no reordering (fastmath), no multiply-and-add in one rounding. Slots that an optimizer does without are
None. Loops are compiled when first called, in about half a second each, and kept on disk where that can be
written to. They report no floating-point warnings.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinynn._arrays import Array


@functools.cache
def compiled(loop: Callable[..., None]) -> Callable[..., None]:
    """One of the loops below as machine code, which runs without Python's lock.

    Raises: ImportError without numba.
    """
    try:
        njit: Any = importlib.import_module("numba").njit
    except ImportError as error:
        raise ImportError(
            f"fused=True needs numba ({error}): pip install 'tinynn-numpy[compiled]', or leave fused out"
        ) from error
    options = {"nogil": True, "error_model": "numpy"}
    try:
        fast: Callable[..., None] = njit(cache=True, **options)(loop)
    except RuntimeError:  # no place on disk can be written to
        fast = njit(**options)(loop)
    return fast


def sgd(value: Array, grad: Array, numbers: Array, velocity: Array | None) -> None:
    """b ← μ b + (1 − d) g,  w ← w − η b; without b: w ← w − η g."""
    momentum, share, rate = numbers[0], numbers[1], numbers[2]
    for k in range(value.size):
        step = grad[k]
        if velocity is not None:
            step = velocity[k] * momentum + step * share
            velocity[k] = step
        value[k] -= step * rate


def nesterov(value: Array, grad: Array, numbers: Array, velocity: Array) -> None:
    """b ← μ b + g,  w ← w − η (g + μ b)."""
    momentum, rate = numbers[0], numbers[2]
    for k in range(value.size):
        g = grad[k]
        b = velocity[k] * momentum + g
        velocity[k] = b
        value[k] -= (b * momentum + g) * rate


def adagrad(value: Array, grad: Array, numbers: Array, sum_of_squares: Array) -> None:
    """s ← s + g²,  w ← w − η' g / (√s + ε)."""
    epsilon, rate = numbers[0], numbers[1]
    for k in range(value.size):
        g = grad[k]
        s = sum_of_squares[k] + g * g
        sum_of_squares[k] = s
        value[k] -= g / (np.sqrt(s) + epsilon) * rate


def rmsprop(
    value: Array, grad: Array, numbers: Array, mean_square: Array, mean: Array | None, velocity: Array | None
) -> None:
    """v ← α v + (1 − α) g²,  w ← w − η g / d,  d = √v + ε; centered, with m; with velocity b."""
    decay, rest, epsilon, momentum, rate = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    for k in range(value.size):
        g = grad[k]
        v = mean_square[k] * decay + g * g * rest
        mean_square[k] = v
        if mean is not None:
            m = mean[k] * decay + g * rest
            mean[k] = m
            v = np.maximum(v - m * m, value.dtype.type(0))
        step = g / (np.sqrt(v) + epsilon)
        if velocity is not None:
            step += velocity[k] * momentum
            velocity[k] = step
        value[k] -= step * rate


def adam(
    value: Array, grad: Array, numbers: Array, mean: Array, mean_square: Array, largest_mean_square: Array | None
) -> None:
    """m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  w ← w − η m̂ / (√v̂ + ε)."""
    decay, rest, square_decay, square_rest = numbers[0], numbers[1], numbers[2], numbers[3]
    epsilon, rate = numbers[4], numbers[5]
    for k in range(value.size):
        g = grad[k]
        m = mean[k] * decay + g * rest
        v = mean_square[k] * square_decay + g * g * square_rest
        mean[k] = m
        mean_square[k] = v
        if largest_mean_square is not None:
            v = np.maximum(largest_mean_square[k], v)
            largest_mean_square[k] = v
        value[k] -= m / (np.sqrt(v) + epsilon) * rate
