"""State that is not trained: running figures are part of state_dict, copies and conversions."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from storage.custom import Normalisation, Plain

import tinynn as nn


class Two(Plain):
    """One inside the other, both with figures; in a list and in a dict, too."""

    persistent = ("total",)

    def __init__(self):
        self.total = 3.5
        self.weight = nn.Parameter([1.0])
        self.blocks = [Normalisation(2), {"last": Normalisation(1)}]


NAMES = [
    "weight",
    "blocks.0.gain",
    "blocks.1.last.gain",
    "total",
    *(f"blocks.0.{name}" for name in Normalisation.persistent),
    *(f"blocks.1.last.{name}" for name in Normalisation.persistent),
]


def test_figures_stand_beside_the_parameters():
    layer = Two()
    state = layer.state_dict()
    assert list(state) == NAMES
    assert [name for name, _ in layer.named_parameters()] == NAMES[:3]
    assert all(isinstance(value, np.ndarray) for value in state.values())
    assert (state["total"].shape, state["total"].item()) == ((), 3.5)
    assert state["blocks.0.batches"].dtype.kind == "i" and state["blocks.0.started"].dtype == bool
    state["blocks.0.mean"][:] = 99
    assert not layer.blocks[0].mean.any()
    assert list(nn.Sequential(layer).state_dict()) == [f"0.{name}" for name in NAMES]


def test_loading_writes_arrays_in_place_and_numbers_stay_numbers():
    layer = nn.Sequential(nn.Dense(3, 2, rng=0), Normalisation(2))
    layer.forward(np.random.default_rng(0).normal(size=(20, 3)))
    other = nn.Sequential(nn.Dense(3, 2, rng=1), Normalisation(2))
    mean, x = other[1].mean, np.ones((2, 3), np.float32)
    other.load_state_dict(layer.state_dict())
    assert other[1].mean is mean
    assert (type(other[1].batches), other[1].batches) == (int, 1)
    assert (type(other[1].started), other[1].started) == (bool, True)
    np.testing.assert_array_equal(other.predict(x), layer.predict(x))


def test_plain_numbers_and_lists_can_be_loaded():
    layer = Normalisation(2)
    layer.load_state_dict({"mean": [1, 2], "batches": 7, "started": True}, strict=False)
    assert layer.mean.tolist() == [1, 2] and layer.mean.dtype == np.float32
    assert (layer.batches, layer.started) == (7, True)
    layer.load_state_dict({"batches": 0.5}, strict=False)
    assert layer.batches == 0.5


def test_faults_are_listed_with_those_of_the_parameters_and_nothing_changes():
    layer = Two()
    state = layer.state_dict()
    bad = dict(state) | {"total": np.ones(2), "blocks.0.mean": np.ones((2, 1)), "more": np.ones(1)}
    del bad["blocks.0.started"], bad["weight"]
    bad["blocks.0.batches"] = np.array(5)
    with pytest.raises(nn.ShapeError) as caught:
        layer.load_state_dict(bad)
    assert str(caught.value) == (
        "Two: the state does not fit this network: weight is missing; blocks.0.started is missing; more is unknown; "
        "total has shape (2,) instead of (); blocks.0.mean has shape (2, 1) instead of (2,)"
    )
    assert layer.blocks[0].batches == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("mean", np.array([1j, 1j]), "mean: expected real numbers as x, got an array of dtype complex128"),
        ("mean", ["a", "b"], "mean: expected real numbers as x, got an array of dtype <U1"),
        ("batches", "x", "batches: expected a number, got an array of dtype <U1"),
        ("batches", None, "batches: expected a number, got an array of dtype object"),
        ("counts", [0.5, 0.5], "counts: expected values of dtype int64, got an array of dtype float64"),
        ("counts", [None, None], "counts: expected values of dtype int64, got an array of dtype object"),
    ],
)
def test_values_of_a_wrong_kind(name, value, said):
    class Counting(Normalisation):
        persistent = (*Normalisation.persistent, "counts")
        counts = np.zeros(2, np.int64)

    layer = Counting(2)
    with pytest.raises(nn.DtypeError) as caught:
        layer.load_state_dict({name: value, "started": True}, strict=False)
    assert str(caught.value) == said
    assert not layer.started
    layer.load_state_dict({"counts": np.array([1, 2], np.int8)}, strict=False)
    assert layer.counts.tolist() == [1, 2] and layer.counts.dtype == np.int64


@pytest.mark.parametrize("value", [None, "x", [None], nn.Parameter([1.0]), nn.Tanh()], ids=repr)
def test_what_persists_is_an_array_or_a_number(value):
    layer = Normalisation(2)
    layer.mean = value
    with pytest.raises(nn.DtypeError, match="^0.mean: what persists must be an array or a number, got"):
        nn.Sequential(layer).state_dict()


def test_a_copy_has_figures_of_its_own():
    layer = Normalisation(2)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        other.mean += 1
        other.batches = 5
    assert not layer.mean.any() and layer.batches == 0


def test_astype_converts_arrays_of_floats_and_nothing_else():
    class Counting(Normalisation):
        persistent = (*Normalisation.persistent, "counts")

    layer = Counting(2)
    layer.counts, layer.mean = np.zeros(2, np.int32), np.ones(2, np.float32)
    model = nn.Sequential(layer)
    assert model.astype(np.float64) is model
    assert (layer.mean.dtype, layer.variance.dtype, layer.counts.dtype) == (np.float64, np.float64, np.int32)
    assert layer.mean.tolist() == [1, 1] and type(layer.batches) is int
    mean = layer.mean
    model.astype(np.float64)
    assert layer.mean is mean
    assert model.forward(np.ones((3, 2))).dtype == np.float64


def test_the_memory_order_of_a_state_is_that_of_the_values():
    layer = nn.Dense(3, 2, rng=0)
    assert layer.state_dict()["weight"].flags.f_contiguous
    assert not np.shares_memory(layer.state_dict()["weight"], layer.weight.value)
