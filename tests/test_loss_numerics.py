"""The losses against 40 digits of mpmath and against SciPy, without a warning."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
from accuracy import assert_accurate, exact, grid, logistic

import tinynn as nn

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@pytest.fixture(autouse=True)
def no_floating_point_surprise():
    """Overflow, division by zero and nan are errors; numbers too small to hold are 0."""
    with np.errstate(all="raise", under="ignore"):
        yield


def cross_entropy(logits, weights):
    with mp.workdps(40):
        z = [mp.mpf(float(v)) for v in logits]
        largest = max(z)
        total = largest + mp.log(mp.fsum(mp.exp(v - largest) for v in z))
        return float(mp.fsum(mp.mpf(float(t)) * (total - v) for t, v in zip(weights, z, strict=True)))


@DTYPES
@pytest.mark.parametrize("margin", [0, 1e-5, 1, 12, 40, 90, 745, 1e3, 1e4, 1e30])
def test_softmax_cross_entropy(margin, dtype):
    """Each class in turn is right, once with the label and once with soft targets."""
    logits = np.array([[margin, 0, -margin]] * 3, dtype)
    soft = np.array([[0.5, 0.25, 0.25], [0, 0.5, 0.5], [0.125, 0.125, 0.75]], dtype)
    eps = np.finfo(dtype).eps
    for target, weights in ((np.arange(3), np.eye(3)), (soft, soft)):
        loss = nn.SoftmaxCrossEntropy()
        costs = [cross_entropy(*pair) for pair in zip(logits, weights, strict=True)]
        assert loss.forward(logits, target) == pytest.approx(np.mean(costs), rel=8 * float(eps), abs=8 * float(eps))
        grad = loss.backward()
        p = sc.softmax(logits.astype(np.float64), axis=1)
        assert_accurate(grad, (p - weights) / 3, 8, atol=4 * eps)


@DTYPES
@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
def test_sigmoid_cross_entropy(target, dtype):
    """log(1 + e^z) − y z. With a hard target small costs are right to their last digits, on either side."""
    z = grid(dtype)
    loss, eps = nn.SigmoidCrossEntropy(), float(np.finfo(dtype).eps)
    for value in z:
        got = loss.forward(np.array([[value]]), np.array([[target]], dtype))
        expected = exact(lambda u: (max(u, 0) - target * u) + mp.log1p(mp.exp(-abs(u))), np.array([value]))[0]
        assert got == pytest.approx(expected, rel=8 * eps, abs=4 * float(np.finfo(dtype).smallest_subnormal)), value
        grad = loss.backward()
        assert grad[0, 0] == pytest.approx(float(logistic(mp.mpf(float(value)))) - target, rel=8 * eps, abs=4 * eps)


@DTYPES
@pytest.mark.parametrize(
    ("loss", "cost", "slope"),
    [
        (nn.MSE(), lambda d: d * d / 2, lambda d: d),
        (nn.MSE(half=False), lambda d: d * d, lambda d: 2 * d),
        (nn.MAE(), abs, np.sign),
        (nn.Huber(2.0), lambda d: d * d / 2 if abs(d) <= 2 else 2 * (abs(d) - 1), lambda d: min(max(d, -2), 2)),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Loss) else "",
)
def test_element_wise_losses(loss, cost, slope, dtype):
    """Right to the last digits from 1e-15 to 1e15, where a difference is no rounding itself."""
    for size in (1e-15, 1e-5, 0.5, 2.0, 3.0, 1e3, 1e15):
        for d in (dtype(size), dtype(-size)):
            eps = float(np.finfo(dtype).eps)
            assert loss.forward(np.array([[d]]), np.zeros((1, 1), dtype)) == pytest.approx(
                float(cost(float(d))), rel=2 * eps
            )
            assert loss.backward()[0, 0] == pytest.approx(float(slope(float(d))), rel=2 * eps)
