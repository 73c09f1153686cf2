"""What training tells without a bar: the line of an epoch, and that telling it breaks nothing."""

import copy
import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinynn as nn
from tinynn.training.progress import Lines, Output, is_terminal, line, reporter

ROOT = Path(__file__).resolve().parents[2]
FIRST = {"cost": 0.5, "learning_rate": 3.0, "seconds": 1.5, "samples_per_second": 40.0}
SECOND = {**FIRST, "cost": 0.25, "validation_cost": 0.3, "validation_confusion_matrix": np.eye(2, dtype=int)}


class Terminal(io.StringIO):
    """Says that it is a terminal, and has the descriptor of something."""

    def __init__(self, descriptor=None, tty=True):
        super().__init__()
        self.descriptor, self.tty = descriptor, tty

    def isatty(self):
        return self.tty

    def fileno(self):
        return super().fileno() if self.descriptor is None else self.descriptor


@pytest.fixture
def tty():
    """The descriptor of a real terminal that nobody looks at."""
    pty = pytest.importorskip("pty")
    ends = pty.openpty()
    yield ends[1]
    for end in ends:
        os.close(end)


@pytest.fixture(autouse=True)
def common_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("TQDM_DISABLE", raising=False)


def trainer_of(epochs=1, metrics=()):
    x = np.eye(4, dtype=np.float32)
    model = nn.Sequential(nn.Dense(4, 3), rng=0)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.1), metrics=metrics)
    return trainer, nn.Batches(x, np.array([0, 1, 2, 2]), batch_size=2, rng=0)


# ---- the line -----------------------------------------------------------------------------------


def test_the_line():
    assert line(7, 100, FIRST) == "epoch   7/100  cost 0.5000  1.50 s  40 samples/s"
    assert line(2, 2, SECOND) == "epoch 2/2  cost 0.2500  validation: cost 0.3000  1.50 s  40 samples/s"
    figures = {**FIRST, "samples_per_second": 1234567.8, "validation_r2": np.float32(-0.5)}
    assert line(1, 2, figures) == "epoch 1/2  cost 0.5000  validation: r2 -0.5000  1.50 s  1,234,568 samples/s"


def test_the_metrics_of_training_follow_the_cost():
    figures = {
        "seconds": 0.126,
        "samples_per_second": 39.5,
        "r2": 0.75,
        "cosine": 0.1,
        "own_validation_cost": 1.0,
        "cost": 0.5,
        "matrix": np.eye(2),
    }
    text = line(10, 10, figures, ["matrix", "accuracy", "r2"])
    assert text == "epoch 10/10  cost 0.5000, r2 0.7500  0.13 s  40 samples/s"


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (0.0, "0.0000"),
        (0.001, "0.0010"),
        (0.000987, "9.87e-04"),
        (-0.000987, "-9.87e-04"),
        (9999.99994, "9999.9999"),
        (10000.0, "1.00e+04"),
        (-10000.0, "-1.00e+04"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_figures_are_kept_short(cost, text):
    assert f"  cost {text}  " in line(1, 1, {**FIRST, "cost": cost})


# ---- who tells ----------------------------------------------------------------------------------


def test_a_terminal(tty, monkeypatch):
    assert is_terminal(Terminal(tty))
    assert not is_terminal(Terminal(tty, tty=False))  # a notebook started from a terminal
    assert not is_terminal(Terminal())  # IDLE
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal(tty))
    monkeypatch.delenv("TERM")
    assert is_terminal(Terminal(tty))


def test_no_terminal(tmp_path):
    closed = io.StringIO()
    closed.close()
    with open(tmp_path / "log", "w") as file:
        assert not is_terminal(file)
        assert not is_terminal(Terminal(file.fileno()))

    def gone():
        raise OSError(errno.ENXIO, "no such device")

    broken = SimpleNamespace(isatty=lambda: True, fileno=gone)
    for stream in (None, closed, file, io.StringIO(), SimpleNamespace(write=print), broken):
        assert not is_terminal(stream)


def test_nobody_tells_where_no_progress_is_wanted(tty, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal(tty))
    assert reporter(False, None) is None
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert reporter(False, None) is None


def test_a_bar_on_a_terminal_and_lines_elsewhere(tty, monkeypatch):
    pytest.importorskip("tqdm")
    from tinynn.training.bar import Bar

    monkeypatch.setattr(sys, "stdout", Terminal(tty))
    assert type(reporter(True, None)) is Bar
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert type(reporter(True, None)) is Lines
    monkeypatch.delenv("TQDM_DISABLE")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert type(reporter(True, None)) is Lines
    monkeypatch.setattr(sys, "stdout", None)
    assert type(reporter(True, None)) is Lines


