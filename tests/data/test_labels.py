"""one_hot: every shape of labels, and every label that is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinynn.data import one_hot
from tinynn.errors import DtypeError, InvalidValueError

integers = hnp.integer_dtypes(endianness="=") | hnp.unsigned_integer_dtypes(endianness="=")
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@given(integers.flatmap(lambda dtype: hnp.arrays(dtype, shapes, elements=st.integers(0, 6))), st.integers(7, 9))
def test_one_at_the_label_and_zero_elsewhere(labels, classes):
    result = one_hot(labels, classes)
    assert result.shape == (*labels.shape, classes)
    assert result.dtype == np.float32
    for index in np.ndindex(labels.shape):
        expected = [0.0] * classes
        expected[labels[index]] = 1.0
        assert result[index].tolist() == expected


def test_classes_are_counted_by_the_largest_label():
    assert one_hot([0, 3, 1]).shape == (3, 4)
    assert one_hot(0).tolist() == [1]
    assert one_hot(np.array([255], np.uint8)).argmax() == 255
    assert one_hot(np.array([255], np.uint8), 300).shape == (1, 300)
    with pytest.raises(InvalidValueError, match="no labels.*classes="):
        one_hot(np.zeros(0, int))


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, bool])
def test_dtype(dtype):
    result = one_hot([1], 2, dtype=dtype)
    assert result.dtype == dtype
    assert result.tolist() == [[0, 1]]


def test_classes_may_be_a_numpy_integer():
    assert one_hot([1], np.int8(2)).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 3, 4], 3, r"with 3 classes labels must be from 0 to 2, got 3 at index \(1,\)"),
        ([0, -1], 3, r"got -1 at index \(1,\)"),
        ([[0, 1], [1, -2]], None, r"from 0 to 1, got -2 at index \(1, 1\)"),
        ([-1], None, r"from 0 to 0, got -1 at"),
        (3, 3, r"got 3 at index \(\)"),
        (np.array([2**64 - 1], np.uint64), 3, "got 18446744073709551615"),
        ([0], 0, "classes must be at least 1, got 0"),
    ],
)
def test_values_out_of_range(labels, classes, message):
    with pytest.raises(InvalidValueError, match=message):
        one_hot(labels, classes)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [True, False], ["0", "1"], [0j], [None]])
def test_labels_that_are_no_integers(labels):
    with pytest.raises(DtypeError, match="labels must be integers, got"):
        one_hot(labels, 2)


@pytest.mark.parametrize("classes", [2.0, "2"])
def test_classes_that_are_no_integer(classes):
    with pytest.raises(DtypeError, match="classes must be an integer, got"):
        one_hot([0, 1], classes)
