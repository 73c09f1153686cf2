"""The live bar: what is on the screen while it runs and after, on terminals that are made up and on real ones."""

import contextlib
import copy
import io
import itertools
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinynn as nn
from tinynn.training.bar import Bar

tqdm = pytest.importorskip("tqdm").tqdm
pty = pytest.importorskip("pty")
fcntl, struct, termios = (pytest.importorskip(name) for name in ("fcntl", "struct", "termios"))

ROOT = Path(__file__).resolve().parents[2]


class Screen:
    """What a terminal of so many columns shows of the text that it got."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0

    def feed(self, text):
        for sign in re.findall(r"\x1b\[A|.", text, re.DOTALL):
            if sign == "\r":
                self.column = 0
            elif sign == "\n":
                self.row, self.column = self.row + 1, 0
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif sign == "\x1b[A":
                self.row -= 1
            else:
                assert sign.isprintable(), repr(sign)
                if self.column == self.columns:
                    self.feed("\n")
                row = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = row[: self.column] + sign + row[self.column + 1 :]
                self.column += 1
        return self

    @property
    def lines(self):
        """The rows without the empty ones at the end."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n").split("\n")


class Terminal(io.StringIO):
    """A terminal whose screen can be looked at at any time."""

    encoding = "utf-8"

    def __init__(self, descriptor, columns=90):
        super().__init__()
        self.descriptor, self.screen, self.drawn = descriptor, Screen(columns), 0
        self.resize(columns)

    def resize(self, columns):
        self.screen.columns = columns
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def isatty(self):
        return True

    def __reduce_ex__(self, protocol):
        raise TypeError("a terminal cannot be copied")

    def fileno(self):
        return self.descriptor

    def fit(self, trainer, *arguments, **keywords):
        with contextlib.redirect_stdout(self):
            return trainer.fit(*arguments, **keywords)

    def write(self, text):
        self.drawn += "\repoch" in text
        self.screen.feed(text)


class Training:
    """Stands in for a Trainer: eight batches an epoch, unless told otherwise."""

    def __init__(self, epochs=3, batches=range(8), past=0):
        self.epochs, self.batches, self.batches_done = epochs, batches, 0
        self.history, self.metrics = [{}] * past, [SimpleNamespace(name="accuracy"), SimpleNamespace(name="matrix")]
        self.figures = {"cost": 0.5, "accuracy": 0.25, "matrix": [1], "samples_per_second": 12345.6}

    def running(self):
        return self.figures


ROW = {"cost": 0.25, "accuracy": 0.5, "seconds": 1.0, "samples_per_second": 8.0}


@pytest.fixture
def run(monkeypatch):
    """A terminal, a bar on it and a training, whose clock moves only when told to."""

    class Run:
        now = 1000.0

        def __init__(self):
            self.terminal = Terminal(ends[1])
            self.bar, self.training = Bar(self.terminal), Training()

        def batch(self, seconds=1.0, times=1):
            for _ in range(times):
                Run.now += seconds
                self.training.batches_done += 1
                self.bar.on_batch_end(self.training, 0.5)
            return self.shown

        def epoch(self):
            self.training.history.append(ROW)
            self.training.batches_done = 0
            self.bar.on_epoch_end(self.training, ROW)

        @property
        def shown(self):
            return self.terminal.screen.lines

    ends = pty.openpty()
    monkeypatch.setattr("tinynn.training.bar.time", SimpleNamespace(perf_counter=lambda: Run.now))
    monkeypatch.setattr("tqdm.std.time", lambda: Run.now)
    yield Run()
    for end in ends:
        os.close(end)


TOLD = ", cost 0.5000, accuracy 0.2500, 12,346 samples/s"
LINE = "epoch {}/3  cost 0.2500, accuracy 0.5000  1.00 s  8 samples/s"


# ---- what it shows ------------------------------------------------------------------------------


def test_nothing_before_the_first_batch(run):
    assert run.shown == [""]
    run.bar.on_fit_end(run.training)
    assert run.shown == [""]


def test_a_bar_over_the_whole_training(run):
    (shown,) = run.batch()
    assert re.fullmatch(r"epoch 1/3   4% \|.*\| \? left" + TOLD, shown)
    # 5 of 24 batches are done, four of them in four seconds since the bar came: 19 are to come.
    (shown,) = run.batch(times=4)
    assert re.fullmatch(r"epoch 1/3  21% \|.*\| 00:19 left" + TOLD, shown)
    assert len(shown) == 87
    inside = shown.split("|")[1]
    assert len(inside.strip()) == 1 + int(len(inside) * 5 / 24)
    run.training.figures = {"cost": 0.000125}
    (shown,) = run.batch()
    assert re.fullmatch(r"epoch 1/3  25% \|.*\| 00:18 left, cost 1.25e-04", shown)


