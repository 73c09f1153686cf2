"""Layers of the user's own in files: their arguments, their state, and what is said when they are missing."""

from __future__ import annotations

import numpy as np
import pytest
from storage import custom
from storage.custom import ALL, Branches, Normalisation, OwnConfig, Plain, Scale, Standardise, Twice, Widths

import tinynn as nn
from tinynn import initializers
from tinynn.storage import container, load, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def back(model, path, custom_layers=ALL):
    save(model, path)
    loaded = load(path, custom_layers)
    assert repr(loaded) == repr(model)
    state = loaded.state_dict()
    assert list(state) == list(model.state_dict())
    for name, value in model.state_dict().items():
        assert (value.dtype, value.tobytes("A")) == (state[name].dtype, state[name].tobytes("A")), name
    return loaded


def test_a_custom_layer_comes_back_with_its_arguments_and_values(path):
    model = nn.Sequential(nn.Dense(3, 2), Scale(2, start=0.5), rng=0)
    model[1].factor.value = [3.0, -4.0]
    loaded = back(model, path)
    assert (type(loaded[1]), loaded[1].features, loaded[1].start) == (Scale, 2, 0.5)
    x = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_classes_by_name_or_as_a_list(path):
    model = Twice(Scale(2))
    for given in (
        {"Scale": Scale, "Twice": Twice},
        {"Scale": Scale, "Twice": Twice, "Other": nn.Dense},
        [Scale, Twice],
        (Twice, Scale),
        {Scale, Twice},
        iter([Scale, Twice]),
    ):
        back(model, path, given)


def test_another_class_can_take_the_name(path):
    """The file knows a name, not a module: a class that has moved or was renamed is given under the old one."""

    class Renamed(Scale):
        pass

    save(Scale(2), path)
    assert type(load(path, {"Scale": Renamed})) is Renamed


@pytest.mark.parametrize(
    "wrong", [None, 3, "Scale", ["Scale"], [Scale(2)], {"Scale": 1}, {"Scale": dict}, [dict], {1: 2}, [None], Scale]
)
def test_what_is_no_class_of_layers(path, wrong):
    save(nn.Tanh(), path)
    with pytest.raises(nn.DtypeError, match="load: custom_layers must be classes of layers, as in"):
        load(path, wrong)


def test_all_missing_classes_are_listed(path):
    model = nn.Sequential(Scale(2), Twice(nn.Sequential(Normalisation(2), Scale(2))))
    save(model, path)
    with pytest.raises(nn.CheckpointError) as caught:
        load(path, [Normalisation])
    assert str(caught.value) == (
        f"{path}: has custom layers, whose classes it needs: "
        'load(path, custom_layers={"Scale": Scale, "Twice": Twice})'
    )


def test_a_subclass_of_a_layer_of_tinynn_is_a_custom_layer(path):
    class Wide(nn.Dense):
        pass

    class Dense(nn.Dense):  # of the very name
        pass

    for cls in (Wide, Dense):
        model = nn.Sequential(cls(3, 2, rng=0))
        save(model, path)
        with pytest.raises(nn.CheckpointError, match=f'custom_layers={{"{cls.__name__}": {cls.__name__}}}'):
            load(path)
        assert type(back(model, path, [cls])[0]) is cls
    save(nn.Dense(3, 2), path)
    assert type(load(path, [Dense])) is nn.Dense


def test_two_classes_of_one_name_are_refused(path):
    class Scale(custom.Scale):
        pass

    with pytest.raises(nn.InvalidValueError, match="two classes of layers are named Scale; rename one of them"):
        save(nn.Sequential(custom.Scale(2), Scale(2)), path)
    save(nn.Sequential(Scale(2), Scale(2)), path)


# ---- arguments ------------------------------------------------------------------------------------


def test_layers_within_arguments(path):
    model = Twice(Twice(nn.Sequential(nn.Dense(2, 2, rng=0), nn.Tanh())))
    loaded = back(model, path)
    assert [name for name, _ in loaded.named_parameters()] == ["inner.inner.0.weight", "inner.inner.0.bias"]
    model = Branches(
        [nn.Dense(1, 2, rng=0), nn.Tanh()], {"a": nn.Dense(2, 1, rng=1), "b": (nn.ReLU(), 3)}, names=("x",)
    )
    loaded = back(model, path)
    assert loaded.names == ("x",)
    assert repr(loaded.named["b"]) == "(ReLU(), 3)"


def test_arrays_within_arguments(path):
    mean = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    model = nn.Sequential(Standardise(mean, np.float32(0.5)), nn.Dense(3, 2, rng=0), Standardise(np.array([True])))
    loaded = back(model, path)
    assert loaded[0].mean.flags.f_contiguous
    np.testing.assert_array_equal(loaded[0].mean, mean)
    assert (type(loaded[0].deviation), loaded[0].deviation) == (np.float32, 0.5)
    assert (loaded[2].mean.tolist(), loaded[2].deviation) == ([True], None)
    assert "1.weight" in np.load(path).files


