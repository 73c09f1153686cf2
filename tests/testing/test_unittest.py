"""GradientAssertions: each assertion passes what is right, and fails what is wrong without the kit's own traceback."""

from __future__ import annotations

import io
import unittest

import numpy as np
import pytest

import tinynn as nn
from tinynn import testing
from tinynn.testing import GradientError, Report
from tinynn.testing.unittest_case import GradientAssertions


class Doubled(nn.Identity):
    def backward(self, grad):
        return 2 * grad


class Summed(nn.MSE):
    def backward(self):
        return 2 * super().backward()


X = np.array([[1.0, -2.0]])
MODEL = nn.Sequential(nn.Dense(2, 2, rng=0), nn.Identity())
WRONG = nn.Sequential(nn.Dense(2, 2, rng=0), Doubled())


def cube(x):
    return np.sum(x**3)


def slope(x):
    return 3 * x**2


#: What each assertion must pass, and what it must not.
CASES = {
    "assertGradient": ((cube, slope, X), (cube, lambda x: x**2, X)),
    "assertJacobian": ((np.tanh, lambda x, u: u / np.cosh(x) ** 2, X), (np.tanh, lambda x, u: u, X)),
    "assertHessianProduct": ((slope, lambda x, v: 6 * x * v, X), (slope, lambda x, v: 3 * x * v, X)),
    "assertLayer": ((nn.Identity(), X), (Doubled(), X)),
    "assertLoss": ((nn.MSE(), X, X + 1), (Summed(), X, X + 1)),
    "assertNetwork": ((MODEL, nn.MSE(), X, X), (WRONG, nn.MSE(), X, X)),
    "assertOptimizer": ((lambda p: nn.SGD(p, 0.1),), (lambda p: nn.SGD(p, 1e9),)),
}


def outcome_of(method, arguments):
    """The result of a TestCase with one assertion in it, and what it printed."""

    class Case(GradientAssertions, unittest.TestCase):
        def test(self):
            kept.append(getattr(self, method)(*arguments))

    kept: list[Report] = []
    stream = io.StringIO()
    result = unittest.TextTestRunner(stream).run(Case("test"))
    return result, kept, stream.getvalue()


def test_every_check_has_its_assertion():
    checks = {name.removeprefix("check_") for name in testing.__all__ if name.startswith("check_")}
    assertions = {name.removeprefix("assert") for name in vars(GradientAssertions) if name.startswith("assert")}
    assert (
        {check.title().replace("_", "") for check in checks} == assertions == {c.removeprefix("assert") for c in CASES}
    )


@pytest.mark.parametrize("method", CASES)
def test_right_ones_pass_and_give_the_report(method):
    result, kept, _ = outcome_of(method, CASES[method][0])
    assert (result.testsRun, result.wasSuccessful()) == (1, True)
    assert isinstance(kept[0], Report) and kept[0].right


@pytest.mark.parametrize("method", CASES)
def test_wrong_ones_are_failures_and_no_errors(method):
    result, kept, text = outcome_of(method, CASES[method][1])
    assert (len(result.failures), len(result.errors), kept) == (1, 0, [])
    assert "GradientError: " in text
    files = [line for line in text.splitlines() if line.startswith('  File "')]
    assert len(files) <= 3 and "unittest_case.py" in files[-1]
    assert "direct cause" not in text


def test_keywords_reach_the_check():
    case = GradientAssertions()
    assert case.assertLayer(nn.Dense(2, 3), input_shape=(4, 2), strict=True).couples_batch is False
    with pytest.raises(GradientError) as caught:
        case.assertLayer(Doubled(), input_shape=(4, 2))
    assert caught.value.cause == "factor"


def test_a_check_does_as_well_by_itself():
    class Case(unittest.TestCase):
        def test(self):
            testing.check_gradient(cube, lambda x: x**2, X)

    result = Case("test").run()
    assert (len(result.failures), len(result.errors)) == (1, 0)
