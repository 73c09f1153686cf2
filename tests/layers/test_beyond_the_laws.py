"""What the law tables do not reach of the layers: rare shapes, seeds, precision, planned steps on batches of tables."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinynn as nn
from tinynn._buffers import LAYOUT


def test_what_is_loaded_has_the_parameters_precision():
    """2²⁴ + 1 is no float32."""
    layer = nn.Dense(1, 1, dtype=np.float64)
    layer.load_state_dict({"weight": [[16777217]], "bias": [0]})
    assert layer.weight.value == [[16777217.0]]


def test_step_refuses_a_gradient_whichever_way_it_comes():
    step = nn.Step()
    step.forward(np.ones((1, 1)))
    for backward in (step.backward, step.backward_parameters):
        with pytest.raises(nn.TinynnError, match="a threshold has derivative 0"):
            backward(np.ones((1, 1)))


# ---- planned steps ------------------------------------------------------------------------------
def network(*layers):
    return nn.Sequential(*layers, rng=0).astype(np.float64)


@pytest.mark.parametrize(
    ("model", "sample"),
    [
        (network(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2)), (3,)),
        (network(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2)), (2, 3)),
        (network(nn.Tanh(), nn.Dense(3, 4, bias=False), nn.Dense(4, 2, bias=False), nn.Sigmoid()), (2, 1, 3)),
    ],
    ids=["rows", "tables", "without biases"],
)
def test_a_step_on_the_loss_s_own_array_is_a_step_on_any_other(model, sample):
    """From the second step on the calls are listed once and for all, if the gradient is the same array."""
    rng = np.random.default_rng(1)
    fresh, grad = copy.deepcopy(model), np.empty((5, *sample[:-1], 2))
    for _ in range(4):
        x = rng.normal(size=(5, *sample))
        grad[...] = rng.normal(size=grad.shape)
        np.testing.assert_array_equal(model.forward(x), fresh.forward(x))
        model.backward_parameters(grad)
        fresh.backward(grad.copy())
        for (name, ours), (_, theirs) in zip(model.named_parameters(), fresh.named_parameters(), strict=True):
            np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-13, atol=1e-15, err_msg=name)


def test_a_change_of_mode_makes_every_plan_void():
    model = network(nn.Dense(3, 2))
    versions = [LAYOUT.version]
    for change in (model.eval, model.train, model.train):
        change()
        versions.append(LAYOUT.version)
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("k", [0, 1, 2])
def test_a_layer_called_by_itself_makes_the_network_s_plan_void(k):
    """For another shape it binds other arrays; the network then starts anew, whatever it had noted."""
    model, rng = network(nn.Dense(3, 3), nn.Tanh(), nn.Dense(3, 3)), np.random.default_rng(2)
    x = rng.normal(size=(4, 3))
    expected = copy.deepcopy(model).forward(x).copy()
    for rows in (5, 2, 4):
        for _ in range(3):
            np.testing.assert_array_equal(model.forward(x), expected)
        model[k].forward(rng.normal(size=(rows, 3)))
    np.testing.assert_array_equal(model.forward(x), expected)


def test_gradients_go_where_the_parameters_are_now():
    """Each new optimizer packs the parameters anew; a backward after it needs no forward in between."""
    model, rng = network(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2)), np.random.default_rng(3)
    x, grad = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    model.forward(x)
    model.backward_parameters(grad)
    expected = [parameter.grad.copy() for parameter in model.parameters()]
    for part in (slice(None), slice(2), slice(2, None), slice(1, None), slice(None)):
        vector = nn.SGD(model.parameters()[part], 0.1).vector
        vector.grad[:] = np.nan
        model.backward_parameters(grad)
        for parameter, gradient in zip(model.parameters(), expected, strict=True):
            np.testing.assert_allclose(parameter.grad, gradient, rtol=1e-13)
        assert np.isfinite(vector.grad).all()


# ---- seeds and shapes ---------------------------------------------------------------------------
def test_what_dropout_draws_follows_from_the_seed():
    """A generator of its own, from 256 bits of the network's: the layers after it draw what they drew."""
    layer = nn.Dropout(0.5)
    layer.initialize(5)
    parent = np.random.default_rng(5)
    own = np.random.default_rng(parent.integers(0, 2**63, size=4).tolist())
    np.testing.assert_array_equal(layer.forward(np.ones((4, 5))) > 0, own.random((4, 5)) >= 0.5)
    after = nn.Sequential(nn.Dropout(0.5), nn.Dense(2, 2), rng=5)[1]
    np.testing.assert_array_equal(after.weight.value, nn.Dense(2, 2, rng=parent).weight.value)


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [((1,), (3,), (3, 1)), ((1, -1), (3,), (3, 1, 1)), ((0,), (3, 0), (3, 0)), ((0, 2), (3, 4, 0), (3, 0, 2))],
)
def test_reshape_of_single_numbers_and_of_none(shape, given, expected):
    layer = nn.Reshape(shape)
    assert layer.forward(np.zeros(given)).shape == expected
    assert layer.backward(np.zeros(expected)).shape == given


