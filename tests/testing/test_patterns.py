"""The comparisons and the formulas by which a cause is recognised, on numbers made for them."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn.testing.hypotheses import DROPOUT, _named_factor
from tinynn.testing.patterns import as_fraction, fitted, ratio_of, same, threshold

RNG = np.random.default_rng(9)
A = RNG.normal(size=(4, 5))


# ---- same, ratio_of -----------------------------------------------------------------------------
def test_same_is_a_share_of_the_largest():
    b, a, c = np.array([1000.0, 1.0]), np.array([0.0, 1e-4]), np.array([0.0, 1.0])
    assert same(b + 9 * a, b) and not same(b + 11 * a, b)
    assert same(b - 9 * a, b) and not same(b - 11 * a, b)
    assert same(b + 9 * c, b, 1e-2) and not same(b + 11 * c, b, 1e-2)
    assert not same(np.ones(2), np.ones((2, 1))) and not same(np.ones(2), np.ones(3))
    assert same(np.zeros(2), np.zeros(2)) and not same(np.full(2, 1e-300), np.zeros(2))
    assert same(np.empty(0), np.empty(0))
    assert not same(np.array([np.inf]), np.array([np.inf])) and not same(np.array([np.nan]), np.ones(1))


def test_a_ratio_is_one_number_other_than_0():
    assert ratio_of(-3 * A, A) == pytest.approx(-3, rel=1e-14)
    assert ratio_of(1e-9 * A, A) == pytest.approx(1e-9, rel=1e-14)
    assert ratio_of(0 * A, A) is None and ratio_of(A, 0 * A) is None
    assert ratio_of(A + 0.01, A) is None
    assert ratio_of(A, np.full_like(A, np.inf)) is None and ratio_of(A, np.full_like(A, np.nan)) is None
    assert ratio_of(np.array([1.0, 1.0]), np.array([1.0, -1.0])) is None


# ---- fitted -------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [0, -1])
def test_errors_that_are_combinations_line_by_line(axis):
    shape = (1, 5) if axis == 0 else (4, 1)
    constant, slope = RNG.normal(size=shape), RNG.normal(size=shape)
    y = RNG.normal(size=A.shape)
    level, steep, line = constant + 0 * A, slope * y, constant + slope * y
    assert fitted(level, axis, ["1"], y) and not fitted(level, axis, ["y"], y)
    assert fitted(steep, axis, ["y"], y) and not fitted(steep, axis, ["1"], y)
    assert fitted(line, axis, ["1", "y"], y)
    assert not fitted(line, axis, ["1"], y) and not fitted(line, axis, ["y"], y)
    assert not fitted(line, -1 - axis, ["1", "y"], y)


def test_one_line_that_does_not_fit_is_enough():
    error = np.ones((4, 5))
    error[2, 3] += 3e-6
    assert not fitted(error, -1, ["1"], A)
    error[2, 3] = 1 + 1e-7
    assert fitted(error, -1, ["1"], A)
    assert fitted(1e-5 * np.ones((4, 5)), -1, ["1"], A)
    assert not fitted(np.zeros((4, 5)), -1, ["1"], A)
    assert fitted(np.broadcast_to(np.arange(5.0), (4, 5)), -1, ["y"], np.arange(5.0))


# ---- threshold ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "wrong", "words"),
    [
        ([-2, -1, 1, 2], [1, 1, 0, 0], "≤ 0"),
        ([-2, 0, 1, 2], [1, 1, 0, 0], "≤ 0"),
        ([-2, -1, 0, 2], [1, 1, 0, 0], "≤ 0"),
        ([-2, -1, 1, 2], [0, 0, 1, 1], "≥ 0"),
        ([1, 2, 4, 5], [1, 1, 0, 0], "≤ 3"),
        ([1, 2, 4, 5], [0, 0, 1, 1], "≥ 3"),
        ([-5, -4, -2, -1], [1, 1, 0, 0], "≤ -3"),
        ([-5, -4, -2, -1], [0, 0, 1, 1], "≥ -3"),
        ([-3, -1, 0, 2], [1, 0, 0, 1], "is beyond ±1.5"),
        ([-3, -1, 0, 2], [0, 1, 1, 0], None),
        ([1, 2, 3, 4], [1, 0, 1, 0], None),
        ([1, 1, 2, 2], [1, 0, 1, 0], None),
        ([-1, 1, 1, -1], [1, 0, 1, 0], None),
    ],
)
def test_a_threshold_parts_wrong_from_right(value, wrong, words):
    wrong = np.array(wrong, bool)
    assert threshold(np.array(value, float), wrong, ~wrong) == words


# ---- names of numbers ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0.5, "1/2"), (2 / 3, "2/3"), (-0.25, "-1/4"), (12.0, "12"), (11 / 12, "11/12"), (1 / 784, "1/784")),
        *((784.0, "784"), (-1 / 100, "-1/100"), (0.3, "3/10"), (0.0, "0"), (1e-7, "1e-07"), (13 / 17, "0.764706")),
        *((3.0000001, "3"), (3.00001, "3.00001"), (1e9, "1000000000")),
    ],
)
def test_fractions_of_small_whole_numbers(number, text):
    assert as_fraction(number) == text


@pytest.mark.parametrize(
    ("factor", "formula"),
    [
        *((0.3, "r"), (1 / 0.3, "1/r"), (0.09, "r²"), (1 / 0.09, "1/r²"), (0.7, "1 − r"), (1 / 0.7, "1/(1 − r)")),
    ],
)
def test_a_factor_is_looked_for_among_the_numbers_of_an_object(factor, formula):
    assert list(_named_factor(factor, {"other": 17.5, "r": 0.3})) == [("r", formula)]
    assert list(_named_factor(factor * (1 + 1e-7), {"r": 0.3})) == [("r", formula)]
    assert list(_named_factor(factor * (1 + 2e-6), {"r": 0.3})) == []
    assert list(_named_factor(-factor, {"r": 0.3})) == []


def test_numbers_that_explain_nothing():
    assert list(_named_factor(1.0, {"one": 1.0, "zero": 0.0, "minus": -1.0})) == []
    assert list(_named_factor(-1.0, {"two": 2.0})) == []
    assert list(_named_factor(2.0, {"two": 2.0, "half": 0.5})) == [
        ("two", "two"),
        ("half", "1/half"),
        ("half", "1/(1 − half)"),
    ]
    assert {"p", "rate", "keep_prob"} <= set(DROPOUT)