def test_an_array_that_is_an_argument_and_part_of_the_state(path):
    """It is stored twice, under two names: what it began as and what it has become may differ."""

    class Running(Standardise):
        persistent = ("mean",)

    model = nn.Sequential(nn.Tanh(), Twice(Running(np.arange(3.0))))
    loaded = back(model, path, [Running, Twice])
    assert loaded[1].inner.mean.tolist() == [0, 1, 2]
    assert np.load(path).files == ["tinynn.json", "1.inner.mean", "layers.1.inner.mean"]
    model = Twice(Running(np.arange(3.0)))
    back(model, path, [Running, Twice])
    assert np.load(path).files == ["tinynn.json", "inner.mean", "inner.mean~2"]


def test_variable_arguments(path):
    loaded = back(nn.Sequential(Widths(3, 4, 2, rng=0)), path)
    assert loaded[0].widths == (3, 4, 2)
    assert repr(Widths(3, 4)) == "Widths(Dense(3, 4), Tanh())"  # a container shows its layers
    assert repr(back(nn.Reshape(2, -1), path)) == "Reshape(2, -1)"


def test_an_argument_kept_in_another_form(path):
    assert back(OwnConfig("a", {"number": 3}), path).number == 3


def test_numbers_of_all_sizes_and_kinds(path):
    values = (2**200, -0.0, float("inf"), "ü", None, True, [1, (2,)], {"$layer": "Dense", "arguments": {}}, np.int8(3))
    for value in values:
        assert repr(back(Standardise(value), path).mean) == repr(value)


def test_every_kind_of_argument(path):
    class Kinds(Plain):
        def __init__(self, first, /, second, third=3, *more, fourth, fifth=5, rng, dtype):
            self.first, self.second, self.third, self.more = first, second, third, more
            self.fourth, self.fifth = fourth, fifth
            self.weight = nn.Parameter(np.zeros(1, dtype))

    model = Kinds(1, 2, 4, 5, 6, fourth=7, rng=0, dtype=np.float64)
    assert repr(model) == "Kinds(1, 2, third=4, 5, 6, 7, …, …)"
    loaded = back(model, path, [Kinds])
    assert (loaded.first, loaded.second, loaded.third, loaded.more, loaded.fourth) == (1, 2, 4, (5, 6), 7)
    assert loaded.dtype == np.float64


def test_a_dtype_of_no_parameters(path):
    class Cast(Plain):
        def __init__(self, size, dtype=np.float64):
            self.size, self.kind = size, np.dtype(dtype)

    save(Cast(2, np.float32), path)
    assert load(path, [Cast]).kind == np.float64  # nothing keeps it: the default


def test_an_argument_that_no_attribute_keeps(path):
    class Forgetful(Plain):
        def __init__(self, features, slope=1.0):
            self.width = features

    with pytest.raises(nn.InvalidValueError) as caught:
        save(nn.Sequential(Forgetful(3)), path)
    assert str(caught.value) == (
        "save: no attribute keeps Forgetful's argument 'features', and without it the layer cannot be built again; "
        "write self.features = features in its __init__, or override config()"
    )
    assert not path.exists()


def test_an_argument_that_no_file_can_hold(path):
    with pytest.raises(nn.DtypeError, match="^layers.1.mean: no file can hold a function; dicts"):
        save(nn.Sequential(nn.Tanh(), Standardise(lambda: 1)), path)
    with pytest.raises(nn.DtypeError, match="^deviation.a: no file can hold a Parameter; dicts"):
        save(Standardise(1, {"a": nn.Parameter([1.0])}), path)


def test_a_config_that_says_too_much(path):
    class Talkative(Plain):
        def config(self):
            return {"size": 3}

    with pytest.raises(nn.InvalidValueError, match="Talkative.config.. has 'size', which its __init__ does not take"):
        save(Talkative(), path)


def test_functions_that_drew_the_start_are_left_out_and_others_are_not(path):
    def own(shape, rng, dtype):
        return np.ones(shape, dtype)

    class Start(Plain):
        def __init__(self, gain_initializer=initializers.zeros, activation=None):
            self.gain_initializer, self.activation = gain_initializer, activation

    save(Start(own), path)
    assert load(path, [Start]).gain_initializer is initializers.zeros
    save(Start(0.5), path)
    assert load(path, [Start]).gain_initializer == 0.5
    save(Start(initializers.he_normal), path)
    assert load(path, [Start]).gain_initializer is initializers.he_normal
    with pytest.raises(nn.DtypeError, match="activation: no file can hold a function"):
        save(Start(activation=own), path)


def test_an_initializer_that_the_constructor_does_not_keep_as_it_is(path):
    class Wrapped(Plain):
        def __init__(self, gain_initializer):
            self.wrapped = [gain_initializer]

        @property
        def gain_initializer(self):
            return self.wrapped[0]

    save(Wrapped(initializers.he_normal), path)
    with pytest.raises(nn.CheckpointError, match="cannot build Wrapped .*no setter"):
        load(path, [Wrapped])


