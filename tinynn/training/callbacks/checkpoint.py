"""Checkpoints during training, so that a killed run loses little and goes on bit for bit."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinynn import _arguments
from tinynn._arguments import count
from tinynn.errors import InvalidValueError
from tinynn.training import checkpoints
from tinynn.training.callbacks.monitor import Monitor
from tinynn.training.notes import note

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer


class Checkpoint:
    """Writes the whole state of the training into numbered files, and keeps the newest of them.

    checkpoint-000001.npz, checkpoint-000002.npz, …: `trainer.resume(directory)` goes on from the newest
    whole one. With `best` there is also best.npz, of the epoch in which that column was best; load it with
    `trainer.load_checkpoint`. It runs after all other callbacks, for it stores what they remember. If a
    file cannot be written in the middle of a run (the disk is full), a note says so, the earlier ones
    stay, and training goes on.

    Parameters: directory, made if need be; every_epochs, how many epochs to a checkpoint (1 if neither is
    given), or every_steps, how many steps of the optimizer; keep, how many files to keep; best, the name
    of a history column such as "validation_accuracy"; mode, "min" or "max" if the name does not tell.
    Raises: InvalidValueError if both intervals are given; OSError if the directory cannot be written.

    >>> import tempfile
    >>> import tinynn as nn
    >>> x, y = nn.data.load_digits()
    >>> model = nn.Sequential(nn.Dense(64, 10), rng=0)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     saving = nn.Checkpoint(directory, keep=2)
    ...     trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model), callbacks=[saving])
    ...     trainer.resume(directory)
    ...     history = trainer.fit(nn.Batches(x, y, rng=0), epochs=3, progress=False)
    ...     sorted(os.listdir(directory)), trainer.resume(directory)
    False
    (['checkpoint-000002.npz', 'checkpoint-000003.npz'], True)
    """

    comes_last = True

    def __init__(
        self,
        directory: str | os.PathLike[str],
        every_epochs: int | None = None,
        every_steps: int | None = None,
        keep: int = 3,
        best: str | None = None,
        mode: str | None = None,
    ) -> None:
        if every_epochs is not None and every_steps is not None:
            raise InvalidValueError(
                f"Checkpoint: give every_epochs or every_steps, not both (got {every_epochs!r} and {every_steps!r})"
            )
        self.directory = Path(_arguments.path("Checkpoint: directory", directory))
        self.every_steps = None if every_steps is None else count("Checkpoint: every_steps", every_steps)
        self.every_epochs = None
        if every_steps is None:
            self.every_epochs = count("Checkpoint: every_epochs", 1 if every_epochs is None else every_epochs)
        self.keep = count("Checkpoint: keep", keep)
        self._monitor = None if best is None else Monitor(best, mode)
        self._best: float | None = None
        self._steps = 0

    @property
    def best(self) -> str | None:
        """The column that decides about best.npz."""
        return None if self._monitor is None else self._monitor.name

    def on_fit_start(self, trainer: Trainer) -> None:
        """Make the directory, and remove what a killed run left half-written in it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not os.access(self.directory, os.W_OK):
            raise PermissionError(errno.EACCES, "Checkpoint: the directory cannot be written", str(self.directory))
        checkpoints.sweep(self.directory)
        self._steps = trainer.optimizer.steps

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """A checkpoint if so many steps were made since the last one."""
        if self.every_steps is not None and trainer.optimizer.steps - self._steps >= self.every_steps:
            self._write(trainer)

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, Any]) -> None:
        """A checkpoint if so many epochs are done, or if it was the last; and the best one."""
        if self._monitor is not None and self._is_better(self._monitor.value(figures)):
            # Before the numbered one: a run that is killed in between comes here again.
            best = self.directory / "best.npz"
            with _noted(best):
                checkpoints.save(trainer, best)
        done = len(trainer.history)
        last = trainer.stop_reason is not None or done >= trainer.epochs
        if last or (self.every_epochs is not None and done % self.every_epochs == 0):
            self._write(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Remove what a run that was killed after its last checkpoint had no time to remove."""
        if trainer.finished:
            with _noted(self.directory):
                checkpoints.tidy(self.directory, self.keep)

    def _is_better(self, value: float) -> bool:
        better = self._best is None or self._monitor.better(value, self._best)  # type: ignore[union-attr]
        if better:
            self._best = value
        return better

    def _write(self, trainer: Trainer) -> None:
        self._steps = trainer.optimizer.steps
        with _noted(self.directory):
            path = checkpoints.next_path(self.directory)
            with _noted(path):
                checkpoints.save(trainer, path)
            checkpoints.tidy(self.directory, self.keep)

    def state_dict(self) -> dict[str, Any]:
        """The best figure so far."""
        return {"best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from it."""
        self._best = None if state["best"] is None else float(state["best"])

    def __repr__(self) -> str:
        interval = f"every_steps={self.every_steps}" if self.every_steps else f"every_epochs={self.every_epochs}"
        best = "" if self._monitor is None else f", best={self.best!r}"
        return f"Checkpoint({str(self.directory)!r}, {interval}, keep={self.keep}{best})"


@contextmanager
def _noted(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        note(f"Checkpoint: {path} could not be written ({error}); the earlier ones stay, training goes on")
