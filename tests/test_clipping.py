"""clip_norm and clip_value: what they bound, what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import values
from hypothesis import given
from hypothesis import strategies as st

import tinynn as nn

GRADIENTS = st.integers(1, 6).flatmap(lambda n: values((n,)))


@given(GRADIENTS, st.floats(0.01, 100))
def test_clip_norm(gradient, maximum):
    """No longer than the maximum, the same direction, the old norm returned; a short one is left as it is."""
    clipped = gradient.copy()
    norm = nn.clip_norm(clipped, maximum)
    assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-14)
    if norm <= maximum * (1 - 1e-6) - 1e-6:
        np.testing.assert_array_equal(clipped, gradient)
    else:
        np.testing.assert_allclose(clipped, gradient * (maximum / (norm + 1e-6)), rtol=1e-12)
    assert np.linalg.norm(clipped) <= maximum


@given(GRADIENTS, st.floats(0, 10))
def test_clip_value(gradient, maximum):
    clipped = gradient.copy()
    assert nn.clip_value(clipped, maximum) is None
    np.testing.assert_array_equal(clipped, np.clip(gradient, -maximum, maximum))


def test_an_optimizer_s_vector_is_clipped_for_all_parameters_at_once():
    listed = [nn.Parameter(np.zeros((2, 2))), nn.Parameter(np.zeros(1))]
    optimizer = nn.SGD(listed, 1.0)
    optimizer.vector.grad[:] = [1.0, 2.0, 2.0, 4.0, 0.0]
    assert nn.clip_norm(optimizer.vector, 1.0) == 5.0
    np.testing.assert_allclose(listed[0].grad.ravel(), np.array([1, 2, 2, 4]) / 5, rtol=1e-6)
    nn.clip_value(optimizer.vector, 0.5)
    np.testing.assert_allclose(listed[0].grad.ravel(), [0.2, 0.4, 0.4, 0.5], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squares_that_overflow_are_no_infinite_norm(dtype):
    large = float(np.finfo(dtype).max) / 8
    gradient = np.array([3 * large / 4, large], dtype)
    assert nn.clip_norm(gradient, 5.0) == pytest.approx(1.25 * large, rel=1e-6)
    np.testing.assert_allclose(gradient, [3.0, 4.0], rtol=1e-6)
    assert gradient.dtype == dtype


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_left_as_it_was(bad):
    gradient = np.array([3.0, bad])
    with pytest.raises(nn.DivergedError, match="the gradient's norm is"):
        nn.clip_norm(gradient, 1.0)
    np.testing.assert_array_equal(gradient, [3.0, bad])


@pytest.mark.parametrize("maximum", [0.0, -1.0, np.nan])
def test_maxima_out_of_range(maximum):
    with pytest.raises(nn.InvalidValueError, match="clip_norm: maximum must be"):
        nn.clip_norm(np.ones(2), maximum)
    if maximum != 0:
        with pytest.raises(nn.InvalidValueError, match="clip_value: maximum must be"):
            nn.clip_value(np.ones(2), maximum)


@pytest.mark.parametrize("clip", [nn.clip_norm, nn.clip_value])
@pytest.mark.parametrize("wrong", [[1.0, 2.0], np.arange(3), None])
def test_only_floating_arrays_can_be_clipped_in_place(clip, wrong):
    with pytest.raises(nn.DtypeError, match="expected a floating array or an optimizer's vector"):
        clip(wrong, 1.0)
