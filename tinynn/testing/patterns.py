"""Comparisons that the diagnosis asks for: equal, proportional, a combination of known arrays, split by a threshold."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: Two arrays are the same to this share of the largest entry.
CLOSE = 1e-6


def same(a: Array, b: Array, close: float = CLOSE) -> bool:
    """Whether a equals b up to `close` of b's largest entry.

    >>> same(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-7])), same(np.array([1.0]), np.array([1.1]))
    (True, False)
    """
    if a.shape != b.shape:
        return False
    largest = float(np.abs(b).max(initial=0.0))
    return bool(np.isfinite(largest) and np.all(np.abs(a - b) <= close * largest))


def ratio_of(a: Array, b: Array) -> float | None:
    """c if a = c · b for one number c other than 0.

    >>> ratio_of(np.array([2.0, 4.0]), np.array([1.0, 2.0])), ratio_of(np.array([2.0, 5.0]), np.array([1.0, 2.0]))
    (2.0, None)
    """
    norm = float(np.vdot(b, b))
    if not norm or not np.isfinite(norm):
        return None
    factor = float(np.vdot(b, a)) / norm
    return factor if factor and same(a, factor * b) else None


def fitted(error: Array, axis: int, terms: list[str], array: Array) -> bool:
    """Whether `error` is, along one axis, a combination of the terms "1" and "y" (the array) of its own there."""
    lines, known = np.moveaxis(error, axis, -1), np.moveaxis(np.broadcast_to(array, error.shape), axis, -1)
    rest, largest = 0.0, float(np.abs(error).max(initial=0.0))
    for line, values in zip(lines.reshape(-1, lines.shape[-1]), known.reshape(-1, known.shape[-1]), strict=True):
        basis = np.stack([np.ones_like(values) if term == "1" else values for term in terms], axis=1)
        rest = max(rest, float(np.abs(line - basis @ np.linalg.lstsq(basis, line, rcond=None)[0]).max()))
    return largest > 0 and rest <= CLOSE * largest


def threshold(value: Array, wrong: Array, right: Array) -> str | None:
    """ "< t" or "> t" if a number separates the wrong entries' values from the right ones'.

    >>> threshold(np.array([-2.0, -1.0, 1.0]), np.array([True, True, False]), np.array([False, False, True]))
    '≤ 0'
    """
    for sign, word in ((1, "≤"), (-1, "≥")):
        low, high = float((sign * value[wrong]).max()), float((sign * value[right]).min())
        if low < high:
            if low <= 0 <= high:
                return f"{word} 0"
            return f"{word} {sign * (low + high) / 2:.3g}"
    size = np.abs(value)
    if float(size[right].max()) < float(size[wrong].min()):
        return f"is beyond ±{(float(size[right].max()) + float(size[wrong].min())) / 2:.3g}"
    return None


def as_fraction(factor: float) -> str:
    """A number as a fraction of small whole numbers, if it is one.

    >>> as_fraction(0.2), as_fraction(3.0), as_fraction(1.7320508)
    ('1/5', '3', '1.73205')
    """
    if abs(factor) > 1e-6:
        for fraction in (Fraction(factor).limit_denominator(12), 1 / Fraction(round(1 / factor) or 1)):
            if abs(float(fraction) / factor - 1) < 1e-6:
                return str(fraction)
    return f"{factor:.6g}"
