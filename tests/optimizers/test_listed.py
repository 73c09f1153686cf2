"""A rule's list of calls does what its `update` does, on one thread or several, whatever is changed in between."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from cases import OPTIMIZERS, WITH_LOOP, over
from optimizer_paths import assert_same, groups, parameters, readable, steps

import tinynn as nn
from tinynn import _workers
from tinynn.optimizers import blocks
from tinynn.optimizers.part import ListedPart, Part

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def kinds(optimizer):
    return {type(part) for part in optimizer._parts}


def both(row, make_parameters, *args, **options):
    """The rule by its list of calls and by its `update`."""
    listed = row(make_parameters(), *args, **options)
    plain = replace(row, make=readable(row.make))(make_parameters(), *args, **options)
    assert (kinds(listed), kinds(plain)) == ({ListedPart}, {Part})
    return listed, plain


@DTYPES
@over(WITH_LOOP)
def test_the_calls_are_those_of_update(row, dtype):
    listed, plain = both(row, lambda: groups(dtype), 0.05)
    assert_same(steps(listed), steps(plain))


def change_group(optimizer, k):
    group = optimizer.groups[0]
    if k == 1:
        group.weight_decay = 0.3
    if k == 2:
        group.l1_decay, group.weight_decay = 0.2, 0.0
    if k == 3:
        group.learning_rate = 0.5
    if k == 4:
        group.learning_rate, group.l1_decay = None, 0.0


def change_rate(optimizer, k):
    optimizer.learning_rate = (0.1, 0.2, lambda step: 0.01 * step, 0.3, 0.0, 1)[k]


def change_numbers(optimizer, k):
    if k == 2:
        for name, number in (("betas", (0.5, 0.8)), ("epsilon", 0.1), ("momentum", 0.3), ("decay", 0.7)):
            if getattr(optimizer, name, 0):
                setattr(optimizer, name, number)


@pytest.mark.parametrize("change", [change_group, change_rate, change_numbers])
@over(WITH_LOOP)
def test_what_is_changed_between_steps_counts_from_the_next_on(row, change):
    listed, plain = both(row, parameters, 0.05)
    path = steps(listed, change=change)
    assert_same(path, steps(plain, change=change))
    unchanged = steps(row(parameters(), 0.05))
    nothing_to_change = change is change_numbers and row.make is nn.SGD and not row.options
    assert nothing_to_change or any((a != b).any() for a, b in zip(path, unchanged, strict=True))


def test_a_group_s_penalties_are_changed_between_steps():
    """w ← w − ½ (λ w + λ₁ sign w), from 1: λ = 0, then λ = ½, then λ₁ = ¼ instead."""
    weight = nn.Parameter([1.0])
    optimizer = nn.SGD([weight], 0.5)
    group, path = optimizer.groups[0], []
    for group.weight_decay, group.l1_decay in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.25)):
        optimizer.step()
        path.append(float(weight.value[0]))
    assert path == [1.0, 0.75, 0.625]


def test_a_group_s_rate_is_changed_between_steps():
    weight = nn.Parameter([1.0])
    optimizer = nn.SGD([weight], 0.5)
    weight.grad = [1.0]
    optimizer.step()
    optimizer.groups[0].learning_rate = 0.25
    optimizer.step()
    assert weight.value == [0.25]


@pytest.fixture
def short_vectors_are_shared(monkeypatch):
    """Two threads and blocks of 32 elements, however short the vector and however many cores there are."""
    monkeypatch.setattr(blocks, "SHARED", 1)
    monkeypatch.setattr(blocks, "BLOCK", 32)
    monkeypatch.setattr("tinynn.optimizers.part.cores", lambda: 2)
    before = _workers.set_workers(1)
    yield
    _workers.set_workers(before)


def test_a_variance_that_rounds_below_zero_is_zero():
    """Of a gradient that never changes: v and m² agree but for rounding."""
    for make in (nn.RMSprop, readable(nn.RMSprop)):
        optimizer = make(parameters(), 0.1, centered=True, decay=0.5)
        optimizer.vector.grad[:] = np.random.default_rng(0).normal(size=len(optimizer.vector))
        for _ in range(60):
            optimizer.step()
        assert np.isfinite(optimizer.vector.value).all()


@DTYPES
@over(OPTIMIZERS)
def test_threads_and_blocks_change_no_bit(row, dtype, short_vectors_are_shared):
    shared = row(groups(dtype), 0.05)
    assert [len(part._shares) for part in shared._parts] == [2, 1, 2]
    path = steps(shared)
    _workers.set_workers(0)
    assert_same(path, steps(row(groups(dtype), 0.05)))
    blocks.SHARED, blocks.BLOCK = 10**9, 10**9  # the fixture restores them
    assert_same(path, steps(row(groups(dtype), 0.05)))


def test_each_thread_has_scratch_arrays_of_its_own(short_vectors_are_shared):
    barrier, seen = threading.Barrier(2), []

    class Meeting(nn.Optimizer):
        elementwise = True

        def update(self, value, grad, learning_rate):
            change = self.scratch("change", value)
            change.fill(value[0])
            barrier.wait(10)
            seen.append((change.size, (change == value[0]).all()))

    Meeting(parameters(sizes=(64,)), 0.1).step()
    assert seen == [(32, True), (32, True)]
    listed = nn.Adam(parameters(sizes=(64,)))
    listed.step()
    changes = [scratch["change"] for part in listed._parts for scratch in part._scratches]
    assert len(changes) == 2 and not np.shares_memory(*changes)


def test_an_error_in_a_thread_is_raised_by_step(short_vectors_are_shared):
    class Refusing(nn.Optimizer):
        elementwise = True

        def update(self, value, grad, learning_rate):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Refusing(parameters(), 0.1).step()


@pytest.mark.parametrize(("size", "shares"), [(99, 1), (100, 2), (149, 2), (150, 3), (250, 5), (1000, 6)])
def test_a_thread_more_needs_work_for_it(size, shares, monkeypatch):
    """Of Adam's 12 passes: 100 elements are shared by two threads, and each further 50 by one more."""
    monkeypatch.setattr(blocks, "SHARED", 1200)
    monkeypatch.setattr("tinynn.optimizers.part.cores", lambda: 6)
    (only,) = nn.Adam(parameters(sizes=(size,)))._parts
    assert len(only._shares) == shares


