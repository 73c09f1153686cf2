"""tinynn against the PyTorch that is installed, on drawn numbers, and two whole networks side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch_cases as cases
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tinynn as nn

torch = pytest.importorskip("torch")
from fixtures import make_torch_fixtures as pytorch  # noqa: E402  (it imports torch)

pytestmark = pytest.mark.torch
DTYPES = pytest.mark.parametrize("dtype", cases.DTYPES)
#: The rows are many, so each gets a part of the profile's examples.
fewer = settings(max_examples=settings.default.max_examples // 5)


# ---- optimisers ---------------------------------------------------------------------------------
# Not between 0 and 0.1: PyTorch's m + (1 − β₁)(g − m) loses 1/β₁ roundings of β₁ m.
BETAS = st.tuples(st.just(0.0) | st.floats(0.1, 0.99), st.floats(0, 0.9999))
RATES, DECAYS = st.floats(1e-4, 1.0), st.sampled_from([0.0, 0.01, 0.5])
EPSILONS, MOMENTA = st.sampled_from([1e-10, 1e-8, 1e-3]), st.sampled_from([0.0, 0.5, 0.9])
ADAM = {"betas": BETAS, "epsilon": EPSILONS, "weight_decay": DECAYS}
HYPERPARAMETERS = {
    "SGD": {"momentum": MOMENTA, "dampening": st.floats(0, 1), "weight_decay": DECAYS},
    "Adagrad": {
        "epsilon": EPSILONS,
        "initial_accumulator": st.floats(0, 1),
        "learning_rate_decay": st.floats(0, 1),
        "weight_decay": DECAYS,
    },
    # A smaller α would let the centred v − m² lose all its digits, in both libraries.
    "RMSprop": {
        "decay": st.floats(0.9, 0.999),
        "epsilon": EPSILONS,
        "momentum": MOMENTA,
        "centered": st.booleans(),
        "weight_decay": DECAYS,
    },
    "Adam": {**ADAM, "amsgrad": st.booleans()},
    "AdamW": {**ADAM, "amsgrad": st.booleans()},
    "Adadelta": {"decay": st.floats(0, 0.99), "epsilon": EPSILONS, "weight_decay": DECAYS},
    "NAdam": {**ADAM, "momentum_decay": st.floats(0, 0.1)},
    "RAdam": ADAM,
}
STEPS = 20
#: Relative to the largest value that a weight had on its way.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def assert_same_steps(name, keywords, start, gradient, steps, tolerance):
    """Each step starts from PyTorch's weights, so that no rule can blow a rounding up from step to step."""
    expected = pytorch.trajectory(name, keywords, start, gradient, steps)
    weights = nn.Parameter(start)
    optimizer = getattr(nn, name)([weights], **keywords)
    error = np.zeros_like(start)
    for step, after in enumerate(expected, start=1):
        weights.grad = gradient(weights.value, step)
        optimizer.step()
        np.maximum(error, abs(weights.value - after), out=error)
        weights.value = after
    scale = np.maximum(abs(expected).max(axis=0), abs(start))
    assert (error <= tolerance * scale).all(), (error / np.where(scale == 0, 1, scale)).max()


@DTYPES
@pytest.mark.parametrize("name", HYPERPARAMETERS)
@fewer
@given(data=st.data())
def test_optimizer(name, dtype, data):
    keywords = data.draw(st.fixed_dictionaries({"learning_rate": RATES, **HYPERPARAMETERS[name]}))
    numbers = st.floats(-8, 8, width=16, allow_subnormal=False)  # 0 or at least 6e-5: squares fit float32
    start = data.draw(arrays(dtype, 4, elements=numbers))
    grads = data.draw(arrays(dtype, (STEPS, 4), elements=numbers, fill=st.just(0.0)))
    # The columns' sizes: ordinary, at an epsilon, far below all of them, large.
    grads *= np.array([1, 1e-8, 1e-12, 1e4], dtype)
    assert_same_steps(name, keywords, start, lambda _, step: grads[step - 1], STEPS, TOLERANCE[dtype])


