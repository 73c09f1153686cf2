"""The command line, mostly in process on the small digits: what it trains, writes, refuses and survives."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinynn as nn
from tinynn.cli import arguments, choices, main, mistakes
from tinynn.cli import train as command

ROOT = Path(__file__).resolve().parent.parent
FILES = ["history.json", "mistakes.png", "mistakes.txt", "model.npz"]
EPOCH = (
    r"epoch +\d+/{n}  cost \d\.\d{{4}}, accuracy \d\.\d{{4}}  validation: cost \d\.\d{{4}}, accuracy \d\.\d{{4}}  "
    r"\d+\.\d\d s  [\d,]+ samples/s"
)


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """run("--epochs", 3, …) -> (exit code, stdout, stderr); the output goes to run.directory.

    Without matplotlib, unless asked for: that saves half a second a run.
    """

    def call(*options, data="digits", matplotlib=False):
        if not matplotlib:
            monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        argv = ["train", "--data", data, "--output", str(tmp_path / "out"), *map(str, options)]
        try:
            code = main(argv)
        except SystemExit as exit:
            code = exit.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    call.directory = tmp_path / "out"
    return call


def trained(run):
    """What the run wrote: its history file, and the state of its model."""
    with np.load(run.directory / "model.npz") as state:
        values = {name: state[name] for name in state.files if name != "tinynn.json"}
    return json.loads((run.directory / "history.json").read_text()), values


def digits():
    x, y = nn.data.load_digits()
    x_train, x_test, y_train, y_test = nn.train_test_split(x, y, test_size=0.2, stratify=y, rng=0)
    return x_train, y_train, x_test, y_test


# ---- what it does ---------------------------------------------------------------------------------


def test_a_run_prints_its_epochs_and_its_result_and_writes_four_files(run):
    pytest.importorskip("matplotlib")
    code, out, err = run("--epochs", 2, matplotlib=True)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[:3] == [
        "digits: 1,437 images to learn from, 360 to be judged by",
        "Sequential(Dense(64, 30), Sigmoid(), Dense(30, 10), Sigmoid())",
        "MSE(), sgd, learning rate 3, batches of 10, seed 0",
    ]
    assert all(re.fullmatch(EPOCH.format(n=2), line) for line in lines[3:5])
    assert re.fullmatch(
        r"test accuracy \d\d\.\d\d % \(\d+ of 360 wrong\), cost 0\.\d{4}, after 2 epochs in \d+\.\d s of training",
        lines[5],
    )
    assert lines[6:] == [
        f"wrote model.npz, history.json, mistakes.txt, mistakes.png into {run.directory}",
    ]
    assert sorted(path.name for path in run.directory.iterdir()) == FILES
    assert (run.directory / "mistakes.png").read_bytes().startswith(b"\x89PNG")


def test_what_it_wrote_is_what_it_said(run, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("tinynn.training.epoch.time.perf_counter", lambda: float(next(clock)))
    _, out, _ = run("--epochs", 3)
    assert "after 3 epochs in 3.0 s of training" in out
    written, state = trained(run)
    model = nn.Sequential(nn.Dense(64, 30), nn.Sigmoid(), nn.Dense(30, 10), nn.Sigmoid())
    model.load_state_dict(state)
    _, _, x_test, y_test = digits()
    wrong = int((model.predict(x_test).argmax(axis=1) != y_test).sum())
    assert f"test accuracy {100 * (360 - wrong) / 360:.2f} % ({wrong} of 360 wrong)" in out
    assert written["test"]["accuracy"] == (360 - wrong) / 360
    assert written["history"]["validation_accuracy"][-1] == (360 - wrong) / 360
    assert len(written["history"]["cost"]) == 3
    assert written["model"] == repr(model)
    assert written["versions"]["tinynn"] == nn.__version__
    assert (written["options"]["epochs"], written["options"]["hidden"]) == (3, [30])
    text = (run.directory / "mistakes.txt").read_text()
    assert text.startswith(f"{wrong} mistakes among 360 test images\n")
    assert text.count(" taken for ") == min(wrong, 24)


def test_it_learns_the_digits(run):
    run("--quiet")
    assert trained(run)[0]["test"]["accuracy"] > 0.9


def test_the_default_is_nielsens_network(run, monkeypatch):
    options = arguments.parser().parse_args(["train"])
    rng = np.random.default_rng(0)
    model = command.build_model(options, 784, rng)
    assert repr(model) == "Sequential(Dense(784, 30), Sigmoid(), Dense(30, 10), Sigmoid())"
    for name, value in model.state_dict().items():  # N(0, 1) throughout
        assert value.std() == pytest.approx(1, abs=0.05 if value.size > 1000 else 0.7), name
    trainer = command.build_trainer(options, model)
    assert repr(trainer.loss) == "MSE()"
    assert (type(trainer.optimizer), trainer.optimizer.learning_rate) == (nn.SGD, 3.0)
    assert (options.data, options.epochs, options.batch_size, options.train_size) == ("mnist", 30, 10, None)
    assert (options.seed, options.dtype, options.quiet, options.output) == (0, "float32", False, None)
    targets = command.targets(options, np.array([3]))
    assert targets.tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]


def test_mnist_is_whole_by_default_and_cut_on_request():
    for argv, size in (["train"], 60_000), (["train", "--train-size", "50000"], 50_000):
        data = command.load(arguments.parser().parse_args(argv))
        assert data.x_train.shape == (size, 784)
        assert data.x_test.shape == (10_000, 784)
        assert (len(data.y_train), data.y_train[:5].tolist()) == (size, [5, 0, 4, 1, 9])


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(run):
    states = []
    for seed in (0, 0, 1):
        run("--epochs", 1, "--seed", seed)
        states.append(trained(run)[1])
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    assert not np.array_equal(states[0]["0.weight"], states[2]["0.weight"])


def test_weights_and_batches_have_generators_of_their_own(monkeypatch, run):
    seen = []
    batches = nn.Batches
    monkeypatch.setattr(nn, "Batches", lambda *a, rng, **k: seen.append(rng) or batches(*a, rng=rng, **k))
    run("--epochs", 1, "--seed", 5)
    first = np.random.default_rng(5).spawn(2)
    model = command.build_model(arguments.parser().parse_args(["train"]), 64, first[0])
    assert model.predict(np.ones((1, 64))).shape == (1, 10)
    expected = first[1]
    expected.permutation(1437)
    assert seen[0].random() == expected.random()


@pytest.mark.parametrize(
    ("options", "model", "loss", "rate"),
    [
        (["--hidden", "7,5"], "Dense(64, 7), Sigmoid(), Dense(7, 5), Sigmoid(), Dense(5, 10), Sigmoid()", "MSE", 3.0),
        (["--hidden", "1"], "Dense(64, 1), Sigmoid(), Dense(1, 10), Sigmoid()", "MSE", 3.0),
        (["--hidden", "0"], "Dense(64, 10), Sigmoid()", "MSE", 3.0),
        (["--hidden", ""], "Dense(64, 10), Sigmoid()", "MSE", 3.0),
        (["--hidden", "0", "--loss", "cross-entropy"], "Dense(64, 10)", "SoftmaxCrossEntropy", 0.5),
        (
            ["--loss", "binary-cross-entropy", "--activation", "tanh"],
            "Dense(64, 30), Tanh(), Dense(30, 10)",
            "SigmoidCrossEntropy",
            0.5,
        ),
        (["--learning-rate", "0.25", "--hidden", "0"], "Dense(64, 10), Sigmoid()", "MSE", 0.25),
        (["--optimizer", "adam", "--hidden", "0"], "Dense(64, 10), Sigmoid()", "MSE", 0.001),
    ],
)
def test_networks_losses_and_rates(run, options, model, loss, rate):
    code, out, err = run("--epochs", 1, *options)
    assert (code, err) == (0, "")
    written, _ = trained(run)
    assert written["model"] == f"Sequential({model})"
    assert f"\n{loss}(" in out
    assert written["history"]["learning_rate"] == [rate]


@pytest.mark.parametrize("name", choices.OPTIMIZERS)
def test_every_optimizer_learns(run, name):
    code, _, err = run("--optimizer", name, "--loss", "cross-entropy", "--initializer", "glorot_uniform")
    assert (code, err) == (0, "")
    history = trained(run)[0]["history"]
    assert history["cost"][-1] < 0.9 * history["cost"][0]


@pytest.mark.parametrize("name", choices.ACTIVATIONS)
def test_every_activation(run, name):
    code, out, _ = run("--activation", name, "--epochs", 1, "--learning-rate", 0.1)
    assert code == 0
    assert f"Dense(64, 30), {choices.ACTIVATIONS[name]()!r}, Dense(30, 10)" in out


@pytest.mark.parametrize(
    ("name", "weight", "bias"),
    [
        ("nielsen", 1, 1),
        ("nielsen_scaled", 1 / 64**0.5, 1),
        ("glorot_uniform", (2 / 264) ** 0.5, 0),
        ("glorot_normal", (2 / 264) ** 0.5, 0),
        ("he_uniform", (2 / 64) ** 0.5, 0),
        ("he_normal", (2 / 64) ** 0.5, 0),
        ("lecun_uniform", (1 / 64) ** 0.5, 0),
        ("lecun_normal", (1 / 64) ** 0.5, 0),
        ("orthogonal", 1 / 200**0.5, 0),
    ],
)
def test_every_initializer(name, weight, bias):
    options = arguments.parser().parse_args(["train", "--initializer", name, "--hidden", "200"])
    first = command.build_model(options, 64, np.random.default_rng(0))[0]
    assert first.weight.value.std() == pytest.approx(weight, rel=0.02)
    assert first.bias.value.std() == pytest.approx(bias, rel=0.1)


def test_every_name_is_tested():
    assert len(choices.INITIALIZERS) == 9
    assert sorted(choices.LOSSES) == ["binary-cross-entropy", "cross-entropy", "mse"]


def test_momentum_and_weight_decay_reach_the_optimizer(run):
    def optimizer(*argv):
        options = arguments.parser().parse_args(["train", *argv])
        return command.build_trainer(options, command.build_model(options, 4, np.random.default_rng(0))).optimizer

    assert optimizer("--momentum", "0.5").momentum == 0.5
    assert optimizer("--momentum", "0").momentum == 0
    assert optimizer("--optimizer", "rmsprop", "--momentum", "0.5").momentum == 0.5
    assert optimizer("--weight-decay", "0.125").groups[0].weight_decay == 0.125
    assert optimizer().groups[0].weight_decay == optimizer("--weight-decay", "0").groups[0].weight_decay == 0
    assert optimizer("--optimizer", "adamw").groups[0].weight_decay == 0.01


def test_dtype(run):
    for dtype in ("float64", "float32"):
        run("--epochs", 1, "--dtype", dtype)
        assert {str(value.dtype) for value in trained(run)[1].values()} == {dtype}


def test_batch_size_and_train_size(run, monkeypatch):
    steps = []
    step = nn.SGD.step
    monkeypatch.setattr(nn.SGD, "step", lambda self: steps.append(1) or step(self))
    _, out, _ = run("--epochs", 1, "--batch-size", 30, "--train-size", 100)
    assert len(steps) == 4
    assert out.startswith("digits: 100 images to learn from, 360 to be judged by\n")


def test_quiet_prints_the_result_alone(run):
    _, out, err = run("--epochs", 1, "--quiet")
    assert err == ""
    assert [line.split()[0] for line in out.splitlines()] == ["test", "wrote"]


def test_without_output_a_new_directory_in_runs_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["train", "--data", "digits", "--epochs", "1", "--hidden", "9,8"]) == 0
    (directory,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d{6}-digits-9-8", directory.name)
    assert f" into {Path('runs') / directory.name};" in capsys.readouterr().out


def test_without_matplotlib_the_last_line_says_what_to_install(run):
    code, out, err = run("--epochs", 1)
    assert (code, err) == (0, "")
    assert out.endswith(
        f"wrote model.npz, history.json, mistakes.txt into {run.directory}"
        '; for mistakes.png too:  pip install "tinynn-numpy[plots]"\n'
    )
    assert sorted(path.name for path in run.directory.iterdir()) == [n for n in FILES if n != "mistakes.png"]


# ---- what it refuses ------------------------------------------------------------------------------

BAD = [
    (["--epochs", "0"], "argument --epochs: must be a whole number of at least 1, got '0'"),
    (["--epochs", "1.5"], "argument --epochs: must be a whole number of at least 1, got '1.5'"),
    (["--batch-size", "0"], "argument --batch-size: must be a whole number of at least 1, got '0'"),
    (["--batch-size", "x"], "argument --batch-size: must be a whole number of at least 1, got 'x'"),
    (["--train-size", "0"], "argument --train-size: must be a whole number of at least 1, got '0'"),
    (["--train-size", "1438"], "--train-size: digits has 1437 training images, got 1438"),
    (["--seed", "-1"], "argument --seed: must be a whole number of at least 0, got '-1'"),
    (["--learning-rate", "0"], "argument --learning-rate: must be a number above 0, got '0'"),
    (["--learning-rate", "-1"], "argument --learning-rate: must be a number above 0, got '-1'"),
    (["--learning-rate", "nan"], "argument --learning-rate: must be a number above 0, got 'nan'"),
    (["--learning-rate", "inf"], "argument --learning-rate: must be a number above 0, got 'inf'"),
    (["--learning-rate", "fast"], "argument --learning-rate: must be a number above 0, got 'fast'"),
    (["--momentum", "1"], "argument --momentum: must be a number at least 0 and below 1, got '1'"),
    (["--momentum", "-0.1"], "argument --momentum: must be a number at least 0 and below 1, got '-0.1'"),
    (
        ["--momentum", "0.9", "--optimizer", "adam"],
        "--momentum is for sgd and rmsprop, adam has none to set",
    ),
    (["--weight-decay", "-1"], "argument --weight-decay: must be a number at least 0, got '-1'"),
    (["--hidden", "30,0"], "argument --hidden: must be whole numbers with commas between, such as 100,50"),
    (["--hidden", "a"], "argument --hidden: must be whole numbers with commas between, such as 100,50"),
    (["--hidden", "-3"], "argument --hidden: must be whole numbers with commas between, such as 100,50"),
    (["--optimizer", "foo"], "argument --optimizer: invalid choice: 'foo' (choose from "),
    (["--loss", "foo"], "argument --loss: invalid choice: 'foo' (choose from "),
    (["--activation", "step"], "argument --activation: invalid choice: 'step' (choose from "),
    (["--initializer", "foo"], "argument --initializer: invalid choice: 'foo' (choose from "),
    (["--dtype", "float16"], "argument --dtype: invalid choice: 'float16' (choose from "),
    (["--data", "cifar"], "argument --data: invalid choice: 'cifar' (choose from "),
    (["--epoch", "3"], "unrecognized arguments: --epoch 3"),
    (["--epochs"], "argument --epochs: expected one argument"),
    (["--output", str(Path(__file__) / "sub")], f"--output: cannot make the directory {Path(__file__) / 'sub'}: "),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda value: " ".join(value)[:40])
def test_bad_values_get_one_line_and_exit_code_2(run, options, message):
    code, out, err = run("--epochs", "1", *options)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("python -m tinynn")
    assert message in err


def test_the_largest_train_size_is_all(run):
    assert run("--epochs", 1, "--train-size", 1437)[0] == 0


def test_divergence_is_one_line_without_warnings(run):
    code, _, err = run("--hidden", 0, "--loss", "cross-entropy", "--learning-rate", 1e38)
    assert code == 2
    assert re.fullmatch(r"python -m tinynn train: fit: the cost is (nan|inf): layer 0 .*\(epoch 1, step 2, .*\n", err)


def test_missing_data_is_one_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinynn_mnist", None)
    code, out, err = run(data="mnist")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert 'pip install "tinynn-numpy[mnist]"' in err


def test_a_file_that_cannot_be_written_is_one_line_and_no_litter(run, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run("--epochs", 1)
    path = str(run.directory / "model.npz")
    assert (code, err) == (2, f"python -m tinynn train: [Errno 28] No space left on device: {path!r}\n")
    assert list(run.directory.iterdir()) == []


# ---- help -----------------------------------------------------------------------------------------


def test_alone_it_prints_help(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: python -m tinynn [-h] [--version]")
    assert "train a network to read handwritten digits" in out


def test_help_is_grouped_and_shows_each_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["train", "--help"])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    assert re.findall(r"^(\w+):$", text, re.MULTILINE) == [
        *("options", "data", "network", "training", "output", "examples")
    ]
    assert text.startswith("usage: python -m tinynn train [options]\n")
    assert "examples:\n  python -m tinynn train\n" in text
    words = " ".join(text.split())
    options = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
    assert len(options) == 16
    for option in options:
        entry = words.split(f" {option} ")[1].split(" --")[0]
        assert ("(default: " in entry) == (option != "--quiet"), entry
    assert "None" not in text
    assert "SUPPRESS" not in text


def test_version(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"tinynn {nn.__version__}\n"


# ---- mistakes -------------------------------------------------------------------------------------


def test_mistakes_are_ordered_by_how_sure_the_network_was():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
    found = mistakes.find("mse", scores, np.array([0, 0, 0, 1]))
    assert found.rows.tolist() == [2, 1]
    assert found.true.tolist() == [0, 0]
    assert found.predicted.tolist() == [1, 1]
    assert found.confidence.tolist() == [0.8, 0.6]
    assert found.confusion.tolist() == [[1, 2], [0, 1]]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mse", 2.0), ("cross-entropy", 1 / (1 + np.exp(-3))), ("binary-cross-entropy", 1 / (1 + np.exp(-2)))],
)
def test_confidence_is_a_probability_for_logits(loss, expected):
    found = mistakes.find(loss, np.array([[2.0, -1.0]]), np.array([1]))
    assert found.confidence.tolist() == [pytest.approx(expected)]


def test_mistakes_as_text():
    images = np.zeros((2, 64))
    images[1, :8] = np.linspace(0, 1, 8)  # the top row, from white to black
    found = mistakes.find("mse", np.array([[0.9, 0.1], [0.125, 0.875]]), np.array([0, 0]))
    head, legend, table, title, picture = mistakes.as_text(found, images).split("\n\n", 4)
    assert head == "1 mistakes among 2 test images"
    assert legend == "Row: what it is; column: what the network says."
    assert table.splitlines() == ["      0  1", "  0   1  1", "  1   0  0"]
    assert title == "The mistakes that the network was surest of:"
    assert picture == "#1: 0 taken for 1, 87.5%\n  ..::==++##%%@@\n" + "\n" * 7


def test_large_pictures_have_half_as_many_lines_as_rows():
    image = np.zeros((28, 28))
    image[0], image[1], image[2], image[3] = 1.0, 1.0, 1.0, 0.0
    lines = mistakes._picture(image)
    assert lines == ["@" * 28, "+" * 28, *[" " * 28] * 12]
    sizes = {side: (len(mistakes._picture(np.eye(side))), len(mistakes._picture(np.eye(side))[0])) for side in (14, 16)}
    assert sizes == {14: (14, 28), 16: (8, 16)}


def test_three_pictures_stand_side_by_side_and_24_are_shown():
    scores = np.tile([0.0, 1.0], (30, 1))
    found = mistakes.find("mse", scores, np.zeros(30, int))
    text = mistakes.as_text(found, np.zeros((30, 64)))
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert len(titles) == 8
    assert titles[0].split("    ") == [f"#{k}: 0 taken for 1, 100.0%" for k in range(3)]
    images, names = mistakes.for_plot(found, np.zeros((30, 64)))
    assert (len(images), images[0].shape, names[23]) == (24, (8, 8), "#23: 0 taken for 1, 100.0%")


def test_no_mistakes_at_all():
    found = mistakes.find("mse", np.eye(2), np.array([0, 1]))
    assert "surest" not in mistakes.as_text(found, np.zeros((2, 64)))
    assert mistakes.for_plot(found, np.zeros((2, 64))) == ([], [])


def test_plots_are_drawn_one_axes_an_image(tmp_path):
    pytest.importorskip("matplotlib")
    from tinynn.plots import draw_mistakes

    sizes = []
    for count in (0, 1, 7):
        draw_mistakes(tmp_path / "x.png", [np.eye(8)] * count, ["title"] * count)
        header = (tmp_path / "x.png").read_bytes()
        sizes.append((int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")))
    assert sizes == [(1368, 240), (1368, 240), (1368, 480)]


# ---- Ctrl-C and pipes -----------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_learnt(run, monkeypatch):
    fit = command.Trainer.fit

    def interrupted(self, batches, epochs, validation, progress):
        fit(self, batches, 2, validation, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(command.Trainer, "fit", interrupted)
    code, out, err = run("--epochs", 10)
    assert code == 130
    assert err == "interrupted after 2 whole epochs: keeping what was learnt; Ctrl-C again drops it\n"
    assert "after 2 epochs" in out
    written, state = trained(run)
    assert len(written["history"]["cost"]) == 2
    assert state["0.weight"].shape == (30, 64)


def test_ctrl_c_before_the_first_epoch_ends_keeps_the_batches_so_far(run, monkeypatch):
    def interrupted(self, batches, epochs, validation, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.Trainer, "fit", interrupted)
    code, out, _ = run()
    assert code == 130
    assert "after 0 epochs in 0.0 s of training" in out
    assert trained(run)[0]["history"] == {}


def test_a_second_ctrl_c_aborts_after_the_model_is_safe(run, monkeypatch):
    def interrupted(self, *arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.Trainer, "fit", interrupted)
    monkeypatch.setattr(command.Trainer, "evaluate", interrupted)
    code, _, err = run()
    assert code == 130
    assert err.splitlines()[1:] == ["python -m tinynn train: aborted"]
    assert [path.name for path in run.directory.iterdir()] == ["model.npz"]


def start(tmp_path, *options):
    """A real process; it takes Ctrl-C seriously even where this test run itself is in the background."""
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from tinynn.cli import main; sys.exit(main())"
    )
    argv = ["train", "--data", "digits", "--epochs", "100000", "--output", str(tmp_path / "out"), *options]
    return subprocess.Popen(
        [sys.executable, "-c", script, *argv],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_an_epoch(process):
    for line in process.stdout:
        if line.startswith("epoch"):
            return
    pytest.fail(f"no epoch came: {process.stderr.read()}")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_in_a_real_process(tmp_path):
    with start(tmp_path) as process:
        wait_for_an_epoch(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(r"interrupted after \d+ whole epochs: keeping what was learnt; .*\n", err)
    assert "test accuracy" in out
    epochs = int(re.search(r"interrupted after (\d+)", err).group(1))
    written = json.loads((tmp_path / "out" / "history.json").read_text())
    assert len(written["history"]["cost"]) == epochs >= 1
    assert (tmp_path / "out" / "model.npz").exists()


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_leaves_costs_nobody_the_training(tmp_path):
    with start(tmp_path, "--epochs", "20") as process:
        wait_for_an_epoch(process)
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
    history = json.loads((tmp_path / "out" / "history.json").read_text())["history"]
    assert len(history["cost"]) == 20
    assert {"model.npz", "history.json", "mistakes.txt"} <= set(os.listdir(tmp_path / "out"))


def test_python_dash_m(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "tinynn", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == f"tinynn {nn.__version__}\n"
