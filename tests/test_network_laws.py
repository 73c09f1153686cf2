"""What holds for whole networks: random ones, drawn layer by layer, with any loss and any batch size."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pytest
from cases import LOSSES
from differences import check_directions, check_gradient, forward, generators_kept
from drawn import examples, targets, values
from hypothesis import given
from hypothesis import strategies as st
from memory import SMALL, peak_of

import tinynn as nn

Array = np.ndarray

ACTIVATIONS = [
    nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.HardSigmoid,
    nn.Identity, nn.Softmax, nn.Dropout, lambda: nn.GELU("tanh"),
]  # fmt: skip


@st.composite
def networks(draw: Any, inputs: int, depth: int = 3, level: int = 0) -> tuple[nn.Sequential, int]:
    """A random chain with shortcuts and branches, and its number of outputs."""
    layers: list[nn.Layer] = []
    width = inputs
    for _ in range(draw(st.integers(1, depth))):
        kind = draw(st.sampled_from(["dense", "dense", "activation", *(["residual", "parallel"] if level < 1 else [])]))
        if kind == "dense":
            wanted = draw(st.integers(1, 4))
            layers.append(nn.Dense(width, wanted, bias=draw(st.booleans())))
            width = wanted
        elif kind == "activation":
            layers.append(draw(st.sampled_from(ACTIVATIONS))())
        elif kind == "residual":
            inner, out = draw(networks(width, 2, level + 1))
            layers.append(nn.Residual(nn.Sequential(*inner, nn.Dense(out, width))))
        else:
            branches = [draw(networks(width, 2, level + 1)) for _ in range(draw(st.integers(1, 2)))]
            layers.append(nn.Parallel(*(branch for branch, _ in branches), nn.Identity()))
            width += sum(out for _, out in branches)
    return nn.Sequential(*layers), width


class Network(NamedTuple):
    """Drawn: a model with all its values, an input and a gradient that comes back."""

    model: nn.Sequential
    x: Array
    upstream: Array


@st.composite
def drawn_networks(draw: Any, dtype: Any = np.float64, outputs: int | None = None) -> Network:
    inputs, batch = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    model, width = draw(networks(inputs))
    if outputs is not None:
        model.append(nn.Dense(width, outputs))
    model.initialize(draw(st.integers(0, 2**32)))
    model.astype(dtype)
    for parameter in model.parameters():
        if parameter.value.ndim == 1:  # biases start at 0; weights are drawn by their initializer
            parameter.value = draw(values(parameter.shape, dtype, 1))
    x = draw(values((batch, inputs), dtype, 4), label="x")
    return Network(model, x, draw(values((batch, outputs or width), dtype, 2), label="upstream"))


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
    check_gradient(as_function(model, vector, x), start, gradient, upstream, "(parameters, x)")


@examples(0.5)
@given(drawn_networks(), st.data())
def test_forward_and_backward_are_adjoint(network, data):
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩ for every direction v: J v by differences, Jᵀ u by backward."""
    vector = with_parameters(network)
    model, x, upstream = network
    start = flat(vector, x)
    direction = data.draw(values(start.shape, largest=1), label="v")
    adjoint = gradient_of(model, vector, x, upstream) @ direction
    check_directions(
        as_function(model, vector, x), start, direction[None], np.array([adjoint]), upstream, "⟨Jᵀu, v⟩ ({})".format
    )


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
    check_directions(cost, start, directions, directions @ vector.grad)


# ---- laws of structure --------------------------------------------------------------------------
def outcome(model: nn.Sequential, network: Network) -> list[Array]:
    """Output, ∂C/∂x and all gradients of a run from the same generators."""
    with generators_kept(model):
        y = model.forward(network.x).copy()
    grad_x = model.backward(network.upstream).copy()
    return [y, grad_x, *(p.grad.copy() for p in model.parameters())]


def assert_equal(got: list[Array], expected: list[Array]) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


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


def train_on(model: nn.Sequential, loss: nn.Loss, x: Array) -> list[Array]:
    """Half a training step, as a user writes it: the cost's gradients."""
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
    for _ in range(3):  # from the third step on the same calls run again without a check
        assert_equal(train_on(model, loss, x), train_on(copy.deepcopy(fresh), nn.MSE(), x))
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
