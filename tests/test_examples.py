"""Every lesson runs, warns of nothing, and computed what it says.

The lessons are found by name, so a new one needs one row in CONCLUSIONS: a test of what it teaches, on
numbers that its own functions return.
"""

import importlib.util
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(path for path in EXAMPLES.glob("*.py") if path.name != "lesson.py")
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None


@pytest.fixture(scope="module", autouse=True)
def lesson_module():
    """`from lesson import …` works as it does for `python examples/NAME.py`."""
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))
    sys.modules.pop("lesson", None)


def load(name):
    """The lesson as a module; its name starts with a digit, so that no import statement can."""
    spec = importlib.util.spec_from_file_location("example_" + name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- what each lesson computed ----------------------------------------------------------------------


def simple_gradient_descent(lesson, printed):
    path = lesson.descend(lesson.parabola_gradient, 1.0, 0.1)
    np.testing.assert_allclose(path, 0.8 ** np.arange(len(path)), rtol=1e-12)
    assert lesson.verdict(lesson.descend(lesson.parabola_gradient, 1.0, 1.1), lesson.parabola) == "diverges"
    assert lesson.verdict(lesson.descend(lesson.valley_gradient, (2, 1), 0.102), lesson.valley) == "diverges"
    assert lesson.verdict(lesson.descend(lesson.parabola_gradient, 1.0, 0.5), lesson.parabola) == "arrives"
    off = [abs(real / promised - 1) for _, promised, real in lesson.linear_promise(np.ones(2), (1e-2, 1e-3))]
    assert off[0] / off[1] == pytest.approx(10, rel=1e-3)


def mse_line_fit(lesson, printed):
    x, y = lesson.make_data()
    best = lesson.closed_form(x, y)
    np.testing.assert_allclose(best, np.polyfit(x, y, 1), rtol=1e-10)
    np.testing.assert_allclose(lesson.descend(x, y, 0.04, 2000)[-1], best, atol=1e-6)
    assert lesson.gradient(*best, x, y) == pytest.approx((0, 0), abs=1e-12)


def matrices_cheat_sheet(lesson, printed):
    np.testing.assert_array_equal(lesson.evaluate("A @ W.T + bias")[0], lesson.evaluate("W @ a + b").ravel())
    assert lesson.evaluate("(W @ A.T == (A @ W.T).T).all()")
    assert lesson.evaluate("((p - y)**2).mean()") > 1
    assert all(expression in printed for lines in lesson.SHEET.values() for expression, _ in lines)


def matrices_task(lesson, printed):
    assert lesson.multiply(lesson.W.tolist(), lesson.A.T.tolist()) == (lesson.W @ lesson.A.T).tolist()
    assert lesson.product_shape((3, 2), (3, 5)) is None
    np.testing.assert_array_equal(lesson.weight_gradient(lesson.DELTA, lesson.A), lesson.DELTA.T @ lesson.A)
    assert lesson.parameters_of(784, 30, 10) == 23_860
    with pytest.raises(ValueError, match="inner sizes"):
        lesson.multiply([[1, 2]], [[1, 2]])


def zips(lesson, printed):
    assert lesson.layer_shapes([784, 30, 10]) == [(30, 784), (10, 30)]
    assert lesson.lengths_seen(zip("abc", "abc", strict=True)) == [3, 0]
    x, y = lesson.shuffle_together(list(range(9)), list("abcdefghi"), np.random.default_rng(0))
    assert x != sorted(x) and all("abcdefghi"[k] == letter for k, letter in zip(x, y, strict=True))


def argmax_and_one_hot(lesson, printed):
    x, labels = lesson.make_data()
    np.testing.assert_array_equal(lesson.one_hot(labels, 3).argmax(axis=1), labels)
    weight = lesson.CENTRES
    nudged = lesson.nudged(weight, 1e-4)
    assert lesson.right_answers(x, labels, nudged) == lesson.right_answers(x, labels, weight)
    assert lesson.cost(x, labels, nudged) != lesson.cost(x, labels, weight)
    assert "gives the same: True" in printed


def second_matrices_task(lesson, printed):
    Z = lesson.by_rows(lesson.SAMPLES)
    np.testing.assert_array_equal(Z, [lesson.by_loops(a) for a in lesson.SAMPLES])
    np.testing.assert_array_equal(Z[1], lesson.by_column(lesson.SAMPLES[1][:, None]).ravel())
    np.testing.assert_allclose(lesson.by_tinynn(lesson.SAMPLES), lesson.sigmoid(Z), rtol=1e-14)


def mse_gradient_descent_network(lesson, printed):
    x, y = lesson.make_data()
    start = lesson.start()
    pairs = zip(lesson.gradient(start, x, y), lesson.numerical_gradient(start, x, y), strict=True)
    for exact, numerical in pairs:
        np.testing.assert_allclose(exact, numerical, atol=1e-10)
    trained, _ = lesson.train(start, x, y, epochs=3000)
    assert lesson.cost(trained, x, y) < 0.002 < y.var() / 2


def network_from_scratch(lesson, printed):
    network = lesson.Network(5, 4, 3, 2)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 5)), rng.random((7, 2))
    differences = lesson.differences(network, lesson.same_in_tinynn(network), x, y)
    assert len(differences) == 6 and max(differences.values()) < 1e-12
    for row in printed.splitlines():
        if row.endswith("%"):
            assert len(set(row.split()[1:])) == 1, "both networks learn alike"


def three_ways_of_feeding(lesson, printed):
    x, _, y, _ = lesson.load()
    true, mini, whole = (lesson.train(x, y, *settings[:2], epochs=2)[2] for settings in lesson.WAYS.values())
    assert true[0] == mini[0] == whole[0], "the same start"
    assert max(true[-1], mini[-1]) < 0.5 * whole[-1]
    one, many = (lesson.estimate_error(lesson.make_model(), x, y, m) for m in (1, 100))
    assert one / many == pytest.approx(10, rel=0.25)


