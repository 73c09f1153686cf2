"""The command `gradcheck`, in process on files written here: what it finds, prints, refuses and returns."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinynn as nn
from tinynn.cli import arguments, draws, main
from tinynn.testing import conformance

ROOT = Path(__file__).resolve().parent.parent
SOURCE = """
import numpy as np
import tinynn as nn

class Cube(nn.Layer):
    def forward(self, x):
        self.x = x
        return x**3
    def backward(self, grad):
        return 3 * self.x**2 * grad

class Doubled(Cube):
    def backward(self, grad):
        return 6 * self.x**2 * grad

class Weighted(Cube):
    def __init__(self, factor, *, wrong=False):
        self.factor, self.wrong = factor, wrong
    def backward(self, grad):
        return super().backward(grad) * (self.factor if self.wrong else 1)
    def __repr__(self):
        return f"Weighted({self.factor})"

class _Hidden(Doubled):
    pass

class Linear:  # of no framework
    def __init__(self):
        self.W = np.arange(12.0).reshape(3, 4) / 7
    def forward(self, x):
        self.x = x
        return x @ self.W
    def backward(self, grad):
        self.slope = self.x.T @ grad
        return grad @ self.W.T

class Quadratic(nn.Loss):
    def forward(self, prediction, target, sample_weight=None):
        self.d = prediction - target
        return float(0.5 * np.mean(np.sum(self.d**2, axis=1)))
    def backward(self):
        return self.d / len(self.d)

class LogLoss:  # of probabilities, of no framework
    def forward(self, p, t):
        self.p, self.t = p, t
        return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    def backward(self):
        return (self.p - self.t) / (self.p * (1 - self.p)) / self.p.size

def make(power):
    return Weighted(power)

cube = Cube()
nothing = 3
"""


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """run("mine:Cube", "--seeds", 2) -> (exit code, stdout, stderr), from a directory with a module `mine`."""
    (tmp_path / "mine_for_gradcheck.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)

    def call(subject, *options):
        try:
            code = main(["gradcheck", re.sub(r"^mine\b", "mine_for_gradcheck", subject), *map(str, options)])
        except SystemExit as exit:
            code = exit.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    call.directory = tmp_path
    yield call
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def rows(out):
    """Label, array, shape and verdict of the table's rows."""
    lines = out.split("\n\n")[0].splitlines()
    at = [lines[0].index(word) for word in ("checked", "array", "shape", "largest", "verdict")]
    cells = [[line[a:b].strip() for a, b in zip(at, [*at[1:], None], strict=True)] for line in lines[1:]]
    return [(*row[:3], row[4]) for row in cells]


# ---- right and wrong ----------------------------------------------------------------------------
def test_a_right_layer(run):
    code, out, err = run("mine:Cube", "--shape", "2,3")
    assert (code, err) == (0, "")
    assert rows(out) == [("Cube()", "x", "(2, 3)", "right")]
    assert out.endswith("\n\n1 right, 0 wrong\n")


def test_a_wrong_layer_is_said_to_be_and_why(run):
    code, out, err = run("mine.py:Doubled")
    assert (code, err) == (1, "")
    assert rows(out) == [("Doubled()", "x", "(5, 4)", "wrong: factor")]
    assert "\n\nDoubled(): wrong gradient\n∂C/∂x[" in out
    assert "likely cause: ∂C/∂x is the right one times the constant factor 2\n" in out
    assert "x of shape (5, 4) is a guess; --shape gives another\n" in out
    assert out.endswith("\n0 right, 1 wrong\n")
    assert "guess" not in run("mine.py:Doubled", "--shape", "2,3")[1]


def test_arguments_reach_the_constructor(run):
    assert rows(run("mine:Weighted", "--args", "3")[1]) == [("Weighted(3)", "x", "(5, 4)", "right")]
    for keywords in ('{"wrong": true}', "{'wrong': True}"):
        code, out, _ = run("mine:Weighted", "--args", "3", "--kwargs", keywords)
        assert (code, rows(out)[0][3]) == (1, "wrong: factor")
    assert rows(run("mine:Weighted", "--kwargs", '{"factor": 7}')[1])[0][0] == "Weighted(7)"
    assert rows(run("mine:make", "--args", "5")[1])[0][0] == "Weighted(5)"


def test_tinynn_s_own_and_every_parameter_has_its_row(run):
    code, out, _ = run("tinynn:Dense", "--args", "3,4", "--shape", "5,3")
    assert code == 0
    assert [row[1:3] for row in rows(out)] == [("x", "(5, 3)"), ("weight", "(4, 3)"), ("bias", "(4,)")]


def test_an_object_that_is_there_already(run):
    assert rows(run("mine:cube")[1]) == [("Cube()", "x", "(5, 4)", "right")]


def test_seeds_repeat_the_check(run):
    table = [run("mine:Linear", "--names", "W=slope", "--seeds", seeds)[1] for seeds in (1, 3)]
    once, thrice = (int(re.search(r"Linear +x +\(5, 3\) +\S+ +0 +(\d+)", text).group(1)) for text in table)
    assert thrice == 3 * once
    code, out, _ = run("mine:Doubled", "--seeds", 2)
    assert code == 1
    assert "\nwith rng=0\n" in out


