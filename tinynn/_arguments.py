"""Checks of plain arguments: a number in its range, a count, a flag, or an error that names it."""

from __future__ import annotations

import math
import operator
import os
from typing import Any

import numpy as np

from tinynn.errors import DtypeError, InvalidValueError

#: Numbers that no computer's memory holds.
LARGEST = 2**45


def shown(value: Any) -> str:
    """value for a message, on one line, cut short.

    >>> shown([1.0, None]), shown(int), shown(np.zeros((4, 3)))
    ('[1.0, None]', 'the class int', 'an array of shape (4, 3) and dtype float64')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # that of another library's object, or of an int of too many digits
        return f"an object of type {type(value).__name__}"
    return text if len(text) <= 120 else f"{text[:117]}..."


def number(what: str, value: Any) -> float:
    """value as a finite float."""
    try:
        if not isinstance(value, float) and (
            isinstance(value, (str, bytes, bool, np.bool_)) or np.ndim(value) or np.iscomplexobj(value)
        ):
            raise TypeError
        result = float(value)
    except OverflowError:
        result = math.inf
    except Exception:  # that of another library's object, too
        raise DtypeError(f"{what} must be a number, got {shown(value)}") from None
    if not math.isfinite(result):
        raise InvalidValueError(f"{what} must be finite, got {shown(value)}")
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


def count(what: str, value: Any, kind: str = "an int", rule: str | None = None, least: int = 1) -> int:
    """value as an int of at least `least`; `kind` and `rule` say in messages what is taken, where it is more."""
    try:
        if isinstance(value, bool):
            raise TypeError
        result = operator.index(value)
    except Exception:
        raise DtypeError(f"{what} must be {kind}, got {shown(value)}") from None
    if result < least:
        raise InvalidValueError(f"{what} must be {rule or f'at least {least}'}, got {shown(value)}")
    return result


def sizes(what: str, value: Any) -> tuple[int, ...]:
    """value, a size or several, as the shape of an array that some memory may hold."""
    given = value if isinstance(value, (tuple, list)) else (value,)
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in given):
        raise InvalidValueError(f"{what} must be sizes of 0 or more, got {shown(value)}")
    shape = tuple(map(int, given))
    if math.prod(max(1, n) for n in shape) > LARGEST:
        raise InvalidValueError(f"{what} {shown(shape)} is an array larger than any memory")
    return shape


def flag(what: str, value: Any) -> bool:
    """value as True or False; "no" and 0 may be meant otherwise."""
    if not isinstance(value, (bool, np.bool_)):
        raise DtypeError(f"{what} must be True or False, got {shown(value)}")
    return bool(value)


def path(what: str, value: Any) -> str:
    """value as a path's text; an int, which `open` would take for a file that is open, is none."""
    try:
        return os.fsdecode(value)
    except TypeError:
        raise DtypeError(f"{what} must be a path, a str or a Path, got {shown(value)}") from None


def choice(what: str, value: Any, *names: str) -> str:
    """value, if it is one of the names."""
    if not (isinstance(value, str) and value in names):
        listed = " or ".join(f'"{name}"' for name in names)
        raise InvalidValueError(f"{what} must be {listed}, got {shown(value)}")
    return value
