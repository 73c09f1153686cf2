"""Models that no network could have been: whatever they ask for, they end in a CheckpointError, at once."""

from __future__ import annotations

import copy
import json
import tracemalloc

import forged
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.custom import ALL, Scale, Twice

import tinynn as nn
from tinynn.storage import container, load, save

WEIGHT = forged.array("weight", np.ones((2, 3), "<f4").tobytes("F"), "<f4", True, "(2, 3)")
BIAS = forged.array("bias", bytes(8), "<f4", shape="(2,)")


def layer(name, **arguments):
    return {"$layer": name, "arguments": arguments}


def sequential(*layers):
    return layer("Sequential", layers=list(layers))


DENSE = layer("Dense", in_features=3, out_features=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def forge(path, content, *entries):
    path.write_bytes(forged.file(forged.manifest(content), *entries))


def assert_refused(path, said="", custom_layers=()):
    tracemalloc.start()
    try:
        with pytest.raises(nn.CheckpointError) as caught:
            load(path, custom_layers)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert len(message) < 1000 + len(str(path))
    # A layer of a wrong shape may be built before that is noticed: its values, their gradients and copies.
    assert peak < 7 * path.stat().st_size + 500_000


def test_the_right_files_by_the_same_hand_are_read(path):
    forge(path, DENSE, WEIGHT, BIAS)
    assert load(path).predict(np.ones((1, 3), np.float32)).tolist() == [[3, 3]]
    forge(
        path,
        sequential(layer("Dropout", rate=0.25), sequential(layer("Parallel", layers=[layer("Tanh")], merge="sum"))),
    )
    assert repr(load(path)) == "Sequential(Dropout(0.25), Sequential(Parallel(Tanh(), merge='sum')))"
    forge(path, {"$custom": "Scale", "arguments": {"features": 2}}, forged.array("factor", bytes(8), shape="(2,)"))
    assert repr(load(path, [Scale])) == "Scale(2)"


# ---- memory ---------------------------------------------------------------------------------------

HUGE = [
    {"in_features": 10**6, "out_features": 10**6},
    {"in_features": 10**6, "out_features": 10**6, "bias": False},
    {"in_features": 1, "out_features": 10**9, "bias": False},
    {"in_features": 10**9, "out_features": 1},
    {"in_features": 10**30, "out_features": 10**30},
    {"in_features": {"$int": "0x" + "f" * 5000}, "out_features": 1},
    {"in_features": {"$scalar": ["<i8", "0000000001000000"]}, "out_features": 1},
    {"in_features": {"$array": "size"}, "out_features": 1},
    {"in_features": {"$array": "size"}, "out_features": {"$array": "size2"}},
]


@pytest.mark.parametrize("arguments", HUGE, ids=lambda arguments: str(arguments)[:60])
def test_a_small_file_does_not_make_a_large_layer(path, arguments):
    size = [forged.array(name, (2**32).to_bytes(8, "little"), "<i8") for name in ("size", "size2")]
    uses = str(arguments).count("size")
    named = size[: 2 if "size2" in str(arguments) else 1] if uses else []
    for content in (
        layer("Dense", **arguments),
        sequential(DENSE, layer("Residual", layer=layer("Dense", **arguments))),
        {"$custom": "Twice", "arguments": {"inner": layer("Dense", **arguments)}},
    ):
        forge(path, content, WEIGHT, BIAS, *named)
        assert_refused(path, "is made up: its Dense layers have", [Twice])


def test_nor_do_many_layers(path):
    """Each alone would be in proportion to the file."""
    numbers = forged.array("x", bytes(4_000_000), shape="(1000, 1000)")
    dense = layer("Dense", in_features=1000, out_features=999, bias=True)
    forge(path, sequential(*[dense] * 100), numbers)
    assert_refused(path, "is made up: its Dense layers have 99999900 parameters, it holds 1000000 numbers")
    forge(path, sequential(dense), numbers)
    assert_refused(path, "0.weight is missing")


@pytest.mark.parametrize("negative", [{"in_features": -(10**6)}, {"out_features": -(10**6)}], ids=str)
def test_negative_widths_do_not_make_up_for_large_ones(path, negative):
    large = {"in_features": 10**6, "out_features": 10**6}
    forge(path, sequential(layer("Dense", **large), layer("Dense", **large | negative)), WEIGHT, BIAS)
    assert_refused(path, "is made up: its Dense layers have")


def test_the_bounds_are_exact(path):
    """6 weights and 2 biases are there: as many may be asked for, and then names and shapes decide."""
    for arguments, fits in (
        ({"in_features": 3, "out_features": 2}, True),
        ({"in_features": 1, "out_features": 4}, True),
        ({"in_features": 8, "out_features": 1, "bias": False}, True),
        ({"in_features": 8, "out_features": 1}, False),
        ({"in_features": 2, "out_features": 3}, False),
        ({"in_features": 3, "out_features": 3, "bias": False}, False),
    ):
        forge(path, layer("Dense", **arguments), WEIGHT, BIAS)
        if fits and arguments["in_features"] == 3:
            load(path)
        else:
            assert_refused(path, "does not fit" if fits else "is made up")
    forge(path, DENSE, forged.array("weight", bytes(6), "|i1", True, "(2, 3)"), BIAS)
    assert_refused(path, "is made up: its Dense layers have 8 parameters, it holds 2 numbers")


def test_a_deep_network(path):
    model = nn.Tanh()
    for _ in range(49):
        model = nn.Sequential(model)
    save(model, path)
    assert repr(load(path)) == repr(model)
    with pytest.raises(nn.DtypeError, match="nested in more than 100 levels"):
        save(nn.Sequential(nn.Sequential(model)), path)
    content = layer("Tanh")
    for _ in range(100):
        content = sequential(content)
    forge(path, content)
    assert_refused(path, "nested in more than 100 levels")


# ---- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Layer", "Container", "Activation", "os", "os.system", "tinynn.layers.Dense", "dense", "", "__class__", "Scale"],
)
def test_only_the_public_layers_have_names(path, name):
    """No module is imported, no attribute looked up."""
    forge(path, layer(name))
    assert_refused(path, f"has layers that this tinynn does not know: {name}; update tinynn", [Scale])
    forge(path, {"$custom": name, "arguments": {}})
    if name != "Scale":
        assert_refused(
            path, f'has custom layers, whose classes it needs: load(path, custom_layers={{"{name}": {name}}})'
        )


