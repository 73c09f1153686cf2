"""Small products run on one BLAS thread: which, and what is left behind."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest

import tinynn as nn
from tinynn import _threads
from tinynn.layers import one_thread, segment
from tinynn.layers.one_thread import on_one_thread


class FakeBLAS:
    """The two functions of an OpenBLAS, which counts how often its number is set."""

    def __init__(self, threads):
        self.threads, self.sets = threads, 0

    def find(self, name):
        return {"get_num_threads": lambda: self.threads, "set_num_threads": self.set}[name]

    def set(self, number):
        self.threads, self.sets = number, self.sets + 1


@pytest.fixture
def blas(monkeypatch):
    fake = FakeBLAS(4)
    monkeypatch.setattr(one_thread, "openblas", fake.find)
    monkeypatch.setattr(_threads, "openblas", fake.find)
    return fake


def test_the_number_is_one_within_and_as_before_afterwards(blas):
    limited = on_one_thread(lambda x: (x, blas.threads))
    assert limited("x") == ("x", 1)
    assert blas.threads == 4 and not _threads.CHANGING.locked()


def test_an_error_leaves_nothing_behind(blas):
    def fails(x):
        raise KeyError(x)

    with pytest.raises(KeyError):
        on_one_thread(fails)("x")
    assert blas.threads == 4 and not _threads.CHANGING.locked()


def test_where_somebody_else_changes_the_number_it_stays(blas):
    limited = on_one_thread(lambda x: blas.threads)
    with _threads.CHANGING:
        assert limited("x") == 4
    assert blas.sets == 0


def test_what_threads_sets_meanwhile_is_not_lost(blas):
    """threads(3) waits for the step, and the step does not bring its own number back over it."""
    entered, inside = threading.Event(), threading.Event()

    def step(x):
        inside.set()
        entered.wait(0.2)  # not before the step has ended
        return entered.is_set()

    def limit():
        inside.wait()
        with nn.threads(3):
            entered.set()
            seen.append(blas.threads)

    seen = []
    other = threading.Thread(target=limit)
    other.start()
    assert on_one_thread(step)("x") is False
    other.join()
    assert seen == [3] and blas.threads == 4


def test_another_blas_has_no_limit(monkeypatch):
    monkeypatch.setattr(one_thread, "openblas", lambda name: None)
    assert on_one_thread(len) is len


def limited(monkeypatch, *widths, batch):
    """Whether the segment of a sigmoid network is limited to one thread."""
    layers = [layer for n, out in pairwise(widths) for layer in (nn.Dense(n, out), nn.Sigmoid())]
    model = nn.Sequential(*layers, rng=0)
    model.forward(np.zeros((batch, widths[0]), np.float32))
    monkeypatch.setattr(segment, "on_one_thread", lambda function: "limited")
    (part,) = model._plan._parts
    return part.limit(len) == "limited"


@pytest.mark.parametrize(
    ("widths", "batch", "expected"),
    [
        ((784, 30, 10), 10, False),  # 2 · 10 · 784 · 30 = 470,400: OpenBLAS uses one thread by itself
        ((784, 100, 10), 32, True),  # 5.0 and 0.06 MFLOP
        ((784, 100, 10), 64, True),  # 10.0 and 0.13: on average 5.1
        ((784, 100, 10), 128, False),  # 20.1 and 0.26
        ((784, 128, 128, 10), 64, True),  # 12.8, 2.1 and 0.16: 5.0
        ((784, 512, 512, 10), 128, False),
    ],
)
def test_it_is_the_average_product_that_counts(monkeypatch, widths, batch, expected):
    assert limited(monkeypatch, *widths, batch=batch) is expected


def test_a_segment_without_products_has_no_limit():
    model = nn.Sequential(nn.Sigmoid())
    model.forward(np.zeros((3, 4)))
    assert model._plan._parts[0].limit(len) is len


@pytest.mark.parametrize("small", [True, False])
def test_a_step_keeps_to_it(blas, monkeypatch, small):
    """forward and both backwards, and nothing between them."""
    model = nn.Sequential(nn.Dense(6, 5), nn.Sigmoid(), nn.Dense(5, 4), rng=0)
    monkeypatch.setattr(segment, "ALONE", 0 if small else 10**9)
    x, grad = np.ones((3, 6), np.float32), np.ones((3, 4), np.float32)
    model.forward(x)  # the plan is made
    sets = blas.sets
    for step in (lambda: model.forward(x), lambda: model.backward(grad), lambda: model.backward_parameters(grad)):
        step()
        assert blas.threads == 4
        assert blas.sets - sets == (2 if small else 0)
        sets = blas.sets