@pytest.mark.parametrize("row", cases.OPTIMIZERS, ids=[cases.key(*row) for row in cases.OPTIMIZERS])
def test_optimizer_on_a_long_vector(row):
    """More weights than any cache block holds: every one of them gets its step, once."""
    start = np.linspace(-2, 2, 50_001)
    assert_same_steps(*row, start, lambda value, step: np.sin(3 * value + step), 3, TOLERANCE["float64"])


def test_groups_have_their_own_rate_and_decay():
    a, b = np.array([1.0, -2.0]), np.array([[0.5, 3.0]])
    mine = [nn.Parameter(a), nn.Parameter(b)]
    theirs = [torch.nn.Parameter(torch.tensor(x)) for x in (a, b)]
    optimizer = nn.Adam([{"parameters": mine[:1], "learning_rate": 0.1}, {"parameters": mine[1:], "weight_decay": 0.2}])
    reference = torch.optim.Adam([{"params": theirs[:1], "lr": 0.1}, {"params": theirs[1:], "weight_decay": 0.2}])
    for step in range(20):
        for ours_, theirs_ in zip(mine, theirs, strict=True):
            ours_.grad = np.cos(ours_.value + step)
            theirs_.grad = torch.cos(theirs_.detach() + step)
        optimizer.step()
        reference.step()
    for ours_, theirs_ in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(ours_.value, theirs_.detach().numpy(), rtol=1e-13)


# ---- activations and losses ---------------------------------------------------------------------
def assert_near(got, expected, dtype, roundings=16):
    epsilon = roundings * np.finfo(dtype).eps
    np.testing.assert_allclose(got, expected, rtol=epsilon, atol=epsilon * max(1, np.abs(expected).max()))


def matrices(dtype, shape, largest):
    return arrays(dtype, shape, elements=st.floats(-largest, largest, width=32, allow_subnormal=False))


@DTYPES
@pytest.mark.parametrize("row", cases.ACTIVATIONS, ids=[cases.key(*row) for row in cases.ACTIVATIONS])
@fewer
@given(data=st.data())
def test_activation(row, dtype, data):
    name, keywords = row
    z, upstream = data.draw(matrices(dtype, (3, 4), 1000)), data.draw(matrices(dtype, (3, 4), 1))
    layer = getattr(nn, name)(**keywords)
    a, grad = pytorch.activation(name, keywords, z, upstream)
    assert_near(layer.forward(z), a, dtype)
    # In GELU's tanh form, z u' multiplies a rounding of tanh by up to 50.
    assert_near(layer.backward(upstream), grad, dtype, roundings=100)


def loss_targets(name, dtype):
    if name == "SigmoidCrossEntropy":
        return arrays(dtype, (4, 3), elements=st.floats(0, 1, width=32, allow_subnormal=False))
    if name != "SoftmaxCrossEntropy":
        return matrices(dtype, (4, 3), 100)
    positive = arrays(dtype, (4, 3), elements=st.floats(0.125, 8, width=32))
    return arrays(np.int64, 4, elements=st.integers(0, 2)) | positive.map(lambda t: t / t.sum(axis=1, keepdims=True))


WEIGHTS = st.lists(st.floats(0.125, 8, width=32), min_size=3, max_size=3)
LOSSES = {
    "MSE": {"half": st.booleans(), "mean_over": st.sampled_from(["samples", "elements"])},
    "MAE": {"mean_over": st.sampled_from(["samples", "elements"])},
    "Huber": {"delta": st.floats(0.125, 50), "mean_over": st.sampled_from(["samples", "elements"])},
    "SoftmaxCrossEntropy": {"label_smoothing": st.floats(0, 0.9), "class_weights": st.none() | WEIGHTS},
    "SigmoidCrossEntropy": {
        "positive_weight": st.none() | WEIGHTS,
        "mean_over": st.sampled_from(["samples", "elements"]),
    },
}


