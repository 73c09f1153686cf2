"""What holds for every optimiser: it converges, keeps arrays and state in place, and goes on bit-exactly."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch_cases
from cases import OPTIMIZERS, OptimizerRow, over
from differences import check_gradient
from drawn import examples, values
from hypothesis import given
from hypothesis import strategies as st
from memory import SMALL, peak_of

import tinynn as nn
from tinynn.optimizers import base

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def parameters(dtype=np.float64, seed=0):
    """A weight in Fortran order and a bias, as a Dense has them."""
    rng = np.random.default_rng(seed)
    weight = nn.Parameter(np.asfortranarray(rng.normal(size=(3, 2)).astype(dtype)), "weight")
    return [weight, nn.Parameter(rng.normal(size=3).astype(dtype), "bias")]


def train(optimizer, steps, seed=1):
    """Some steps on drawn gradients; the values after each."""
    rng, path = np.random.default_rng(seed), []
    for _ in range(steps):
        optimizer.vector.grad[:] = rng.normal(size=len(optimizer.vector)) + optimizer.vector.value
        optimizer.step()
        path.append(optimizer.vector.value.copy())
    return np.array(path)


def values_of(listed):
    return np.concatenate([p.value.ravel(order="A") for p in listed])


# ---- convergence --------------------------------------------------------------------------------
def parabola(w):
    return 0.5 * (w[0] ** 2 + 10 * w[1] ** 2), np.array([w[0], 10 * w[1]])


def rosenbrock(w):
    x, y = w
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def minimise(row: OptimizerRow, f, start, rate, steps):
    w = nn.Parameter(np.array(start))
    optimizer = row([w], rate)
    for _ in range(steps):
        w.grad = f(w.value)[1]
        optimizer.step()
    return f(w.value)[0], w.value


@over(OPTIMIZERS)
def test_converges_on_a_parabola(row):
    start = (1.0, -2.0)
    cost, w = minimise(row, parabola, start, row.parabola, 500)
    assert cost < 1e-6 * parabola(start)[0], w


@over(OPTIMIZERS)
def test_converges_on_rosenbrock_s_valley(row):
    start = (-1.2, 1.0)
    cost, w = minimise(row, rosenbrock, start, row.rosenbrock, 5000)
    assert cost < 0.05, w
    np.testing.assert_allclose(w, [1, 1], atol=0.4)


@over(OPTIMIZERS)
def test_a_small_step_goes_downhill(row):
    listed = parameters()
    optimizer = row(listed, 1e-6)
    before = values_of(listed)
    optimizer.vector.grad[:] = np.random.default_rng(2).normal(size=len(before))
    optimizer.step()
    assert (values_of(listed) - before) @ optimizer.vector.grad < 0


# ---- arrays and state ---------------------------------------------------------------------------
@DTYPES
@over(OPTIMIZERS)
def test_dtype_and_arrays_are_kept(row, dtype):
    listed = parameters(dtype)
    optimizer = row(listed)
    arrays = [(p.value, p.grad) for p in listed]
    vector = optimizer.vector.value, optimizer.vector.grad
    slots = {name: array for name, array in optimizer.state.items()}
    grads = np.arange(1.0, 10.0)
    optimizer.vector.grad[:] = grads
    for _ in range(3):
        optimizer.step()
        np.testing.assert_array_equal(optimizer.vector.grad, grads.astype(dtype))
    for parameter, (value, grad) in zip(listed, arrays, strict=True):
        assert parameter.value is value and parameter.grad is grad
        assert np.shares_memory(value, vector[0]) and np.shares_memory(grad, vector[1])
    assert optimizer.vector.value is vector[0] and optimizer.vector.grad is vector[1]
    assert vector[0].dtype == dtype
    for name, slot in optimizer.state.items():
        assert slot is slots[name]
        assert (slot.shape, slot.dtype) == (vector[0].shape, dtype)
        assert slot.any(), f"slot {name} is never written"


@over(OPTIMIZERS)
def test_state_belongs_to_each_parameter(row):
    """Together or each with an optimiser of its own: the same path, whatever the names."""
    together = parameters()
    alone = parameters()
    for parameter in (*together, *alone):
        parameter.name = "weight"
    joint, own = row(together), [row([p]) for p in alone]
    rng = np.random.default_rng(3)
    for _ in range(10):
        for k in (0, 1):
            alone[k].grad = together[k].grad = rng.normal(size=together[k].shape)
        joint.step()
        for optimizer in own:
            optimizer.step()
    np.testing.assert_array_equal(values_of(together), values_of(alone))


@over(OPTIMIZERS)
def test_two_optimizers_share_nothing(row):
    first, second = row(parameters()), row(parameters())
    path = train(first, 5)
    np.testing.assert_array_equal(train(second, 5), path)


@over(OPTIMIZERS)
@pytest.mark.parametrize("size", [1, 4])
def test_the_block_size_does_not_matter(row, size, monkeypatch):
    expected = train(row(parameters(), weight_decay=0.1, l1_decay=0.01), 10)
    monkeypatch.setattr(base, "BLOCK", size)
    optimizer = row(parameters(), weight_decay=0.1, l1_decay=0.01)
    assert len(optimizer._blocks) == -(-9 // size)
    np.testing.assert_allclose(train(optimizer, 10), expected, rtol=1e-13, atol=1e-15)


@DTYPES
@over(OPTIMIZERS)
def test_a_warm_step_allocates_no_array(row, dtype, monkeypatch):
    """Two blocks and a bit, penalties included; the smallest piece has 24 kB."""
    monkeypatch.setattr(base, "BLOCK", 8192)
    weight = nn.Parameter(np.ones(2 * base.BLOCK + 6000, dtype))
    optimizer = row([weight], 1e-3, weight_decay=0.1, l1_decay=0.1)
    weight.grad = np.linspace(-1, 1, weight.size)
    assert peak_of(optimizer.step) < SMALL


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


# ---- errors -------------------------------------------------------------------------------------
@over(OPTIMIZERS)
def test_duplicates_are_rejected(row):
    weight, bias = parameters()
    for listed in ([weight, bias, weight], [{"parameters": [weight]}, {"parameters": [bias, weight]}]):
        with pytest.raises(nn.InvalidValueError, match="listed twice"):
            row(listed)


@over(OPTIMIZERS)
def test_a_vector_packed_anew_is_a_clear_error(row):
    listed = parameters()
    older = row(listed, 0.1)
    newer = row(listed[:1], 0.1)
    older.vector.grad[:] = 1.0
    before = values_of(listed)
    with pytest.raises(nn.StateError, match="build a new optimizer"):
        older.step()
    assert older.steps == 0
    np.testing.assert_array_equal(values_of(listed), before)
    listed[0].grad = np.ones((3, 2))
    newer.step()
    assert (listed[0].value.ravel() != before[:6]).all()


@over(OPTIMIZERS)
def test_wrong_rates_are_refused(row):
    for rate in (-0.1, np.nan, np.inf):
        with pytest.raises(nn.InvalidValueError, match="learning_rate must be"):
            row(parameters(), rate)
        with pytest.raises(nn.InvalidValueError, match="must be"):
            row(parameters(), lambda step, rate=rate: rate).step()
    with pytest.raises(nn.DtypeError, match="learning_rate must be a number"):
        row(parameters(), "fast")
    for word in ("weight_decay", "l1_decay"):
        with pytest.raises(nn.InvalidValueError, match=f"{word} must be at least 0"):
            row(parameters(), 0.1, **{word: -1.0})


# ---- the first steps, by hand -------------------------------------------------------------------
def test_the_recorded_paths_are_for_the_same_rules():
    """torch_cases.py holds the step-for-step comparison with PyTorch; it must know every rule here."""
    compared = {name for name, _ in torch_cases.OPTIMIZERS} | torch_cases.NOT_IN_TORCH
    assert {row.make.__name__ for row in OPTIMIZERS} <= compared


def test_true_momentum_by_hand():
    """μ = ½, η = 1, g = 1 then 0: b = 1, ½; w = 0 − 1 − ½. Nesterov: w = −(1 + ½) − (0 + ¼)."""
    for nesterov, expected in ((False, [-1.0, -1.5]), (True, [-1.5, -1.75])):
        w = nn.Parameter([0.0])
        optimizer = nn.SGD([w], 1.0, momentum=0.5, nesterov=nesterov)
        path = []
        for grad in (1.0, 0.0):
            w.grad = [grad]
            optimizer.step()
            path.append(float(w.value[0]))
        assert path == expected


def test_a_schedule_is_not_part_of_the_state():
    scheduled, constant = nn.SGD(parameters(), lambda step: 0.5), nn.SGD(parameters(), 0.25)
    assert scheduled.state_dict()["learning_rate"] is None
    constant.load_state_dict(scheduled.state_dict())
    assert constant.learning_rate == 0.25
    constant.load_state_dict(nn.SGD(parameters(), 0.125).state_dict())
    assert constant.learning_rate == 0.125
