"""Class labels as vectors: label 3 of 10 becomes a row of zeros with a one at index 3."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DtypeError, InvalidValueError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from tinynn._arrays import Array


def one_hot(labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = np.float32) -> Array:
    """Each label k as the k-th unit vector: Keras' to_categorical, and the lecture's desired output y.

    out[..., j] = 1 where labels[...] = j, else 0

    Parameters: labels, integers from 0; classes, by default the largest label plus one; dtype.
    Shapes: labels (...) -> (..., classes).
    Raises: DtypeError if labels or classes are no integers; InvalidValueError if a label is negative or
    not below classes.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    indices: Array = np.asarray(labels)
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"one_hot: labels must be integers, got {indices.dtype}; convert them with .astype(int)")
    classes = _count_classes(indices, classes)
    wrong = (indices < 0) | (indices >= classes)
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0].tolist())
        raise InvalidValueError(
            f"one_hot: with {classes} classes labels must be from 0 to {classes - 1}, got {indices[index]} "
            f"at index {index}; give more classes, or number the labels from 0"
        )
    hot: Array = indices[..., None] == np.arange(classes)
    return hot.astype(dtype)


def _count_classes(labels: Array, classes: Any) -> int:
    """The number of classes, as given or as the labels show."""
    if classes is None:
        if labels.size == 0:
            raise InvalidValueError("one_hot: no labels to count the classes by; give classes=")
        return max(int(labels.max()) + 1, 1)
    try:
        count = operator.index(classes)
    except TypeError:
        raise DtypeError(f"one_hot: classes must be an integer, got {classes!r}") from None
    if count < 1:
        raise InvalidValueError(f"one_hot: classes must be at least 1, got {count}")
    return count
