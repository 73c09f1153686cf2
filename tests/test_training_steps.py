"""Training steps of whole networks: what came before does not matter, nothing is allocated, the cost falls."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from differences import generators_kept
from drawn import examples
from drawn_networks import assert_equal, drawn_networks, outcome
from hypothesis import given
from hypothesis import strategies as st
from memory import SMALL, peak_of

import tinynn as nn

Array = np.ndarray


# ---- the past -----------------------------------------------------------------------------------
def train_on(model: nn.Sequential, loss: nn.Loss, x: Array) -> list[Array]:
    """Half a training step, as a user writes it: the cost's gradients, none of them left from before."""
    for parameter in model.parameters():
        parameter.grad = np.full(parameter.shape, 7.0)
    with generators_kept(model):
        y = model.forward(x)
    loss.forward(y, np.ones_like(y))
    model.backward_parameters(loss.backward())
    return [p.grad.copy() for p in model.parameters()]


def use(model: nn.Sequential, loss: nn.Loss, what: str, batch: int, inputs: int) -> None:
    """Something that a user may do with a model between two steps."""
    x = np.linspace(-1, 1, batch * inputs).reshape(batch, inputs)
    if what == "step":
        train_on(model, loss, x)
    elif what == "backward":
        model.backward(np.ones_like(model.forward(x)))
    elif what == "forward":
        model.forward(x)
    elif what == "predict":
        model.predict(x)
    elif what == "evaluate":
        model.eval().forward(x)
        model.train()
    elif what == "freeze a part":
        model[0].eval()
        model.forward(x)
        model[0].train()
    elif what == "pack":
        nn.ParameterVector(model)
    elif what == "pack a part":
        nn.ParameterVector(model.parameters()[-1:])
    elif what == "change values":
        for parameter in model.parameters():
            parameter.value = parameter.value + 0.25
    elif what == "replace a parameter":
        dense = model[-1] if isinstance(model[-1], nn.Dense) else model.append(nn.Dense(2, 2).astype("f8"))[-1]
        dense.weight = nn.Parameter(np.asfortranarray(dense.weight.value * 2))
    elif what == "there and back":
        model.astype(np.float32).astype(np.float64)
    elif what == "use a part":
        y = model[0].forward(x)
        model[0].backward(np.ones_like(y))
    else:
        assert what == "append"
        model.append(nn.Tanh())


NEUTRAL = ["predict", "evaluate", "pack", "pack a part"]
USES = [*NEUTRAL, "step", "step", "backward", "forward", "freeze a part", "change values", "replace a parameter"]
USES += ["there and back", "use a part", "append"]
PAST = st.lists(st.tuples(st.sampled_from(USES), st.integers(1, 4)), max_size=8)


@examples(1.5)
@given(drawn_networks(outputs=2), PAST)
def test_whatever_came_before_a_step_is_as_on_a_new_network(network, past):
    model, x, _ = network
    loss = nn.MSE()
    nn.ParameterVector(model)
    for what, batch in past:
        use(model, loss, what, batch, x.shape[1])
    fresh = copy.deepcopy(model)
    for factor in (1, 2, -1, 3):  # from the third step on the same calls run again without a check
        assert_equal(train_on(model, loss, factor * x), train_on(copy.deepcopy(fresh), nn.MSE(), factor * x))
    assert_equal(outcome(model, network), outcome(fresh, network))


@examples(0.5)
@given(drawn_networks(outputs=2), st.lists(st.sampled_from(NEUTRAL), max_size=4), st.integers(0, 3))
def test_backward_belongs_to_the_last_training_forward(network, uses, warm):
    """Prediction, evaluation and packing in between change no gradient."""
    model, x, upstream = network
    expected = outcome(copy.deepcopy(model), network)
    for _ in range(warm):
        outcome(model, network)
    with generators_kept(model):
        y = model.forward(x).copy()
    for what in uses:
        use(model, nn.MSE(), what, 2, x.shape[1])
    grad_x = model.backward(upstream).copy()
    assert_equal([y, grad_x, *(p.grad for p in model.parameters())], expected)


