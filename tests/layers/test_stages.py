"""Stages: the same result whether element-wise work is done at once, in blocks, or by two threads."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

import tinynn as nn
from tinynn import _workers
from tinynn.layers import stages
from tinynn.layers.stages import Elementwise, listed, run


def adding(a, number):
    """Work on a's rows, one call a block."""
    return Elementwise(len(a), a.size, lambda rows: [(np.add, (a[rows], number, a[rows]))])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(stages, "BLOCK", 8)
    monkeypatch.setattr(stages, "SHARED", 10**9)


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(stages, "BLOCK", 8)
    monkeypatch.setattr(stages, "SHARED", 16)
    before = _workers.set_workers(1)
    yield
    _workers.set_workers(before)


def blocks_of(calls):
    return [len(arguments[0]) for _, arguments in calls]


def test_small_work_is_one_call():
    assert blocks_of(listed([adding(np.zeros((6, 4)), 1.0)])) == [6]


def test_blocks_have_at_most_so_many_elements(small_blocks):
    assert blocks_of(listed([adding(np.zeros((6, 4)), 1.0)])) == [2, 2, 2]
    assert blocks_of(listed([adding(np.zeros((5, 4)), 1.0)])) == [1, 2, 2]


def test_a_row_is_never_cut(small_blocks):
    assert blocks_of(listed([adding(np.zeros((3, 100)), 1.0)])) == [1, 1, 1]


def test_neighbours_are_cut_together(small_blocks):
    """A block passes through all its calls before the next one begins: it is in the cache still."""
    a, b = np.zeros((4, 4)), np.zeros((4, 2))
    calls = listed([adding(a, 1.0), adding(b, 2.0)])
    assert [arguments[0].shape for _, arguments in calls] == [(2, 4), (2, 2)] * 2
    run(calls)
    np.testing.assert_array_equal(a, np.ones((4, 4)))
    np.testing.assert_array_equal(b, np.full((4, 2), 2.0))


def test_work_on_other_rows_and_calls_come_in_order(small_blocks):
    order = []
    work = [
        Elementwise(2, 2, lambda rows: [(order.append, (("a", rows.start, rows.stop),))]),
        Elementwise(3, 3, lambda rows: [(order.append, (("b", rows.start, rows.stop),))]),
        (order.append, ("call",)),
        Elementwise(3, 3, lambda rows: [(order.append, (("c", rows.start, rows.stop),))]),
    ]
    run(listed(work))
    assert order == [("a", 0, 2), ("b", 0, 3), "call", ("c", 0, 3)]


def test_no_rows_no_calls(small_blocks):
    assert listed([adding(np.zeros((0, 4)), 1.0)]) == []


def test_two_threads_do_half_each(two_threads):
    a, threads = np.zeros((8, 4)), set()
    both = threading.Barrier(2)

    def work(rows):
        def note():
            threads.add(threading.get_ident())
            both.wait(10)  # nobody takes the other's share meanwhile

        first = [(note, ())] if rows.start in (0, 4) else []
        return [*first, (np.add, (a[rows], 1.0, a[rows]))]

    (call,) = listed([Elementwise(8, 32, work)])
    run([call])
    np.testing.assert_array_equal(a, np.ones((8, 4)))
    assert len(threads) == 2


NETWORKS = {
    "sigmoid": lambda: [nn.Dense(6, 9), nn.Sigmoid(), nn.Dense(9, 7), nn.Sigmoid()],
    "tanh": lambda: [nn.Dense(6, 9), nn.Tanh(), nn.Dense(9, 7, bias=False), nn.Tanh()],
    "relu": lambda: [nn.Dense(6, 9), nn.ReLU(), nn.Dense(9, 7)],
    "twice": lambda: [nn.Tanh(), nn.ReLU(), nn.Dense(6, 9), nn.ReLU(), nn.Sigmoid(), nn.Tanh()],
    "between": lambda: [nn.Dense(6, 9), nn.GELU(), nn.Sigmoid(), nn.Dropout(0.5, rng=1), nn.Dense(9, 7), nn.ReLU()],
}


def by_hand(layers, x, grad):
    """Output, ∂C/∂x and the parameters' gradients through the layers' public methods alone."""
    for layer in layers:
        x = layer.forward(x)
    y = x.copy()
    for layer in reversed(layers):
        grad = layer.backward(grad)
    return [y, grad.copy(), *(p.grad.copy() for layer in layers for p in layer.parameters())]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("setting", [None, "small_blocks", "two_threads"])
def test_a_plan_gives_what_the_layers_give(name, setting, dtype, request):
    """To the last bit, on the first step, on warm ones, and for a gradient array that comes again."""
    if setting:
        request.getfixturevalue(setting)
    rng = np.random.default_rng(3)
    layers = NETWORKS[name]()
    model = nn.Sequential(*layers, rng=0).astype(dtype)
    for p in model.parameters():
        p.value = rng.normal(size=p.shape)
    simple = copy.deepcopy(layers)
    x = rng.normal(size=(11, 6)).astype(dtype)
    grad = rng.normal(size=model.predict(x).shape).astype(dtype)
    for k in range(4):
        expected = by_hand(simple, x, grad)
        y = model.forward(x).copy()
        grad_x = model.backward(grad).copy() if k % 2 else expected[1]
        if k % 2 == 0:
            model.backward_parameters(grad)
        results = [y, grad_x, *(p.grad for p in model.parameters())]
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        x[:], grad[:] = rng.normal(size=x.shape), rng.normal(size=grad.shape)
