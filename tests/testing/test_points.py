"""How a point's arguments go into functions, what its arrays are called, and what a gradient may be."""

from __future__ import annotations

import numpy as np
import pytest
from messages import assert_says

import tinynn as nn
from tinynn.testing import GradientError, check_gradient, check_jacobian
from tinynn.testing.points import Point, claimed_gradient

RNG = np.random.default_rng(4)
A, B = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))


def product(left, right):
    return np.sum(left * right)


def names_in(f, gradient, x):
    return list(check_gradient(f, gradient, x).arrays)


# ---- names --------------------------------------------------------------------------------------
def test_names_are_the_functions_own_where_it_takes_them_one_by_one():
    assert names_in(product, lambda left, right: (right, left), (A, B)) == ["left", "right"]
    assert names_in(lambda pair: np.sum(pair[0] * pair[1]), lambda pair: (pair[1], pair[0]), (A, B)) == ["x0", "x1"]
    assert names_in(lambda pair: np.sum(pair[0] * pair[1]), lambda pair: [pair[1], pair[0]], [A, B]) == ["x0", "x1"]
    assert names_in(lambda w: np.sum(w), lambda w: (np.ones((2, 3)),), (A,)) == ["x"]
    assert names_in(lambda *both: np.sum(both[0] * both[1]), lambda *both: both[::-1], (A, B)) == ["x0", "x1"]
    assert names_in(lambda a, *rest: np.sum(a * rest[0]), lambda a, b: (b, a), (A, B)) == ["x0", "x1"]
    assert names_in(lambda a, b, *rest: np.sum(a * b), lambda a, b: (b, a), (A, B)) == ["a", "b"]
    assert names_in(np.sum, np.ones_like, A) == ["x"]


def test_names_of_a_dict_are_its_keys():
    both = {"right": A, "left": B}
    assert names_in(product, lambda left, right: {"left": right, "right": left}, both) == ["right", "left"]
    numbered = {1: A, 2: B}
    assert names_in(lambda d: np.sum(d[1] * d[2]), lambda d: {1: d[2], 2: d[1]}, numbered) == ["1", "2"]


# ---- arguments ----------------------------------------------------------------------------------
def test_a_tuple_goes_in_as_the_function_takes_it():
    assert Point(product, (A, B)).spread
    assert not Point(lambda pair: 0.0, (A, B)).spread
    assert Point(lambda *both: 0.0, (A, B)).spread
    assert not Point(np.sum, A).spread
    assert Point(lambda left, right, scale=2.0: 0.0, (A, B)).spread
    assert Point(lambda left, right, scale=2.0: 0.0, (A, B, A)).spread
    assert Point(lambda left=1, right=2: 0.0, (A, B)).spread
    assert not Point(lambda pair, scale=2.0: 0.0, (A, B)).spread
    assert not Point(lambda left, right: 0.0, (A, B, A)).spread
    assert not Point(lambda left, right, far: 0.0, (A, B)).spread
    assert not Point(lambda left, right, *, scale=2.0: 0.0, (A, B, A)).spread
    point = Point(lambda pair: 0.0, (A, B))
    assert type(point.call(lambda pair: pair, point.arrays)) is tuple
    listed = Point(lambda pair: 0.0, [A, B])
    assert type(listed.call(lambda pair: pair, listed.arrays)) is list


def test_a_dict_goes_in_by_name_or_whole():
    assert Point(product, {"left": A, "right": B}).spread
    assert not Point(product, {"left": A, "other": B}).spread
    point = Point(product, {"left": A, "right": B})
    assert point.call(product, point.arrays) == np.sum(A * B)
    seen = point.call(lambda *given, **named: (given, sorted(named)), point.arrays, "u")
    assert sorted(seen[0][0]) == ["left", "right"] and seen[0][1] == "u" and seen[1] == []


def test_a_vjp_gets_the_upstream_after_the_arguments():
    def vjp_one_by_one(a, b, u):
        return u * b, u * a

    def vjp_together(pair, u):
        return u * pair[1], u * pair[0]

    assert check_jacobian(lambda a, b: a * b, vjp_one_by_one, (A, B)).right
    assert check_jacobian(lambda pair: pair[0] * pair[1], vjp_together, (A, B)).right
    assert check_jacobian(lambda d: d["a"] * d["b"], lambda d, u: {"a": u * d["b"], "b": u * d["a"]}, {"a": A, "b": B})


def test_each_call_has_copies():
    point = Point(np.sum, A)
    point.call(lambda x: x.fill(0), point.arrays)
    np.testing.assert_array_equal(point.arrays[0], A)
    number = Point(abs, 2.0)
    assert isinstance(number.call(lambda x: x, number.arrays), float)


def test_python_numbers_and_lists_are_arrays():
    assert check_gradient(lambda x: x**2, lambda x: 2 * x, 3).right
    assert check_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, [1, 2, True]).right
    assert Point(np.sum, [1, 2]).arrays[0].dtype == np.float64
    assert Point(np.sum, np.ones(2, np.float32)).arrays[0].dtype == np.float64


# ---- what is refused ----------------------------------------------------------------------------
def test_bad_points_are_named():
    assert_says(
        lambda: check_gradient(product, lambda a, b: (b, a), (A, "text")),
        nn.DtypeError,
        "expected right of real numbers, got dtype <U4",
    )
    assert_says(
        lambda: check_gradient(product, lambda a, b: (b, a), (A, np.full(3, np.inf))),
        nn.InvalidValueError,
        "right holds values that are not finite; choose another point",
    )
    assert_says(
        lambda: check_gradient(product, lambda a, b: (b, a, a), (A, B)),
        nn.ShapeError,
        "product: expected 2 gradients, got 3",
    )


@pytest.mark.parametrize(
    ("grad", "cause", "text"),
    [
        (None, "forgotten", "is None: nothing was returned or written"),
        (np.full((2, 3), "a"), "dtype", "has dtype <U1, a gradient is an array of real numbers"),
        (np.ones((2, 3)) * 1j, "dtype", "has dtype complex128, a gradient is an array of real numbers"),
        (np.ones((3, 2)), "transposed", "has shape (3, 2), w has (2, 3); likely cause: it is transposed"),
        (
            np.ones((4, 2, 3)),
            "batch-sum",
            "has shape (4, 2, 3), w has (2, 3); likely cause: the sum over the batch of 4 is missing",
        ),
        (np.ones((4, 2)), "shape", "has shape (4, 2), w has (2, 3)"),
        (np.ones((4, 3, 2)), "shape", "has shape (4, 3, 2), w has (2, 3)"),
        (np.ones(6), "shape", "has shape (6,), w has (2, 3)"),
        (1.0, "shape", "has shape (), w has (2, 3)"),
    ],
)
def test_a_gradient_that_does_not_fit_is_explained(grad, cause, text):
    with pytest.raises(GradientError) as caught:
        claimed_gradient("Dense()", "w", A, grad)
    assert str(caught.value) == f"Dense(): ∂C/∂w {text}"
    assert caught.value.cause == cause
    assert caught.value.report.subject == "Dense()"
    assert [(array.name, array.shape) for array in caught.value.report.arrays.values()] == [("w", (2, 3))]


def test_integers_and_truths_are_gradients_too():
    for grad in (np.ones((2, 3), int), np.ones((2, 3), bool), np.ones((2, 3), np.float32)):
        assert claimed_gradient("f", "w", A, grad).dtype == np.float64
