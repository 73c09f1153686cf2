"""The few array helpers that every module shares: types, the boundary's conversion, constants, rng."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinynn._arguments import shown
from tinynn.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Array: TypeAlias = NDArray[Any]
    Dtype: TypeAlias = np.dtype[Any]
    Rng: TypeAlias = int | np.random.Generator | None

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
FLOATS = (FLOAT32, FLOAT64)


def as_rng(rng: Rng, what: str = "rng") -> np.random.Generator:
    """The generator that None (fresh entropy), an int (a seed) or a Generator (itself) stands for."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or (isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0):
        return np.random.default_rng(rng)
    raise DtypeError(f"{what} must be None, an int of at least 0 or a numpy.random.Generator, got {shown(rng)}")


def as_dtype(dtype: DTypeLike, what: str = "dtype") -> Dtype:
    """float32 or float64 as a dtype; anything else is a DtypeError."""
    try:
        # NumPy takes None for float64, and of any object with a dtype that one.
        known = isinstance(dtype, (str, type, np.dtype)) and (result := np.dtype(dtype)) in FLOATS
    except TypeError:
        known = False
    if not known:
        raise DtypeError(f"{what} must be float32 or float64, got {shown(dtype)}")
    return result


def as_array(x: Any, owner: object, what: str = "x") -> Array:
    """np.asarray(x), or an error that names `owner` and `what` where NumPy makes no array of it."""
    try:
        return np.asarray(x)
    except Exception as error:  # another library's object may raise anything
        if isinstance(x, (list, tuple)) and isinstance(error, ValueError):
            raise ShapeError(
                f"{_name(owner)}: expected {what} as one array, got rows of several lengths; make them one length"
            ) from None
        raise DtypeError(f"{_name(owner)}: cannot read {what} as an array, got {shown(x)}: {error}") from error


def _name(owner: object) -> object:
    return owner._label() if hasattr(owner, "_label") else owner


def as_floats(x: Any, dtype: Dtype | None, owner: object, what: str = "x") -> Array:
    """x as an array of `dtype`; with None, floats keep their precision and integers become float32.

    This is the one conversion at the boundary: integer images and lists come in here. Complex numbers,
    strings and objects are refused, because no float can hold them; `owner` and `what` are named then.
    """
    array = x if type(x) is np.ndarray else as_array(x, owner, what)
    if array.dtype in FLOATS and (dtype is None or dtype == array.dtype):
        return array
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{_name(owner)}: expected real numbers as {what}, got {content(array)}")
    if dtype is None:
        dtype = FLOAT64 if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else FLOAT32
    return array.astype(dtype, copy=False)


def content(array: Array) -> str:
    """What an array holds, for messages: NumPy makes of anything at all an array with that one thing in it."""
    return f"an array of dtype {array.dtype}" if array.ndim else shown(array.item())


def constant(value: float) -> dict[Dtype, Array]:
    """A number as 0-d arrays, one a dtype: `HALF[x.dtype]`.

    As an operand a 0-d array costs a ufunc call 0.31 µs where a Python float costs 0.63 µs (10 × 30
    float32 elements), and it never changes the result's dtype.
    """
    return {dtype: np.array(value, dtype) for dtype in FLOATS}


ZERO, HALF, ONE = constant(0.0), constant(0.5), constant(1.0)
