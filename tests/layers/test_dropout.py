"""Dropout: how often, how much, and whose random numbers."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_and_scale(rate, dtype):
    layer, n = nn.Dropout(rate, rng=0), 20_000
    y = layer.forward(np.full((n, 1), 3.0, dtype))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 3 / (1 - rate), rtol=1e-6)
    spread = np.sqrt(rate * (1 - rate) / n)
    assert abs(kept.mean() - (1 - rate)) < 5 * spread
    grad = layer.backward(np.full((n, 1), 2.0, dtype))
    np.testing.assert_array_equal(grad != 0, kept)
    np.testing.assert_allclose(grad[kept], 2 / (1 - rate), rtol=1e-6)


def test_the_limits():
    x = np.arange(1.0, 7.0).reshape(2, 3)
    np.testing.assert_array_equal(nn.Dropout(0.0).forward(x), x)
    gone = nn.Dropout(1.0)
    np.testing.assert_array_equal(gone.forward(x), 0 * x)
    np.testing.assert_array_equal(gone.backward(x), 0 * x)


def test_a_new_mask_each_time():
    layer, x = nn.Dropout(0.5, rng=0), np.ones((1, 64))
    first = layer.forward(x).copy()
    assert (layer.forward(x) != first).any()


def test_evaluation_mode_is_the_identity():
    layer, x = nn.Dropout(0.9, rng=0).eval(), np.ones((2, 5))
    state = layer.rng.bit_generator.state
    np.testing.assert_array_equal(layer.forward(x), x)
    assert layer.rng.bit_generator.state == state


def test_the_generator():
    x = np.ones((1, 64))
    np.testing.assert_array_equal(nn.Dropout(rng=4).forward(x), nn.Dropout(rng=4).forward(x))
    np.testing.assert_array_equal(nn.Dropout(rng=4).forward(x), nn.Dropout(rng=np.random.default_rng(4)).forward(x))
    assert (nn.Dropout(rng=4).forward(x) != nn.Dropout(rng=5).forward(x)).any()
    # What one layer draws does not move another's numbers, though both come from one seed.
    lone, busy = (nn.Sequential(nn.Dropout(), nn.Dropout(), rng=1) for _ in range(2))
    busy[0].forward(x)
    np.testing.assert_array_equal(lone[1].forward(x), busy[1].forward(x))


@pytest.mark.parametrize("rate", [-0.1, 1.1, np.nan, "half", None])
def test_a_rate_outside_0_to_1_is_an_error(rate):
    with pytest.raises(nn.TinynnError, match="Dropout: rate must"):
        nn.Dropout(rate)


def test_repr():
    assert repr(nn.Dropout()) == "Dropout(0.5)"
    assert eval(repr(nn.Dropout(0.25)), vars(nn)).rate == 0.25
