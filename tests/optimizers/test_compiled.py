"""The compiled loops do what the calls do, to the last bit; without numba they are run as the Python they are."""

from __future__ import annotations

import importlib
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from cases import FUSED, WITH_LOOP, over
from optimizer_paths import assert_same, groups, parameters, steps

import tinynn as nn
from tinynn.optimizers import compiled, part
from tinynn.testing import check_optimizer

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
PAIRS = pytest.mark.parametrize(
    ("row", "fused"), list(zip(WITH_LOOP, FUSED, strict=True)), ids=[str(row) for row in FUSED]
)


@DTYPES
@PAIRS
def test_the_loops_as_python_do_what_the_calls_do(row, fused, dtype, monkeypatch):
    monkeypatch.setattr(part, "compiled", lambda loop: loop)
    assert_same(steps(fused(groups(dtype), 0.05)), steps(row(groups(dtype), 0.05)))


@DTYPES
@PAIRS
def test_the_compiled_loops_do_what_the_calls_do(row, fused, dtype):
    pytest.importorskip("numba")
    for sizes in ((1,), (2, 3), (7, 4096, 15), (20_011,)):
        optimizer = fused(parameters(dtype, sizes), 0.05)
        assert [type(each) for each in optimizer._parts] == [part.FusedPart]
        assert_same(steps(optimizer), steps(row(parameters(dtype, sizes), 0.05)))
    assert_same(steps(fused(groups(dtype), 0.05)), steps(row(groups(dtype), 0.05)))


@PAIRS
def test_what_is_not_finite_stays_so(row, fused):
    pytest.importorskip("numba")
    paths = []
    for each in (row, fused):
        optimizer = each(parameters(np.float32, (64,)), 0.05)
        optimizer.vector.grad[:] = np.resize([np.nan, np.inf, -np.inf, 1e30, -1e-30, 0.0], 64)
        with np.errstate(all="ignore"):
            for _ in range(3):
                optimizer.step()
        paths.append([optimizer.vector.value, *optimizer.state.values()])
    assert_same(*paths)


@PAIRS
def test_states_fit_both_ways(row, fused):
    pytest.importorskip("numba")
    for first, second in ((row, fused), (fused, row)):
        whole, half, rest = first(parameters(), 0.05), first(parameters(), 0.05), second(parameters(), 0.05)
        path = steps(whole, 6)
        steps(half, 3)
        rest.vector.value[:] = half.vector.value
        rest.load_state_dict(pickle.loads(pickle.dumps(half.state_dict())))
        assert_same(steps(rest, 3), steps(half, 3))
        assert len(path) == 6 * (1 + len(whole.state))


@over(FUSED)
def test_the_kit_finds_nothing_wrong(row):
    pytest.importorskip("numba")
    plain = dict(row.options) | {"fused": False}
    report = check_optimizer(lambda listed: row(listed, 0.05), like=lambda listed: row.make(listed, 0.05, **plain))
    assert report.right


def test_a_rule_of_one_s_own_is_not_passed_over():
    class Halved(nn.SGD):
        def update(self, value, grad, learning_rate):
            super().update(value, grad, learning_rate / 2)

    with pytest.raises(nn.InvalidValueError, match="Halved: its update has no compiled form; leave fused out"):
        Halved(parameters(), 0.1, fused=True)


@pytest.fixture
def numba(monkeypatch):
    """Stand-ins for the module numba, `install(module or error)`; what was compiled is forgotten before and after."""

    def install(module):
        def find(name):
            assert name == "numba"
            if isinstance(module, Exception):
                raise module
            return module

        monkeypatch.setattr(compiled, "importlib", SimpleNamespace(import_module=find))

    compiled.compiled.cache_clear()
    yield install
    compiled.compiled.cache_clear()


def test_without_numba_the_error_names_the_extra(numba):
    numba(ImportError("No module named 'numba'"))
    with pytest.raises(ImportError, match=r"fused=True needs numba .*tinynn-numpy\[compiled\]") as caught:
        nn.Adam(parameters(), fused=True)
    assert str(caught.value.__cause__) == "No module named 'numba'"
    nn.Adam(parameters()).step()


def test_where_nothing_can_be_written_loops_are_compiled_all_the_same(numba):
    asked = []

    def njit(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'sgd': no locator available")
        return lambda loop: loop

    numba(SimpleNamespace(njit=njit))
    assert compiled.compiled(compiled.sgd) is compiled.sgd
    assert compiled.compiled(compiled.sgd) is compiled.sgd
    assert asked == [
        {"cache": True, "nogil": True, "error_model": "numpy"},
        {"nogil": True, "error_model": "numpy"},
    ]


def test_numba_is_imported_on_use_only():
    assert not hasattr(compiled, "numba")
    assert compiled.importlib is importlib
