"""Nested states as JSON and arrays: exact to the last bit, strict in both directions."""

from __future__ import annotations

import collections
import enum
import json
import math
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinynn as nn
from tinynn.storage import container
from tinynn.storage.packing import pack, unpack

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def bits(number):
    return struct.pack(">d", number)


def assert_same(mine, theirs, place="tree"):
    """The same types all the way down, floats and arrays bit for bit."""
    assert type(mine) is type(theirs), place
    if isinstance(mine, (list, tuple)):
        assert len(mine) == len(theirs), place
        for k, pair in enumerate(zip(mine, theirs, strict=True)):
            assert_same(*pair, f"{place}.{k}")
    elif isinstance(mine, dict):
        assert list(mine) == list(theirs), place
        for key in mine:
            assert_same(mine[key], theirs[key], f"{place}.{key}")
    elif type(mine) is float:
        assert bits(mine) == bits(theirs), place
    elif isinstance(mine, (np.ndarray, np.generic)):
        assert (mine.dtype, mine.shape, mine.tobytes("A")) == (theirs.dtype, theirs.shape, theirs.tobytes("A")), place
        assert mine.flags.f_contiguous == theirs.flags.f_contiguous, place
    else:
        assert mine == theirs, place


def through_text(tree):
    plain, arrays = pack(tree)
    return unpack(json.loads(json.dumps(plain, allow_nan=False)), arrays)


arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**140), 2**140)
    | st.floats()
    | st.text()
    | arrays
    | arrays.map(np.asfortranarray)
    | hnp.arrays(st.sampled_from(DTYPES), ()).map(lambda array: array[()])
)
keys = st.text(max_size=5) | st.sampled_from(["$array", "$dict", "$tuple", "$", "a", "0", "a.b", "../x", "x~2"])
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(trees)
@example({"a.b": np.zeros(1), "a": {"b": np.ones(1)}, "a_b": np.ones(2), "a/b": np.ones(3)})
@example([2**63, 2**63 - 1, -(2**63), 1 - 2**63, 10**5000, -(10**5000)])
@example([math.nan, -math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1])
@example({"$array": "x", "$tuple": {"$": ({}, [], ())}})
def test_whatever_is_packed_comes_back(tree):
    assert_same(through_text(tree), tree)


def test_the_bits_of_a_nan_survive():
    for digits in ("7ff8000000000001", "fff8000000000000", "7ff8deadbeef0000"):
        (number,) = struct.unpack(">d", bytes.fromhex(digits))
        assert pack(number)[0] == {"$float": digits}
        assert bits(through_text(number)).hex() == digits


def test_what_it_looks_like():
    """As docs/format.md tells it."""
    weight = np.zeros((2, 2))
    tree = {
        "steps": 3,
        "seed": 2**64,
        "low": -(2**63),
        "best": [0.5, -math.inf],
        "last": np.float32(1),
        "on": np.True_,
        "betas": (0.9, 0.999),
        "slots": {"0": {"momentum": weight}},
        "odd": {"$x": None},
    }
    plain, found = pack(tree)
    assert plain == {
        "steps": 3,
        "seed": {"$int": "0x10000000000000000"},
        "low": {"$int": "-0x8000000000000000"},
        "best": [0.5, {"$float": "fff0000000000000"}],
        "last": {"$scalar": ["<f4", "0000803f"]},
        "on": {"$scalar": ["|b1", "01"]},
        "betas": {"$tuple": [0.9, 0.999]},
        "slots": {"0": {"momentum": {"$array": "slots.0.momentum"}}},
        "odd": {"$dict": [["$x", None]]},
    }
    assert list(found) == ["slots.0.momentum"]
    assert found["slots.0.momentum"] is weight


def test_names_of_arrays_are_harmless_and_each_its_own():
    one = np.ones(1)
    tree = {"a": {"b": one}, "a.b": one, "a/b": one, "a b": one, "": one, "ü" * 300: one, "..": [one]}
    plain, found = pack(tree)
    assert list(found) == ["a.b", "a.b~2", "a_b", "a_b~2", "array", "_" * 200, "...0"]
    assert [value["$array"] for key, value in plain.items() if key not in ("a", "..")] == list(found)[1:6]
    assert pack(one)[1].keys() == {"array"}


def test_through_a_file(tmp_path):
    tree = {"model": {"0.weight": np.asfortranarray(np.ones((2, 3), np.float32))}, "rng": np.random.PCG64(0).state}
    path = tmp_path / "x"
    container.write(path, "checkpoint", *pack(tree))
    assert_same(unpack(*container.read(path, "checkpoint")), tree)
    assert np.load(path)["model.0.weight"].shape == (2, 3)