def test_both_kinds_of_missing_classes_are_listed(path):
    forge(path, sequential(layer("Conv2D"), {"$custom": "Twice", "arguments": {"inner": layer("LSTM")}}, layer("LSTM")))
    assert_refused(
        path,
        "has layers that this tinynn does not know: Conv2D, LSTM; update tinynn; and custom layers, whose classes it "
        'needs: load(path, custom_layers={"Twice": Twice})',
    )


@pytest.mark.parametrize(
    "initializer",
    [
        {"$initializer": "os.system"},
        {"$initializer": "_normal"},
        {"$initializer": "math"},
        {"$initializer": "zeros", "value": 1.0},
        {"$initializer": "constant"},
        {"$initializer": "constant", "value": 1},
        {"$initializer": "constant", "value": "1"},
        {"$initializer": "constant", "value": 1.0, "more": 1},
        {"$initializer": "nielsen"},
        {"$initializer": "nielsen", "scaled": 1},
        {"$initializer": "nielsen", "scaled": True, "value": 1.0},
        {"$initializer": ["zeros"]},
        {"$initializer": None},
    ],
    ids=str,
)
def test_other_initializers(path, initializer):
    forge(path, layer("Dense", in_features=3, out_features=2, weight_initializer=initializer), WEIGHT, BIAS)
    assert_refused(path, "weight_initializer: tinynn does not write")


