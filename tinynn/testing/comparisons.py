"""What the laws compare: copies of a call's results, equal or near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.testing.subjects import Subject

if TYPE_CHECKING:
    from tinynn._arrays import Array

    Results = dict[str, Any]

#: Two evaluations in another order of summing may differ by this share of the largest number.
ROUNDING = 1e-11


def results(subject: Subject, inputs: dict[str, Array], upstream: Array) -> Results:
    """Copies of all gradients of one forward and one backward."""
    return as_arrays(subject.gradients(copies(inputs), upstream.copy()))


def as_arrays(found: dict[str, Any]) -> Results:
    return {name: None if grad is None else np.array(grad) for name, grad in found.items()}


def fill_gradients(subject: Subject, number: float) -> None:
    if subject.native:
        for slot in subject.slots.values():
            grad = slot.grad()
            if isinstance(grad, np.ndarray):
                grad[...] = number


def copies(inputs: dict[str, Array]) -> dict[str, Array]:
    return {name: value.copy() for name, value in inputs.items()}


def equal(a: Array, b: Array) -> bool:
    """Bit for bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def largest_of(array: Any) -> float:
    return 0.0 if array is None else float(np.abs(array).max(initial=0.0))


def near(a: Any, b: Any, share: float = ROUNDING, largest: float | None = None) -> bool:
    """Equal up to a share of the largest number, nan where the other is nan; None is near None alone."""
    if a is None or b is None:
        return a is b
    if np.shape(a) != np.shape(b):
        return False
    if not np.size(b) or equal(np.asarray(a), np.asarray(b)):
        return True
    within = np.abs(a - b) <= share * (largest_of(b) if largest is None else largest)
    return bool(np.all(within) or np.all(within | (a == b) | (np.isnan(a) & np.isnan(b))))