def test_a_rule_across_elements_is_not_shared(short_vectors_are_shared):
    class Normalised(nn.Optimizer):
        def update(self, value, grad, learning_rate):
            value -= learning_rate * grad / np.sqrt(grad @ grad)

    optimizer = Normalised(parameters(sizes=(100,)), 0.1)
    assert [len(part._shares) for part in optimizer._parts] == [1]


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 64, 65, 100, 1000, 1001])
@pytest.mark.parametrize("size", [1, 16, 100])
def test_blocks_cover_a_stretch_once(length, size):
    vector = nn.ParameterVector([nn.Parameter(np.arange(5.0 + length))])
    cut = blocks.cut(vector, 3, 3 + length, {"slot": vector.value + 1}, size)
    assert all(block.value.size == block.grad.size == block.slots["slot"].size <= size for block in cut)
    values = np.concatenate([block.value for block in cut]) if cut else np.empty(0)
    np.testing.assert_array_equal(values, np.arange(3.0, 3.0 + length))
    assert [block for share in blocks.share(cut, 3) for block in share] == cut
    assert all(np.shares_memory(block.grad, vector.grad) for block in cut)


def test_blocks_are_as_many_for_each_thread_and_begin_at_cache_lines():
    vector = nn.ParameterVector([nn.Parameter(np.zeros(1000))])
    threes, fours = [336, 336, 328], [256, 256, 256, 232]
    for size, number, lengths in ((1000, 1, [1000]), (999, 1, [512, 488]), (400, 1, threes), (400, 2, fours)):
        assert [block.value.size for block in blocks.cut(vector, 0, 1000, {}, size, number)] == lengths


@pytest.mark.parametrize(
    ("length", "slots", "number"),
    [
        *((32_767, 0, 1), (32_768, 0, 2), (49_151, 0, 2), (79_510, 0, 3), (79_510, 1, 2), (79_510, 2, 2)),
        *((118_282, 0, 3), (500_000, 0, 4), (1_000_000, 2, 8), (131_072, 4, 1), (131_073, 4, 2)),
    ],
)
def test_how_many_blocks(length, slots, number):
    """A block takes a sixth of values, gradients and slots, but 16,384 elements at least and 131,072 at most."""
    vector = nn.ParameterVector([nn.Parameter(np.zeros(length, np.float32))])
    assert len(blocks.cut(vector, 0, length, {}, blocks.longest(length, 2 + slots))) == number


@over(OPTIMIZERS)
def test_each_temporary_takes_a_sixth_of_the_rest_at_most(row, monkeypatch):
    """On two threads, the temporaries of both counted."""
    monkeypatch.setattr("tinynn.optimizers.part.cores", lambda: 2)
    optimizer = row([nn.Parameter(np.zeros(300_000, np.float32))])
    optimizer.step()
    rest = 2 * optimizer.vector.value.nbytes + sum(slot.nbytes for slot in optimizer.state.values())
    (part,) = optimizer._parts
    taken = [sum(scratch[name].nbytes for scratch in part._scratches) for name in part._scratches[0]]
    assert optimizer.fused or 0 < max(taken) <= rest / 6 + 2 * 64
