"""Hypothesis strategies for arrays; import them from tinynn.testing.strategies."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import InvalidValueError

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ImportError as error:
    raise ImportError('tinynn.testing.strategies needs Hypothesis; run  pip install "tinynn-numpy[testing]"') from error

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: The kinds of target that a loss may take, see `targets`.
KINDS = ("values", "labels", "probabilities", "bits", "signs")


def arrays(shape: int | tuple[int, ...], dtype: Any = np.float64, largest: float = 8.0) -> st.SearchStrategy[Array]:
    """Arrays of multiples of largest/128, from −largest to just below it; one in four of whole numbers alone.

    A failure shrinks to whole numbers where these fail as well, and to small ones in any case.
    Shapes: (*shape,), of a float dtype.

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(arrays((2, 2)), lambda x: x.min() < -2, random=Random(0))
    array([[ 0.,  0.],
           [ 0., -3.]])
    """
    shape = as_shape(shape)
    tables, size = _numbers(largest).astype(dtype), math.prod(shape)
    drawn = st.tuples(st.integers(0, 3), st.binary(min_size=size, max_size=size))  # far faster than one by one
    return drawn.map(lambda pair: tables[min(pair[0], 1), np.frombuffer(pair[1], np.uint8)].reshape(shape))


@st.composite
def batches(
    draw: st.DrawFn,
    sample_shape: int | tuple[int, ...],
    dtype: Any = np.float64,
    largest: float = 8.0,
    *,
    min_size: int = 1,
    max_size: int = 3,
) -> Array:
    """Batches of min_size to max_size samples of one shape.

    Shapes: (batch, *sample_shape).

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(batches(3, max_size=5), lambda x: len(x) > 1, random=Random(0))
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    return draw(arrays((draw(st.integers(min_size, max_size)), *as_shape(sample_shape)), dtype, largest))


def labels(n: int | tuple[int, ...], classes: int) -> st.SearchStrategy[Array]:
    """Class numbers from 0 to classes − 1.

    Shapes: (n,), or n itself where it is a shape; dtype intp.

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(labels(3, 10), lambda y: y[0] > 4, random=Random(0))
    array([5, 0, 0])
    """
    return hnp.arrays(np.intp, n, elements=st.integers(0, classes - 1), fill=st.nothing())


def targets(kind: str, shape: tuple[int, ...], dtype: Any = np.float64) -> st.SearchStrategy[Array]:
    """What a loss takes beside a prediction of `shape`.

    Parameters: kind, "values" (any numbers), "labels" (class numbers, without the last axis),
    "probabilities" (the last axis sums to 1), "bits" (from 0 to 1) or "signs" (−1 and 1).
    Raises: InvalidValueError for another kind.

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(targets("probabilities", (1, 3)), lambda t: t[0, 2] > 0.5, random=Random(0))
    array([[0., 0., 1.]])
    """
    if kind == "values":
        return arrays(shape, dtype)
    if kind == "labels":
        return labels(shape[:-1], shape[-1])
    if kind == "probabilities":
        return hnp.arrays(dtype, shape, elements=st.integers(0, 4), fill=st.nothing()).map(_shares)
    if kind == "bits":
        return hnp.arrays(dtype, shape, elements=st.integers(0, 4).map(lambda k: k / 4), fill=st.nothing())
    if kind == "signs":
        return hnp.arrays(dtype, shape, elements=st.sampled_from([1.0, -1.0]), fill=st.nothing())
    raise InvalidValueError(f"targets: kind must be one of {', '.join(KINDS)}, got {kind!r}")


def as_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


@functools.lru_cache
def _numbers(largest: float) -> Array:
    """The numbers behind the bytes 0 to 255, in whole ones and in multiples of largest/128.

    Hypothesis shrinks bytes towards 0, so they go by size, plus and minus in turn: a step of 2 keeps the
    sign. Whole numbers are rounded away from 0, which most failures survive; halves of `largest` stand for
    them where it is below 2.
    Shapes: (2, 256).
    """
    counts = np.arange(256)
    signs = np.where(counts % 2, 1.0, -1.0)
    signs[-1] = -1.0
    fine = signs * ((counts + 1) // 2) * (largest / 128)
    unit = 1.0 if largest >= 2 else largest / 2
    below = np.ceil(largest / unit) - 1  # the most units that are less than `largest`
    whole = signs * unit * np.minimum(np.ceil(np.abs(fine) / unit), np.where(signs > 0, below, largest // unit))
    return np.stack([whole, fine]) + 0.0  # no −0


def _shares(counts: Array) -> Array:
    """Each row divided by its sum; a row of zeros counts as a row of ones."""
    counts = counts + (counts.sum(axis=-1, keepdims=True) == 0)
    shares: Array = counts / counts.sum(axis=-1, keepdims=True)
    return shares.astype(counts.dtype)
