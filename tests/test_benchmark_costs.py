"""The benchmark that takes a step apart: what it lists, counts and fits."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases import Case
from benchmarks.fit import fitted_terms
from benchmarks.questions import costs

CASE = Case.parse("6-4-3:5")


def test_the_listed_calls_are_a_step():
    """Made one after the other they do what the training loop does."""
    model, loss, optimizer, batches = costs.trained(CASE)
    twin = costs.trained(CASE)
    x, target = batches[0]
    for _, function, arguments in costs.listed(model, loss, optimizer, x, target):
        function(*arguments)
    costs.stepping(*twin[:3], [(x, target)])()
    np.testing.assert_array_equal(optimizer.vector.value, twin[2].vector.value)


def test_calls_are_counted_by_kind():
    model, loss, optimizer, batches = costs.trained(CASE)
    kinds = [kind for kind, _, _ in costs.listed(model, loss, optimizer, *batches[0])]
    # Forward, ∂C/∂W and Σ δ, which is a product with ones, of both layers, and one ∂C/∂x.
    assert kinds.count("product") == 2 + 2 + 2 + 1
    # A bias is copied and added (2); σ takes 4 calls forward, 3 backward; each twice.
    assert kinds.count("elementwise") == 2 * (2 + 4 + 3)
    assert (kinds.count("loss"), kinds.count("update")) == (2, 2)


def test_bytes_are_those_of_the_arrays():
    assert costs.size((np.zeros(3, np.float32), 2.0, np.zeros((2, 2)), ...)) == 12 + 32


def test_a_call_leaves_its_arrays_as_they_were():
    a = np.ones(3)
    assert costs.best(np.multiply, (a, 0.5, a), 0.001) > 0
    assert a.tolist() == [1, 1, 1]


def test_the_terms_are_found():
    amounts = np.array([[28, 1e5, 1e4], [28, 1e7, 1e6], [40, 1e8, 1e6], [300, 1e9, 1e8]])
    terms = np.array([3e-7, 1e-11, 1e-10])
    assert fitted_terms(amounts, amounts @ terms) == pytest.approx(terms)


def test_no_term_is_negative():
    amounts = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert fitted_terms(amounts, [3.0, 2.0, 1.5])[1] == 0
    assert fitted_terms(amounts, [3.0, 2.0, 1.5])[0] > 0


def test_the_section_shows_step_model_and_difference():
    row = {"case": CASE.asdict(), "calls": 28, "bytes": 100, "step": 30e-6, "model": 33e-6}
    row |= {"product": 10e-6, "elementwise": 8e-6, "loss": 2e-6, "update": 4e-6}
    custom = {"case": CASE.asdict(), "built_in": 30e-6, "with_custom": 37e-6, "own": 9e-6, "replaced": 4e-6}
    text = costs.markdown({"rows": [row], "terms": [4e-7, 1e-11, 1e-10], "custom": [custom]})
    assert "| 6-4-3, 5 | 28 | 30.0 | 10.0 | 8.00 | 2.00 | 4.00 | 6.00 | 33.0 | +10 % |" in text
    assert "calls × 0.40 µs + FLOPs / 100 GFLOP/s + bytes / 10 GB/s" in text
    assert "| 6-4-3, 5 | 30.0 | 37.0 | 7.00 | 9.00 | 4.00 |" in text