@DTYPES
@pytest.mark.parametrize("name", LOSSES)
@fewer
@given(data=st.data())
def test_loss(name, dtype, data):
    keywords = data.draw(st.fixed_dictionaries(LOSSES[name]))
    prediction, target = data.draw(matrices(dtype, (4, 3), 1000)), data.draw(loss_targets(name, dtype))
    weights = st.lists(st.floats(0, 8, width=32, allow_subnormal=False), min_size=4, max_size=4).filter(any)
    sample_weight = data.draw(st.none() | weights.map(np.array))
    loss = getattr(nn, name)(**keywords)
    cost, grad = pytorch.loss(name, keywords, prediction, target, sample_weight)
    assert_near(loss.forward(prediction, target, sample_weight), cost, dtype)
    assert_near(loss.backward(), grad, dtype)


def test_softmax_cross_entropy_of_sequences():
    """(batch, time, classes) here is (batch, classes, time) there."""
    logits, labels = np.sin(np.arange(40.0)).reshape(2, 5, 4) * 3, np.arange(10).reshape(2, 5) % 4
    theirs = torch.tensor(logits, requires_grad=True)
    cost = torch.nn.functional.cross_entropy(theirs.transpose(1, 2), torch.tensor(labels))
    cost.backward()
    loss = nn.SoftmaxCrossEntropy()
    assert_near(loss.forward(logits, labels), cost.item(), "float64")
    assert_near(loss.backward(), theirs.grad.numpy(), "float64")


# ---- whole networks -----------------------------------------------------------------------------
def _sigmoid_and_mse():
    model = nn.Sequential(nn.Dense(6, 5), nn.Sigmoid(), nn.Dense(5, 3), nn.Sigmoid(), rng=1).astype(np.float64)
    theirs = [torch.nn.Linear(6, 5), torch.nn.Sigmoid(), torch.nn.Linear(5, 3), torch.nn.Sigmoid()]
    return model, nn.MSE(), theirs, lambda a, y: ((a - y) ** 2).sum() / (2 * len(a))


def _relu_and_cross_entropy():
    model = nn.Sequential(nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 8), nn.ReLU(), nn.Dense(8, 3), rng=2)
    theirs = [
        torch.nn.Linear(6, 8),
        torch.nn.ReLU(),
        torch.nn.Linear(8, 8),
        torch.nn.ReLU(),
        torch.nn.Linear(8, 3),
    ]
    return model.astype(np.float64), nn.SoftmaxCrossEntropy(), theirs, torch.nn.functional.cross_entropy


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("network", [_sigmoid_and_mse, _relu_and_cross_entropy])
def test_fifty_steps_of_a_network(network, optimizer):
    model, loss, layers, their_loss = network()
    theirs = torch.nn.Sequential(*layers).double()
    theirs.load_state_dict({name: torch.tensor(p.value) for name, p in model.named_parameters()})
    rate = {"SGD": 0.5, "Adam": 0.02}[optimizer]
    mine, reference = (
        getattr(nn, optimizer)(model, rate),
        getattr(torch.optim, optimizer)(theirs.parameters(), lr=rate),
    )
    rng = np.random.default_rng(3)
    for step in range(50):
        rows = 7 if step % 5 == 4 else 16  # each fifth batch is a smaller last one
        x, labels = rng.normal(size=(rows, 6)), rng.integers(0, 3, rows)
        y = labels if isinstance(loss, nn.SoftmaxCrossEntropy) else np.eye(3)[labels]
        cost = loss.forward(model.forward(x), y)
        model.backward_parameters(loss.backward())
        mine.step()
        reference.zero_grad()
        their_cost = their_loss(theirs(torch.tensor(x)), torch.tensor(y))
        their_cost.backward()
        reference.step()
        assert cost == pytest.approx(their_cost.item(), rel=1e-10)
    state = theirs.state_dict()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.value, state[name].numpy(), rtol=1e-10, atol=1e-12)