def test_a_later_epoch(run):
    run.training = Training(epochs=12, past=2)
    (shown,) = run.batch(times=2)
    assert re.fullmatch(r"epoch  3/12  19% \|.*\| 01:18 left" + TOLD, shown)


def test_a_resumed_fit_begins_where_it_was(run):
    run.training = Training(past=1)
    run.training.batches_done = 5
    (shown,) = run.batch()
    assert shown.startswith("epoch 2/3  58% |")
    # 10 batches are to come after the 14, and the one since the bar came took 1 s.
    (shown,) = run.batch()
    assert re.match(r"epoch 2/3  62% \|.*\| 00:09 left", shown)


def test_batches_without_a_length_are_counted(run):
    run.training.batches = iter(())
    assert run.batch(times=3) == ["epoch 1/3  3 batches" + TOLD]
    run.epoch()
    assert run.batch(times=2)[1] == "epoch 2/3  2 batches" + TOLD


def test_a_length_that_is_refused(run):
    class Endless:
        def __len__(self):
            raise NotImplementedError

    run.training.batches = Endless()
    assert run.batch() == ["epoch 1/3  1 batches" + TOLD]
    run.training.batches = range(0)
    assert run.batch() == ["epoch 1/3  2 batches" + TOLD]


def test_more_batches_than_there_should_be(run):
    run.training = Training(epochs=1, batches=range(2))
    assert run.batch(times=2)[0].startswith("epoch 1/1 100% |")
    assert run.batch()[0].startswith("epoch 1/1 100% |")


def test_figures_that_are_not_there_yet(run):
    run.training.figures = {}
    assert re.fullmatch(r"epoch 1/3   4% \|.*\| \? left", run.batch()[0])


def test_it_is_drawn_ten_times_a_second_at_most(run):
    run.batch()
    assert run.terminal.drawn == 1
    run.batch(seconds=0.001, times=99)
    assert run.terminal.drawn == 1
    run.batch(seconds=0.002)
    assert run.terminal.drawn == 2
    run.batch(seconds=0.03, times=100)  # every fourth
    assert run.terminal.drawn == 27


def test_a_slow_terminal_takes_no_more_than_its_time(run, monkeypatch):
    """A tenth of a second passes after a drawing, however long it took."""
    write = run.terminal.write

    def slow(text):
        type(run).now += 5.0
        write(text)

    monkeypatch.setattr(run.terminal, "write", slow)
    run.batch()
    run.batch(seconds=0.09)
    assert run.terminal.drawn == 1


@pytest.mark.parametrize(("columns", "width"), [(200, 100), (103, 100), (102, 99), (80, 77), (60, 57)])
def test_it_is_as_wide_as_the_terminal_lets_it_be(run, columns, width):
    run.batch()
    run.terminal.resize(columns)
    run.terminal.screen = Screen(columns)
    (shown,) = run.batch()
    assert len(shown) == width


def test_a_narrow_terminal_shows_its_beginning(run):
    run.terminal.resize(24)
    assert run.batch(times=8) == ["epoch 1/3  33% |\u258e| 00"]
    run.epoch()
    assert not any("|" in row for row in run.shown)


