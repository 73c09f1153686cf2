"""What the base class of the optimizers keeps: slots, numbers, blocks, states; what a copy leaves behind."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from cases import OPTIMIZERS, over, public

import tinynn as nn
from tinynn.optimizers import base, blocks


@pytest.mark.parametrize("make", sorted(public(nn.Optimizer), key=lambda c: c.__name__))
def test_an_optimizer_built_without_options_has_the_defaults_of_its_signature(make):
    optimizer = make([nn.Parameter([1.0])])
    defaults = {n: p.default for n, p in inspect.signature(make).parameters.items() if p.default is not p.empty}
    for name in defaults.keys() - {"weight_decay", "l1_decay"}:
        assert getattr(optimizer, name) == defaults[name], name
    assert [(g.weight_decay, g.l1_decay) for g in optimizer.groups] == [
        (defaults["weight_decay"], defaults["l1_decay"])
    ]


@pytest.mark.parametrize(
    ("make", "options", "slots"),
    [
        (nn.SGD, {}, set()),
        (nn.SGD, {"momentum": 0.9}, {"velocity"}),
        (nn.RMSprop, {}, {"mean_square"}),
        (nn.RMSprop, {"momentum": 0.9}, {"mean_square", "velocity"}),
        (nn.RMSprop, {"centered": True}, {"mean_square", "mean"}),
        (nn.Adam, {}, {"mean", "mean_square"}),
        (nn.Adam, {"amsgrad": True}, {"mean", "mean_square", "largest_mean_square"}),
    ],
)
def test_no_slot_is_kept_that_the_options_do_not_need(make, options, slots):
    assert make([nn.Parameter([1.0])], **options).state.keys() == slots


# ---- for rules of one's own ---------------------------------------------------------------------
class Normalised(nn.Optimizer):
    """Steps of length η in the direction of the whole gradient: not element-wise."""

    def update(self, value, grad, learning_rate):
        value -= learning_rate * grad / np.sqrt(grad @ grad)


def test_a_rule_that_looks_across_elements_gets_each_group_whole(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 2)
    listed = [nn.Parameter(np.zeros(n)) for n in (2, 3, 1)]
    optimizer = Normalised([{"parameters": listed[:2]}, {"parameters": listed[2:]}], 1.0)
    assert [(group.weight_decay, group.l1_decay) for group in optimizer.groups] == [(0.0, 0.0)] * 2
    optimizer.vector.grad[:] = [1.0, 1.0, 1.0, 2.0, 3.0, -5.0]
    optimizer.step()
    np.testing.assert_allclose(optimizer.vector.value, [-0.25, -0.25, -0.25, -0.5, -0.75, 1.0])


def test_an_empty_group_is_left_alone():
    weight = nn.Parameter([1.0])
    optimizer = Normalised([{"parameters": []}, {"parameters": [weight]}], 0.5)
    weight.grad = [2.0]
    optimizer.step()
    assert weight.value == [0.5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scratch_arrays_and_operands_have_the_parameters_dtype(dtype):
    optimizer = nn.SGD([nn.Parameter(np.ones(3, dtype))], 0.1)
    value = optimizer.vector.value
    scratch = optimizer.scratch("change", value)
    assert (scratch.dtype, scratch.shape) == (dtype, (3,))
    assert optimizer.scratch("change", value) is scratch
    assert not np.shares_memory(optimizer.scratch("other", value), scratch)
    assert optimizer.scratch("change", value[:2]).shape == (2,)
    operand = optimizer.operand(0.1)
    assert (operand.dtype, operand.shape, operand) == (dtype, (), dtype(0.1))
    assert optimizer.operand(0.1) is operand


def test_a_schedule_does_not_fill_the_memory_with_its_numbers():
    optimizer = nn.SGD([nn.Parameter([1.0])], 0.1)
    for step in range(200):
        assert optimizer.operand(1 / (1 + step)) == np.float32(1 / (1 + step))
        assert len(optimizer._operands) <= 64


# ---- states and copies --------------------------------------------------------------------------
@over(OPTIMIZERS)
def test_half_a_state_and_another_rule_s_are_refused(row):
    optimizer = row([nn.Parameter([1.0])], 0.1)
    good = optimizer.state_dict()
    for bad in ({**good, "slots": None}, {**good, "scalars": None}, {**good, "optimizer": "Other"}):
        with pytest.raises(nn.InvalidValueError, match="this is not the state of"):
            optimizer.load_state_dict(bad)
    for bad in ({**good, "slots": {"other": 1}}, {**good, "scalars": {"other": 1}}):
        with pytest.raises(nn.InvalidValueError, match="build it with the same options"):
            optimizer.load_state_dict(bad)
    optimizer.load_state_dict(good)


def test_a_copy_leaves_behind_what_is_made_anew():
    optimizer = nn.Adam([nn.Parameter(np.ones(3))])
    optimizer.step()
    assert vars(optimizer).keys() - optimizer.__getstate__().keys() == set(base.BOUND)
