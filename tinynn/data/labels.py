"""Class labels as vectors: label 3 of 10 becomes a row of zeros with a one at index 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import count, shown, sizes
from tinynn._arrays import as_array, content
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
    indices = as_array(labels, "one_hot", "labels")
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"one_hot: labels must be integers, got {content(indices)}; convert them with .astype(int)")
    dtype, classes = _real_dtype(dtype), _count_classes(indices, classes)
    wrong = (indices < 0) | (indices >= classes)
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0].tolist())
        raise InvalidValueError(
            f"one_hot: with {classes} classes labels must be from 0 to {classes - 1}, got {indices[index]} "
            f"at index {index}; give more classes, or number the labels from 0"
        )
    sizes(f"one_hot: {classes} classes for labels of shape {indices.shape}:", (*indices.shape, classes))
    hot: Array = indices[..., None] == np.arange(classes)
    return hot.astype(dtype)


def _count_classes(labels: Array, classes: Any) -> int:
    """The number of classes, as given or as the labels show."""
    if classes is None:
        if labels.size == 0:
            raise InvalidValueError("one_hot: no labels to count the classes by; give classes=")
        return max(int(labels.max()) + 1, 1)
    return count("one_hot: classes", classes, "an integer")


def _real_dtype(dtype: Any) -> np.dtype[Any]:
    """A dtype of real numbers; NumPy reads None as float64, here it would be a mistake."""
    try:
        result = np.dtype(dtype) if isinstance(dtype, (str, type, np.dtype)) else np.dtype(object)
    except TypeError:
        result = np.dtype(object)
    if result.kind not in "fiub":
        raise DtypeError(f"one_hot: dtype must be one of real numbers, got {shown(dtype)}")
    return result