def test_a_terminal_that_does_not_know_its_size(run, monkeypatch):
    monkeypatch.setattr(sys, "stdout", run.terminal)
    fcntl.ioctl(run.terminal.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    (shown,) = run.batch()
    assert shown.startswith("epoch 1/3   4% |") and len(shown) == 77


def test_plain_signs_where_the_encoding_has_no_others(run):
    run.terminal.encoding = "ascii"
    run.bar = Bar(run.terminal)
    (shown,) = run.batch(times=8)
    assert shown.isascii() and re.search(r"\|##+\d? +\|", shown)


# ---- what is above it, and what it leaves -------------------------------------------------------


def test_the_epochs_lines_go_above(run):
    run.batch(times=8)
    run.epoch()
    assert run.shown == [LINE.format(1)]
    shown = run.batch(times=8)
    assert shown[0] == LINE.format(1) and shown[1].startswith("epoch 2/3  67% |")
    run.epoch()
    assert run.shown == [LINE.format(1), LINE.format(2)]


def test_what_is_printed_between_epochs_stands_alone(run):
    run.batch(times=8)
    run.epoch()
    run.terminal.write("said by a callback\n")
    assert run.shown == [LINE.format(1), "said by a callback"]
    assert run.batch()[2].startswith("epoch 2/3  38% |")


def test_epochs_too_short_for_a_bar_have_their_lines(run):
    run.training = Training(batches=range(1))
    for k in range(3):
        run.batch(seconds=0.01)
        run.epoch()
        assert run.shown == [LINE.format(past) for past in range(1, k + 2)]
    assert run.terminal.drawn == 1
    run.bar.on_fit_end(run.training)
    assert run.shown == [LINE.format(k) for k in (1, 2, 3)]


@pytest.mark.parametrize("batches", [0, 1, 8])
def test_only_the_lines_are_left(run, batches):
    run.batch(times=8)
    run.epoch()
    run.batch(times=batches)
    run.terminal.write("^C")  # as the terminal answers the keys, in front of the cursor
    run.bar.on_fit_end(run.training)
    assert run.shown == [LINE.format(1)]
    assert (run.terminal.screen.row, run.terminal.screen.column) == (1, 0)


def test_it_can_be_copied_once_it_is_over(run):
    run.batch()
    run.bar.on_fit_end(run.training)
    pickle.dumps(copy.deepcopy(run.bar))


def test_no_thread_watches_it(run):
    import threading

    before = threading.active_count()
    run.batch()
    assert threading.active_count() == before


# ---- beside other bars of tqdm ------------------------------------------------------------------


def test_it_goes_below_the_bar_of_a_loop_around_it(run):
    with tqdm(total=2, file=run.terminal, desc="seeds", bar_format="{desc} {n}", leave=False) as outer:
        shown = run.batch(times=2)
        assert shown[0] == "seeds 0" and shown[1].startswith("epoch 1/3   8% |")
        run.epoch()
        assert run.shown[:2] == [LINE.format(1), "seeds 0"] and len(run.shown) == 2
        assert run.batch()[2].startswith("epoch 2/3  38% |")
        run.bar.on_fit_end(run.training)
        assert run.shown == [LINE.format(1), "seeds 0"]
        outer.update()
        assert run.shown == [LINE.format(1), "seeds 1"]
    assert run.shown == [LINE.format(1)]


def test_tqdm_write_puts_a_text_above_it(run, monkeypatch):
    monkeypatch.setattr(sys, "stdout", run.terminal)
    run.batch()
    tqdm.write("said by a callback")
    assert run.shown[0] == "said by a callback" and run.shown[1].startswith("epoch 1/3   4% |")
    run.bar.on_fit_end(run.training)
    assert run.shown == ["said by a callback"]


# ---- terminals that break -----------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(5, "hung up"), BrokenPipeError(), ValueError("I/O on closed file")])
def test_a_terminal_that_is_gone_does_not_end_the_training(run, monkeypatch, error):
    def fail(*arguments):
        raise error

    for broken in ("write", "flush", "fileno"):
        monkeypatch.setattr(run.terminal, broken, fail)
        run.batch(times=3)
        run.epoch()
    run.bar.on_fit_end(run.training)


class HungUp:
    def flush(self):
        raise OSError(5, "hung up")


def closed():
    stream = io.TextIOWrapper(io.BytesIO())
    stream.close()
    return stream


@pytest.mark.parametrize("stderr", [closed, HungUp])
def test_it_waits_for_a_stderr_that_can_be_flushed(run, monkeypatch, stderr):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", run.terminal)
        patch.setattr(sys, "stderr", stderr())
        assert run.batch() == [""]
        run.epoch()
        assert run.shown == [LINE.format(1)]
    assert run.batch()[1].startswith("epoch 2/3  38% |")


def test_a_metric_whose_name_the_terminal_cannot_show(run):
    raw = io.BytesIO()

    class Narrow(io.TextIOWrapper):
        def isatty(self):
            return True

    run.bar = Bar(Narrow(raw, encoding="ascii"))
    run.training.metrics.append(SimpleNamespace(name="größe"))
    run.training.figures["größe"] = 1.0
    run.batch()
    assert b"gr??e 1.0000" in raw.getvalue()


# ---- real training ------------------------------------------------------------------------------


class Callback:
    """What is given as keywords is called as a hook."""

    def __init__(self, **hooks):
        vars(self).update(hooks)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal for standard output, and a clock that says that it is time to draw after each batch."""
    ends = pty.openpty()
    terminal = Terminal(ends[1], columns=120)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    seconds = itertools.count()
    monkeypatch.setattr("tinynn.training.bar.time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    yield terminal
    for end in ends:
        os.close(end)


def trainer_of(**hooks):
    model = nn.Sequential(nn.Dense(4, 3), rng=0)
    callbacks = [Callback(**hooks)] if hooks else []
    trainer = nn.Trainer(
        model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.1), metrics=[nn.Accuracy()], callbacks=callbacks
    )
    return trainer, nn.Batches(np.eye(4, dtype=np.float32), np.array([0, 1, 2, 2]), batch_size=1, rng=0)


def assert_only_lines(terminal, *numbers):
    shown = [text for text in terminal.screen.lines if text]
    assert [text.split("  cost")[0] for text in shown] == [*numbers]
    assert all(text.endswith(" samples/s") for text in shown)
    assert terminal.screen.column == 0


def test_the_bar_of_a_trainer(terminal):
    shares = []

    def on_batch_end(trainer, cost):
        shares.append(re.match(r"epoch (\d/2) +(\d+)% .* left, cost \d\.\d{4}", terminal.screen.lines[-1]).groups())

    trainer, batches = trainer_of(on_batch_end=on_batch_end)
    terminal.fit(trainer, batches, 2)
    assert shares == [("1/2", f"{k}") for k in (12, 25, 38, 50)] + [("2/2", f"{k}") for k in (62, 75, 88, 100)]
    assert_only_lines(terminal, "epoch 1/2", "epoch 2/2")
    copy.deepcopy(trainer)


def test_a_second_fit_goes_on_from_the_first(terminal):
    trainer, batches = trainer_of()
    terminal.fit(trainer, batches, 1, progress=False)
    shown = []
    trainer.callbacks = (Callback(on_batch_end=lambda *_: shown.append(terminal.screen.lines[-1][:14])),)
    terminal.fit(trainer, batches, 1)
    assert shown == [f"epoch 2/2  {k}%" if k < 100 else "epoch 2/2 100%" for k in (62, 75, 88, 100)]


def test_a_bar_of_an_epoch_that_is_resumed_in_its_middle(terminal, tmp_path):
    def on_batch_end(trainer, cost):
        if trainer.optimizer.steps == 6:
            trainer.save_checkpoint(tmp_path / "checkpoint.npz")

    trainer, batches = trainer_of(on_batch_end=on_batch_end)
    terminal.fit(trainer, batches, 2, progress=False)
    assert terminal.screen.lines == [""]
    shown = []
    trainer, batches = trainer_of(on_batch_end=lambda *_: shown.append(terminal.screen.lines[-1][:14]))
    trainer.load_checkpoint(tmp_path / "checkpoint.npz")
    terminal.fit(trainer, batches, 2)
    assert shown == ["epoch 2/2  88%", "epoch 2/2 100%"]
    assert_only_lines(terminal, "epoch 2/2")


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_leaves_only_the_lines(terminal, error):
    def on_batch_end(trainer, cost):
        if trainer.optimizer.steps == 6:
            raise error

    trainer, batches = trainer_of(on_batch_end=on_batch_end)
    with pytest.raises(error):
        terminal.fit(trainer, batches, 3)
    assert_only_lines(terminal, "epoch 1/3")


def test_an_early_stop_leaves_only_the_lines(terminal):
    trainer, batches = trainer_of(
        on_batch_end=lambda trainer, cost: trainer.optimizer.steps == 6 and trainer.stop("six")
    )
    terminal.fit(trainer, batches, 3)
    assert_only_lines(terminal, "epoch 1/3")


PROGRAM = """
import fcntl, itertools, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # its Ctrl-C is for this process
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
import tinynn as nn

class Long:
    def __len__(self):
        return 10**6

    def __iter__(self):
        return itertools.repeat((np.eye(2), np.ones((2, 1))), 10**6)

model = nn.Sequential(nn.Dense(2, 1), rng=0)
trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.1))
trainer.fit(nn.Batches(np.eye(2), np.ones((2, 1)), rng=0), 2)
try:
    trainer.fit(Long(), 1)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_on_a_real_terminal():
    keys, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    environment.pop("TQDM_DISABLE", None)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    ) as process:
        os.close(side)
        got, pressed = b"", False
        while True:
            try:
                part = os.read(keys, 4096)
            except OSError:  # how Linux says that the other side is closed
                break
            if not part:
                break
            got += part
            if not pressed and b"epoch 3/3  67% |" in got:
                os.write(keys, b"\x03")
                pressed = True
    os.close(keys)
    assert process.returncode == 0, got.decode()
    shown = Screen(80).feed(got.decode()).lines
    assert "^C" in got.decode()
    assert [re.sub(r"  cost .* samples/s", "", text) for text in shown] == ["epoch 1/2", "epoch 2/2", "interrupted"]
