"""What layers keep between steps is bound once: a warm step looks nothing up."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn
from tinynn._buffers import LAYOUT

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3)).astype(np.float32)


def chain():
    return nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 2), rng=0)


def step(model, x=X):
    y = model.forward(x)
    model.backward_parameters(np.ones_like(y))


@pytest.mark.parametrize("make", [chain, lambda: nn.Dense(3, 2, rng=0), nn.Sigmoid], ids=["chain", "Dense", "Sigmoid"])
def test_a_warm_step_binds_nothing(make):
    model = make()
    for _ in range(2):
        step(model)
    version = LAYOUT.version
    for _ in range(3):
        step(model)
    assert LAYOUT.version == version
    step(model, X[:2])
    assert LAYOUT.version > version


def test_a_plan_is_kept_until_something_moves():
    model = chain()
    step(model)
    plan = model._plan
    step(model)
    assert model._plan is plan and model._backward_seen is True
    model.astype(np.float64)
    step(model, X.astype(np.float64))
    assert model._plan is not plan


def test_backward_is_checked_once_after_each_plan():
    model = chain()
    model.forward(X)
    assert model._backward_seen is False
    model.backward_parameters(np.ones((4, 2), np.float32))
    assert model._backward_seen is True
    model.forward(X[:2])
    assert model._backward_seen is False
    with pytest.raises(nn.ShapeError):
        model.backward_parameters(np.ones((4, 2), np.float32))


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
