"""The pytest plugin, on test files of its own: repetition, options, markers, and the look of a failure."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from tinynn import testing
from tinynn.testing import plugin

pytest_plugins = ["pytester"]

HEAD = """
import unittest
import numpy as np
import pytest
import tinynn as nn
from tinynn.testing import check_gradient, check_network

def cube(x):
    return np.sum(x**3)

def slope(x):
    return 3 * x**2

def doubled(x):
    return 6 * x**2

X = np.array([1.0, -2.0])

class Doubled(nn.Identity):
    def backward(self, grad):
        return 2 * grad
"""
WRONG = HEAD + "\ndef test_it():\n    check_gradient(cube, doubled, X)\n"
COUNTING = (
    HEAD
    + """
def seeds(gradcheck, monkeypatch, **options):
    from tinynn import testing
    seen, check = [], testing.check_layer
    monkeypatch.setattr(testing, "check_layer", lambda *a, rng, **k: seen.append(rng) or check(*a, rng=rng, **k))
    gradcheck.check_layer(nn.Identity(), input_shape=(2, 3), **options)
    return seen
"""
)


@pytest.fixture
def run(pytester, monkeypatch):
    """run(source, option, …) -> the result of pytest on one file."""
    # Where these are set pytest's summary holds whole messages: everything stands twice.
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)

    def call(source, *options):
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)

    return call


def text_of(result):
    return "\n".join(result.outlines)


# ---- registration -------------------------------------------------------------------------------
def test_the_plugin_is_found_by_its_entry_point():
    (entry,) = importlib.metadata.entry_points(group="pytest11", name="tinynn")
    assert entry.value == "tinynn.testing.plugin"
    assert entry.load() is plugin


def test_marker_and_option_are_registered(run):
    marked = HEAD + "\n@pytest.mark.gradcheck\ndef test_it(gradcheck):\n    gradcheck.check_gradient(cube, slope, X)\n"
    run(marked, "--strict-markers").assert_outcomes(passed=1)
    run(marked, "-m", "not gradcheck").assert_outcomes(deselected=1)
    run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.gradcheck(examples=N): a gradient check; *"])
    run("", "--help").stdout.fnmatch_lines(["gradient checks:", "  --gradcheck-examples=N"])
    run("", "--fixtures").stdout.fnmatch_lines(["gradcheck -- *plugin.py:*", "    check_gradient, check_layer, *"])


def test_every_check_is_a_method():
    checks = {name for name in testing.__all__ if name.startswith("check_")}
    assert checks == {name for name in vars(plugin.GradientChecks) if name.startswith("check_")}


# ---- repetition ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mark", "options", "expected"),
    [
        ("", (), [0]),
        ("", ("--gradcheck-examples", "3"), [0, 1, 2]),
        ("@pytest.mark.gradcheck", ("--gradcheck-examples=2",), [0, 1]),
        ("@pytest.mark.gradcheck(examples=4)", ("--gradcheck-examples=2",), [0, 1, 2, 3]),
        ("@pytest.mark.gradcheck(2)", (), [0, 1]),
    ],
)
def test_a_check_runs_with_as_many_seeds_as_asked(run, mark, options, expected):
    test = f"{mark}\ndef test_it(gradcheck, monkeypatch):\n    assert seeds(gradcheck, monkeypatch) == {expected}\n"
    run(COUNTING + test, *options).assert_outcomes(passed=1)


def test_seeds_start_where_the_test_says(run):
    test = "@pytest.mark.gradcheck(3)\ndef test_it(gradcheck, monkeypatch):\n"
    run(f"{COUNTING}{test}    assert seeds(gradcheck, monkeypatch, rng=5) == [5, 6, 7]\n").assert_outcomes(passed=1)


def test_a_generator_is_refused(run):
    test = "\ndef test_it(gradcheck):\n    gradcheck.check_gradient(cube, slope, X, rng=np.random.default_rng())\n"
    result = run(HEAD + test)
    result.assert_outcomes(failed=1)
    assert "gradcheck.check_gradient: rng must be a whole number, the first of 1, got Generator" in text_of(result)


def test_all_methods_check_and_return_the_report(run):
    run(
        HEAD
        + """
