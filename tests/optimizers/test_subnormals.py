"""Slots of parameters whose gradient stays 0 end at 0, not at subnormal numbers, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from memory import SMALL, peak_of

import tinynn as nn
from tinynn.optimizers import subnormals
from tinynn.optimizers.scratch import Scratch

RULES = {
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9),
    "adam": lambda p: nn.Adam(p, betas=(0.9, 0.9)),
    "rmsprop": lambda p: nn.RMSprop(p, decay=0.9, centered=True, momentum=0.9),
    "lion": lambda p: nn.Lion(p, betas=(0.9, 0.9)),
}


def subnormal(array):
    return (array != 0) & (np.abs(array) < np.finfo(array.dtype).smallest_normal)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_what_shrinks_away_ends_at_zero(name, dtype):
    parameter = nn.Parameter(np.ones(6, dtype))
    optimizer = RULES[name]([parameter])
    parameter.grad = [1, -1, 1e-3, 1, -1, 1e-3]
    optimizer.step()
    parameter.grad = [0, 0, 0, 1, -1, 1e-3]
    for _ in range(960 if dtype is np.float32 else 7040):
        optimizer.step()
    assert optimizer.steps % subnormals.EVERY == 1
    for slot in optimizer.state.values():
        assert not subnormal(slot).any()
        assert (slot[3:] != 0).all()
    assert any((slot[:3] == 0).all() for slot in optimizer.state.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 5, subnormals.STRETCH, 2 * subnormals.STRETCH + 3])
def test_all_other_numbers_stay(size, dtype):
    rng, limits = np.random.default_rng(0), np.finfo(dtype)
    array = (10.0 ** rng.uniform(np.log10(limits.smallest_normal), 30, size)).astype(dtype) * rng.choice([-1, 1], size)
    array = array.astype(dtype)
    array[0] = limits.smallest_normal
    before = array.copy()
    subnormals.flush(array, Scratch(array.dtype))
    np.testing.assert_array_equal(array, before)
    array[-1] = -limits.smallest_subnormal
    subnormals.flush(array, Scratch(array.dtype))
    assert array[-1] == 0
    np.testing.assert_array_equal(array[:-1], before[:-1])


def test_infinite_numbers_and_nan_stay():
    array = np.array([np.inf, -np.inf, np.nan, 0.0, 1.0])
    with np.errstate(all="raise"):
        subnormals.flush(array, Scratch(array.dtype))
    np.testing.assert_array_equal(array, [np.inf, -np.inf, np.nan, 0.0, 1.0])


def test_looking_allocates_nothing():
    array = np.ones(3 * subnormals.STRETCH)
    scratch = Scratch(array.dtype)
    assert peak_of(lambda: subnormals.flush(array, scratch)) < SMALL