@pytest.mark.parametrize("name", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
def test_the_states_of_numpy_s_generators(name):
    state = getattr(np.random, name)(5).state
    assert_same(through_text(state), state)


# ---- what cannot be packed ------------------------------------------------------------------------


class Number(int):
    pass


class Colour(enum.IntEnum):
    RED = 1


Pair = collections.namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({1, 2}, "a set"),
        (b"x", "a bytes"),
        (1j, "a complex"),
        (object(), "an object"),
        (len, "a builtin_function_or_method"),
        (Number(1), "a Number"),
        (Colour.RED, "a Colour"),
        (Pair(1, 2), "a Pair"),
        (collections.OrderedDict(), "an OrderedDict"),
        (np.float32, "a type"),
        (np.ma.masked_array([1], [True]), "a MaskedArray"),
        (nn.Dense(1, 1, rng=0), "a Dense"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_types_are_refused_with_their_place(value, what):
    with pytest.raises(nn.DtypeError) as caught:
        pack({"callbacks": [0, {"best": value}]})
    assert str(caught.value) == (
        f"callbacks.1.best: no file can hold {what}; dicts with string keys, lists, tuples, numbers, strings, None "
        "and NumPy arrays can be stored"
    )


@pytest.mark.parametrize(
    "value", [np.array(["x"]), np.array([None]), np.str_("x"), np.complex64(1), np.datetime64(0, "s")]
)
def test_other_dtypes_are_refused_with_their_place(value):
    with pytest.raises(nn.DtypeError, match="^a.0: cannot store dtype"):
        pack({"a": [value]})
    with pytest.raises(nn.DtypeError, match="^the value: cannot store dtype"):
        pack(value)


@pytest.mark.parametrize("key", [1, None, (1,), b"x", np.str_("x")])
def test_keys_are_strings(key):
    with pytest.raises(nn.DtypeError, match="^a: a dict needs string keys to be stored, got"):
        pack({"a": {"fine": 1, key: 2}})


def test_halves_of_surrogate_pairs():
    """As JSON two of them would come back as one character."""
    for value in ("\ud83d\ude00", ["\udc00"], {"\ud800": 1}):
        with pytest.raises(nn.DtypeError, match="half of a surrogate pair"):
            pack(value)
    assert through_text("\U0001f600") == "\U0001f600"


def nested(levels, value=None):
    for _ in range(levels):
        value = [value]
    return value


def test_the_depth_has_a_limit():
    assert_same(through_text(nested(100)), nested(100))
    with pytest.raises(nn.DtypeError, match=r"^0(\.0)*: nested in more than 100 levels"):
        pack(nested(101))
    circle = []
    circle.append(circle)
    with pytest.raises(nn.DtypeError, match="a list that holds itself"):
        pack(circle)
    for levels in (101, 900):
        with pytest.raises(nn.CheckpointError, match="nested in more than 100 levels"):
            unpack(nested(levels), {})


# ---- what cannot have been packed -----------------------------------------------------------------

X = {"x": np.ones(1)}


@pytest.mark.parametrize(
    "plain",
    [
        {"$array": "y"},
        {"$array": 1},
        {"$array": None},
        {"$array": ["x"]},
        {"$array": "x", "more": 1},
        {"$arrays": "x"},
        {"$": 1},
        {"$float": "3ff0000000000000" + "00"},
        {"$float": "7FF0000000000000"},
        {"$float": "7ff0 00000000000"},
        {"$float": ""},
        {"$float": 1.5},
        {"$float": None},
        {"$float": ["7ff0000000000000"]},
        {"$int": "18446744073709551616"},
        {"$int": "0x"},
        {"$int": "0X10"},
        {"$int": "0x1_0"},
        {"$int": " 0x10"},
        {"$int": "0x10\n"},
        {"$int": 1},
        {"$int": None},
        {"$tuple": {}},
        {"$tuple": "ab"},
        {"$tuple": None},
        {"$dict": {}},
        {"$dict": None},
        {"$dict": "ab"},
        {"$dict": [["a"]]},
        {"$dict": [["a", 1, 2]]},
        {"$dict": [[1, 2]]},
        {"$dict": [["a", 1], ["a", 2]]},
        {"$dict": ["ab"]},
        {"$dict": [None]},
        {"$scalar": ["<f4"]},
        {"$scalar": ["<f4", "0000803f", 1]},
        {"$scalar": ["<f4", "0000803f00"]},
        {"$scalar": ["<f4", "0000803"]},
        {"$scalar": ["<f4", "0000803F"]},
        {"$scalar": ["|O", "0000000000000000"]},
        {"$scalar": ["<U1", "00000000"]},
        {"$scalar": ["|b1", "02"]},
        {"$scalar": ["<f4", 1]},
        {"$scalar": [["<f4"], "0000803f"]},
        {"$scalar": "<f4"},
        {"$scalar": None},
        {"$layer": "Dense", "arguments": {}},
        {"$dtype": "float32"},
        {"$initializer": "zeros"},
    ],
    ids=str,
)
def test_json_that_pack_does_not_write(plain):
    for wrapped in (plain, [0, plain], {"a": plain}, {"$tuple": [plain]}, {"$dict": [["$", plain]]}):
        with pytest.raises(nn.CheckpointError, match="tinynn does not write|holds arrays that belong nowhere"):
            unpack(wrapped, X)
        with pytest.raises(nn.CheckpointError, match="tinynn does not write"):
            unpack([{"$array": "x"}, wrapped], X)


def test_each_array_belongs_to_one_place():
    assert_same(unpack([{"$array": "x"}], X), [np.ones(1)])
    with pytest.raises(nn.CheckpointError, match="1: tinynn does not write"):
        unpack([{"$array": "x"}, {"$array": "x"}], X)
    with pytest.raises(nn.CheckpointError, match="holds arrays that belong nowhere: x, y"):
        unpack([], {**X, "y": np.ones(1)})
    assert list(X) == ["x"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$array", "$scalar", "$float", "$int", "$tuple", "$dict", "$layer", "a"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=10,
)


@given(json_values)
def test_any_json_is_unpacked_or_refused(plain):
    try:
        tree = unpack(plain, {})
    except nn.CheckpointError:
        return
    assert_same(unpack(*pack(tree)), tree)