@pytest.mark.parametrize("dtype", ["float16", "int8", "O", "float128", 1, None, ["float32"]])
def test_other_dtypes(path, dtype):
    forge(path, layer("Dense", in_features=3, out_features=2, dtype={"$dtype": dtype}), WEIGHT, BIAS)
    assert_refused(path, "dtype: tinynn does not write")
    forge(path, layer("Dense", in_features=3, out_features=2, dtype={"$dtype": "float32", "x": 1}), WEIGHT, BIAS)
    assert_refused(path, "dtype: tinynn does not write")


# ---- arguments ------------------------------------------------------------------------------------

WRONG = [
    layer("Dense"),
    layer("Dense", in_features=3),
    layer("Dense", in_features="3", out_features=2),
    layer("Dense", in_features=3.0, out_features=2),
    layer("Dense", in_features=-3, out_features=2),
    layer("Dense", in_features=0, out_features=2),
    layer("Dense", in_features=True, out_features=2),
    layer("Dense", in_features=[3], out_features=2),
    layer("Dense", in_features=None, out_features=2),
    layer("Dense", in_features=layer("Tanh"), out_features=2),
    layer("Dense", in_features=3, out_features=2, bias="yes"),
    layer("Dense", in_features=3, out_features=2, bias=[]),
    layer("Dense", in_features=3, out_features=2, dtype="float16"),
    layer("Dense", in_features=3, out_features=2, dtype=[["a", "f4"]]),
    layer("Dense", in_features=3, out_features=2, weight_initializer="zeros"),
    layer("Dense", in_features=3, out_features=2, weight_initializer=layer("Tanh")),
    layer("Dense", in_features=3, out_features=2, units=3),
    layer("Dense", in_features=3, out_features=2, self=1),
    layer("Dense", in_features=3, out_features=2, **{"": 1}),
    layer("Tanh", x=1),
    layer("Tanh", layers=[]),
    layer("Dropout", rate="0.5"),
    layer("Dropout", rate=2),
    layer("Dropout", rate=10**400),
    layer("Dropout", rate={"$float": "7ff8000000000000"}),
    layer("Dropout", rate=0.5, rng="x"),
    layer("LeakyReLU", negative_slope=10**400),
    layer("LeakyReLU", negative_slope={}),
    layer("ELU", alpha=-1),
    layer("GELU", approximate=["tanh"]),
    layer("GELU", approximate={"a": 1}),
    layer("Softplus", beta={"$float": "7ff0000000000000"}),
    layer("Reshape", shape=3),
    layer("Reshape", shape=["3"]),
    layer("Reshape", shape=[-1, -1]),
    layer("Reshape", shape="ab"),
    layer("Reshape", shape=None),
    layer("Sequential", layers=3),
    layer("Sequential", layers="ab"),
    layer("Sequential", layers=None),
    layer("Sequential", layers=[1]),
    layer("Sequential", layers=[[layer("Tanh")]]),
    layer("Sequential", layers={"a": layer("Tanh")}),
    layer("Sequential", layers=[{"$dtype": "float32"}]),
    layer("Sequential", layers=[], rng="x"),
    layer("Residual"),
    layer("Residual", layer=3),
    layer("Residual", layer=[layer("Tanh")]),
    layer("Parallel", layers=[]),
    layer("Parallel"),
    layer("Parallel", layers=[layer("Tanh")], merge="product"),
    layer("Parallel", layers=[layer("Tanh")], merge=["sum"]),
    {"$custom": "Scale", "arguments": {}},
    {"$custom": "Scale", "arguments": {"features": -1}},
    {"$custom": "Scale", "arguments": {"features": "x"}},
    {"$custom": "Twice", "arguments": {"inner": layer("Tanh"), "outer": 1}},
]


