"""How a point's arguments go into functions, what its arrays are called, and what a gradient may be."""

from __future__ import annotations

import functools
import math
from collections import OrderedDict, UserDict, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

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


# ---- nested arguments ---------------------------------------------------------------------------
class Pair(NamedTuple):
    W: object
    b: object


class Attributes(dict):
    """A dict whose items are attributes too."""

    def __init__(self, *items, **named):
        super().__init__(*items, **named)
        self.__dict__ = self


def square(*arrays):
    return sum(np.sum(array**2) for array in arrays)


@pytest.mark.parametrize(
    ("f", "gradient", "x", "names"),
    [
        (lambda p: square(p.W, p.b), lambda p: Pair(2 * p.W, 2 * p.b), Pair(A, B[0]), ["W", "b"]),
        (lambda w, c: square(w, c), lambda w, c: Pair(2 * w, 2 * c), Pair(A, B[0]), ["w", "c"]),
        (lambda p: square(p["W"]), lambda p: {"W": 2 * p["W"]}, OrderedDict(W=A), ["W"]),
        (lambda p: square(p["W"]) + len(p[0]), lambda p: {"W": 2 * p["W"]}, defaultdict(list, W=A), ["W"]),
        (lambda p: square(p.W), lambda p: Attributes(W=2 * p.W), Attributes(W=A), ["W"]),
        (lambda p: square(p["W"]), lambda p: UserDict(W=2 * p["W"]), UserDict(W=A), ["W"]),
        (
            lambda layers: sum(square(w, b) for w, b in layers),
            lambda layers: [(2 * w, 2 * b) for w, b in layers],
            [(A, B[0]), (B, A[0])],
            ["x0.0", "x0.1", "x1.0", "x1.1"],
        ),
        (lambda p: square(*p[0]), lambda p: [tuple(2 * a for a in p[0])], [(A, B[0])], ["x0.0", "x0.1"]),
        (lambda ws: square(*ws), lambda ws: [2 * w for w in ws], ([A, B[0]],), ["x0.0", "x0.1"]),
        (
            lambda layers, scale: scale * square(*layers["W"]),
            lambda layers, scale: ({"dW": [2 * scale * w for w in layers["W"]]}, square(*layers["W"])),
            {"layers": {"W": [A, B[0]]}, "scale": 2.0},
            ["layers.W.0", "layers.W.1", "scale"],
        ),
        (lambda w, b: square(*w, *b), lambda w, b: ([2 * w[0]], [2 * b[0]]), ([A], [B]), ["w.0", "b.0"]),
        (lambda x: np.sum(np.square(x)), lambda x: 2 * np.array(x), A.tolist(), ["x"]),
        (lambda x, y: square(x, y), lambda x, y: (2 * x, 2 * y), A.tolist(), ["x", "y"]),
        (lambda rows: square(*rows), lambda rows: [2 * row for row in rows], [[1, 2], [3.0]], ["x0", "x1"]),
    ],
)
def test_containers_are_taken_apart_and_put_together_again(f, gradient, x, names):
    kind = type(x[0]) if type(x) is tuple and len(x) == 1 else type(x)

    @functools.wraps(f)
    def seen(*given, **named):
        assert len(given) != 1 or type(given[0]) is (np.ndarray if names == ["x"] else kind)
        return f(*given, **named)

    assert names_in(seen, gradient, x) == names
    if names != ["x"]:
        with pytest.raises(GradientError) as caught:
            check_gradient(f, lambda *p, **named: half_more(gradient(*p, **named)), x)
        assert sorted(array.name for array in caught.value.report.wrong) == sorted(names)


def half_more(gradient):
    """A gradient in any container, 1.5 times."""
    if isinstance(gradient, Mapping):
        return {key: half_more(value) for key, value in gradient.items()}
    return [half_more(value) for value in gradient] if isinstance(gradient, (tuple, list)) else 1.5 * gradient


def test_a_container_that_cannot_be_made_again_is_named():
    class Two(list):
        def __init__(self, a, b):
            super().__init__([a, b])

    with pytest.raises(
        nn.InvalidValueError, match="Two cannot be made of its items .* give a plain tuple, list or dict"
    ):
        check_gradient(lambda p: square(*p), lambda p: [2 * a for a in p], Two(A, B))


def test_two_names_that_look_the_same_are_two():
    both = {1: A, "1": B}
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda d: square(d[1], d["1"]), lambda d: {1: 3 * d[1], "1": 2 * d["1"]}, both)
    assert [array.name for array in caught.value.report.wrong] == ["1 (0)"]


# ---- how gradients come -------------------------------------------------------------------------
@pytest.mark.parametrize("spelling", ["{}", "d{}", "grad_{}", "{}_grad"])
def test_a_dict_of_gradients_may_be_spelled_as_people_do(spelling):
    def gradient(left, right):
        return {spelling.format("right"): left, spelling.format("left"): right}

    assert check_gradient(product, gradient, {"left": A, "right": B}).right
    assert check_gradient(product, gradient, (A, B)).right


def test_a_dicts_gradients_in_its_order():
    assert names_in(lambda b, a: square(a) + 3 * np.sum(b), lambda b, a: (2 * a, 3 + 0 * b), {"a": A, "b": B}) == [
        "a",
        "b",
    ]


