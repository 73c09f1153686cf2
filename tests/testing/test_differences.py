"""Derivatives from values alone: what the tableau, the two ladders and the measured noise make of made-up functions."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn.testing import check_gradient
from tinynn.testing.complexstep import complex_step
from tinynn.testing.descent_laws import _bowl, _valley
from tinynn.testing.differences import LADDERS, RUNGS, Estimate, Slopes, _agreed, extrapolated, slopes
from tinynn.testing.noise import Noise
from tinynn.testing.prober import Claim, Prober


def rise_of(f, at=0.0):
    def rise(step):
        return float(f(at + step) - f(at)), step

    return rise


# ---- extrapolation ------------------------------------------------------------------------------
@pytest.mark.parametrize(("ratio", "power"), [(4, 2), (2, 1)])
def test_a_series_in_the_step_is_summed(ratio, power):
    h = 0.25 * RUNGS
    quotients = 3.0 + 2 * h**power - 5 * h ** (2 * power) + 0.5 * h ** (3 * power)
    limit = extrapolated(quotients, 1e-17 / h, ratio)
    assert abs(limit.value - 3) <= limit.error < 1e-12


def test_noise_stays_in_the_error():
    h = 0.25 * RUNGS
    sharp, blurred = (extrapolated(1 + h**2, noise / h, 4) for noise in (1e-15, 1e-6))
    assert sharp.error < 1e-12 and 1e-6 < blurred.error < 1e-4


def test_what_is_not_finite_is_passed_over():
    h = 0.25 * RUNGS
    quotients = 1 + h**2
    quotients[:2] = np.nan
    assert extrapolated(quotients, 1e-17 / h, 4).value == pytest.approx(1, abs=1e-12)
    nothing = extrapolated(np.full(9, np.inf), h, 4)
    assert np.isnan(nothing.value) and nothing.error == np.inf


def test_the_smallest_doubt_wins():
    assert extrapolated(np.array([2.0, 2.0]), np.zeros(2), 4) == Estimate(2.0, 0.0)
    two = extrapolated(np.array([2.0, 1.0]), np.zeros(2), 4)
    assert two == Estimate(pytest.approx(2 / 3), pytest.approx(8 / 3))
    noisy = extrapolated(np.array([1.0, 1.0]), np.array([0.1, 0.2]), 4)
    assert noisy.error == pytest.approx((4 * 0.2 + 0.1) / 3)


# ---- both sides ---------------------------------------------------------------------------------
@pytest.mark.parametrize("reach", [1.0, 1e-3])
def test_slopes_of_a_smooth_function_and_at_a_kink(reach):
    smooth = slopes(rise_of(np.sin, 0.4), reach, 1e-17)
    for seen in smooth:
        assert abs(seen.value - np.cos(0.4)) <= max(seen.error, 1e-13)
    assert not smooth.kinked
    bent = slopes(rise_of(lambda t: np.maximum(2 * t, -3 * t)), reach, 1e-17)
    assert bent.kinked
    assert (bent.left.value, bent.right.value) == (pytest.approx(-3), pytest.approx(2))
    assert bent.central.value == pytest.approx(-0.5)


def test_a_kink_is_what_exceeds_four_times_the_doubt():
    def pair(distance, left=0.1, right=0.1):
        return Slopes(Estimate(0, 0), Estimate(1.0, left), Estimate(1 + distance, right))

    assert pair(0.81).kinked and not pair(0.79).kinked
    assert pair(-0.81).kinked and not pair(-0.79).kinked
    assert not pair(0.81, right=0.2).kinked and not pair(0.81, left=0.2).kinked


def test_the_ladders_have_no_step_in_common():
    assert not set(LADDERS[0] * RUNGS) & set(LADDERS[1] * RUNGS)
    assert len(RUNGS) == 9 and RUNGS[0] == 1 and RUNGS[8] == 2.0**-8


def test_two_estimates_that_contradict_one_another():
    near, far = Estimate(1.0, 0.1), Estimate(1.5, 0.2)
    assert _agreed(near, far) == _agreed(far, near) == Estimate(1.0, 0.5)
    assert _agreed(near, Estimate(1.25, 0.2)) == near
    assert _agreed(near, Estimate(np.nan, np.inf)) == near
    assert _agreed(Estimate(0.9, 0.3), Estimate(1.0, 0.2)) == Estimate(1.0, 0.2)


# ---- noise --------------------------------------------------------------------------------------
def noise_of(f, x=0.5, reach=1.0):
    value = np.array([x])
    return Noise(Prober(Claim("x", value, f, np.ones(1), np.zeros(1))), 0).at(reach)


def test_the_noise_of_a_smooth_function_is_that_of_rounding():
    assert 1e-16 < noise_of(np.sin) < 1e-14
    assert noise_of(lambda x: 1e6 * np.sin(x)) == pytest.approx(1e6 * noise_of(np.sin), rel=0.5)


def test_noise_that_the_size_of_the_output_does_not_show():
    assert 1e-8 < noise_of(lambda x: (1e8 + x) - 1e8) < 1e-6


def test_noise_of_a_grid_is_its_mesh():
    assert 0.9e-3 < noise_of(lambda x: np.round(x, 3), 0.5004) < 4.1e-3
    assert noise_of(lambda x: np.floor(x), 0.5, 1e-3) < 1e-14


# ---- the complex step ---------------------------------------------------------------------------
def stepped(f, value, upstream, gradient=None):
    claim = Claim("x", value, f, upstream, np.zeros_like(value), analytic=True)
    prober = Prober(claim)
    with np.errstate(all="ignore"):
        return complex_step(claim, prober, np.arange(value.size)), prober.evaluations


X, U = np.linspace(-3, 2, 10), np.linspace(1, 2, 10)


def test_the_complex_step_is_exact_to_rounding():
    found, evaluations = stepped(np.sin, X, U)
    np.testing.assert_allclose(found, U * np.cos(X), rtol=1e-14)
    assert evaluations == 1 + 2 * (1 + 4) + 10
    large, _ = stepped(np.square, 1e3 * X, U)
    np.testing.assert_allclose(large, 2e3 * U * X, rtol=1e-14)


@pytest.mark.parametrize(
    "f",
    [
        np.abs,
        lambda x: np.real(x) ** 2 + 0 * x,
        lambda x: np.asarray(x, float),
        lambda x: np.sin(x.astype(float)),
        lambda x: np.maximum(x.real, 0) + x,
        lambda x: 1 / 0 if np.iscomplexobj(x) else x,
    ],
)
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_code_that_loses_the_imaginary_part_is_not_believed(f):
    assert stepped(f, X, U)[0] is None


def test_few_entries_are_not_worth_it():
    assert stepped(np.sin, X[:7], U[:7])[0] is None
    assert stepped(np.sin, X[:8], U[:8])[0] is not None


# ---- the costs that optimizers go down ------------------------------------------------------------
@pytest.mark.parametrize("f", [_bowl, _valley])
def test_gradients_of_the_costs(f):
    for point in ((-1.2, 1.0), (1.0, -2.0), (0.3, 0.7)):
        assert check_gradient(lambda w: f(w)[0], lambda w: f(w)[1], np.array(point)).right
    assert _bowl(np.array([1.0, -2.0])) == (20.5, pytest.approx([1.0, -20.0]))
    assert _valley(np.array([-1.2, 1.0]))[0] == pytest.approx(24.2)
    assert _valley(np.ones(2))[0] == 0 == _bowl(np.zeros(2))[0]


# ---- the prober -----------------------------------------------------------------------------------
def prober_of(f, value, upstream):
    return Prober(Claim("x", value, f, upstream, np.zeros_like(value)))


def test_a_rise_and_its_true_step():
    prober = prober_of(np.square, np.array([1e8, 3.0]), np.array([1.0, 2.0]))
    outputs, taken = prober.rise(1, 0.5)
    np.testing.assert_array_equal(outputs, [0.0, 3.25])
    assert taken == 0.5
    assert prober.rise(0, 1e-9)[1] == 0.0 and np.isnan(prober.projected(0, 1e-9)[0])
    assert prober.rise(0, 2e-8)[1] == 2.0**-26 * round(2e-8 * 2**26)
    assert prober.projected(1, 0.5) == (6.5, 0.5)
    assert prober.evaluations == 1 + 5


def test_outside_of_the_domain_a_rise_is_none():
    def root(x):
        if x[0] < 0:
            raise ValueError("negative")
        return np.sqrt(x)

    prober = prober_of(root, np.array([0.25]), np.ones(1))
    assert prober.rise(0, -0.5) == (None, -0.5)
    assert np.isnan(prober.projected(0, -0.5)[0]) and prober.projected(0, -0.5)[1] == -0.5


def test_the_quick_look_gives_derivatives_noise_kinks_and_the_jacobian():
    x = np.array([0.5, -2.0, 0.0, 1e-4])
    looks = prober_of(lambda x: np.maximum(x, 0) + 0.1 * x, x, np.array([1.0, 1.0, 2.0, 1.0])).quick(np.arange(4))
    np.testing.assert_allclose(looks.numeric[:2], [1.1, 0.1], rtol=1e-12)
    assert looks.kinks.tolist() == [False, False, True, True]
    assert looks.jacobian.shape == (4, 4)
    np.testing.assert_allclose(np.diag(looks.jacobian)[:2], [1.1, 0.1], rtol=1e-12)
    assert np.all(looks.noise < 1e-11) and np.all(looks.noise > 1e-15)


def test_the_noise_of_the_quick_look_is_that_of_the_outputs_that_move():
    x, u = np.array([0.5, 0.5]), np.array([1.0, 1.0])
    noise = prober_of(lambda x: np.array([np.sin(x[0]), 1e6 + np.sin(x[1])]), x, u).quick(np.arange(2)).noise
    assert noise[1] / noise[0] == pytest.approx(1e6 / np.sin(0.5), rel=0.01)
    still = prober_of(lambda x: np.array([1e6 + 0 * x[0]]), np.array([0.5]), np.ones(1))
    assert still.quick(np.arange(1)).noise[0] == pytest.approx(1e6 * 4 * 16 * 2.0**-52 / 2.0**-8)


def test_the_quick_look_sees_bends_that_are_no_kinks():
    for f in (np.exp, np.square, lambda x: np.sin(30 * x), lambda x: 1e9 * x**3):
        assert not prober_of(f, np.array([0.3, -0.7]), np.ones(2)).quick(np.arange(2)).kinks.any()


def test_what_an_entry_can_reach():
    x = np.array([0.0, 5.0])
    prober = prober_of(lambda x: np.array([3.0 + np.maximum(x[0] - 50, 0), 2 * x[1]]), x, np.array([2.0, 1.0]))
    assert prober.reached(0) == 6.0
    assert prober.reached(1) == 2.0
