"""Clipping: functions that bound a gradient in place, between backward and the optimizer's step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import not_negative, positive, shown
from tinynn.errors import DivergedError, DtypeError, InvalidValueError

if TYPE_CHECKING:
    from tinynn._arrays import Array


def clip_norm(gradient: Any, maximum: float) -> float:
    """Scale a gradient down to the norm `maximum` if it is longer; returns the norm it had.

    g ← g · min(1, maximum / (‖g‖ + 1e-6)), as PyTorch's clip_grad_norm_

    Parameters: gradient, a floating array that is changed in place, or an optimizer's `vector`; maximum.
    Raises: DivergedError if the norm is not finite; the gradient is left as it was.
    Source: Pascanu, Mikolov & Bengio (2013).

    >>> gradient = np.array([3.0, 4.0])
    >>> clip_norm(gradient, 1.0)
    5.0
    >>> gradient.round(3)
    array([0.6, 0.8])
    """
    g, maximum = _array(gradient, "clip_norm"), positive("clip_norm: maximum", maximum)
    norm = gradient_norm(g)
    if not math.isfinite(norm):
        raise DivergedError(f"clip_norm: the gradient's norm is {norm}; lower the learning rate or check the inputs")
    factor = maximum / (norm + 1e-6)
    if factor < 1.0:
        try:
            np.multiply(g, factor, g)
        except ValueError:
            raise _read_only("clip_norm") from None
    return norm


def clip_value(gradient: Any, maximum: float) -> None:
    """Bound every entry of a gradient: g ← min(max(g, −maximum), maximum).

    Parameters: gradient, a floating array that is changed in place, or an optimizer's `vector`; maximum.

    >>> gradient = np.array([-3.0, 0.5])
    >>> clip_value(gradient, 1.0)
    >>> gradient
    array([-1. ,  0.5])
    """
    g, maximum = _array(gradient, "clip_value"), not_negative("clip_value: maximum", maximum)
    try:
        np.minimum(g, maximum, out=g)
    except ValueError:
        raise _read_only("clip_value") from None
    np.maximum(g, -maximum, out=g)


def gradient_norm(g: Array) -> float:
    """‖g‖, also where the squares overflow."""
    norm = math.sqrt(float(np.vdot(g, g)))
    if math.isfinite(norm) or not g.size:
        return norm
    largest = float(np.abs(g).max())
    return largest * float(np.linalg.norm(g / g.dtype.type(largest))) if math.isfinite(largest) else largest


def _array(gradient: Any, what: str) -> Array:
    g = gradient if isinstance(gradient, np.ndarray) else getattr(gradient, "grad", None)
    if not isinstance(g, np.ndarray) or g.dtype.kind != "f":
        raise DtypeError(f"{what}: expected a floating array or an optimizer's vector, got {shown(gradient)}")
    return g


def _read_only(what: str) -> InvalidValueError:
    """For the one ValueError that writing into an array itself can end in."""
    return InvalidValueError(f"{what}: the gradient is read-only, and clipping changes it in place; pass a copy")