def test_a_guessed_shape_is_one_that_the_layer_is_for():
    class Gain:
        """A factor for each channel of images: numbers that broadcast with more than images."""

        def __init__(self, shape):
            self.factor = np.ones(shape)

        def forward(self, x):
            return x * self.factor

    assert draws.input_shape(Gain((3, 1, 1)), None) == (2, 3, 6, 6)
    assert draws.input_shape(Gain(5), None) == (6, 5)
    assert draws.input_shape(nn.Dense(7, 2), None) == (5, 7)


def test_strict_asks_for_more(run, monkeypatch):
    seen = []
    monkeypatch.setattr("tinynn.cli.gradcheck.check_layer", lambda layer, **options: seen.append(options))
    for more in ([], ["--strict"]):
        with pytest.raises(AttributeError):  # None is no report
            run("mine:Cube", *more)
    assert [options["strict"] for options in seen] == [False, True]


def test_names_lead_to_gradients_of_another_spelling(run):
    assert [row[1] for row in rows(run("mine:Linear")[1])] == ["x"]
    code, out, _ = run("mine:Linear", "--names", "W=slope")
    assert code == 0
    assert [row[1] for row in rows(out)] == ["x", "W"]


# ---- losses and optimizers ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("loss", "kinds"),
    [
        ("mine:Quadratic", ["probabilities"]),
        ("mine:LogLoss", ["probabilities"]),
        ("tinynn:Hinge", ["signs"]),
        ("tinynn:SoftmaxCrossEntropy", ["labels", "probabilities"]),
    ],
)
def test_losses_get_targets_that_they_take(run, loss, kinds):
    code, out, err = run(loss, "--shape", "2,3")
    assert (code, err) == (0, "")
    assert [(row[0].split(", ")[-1], *row[1:]) for row in rows(out)] == [
        (kind, "prediction", "(2, 3)", "right") for kind in kinds
    ]


def test_targets_of_any_number_where_nothing_else_is_taken():
    class Picky(nn.MSE):
        def forward(self, prediction, target, sample_weight=None):
            if np.all(np.abs(target) <= 1):
                raise ValueError("too plain")
            return super().forward(prediction, target, sample_weight)

    assert [kind for kind, _, _ in draws.loss_calls(Picky(), (4, 3), 0)] == ["values"]
    assert [kind for kind, _, _ in draws.loss_calls(nn.MSE(), (4, 1), 0)] == ["probabilities"]
    assert [kind for kind, _, _ in draws.loss_calls(nn.MSE(), (4,), 0)] == ["probabilities"]


def test_a_wrong_loss(run):
    (run.directory / "wrong.py").write_text(SOURCE + "\nQuadratic.backward = lambda self: self.d\n")
    code, out, _ = run("wrong.py:Quadratic")
    assert (code, rows(out)[0][3]) == (1, "wrong: batch-mean")
    assert "tinynn.testing.check_loss takes others" in out


def test_optimizers(run):
    code, out, _ = run("tinynn:SGD", "--args", "0.1")
    assert (code, rows(out)) == (0, [("SGD", "", "", "right")])
    code, out, _ = run("tinynn:SGD", "--kwargs", '{"learning_rate": 1e9}')
    assert (code, rows(out)[0][3].split(":")[0]) == (1, "wrong")


# ---- whole modules ------------------------------------------------------------------------------
def test_a_module_has_all_its_classes_checked(run):
    code, out, err = run("mine")
    assert (code, err) == (1, "")
    assert [(label, verdict) for label, _, _, verdict in rows(out)] == [
        ("Cube()", "right"),
        ("Doubled()", "wrong: factor"),
        ("Linear", "right"),
        ("Quadratic(), probabilities", "right"),
        ("LogLoss, probabilities", "right"),
    ]
    assert re.search(r"\nnot checked: Weighted cannot be built: TypeError: .*factor.*--args", out)
    assert out.endswith("\n4 right, 1 wrong, 1 not checked\n")


def test_a_package_s_classes_come_from_its_modules_and_not_from_elsewhere(run):
    package = run.directory / "of_losses"
    package.mkdir()
    (package / "__init__.py").write_text("from tinynn import MSE\nfrom .inner import Mine\n")
    (package / "inner.py").write_text("import tinynn as nn\nfrom . import other\nclass Mine(nn.MSE): pass\n")
    (package / "other.py").write_text("")
    for subject in ("of_losses", "of_losses/inner.py", package / "inner.py"):
        code, out, _ = run(str(subject))
        assert (code, [row[0] for row in rows(out)]) == (0, ["Mine(), probabilities"])


def test_a_file_s_name_replaces_no_module(run):
    (run.directory / "json.py").write_text(SOURCE)
    code, _, _ = run("json.py:Cube")
    assert code == 0
    import json

    assert json.loads("1") == 1


