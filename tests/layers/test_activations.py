"""Activations on numbers worked out elsewhere: in closed form, or to ten digits with a calculator."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinynn as nn

E = math.e
#: layer, z, a, da/dz.
WORKED = [
    (nn.Sigmoid(), 0.0, 0.5, 0.25),
    (nn.Sigmoid(), math.log(3), 0.75, 0.1875),
    (nn.Sigmoid(), -math.log(3), 0.25, 0.1875),
    (nn.Tanh(), 0.0, 0.0, 1.0),
    (nn.Tanh(), math.log(2), 0.6, 0.64),
    (nn.ReLU(), -2.0, 0.0, 0.0),
    (nn.ReLU(), 3.0, 3.0, 1.0),
    (nn.LeakyReLU(), -2.0, -0.02, 0.01),
    (nn.LeakyReLU(0.25), -2.0, -0.5, 0.25),
    (nn.LeakyReLU(0.25), 3.0, 3.0, 1.0),
    (nn.ELU(), -math.log(2), -0.5, 0.5),
    (nn.ELU(0.5), -math.log(2), -0.25, 0.25),
    (nn.ELU(0.5), 3.0, 3.0, 1.0),
    (nn.SELU(), 2.0, 2.1014019747, 1.0507009874),
    (nn.SELU(), -math.log(2), -0.8790496704, 0.8790496704),
    (nn.GELU(), 1.0, 0.8413447461, 1.0833154706),
    (nn.GELU(), -1.0, -0.1586552539, -0.0833154706),
    (nn.GELU("tanh"), 1.0, 0.8411919906, 1.0829640838),
    (nn.SiLU(), math.log(3), 0.75 * math.log(3), 0.75 * (1 + math.log(3) / 4)),
    (nn.Softplus(), 0.0, math.log(2), 0.5),
    (nn.Softplus(), math.log(E - 1), 1.0, 1 - 1 / E),
    (nn.Softplus(2.0), math.log(3) / 2, math.log(2), 0.75),
    (nn.HardSigmoid(), 1.5, 0.75, 1 / 6),
    (nn.HardSigmoid(), -3.5, 0.0, 0.0),
    (nn.HardSigmoid(), 3.5, 1.0, 0.0),
]

#: layer, its limits a(−1000) and a(1000), and da/dz there.
TAILS = [
    (nn.Sigmoid(), (0, 1), (0, 0)),
    (nn.Tanh(), (-1, 1), (0, 0)),
    (nn.ReLU(), (0, 1000), (0, 1)),
    (nn.LeakyReLU(0.25), (-250, 1000), (0.25, 1)),
    (nn.ELU(0.5), (-0.5, 1000), (0, 1)),
    (nn.SELU(), (-1.7580993408473766, 1050.7009873554805), (0, 1.0507009873554805)),
    (nn.GELU(), (0, 1000), (0, 1)),
    (nn.GELU("tanh"), (0, 1000), (0, 1)),
    (nn.SiLU(), (0, 1000), (0, 1)),
    (nn.Softplus(), (0, 1000), (0, 1)),
    (nn.Softplus(2.0), (0, 1000), (0, 1)),
    (nn.HardSigmoid(), (0, 1), (0, 0)),
]


@pytest.mark.parametrize(("layer", "z", "a", "slope"), WORKED, ids=lambda value: str(value))
def test_worked_values(layer, z, a, slope):
    assert layer.forward(np.array([[z]]))[0, 0] == pytest.approx(a, rel=1e-9, abs=1e-12)
    assert layer.backward(np.array([[2.0]]))[0, 0] == pytest.approx(2 * slope, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1, 1e3])
@pytest.mark.parametrize(("layer", "limits", "slopes"), TAILS, ids=lambda value: str(value))
def test_far_from_zero(layer, limits, slopes, scale, dtype):
    growing = [limit * scale if abs(limit) >= 100 else limit for limit in limits]
    y = layer.forward(np.array([[-1000 * scale, 1000 * scale]], dtype))
    np.testing.assert_allclose(y, [growing], rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(layer.backward(np.ones((1, 2), dtype)), [slopes], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize(
    ("layer", "slope"), [(nn.ReLU(), 0), (nn.LeakyReLU(0.25), 0.25), (nn.ELU(0.5), 0.5), (nn.SELU(), 1.7580993408)]
)
def test_the_derivative_at_the_kink_is_the_one_from_the_left(layer, slope):
    layer.forward(np.array([[0.0, -0.0]]))
    np.testing.assert_allclose(layer.backward(np.ones((1, 2))), [[slope, slope]], rtol=1e-9)


def test_hard_sigmoid_s_corners():
    layer = nn.HardSigmoid()
    np.testing.assert_array_equal(layer.forward(np.array([[-3.0, 3.0]])), [[0, 1]])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 2))), [[0, 0]])


# ---- softmax ------------------------------------------------------------------------------------
def test_softmax_by_hand():
    """z = (log 1, log 2, log 5): a = (1, 2, 5) / 8. With g = (1, 0, 0): aⱼ (gⱼ − a₁)."""
    layer = nn.Softmax()
    a = layer.forward(np.log([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(a, [[0.125, 0.25, 0.625]], rtol=1e-15)
    expected = [[0.125 * 0.875, -0.25 * 0.125, -0.625 * 0.125]]
    np.testing.assert_allclose(layer.backward(np.array([[1.0, 0.0, 0.0]])), expected, rtol=1e-14)


@pytest.mark.parametrize("shift", [0, 1e3, -1e3])
def test_softmax_ignores_a_common_shift_and_sums_to_one(shift):
    z = np.array([[0.0, 1.0, -2.0], [3.0, 3.0, 3.0]])
    a = nn.Softmax().forward(z + shift)
    np.testing.assert_allclose(a, nn.Softmax().forward(z), rtol=1e-12)
    np.testing.assert_allclose(a.sum(axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(a[1], 1 / 3, rtol=1e-15)


@pytest.mark.parametrize("shape", [(3,), (), (3, 0)])
def test_softmax_needs_classes(shape):
    with pytest.raises(nn.ShapeError, match=r"Softmax\(\): expected x of shape \(batch, classes\)"):
        nn.Softmax().forward(np.zeros(shape))


# ---- step ---------------------------------------------------------------------------------------
def test_step_is_a_threshold_that_cannot_be_trained():
    layer = nn.Step()
    np.testing.assert_array_equal(layer.forward(np.array([[-0.5, 0.0, 1e-300, 2.0]])), [[0, 0, 1, 1]])
    with pytest.raises(nn.TinynnError, match="derivative 0.*smooth neuron such as Sigmoid"):
        layer.backward(np.ones((1, 4)))
    model = nn.Sequential(nn.Dense(2, 1), nn.Step(), rng=0)
    model.forward(np.ones((1, 2)))
    with pytest.raises(nn.TinynnError, match="derivative 0"):
        model.backward_parameters(np.ones((1, 1), np.float32))


def test_a_perceptron_computes_nand():
    """Nielsen, chapter 1: weights −2, −2 and bias 3."""
    dense = nn.Dense(2, 1)
    dense.weight.value, dense.bias.value = [[-2, -2]], [3]
    nand = nn.Sequential(dense, nn.Step())
    np.testing.assert_array_equal(nand.predict([[0, 0], [0, 1], [1, 0], [1, 1]]), [[1], [1], [1], [0]])


# ---- arguments ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.ELU(0), nn.InvalidValueError, "ELU: alpha must be above 0, got 0"),
        (lambda: nn.ELU(-1.0), nn.InvalidValueError, "ELU: alpha must be above 0"),
        (lambda: nn.ELU("a"), nn.DtypeError, "ELU: alpha must be a number"),
        (lambda: nn.Softplus(0.0), nn.InvalidValueError, "Softplus: beta must be above 0"),
        (lambda: nn.LeakyReLU(math.nan), nn.InvalidValueError, "LeakyReLU: negative_slope must be finite"),
        (lambda: nn.GELU("erf"), nn.InvalidValueError, "GELU: approximate must be"),
    ],
)
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "code",
    [
        "Sigmoid()",
        "LeakyReLU()",
        "LeakyReLU(negative_slope=0.2)",
        "ELU(alpha=0.7)",
        "GELU(approximate='tanh')",
        "Softplus(beta=2.0)",
        "SELU()",
        "Step()",
    ],
)
def test_repr_is_code(code):
    assert repr(eval(code, vars(nn))) == code
