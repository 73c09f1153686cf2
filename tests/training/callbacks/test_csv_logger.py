"""CSVLogger: at any moment the file is the history's table, whole lines alone."""

import csv
import errno

import numpy as np
import pytest
from messages import assert_says
from training.callbacks.halving import Figures, Raises, fit, trainer
from training.noted import noted

from tinynn.errors import DtypeError
from tinynn.storage import atomic
from tinynn.training import CSVLogger


class Watches:
    """Checks after each epoch, last of all, that the file is the history's table; counts how it came to be."""

    comes_last = True

    def __init__(self, path):
        self.path, self.seen = path, 0

    def on_epoch_end(self, trained, figures):
        assert self.path.read_bytes() == trained.history.to_csv().encode()
        self.seen += 1


@pytest.fixture
def replaced(monkeypatch):
    """The files that were replaced as a whole."""
    paths, replacing = [], atomic.replacing
    monkeypatch.setattr(atomic, "replacing", lambda path: paths.append(path) or replacing(path))
    return paths


def test_the_file_is_the_history_after_each_epoch(tmp_path, replaced):
    path = tmp_path / "run.csv"
    watches = Watches(path)
    trained = fit(trainer(CSVLogger(path), watches), 4)
    assert watches.seen == 4
    assert len(replaced) == 2  # when fit began and with the first epoch's columns; then row by row
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["cost"]) for row in rows] == trained.history["cost"] == [2.0 ** (-2 * k - 1) for k in range(4)]
    fit(trained, 2)
    assert watches.seen == 6


def test_columns_that_come_and_go(tmp_path, replaced):
    path = tmp_path / "run.csv"

    class Later:
        def on_epoch_end(self, trained, figures):
            if len(trained.history) in (3, 6):
                figures["note"] = 'so, "and" so'

    watches = Watches(path)
    fit(trainer(CSVLogger(path), watches, Later(), Figures(matrix=[np.eye(2, dtype=int)] * 6)), 6)
    assert watches.seen == 6
    assert len(replaced) == 3
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == ["", "", 'so, "and" so', "", "", 'so, "and" so']
    assert rows[0]["matrix"] == "[[1, 0], [0, 1]]"


def test_a_run_begins_a_file_and_goes_on_with_its_own(tmp_path):
    path = tmp_path / "new" / "directory" / "run.csv"
    trained = fit(trainer(CSVLogger(str(path))), 3)
    whole = path.read_bytes()
    path.write_bytes(whole + b"0.1,half a li")  # as if more epochs had come before a kill
    fit(trained, 1)
    assert path.read_bytes() == trained.history.to_csv().encode()
    fit(trainer(CSVLogger(path)), 1)
    assert len(path.read_text().splitlines()) == 2


def test_rows_that_the_history_does_not_know_go_when_fit_begins(tmp_path):
    path = tmp_path / "run.csv"
    path.write_text("cost\n1.0\n")
    with pytest.raises(RuntimeError):
        fit(trainer(CSVLogger(path), Raises("on_batch_end")))
    assert path.read_bytes() == b""


class Disk:
    """Files of a disk with room for so many bytes in each write to come; notes what was written."""

    def __init__(self, monkeypatch, *room):
        self.writes, self.room = [], list(room)
        monkeypatch.setattr("tinynn.training.callbacks.csv_logger.open", self.open, raising=False)

    def open(self, *arguments, **keywords):
        assert keywords == {"buffering": 0}
        self.file = open(*arguments, **keywords)  # noqa: SIM115 (closed by __exit__)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.file.close()

    def write(self, data):
        room = self.room.pop(0) if self.room else len(data)
        if room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.writes.append(data[:room])
        return self.file.write(data[:room])


def test_a_row_is_one_write(tmp_path, monkeypatch):
    """What a kill could cut in two must not be written in two."""
    trained = fit(trainer(CSVLogger(tmp_path / "run.csv")))
    disk = Disk(monkeypatch)
    fit(trained, 2)
    assert disk.writes == [line.encode() + b"\n" for line in trained.history.to_csv().splitlines()[2:]]


@pytest.mark.parametrize("room", [0, 1, 9])
def test_a_full_disk_leaves_whole_rows_and_is_made_good_later(room, tmp_path, monkeypatch):
    class Keeps:
        comes_last = True

        def on_epoch_end(self, trained, figures):
            contents.append(path.read_text())

    path, contents = tmp_path / "run.csv", []
    trained = trainer(CSVLogger(path), Keeps())
    Disk(monkeypatch, 10_000, room)  # enough for the second epoch's row, not for the third one's
    reason = "No space left on device" if room == 0 else "there was room for a part of the row alone"
    with noted(f"^CSVLogger: {path} could not be written .*{reason}.*; training goes on$") as notes:
        fit(trained, 5)
    assert len(notes) == 1
    assert contents[2] == contents[1] == trained.history[:2].to_csv()
    assert contents[3:] == [trained.history[:4].to_csv(), trained.history.to_csv()]


def test_a_file_that_cannot_be_made_anew_is_noted(tmp_path, monkeypatch):
    path, contents = tmp_path / "run.csv", []
    replacing = atomic.replacing

    def fails(path):
        contents.append(path.read_text() if path.exists() else None)
        if len(contents) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replacing(path)

    monkeypatch.setattr(atomic, "replacing", fails)
    with noted("could not be written"):
        trained = fit(trainer(CSVLogger(path)), 2)
    assert contents == [None, "", ""]
    assert path.read_text() == trained.history.to_csv()


def test_a_file_that_cannot_be_written_is_an_error_before_training(tmp_path):
    trained = trainer(CSVLogger(tmp_path))
    with pytest.raises(IsADirectoryError):
        fit(trained)
    assert trained.optimizer.steps == 0


def test_repr_and_argument():
    assert_says(lambda: CSVLogger(3), DtypeError, "CSVLogger: path must be a path, a str or a Path, got 3")
    assert repr(CSVLogger("runs/a.csv")) == "CSVLogger('runs/a.csv')"
