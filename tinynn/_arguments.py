"""Checks of plain arguments: a number in its range, or an error that names it."""

from __future__ import annotations

import math
from typing import Any

from tinynn.errors import DtypeError, InvalidValueError


def number(what: str, value: Any) -> float:
    """value as a finite float."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        raise DtypeError(f"{what} must be a number, got {value!r}") from None
    if not math.isfinite(result):
        raise InvalidValueError(f"{what} must be finite, got {value!r}")
    return result


def positive(what: str, value: Any) -> float:
    """value as a finite float above 0."""
    result = number(what, value)
    if result <= 0:
        raise InvalidValueError(f"{what} must be above 0, got {value!r}")
    return result


def not_negative(what: str, value: Any) -> float:
    """value as a finite float of at least 0."""
    result = number(what, value)
    if result < 0:
        raise InvalidValueError(f"{what} must be at least 0, got {value!r}")
    return result


def fraction(what: str, value: Any) -> float:
    """value as a float from 0 to just below 1: a decay rate, a momentum, a smoothing."""
    result = number(what, value)
    if not 0 <= result < 1:
        raise InvalidValueError(f"{what} must be at least 0 and below 1, got {value!r}")
    return result
