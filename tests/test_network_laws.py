"""What holds for whole networks: random ones, drawn layer by layer, with any loss and any batch size."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from cases import LOSSES
from differences import check_directions, check_gradient, forward, generators_kept
from drawn import examples, targets, values
from drawn_networks import Network, assert_equal, drawn_networks, outcome
from hypothesis import given
from hypothesis import strategies as st

import tinynn as nn

Array = np.ndarray


def flat(vector: nn.ParameterVector, x: Array) -> Array:
    return np.concatenate([vector.value, x.ravel()])


def as_function(model: nn.Sequential, vector: nn.ParameterVector, x: Array):
    """The network as a function of all its parameters and its input, in one vector."""

    def output(point: Array) -> Array:
        vector.value[:] = point[: len(vector)]
        return forward(model, point[len(vector) :].reshape(x.shape))

    return output


def gradient_of(model: nn.Sequential, vector: nn.ParameterVector, x: Array, upstream: Array) -> Array:
    """∂C/∂(all parameters, x) by backpropagation."""
    with generators_kept(model):
        model.forward(x)
    grad_x = model.backward(upstream)
    return np.concatenate([vector.grad, grad_x.ravel()])


def with_parameters(network: Network) -> nn.ParameterVector:
    model = network.model
    if not model.parameters():
        model.append(nn.Dense(network.upstream.shape[1], network.upstream.shape[1]).astype(np.float64))
    return nn.ParameterVector(model)


# ---- gradients ----------------------------------------------------------------------------------
@examples(0.3)
@given(drawn_networks())
def test_the_whole_gradient_matches_differences(network):
    vector = with_parameters(network)
    model, x, upstream = network
    start, gradient = flat(vector, x), gradient_of(model, vector, x, upstream)
    check_gradient(as_function(model, vector, x), start, gradient, upstream, "(parameters, x)", composite=True)


@examples(0.5)
@given(drawn_networks(), st.data())
def test_forward_and_backward_are_adjoint(network, data):
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩ for every direction v: J v by differences, Jᵀ u by backward."""
    vector = with_parameters(network)
    model, x, upstream = network
    start = flat(vector, x)
    direction = data.draw(values(start.shape, largest=1), label="v")
    adjoint = gradient_of(model, vector, x, upstream) @ direction
    what = "⟨Jᵀu, v⟩ ({})".format
    function = as_function(model, vector, x)
    check_directions(function, start, direction[None], np.array([adjoint]), upstream, what, composite=True)


@pytest.mark.parametrize("row", [r for r in LOSSES if r.sample == (3,)], ids=str)
@examples(0.1)
@given(data=st.data())
def test_the_cost_s_gradient_matches_differences(row, data):
    """Through any loss, in two directions over all parameters: what one training step computes."""
    network = data.draw(drawn_networks(outputs=3))
    model, x, _ = network
    target = data.draw(targets(row.kind, (len(x), 3)))
    vector, loss = nn.ParameterVector(model), row.make()

    def cost(values_of_all):
        vector.value[:] = values_of_all
        with generators_kept(model):
            return np.array(loss.forward(model.forward(x), target))

    start = vector.value.copy()
    cost(start)
    model.backward_parameters(loss.backward())
    directions = data.draw(values((2, len(vector)), largest=1), label="directions")
    check_directions(cost, start, directions, directions @ vector.grad, composite=True)


# ---- laws of structure --------------------------------------------------------------------------
@examples(0.3)
@given(drawn_networks(), st.data())
def test_sequential_is_associative(network, data):
    """Sequential(a, b, c) = Sequential(a, Sequential(b, c)) = Sequential(Sequential(a, b), c)."""
    layers = list(network.model)
    expected = outcome(network.model, network)
    cut = data.draw(st.integers(0, len(layers)))
    for nested in (
        nn.Sequential(*layers[:cut], nn.Sequential(*layers[cut:])),
        nn.Sequential(nn.Sequential(*layers[:cut]), *layers[cut:]),
        nn.Sequential(network.model[:cut], network.model[cut:]),
    ):
        assert_equal(outcome(copy.deepcopy(nested), network), expected)


@examples(0.3)
@given(drawn_networks())
def test_the_first_layer_s_skip_changes_no_gradient(network):
    model, _, upstream = network
    expected = outcome(model, network)[2:]
    for parameter in model.parameters():
        parameter.grad = np.full(parameter.shape, 7.0)
    model.backward_parameters(upstream)
    assert_equal([p.grad for p in model.parameters()], expected)


def test_the_first_layer_s_input_gradient_is_not_computed():
    class Watched(nn.Identity):
        def backward(self, grad):
            raise AssertionError("nobody needs this gradient")

    model = nn.Sequential(Watched(), nn.Dense(2, 2), nn.Tanh(), rng=0)
    model.forward(np.ones((1, 2)))
    model.backward_parameters(np.ones((1, 2), np.float32))


@examples(0.2)
@given(drawn_networks())
def test_nothing_is_written_but_gradients(network):
    model, x, upstream = network
    before = [x.copy(), upstream.copy(), *model.state_dict().values()]
    model.forward(x)
    model.backward(upstream)
    model.backward_parameters(upstream)
    assert_equal([x, upstream, *model.state_dict().values()], before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@examples(0.2)
@given(data=st.data())
def test_one_dtype_throughout(dtype, data):
    model, x, upstream = data.draw(drawn_networks(dtype))
    inside = []
    for layer in model.layers_inside():
        inside += [v for v in vars(layer).values() if isinstance(v, np.ndarray)]
    y = model.forward(x)
    assert y.dtype == dtype
    assert model.backward(upstream).dtype == dtype
    assert {p.grad.dtype for p in model.parameters()} <= {np.dtype(dtype)}
    if model.parameters():
        assert model.forward(x.astype(np.float16)).dtype == dtype
        assert model.predict(np.round(x).astype(int)).dtype == dtype


@examples(0.1)
@given(drawn_networks())
def test_packing_changes_nothing(network):
    """The parameters as views of one vector give the same bits as on their own."""
    expected = outcome(network.model, network)
    if network.model.parameters():
        nn.ParameterVector(network.model)
    assert_equal(outcome(network.model, network), expected)