# ---- containers ---------------------------------------------------------------------------------
def test_branches_are_added_whatever_the_shape_of_a_sample():
    x = np.arange(24.0).reshape(4, 2, 3)
    model = nn.Parallel(nn.Identity(), nn.Identity(), merge="sum")
    np.testing.assert_array_equal(model.forward(x), 2 * x)
    np.testing.assert_array_equal(model.backward(x), 2 * x)


class Faulty(nn.Identity):
    """Returns what its test tells it to."""

    def __init__(self, forward, backward):
        self.forwards, self.backwards = forward, backward

    def forward(self, x):
        return self.forwards(x)

    def backward(self, grad):
        return self.backwards(grad)


@pytest.mark.parametrize("container", [nn.Sequential, nn.Residual, nn.Parallel])
def test_a_container_says_which_layer_changed_the_dtype_and_where(container):
    x = np.zeros((2, 3))

    def narrow(array):
        return array.astype(np.float32)

    with pytest.raises(nn.DtypeError, match="layer 0, .* was given float64 and its forward returned an array of float"):
        container(Faulty(narrow, np.copy)).forward(x)
    for result, said in ((narrow, "an array of float32"), (lambda grad: None, "None"), (lambda grad: 3.5, "3.5")):
        model = container(Faulty(np.copy, result))
        model.forward(x)
        with pytest.raises(nn.DtypeError, match=f"layer 0, .* was given float64 and its backward returned {said};"):
            model.backward(x)


def test_softmax_needs_classes_but_no_rows():
    assert nn.Softmax().forward(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    with pytest.raises(nn.ShapeError, match="expected x of shape"):
        nn.Softmax().forward(np.zeros((2, 3, 0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_initializers_are_asked_for_the_shape_and_dtype_of_the_parameter(dtype):
    asked = []

    def zeros(shape, rng, dtype):
        asked.append((shape, dtype))
        return np.zeros(shape, dtype)

    nn.Dense(3, 2, weight_initializer=zeros, bias_initializer=zeros, dtype=dtype)
    assert asked == [((2, 3), np.dtype(dtype)), ((2,), np.dtype(dtype))]


class Recording(nn.Layer):
    """Notes how many rows each forward gets."""

    def __init__(self):
        self.rows = []

    def forward(self, x):
        self.rows.append(len(x) if x.ndim else None)
        return 2 * x

    def backward(self, grad):
        return 2 * grad


@pytest.mark.parametrize(
    ("batch_size", "rows"), [(None, [10]), (4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (11, [10]), (1, [1] * 10)]
)
def test_predict_takes_no_more_rows_at_a_time_than_it_is_told(batch_size, rows):
    layer, x = Recording(), np.arange(20.0).reshape(10, 2)
    np.testing.assert_array_equal(layer.predict(x, batch_size), 2 * x)
    assert layer.rows == rows
    assert layer.predict(x.astype(np.float32), batch_size).dtype == np.float32
    layer.rows = list(rows)
    assert layer.predict(np.float64(3.0), batch_size) == 6.0
    assert layer.rows[len(rows) :] == [None]
