"""Splitting a data set into a part to learn from and a part to be judged by.

A network is measured on samples that it never saw; a stratified split gives both parts the same
mixture of classes.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import flag, shown
from tinynn._arrays import as_array, as_rng
from tinynn.errors import DtypeError, InvalidValueError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tinynn._arrays import Array, Rng

NAME = "train_test_split"


def train_test_split(
    *arrays: ArrayLike,
    test_size: float = 0.25,
    shuffle: bool = True,
    stratify: ArrayLike | None = None,
    rng: Rng = None,
) -> list[Array]:
    """The arrays' rows in two parts: [a_train, a_test, b_train, b_test, …], as scikit-learn returns them.

    Parameters: arrays of one length; test_size, a fraction of the rows (rounded up) or their number;
    shuffle=False to take the test part from the end; stratify, a class for each row, whose shares both parts
    keep to within one row a class; rng.
    Shapes: (n, …) -> (n − n_test, …) and (n_test, …), copies that the caller owns.
    Raises: ShapeError if lengths differ; InvalidValueError if a part would be empty or lack classes.

    >>> x_train, x_test, y_train, y_test = train_test_split(np.eye(8), range(8), test_size=0.25, rng=0)
    >>> x_train.shape, x_test.shape, y_train.shape, y_test.shape
    ((6, 8), (2, 8), (6,), (2,))
    """
    rows = [as_array(array, NAME, f"array {k}") for k, array in enumerate(arrays)]
    n = _common_length(rows)
    n_test, shuffle, rng = _test_rows(test_size, n), flag(f"{NAME}: shuffle", shuffle), as_rng(rng, f"{NAME}: rng")
    if stratify is not None:
        if not shuffle:
            raise InvalidValueError("train_test_split: stratify needs shuffle=True")
        train, test = _stratified(as_array(stratify, NAME, "stratify"), n, n_test, rng)
    else:
        order = rng.permutation(n) if shuffle else np.arange(n)
        train, test = order[: n - n_test], order[n - n_test :]
    return [array[part] for array in rows for part in (train, test)]


def _common_length(arrays: list[Array]) -> int:
    """How many rows each array has."""
    if not arrays:
        raise InvalidValueError("train_test_split: expected at least one array")
    shapes = [array.shape for array in arrays]
    if () in shapes or len({shape[0] for shape in shapes}) != 1:
        raise ShapeError(f"train_test_split: expected arrays of one length, got shapes {shapes}")
    return len(arrays[0])


def _test_rows(test_size: Any, n: int) -> int:
    """The number of test rows: a fraction rounded up, as scikit-learn does, or the number itself."""
    if isinstance(test_size, (float, np.floating)):
        if not 0 < test_size < 1:
            raise InvalidValueError(
                f"train_test_split: a fraction test_size must lie between 0 and 1, got {test_size}; "
                "give a number of rows as an int"
            )
        n_test = math.ceil(test_size * n)
    else:
        try:
            if isinstance(test_size, bool):
                raise TypeError
            n_test = operator.index(test_size)
        except Exception:
            raise DtypeError(f"train_test_split: test_size must be a float or int, got {shown(test_size)}") from None
    if not 0 < n_test < n:
        raise InvalidValueError(
            f"train_test_split: test_size={test_size} takes {n_test} of {n} rows; each part needs one"
        )
    return n_test


def _stratified(labels: Array, n: int, n_test: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Indices of both parts, each in random order, with every class's share kept."""
    if labels.shape[:1] != (n,):
        raise ShapeError(f"train_test_split: stratify must have {n} rows as the arrays do, got {labels.shape}")
    # Rows as classes, so that one-hot targets stratify too. NumPy 2.0 sorts objects along no axis, and
    # gives the numbers of rows another shape.
    axis = 0 if labels.ndim > 1 else None
    try:
        _, classes, counts = np.unique(labels, axis=axis, return_inverse=True, return_counts=True)
    except TypeError as error:  # objects that cannot be sorted
        raise DtypeError(f"train_test_split: stratify needs labels of one type: {error}") from None
    if counts.min() < 2 or len(counts) > min(n_test, n - n_test):
        raise InvalidValueError(
            f"train_test_split: to stratify, a class needs 2 rows (the rarest has {counts.min()}) and each "
            f"part a row per class ({n - n_test} train and {n_test} test rows, {len(counts)} classes)"
        )
    # A random order, sorted by class: within its class each row then has a random rank. A stable sort,
    # because the others differ between processors, and a seed means the same rows everywhere.
    order = rng.permutation(n)
    order = order[np.argsort(classes.ravel()[order], kind="stable")]
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    is_test = rank < np.repeat(_shares(counts, n_test, rng), counts)
    return rng.permutation(order[~is_test]), rng.permutation(order[is_test])


def _shares(counts: Array, total: int, rng: np.random.Generator) -> Array:
    """`total` dealt out in proportion to counts by largest remainder, ties at random."""
    shares, remainders = np.divmod(counts * total, counts.sum())
    missing = total - shares.sum()
    shares[np.lexsort((rng.random(len(counts)), -remainders))[:missing]] += 1
    return shares
