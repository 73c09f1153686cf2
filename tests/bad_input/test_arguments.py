"""How messages show what came, on one short line, and what NumPy itself would let pass with a warning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from bad_input.menu import Distant, Tensor, within_itself

import tinynn as nn
from tinynn._arguments import count, flag, number, shown
from tinynn._arrays import content


class Mute:
    """Its repr fails."""

    def __repr__(self):
        raise RuntimeError("no repr")


def test_short_things_stand_as_they_are():
    assert shown([1.0, None]) == "[1.0, None]"
    assert shown("abc") == "'abc'"
    assert shown(np.array(2.0)) == "array(2.)"
    assert shown(within_itself()) == "[[...]]"
    assert shown(Tensor()) == "Tensor()"


def test_long_things_are_cut():
    text = shown("x" * 1000)
    assert text == "'" + "x" * 116 + "..."
    assert shown("x" * 118) == "'" + "x" * 118 + "'"
    long = nn.Sequential(*(nn.Dense(3, 3) for _ in range(20)))
    assert "\n" not in shown(long)
    assert len(shown(long)) == 120


def test_classes_and_arrays_are_named():
    assert shown(nn.Sigmoid) == "the class Sigmoid"
    assert shown(np.zeros((4, 3), np.int8)) == "an array of shape (4, 3) and dtype int8"


def test_what_has_no_repr_is_named_by_its_type():
    assert shown(Mute()) == "an object of type Mute"
    assert shown(10**5000) == "an object of type int"


def test_what_an_array_holds():
    assert content(np.array(None)) == "None"
    assert content(np.array("abc")) == "'abc'"
    assert content(np.array([None])) == "an array of dtype object"


@pytest.mark.parametrize("value", [np.complex64(1), np.array([0.5])], ids=["complex", "an array of one number"])
def test_a_number_is_one_also_where_nobody_sees_the_warning(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(nn.DtypeError, match="rate must be a number"):
            number("rate", value)


@pytest.mark.parametrize("check", [number, count])
def test_whatever_another_library_raises_it_is_no_number(check):
    with pytest.raises(nn.DtypeError, match="rate must be"):
        check("rate", Distant())


def test_numpy_s_own_numbers_and_flags_are_taken():
    assert flag("f", np.True_) is True
    assert flag("f", np.False_) is False
    assert count("n", np.int8(3)) == count("n", np.array(3)) == 3
    assert type(count("n", np.int64(3))) is int
    assert number("x", np.float16(0.5)) == number("x", np.array(0.5)) == 0.5


def test_what_is_wrong_with_a_file_is_told_once():
    with pytest.raises(nn.DataError) as caught:
        nn.data.read_idx(__file__)
    assert str(caught.value).count("test_arguments.py") == 1