# ---- what raises, what is refused ---------------------------------------------------------------
def test_code_that_raises_is_wrong_and_the_place_is_named(run):
    (run.directory / "raising.py").write_text(
        "import tinynn as nn\nclass A(nn.Identity):\n    def backward(self, grad):\n        return grad[:, 99]\n"
    )
    code, out, err = run("raising:A")
    assert (code, err) == (1, "")
    assert rows(out) == [("A()", "", "", "wrong: shape")]
    outside = "IndexError: index 99 is out of bounds for axis 1 with size 4"
    assert f"A(): backward fails with {outside} (raising.py:4)" in out


@pytest.mark.parametrize(
    ("subject", "options", "message"),
    [
        ("nowhere_at_all", [], "no module 'nowhere_at_all' in the current directory or installed"),
        ("nowhere.py:A", [], "there is no file nowhere.py"),
        ("mine:Square", [], "mine_for_gradcheck has no Square; it defines Cube, Doubled, Weighted, .*"),
        ("mine:nothing", [], "nothing is no layer, loss or optimizer: it has no forward and backward"),
        ("mine:Weighted", [], "Weighted cannot be built: TypeError: .*'factor'; MODULE:Weighted with --args .*"),
        ("mine:Weighted", ["--args", "1,2"], r"Weighted cannot be built: TypeError: .* given"),
        ("tinynn:Adam", ["--args", "-1.0"], "Adam cannot be built: .*"),
        ("mine", ["--args", "3"], "--args and --kwargs are for one class: say mine_for_gradcheck:CLASS"),
        ("mine:cube", ["--args", "3"], "cube is an object already: .*"),
        ("mine:Linear", ["--shape", "5,4"], r".* does not take x of shape \(5, 4\): ValueError: .*\(mine_.*\)"),
        ("mine:Linear", ["--names", "W=dW"], ".*'dW'.*"),
        ("tinynn:Reshape", ["--args", "7,7"], r"Reshape\(7, 7\): no shape is found that it takes; give --shape, .*"),
        ("tinynn:SoftmaxCrossEntropy", ["--kwargs", '{"class_weights": [1, 2]}'], ".*finite.*--shape.*"),
        ("tinynn.errors", [], "no class with forward and backward, and no optimizer, is defined in tinynn.errors"),
        ("broken", [], r"importing broken: ZeroDivisionError: division by zero \(broken.py:1\)"),
        ("exits", [], r"importing exits: SystemExit: 3 \(exits.py:1\)"),
        ("needs", [], "importing needs: ModuleNotFoundError: No module named 'not_there_either' .*"),
        ("mine:Cube", ["--shape", "5,x"], "argument --shape: must be whole numbers .* got '5,x'; see .*"),
        ("mine:Cube", ["--seeds", "0"], "argument --seeds: must be a whole number of at least 1, got '0'; see .*"),
        ("mine:Cube", ["--args", "a b"], "argument --args: must be Python values .* got 'a b'; see .*"),
        ("mine:Cube", ["--kwargs", "[1]"], "argument --kwargs: must be a JSON object .*; see .*"),
        ("mine:Cube", ["--names", "W"], "argument --names: must be pairs .* got 'W'; see .*"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(run, subject, options, message):
    (run.directory / "broken.py").write_text("1 / 0")
    (run.directory / "exits.py").write_text("raise SystemExit(3)")
    (run.directory / "needs.py").write_text("import not_there_either")
    code, out, err = run(subject, *options)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"python -m tinynn gradcheck: {message}\n", err)


def test_a_subject_is_asked_for(run, capsys):
    with pytest.raises(SystemExit):
        main(["gradcheck"])
    assert "MODULE[:CLASS]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("args", "3,4", (3, 4)),
        ("args", "3", (3,)),
        ("args", "(3, 4), 'same'", ((3, 4), "same")),
        ("args", "", ()),
        ("shape", "5", (5,)),
        ("shape", "(5, 4)", (5, 4)),
        ("kwargs", '{"bias": false, "n": null}', {"bias": False, "n": None}),
        ("names", "W=dW, b=db", {"W": "dW", "b": "db"}),
    ],
)
def test_values_are_read_as_they_are_meant(option, text, value):
    options = arguments.parser().parse_args(["gradcheck", "m", f"--{option}", text])
    assert getattr(options, option) == value


def test_the_lists_of_right_and_wrong_depend_on_the_kit(run, monkeypatch):
    def refuse(subject, report, *rest):
        report.fail("stale", "refused")

    monkeypatch.setattr(conformance, "before", refuse)
    assert rows(run("mine:Cube")[1]) == [("Cube()", "", "", "wrong: stale")]


def test_python_dash_m(tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE)
    argv = [sys.executable, "-m", "tinynn", "gradcheck"]
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "capture_output": True, "text": True}
    assert subprocess.run([*argv, "mine:Cube"], **options).returncode == 0
    assert subprocess.run([*argv, "mine:Doubled"], **options).returncode == 1
    assert subprocess.run([*argv, "mine:Tripled"], **options).returncode == 2