def test_a_generator_is_never_stored(path):
    class Noise(Plain):
        def __init__(self, rng):
            self.rng = np.random.default_rng(rng)

    save(Noise(3), path)
    assert isinstance(load(path, [Noise]).rng, np.random.Generator)
    assert "rng" not in repr(nn.Dropout(rng=0).config())


def test_a_constructor_that_refuses(path):
    class Picky(Plain):
        allowed = True

        def __init__(self, size):
            self.size = size
            if not self.allowed:
                raise AttributeError("not today")

    save(nn.Sequential(Picky(3)), path)
    Picky.allowed = False
    with pytest.raises(nn.CheckpointError) as caught:
        load(path, [Picky])
    assert str(caught.value) == f"{path}: cannot build Picky from {{'size': 3}}: not today"
    assert isinstance(caught.value.__cause__, AttributeError) or caught.value.__cause__ is not None


def test_a_class_that_has_changed_since(path):
    class Layer1(Plain):
        def __init__(self, size):
            self.size = size

    class Layer2(Plain):
        def __init__(self, width):
            self.width = width

    save(Layer1(3), path)
    with pytest.raises(nn.CheckpointError, match="cannot build Layer1 from {'size': 3}: unknown arguments .'size'."):
        load(path, {"Layer1": Layer2})


def test_subclasses_of_containers(path):
    class Chain(nn.Sequential):
        pass

    class Shortcut(nn.Residual):
        pass

    model = Chain(Shortcut(Chain(nn.Dense(2, 2), nn.Tanh())), nn.Parallel(Chain(), merge="sum"), rng=0)
    loaded = back(model, path, [Chain, Shortcut])
    assert [type(layer) for layer in loaded.layers_inside()] == [type(layer) for layer in model.layers_inside()]
    model.append(nn.Tanh())
    back(model, path, [Chain, Shortcut])
    model = Widths(3, 2).append(nn.Dense(2, 1, rng=0))  # more than its arguments tell
    save(model, path)
    with pytest.raises(nn.CheckpointError, match="2.weight is unknown; 2.bias is unknown"):
        load(path, [Widths])


# ---- state beside the parameters ------------------------------------------------------------------


def normalised(dtype=np.float32):
    model = nn.Sequential(nn.Dense(3, 2, dtype=dtype), Normalisation(2, dtype=dtype), rng=0)
    model.forward(np.random.default_rng(0).normal(size=(20, 3)).astype(dtype))
    return model


def test_running_figures_come_back(path):
    model = normalised()
    loaded = back(model, path)
    layer = loaded[1]
    assert (layer.batches, layer.started) == (1, True)
    assert (type(layer.batches), type(layer.started)) == (int, bool)
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    with np.load(path) as values:
        assert values.files[3:] == ["1.gain", "1.mean", "1.variance", "1.batches", "1.started"]
        np.testing.assert_array_equal(values["1.mean"], model[1].mean)


def test_running_figures_of_another_precision_come_back(path):
    model = normalised().astype(np.float64)
    assert back(model, path)[1].mean.dtype == np.float64
    model = nn.Sequential(Normalisation(2))
    model[0].mean = model[0].mean.astype(np.float64)  # a class that does not follow the parameters
    assert back(model, path)[0].mean.dtype == np.float64


def test_faults_of_running_figures_are_listed_with_the_others(path):
    save(Normalisation(2), path)
    content, arrays = container.read(path, "model")
    arrays |= {"mean": np.ones(3), "batches": np.ones(2, np.int64), "variance": np.ones(2, np.int64)}
    del arrays["started"]
    container.write(path, "model", content, arrays)
    with pytest.raises(nn.CheckpointError) as caught:
        load(path, [Normalisation])
    for part in (
        "started is missing",
        "mean has shape (3,) instead of (2,)",
        "batches has shape (2,) instead of ()",
        "variance has dtype int64 instead of float32",
    ):
        assert part in str(caught.value)


def test_an_argument_of_a_wrong_kind_that_is_part_of_the_state(path):
    class Running(Standardise):
        persistent = ("mean",)

    save(Running(np.ones(3)), path)
    content, arrays = container.read(path, "model")
    content["arguments"]["mean"] = "x"
    container.write(path, "model", content, {"mean": arrays["mean"]})
    with pytest.raises(nn.CheckpointError) as caught:
        load(path, [Running])
    assert str(caught.value) == (
        f"{path}: is damaged or made up: mean: what persists must be an array or a number, got 'x'"
    )


def test_a_number_keeps_its_own_kind(path):
    """An average that began as the int 0 is a float by now."""
    model = Normalisation(2)
    model.batches = 0.5
    save(model, path)
    assert load(path, [Normalisation]).batches == 0.5
