"""Learning rates, groups, penalties and saved states, for every optimiser."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from cases import OPTIMIZERS, over
from differences import check_gradient
from drawn import examples, values
from hypothesis import given
from hypothesis import strategies as st
from test_optimizer_laws import DTYPES, parameters, train, values_of

import tinynn as nn


# ---- learning rates -----------------------------------------------------------------------------
@over(OPTIMIZERS)
def test_a_schedule_sees_step_0_first(row):
    seen = []
    constant, scheduled = parameters(), parameters()
    path = train(row(constant, 0.01), 5)
    optimizer = row(scheduled, lambda step: seen.append(step) or 0.01)
    np.testing.assert_array_equal(train(optimizer, 5), path)
    assert seen == [0, 1, 2, 3, 4]
    assert optimizer.steps == 5


@over(OPTIMIZERS)
def test_the_learning_rate_is_assignable_and_scales_the_step(row):
    listed = parameters()
    optimizer = row(listed, 0.01)
    train(optimizer, 3)
    twin = copy.deepcopy(optimizer)
    before = optimizer.vector.value.copy()
    twin.learning_rate = 0.02
    grads = np.linspace(-1, 1, 9)
    for each in (optimizer, twin):
        each.vector.grad[:] = grads
        each.step()
    np.testing.assert_allclose(twin.vector.value - before, 2 * (optimizer.vector.value - before), rtol=1e-9)
    optimizer.learning_rate = 0.0
    before = optimizer.vector.value.copy()
    optimizer.step()
    np.testing.assert_array_equal(optimizer.vector.value, before)


@over(OPTIMIZERS)
def test_groups_have_rates_and_penalties_of_their_own(row):
    """A group with options is what an optimiser with these options would be."""
    grouped, alone = parameters(), parameters()
    seen = []
    joint = row(
        [
            {"parameters": [grouped[0]], "learning_rate": 0.02, "weight_decay": 0.3, "l1_decay": 0.1},
            {"parameters": [grouped[1]], "learning_rate": lambda step: seen.append(step) or 0.05 / (1 + step)},
        ],
        0.01,
        weight_decay=0.2,
        l1_decay=0.05,
    )
    own = [
        row([alone[0]], 0.02, weight_decay=0.3, l1_decay=0.1),
        row([alone[1]], lambda step: 0.05 / (1 + step), weight_decay=0.2, l1_decay=0.05),
    ]
    rng = np.random.default_rng(3)
    for _ in range(10):
        for k in (0, 1):
            alone[k].grad = grouped[k].grad = rng.normal(size=grouped[k].shape)
        joint.step()
        for optimizer in own:
            optimizer.step()
    np.testing.assert_array_equal(values_of(grouped), values_of(alone))
    assert seen == list(range(10))
    assert joint.penalty() == pytest.approx(sum(optimizer.penalty() for optimizer in own), rel=1e-14)


def test_a_group_takes_what_it_leaves_out_from_the_optimizer():
    listed = parameters()
    optimizer = nn.SGD([{"parameters": [listed[0]]}, {"parameters": listed[1], "weight_decay": 0.5}], 0.1)
    assert [group.weight_decay for group in optimizer.groups] == [0.0, 0.5]
    assert [optimizer.rate(group) for group in optimizer.groups] == [0.1, 0.1]
    optimizer.learning_rate = 0.2
    assert [optimizer.rate(group) for group in optimizer.groups] == [0.2, 0.2]
    assert optimizer.rate() == 0.2


# ---- penalties ----------------------------------------------------------------------------------
@over(OPTIMIZERS)
@examples(0.05)
@given(data=st.data())
def test_the_penalty_s_gradient_is_what_the_step_adds(row, data):
    """With weight_decay and l1_decay a step is the one without them on the gradient of cost + penalty."""
    start = data.draw(values((5,), largest=3))
    grad = data.draw(values((5,), largest=3))
    penalties = {"weight_decay": 0.25, "l1_decay": 0.5}
    penalised, plain = nn.Parameter(start), nn.Parameter(start)
    optimizer = row([penalised], 0.01, **penalties)

    def penalty(w):
        penalised.value = w
        return np.array(optimizer.penalty())

    added = 0.5 * np.sign(start) + (0.0 if optimizer.decoupled else 0.25 * start)
    check_gradient(penalty, start, added)
    penalised.value = start
    penalised.grad, plain.grad = grad, grad + added
    if optimizer.decoupled:  # the weights shrink first, and the sign is that of the shrunk ones
        plain.value = start * (1 - 0.01 * 0.25)
    optimizer.step()
    row([plain], 0.01, weight_decay=0.0).step()
    np.testing.assert_allclose(penalised.value, plain.value, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(penalised.grad, grad)


def test_the_penalty_of_a_known_vector():
    optimizer = nn.SGD([nn.Parameter([3.0, -4.0])], 0.1, weight_decay=0.5, l1_decay=0.25)
    assert optimizer.penalty() == 0.5 / 2 * 25 + 0.25 * 7
    assert nn.AdamW([nn.Parameter([3.0, -4.0])], 0.1, weight_decay=0.5).penalty() == 0.0


# ---- copies and state ---------------------------------------------------------------------------
@DTYPES
@over(OPTIMIZERS)
def test_a_restored_state_goes_on_bit_exactly(row, dtype):
    optimizer = row(parameters(dtype), weight_decay=0.1)
    whole = train(optimizer, 6)
    resumed = row(parameters(dtype), weight_decay=0.1)
    np.testing.assert_array_equal(train(resumed, 3), whole[:3])
    state = pickle.loads(pickle.dumps(_without_functions(resumed.state_dict())))
    again = row(parameters(dtype), weight_decay=0.1)
    again.vector.value[:] = whole[2]
    again.load_state_dict(state)
    assert again.steps == 3
    rng = np.random.default_rng(1)
    rng.normal(size=(3, 9))  # what the first three steps drew
    for k in range(3, 6):
        again.vector.grad[:] = rng.normal(size=9) + again.vector.value
        again.step()
        np.testing.assert_array_equal(again.vector.value, whole[k])


def _without_functions(state):
    assert not callable(state["learning_rate"])
    return state


@over(OPTIMIZERS)
def test_a_saved_state_is_a_copy(row):
    optimizer = row(parameters())
    train(optimizer, 2)
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    train(optimizer, 2)
    for name, slot in state["slots"].items():
        np.testing.assert_array_equal(slot, kept["slots"][name])
        assert not np.shares_memory(slot, optimizer.state[name])
    other = row(parameters())
    other.load_state_dict(state)
    train(other, 1)
    for name, slot in state["slots"].items():
        np.testing.assert_array_equal(slot, kept["slots"][name])


@over(OPTIMIZERS)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(row):
    optimizer = row(parameters(), 0.1)
    train(optimizer, 2)
    good = optimizer.state_dict()
    short = row([nn.Parameter([1.0])], 0.1)
    stranger = (nn.SGD if row.make is not nn.SGD else nn.Adam)(parameters(), 0.1)
    bad = [stranger.state_dict(), {}, {"optimizer": good["optimizer"]}, {**good, "slots": {"other": np.ones(9)}}]
    for state in bad:
        with pytest.raises(nn.InvalidValueError, match="state"):
            optimizer.load_state_dict(state)
    if good["slots"]:
        with pytest.raises(nn.ShapeError, match="instead of"):
            optimizer.load_state_dict(short.state_dict())
    after = optimizer.state_dict()
    assert after["steps"] == good["steps"] == 2
    for name, slot in good["slots"].items():
        np.testing.assert_array_equal(after["slots"][name], slot)


@over(OPTIMIZERS)
def test_a_copy_goes_on_alone(row):
    optimizer = row(parameters(), 0.1)
    train(optimizer, 3)
    for copied in (copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))):
        twin = copied(optimizer)
        before = optimizer.vector.value.copy()
        twin.vector.grad[:] = 1.0
        twin.step()
        assert (twin.vector.value != before).any()
        np.testing.assert_array_equal(optimizer.vector.value, before)
        kept = {name: slot.copy() for name, slot in optimizer.state.items()}
        np.testing.assert_array_equal(train(copied(optimizer), 4, seed=7), train(copied(optimizer), 4, seed=7))
        assert all((optimizer.state[name] == slot).all() for name, slot in kept.items())
    expected = train(copy.deepcopy(optimizer), 4, seed=7)
    np.testing.assert_array_equal(train(optimizer, 4, seed=7), expected)


def test_a_schedule_is_not_part_of_the_state():
    scheduled, constant = nn.SGD(parameters(), lambda step: 0.5), nn.SGD(parameters(), 0.25)
    assert scheduled.state_dict()["learning_rate"] is None
    constant.load_state_dict(scheduled.state_dict())
    assert constant.learning_rate == 0.25
    constant.load_state_dict(nn.SGD(parameters(), 0.125).state_dict())
    assert constant.learning_rate == 0.125
