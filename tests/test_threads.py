"""threads(n): the numbers within the block, those after it, and what is said where they cannot be set."""

from __future__ import annotations

import importlib
import sys
import threading
import types

import numpy as np
import pytest

import tinynn as nn
from tinynn import _threads, _workers


class FakeBLAS:
    """The two functions of an OpenBLAS whose threads are counted here."""

    def __init__(self, threads):
        self.threads = threads

    def find(self, name):
        return {"get_num_threads": lambda: self.threads, "set_num_threads": lambda n: setattr(self, "threads", n)}[name]


@pytest.fixture
def numbers(monkeypatch):
    """numbers() -> (BLAS threads, workers), of a BLAS with four and two workers."""
    blas = FakeBLAS(4)
    monkeypatch.setattr(_threads, "openblas", blas.find)
    before = _workers.set_workers(2)
    yield lambda: (blas.threads, _workers.workers())
    _workers.set_workers(before)


# ---- the numbers ----------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [1, 3, 1000, np.int64(2)])
def test_within_the_block_and_after_it(numbers, n):
    with nn.threads(n) as limit:
        assert numbers() == (n, n - 1)
        assert repr(limit) == f"threads({n})"
    assert numbers() == (4, 2)


def test_blocks_nest(numbers):
    with nn.threads(1):
        with nn.threads(3):
            assert numbers() == (3, 2)
        assert numbers() == (1, 0)
    assert numbers() == (4, 2)


def test_one_object_is_entered_again_within_itself(numbers):
    limit = nn.threads(1)
    for _ in range(2):
        with limit:
            with nn.threads(3):
                with limit:
                    assert numbers() == (1, 0)
                assert numbers() == (3, 2)
            assert numbers() == (1, 0)
        assert numbers() == (4, 2)


def test_an_error_leaves_nothing_behind(numbers):
    with pytest.raises(KeyError), nn.threads(1):
        raise KeyError
    assert numbers() == (4, 2)


def test_a_function_is_decorated(numbers):
    @nn.threads(2)
    def inside(depth):
        return inside(depth - 1) if depth else numbers()

    assert numbers() == (4, 2)
    assert inside(0) == inside(2) == (2, 1)
    assert numbers() == (4, 2)


# ---- the true BLAS --------------------------------------------------------------------------------
def test_numpys_own_openblas_is_found_and_set():
    get = _threads.openblas("get_num_threads")
    if get is None:
        pytest.skip("NumPy's BLAS is no OpenBLAS")
    before = get()
    with nn.threads(1):
        assert get() == 1
        with nn.threads(2):
            assert get() == 2
    assert get() == before
    pools = pytest.importorskip("threadpoolctl")
    with nn.threads(1):
        assert [pool["num_threads"] for pool in pools.threadpool_info() if "numpy.libs" in pool["filepath"]] == [1]


@pytest.mark.skipif(_workers.cores() < 2, reason="needs two cores")
def test_a_training_step_wakes_no_worker(monkeypatch):
    x, target = np.ones((20, 1000), np.float32), np.zeros((20, 1000), np.float32)
    model, loss = nn.Sequential(nn.Dense(1000, 1000), nn.Sigmoid(), rng=0), nn.MSE()
    optimizer = nn.Adam(model)

    def step():
        loss.forward(model.forward(x), target)
        model.backward_parameters(loss.backward())
        optimizer.step()

    monkeypatch.setattr(_workers, "_crew", _workers._Crew())
    before, count = _workers.set_workers(1), threading.active_count()
    try:
        with nn.threads(1):
            for _ in range(3):
                step()
            assert threading.active_count() == count
        for _ in range(3):
            step()
        assert threading.active_count() == count + 1  # so the step is large enough to tell
    finally:
        _workers.set_workers(before)


# ---- another BLAS ---------------------------------------------------------------------------------
@pytest.fixture
def other_blas(monkeypatch):
    monkeypatch.setattr(_threads, "openblas", lambda name: None)


def test_threadpoolctl_sets_what_is_no_openblas(other_blas, monkeypatch):
    log = []

    class Controller:
        lib_controllers = ("MKL",)

        def select(self, user_api):
            assert user_api == "blas"
            return self

        def limit(self, *, limits):
            log.append(limits)
            return types.SimpleNamespace(restore_original_limits=lambda: log.append(-limits))

    monkeypatch.setitem(sys.modules, "threadpoolctl", types.SimpleNamespace(ThreadpoolController=Controller))
    with nn.threads(3), nn.threads(1):
        assert log == [3, 1]
    assert log == [3, 1, -1, -3]


def test_the_true_threadpoolctl_does_so(other_blas):
    pools = pytest.importorskip("threadpoolctl")

    def found():
        return [pool["num_threads"] for pool in pools.threadpool_info() if pool["user_api"] == "blas"]

    before = found()
    with nn.threads(1):
        assert before and set(found()) == {1}
    assert found() == before


def test_without_threadpoolctl_the_extra_is_named(other_blas, monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(
        ImportError, match=r"^threads: NumPy's BLAS is no OpenBLAS.*pip install 'tinynn-numpy\[threads\]'"
    ):
        nn.threads(1)


def test_a_blas_that_nobody_can_set_is_said(other_blas, monkeypatch):
    nothing = types.SimpleNamespace(select=lambda user_api: types.SimpleNamespace(lib_controllers=[]))
    monkeypatch.setitem(sys.modules, "threadpoolctl", types.SimpleNamespace(ThreadpoolController=lambda: nothing))
    with pytest.raises(nn.StateError, match="finds no BLAS.*environment variable.*before Python starts"):
        nn.threads(1)


def test_builds_of_openblas_differ_in_prefix_and_suffix(monkeypatch):
    find = _threads.openblas.__wrapped__
    for symbol in ("scipy_openblas_f64_", "scipy_openblas_f", "openblas_f64_", "openblas_f"):
        libraries = [types.SimpleNamespace(), types.SimpleNamespace(**{symbol: symbol})]
        monkeypatch.setattr(_threads, "_libraries", lambda libraries=libraries: iter(libraries))
        assert find("f") == symbol
    assert find("g") is None


def test_a_bundled_openblas_is_looked_for_beside_numpy(monkeypatch, tmp_path):
    """Windows' way: names are not found through NumPy's own module."""
    (tmp_path / "numpy.libs").mkdir()
    for name in ("libscipy_openblas64_-1.dll", "libgfortran.dll"):
        (tmp_path / "numpy.libs" / name).touch()
    opened = []
    monkeypatch.setattr(_threads.np, "__file__", str(tmp_path / "numpy" / "__init__.py"))
    monkeypatch.setattr(_threads.ctypes, "CDLL", opened.append)
    list(_threads._libraries())
    core = importlib.import_module("numpy._core._multiarray_umath").__file__
    assert opened == [core, str(tmp_path / "numpy.libs" / "libscipy_openblas64_-1.dll")]


# ---- what is refused ------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [1.0, "2", None, True])
def test_n_is_an_int(n):
    with pytest.raises(nn.DtypeError, match="threads: n must be an int, got"):
        nn.threads(n)


@pytest.mark.parametrize("n", [0, -1])
def test_n_is_at_least_1(n):
    with pytest.raises(nn.InvalidValueError, match=f"threads: n must be at least 1, got {n}"):
        nn.threads(n)