@pytest.mark.parametrize("content", WRONG, ids=lambda content: json.dumps(content)[:70])
def test_arguments_that_a_layer_refuses(path, content):
    forge(path, content, WEIGHT, BIAS)
    assert_refused(path, "cannot build ", [Scale, Twice])


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        "Dense",
        [],
        {},
        [DENSE],
        {"a": DENSE},
        {"$tuple": [DENSE]},
        {"$dtype": "float32"},
        {"$initializer": "zeros"},
        {"$layer": "Dense"},
        {"$layer": "Dense", "arguments": []},
        {"$layer": "Dense", "arguments": None},
        {"$layer": ["Dense"], "arguments": {}},
        {"$layer": None, "arguments": {}},
        {"$layer": "Tanh", "arguments": {}, "layers": []},
        {"$layer": "Tanh", "$custom": "Tanh", "arguments": {}},
        {"$custom": "Scale"},
        {"$layers": "Tanh", "arguments": {}},
        layer("Sequential", layers={"$tuple": 3}),
    ],
    ids=str,
)
def test_contents_that_describe_no_layer(path, content):
    forge(path, content)
    assert_refused(path, custom_layers=[Scale, Twice])
    forge(path, content, WEIGHT, BIAS)
    assert_refused(path, custom_layers=[Scale, Twice])


def test_arrays_that_nothing_asks_for(path):
    forge(path, layer("Tanh"), WEIGHT)
    assert_refused(path, "does not fit the network that it describes: weight is unknown")


# ---- whatever it may be ---------------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([2**31, 2**64, 10**12, 10**400, 1e308, 0.5])
    | st.sampled_from(["Dense", "Tanh", "Scale", "sum", "float32", "0.weight", "", "7ff0000000000000"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$layer", "$custom", "$array", "$scalar", "$int", "$tuple", "arguments", "layers", "bias"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def places(tree, place=()):
    """Every place in a tree of JSON."""
    yield place
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*place, key))


def parent(tree, place):
    for key in place[:-1]:
        tree = tree[key]
    return tree


@st.composite
def mutations(draw, tree):
    """The tree with up to three changes: something else in a place, a place gone, a key renamed, a place copied."""
    tree = {"content": copy.deepcopy(tree)}
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from([place for place in places(tree) if place]))
        above, key = parent(tree, place), place[-1]
        change = draw(st.sampled_from(["other", "gone", "renamed", "copied"]))
        if change == "gone" and len(place) > 1:
            del above[key]
        elif change == "renamed" and isinstance(above, dict) and len(place) > 1:
            above[draw(st.sampled_from(["$layer", "$custom", "$tuple", "bias", "layers", "x"]))] = above.pop(key)
        elif change == "copied":
            source = draw(st.sampled_from([place for place in places(tree) if place]))
            above[key] = copy.deepcopy(parent(tree, source)[source[-1]])
        else:
            above[key] = draw(values)
    return tree["content"]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A path, and the content and arrays of a model with a bit of everything."""
    path = tmp_path_factory.mktemp("good") / "model.npz"
    model = nn.Sequential(
        nn.Reshape(-1),
        nn.Parallel(nn.Dense(2, 3), nn.Residual(nn.Dense(2, 2, bias=False)), merge="concatenate"),
        Twice(Scale(5)),
        nn.Dropout(0.5),
        rng=0,
    )
    save(model, path)
    return path, *container.read(path, "model")


@given(data=st.data())
def test_any_change_of_the_json_is_harmless(good, data):
    path, content, arrays = good
    entries = [
        forged.array(name, a.tobytes("A"), a.dtype.str, a.flags.f_contiguous and not a.flags.c_contiguous, str(a.shape))
        for name, a in arrays.items()
    ]
    forge(path, data.draw(mutations(content)), *entries)
    try:
        model = load(path, ALL)
    except nn.CheckpointError as error:
        assert str(error).startswith(f"{path}: ")
    else:
        assert isinstance(model, nn.Layer)
        assert list(model.state_dict()) == list(arrays)
