"""A Sequential runs a warm step from a plan; whatever voids the plan must be noticed.

Each test compares a model that has a plan with a fresh copy of it that has none.
"""

import copy

import numpy as np
import pytest

import tinynn as nn


def network(dtype=np.float64):
    layers = [nn.Dense(4, 5), nn.Sigmoid(), nn.Dense(5, 6), nn.GELU(), nn.Dense(6, 3), nn.Sigmoid()]
    return nn.Sequential(*layers, rng=0).astype(dtype)


def rows(n, width=4, seed=1):
    return np.random.default_rng(seed).normal(size=(n, width))


def step(model, x, grad):
    """Output and parameter gradients of one forward and backward_parameters, as copies."""
    output = model.forward(x).copy()
    model.backward_parameters(grad)
    return [output, *(parameter.grad.copy() for parameter in model.parameters())]


def warm(model, n=7):
    """Three steps with one gradient array, as a loss gives it: the plan is in full use."""
    grad = rows(n, 3, seed=2)
    for seed in range(3):
        step(model, rows(n, seed=seed), grad)
    return grad


def assert_as_fresh(model, x, grad):
    fresh = copy.deepcopy(model)
    for ours, theirs in zip(step(model, x, grad), step(fresh, x, grad), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def by_hand(model, x, grad):
    """The same as `step`, layer by layer through the public methods."""
    for layer in model:
        x = layer.forward(x)
    output = x.copy()
    for layer in reversed(list(model)):
        grad = layer.backward(grad)
    return [output, *(parameter.grad.copy() for parameter in model.parameters())]


def test_the_plan_gives_what_the_layers_give():
    model, x = network(), rows(7)
    grad = warm(model)
    planned = step(model, x, grad)
    for ours, theirs in zip(planned, by_hand(copy.deepcopy(model), x, grad), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_prediction_of_another_batch_size_in_between():
    model = network()
    grad = warm(model)
    model.predict(rows(50))
    assert_as_fresh(model, rows(50), rows(50, 3))
    assert_as_fresh(model, rows(7), grad)


def test_another_batch_size():
    model = network()
    warm(model)
    assert_as_fresh(model, rows(3), rows(3, 3))
    assert_as_fresh(model, rows(7), rows(7, 3))


def test_an_optimizer_built_between_forward_and_backward():
    model = network()
    grad = warm(model)
    model.forward(rows(7))
    nn.SGD(model, 0.1)
    model.backward_parameters(grad)
    fresh = copy.deepcopy(model)
    step(fresh, rows(7), grad)
    for ours, theirs in zip(model.parameters(), fresh.parameters(), strict=True):
        np.testing.assert_array_equal(ours.grad, theirs.grad)


def test_an_optimizer_built_after_warm_steps_trains_the_model():
    model = network()
    grad = warm(model)
    optimizer = nn.SGD(model, 0.1)
    before = model.state_dict()
    step(model, rows(7), grad)
    optimizer.step()
    assert all((before[name] != value).any() for name, value in model.state_dict().items())
    assert_as_fresh(model, rows(7), grad)


def test_a_parameter_put_in_anothers_place():
    model = network()
    grad = warm(model)
    other = nn.Parameter(rows(5, 4, seed=9))
    model[0].weight = other  # in C order, too
    assert_as_fresh(model, rows(7), grad)
    model[0].bias, model[2].bias = nn.Parameter(np.ones(5)), nn.Parameter(np.ones(6))
    assert_as_fresh(model, rows(7), grad)


def test_parameters_that_trade_places():
    a, b = nn.Dense(4, 4, rng=0, dtype=np.float64), nn.Dense(4, 4, rng=1, dtype=np.float64)
    model = nn.Sequential(a, nn.Tanh(), b)
    grad = rows(7)
    for _ in range(3):
        step(model, rows(7), grad)
    a.weight, b.weight = b.weight, a.weight
    assert_as_fresh(model, rows(7), grad)


def test_another_dtype():
    model = network()
    warm(model)
    model.astype(np.float32)
    output = model.forward(rows(7))
    assert output.dtype == np.float32
    model.backward_parameters(rows(7, 3))  # float64, converted
    assert_as_fresh(model, rows(7).astype(np.float32), rows(7, 3).astype(np.float32))


def test_a_gradient_of_another_dtype_is_converted_in_every_step():
    model, grad = network(np.float32), rows(7, 3)
    x = rows(7).astype(np.float32)
    results = [step(model, x, grad) for _ in range(4)]
    expected = step(copy.deepcopy(model), x, grad.astype(np.float32))
    for result in results:
        for ours, theirs in zip(result, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_an_inner_layer_called_with_another_input_in_between():
    model = network()
    grad = warm(model)
    model[2].forward(rows(7, 5, seed=5))
    assert_as_fresh(model, rows(7), grad)


def test_an_appended_layer():
    model = network()
    grad = warm(model)
    model.append(nn.Tanh())
    assert_as_fresh(model, rows(7), grad)


def test_evaluation_mode_of_the_whole_and_back():
    model = network()
    grad = warm(model)
    model.eval()
    with pytest.raises(nn.StateError, match="training mode"):
        model.backward_parameters(grad)
    model.train()
    assert_as_fresh(model, rows(7), grad)


def test_a_gradient_of_another_shape_is_refused_by_a_warm_model():
    model = network()
    warm(model)
    model.forward(rows(7))
    with pytest.raises(nn.ShapeError, match=r"\(7, 3\)"):
        model.backward_parameters(rows(1, 3))


class Halves(nn.Layer):
    """A custom layer whose output's shape depends on the values, not on the shape of x."""

    def forward(self, x):
        self.rows = len(x) if x[0, 0] > 0 else len(x) // 2
        self.shape = x.shape
        return x[: self.rows]

    def backward(self, grad):
        full = np.zeros(self.shape, grad.dtype)
        full[: self.rows] = grad
        return full


def test_a_custom_layer_that_changes_the_shape_from_call_to_call():
    model = nn.Sequential(Halves(), nn.Dense(4, 3), nn.Sigmoid(), rng=0).astype(np.float64)
    x = np.abs(rows(8))
    for _ in range(3):
        step(model, x, rows(8, 3))
    assert model.forward(-x).shape == (4, 3)
    model.backward_parameters(rows(4, 3))
    assert model.forward(x).shape == (8, 3)


def test_an_inner_layer_whose_input_was_another_in_between():
    """The first layer with parameters is not the first: its own method runs, and reads its input."""
    model = nn.Sequential(nn.Sigmoid(), nn.Dense(4, 3), nn.Tanh(), rng=0).astype(np.float64)
    grad = rows(7, 3)
    for _ in range(3):
        step(model, rows(7), grad)
    model[1].forward(rows(7, seed=5))
    assert_as_fresh(model, rows(7), grad)


def test_the_gradient_of_a_weight_in_c_order():
    layer = nn.Dense(4, 3, rng=0, dtype=np.float64)
    layer.weight = nn.Parameter(rows(3, 4))
    assert layer.weight.value.flags.c_contiguous
    model, x, grad = nn.Sequential(layer, nn.Identity()), rows(7, seed=3), rows(7, 3)
    for _ in range(3):
        step(model, x, grad)
        np.testing.assert_allclose(layer.weight.grad, grad.T @ x, rtol=1e-13)
        layer.weight.grad = np.zeros((3, 4))
