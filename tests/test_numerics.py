"""The functions and activations against 40 digits of mpmath and against SciPy, without a warning."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
from accuracy import assert_accurate, exact, grid, logistic, soft_rectifier
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tinynn as nn
from tinynn import _numerics

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@pytest.fixture(autouse=True)
def no_floating_point_surprise():
    """Overflow, division by zero and nan are errors; numbers too small to hold are 0."""
    with np.errstate(all="raise", under="ignore"):
        yield


# ---- the functions ------------------------------------------------------------------------------
def run(function, z, outputs=1, scratch=1):
    """The function's outputs; the scratch arrays start as garbage."""
    arrays_ = [np.full_like(z, 1e30) for _ in range(outputs + scratch)]
    function(z, *arrays_)
    return arrays_[0] if outputs == 1 else tuple(arrays_[:outputs])


@DTYPES
def test_sigmoid(dtype):
    z = grid(dtype)
    assert_accurate(run(_numerics.sigmoid, z), exact(logistic, z), 4)


@DTYPES
def test_softplus(dtype):
    z = grid(dtype)
    assert_accurate(run(_numerics.softplus, z), exact(soft_rectifier, z), 4)


@DTYPES
def test_normal_cdf(dtype):
    """The exponent −z²/2 is rounded, hence z²/4 roundings of the result beside the usual few."""
    z = grid(dtype)
    cdf, density = run(_numerics.normal_cdf, z, outputs=2)
    rounded = np.where(abs(z) < 40, z, 0).astype(np.float64) ** 2 / 4
    assert_accurate(cdf, exact(mp.ncdf, z), 4 + rounded)
    assert_accurate(density, exact(lambda u: mp.exp(-u * u / 2), z), 2 + rounded)


@DTYPES
def test_softmax(dtype):
    z = np.array(
        [
            [0, 0, 0, 0],
            [1e4, -1e4, 9999, 0],
            [-1e4, -1e4, -1e4, -10010],
            [1e30, -1e30, 0, 1e30],
            [0, -50, -87, -103],
            [3, -0.5, 20, 1e-20],
        ],
        dtype,
    )
    p = np.empty_like(z)
    row = np.empty((len(z), 1), dtype)
    _numerics.softmax(z, p, row)
    with mp.workdps(40):
        powers = [[mp.exp(mp.mpf(float(v)) - mp.mpf(float(max(values)))) for v in values] for values in z]
        expected = np.array([[float(e / mp.fsum(values)) for e in values] for values in powers])
    assert_accurate(p, expected, 8)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)
    assert_accurate(row[:, 0], np.array([float(mp.fsum(values)) for values in powers]), 4)


@DTYPES
@given(data=st.data())
def test_against_scipy(dtype, data):
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
    z = data.draw(arrays(dtype, shape, elements=st.floats(-1e4, 1e4, width=32)))
    wide, row = z.astype(np.float64), np.empty((len(z), 1), dtype)
    # SciPy gives 0 for what float64 can hold as a denormal number alone, and its ndtr is the less accurate one.
    assert_accurate(run(_numerics.sigmoid, z), sc.expit(wide), 8, atol=1e-307)
    assert_accurate(run(_numerics.softplus, z), np.logaddexp(0, wide), 8)
    rounded = np.where(abs(z) < 40, z, 0).astype(np.float64) ** 2 / 4
    assert_accurate(run(_numerics.normal_cdf, z, scratch=2), sc.ndtr(wide), 16 + 5 * rounded, atol=1e-307)
    p = np.empty_like(z)
    _numerics.softmax(z, p, row)
    # z − max z is rounded, which the exponential turns into a relative error of that size.
    assert_accurate(p, sc.softmax(wide, axis=1), 16 + abs(wide - wide.max(axis=1, keepdims=True)))


# ---- the activations ----------------------------------------------------------------------------
SELU_ALPHA, SELU_SCALE = mp.mpf("1.67326324235437728481704"), mp.mpf("1.05070098735548049341933")


def elu(z, alpha=1):
    return z if z > 0 else alpha * mp.expm1(z)


def gelu_tanh(z):
    return z * logistic(2 * mp.sqrt(2 / mp.pi) * (z + mp.mpf("0.044715") * z**3))


#: (the layer, its function, whether its values are right relative to themselves, roundings of the derivative
#: relative to 1 or to itself, whichever is larger). A sum such as ½ + ½ tanh loses the far left tail.
ACTIVATIONS = [
    (nn.Sigmoid(), logistic, False, 2),
    (nn.Tanh(), mp.tanh, True, 4),
    (nn.ReLU(), lambda z: max(z, 0), True, 0),
    (nn.LeakyReLU(0.125), lambda z: max(z, z / 8), True, 0),
    (nn.ELU(), elu, True, 4),
    (nn.ELU(0.75), lambda z: elu(z, mp.mpf(0.75)), True, 4),
    (nn.SELU(), lambda z: SELU_SCALE * elu(z, SELU_ALPHA), True, 8),
    (nn.GELU(), lambda z: z * mp.ncdf(z), True, 8),
    (nn.GELU("tanh"), gelu_tanh, False, 100),
    (nn.SiLU(), lambda z: z * logistic(z), True, 8),
    (nn.Softplus(), soft_rectifier, True, 4),
    (nn.Softplus(2.0), lambda z: soft_rectifier(2 * z) / 2, True, 4),
    (nn.HardSigmoid(), lambda z: min(max(z + 3, 0), 6) / 6, False, 2),
]
every_activation = pytest.mark.parametrize("row", ACTIVATIONS, ids=[repr(row[0]) for row in ACTIVATIONS])


@DTYPES
@every_activation
def test_activation(row, dtype):
    layer, function, relative, _ = row
    z = grid(dtype)
    # GELU's tail has the exponent −z²/2; it and SiLU multiply a denormal number by z, and its spacing with it.
    tail = np.where(abs(z) < 40, z, 0).astype(np.float64) ** 2 / 4 if isinstance(layer, nn.GELU) else 0
    spacings = 4 * np.clip(abs(z), 1, 1e3)
    atol = 0 if relative else np.finfo(dtype).eps * np.clip(abs(z), 1, 10)
    assert_accurate(layer.forward(z), exact(function, z), 4 + tail, atol, spacings)


@DTYPES
@every_activation
def test_derivative(row, dtype):
    """Against mpmath's difference quotient of the function itself, with a kink's neighbourhood left out."""
    layer, function, _, roundings = row
    z = grid(dtype)
    z = z[(abs(z) > 1e-8) & (abs(z) <= 1e4)]
    with mp.workdps(60):
        expected = np.array([float(mp.diff(function, mp.mpf(float(v)))) for v in z])
    layer.forward(z)
    assert_accurate(layer.backward(np.ones_like(z)), expected, roundings, atol=roundings * np.finfo(dtype).eps)


@DTYPES
@every_activation
def test_no_overflow_anywhere(row, dtype):
    layer = row[0]
    z = np.array([1, -1], dtype) * np.finfo(dtype).max / 4
    assert np.isfinite(layer.forward(z)).all()
    assert np.isfinite(layer.backward(np.array([0.5, -2.0], dtype))).all()