def test_lines_on_a_terminal_without_tqdm(tty, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stdout", Terminal(tty))
    assert type(reporter(True, None)) is Lines


def test_lines_cost_a_step_nothing():
    assert [name for name in vars(Lines) if name.startswith("on_")] == ["on_epoch_end"]


# ---- an output that breaks nothing --------------------------------------------------------------


class Failing:
    """A stream that fails as long as it has errors left."""

    encoding = "utf-8"

    def __init__(self, *errors):
        self.errors, self.written, self.flushed = list(errors), [], 0

    def write(self, text):
        if self.errors:
            raise self.errors.pop()
        self.written.append(text)

    def flush(self):
        self.flushed = len(self.written)


def test_what_cannot_be_written_is_dropped_and_what_comes_later_is_not():
    stream = Failing(OSError(errno.ENOSPC, "no space left"), BrokenPipeError(), ValueError("I/O on closed file"))
    output = Output(stream)
    for k in range(5):
        output.write(f"{k}\n")
    assert stream.written == ["3\n", "4\n"]
    assert stream.flushed == 2


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        Output(Failing(ZeroDivisionError())).write("text")


def test_no_stream_and_a_closed_one():
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        Output(stream).write("text")
        assert Output(stream).encoding == "ascii"


def test_a_stream_that_cannot_be_flushed_is_written_all_the_same():
    written = []
    Output(SimpleNamespace(write=written.append)).write("text")
    assert written == ["text"]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", b"caf? ??\n"), ("latin-1", b"caf\xe9 ??\n"), ("cp850", b"caf\x82 \xdb?\n")],
)
def test_a_character_that_the_encoding_lacks(encoding, expected):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    Output(stream).write("café █\ud800\n")
    assert stream.buffer.getvalue() == expected


def test_it_equals_its_stream_alone():
    stream = io.StringIO()
    assert Output(stream) == stream
    assert Output(stream) != io.StringIO()


def test_the_width_of_a_terminal(tty):
    fcntl, termios, struct = (pytest.importorskip(name) for name in ("fcntl", "termios", "struct"))
    fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
    assert Output(Terminal(tty)).columns == 57
    fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    assert Output(Terminal(tty)).columns == 80
    assert Output(io.StringIO()).columns == 80


# ---- training -----------------------------------------------------------------------------------


def test_one_line_an_epoch_in_whatever_the_output_is_then(monkeypatch, capsys):
    trainer, batches = trainer_of(metrics=[nn.Accuracy()])
    trainer.fit(batches, 2)
    first, second = capsys.readouterr().out.splitlines()
    row = trainer.history[0]
    assert first == line(1, 2, row, ["accuracy"])
    assert f"cost {row['cost']:.4f}, accuracy {row['accuracy']:.4f}  " in first
    assert second.startswith("epoch 2/2  cost ")
    later = io.StringIO()
    monkeypatch.setattr(sys, "stdout", later)
    trainer.fit(batches, 1)
    assert later.getvalue().startswith("epoch 3/3  cost ") and later.getvalue().count("\n") == 1
    assert capsys.readouterr().out == ""
    copy.deepcopy(trainer)


def test_no_line_without_progress(capsys):
    trainer, batches = trainer_of()
    trainer.fit(batches, 2, progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_line_is_there_before_the_callbacks_are_called(capsys):
    seen = []

    class Look:
        def on_epoch_end(self, trainer, figures):
            figures["validation_own"] = 1.0
            seen.append(capsys.readouterr().out)

    trainer, batches = trainer_of()
    trainer.callbacks = (Look(),)
    trainer.fit(batches, 1)
    assert seen[0].startswith("epoch 1/1") and "validation" not in seen[0]


@pytest.mark.parametrize("stream", [None, "closed", "full"])
def test_training_goes_on_where_nothing_can_be_told(stream, monkeypatch):
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    elif stream == "full":
        stream = Failing(*[OSError(errno.ENOSPC, "no space left")] * 9)
    monkeypatch.setattr(sys, "stdout", stream)
    trainer, batches = trainer_of()
    assert len(trainer.fit(batches, 3)) == 3


PROGRAM = """
import sys
import numpy as np
import tinynn as nn

class Wait:
    def on_epoch_end(self, trainer, figures):
        sys.stdin.readline()

model = nn.Sequential(nn.Dense(2, 1), rng=0)
trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.1), callbacks=[Wait()])
print("before")
trainer.fit(nn.Batches(np.eye(2), np.ones((2, 1)), rng=0), 3)
print(len(trainer.history), file=sys.stderr)
"""


def start(*flags, stdout):
    command = [sys.executable, *flags, "-c", PROGRAM]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONPATH"] = str(ROOT)  # and no PYTHONUNBUFFERED, which keeps lines from waiting in a buffer
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_leaves_does_not_end_the_training():
    with start(stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "before\n"
        first = process.stdout.readline()  # it is there at once, though a pipe is buffered
        assert first.startswith("epoch 1/3  cost ") and first.endswith(" samples/s\n")
        process.stdout.close()
        process.stdin.write("\n\n\n")
        process.stdin.close()
        assert process.stderr.read() == "3\n"
    assert process.returncode == 0


def test_a_pipe_gets_plain_lines_alone():
    with start(stdout=subprocess.PIPE) as process:
        out, err = process.communicate("\n\n\n")
    assert (process.returncode, err) == (0, "3\n")
    assert [text[:10] for text in out.splitlines()] == ["before", "epoch 1/3 ", "epoch 2/3 ", "epoch 3/3 "]
    assert "\r" not in out and "\x1b" not in out
