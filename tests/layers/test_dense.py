"""Dense: the equations on small numbers, memory, and what the constructor takes."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn
from tinynn import initializers


def small():
    """W = [[1, 2, 3], [4, 5, 6]], b = [10, 20]."""
    layer = nn.Dense(3, 2, dtype=np.float64)
    layer.weight.value = [[1, 2, 3], [4, 5, 6]]
    layer.bias.value = [10, 20]
    return layer


def test_forward_is_w_a_plus_b():
    y = small().forward(np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]))
    # W a + b for a = (1, 0, −1): (1 − 3 + 10, 4 − 6 + 20); for (2, 1, 0): (2 + 2 + 10, 8 + 5 + 20).
    np.testing.assert_array_equal(y, [[8, 18], [14, 33]])


def test_backward_by_hand():
    layer = small()
    layer.forward(np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]))
    grad_x = layer.backward(np.array([[1.0, -1.0], [0.5, 2.0]]))
    # ∂C/∂W[j, k] = Σ_n δ[n, j] a[n, k], ∂C/∂b[j] = Σ_n δ[n, j], ∂C/∂a[n, k] = Σ_j δ[n, j] W[j, k].
    np.testing.assert_array_equal(layer.weight.grad, [[1 + 1, 0 + 0.5, -1], [-1 + 4, 0 + 2, 1]])
    np.testing.assert_array_equal(layer.bias.grad, [1.5, 1])
    np.testing.assert_array_equal(grad_x, [[1 - 4, 2 - 5, 3 - 6], [0.5 + 8, 1 + 10, 1.5 + 12]])


def test_shapes_names_and_memory():
    layer = nn.Dense(3, 2)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [p.name for p in layer.parameters()] == ["weight", "bias"]
    assert (layer.weight.shape, layer.bias.shape) == ((2, 3), (2,))
    for array in (layer.weight.value, layer.weight.grad):
        assert array.flags.f_contiguous and not array.flags.c_contiguous
    assert layer.weight.dtype == np.float32
    assert layer.astype(np.float64).weight.value.flags.f_contiguous
    assert (layer.in_features, layer.out_features) == (3, 2)


def test_without_bias():
    layer = nn.Dense(3, 2, bias=False)
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert not layer.forward(np.zeros((1, 3))).any()


def test_start_values():
    layer = nn.Dense(30, 20, rng=0)
    limit = np.sqrt(6 / 50)
    assert np.abs(layer.weight.value).max() <= limit
    assert np.abs(layer.weight.value).max() > 0.9 * limit
    assert not layer.bias.value.any()
    expected = initializers.glorot_uniform((20, 30), np.random.default_rng(0), np.float32)
    np.testing.assert_array_equal(layer.weight.value, expected)


def test_initializers_are_called_with_shape_rng_and_dtype():
    seen = []

    def ones(shape, rng, dtype):
        seen.append((shape, type(rng), np.dtype(dtype)))
        return np.ones(shape, dtype)

    layer = nn.Dense(3, 2, weight_initializer=ones, bias_initializer=ones, dtype=np.float64)
    assert seen == [((2, 3), np.random.Generator, np.float64), ((2,), np.random.Generator, np.float64)]
    assert (layer.weight.value == 1).all() and (layer.bias.value == 1).all()
    assert layer.weight.value.flags.f_contiguous


def test_rng():
    for rng in (7, np.random.default_rng(7)):
        np.testing.assert_array_equal(nn.Dense(3, 2, rng=rng).weight.value, nn.Dense(3, 2, rng=7).weight.value)
    generator = np.random.default_rng(7)
    first, second = nn.Dense(3, 2, rng=generator), nn.Dense(3, 2, rng=generator)
    assert (first.weight.value != second.weight.value).any()
    assert (nn.Dense(3, 2).weight.value != nn.Dense(3, 2).weight.value).any()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_sequences_are_rows_of_rows(n):
    """(batch, …, in) gives what the rows one under the other give."""
    layer, rng = small(), np.random.default_rng(0)
    x, grad = rng.normal(size=(n, 4, 3)), rng.normal(size=(n, 4, 2))
    y = layer.forward(x).copy()
    grad_x = layer.backward(grad).copy()
    weight, bias = layer.weight.grad.copy(), layer.bias.grad.copy()
    np.testing.assert_allclose(y, layer.forward(x.reshape(-1, 3)).reshape(n, 4, 2), rtol=1e-14)
    np.testing.assert_allclose(grad_x, layer.backward(grad.reshape(-1, 2)).reshape(n, 4, 3), rtol=1e-14)
    np.testing.assert_allclose(weight, layer.weight.grad, rtol=1e-14)
    np.testing.assert_allclose(bias, layer.bias.grad, rtol=1e-14)


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((3,), r"pass x\[None\]"),
        ((5,), "3 features"),
        ((2, 4), "3 features"),
        ((3, 2), "3 features"),
        ((2, 3, 1), r"flatten it with Flatten\(\)"),
        ((2, 1, 2), "3 features"),
        ((), "3 features"),
    ],
)
def test_a_wrong_width_says_what_to_do(shape, hint):
    with pytest.raises(nn.ShapeError, match=rf"Dense\(3, 2\): expected x of shape \(batch, 3\), got .*{hint}"):
        nn.Dense(3, 2).forward(np.zeros(shape))


@pytest.mark.parametrize("width", [0, -1, 2.0, "3", True, None])
def test_a_wrong_width_in_the_constructor(width):
    error = nn.InvalidValueError if type(width) is int else nn.DtypeError
    with pytest.raises(error, match="Dense: in_features must be"):
        nn.Dense(width, 2)
    with pytest.raises(error, match="Dense: out_features must be"):
        nn.Dense(2, width)


def test_wrong_options():
    with pytest.raises(nn.DtypeError, match="dtype must be float32 or float64"):
        nn.Dense(3, 2, dtype=np.float16)
    with pytest.raises(nn.DtypeError, match="rng must be"):
        nn.Dense(3, 2, rng="seed")
    with pytest.raises(nn.ShapeError, match="expected a value of shape"):
        nn.Dense(3, 2, weight_initializer=lambda shape, rng, dtype: np.ones((3, 2), dtype))


def test_numpy_integers_are_widths():
    assert repr(nn.Dense(np.int64(3), np.uint8(2))) == "Dense(3, 2)"


@pytest.mark.parametrize("code", ["Dense(3, 2)", "Dense(3, 2, bias=False)"])
def test_repr_is_code(code):
    assert repr(eval(code, vars(nn))) == code
