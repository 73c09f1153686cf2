"""What layers keep between steps is bound once: a warm step looks nothing up."""

from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest

import tinynn as nn
from tinynn.layers import sequential
from tinynn.layers.plan import Plan

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3)).astype(np.float32)


def chain():
    return nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2), rng=0)


def step(model, x=X):
    y = model.forward(x)
    model.backward_parameters(np.ones_like(y))


def batch(n):
    return np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)


@pytest.fixture
def bound(monkeypatch):
    """The layers whose arrays were bound, in order."""
    found = []
    for kind in (nn.Dense, nn.Tanh, nn.Sigmoid):

        def spy(layer, *arguments, _bind=kind._bind):
            found.append(type(layer).__name__)
            return _bind(layer, *arguments)

        monkeypatch.setattr(kind, "_bind", spy)
    return found


@pytest.mark.parametrize("make", [chain, lambda: nn.Dense(3, 2, rng=0), nn.Sigmoid], ids=["chain", "Dense", "Sigmoid"])
def test_a_warm_step_binds_nothing(make, bound):
    model = make()
    step(model)
    layers = len(list(model.layers_inside())) - isinstance(model, nn.Sequential)
    assert len(bound) == layers
    for _ in range(3):
        step(model)
    assert len(bound) == layers
    step(model, X[:2])
    assert len(bound) == 2 * layers


def test_a_plan_is_kept_until_something_moves():
    model = chain()
    step(model)
    plan = model._plan
    step(model)
    assert model._plan is plan
    model.astype(np.float64)
    step(model, X.astype(np.float64))
    assert model._plan is not plan


def test_the_plans_of_an_epochs_batches_are_kept(bound):
    """All batches but the last have one size."""
    model = chain()
    for _ in range(3):
        for n in (4, 4, 3):
            step(model, batch(n))
    assert len(bound) == 2 * 3


def test_a_larger_batch_voids_the_plans_of_smaller_ones():
    """Its arrays are new; the smaller plans would keep the old ones alive beside them."""
    model = chain()
    step(model, batch(3))
    small = weakref.ref(model._plan)
    step(model, batch(9))
    step(model, batch(8))
    gc.collect()
    assert small() is None
    assert {plan.shape[0] for plan in model._plans} == {9, 8}


def test_a_few_plans_are_kept():
    model = chain()
    for n in range(20, 1, -1):
        step(model, batch(n))
    assert len(model._plans) == sequential.SHAPES


def test_two_chains_over_the_same_layers_take_turns():
    model = chain()
    part, alone = model[:2], chain()
    for n in (4, 4, 3, 4):
        step(part, batch(n + 2))
        step(model, batch(n))
        step(alone, batch(n))
        for ours, theirs in zip(model.parameters(), alone.parameters(), strict=True):
            np.testing.assert_array_equal(ours.grad, theirs.grad)


def test_plans_of_two_chains_do_not_void_each_other(bound):
    """As in a pair of networks that are trained in turn."""
    models = chain(), chain()
    for _ in range(4):
        for model in models:
            step(model)
    assert len(bound) == 2 * 3


def test_nested_chains_keep_their_plans(bound):
    model = nn.Sequential(nn.Sequential(nn.Dense(3, 2), nn.Tanh()), nn.Sequential(nn.Dense(2, 2)), rng=0)
    for _ in range(3):
        for n in (4, 3):
            step(model, batch(n))
    assert len(bound) == 2 * 3


def test_a_layer_called_by_hand_gives_an_array_of_its_own():
    """What it returned then is not written over by the chain's next step."""
    model = chain()
    step(model)
    y = model[1].forward(batch(4) @ np.ones((3, 4), np.float32))
    kept = y.copy()
    step(model)
    np.testing.assert_array_equal(y, kept)


@pytest.mark.parametrize("place", [0, 2])
def test_a_layer_called_by_hand_between_forward_and_backward(place):
    """What the layers above it have written over its output stays theirs: the result is the one without a plan."""
    model, rng = chain(), np.random.default_rng(3)
    model.append(nn.Sigmoid())
    simple = list(copy.deepcopy(model))
    other = rng.normal(size=(4, 3 if place == 0 else 4)).astype(np.float32)
    grad = rng.normal(size=(4, 2)).astype(np.float32)
    for _ in range(3):
        model.forward(X)
        model[place].forward(other)
        model.backward_parameters(grad)
        y = X
        for layer in simple:
            y = layer.forward(y)
        simple[place].forward(other)
        down = grad
        for layer in reversed(simple):
            down = layer.backward(down)
        for ours, theirs in zip(model.parameters(), [p for layer in simple for p in layer.parameters()], strict=True):
            np.testing.assert_array_equal(ours.grad, theirs.grad)


def test_a_failing_layer_leaves_no_plan_half_made():
    class Fails(nn.Tanh):
        broken = True

        def forward(self, x):
            if self.broken:
                raise RuntimeError("broken")
            return super().forward(x)

    tail = Fails()
    model, whole = nn.Sequential(nn.Dense(3, 4), tail, rng=0), nn.Sequential(nn.Dense(3, 4), nn.Tanh(), rng=0)
    with pytest.raises(RuntimeError, match="broken"):
        model.forward(X)
    with pytest.raises(nn.StateError):
        model.backward(np.ones((4, 4), np.float32))
    tail.broken = False
    np.testing.assert_array_equal(model.forward(X), whole.forward(X))


@pytest.mark.parametrize("name", ["forward", "backward", "backward_parameters"])
def test_a_subclass_with_a_method_of_its_own_is_called_by_it(name):
    called = []

    def method(self, x):
        called.append(name)
        return getattr(nn.Dense, name)(self, x)

    first = type("Own", (nn.Dense,), {name: method})(3, 4)
    model = nn.Sequential(first, nn.Tanh(), rng=0)
    for _ in range(3):
        step(model)
    model.backward(np.ones((4, 4), np.float32))
    assert called == [name] * (1 if name == "backward" else 3)


def test_a_plan_counts_its_first_layer_with_parameters():
    """The layers before it are not asked for ∂C/∂x."""
    plan = Plan("Sequential", [nn.Tanh(), nn.Dense(3, 2), nn.Tanh()], nn.Tanh()._buffers)
    assert plan.first == 1


def test_evaluation_remembers_what_it_has_seen():
    model = chain().eval()
    model.forward(X)
    assert model._seen == ((4, 3), np.float32)
    model.forward(X[:2])
    assert model._seen == ((2, 3), np.float32)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("x", [X.astype(np.float64), X.tolist(), np.arange(6).reshape(2, 3)])
def test_dense_converts_to_the_dtype_of_its_weights(x, training):
    layer = nn.Dense(3, 2, rng=0).train(training)
    y = layer.forward(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, layer.forward(np.asarray(x, np.float32)))
    if training:
        assert layer.backward(np.ones(y.shape)).dtype == np.float32
