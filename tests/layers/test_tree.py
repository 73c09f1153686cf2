"""Parameters, modes and state are found from the attributes, whatever a custom layer looks like."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn


class Branchy(nn.Layer):
    """Layers and parameters in every place where an attribute can hold them; no super().__init__."""

    def __init__(self):
        self.scale = nn.Parameter([1.0])
        self.blocks = [nn.Dense(2, 2), nn.Sequential(nn.Tanh(), nn.Dense(2, 2, bias=False))]
        self.heads = {"left": nn.Dense(2, 1), "right": [nn.Parameter([2.0])]}
        self.pair = (nn.Dropout(0.5), nn.Parameter([3.0]))
        self.nothing = None
        self.number, self.word = 3, "relu"

    def forward(self, x):
        return x

    def backward(self, grad):
        return grad


NAMES = [
    "scale",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.1.weight",
    "heads.left.weight",
    "heads.left.bias",
    "heads.right.0",
    "pair.1",
]


def test_parameters_are_found_in_the_order_of_the_attributes():
    layer = Branchy()
    assert [name for name, _ in layer.named_parameters()] == NAMES
    assert isinstance(layer.named_parameters(), list)
    assert isinstance(layer.parameters(), list)
    assert [p for _, p in layer.named_parameters()] == layer.parameters()
    assert layer.parameters()[0] is layer.scale
    assert layer.parameters()[-1] is layer.pair[1]


def test_what_an_attribute_holds_now_is_what_is_found():
    layer = Branchy()
    layer.blocks.append(nn.Dense(1, 1, bias=False))
    del layer.heads["left"]
    layer.scale = None
    expected = ["blocks.0.weight", "blocks.0.bias", "blocks.1.1.weight", "blocks.2.weight", "heads.right.0", "pair.1"]
    assert [name for name, _ in layer.named_parameters()] == expected


def test_modes_reach_the_whole_tree():
    layer = Branchy()
    inside = [layer, *layer.blocks, layer.blocks[1][0], layer.blocks[1][1], layer.heads["left"], layer.pair[0]]
    assert {id(node) for node in layer.layers_inside()} == {id(node) for node in inside}
    assert all(node.training for node in inside)
    assert layer.eval() is layer
    assert not any(node.training for node in inside)
    assert layer.train() is layer
    assert all(node.training for node in inside)
    layer.train(False)
    assert not any(node.training for node in inside)


def test_predict_restores_each_layer_s_own_mode():
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    model[1].eval()
    model.predict(np.ones((1, 2)))
    assert (model.training, model[0].training, model[1].training) == (True, True, False)
    with pytest.raises(nn.TinynnError):
        nn.Sequential(nn.Dense(3, 1), nn.Dropout(0.5)).predict(np.ones((1, 2)))
    broken = nn.Sequential(nn.Dropout(0.5), nn.Dense(3, 1))
    with pytest.raises(nn.ShapeError):
        broken.predict(np.ones((1, 2)))
    assert all(node.training for node in broken.layers_inside())


def test_predict_does_not_draw():
    model = nn.Sequential(nn.Dropout(0.5), rng=0)
    x = np.ones((3, 4))
    np.testing.assert_array_equal(model.predict(x), x)
    np.testing.assert_array_equal(model.predict(x, 2), x)


@pytest.mark.parametrize("size", [0, -1])
def test_predict_s_batch_size(size):
    with pytest.raises(nn.InvalidValueError, match="batch_size must be at least 1"):
        nn.Tanh().predict(np.ones((2, 2)), size)


def test_dtype_and_astype():
    layer = Branchy()
    assert layer.dtype == np.float32
    assert layer.astype(np.float64) is layer
    assert layer.dtype == np.float64
    assert {p.dtype for p in layer.parameters()} == {np.dtype(np.float64)}
    assert nn.Tanh().dtype is None
    for wrong in (np.int32, "half", None):
        with pytest.raises(nn.DtypeError, match="dtype must be float32 or float64"):
            layer.astype(wrong)
    layer.scale.astype(np.float32)
    with pytest.raises(nn.DtypeError, match="float32 and float64"):
        _ = layer.dtype


def test_initialize_goes_through_the_tree_in_order():
    first, second, rng = Branchy(), Branchy(), np.random.default_rng(3)
    first.initialize(3)
    second.initialize(rng)
    for (name, p), (_, q) in zip(first.named_parameters(), second.named_parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value, err_msg=name)
    assert (first.blocks[0].weight.value != first.blocks[1][1].weight.value).any()


# ---- state --------------------------------------------------------------------------------------
def test_state_is_a_copy_by_name():
    layer = Branchy()
    state = layer.state_dict()
    assert list(state) == NAMES
    state["scale"][:] = 99
    assert layer.scale.value[0] == 1


def test_loading_copies_in_place_and_converts():
    layer = Branchy()
    array, state = layer.scale.value, layer.state_dict()
    given = {name: value.astype(np.float64) + 1 for name, value in state.items()}
    layer.load_state_dict(given)
    assert layer.scale.value is array
    assert layer.dtype == np.float32
    given["scale"][:] = 99
    for name, parameter in layer.named_parameters():
        np.testing.assert_array_equal(parameter.value, state[name] + 1, err_msg=name)


def test_a_state_that_does_not_fit_lists_every_fault_and_changes_nothing():
    layer = Branchy()
    state = layer.state_dict()
    bad = {name: value + 1 for name, value in state.items() if name != "scale"}
    bad |= {"pair.1": np.ones(2), "extra": np.ones(1)}
    with pytest.raises(nn.ShapeError) as caught:
        layer.load_state_dict(bad)
    for part in ("scale is missing", "extra is unknown", r"pair.1 has shape (2,) instead of (1,)"):
        assert part in str(caught.value)
    with pytest.raises(nn.ShapeError, match="pair.1") as caught:
        layer.load_state_dict(bad, strict=False)
    assert "missing" not in str(caught.value) and "unknown" not in str(caught.value)
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)
    del bad["pair.1"]
    layer.load_state_dict(bad, strict=False)
    np.testing.assert_array_equal(layer.scale.value, state["scale"])
    np.testing.assert_array_equal(layer.blocks[0].weight.value, state["blocks.0.weight"] + 1)


def test_loading_what_is_no_number_changes_nothing():
    layer = Branchy()
    state = {**layer.state_dict(), "pair.1": np.array(["x"])}
    state["scale"] = state["scale"] + 1
    with pytest.raises(nn.DtypeError, match="expected real numbers"):
        layer.load_state_dict(state)
    assert layer.scale.value[0] == 1


def test_a_layer_is_abstract():
    for base in (nn.Layer, nn.Loss, nn.Optimizer):
        with pytest.raises(TypeError, match="abstract"):
            base()

    class Half(nn.Layer):
        def forward(self, x):
            return x

    with pytest.raises(TypeError, match="backward"):
        Half()
