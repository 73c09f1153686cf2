"""save and load: what comes back is the same network, bit for bit."""

from __future__ import annotations

import copy
import inspect
import os

import drawn
import numpy as np
import pytest
from cases import LAYERS, LayerRow, over
from drawn_networks import drawn_networks
from hypothesis import given, settings

import tinynn as nn
from tinynn import initializers
from tinynn.storage import container, load, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def assert_same(mine, theirs, x):
    """The same structure, values, dtypes, memory orders and predictions."""
    assert type(mine) is type(theirs)
    assert repr(mine) == repr(theirs)
    assert [name for name, _ in mine.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    for (name, p), (_, q) in zip(mine.named_parameters(), theirs.named_parameters(), strict=True):
        assert (p.dtype, p.shape, p.name) == (q.dtype, q.shape, q.name), name
        assert p.value.tobytes("A") == q.value.tobytes("A"), name
        for order in ("C", "F"):
            assert p.value.flags[order] == q.value.flags[order] == p.grad.flags[order], name
        assert not p.grad.any()
    assert all(layer.training for layer in mine.layers_inside())
    given, expected = mine.predict(x), theirs.predict(x)
    assert (given.dtype, given.tobytes()) == (expected.dtype, expected.tobytes())


@over(LAYERS)
def test_every_layer_comes_back(path, row):
    for dtype in (np.float32, np.float64):
        layer = drawn.built(row, dtype)
        save(layer, path)
        assert_same(load(path), layer, np.random.default_rng(1).normal(size=(4, *row.sample)).astype(dtype))


@given(network=drawn_networks())
@settings(max_examples=25)
def test_every_network_comes_back(tmp_path_factory, network):
    path = tmp_path_factory.getbasetemp() / "drawn model.npz"
    save(network.model, path)
    assert_same(load(path), network.model, network.x)


def test_every_public_layer_is_known(path):
    made = {type(row.make()) for row in LAYERS}
    known = {getattr(nn, name) for name in nn.__all__}
    public = {c for c in known if inspect.isclass(c) and issubclass(c, nn.Layer) and not inspect.isabstract(c)}
    assert public == made
    from tinynn.storage.architecture import BUILT_IN

    assert set(BUILT_IN.values()) == public


def trained(outputs=2, dtype=np.float32):
    """A network whose values lie packed in an optimizer's vector, and in evaluation mode."""
    model = nn.Sequential(nn.Dense(3, 4, dtype=dtype), nn.Tanh(), nn.Dense(4, outputs, dtype=dtype), rng=0)
    optimizer, loss = nn.Adam(model, 0.1), nn.MSE()
    rng = np.random.default_rng(0)
    for _ in range(5):
        loss.forward(model.forward(rng.normal(size=(8, 3))), rng.normal(size=(8, outputs)))
        model.backward_parameters(loss.backward())
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("rows", [1, 7])
def test_a_trained_network_comes_back_and_trains_on_alike(path, outputs, rows):
    model = trained(outputs)
    save(model, path)
    loaded, x = load(path), np.random.default_rng(1).normal(size=(rows, 3))
    assert_same(loaded, model, x)
    results = []
    for each in (model.train(), loaded):
        optimizer = nn.SGD(each, 0.1)
        each.forward(x)
        each.backward_parameters(np.ones((rows, outputs)))
        optimizer.step()
        results.append(optimizer.vector.value.copy())
    np.testing.assert_array_equal(*results)


def test_the_model_itself_is_left_as_it_was(path):
    model = trained()
    before = copy.deepcopy(model)
    assert save(model, path) is None
    assert not model.training
    for (_, p), (_, q) in zip(model.named_parameters(), before.named_parameters(), strict=True):
        assert p.value.tobytes("A") == q.value.tobytes("A")


def test_numpy_reads_the_values_by_name(path):
    model = trained()
    save(model, path)
    with np.load(path) as values:
        assert values.files == ["tinynn.json", "0.weight", "0.bias", "2.weight", "2.bias"]
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(values[name], value)


def test_a_weight_in_another_memory_order(path):
    model = nn.Sequential(nn.Dense(3, 2, rng=0))
    model[0].weight = nn.Parameter(np.ascontiguousarray(model[0].weight.value), "weight")
    save(model, path)
    assert_same(load(path), model, np.ones((2, 3)))


def test_values_that_are_no_numbers_come_back(path):
    model = nn.Dense(2, 2, rng=0)
    model.weight.value = [[np.nan, np.inf], [-np.inf, -0.0]]
    save(model, path)
    assert load(path).weight.value.tobytes("A") == model.weight.value.tobytes("A")


def test_converted_to_another_dtype(path):
    model = nn.Sequential(nn.Dense(3, 2, rng=0), nn.Tanh()).astype(np.float64)
    save(model, path)
    assert load(path).dtype == np.float64
    assert_same(load(path), model, np.ones((2, 3)))


def test_layers_without_parameters_and_without_layers(path):
    for layer in (nn.Tanh(), nn.Sequential(), nn.Sequential(nn.Sequential())):
        save(layer, path)
        assert repr(load(path)) == repr(layer)


def test_what_was_added_after_construction(path):
    model = nn.Sequential(nn.Dense(3, 2, rng=0)).append(nn.Dense(2, 2, bias=False, rng=1))
    save(model, path)
    assert_same(load(path), model, np.ones((1, 3)))


def test_paths_of_all_kinds_and_no_suffix_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = nn.Dense(1, 1, rng=0)
    for path in ("model", tmp_path / "other", b"bytes"):
        save(model, path)
        assert isinstance(load(path), nn.Dense)
    assert sorted(os.listdir()) == ["bytes", "model", "other"]


def test_the_old_file_stays_if_saving_fails(path):
    save(nn.Dense(1, 2, rng=0), path)
    before = path.read_bytes()
    layer = nn.Tanh()
    with pytest.raises(nn.StateError, match="stands in two places"):
        save(nn.Sequential(layer, layer), path)
    assert (path.read_bytes(), os.listdir(path.parent)) == (before, [path.name])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Dense, "got the class Dense"),
        (None, "got None"),
        ([nn.Tanh()], "got [Tanh()]"),
        ({"0.weight": np.ones(1)}, "got {'0.weight': array([1.])}"),
    ],
    ids=str,
)
def test_what_is_no_layer_is_not_saved(path, model, said):
    with pytest.raises(nn.DtypeError) as caught:
        save(model, path)
    assert str(caught.value) == f"save: model must be a Layer, {said}"
    assert not path.exists()


