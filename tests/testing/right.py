"""The form of the right but tricky derivatives that the gradient-check kit must accept, and inputs at their kinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
Generator = np.random.Generator


@dataclass(frozen=True)
class Right:
    """`check(rng)` draws an input and runs the kit over a right derivative; it must not raise."""

    name: str
    check: Callable[[Generator], object]


def collector(cases: list[Right]) -> Callable[[str], Callable[[Callable[[Generator], object]], object]]:
    """A decorator that enters a check into `cases` by its name."""

    def named(name: str) -> Callable[[Callable[[Generator], object]], object]:
        def enter(check: Callable[[Generator], object]) -> object:
            cases.append(Right(name, check))
            return check

        return enter

    return named


def near(rng: Generator, *points: float, shape: Any = 8) -> Array:
    """Numbers exactly at the points, within 1e-13, 1e-9 and 1e-5 of them, and away from them."""
    away = rng.choice([0.0, 0.0, 1e-13, 1e-9, 1e-5, 0.37], shape) * rng.choice([-1.0, 1.0], shape)
    return rng.choice(np.array(points), shape) + away


def scales(rng: Generator, low: float, high: float, shape: Any = 6) -> Array:
    """Positive numbers of all sizes from 10**low to 10**high."""
    return 10.0 ** rng.uniform(low, high, shape)


def signs(rng: Generator, shape: Any = 6) -> Array:
    return rng.choice([-1.0, 1.0], shape)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def sigmoid(z: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * z))


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_vjp(y: Array, u: Array) -> Array:
    """Jᵀ u of the softmax whose output was y."""
    return y * (u - (u * y).sum(axis=-1, keepdims=True))