def test_right(gradcheck):
    x = np.ones((2, 2))
    model = nn.Sequential(nn.Dense(2, 2, rng=0))
    for report in (
        gradcheck.check_gradient(cube, slope, X),
        gradcheck.check_jacobian(np.tanh, lambda x, u: u / np.cosh(x) ** 2, X),
        gradcheck.check_hessian_product(slope, lambda x, v: 6 * x * v, X),
        gradcheck.check_layer(nn.Tanh(), x),
        gradcheck.check_loss(nn.MSE(), x, 2 * x),
        gradcheck.check_network(model, nn.MSE(), x, 2 * x),
        gradcheck.check_optimizer(lambda p: nn.SGD(p, 0.1)),
    ):
        assert report.right

@pytest.mark.parametrize("check", [
    lambda g: g.check_gradient(cube, doubled, X),
    lambda g: g.check_jacobian(np.tanh, lambda x, u: u, X),
    lambda g: g.check_hessian_product(slope, lambda x, v: x * v, X),
    lambda g: g.check_layer(Doubled(), np.ones((2, 2))),
    lambda g: g.check_loss(nn.MSE(half=False), np.ones((2, 2)), np.ones((3, 3))),
    lambda g: g.check_network(Doubled(), nn.MSE(), np.ones((2, 2)), np.zeros((2, 2))),
    lambda g: g.check_optimizer(lambda p: nn.SGD(p, 1e9)),
])
def test_wrong(gradcheck, check):
    check(gradcheck)
"""
    ).assert_outcomes(passed=1, failed=7)


def test_the_failing_example_is_named(run):
    result = run(
        HEAD
        + """
class Sometimes(nn.Identity):
    def forward(self, x):
        return super().forward(x)
    def backward(self, grad):
        return grad * (2 if self.wrong else 1)

@pytest.mark.gradcheck(examples=5)
def test_it(gradcheck, monkeypatch):
    from tinynn import testing
    def check(layer, rng):
        layer.wrong = rng == 3
        return check_layer(layer, input_shape=(2, 3), rng=rng)
    check_layer = testing.check_layer
    monkeypatch.setattr(testing, "check_layer", check)
    gradcheck.check_layer(Sometimes())
"""
    )
    result.assert_outcomes(failed=1)
    assert "with rng=3, example 4 of 5" in result.outlines


@pytest.mark.parametrize("mark", ["examples=0", "'many'", "1, 2", "example=3", "2, examples=3", "True"])
def test_a_marker_that_asks_for_no_number_is_refused_in_one_line(run, mark):
    result = run(HEAD + f"\n@pytest.mark.gradcheck({mark})\ndef test_it(gradcheck):\n    pass\n")
    result.assert_outcomes(errors=1)
    message = f"expected @pytest.mark.gradcheck(examples=N), N at least 1, got gradcheck({mark})"
    assert message in result.outlines
    assert "plugin.py" not in text_of(result)


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5"])
def test_an_option_that_is_no_number_is_refused(run, number):
    result = run("", f"--gradcheck-examples={number}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--gradcheck-examples: must be a whole number of at least 1, got '{number}'"])


# ---- the look of a failure ----------------------------------------------------------------------
def section(result):
    """The lines between the heading "gradient check" and the next rule."""
    lines = result.outlines
    start = next(k for k, line in enumerate(lines) if re.fullmatch(r"-+ gradient check -+", line))
    end = next(k for k in range(start + 1, len(lines)) if re.match(r"[=_-]{10}", lines[k]))
    return lines[start + 1 : end]


@pytest.mark.parametrize("style", ["auto", "long", "short"])
def test_causes_and_table_stand_in_a_section_of_their_own(run, style):
    result = run(WRONG, f"--tb={style}")
    result.assert_outcomes(failed=1)
    shown = section(result)
    assert re.match(r"∂C/∂x\[1\]: the code says 24, differences say 12 ± \S+ \(error", shown[0])
    assert shown[1] == "likely cause: ∂C/∂x is the right one times the constant factor 2"
    assert shown[3:5] == [
        "cube: wrong",
        "array    shape         largest error  at            noise    kinks  evaluations",
    ]
    marked = [line for line in result.outlines if line.startswith("E ")]
    assert [line[1:].strip() for line in marked] == ["tinynn.testing.report.GradientError: cube: wrong gradient"]
    assert text_of(result).count("the code says 24") == 1


def test_the_kit_s_own_lines_are_left_out(run):
    result = run(WRONG)
    assert not re.search(r"(gradients|report|plugin|unittest_case)\.py", text_of(result))
    assert re.search(r"^test_the_kit_s_own_lines_are_left_out\.py:\d+: GradientError$", text_of(result), re.MULTILINE)
    assert "gradients.py" in text_of(run(WRONG, "--full-trace"))


@pytest.mark.parametrize("style", ["native", "line", "no"])
def test_other_styles_are_left_as_they_are(run, style):
    result = run(WRONG, f"--tb={style}")
    result.assert_outcomes(failed=1)
    assert "- gradient check -" not in text_of(result)
    assert text_of(result).count("the code says 24") == (0 if style == "no" else 1)


def test_fixtures_unittest_and_networks_fail_in_the_same_way(run):
    result = run(
        HEAD
        + """
