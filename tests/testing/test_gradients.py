"""The checker checked: wrong derivatives that it must reject, right but tricky ones that it must accept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from messages import assert_says

import tinynn as nn
from tinynn.testing import GradientError, check_gradient, check_jacobian

RNG = np.random.default_rng(7)
X = RNG.normal(size=(4, 3))
THOUSAND = RNG.normal(size=1000)


def total(f):
    return lambda x: np.sum(f(x))


def relu(x):
    return np.maximum(x, 0.0)


RIGHT = {
    "tanh": (total(np.tanh), lambda x: 1 - np.tanh(x) ** 2, X),
    "saturated tanh": (total(np.tanh), lambda x: 1 - np.tanh(x) ** 2, np.array([20.0, -40.0, 9.0])),
    "ReLU at and near 0": (total(relu), lambda x: 1.0 * (x > 0), np.array([0.0, 1e-9, -1e-9, 1e-5, 1.0])),
    "|x| at 0": (total(np.abs), np.sign, np.array([0.0, 1.0, -1e-7])),
    "ties of a maximum": (np.max, lambda x: np.array([1.0, 0.0, 0.0]), np.array([2.0, 2.0, 1.0])),
    "tiny derivatives": (lambda x: 1e-9 * np.sum(np.sin(x)), lambda x: 1e-9 * np.cos(x), X),
    "huge derivatives": (lambda x: 1e12 * np.sum(np.sin(x)), lambda x: 1e12 * np.cos(x), X),
    "huge values": (total(np.square), lambda x: 2 * x, np.array([1e12, -3e11, 1.0])),
    "steep": (lambda x: np.sum(np.tanh(1e4 * x)), lambda x: 1e4 / np.cosh(1e4 * x) ** 2, np.array([1e-5, 2e-4])),
    "oscillating": (lambda x: np.sum(np.sin(1e6 * x)), lambda x: 1e6 * np.cos(1e6 * x), np.array([0.3, 0.1])),
    "logarithm near 0": (total(np.log), lambda x: 1 / x, np.array([1e-9, 1e-3, 2.0])),
    "edge of a domain": (lambda x: np.sum(x**1.5), lambda x: 1.5 * np.sqrt(x), np.array([0.0, 0.25])),
    "raises outside": (math.sqrt, lambda x: 0.5 / math.sqrt(x), 1e-3),
    "noisy": (lambda x: np.sum((1e8 + x) - 1e8), np.ones_like, X),
    "small on top of large": (lambda x: 1 + 1e-6 * np.sum(np.sin(x)), lambda x: 1e-6 * np.cos(x), X),
    "empty": (np.sum, np.ones_like, np.empty((0, 3))),
    "integers": (total(np.square), lambda x: 2 * x, [1, 2]),
    "tuple": (lambda a, b: np.sum(a @ b), lambda a, b: (np.ones((4, 2)) @ b.T, a.T @ np.ones((4, 2))), (X, X[:3, :2])),
    "dict": (lambda p: np.sum(p["a"] * p["b"]), lambda p: {"a": p["b"], "b": p["a"]}, {"a": X, "b": X + 1}),
}
WRONG = {
    "sign": (total(np.tanh), lambda x: np.tanh(x) ** 2 - 1, X),
    "factor": (total(np.square), lambda x: x, X),
    "1e-5 in one entry of 1,000": (total(np.sin), lambda x: np.cos(x) * (1 + 1e-5 * (np.arange(1000) == 77)), THOUSAND),
    "1e-7 everywhere": (total(np.sin), lambda x: np.cos(x) * (1 + 1e-7), X),
    "zeros": (total(np.tanh), np.zeros_like, X),
    "not a number": (total(np.tanh), lambda x: np.full_like(x, np.nan), X),
    "tiny, factor 2": (lambda x: 1e-9 * np.sum(np.sin(x)), lambda x: 2e-9 * np.cos(x), X),
    "tiny, 1e-5": (lambda x: 1e-9 * np.sum(np.sin(x)), lambda x: 1.00001e-9 * np.cos(x), X),
    "huge, 1e-5": (lambda x: 1e12 * np.sum(np.sin(x)), lambda x: 1.00001e12 * np.cos(x), X),
    "steep": (lambda x: np.sum(np.tanh(1e4 * x)), lambda x: 1.001e4 / np.cosh(1e4 * x) ** 2, np.array([1e-5, 2e-4])),
    "oscillating": (lambda x: np.sum(np.sin(1e6 * x)), lambda x: 1.001e6 * np.cos(1e6 * x), np.array([0.3, 0.1])),
    "outside of a kink": (total(relu), lambda x: np.where(x == 0, 1.5, x > 0), np.array([0.0, 1.0])),
    "near a kink": (total(np.abs), lambda x: 0.3 * np.sign(x), np.array([1e-5])),
    "a branch": (total(np.abs), np.ones_like, np.array([1.0, -1.0])),
    "one of two": (lambda a, b: np.sum(a * b), lambda a, b: (b, b), (X, X + 1)),
    "negative logarithm near 0": (total(np.log), lambda x: 1 / (x + 1e-10), np.array([1e-9, 2.0])),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_ones_pass(name):
    assert check_gradient(*RIGHT[name]).right


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_rejected(name):
    with pytest.raises(GradientError, match="differences say"):
        check_gradient(*WRONG[name])


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_vjp(x, u):
    s = softmax(x)
    return s * (u - (u * s).sum(axis=-1, keepdims=True))


def crelu_vjp(x, u):
    return u[:3] * (x > 0) - u[3:] * (x < 0)


def test_right_jacobians_pass():
    assert check_jacobian(softmax, softmax_vjp, X).right
    assert check_jacobian(lambda x: np.concatenate([relu(x), relu(-x)]), crelu_vjp, np.array([0.0, 1.0, -1.0])).right
    for seed in range(20):
        assert check_jacobian(lambda x: np.concatenate([relu(x), relu(-x)]), crelu_vjp, np.zeros(3), rng=seed).right


@pytest.mark.parametrize(
    "vjp",
    [
        lambda x, u: softmax(x) * u,  # not element-wise
        lambda x, u: np.zeros_like(x),  # right for an upstream of ones
        lambda x, u: softmax_vjp(x, np.ones_like(u)),
        lambda x, u: softmax_vjp(softmax(x), u),
    ],
)
def test_wrong_jacobians_are_rejected(vjp):
    with pytest.raises(GradientError):
        check_jacobian(softmax, vjp, X)


def test_a_gradient_of_another_shape_is_rejected():
    with pytest.raises(GradientError, match=r"∂C/∂x has shape \(3,\), x has \(4, 3\)"):
        check_gradient(np.sum, lambda x: np.ones(3), X)


def test_bad_input_is_a_clear_error():
    with pytest.raises(nn.ShapeError, match="check_jacobian"):
        check_gradient(np.sin, np.cos, X)
    with pytest.raises(nn.DtypeError, match="real numbers"):
        check_gradient(np.sum, np.ones_like, X + 1j)
    with pytest.raises(nn.InvalidValueError, match="not finite"):
        check_gradient(np.sum, np.ones_like, np.array([np.nan]))
    with pytest.raises(nn.ShapeError, match="expected 2 gradients, got 1"):
        check_gradient(lambda a, b: np.sum(a * b), lambda a, b: (b,), (X, X))


def test_several_results_are_a_clear_error():
    assert_says(
        lambda: check_gradient(lambda x: (np.sum(x**2), 2 * x), lambda x: 2 * x, X),
        nn.ShapeError,
        "check_gradient: expected a function of one number, <lambda> gives 2 results; if these are the value and the "
        "gradient, check_gradient(lambda x: f(x)[0], lambda x: f(x)[1], x)",
    )
    message = (
        "<lambda> gives 2 results, expected one array; check one of them, lambda x: f(x)[0], or all joined, "
        "np.concatenate([np.ravel(y) for y in f(x)])"
    )
    for f in (lambda x: (np.sin(x), x.sum()), lambda x: [np.sin(x), x.sum()], lambda x: {"sin": np.sin(x), "sum": 0}):
        assert_says(lambda f=f: check_jacobian(f, lambda x, u: u, X), nn.ShapeError, message)
    with pytest.raises(nn.DtypeError, match="gives None; expected a number or an array: is its return missing"):
        check_gradient(lambda x: None, lambda x: 2 * x, X)


def test_results_of_one_shape_are_an_array():
    assert check_jacobian(lambda x: (np.sin(x), np.cos(x)), lambda x, u: u[0] * np.cos(x) - u[1] * np.sin(x), X).right
    assert check_jacobian(lambda x, y: (x * y, x + y), lambda x, y, u: (u[0] * y + u[1], u[0] * x + u[1]), (1.0, 2.0))
    assert check_gradient(lambda x: (np.sum(x),), np.ones_like, X).right


@pytest.mark.parametrize("gradient", [np.zeros_like, np.ones_like, np.exp])
def test_a_function_that_is_not_finite_is_never_right(gradient):
    with np.errstate(all="ignore"):
        for f in (lambda x: np.exp(1000 + x).sum(), lambda x: np.nan, lambda x: -np.inf):
            with pytest.raises(
                GradientError, match=r"is not finite at this point \(1 of 1 values inf or nan\)"
            ) as caught:
                check_gradient(f, gradient, np.array([10.0, 2.0]))
            assert caught.value.cause == "not-finite" and not caught.value.report.right
        with pytest.raises(GradientError, match=r"\(1 of 2 values inf or nan\); choose another point") as caught:
            check_jacobian(np.log, lambda x, u: gradient(x), np.array([0.0, 1.0]))
        assert caught.value.cause == "not-finite"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.tanh(x.astype(np.float32)),
        lambda x: np.tanh(x.astype(np.float32)).astype(float),
        lambda x: np.tanh(x).astype(np.float32),
        lambda x: np.sum(np.float64(np.float32(x)) ** 2),
    ],
)
def test_a_function_that_rounds_to_float32_is_named_where_it_is_refused(f, seed):
    x = np.random.default_rng(seed).normal(size=(3, 3))
    x[0] *= seed % 2
    try:
        check_jacobian(f, lambda x, u: u * (1 - np.tanh(x) ** 2) if np.ndim(u) else 2 * u * x, x)
    except GradientError as error:
        assert error.cause == "dtype", error
    with pytest.raises(GradientError) as caught:
        check_jacobian(f, lambda x, u: u * (1.5 + x), x)
    assert caught.value.cause == "dtype" and "float32" in str(caught.value)


def test_a_function_in_float64_does_not_round():
    for f in (np.tanh, np.floor, lambda x: (1e8 + x) - 1e8, lambda x: 0 * x, np.sqrt):
        with pytest.raises(GradientError) as caught:
            check_jacobian(f, lambda x, u: u * (1.5 + x), np.array([0.5, 1.5, 2.0, 1e-9]))
        assert caught.value.cause != "dtype"


@pytest.mark.parametrize("error", [KeyError, TypeError, IndexError, ValueError, ZeroDivisionError])
def test_errors_in_the_users_code_stay_what_they_are(error):
    def fails(*arguments):
        raise error("mine")

    for x in (X, (X, 2), {"x": X}):
        for call in (
            lambda x=x: check_gradient(fails, np.ones_like, x),
            lambda x=x: check_gradient(lambda *p, **named: 1.0, fails, (X, X)),
            lambda x=x: check_jacobian(lambda *p, **named: np.ones(2), fails, (X, X)),
        ):
            with pytest.raises(error, match="mine") as caught:
                call()
            assert type(caught.value) is error


def test_the_report_says_where():
    with pytest.raises(GradientError) as caught:
        check_gradient(total(np.square), lambda x: 2 * x + (np.arange(3) == 1), np.array([1.0, 2.0, 3.0]))
    array = caught.value.report.arrays["x"]
    assert array.wrong == [(1,)] == [array.where]
    assert array.claimed == 5.0
    assert array.numeric == pytest.approx(4.0, abs=1e-9)
    assert "(1,)" in str(caught.value.report) and "wrong" in str(caught.value.report)
    assert array.evaluations > 12
    report = check_gradient(total(relu), lambda x: 1.0 * (x > 0), np.array([0.0, 1.0]))
    assert not report.arrays["x"].wrong


@pytest.mark.parametrize(
    ("vjp", "cause"),
    [
        (lambda x, u: 1 - np.tanh(x) ** 2, "upstream-ignored"),
        (lambda x, u: np.abs(u) * (1 - np.tanh(x) ** 2), "nonlinear"),
        (lambda x, u: -u * (1 - np.tanh(x) ** 2), "sign"),
        (lambda x, u: u * np.tanh(x) ** 2, "unknown"),
        (lambda x, u: u * (1 - np.tanh(np.tanh(x)) ** 2), "derivative-at-output"),
        (lambda x, u: 0 * u, "forgotten"),
    ],
)
def test_causes_of_wrong_jacobians(vjp, cause):
    with pytest.raises(GradientError) as caught:
        check_jacobian(np.tanh, vjp, X)
    assert caught.value.cause == cause


def test_the_cause_of_one_of_several_arguments():
    def product(a, b):
        return a * b

    with pytest.raises(GradientError) as caught:
        check_jacobian(product, lambda a, b, u: (u * b, a), (X, X + 3))
    assert [array.name for array in caught.value.report.wrong] == ["b"]
    assert caught.value.cause == "upstream-ignored"
    with pytest.raises(GradientError) as caught:
        check_jacobian(product, lambda a, b, u: (u * a, u * b), (X, X + 3))
    assert [cause.slug for cause in caught.value.report.causes] == ["swapped", "swapped"]
