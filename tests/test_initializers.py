"""Initializers: the spread that the papers ask for, ranges, orthogonality, errors."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import tinynn as nn
from tinynn import initializers

SHAPE = (300, 200)  # (out, in): fan_in 200, fan_out 300
NORMAL = {
    "glorot_normal": 2 / 500,
    "he_normal": 2 / 200,
    "lecun_normal": 1 / 200,
    "nielsen()": 1.0,
    "nielsen(scaled=True)": 1 / 200,
}
UNIFORM = {"glorot_uniform": 2 / 500, "he_uniform": 2 / 200, "lecun_uniform": 1 / 200}


def made(code, shape=SHAPE, seed=0, dtype=np.float64):
    return eval(code, vars(initializers))(shape, np.random.default_rng(seed), dtype)


def test_every_initializer_has_its_row_here():
    tested = {code.split("(")[0] for code in (*NORMAL, *UNIFORM)} | {"zeros", "constant", "orthogonal"}
    assert tested == set(initializers.__all__), "add the new initializer to NORMAL, UNIFORM or a test of its own"


@pytest.mark.parametrize("code", [*NORMAL, *UNIFORM])
def test_mean_and_variance(code):
    """Within five standard deviations of the sample's own mean and variance."""
    w, variance = made(code, (3000, 2000)), (NORMAL | UNIFORM)[code]
    variance = variance if variance == 1 else variance / 10
    assert abs(w.mean()) < 5 * math.sqrt(variance / w.size)
    kurtosis = 2.0 if code in NORMAL else 0.8  # of a normal and of a uniform distribution, minus 1
    assert abs(w.var() - variance) < 5 * variance * math.sqrt(kurtosis / w.size)


@pytest.mark.parametrize("code", NORMAL)
def test_normal_numbers_lie_where_normal_numbers_lie(code):
    w = made(code) / math.sqrt(NORMAL[code])
    assert (np.abs(w) < 1).mean() == pytest.approx(0.6827, abs=0.01)
    assert (np.abs(w) < 2).mean() == pytest.approx(0.9545, abs=0.01)


@pytest.mark.parametrize("code", UNIFORM)
def test_uniform_numbers_fill_their_range(code):
    w, radius = made(code), math.sqrt(3 * UNIFORM[code])
    assert np.abs(w).max() <= radius
    assert np.histogram(w, 10, (-radius, radius))[0] == pytest.approx(w.size / 10, rel=0.1)


@pytest.mark.parametrize("code", [*NORMAL, *UNIFORM, "orthogonal", "zeros", "constant(0.5)"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_dtype_and_seed(code, dtype):
    w = made(code, (4, 3), dtype=dtype)
    assert (w.shape, w.dtype) == ((4, 3), dtype)
    np.testing.assert_array_equal(made(code, (4, 3), dtype=dtype), w)
    np.testing.assert_allclose(made(code, (4, 3)), w, rtol=1e-6)
    if code not in ("zeros", "constant(0.5)"):
        assert (made(code, (4, 3), seed=1, dtype=dtype) != w).any()


def test_kernels_count_as_inputs():
    """(out, in, height, width): fan_in = in · height · width, fan_out likewise."""
    w = made("he_normal", (50, 8, 5, 5))
    assert w.var() == pytest.approx(2 / 200, rel=0.05)
    w = made("glorot_uniform", (8, 50, 5, 5))
    assert w.var() == pytest.approx(2 / (1250 + 200), rel=0.05)


def test_nielsen_s_biases_stay_standard_normal():
    for code in ("nielsen()", "nielsen(scaled=True)"):
        assert made(code, (10_000,)).std() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 3), (6, 2, 2), (2, 3, 2)])
def test_orthogonal(shape):
    w = made("orthogonal", shape)
    assert w.shape == shape
    w = w.reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-14)


def test_orthogonal_matrices_are_uniform():
    """Without the signs of R's diagonal, 2 × 2 matrices would all have one sign in a corner."""
    corners = np.array([made("orthogonal", (2, 2), seed)[0, 0] for seed in range(200)])
    assert 60 < (corners > 0).sum() < 140
    assert abs(corners.mean()) < 0.25


def test_zeros_and_constant():
    assert not made("zeros").any()
    assert (made("constant(0.5)") == 0.5).all()
    for wrong in (math.nan, math.inf):
        with pytest.raises(nn.InvalidValueError, match="constant: value must be finite"):
            initializers.constant(wrong)


@pytest.mark.parametrize("code", [code for code in (*NORMAL, *UNIFORM, "orthogonal") if "(" not in code])
def test_a_bias_is_no_matrix(code):
    with pytest.raises(nn.ShapeError, match=r"needs a weight of shape \(out, in\), got \(3,\); for a bias take zeros"):
        made(code, (3,))
    with pytest.raises(nn.ShapeError, match="for a bias take zeros"):
        nn.Dense(3, 2, bias_initializer=getattr(initializers, code))


@pytest.mark.parametrize("code", [*NORMAL, *UNIFORM, "orthogonal"])
def test_dense_keeps_its_memory_order(code):
    start = eval(code, vars(initializers))
    layer = nn.Dense(3, 2, weight_initializer=start, rng=0)
    assert layer.weight.value.flags.f_contiguous
    np.testing.assert_array_equal(layer.weight.value, start((2, 3), np.random.default_rng(0), np.float32))


@pytest.mark.parametrize("code", ["nielsen(scaled=True)", "constant(0.5)", "glorot_uniform"])
def test_initializers_can_be_pickled(code):
    start = eval(code, vars(initializers))
    again = pickle.loads(pickle.dumps(start))
    np.testing.assert_array_equal(
        again((2, 3), np.random.default_rng(0), np.float64), start((2, 3), np.random.default_rng(0), np.float64)
    )
    if "(" in code:
        assert repr(start) == code