from tinynn.testing.unittest_case import GradientAssertions

@pytest.fixture
def broken():
    check_gradient(cube, doubled, X)

def test_setup(broken):
    pass

class TestCase(GradientAssertions, unittest.TestCase):
    def test_assertion(self):
        self.assertGradient(cube, doubled, X)

def test_network():
    check_network(nn.Sequential(nn.Dense(2, 2, rng=0), Doubled()), nn.MSE(), np.eye(2), np.ones((2, 2)))
"""
    )
    result.assert_outcomes(failed=2, errors=1)
    text = text_of(result)
    assert len(re.findall(r"-+ gradient check -+", text)) == 3
    assert not re.search(r"(gradients|report|networks|unittest_case)\.py", text)
    assert "direct cause" not in text
    assert "\nright: ∂C/∂prediction, of MSE()\nwrong: ∂C/∂input and parameters of Doubled()\n" in text


def test_other_failures_look_as_ever(run):
    result = run(
        HEAD
        + """
def test_plain():
    assert [1, 2] == [1, 3]

def test_in_a_layer(gradcheck):
    class Broken(nn.Identity):
        def forward(self, x):
            raise KeyError("mine")
    gradcheck.check_layer(Broken(), np.ones((2, 2)))

@pytest.mark.xfail(raises=AssertionError, strict=True)
def test_expected(gradcheck):
    gradcheck.check_gradient(cube, doubled, X)
"""
    )
    result.assert_outcomes(failed=2, xfailed=1)
    text = text_of(result)
    assert "gradient check -" not in text
    assert "At index 1 diff: 2 != 3" in text
    assert 'raise KeyError("mine")' in text


def test_machine_readable_reports_hold_the_section(run, pytester):
    run(WRONG, "--junitxml=out.xml")
    text = (pytester.path / "out.xml").read_text("utf-8")
    assert "likely cause: ∂C/∂x is the right one times the constant factor 2" in text.split("<failure", 1)[1]


def test_hypothesis_tells_its_example_in_the_section(run):
    result = run(
        HEAD
        + """
from hypothesis import given, settings
from tinynn.testing import check_layer, strategies

@settings(database=None, derandomize=True, deadline=None)
@given(strategies.layers(Doubled, 1))
def test_it(call):
    check_layer(call.layer, call.x)
"""
    )
    result.assert_outcomes(failed=1)
    assert "call=Call(Doubled(), x=array([[0.]]), upstream=array([[0.]]))" in "\n".join(section(result))
