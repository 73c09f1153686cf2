"""How finely the engine looks: single entries, large arrays, noise, complex numbers; and what it leaves as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
from testing.right import near

import tinynn as nn
from tinynn.testing import GradientError, check_gradient, check_jacobian, check_layer, from_callables

RNG = np.random.default_rng(11)


def off(gradient, where, share):
    """The gradient with one entry off by a share of itself."""

    def wrong(x):
        g = np.array(gradient(x))
        g.flat[where] *= 1 + share
        return g

    return wrong


def total_sine(x):
    return sum(float(v) for v in np.sin(x).flat) if x.size < 0 else np.sum(np.sin(np.real(x)))  # no complex numbers


# ---- how small an error is found ----------------------------------------------------------------
@pytest.mark.parametrize("share", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_one_entry_of_many_is_found(size, share, seed):
    rng = np.random.default_rng(seed)
    x, k = rng.normal(size=size), int(rng.integers(size))
    with pytest.raises(GradientError) as caught:
        check_gradient(total_sine, off(np.cos, k, share), x)
    assert caught.value.report.arrays["x"].wrong == [(k,)]


@pytest.mark.parametrize("share", [1.0, 1e-3, 1e-5])
@pytest.mark.parametrize("seed", range(5))
def test_one_entry_of_a_large_array_is_found_in_blocks(share, seed):
    rng = np.random.default_rng(seed)
    x, k = rng.normal(size=(20, 300)), int(rng.integers(6000))
    report = check_gradient(total_sine, np.cos, x)
    assert report.arrays["x"].method == "blocks" and report.evaluations < 3000
    with pytest.raises(GradientError) as caught:
        check_gradient(total_sine, off(np.cos, k, share), x)
    assert caught.value.report.arrays["x"].wrong == [tuple(int(i) for i in np.unravel_index(k, x.shape))]


def test_two_errors_that_cancel_are_found():
    x = RNG.normal(size=5000)

    def wrong(x):
        g = np.cos(x)
        g[17] += 0.5
        g[4321] -= 0.5
        return g

    with pytest.raises(GradientError) as caught:
        check_gradient(total_sine, wrong, x)
    assert set(caught.value.report.arrays["x"].wrong) == {(17,), (4321,)}


def test_every_entry_wrong_in_a_large_array():
    x = RNG.normal(size=5000)
    with pytest.raises(GradientError, match="constant factor 2") as caught:
        check_gradient(total_sine, lambda x: 2 * np.cos(x), x)
    assert len(caught.value.report.arrays["x"].wrong) > 200


def test_kinks_in_a_large_array():
    x = near(np.random.default_rng(3), 0.0, shape=3000)
    assert check_jacobian(lambda x: np.maximum(x, 0), lambda x, u: u * (x > 0), x).right
    with pytest.raises(GradientError):
        check_jacobian(lambda x: np.maximum(x, 0), lambda x, u: u * (x > 0.01), x)


@pytest.mark.parametrize("scale", [1e-12, 1e-9, 1e9, 1e12])
def test_the_verdict_does_not_depend_on_the_scale(scale):
    x = RNG.normal(size=5)
    assert check_jacobian(lambda x: scale * np.tanh(x), lambda x, u: scale * u / np.cosh(x) ** 2, x).right
    for wrong in (0.0, 0.5, 1.00001, 2.0):
        with pytest.raises(GradientError):
            check_jacobian(lambda x: scale * np.tanh(x), lambda x, u, w=wrong: w * scale * u / np.cosh(x) ** 2, x)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9, 1e11])
@pytest.mark.parametrize("seed", range(3))
def test_a_large_constant_hides_no_wrong_derivative(offset, seed):
    x = np.random.default_rng(seed).normal(size=5)
    assert check_jacobian(lambda x: offset + np.sin(x), lambda x, u: u * np.cos(x), x).right
    for wrong in (0.0, 2.0, -1.0):
        with pytest.raises(GradientError):
            check_jacobian(lambda x: offset + np.sin(x), lambda x, u, w=wrong: w * u * np.cos(x), x)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-12])
def test_near_the_edge_of_a_domain(distance):
    x = np.array([-1 + distance, 0.5])
    assert check_gradient(lambda x: np.sum(np.log1p(x)), lambda x: 1 / (1 + x), x).right
    with pytest.raises(GradientError):
        check_gradient(lambda x: np.sum(np.log1p(x)), lambda x: 1 / (1 + x + distance), x)


def test_rounding_is_no_straight_through_estimator():
    x = RNG.normal(size=6)
    assert check_jacobian(np.round, lambda x, u: 0 * u, x).right
    with pytest.raises(GradientError):
        check_jacobian(np.round, lambda x, u: u, x)


def test_the_users_seed_is_not_the_kits():
    """With the numbers of default_rng(0) as both x and the upstream gradient, a transposed product would pass."""
    a, b = np.random.default_rng(0).normal(size=(2, 3, 3))
    with pytest.raises(GradientError):
        check_jacobian(lambda a, b: a @ b, lambda a, b, u: (u @ b.T, u.T @ a), (a, b))


# ---- complex numbers ----------------------------------------------------------------------------
def test_the_complex_step_is_taken_where_code_lets_it():
    x = RNG.normal(size=20)
    report = check_gradient(lambda x: np.sum(np.exp(np.sin(x))), lambda x: np.cos(x) * np.exp(np.sin(x)), x)
    array = report.arrays["x"]
    assert array.method == "complex step"
    assert array.largest_error < 1e-14 and array.noise < 1e-13
    assert report.evaluations < 6 * x.size


@pytest.mark.parametrize(
    ("f", "without"),
    [
        (lambda x: np.sum(x**2) + np.sum(np.abs(x)), lambda x: 2 * x),
        (lambda x: np.sum(x**2) + 1e-3 * np.sum(x.real), lambda x: 2 * x),
        (lambda x: np.sum(x**2) + np.sum(np.asarray(x, dtype=float)), lambda x: 2 * x),
        (lambda x: np.sum(x * np.conj(x)).real, lambda x: 0 * x),
        (lambda x: np.sum(x**2 + 0.1 * np.maximum(x.real, 0)), lambda x: 2 * x),
    ],
)
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_a_complex_step_that_loses_a_term_is_not_believed(f, without):
    with pytest.raises(GradientError):
        check_gradient(f, without, RNG.normal(size=20))


# ---- what goes in stays as it is -----------------------------------------------------------------
def test_nothing_of_the_callers_changes():
    x = RNG.normal(size=(4, 3))
    layer = nn.Sequential(nn.Dense(3, 4, rng=0), nn.Dropout(0.5, rng=1), nn.Dense(4, 2, rng=2))
    state, kept = layer.state_dict(), x.copy()
    grads = [p.grad.copy() for p in layer.parameters()]
    generator = layer[1].rng.bit_generator.state
    numpy_state, python_state = np.random.get_state()[1].copy(), random.getstate()
    assert check_layer(layer, x).right
    np.testing.assert_array_equal(x, kept)
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    for p, grad in zip(layer.parameters(), grads, strict=True):
        np.testing.assert_array_equal(p.grad, grad)
        assert p.dtype == np.float32
    assert layer[1].rng.bit_generator.state == generator
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert random.getstate() == python_state


def test_global_generators_are_put_back():
    def forward(x):
        mask = np.random.random(x.shape) < 0.5
        return x * mask, mask

    expected = np.random.RandomState()
    expected.set_state(np.random.get_state())
    assert check_layer(from_callables(forward, lambda grad, mask: grad * mask), input_shape=(4, 3)).right
    with pytest.raises(GradientError):
        check_layer(from_callables(forward, lambda grad, mask: 2 * grad * mask), input_shape=(4, 3))
    assert np.random.random(5).tolist() == expected.random_sample(5).tolist()


def test_the_same_check_gives_the_same_report():
    layer = nn.Dense(3, 4, rng=0)
    assert str(check_layer(layer, input_shape=(5, 3))) == str(check_layer(layer, input_shape=(5, 3)))
    assert str(check_layer(layer, input_shape=(5, 3), rng=1)) != str(check_layer(layer, input_shape=(5, 3)))


# ---- many kinks, small terms, tails -----------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
def test_one_entry_among_many_kinks(seed):
    rng = np.random.default_rng(seed)
    x, c = rng.normal(size=(2, 50_000))
    k = int(rng.choice(np.flatnonzero(x > 0.1)))

    def f(x):
        return np.sum(c * np.maximum(x, 0))

    assert check_gradient(f, lambda x: c * (x > 0), x).right
    with pytest.raises(GradientError) as caught:
        check_gradient(f, off(lambda x: c * (x > 0), k, 0.5), x)
    assert caught.value.report.arrays["x"].wrong == [(k,)]


def test_a_relu_of_many_zeros():
    x = np.maximum(np.random.default_rng(0).normal(size=(8, 400)), 0)
    assert check_layer(nn.ReLU(), x).right


def test_an_infinite_entry_of_many():
    x = RNG.normal(size=5000)
    for what in (np.inf, -np.inf, np.nan):
        with pytest.raises(GradientError) as caught:
            check_gradient(total_sine, off(np.cos, 7, what), x)
        assert caught.value.cause == "not-finite"


@pytest.mark.parametrize("term", [lambda x: np.abs(x[0]), lambda x: np.linalg.norm(x), lambda x: np.vdot(x, x).real])
def test_a_small_term_that_the_complex_step_loses(term):
    x = RNG.normal(size=10)
    with pytest.raises(GradientError):
        check_gradient(lambda x: 1e3 * np.sum(x**2) + 1e-4 * term(x), lambda x: 2e3 * x, x)


@pytest.mark.parametrize("at", [-24.0, -28.0, -30.0, -33.0])
def test_a_tail_far_below_the_largest_entry(at):
    x = np.array([0.0, 1.0, -0.5, at])
    assert check_jacobian(np.exp, lambda x, u: u * np.exp(x), x).right
    with pytest.raises(GradientError):
        check_jacobian(np.exp, lambda x, u: u * np.exp(x) * np.where(x < -15, 1.5, 1), x)


@pytest.mark.parametrize("seed", [2006, *range(20)])
def test_rounding_inside_that_hides_by_accident(seed):
    x = np.random.default_rng(seed).normal(size=6)
    assert check_gradient(lambda x: np.sum((1e8 + x) - 1e8), np.ones_like, x).right


@pytest.mark.parametrize("size", [1e-6, 1e-9, 1e-10, 1e-12])
def test_close_to_a_stationary_point(size):
    x = np.array([0.3, -1.0, 0.7]) * size
    assert check_gradient(lambda x: np.log(1 + x @ x), lambda x: 2 * x / (1 + x @ x), x).right
    assert check_gradient(lambda x: -3 * np.log(1 + x * x / 5).sum(), lambda x: -6 * x / 5 / (1 + x * x / 5), x).right
    with pytest.raises(GradientError):
        check_gradient(lambda x: np.log(1 + x @ x), lambda x: 1e-3 + 2 * x / (1 + x @ x), x)
