"""Small inputs of a shape seen before are predicted from a list of calls; the result must not tell."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import tinynn as nn
from tinynn.layers import prediction

RNG = np.random.default_rng(0)


def rows(n, width=6, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(dtype)


NETWORKS = {
    "sigmoid": lambda: [nn.Dense(6, 9), nn.Sigmoid(), nn.Dense(9, 4), nn.Sigmoid()],
    "tanh": lambda: [nn.Dense(6, 9, bias=False), nn.Tanh(), nn.Identity(), nn.Dense(9, 4)],
    "relu": lambda: [nn.Dropout(0.5), nn.Dense(6, 9), nn.ReLU(), nn.Dropout(0.5), nn.Dense(9, 4)],
    "flat": lambda: [nn.Flatten(), nn.Tanh(), nn.Dense(6, 9), nn.ReLU(), nn.Flatten()],
}
#: With a layer that lists no calls: they are predicted as ever.
OTHERS = {
    "step": lambda: [nn.Dense(6, 4), nn.Step()],
    "gelu": lambda: [nn.Dense(6, 4), nn.GELU()],
    "inside": lambda: [nn.Sequential(nn.Dense(6, 4), nn.Tanh()), nn.Dense(4, 4)],
}


def built(name, dtype=np.float32):
    model = nn.Sequential(*(NETWORKS | OTHERS)[name](), rng=0).astype(dtype)
    for p in model.parameters():
        p.value = np.random.default_rng(1).normal(size=p.shape)
    return model


def kept(model):
    return 0 if model._predictions is None else sum(map(len, model._predictions._idle.values()))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
def test_predict_is_forward_in_evaluation_mode(name, n, dtype, training):
    model = built(name, dtype).train(training)
    for seed in range(4):
        x = rows(n, dtype=dtype, seed=seed)
        before = x.copy()
        y = model.predict(x)
        np.testing.assert_array_equal(y, copy.deepcopy(model).eval().forward(x))
        np.testing.assert_array_equal(x, before)
        assert y.dtype == dtype and all(layer.training is training for layer in model.layers_inside())
    assert kept(model) == (name in NETWORKS)


def test_the_second_time_no_layer_is_asked(monkeypatch):
    model = built("sigmoid")
    expected = model.predict(rows(1))
    monkeypatch.setattr(nn.Dense, "_evaluate", None)
    np.testing.assert_array_equal(model.predict(rows(1)), expected)


def test_the_result_is_the_callers():
    model = built("sigmoid")
    first = model.predict(rows(1))
    results = [model.predict(rows(1, seed=k)) for k in range(3)]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(results) for b in results[:k])
    results[0][:] = 7
    np.testing.assert_array_equal(model.predict(rows(1)), first)


def test_what_training_changes_is_seen():
    model, x = built("sigmoid"), rows(5)
    optimizer = nn.SGD(model, 0.5)
    loss, y = nn.MSE(), RNG.random((5, 4)).astype(np.float32)
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(x), copy.deepcopy(model).eval().forward(x))
        loss.forward(model.forward(x), y)
        model.backward_parameters(loss.backward())
        optimizer.step()


@pytest.mark.parametrize("name", NETWORKS)
def test_it_leaves_a_training_step_alone(name):
    """predict between forward and backward changes no gradient."""
    model, x = built(name), rows(5)
    grad = np.ones((5, model.predict(x).shape[1]), np.float32)
    twin = copy.deepcopy(model)
    for network, disturbed in ((model, True), (twin, False)):
        for _ in range(3):
            network.forward(x)
            if disturbed:
                network.predict(rows(5, seed=3))
            network.backward_parameters(grad)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(ours.grad, theirs.grad)


def moved_by_an_optimizer(model):
    nn.SGD(model, 0.1)


def given_another_bias(model):
    model[0].bias = nn.Parameter(np.full(9, 3, np.float32))


def appended(model):
    model.append(nn.Tanh())


@pytest.mark.parametrize("change", [moved_by_an_optimizer, given_another_bias, appended])
def test_a_change_of_the_model_is_seen(change):
    model, x = built("sigmoid"), rows(1)
    model.predict(x)
    change(model)
    for p in model.parameters():
        p.value = p.value + 1
    for _ in range(2):
        np.testing.assert_array_equal(model.predict(x), copy.deepcopy(model).eval().forward(x))
    assert kept(model) == 1


def test_another_dtype_is_another_shape():
    model = built("sigmoid")
    for dtype in (np.float32, np.float64, np.uint8, np.float32):
        x = np.abs(rows(1)).astype(dtype)
        y = model.predict(x)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, copy.deepcopy(model).eval().forward(x))
    model.astype(np.float64)
    assert model.predict(rows(1)).dtype == np.float64


def test_wrong_inputs_are_refused_as_ever():
    model = built("sigmoid")
    for _ in range(2):
        model.predict(rows(1))
        with pytest.raises(nn.ShapeError):
            model.predict(rows(1, width=5))
        with pytest.raises(nn.InvalidValueError, match="batch_size"):
            model.predict(rows(1), batch_size=0)
        with pytest.raises(nn.DtypeError):
            model.predict(rows(1).astype(complex))


def test_large_inputs_and_empty_ones_are_not_kept():
    model = built("sigmoid")
    model.predict(rows(0))
    model.predict(rows(prediction.SMALL // 6 + 1))
    assert kept(model) == 0
    model.predict(rows(prediction.SMALL // 6))
    assert kept(model) == 1


def test_many_shapes_do_not_pile_up():
    model = built("sigmoid")
    for n in range(1, 40):
        model.predict(rows(n))
    assert 1 <= kept(model) <= prediction.SHAPES


def test_a_subclass_speaks_for_itself():
    class Double(nn.Tanh):
        def forward(self, x):
            return 2 * super().forward(x)

    class Reversed(nn.Sequential):
        def forward(self, x):
            return super().forward(x)[:, ::-1]

    for model in (nn.Sequential(nn.Dense(6, 4), Double(), rng=0), Reversed(nn.Dense(6, 4), rng=0)):
        for seed in range(3):
            x = rows(2, seed=seed)
            np.testing.assert_array_equal(model.predict(x), copy.deepcopy(model).eval().forward(x))
        assert kept(model) == 0


def test_copies_and_pickles_keep_none():
    model = built("sigmoid")
    expected = model.predict(rows(1))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert kept(other) == 0
        np.testing.assert_array_equal(other.predict(rows(1)), expected)
        other[0].bias.value += 1
        other.predict(rows(1))
    np.testing.assert_array_equal(model.predict(rows(1)), expected)


def test_threads_share_a_model():
    model = built("relu").eval()
    inputs = [rows(1, seed=k) for k in range(50)]
    expected = [copy.deepcopy(model).forward(x) for x in inputs]
    wrong, start = [], threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(20):
            wrong.extend(k for k, x in enumerate(inputs) if (model.predict(x) != expected[k]).any())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and kept(model) <= 4
