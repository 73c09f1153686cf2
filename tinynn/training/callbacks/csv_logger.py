"""The history as a CSV file that grows while the run goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinynn import _arguments
from tinynn.storage import atomic
from tinynn.training.history import History
from tinynn.training.notes import note

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer


class CSVLogger:
    """Keeps a file that is what `trainer.history.to_csv()` gives after each epoch.

    So a run that is resumed goes on with its file: rows of epochs that the checkpoint does not know are
    cut off, and what the run that was never killed would have written follows. For the same reason a new
    Trainer with the same path writes the file anew. Each row is written in one piece, and a new column
    makes the whole file anew, beside the old one until it is complete: a kill leaves no half line. It runs
    after the other callbacks, so that their columns are there.

    Parameters: path; the directory is made if need be.
    Raises: OSError when fit begins if the file cannot be written; later a note says so, and training goes on.

    >>> import tempfile
    >>> import numpy as np, tinynn as nn
    >>> model = nn.Sequential(nn.Dense(1, 1), rng=0)
    >>> path = Path(tempfile.mkdtemp(), "run.csv")
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.1), callbacks=[CSVLogger(path)])
    >>> history = trainer.fit(nn.Batches(np.ones((4, 1)), np.ones((4, 1)), rng=0), 2, progress=False)
    >>> rows = path.read_text().splitlines()
    >>> rows[0], len(rows), float(rows[2].split(",")[0]) == history["cost"][1]
    ('cost,learning_rate,gradient_norm,seconds,samples_per_second', 3, True)
    """

    comes_last = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(_arguments.path("CSVLogger: path", path))
        self._columns: list[str] = []

    def on_fit_start(self, trainer: Trainer) -> None:
        """Make the file the history's table."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write(trainer.history)

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Add the epoch's row."""
        try:
            # A row at a time: writing all of them after each of 50,000 short epochs would take hours.
            if self._columns and figures.keys() <= set(self._columns):
                self._add({name: figures.get(name) for name in self._columns})
            else:
                self._write(trainer.history)
        except OSError as error:
            self._columns = []  # the next epoch's end makes the file anew
            note(f"CSVLogger: {self.path} could not be written ({error}); training goes on")

    def _add(self, figures: dict[str, Any]) -> None:
        history = History()
        history.append(figures)
        row = _text(history).split(b"\n", 1)[1]
        end = self.path.stat().st_size
        with open(self.path, "ab", buffering=0) as file:
            if file.write(row) < len(row):
                os.truncate(self.path, end)
                raise OSError(errno.ENOSPC, "there was room for a part of the row alone", str(self.path))

    def _write(self, history: History) -> None:
        with atomic.replacing(self.path) as file:
            file.write(_text(history) if len(history) else b"")
        self._columns = history.names

    def __repr__(self) -> str:
        return f"CSVLogger({str(self.path)!r})"


def _text(history: History) -> bytes:
    return str(history.to_csv()).encode()