@pytest.mark.parametrize("frozen", range(4))
def test_a_layer_in_evaluation_mode_takes_no_gradient_however_warm_the_network(frozen):
    model, loss = nn.Sequential(nn.Dense(2, 3), nn.Tanh(), nn.Dense(3, 2), nn.Sigmoid(), rng=0), nn.MSE()
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)
    for _ in range(3):
        expected = train_on(model, loss, x)
    model[frozen].eval()
    for _ in range(3):
        np.testing.assert_array_equal(model.forward(x), model.predict(x))
        with pytest.raises(nn.StateError, match="forward in training mode"):
            model.backward_parameters(loss.backward())
    model.train()
    assert_equal(train_on(model, loss, x), expected)


# ---- training -----------------------------------------------------------------------------------
STEP_NETWORKS = {
    "sigmoid, MSE": lambda: (
        nn.Sequential(nn.Dense(20, 15), nn.Sigmoid(), nn.Dense(15, 10), nn.Sigmoid(), rng=0),
        nn.MSE(),
    ),
    "relu, cross-entropy": lambda: (
        nn.Sequential(nn.Flatten(), nn.Dense(20, 12), nn.ReLU(), nn.Dropout(0.2), nn.Dense(12, 10), rng=0),
        nn.SoftmaxCrossEntropy(),
    ),
    "branches": lambda: (
        nn.Sequential(nn.Residual(nn.Dense(20, 20)), nn.Parallel(nn.Dense(20, 5), nn.Dense(20, 5)), nn.GELU(), rng=0),
        nn.Huber(),
    ),
}


@pytest.mark.parametrize("name", STEP_NETWORKS)
def test_a_warm_training_step_allocates_no_array(name):
    """Forward, cost, backward, clipping and update, with a smaller last batch."""
    model, loss = STEP_NETWORKS[name]()
    optimizer = nn.Adam(model, 0.01, weight_decay=0.01)
    rng = np.random.default_rng(0)
    x = rng.random((8192, 20), dtype=np.float32)
    labels = rng.integers(0, 10, 8192)
    target = labels if isinstance(loss, nn.SoftmaxCrossEntropy) else np.eye(10, dtype=np.float32)[labels]
    batches = [(x, target), (x[:6000], target[:6000])]

    def step():
        for inputs, wanted in batches:
            loss.forward(model.forward(inputs), wanted)
            model.backward_parameters(loss.backward())
            nn.clip_norm(optimizer.vector, 1.0)
            optimizer.step()

    assert peak_of(step) < SMALL


@pytest.mark.parametrize("name", STEP_NETWORKS)
def test_training_learns_and_repeats_bit_by_bit(name):
    def run():
        model, loss = STEP_NETWORKS[name]()
        optimizer = nn.Adam(model, 0.01)
        rng = np.random.default_rng(0)
        x, labels = rng.normal(size=(50, 20)), rng.integers(0, 10, 50)
        target = labels if isinstance(loss, nn.SoftmaxCrossEntropy) else np.eye(10)[labels]
        costs = []
        for _ in range(20):
            for inputs, wanted in nn.Batches(x, target, 16, rng=rng):
                costs.append(loss.forward(model.forward(inputs), wanted))
                model.backward_parameters(loss.backward())
                optimizer.step()
        return costs, model.state_dict()

    costs, state = run()
    again, state_again = run()
    assert np.mean(costs[-4:]) < 0.8 * np.mean(costs[:4])
    assert costs == again
    assert_equal(list(state_again.values()), list(state.values()))


@examples(0.2)
@given(drawn_networks(outputs=2))
def test_a_small_step_against_the_gradient_lowers_the_cost(network):
    """C(w − η g) ≈ C(w) − η ‖g‖²: what gradient descent rests on."""
    model, x, target = network
    loss, optimizer = nn.MSE(), nn.SGD(model, learning_rate=1e-9)
    with generators_kept(model):
        cost = loss.forward(model.forward(x), target)
    model.backward_parameters(loss.backward())
    squares = float(optimizer.vector.grad @ optimizer.vector.grad)
    optimizer.step()
    with generators_kept(model):
        lowered = loss.forward(model.forward(x), target)
    assert lowered - cost == pytest.approx(-1e-9 * squares, rel=1e-2, abs=1e-12 * max(1, cost))