def test_a_missing_gradient_is_forgotten():
    with pytest.raises(GradientError) as caught:
        check_gradient(product, lambda left, right: {"dleft": right, "else": left}, {"left": A, "right": B})
    assert caught.value.cause == "forgotten"
    assert str(caught.value) == (
        "product: ∂C/∂right is missing: gradients are given under 'dleft', 'else'; "
        "expected the key 'right', or one like 'dright'"
    )
    with pytest.raises(GradientError, match="∂C/∂right is None"):
        check_gradient(product, lambda left, right: {"dleft": right, "right": None}, {"left": A, "right": B})


def test_the_upstream_gradient_beside_arguments_by_name():
    x = {"a": A, "b": B}
    for vjp in (
        lambda a, b, u: {"a": u * b, "b": u * a},
        lambda u, b, a: (u * b, u * a),
        lambda b, a, *, upstream, scale=1.0: (upstream * b, upstream * a),
        lambda u, **p: {"a": u * p["b"], "b": u * p["a"]},
        lambda p, u: {"a": u * p["b"], "b": u * p["a"]},
    ):
        assert check_jacobian(lambda a, b: a * b, vjp, x).right
        assert check_jacobian(lambda p: p["a"] * p["b"], vjp, x).right


def test_the_gradient_may_take_the_arguments_in_another_way_than_the_function():
    assert check_gradient(product, lambda pair: (pair[1], pair[0]), (A, B)).right
    assert check_gradient(product, lambda d: {"left": d["right"], "right": d["left"]}, {"left": A, "right": B}).right
    assert check_gradient(lambda d: np.sum(d["a"] * d["b"]), lambda a, b: (b, a), {"a": A, "b": B}).right


@pytest.mark.parametrize("x", [(0.3, 1.2), [0.3, 1.2], {"x": 0.3, "y": 1.2}])
def test_one_array_may_be_the_gradient_by_several_numbers(x):
    def f(x, y):
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2

    def gradient(x, y):
        return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    assert names_in(f, gradient, x) == ["x", "y"]


def test_one_array_may_be_the_gradient_by_several_arrays():
    assert check_gradient(product, lambda a, b: np.stack([b, a]), (A, B)).right
    assert check_gradient(lambda p: np.sum(p[0] * p[1]), lambda p: np.stack([p[1], p[0]]), [A, B]).right
    uneven = np.empty(2, object)
    uneven[:] = [2 * A, 2 * B[0]]
    assert check_gradient(square, lambda *p: uneven, (A, B[0])).right
    with pytest.raises(nn.ShapeError, match="product: expected 2 gradients, got 1"):
        check_gradient(product, lambda a, b: b, (A, B))


def test_one_gradient_in_a_tuple():
    assert check_gradient(lambda x: square(x), lambda x: (2 * x,), A[0]).right


# ---- integers -----------------------------------------------------------------------------------
LABELS = np.array([0, 2])


def picked(z, labels):
    return np.sum(z[np.arange(2), labels] ** 2)


def d_picked(z, labels):
    assert labels.dtype.kind == "i"
    return 2 * z * (np.arange(3) == labels[:, None])


@pytest.mark.parametrize(
    "gradient",
    [
        d_picked,
        lambda z, labels: (d_picked(z, labels),),
        lambda z, labels: (d_picked(z, labels), None),
        lambda z, labels: (d_picked(z, labels), "anything"),
        lambda z, labels: {"z": d_picked(z, labels)},
    ],
)
def test_indices_stay_integers_and_are_not_differentiated(gradient):
    assert names_in(picked, gradient, (A, LABELS)) == ["z"]
    assert names_in(picked, gradient, {"z": A, "labels": LABELS}) == ["z"]
    with pytest.raises(GradientError) as caught:
        check_gradient(picked, lambda z, labels: 2 * z, (A, LABELS))
    assert [array.name for array in caught.value.report.wrong] == ["z"]


def test_counts_and_masks_stay_what_they_are():
    assert names_in(lambda z, n: np.sum([z**k for k in range(n)]), lambda z, n: 1 + 2 * z, (A, 3)) == ["z"]
    mask = A > 0
    assert names_in(lambda z, m: np.sum(z[m] ** 2), lambda z, m: 2 * z * m, (A, mask)) == ["z"]
    nested = {"p": [A, LABELS]}
    f, gradient = (lambda d: picked(*d["p"])), (lambda d: {"p": [d_picked(*d["p"])]})
    assert names_in(f, gradient, nested) == ["p.0"]


def test_integers_that_work_as_floats_are_differentiated():
    assert names_in(product, lambda left, right: (right, left), (A, np.ones((2, 3), int))) == ["left", "right"]
    assert names_in(lambda z, c, y: c * picked(z, y), lambda z, c, y: (c * d_picked(z, y), picked(z, y), 0),
                    (A, 3, LABELS)) == ["z", "c"]  # fmt: skip


def test_integers_alone_are_nothing_to_differentiate_by():
    assert_says(
        lambda: check_gradient(math.comb, lambda n, k: (0, 0), (4, 2)),
        nn.InvalidValueError,
        "comb takes integers alone; there is nothing to differentiate by",
    )


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


def test_one_entry_is_the_gradient_by_a_number():
    assert check_gradient(lambda x: x**2, lambda x: np.array([2 * x]), 3.0).right
    assert claimed_gradient("f", "x", np.float64(1.0), [2.0]).shape == ()
    for grad in ([[2.0]], [2.0, 2.0]):
        with pytest.raises(GradientError, match=r"∂C/∂x has shape \(\d, ?\d?\), x has \(\)"):
            claimed_gradient("f", "x", np.float64(1.0), grad)