def optimizers_side_by_side(lesson, printed):
    start = lesson.banana(np.array(lesson.START))
    for name, (build, _) in lesson.OPTIMIZERS.items():
        assert lesson.banana(lesson.best_walk(build)[1][-1]) < start / 2, name
        assert printed.count(f"{name:>10} ") == 2
    accuracies = [float(row.split()[3].rstrip("%")) for row in printed.splitlines() if "%" in row]
    assert len(accuracies) == len(lesson.OPTIMIZERS) and min(accuracies) > 50 and max(accuracies) > 90


def custom_layer(lesson, printed):
    x = np.random.default_rng(2).normal(size=(4, 3))
    for layer in (lesson.Sine(), lesson.Ring(3)):
        assert max(lesson.largest_error(layer, x).values()) < 1e-8
    model = lesson.make_models()["Ring"]
    lesson.train(model, *lesson.make_data())
    np.testing.assert_allclose(model[0].centre.value, lesson.CENTRE, atol=0.05)
    np.testing.assert_allclose(model[0].radius.value, lesson.RADIUS, atol=0.05)
    assert lesson.accuracy(model, *lesson.make_data(5000, rng=1)) > 0.9


def custom_optimizer(lesson, printed):
    gradient = np.array([0.5, -20.0, 1e-3])
    for build in (lesson.SignDescent, lesson.AdaMax):
        np.testing.assert_allclose(lesson.first_step(build, gradient), -0.1 * np.sign(gradient), rtol=1e-4)
    point, steps = lesson.nn.Parameter(np.array([3.0, -4.0])), 400
    optimizer = lesson.AdaMax([point], 0.1)
    for _ in range(steps):
        point.grad = 2 * point.value
        optimizer.step()
    assert np.abs(point.value).max() < 0.01 and optimizer.steps == steps


def xor(lesson, printed):
    assert 0 in lesson.perceptron_rule(lesson.column("AND"))[2]
    assert 0 in lesson.perceptron_rule(lesson.column("OR"))[2]
    assert 0 not in lesson.perceptron_rule(lesson.column("XOR"))[2]
    np.testing.assert_array_equal(lesson.xor_by_hand().predict(lesson.X), lesson.column("XOR"))
    one, hidden = lesson.sigmoid_networks().values()
    assert lesson.train(one, lesson.column("XOR"))[-1] == pytest.approx(0.125, abs=1e-3)
    lesson.train(hidden, lesson.column("XOR"))
    np.testing.assert_array_equal(hidden.predict(lesson.X) > 0.5, lesson.column("XOR") > 0.5)


CONCLUSIONS = {
    "03_simple_gradient_descent": simple_gradient_descent,
    "04_mse_line_fit": mse_line_fit,
    "05_1_matrices_task": matrices_task,
    "05_matrices_cheat_sheet": matrices_cheat_sheet,
    "06_zip": zips,
    "07_argmax_and_one_hot": argmax_and_one_hot,
    "08_second_matrices_task": second_matrices_task,
    "09_mse_gradient_descent_network": mse_gradient_descent_network,
    "10_network_from_scratch": network_from_scratch,
    "11_three_ways_of_feeding": three_ways_of_feeding,
    "12_optimizers_side_by_side": optimizers_side_by_side,
    "13_custom_layer": custom_layer,
    "14_custom_optimizer": custom_optimizer,
    "15_xor": xor,
}
WITHOUT_PLOT = {"05_1_matrices_task", "05_matrices_cheat_sheet", "06_zip", "08_second_matrices_task"}


# ---- the tests --------------------------------------------------------------------------------------


def test_every_lesson_has_its_row():
    missing = {path.stem for path in SCRIPTS} - set(CONCLUSIONS)
    assert not missing, (
        f"examples/{min(missing, default='')}.py has no row in CONCLUSIONS of tests/test_examples.py: write "
        "a function (lesson, printed) that asserts what the lesson computes, and enter it under that name"
    )
    gone = (set(CONCLUSIONS) | WITHOUT_PLOT) - {path.stem for path in SCRIPTS}
    assert not gone, f"tests/test_examples.py names lessons that do not exist: {sorted(gone)}; remove their rows"


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_lesson(name, capsys, tmp_path):
    """main() runs, warns of nothing (warnings are errors here), draws its plot, and its conclusions hold."""
    lesson = load(name)
    file = tmp_path / "plot.png"
    draws = HAS_MATPLOTLIB and name not in WITHOUT_PLOT
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lesson.main(["--plot", str(file)] if draws else [])
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) > 5
    if draws:
        assert file.read_bytes().startswith(b"\x89PNG")
    if name in CONCLUSIONS:  # a missing row is reported once, above
        CONCLUSIONS[name](lesson, printed)


@pytest.mark.parametrize("name", sorted(set(CONCLUSIONS) - WITHOUT_PLOT))
def test_plot_without_matplotlib(name, capsys, monkeypatch):
    """A clear line that names the extra, before any work, and exit code 2."""
    script = load(name)
    monkeypatch.setattr("lesson.find_spec", lambda package: None)
    with pytest.raises(SystemExit) as stop:
        script.main(["--plot", "plot.png"])
    output, errors = capsys.readouterr()
    assert stop.value.code == 2 and not output
    assert "tinynn-numpy[plots]" in errors and len(errors.splitlines()) == 1


def test_as_a_script():
    """`python examples/NAME.py` from the project's root: exit code 0, and nothing on stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", "examples/15_xor.py"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    assert "XOR" in result.stdout and not result.stderr
