"""The generators that training finds, and their states: complete, and put back all or none."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from training.runs import differences

from tinynn.errors import CheckpointError
from tinynn.storage import packing
from tinynn.training import generators

KINDS = [np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64]


class Owner:
    """Something with generators among its attributes."""

    transient = ("left_out",)

    def __init__(self, **attributes):
        vars(self).update(attributes, number=3, left_out=np.random.default_rng(0))


def saved(owner):
    """The states as a file gives them back."""
    return packing.unpack(*packing.pack(generators.states([("owner", owner)])))


def draws(rng):
    """Numbers of each kind that a generator keeps something over for."""
    numbers = [*rng.standard_normal(3), rng.uniform()]
    return numbers + ([int(rng.integers(9, dtype=np.uint32))] if isinstance(rng, np.random.Generator) else [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [np.random.Generator, np.random.RandomState])
def test_a_generator_goes_on_where_it_was(make, kind):
    owner, other = Owner(rng=make(kind(1))), Owner(rng=make(kind(2)))
    draws(owner.rng)  # a normal number of a pair, and half of 64 bits, are kept over
    state = saved(owner)
    assert list(state) == ["owner.rng"]
    generators.restore([("owner", other)], state)
    assert draws(other.rng) == draws(owner.rng)


def test_a_random_state_that_holds_the_second_of_two_normal_numbers():
    owner, other = Owner(rng=np.random.RandomState(0)), Owner(rng=np.random.RandomState(0))
    assert owner.rng.randn() == other.rng.randn()
    state = saved(owner)
    generators.restore([("owner", Owner(rng=other.rng))], state)
    assert owner.rng.randn() == other.rng.randn() == pytest.approx(0.4001572, abs=1e-7)


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state | {"uinteger": 0.01},
        lambda state: state | {"uinteger": 2**40},
        lambda state: state | {"uinteger": -1},
        lambda state: state | {"has_uint32": True},
        lambda state: state | {"more": 0},
        lambda state: state | {"state": {"state": 2**200, "inc": 1}},
        lambda state: state | {"state": [1, 2]},
        lambda state: without(state, "has_uint32"),
        lambda state: without(state, "state"),
    ],
)
def test_a_state_that_cannot_be_is_refused_and_nothing_changes(change):
    owner = Owner(first=np.random.default_rng(1), second=np.random.default_rng(2), third=np.random.RandomState(3))
    before, state = saved(owner), saved(Owner(**{k: np.random.default_rng(9) for k in ("first", "second")}))
    state["owner.third"] = copy.deepcopy(before["owner.third"]) | {"has_gauss": 1, "gauss": 0.5}
    state["owner.second"] = change(state["owner.second"])
    with pytest.raises(CheckpointError, match="owner.second has a state that cannot be$"):
        generators.restore([("owner", owner)], state)
    assert differences(before, saved(owner)) == []