def test_a_checkpoint_is_no_model(path):
    container.write(path, "checkpoint", None, {})
    with pytest.raises(nn.CheckpointError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: is a checkpoint, not a model"


def test_missing_files_and_directories(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        load(path)
    with pytest.raises(nn.CheckpointError, match="got a directory"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        save(nn.Tanh(), tmp_path / "no" / "x")
    with pytest.raises(IsADirectoryError):
        save(nn.Tanh(), tmp_path)


# ---- initial values -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", initializers.__all__)
def test_initializers_come_back(path, name):
    made = getattr(initializers, name)
    made = {"constant": lambda: made(0.25), "nielsen": lambda: made(scaled=True)}.get(name, lambda: made)()
    model = nn.Dense(3, 2, weight_initializer=made, bias_initializer=initializers.constant(0.5), rng=0)
    save(model, path)
    loaded = load(path)
    assert repr(loaded.weight_initializer) == repr(made)
    assert repr(loaded.bias_initializer) == "constant(0.5)"
    assert_same(loaded, model, np.ones((1, 3)))
    for each in (model, loaded):
        each.initialize(3)
    np.testing.assert_array_equal(model.weight.value, loaded.weight.value)


def test_an_initializer_of_the_user_s_own_is_left_out(path):
    def own(shape, rng, dtype):
        return np.full(shape, 7, dtype)

    model = nn.Dense(3, 2, weight_initializer=own)
    save(model, path)
    assert load(path).weight_initializer is initializers.glorot_uniform
    assert_same(load(path), model, np.ones((1, 3)))


def test_nothing_is_drawn_that_the_file_replaces(path, monkeypatch):
    """Neither entropy of the system nor random numbers, but for the generator that a Dropout owns."""
    model = nn.Sequential(
        nn.Dense(3, 2), nn.Residual(nn.Dense(2, 2, weight_initializer=initializers.nielsen())), nn.Dropout()
    )
    save(model, path)
    real, seeds = np.random.default_rng, []
    monkeypatch.setattr(np.random, "default_rng", lambda seed=None: (seeds.append(seed), real(seed))[1])
    monkeypatch.setattr(initializers, "_normal", pytest.fail)
    monkeypatch.setattr(initializers, "_uniform", pytest.fail)
    loaded = load(path)
    assert seeds.count(None) == 1
    assert repr(loaded[1].layers[0].weight_initializer) == "nielsen(scaled=False)"


def test_dropouts_draw_from_generators_of_their_own(path):
    save(nn.Sequential(nn.Dropout(), nn.Dropout()), path)
    first, second = load(path)
    x = np.ones((1, 64))
    assert (first.forward(x) != second.forward(x)).any()
    assert (load(path)[0].forward(x) != load(path)[0].forward(x)).any()


# ---- files and networks that do not fit together --------------------------------------------------


def changed(path, change):
    """The file at `path` with other arrays: `change` gets them in a dict, to its liking."""
    content, arrays = container.read(path, "model")
    change(arrays)
    container.write(path, "model", content, arrays)


def test_all_faults_are_listed_in_one_error(path):
    save(nn.Sequential(nn.Dense(3, 2), nn.Dense(2, 2), nn.Dense(2, 1), rng=0), path)

    def change(arrays):
        del arrays["0.bias"]
        arrays["0.weight"] = np.ones((3, 3), np.float32)
        arrays["1.weight"] = np.ones((2, 2), np.int32)
        arrays["2.bias"] = np.ones(1, np.float16)
        arrays["more"] = np.ones(30, np.float32)

    changed(path, change)
    with pytest.raises(nn.CheckpointError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: does not fit the network that it describes: 0.bias is missing; more is unknown; 0.weight has shape "
        "(3, 3) instead of (2, 3); 1.weight has dtype int32 instead of float32; 2.bias has dtype float16 instead of "
        "float32"
    )


@pytest.mark.parametrize("row", LAYERS[:3], ids=str)
def test_one_fault_each(path, row: LayerRow):
    save(row.make(), path)
    name = "bias" if "bias" in row.make().state_dict() else "weight"
    whole = path.read_bytes()
    for change in (
        lambda arrays: arrays.pop(name),
        lambda arrays: arrays.update(more=np.ones(1)),
        lambda arrays: arrays.update({name: arrays[name][:-1]}),
        lambda arrays: arrays.update({name: arrays[name][None]}),
        lambda arrays: arrays.update({name: arrays[name].astype(bool)}),
    ):
        path.write_bytes(whole)
        changed(path, change)
        with pytest.raises(nn.CheckpointError):
            load(path)


def test_other_floats_are_taken_as_they_are(path):
    """A file may hold a network that was converted: the arrays say what it was."""
    save(nn.Dense(3, 2, rng=0), path)
    changed(path, lambda arrays: arrays.update({name: a.astype(np.float64) for name, a in arrays.items()}))
    assert load(path).dtype == np.float64
