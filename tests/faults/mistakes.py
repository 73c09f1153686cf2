"""Mistakes planted in tinynn on purpose: does the campaign notice them?

A program of the campaign plants the one that the environment variable FAULTS_MISTAKE names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.report import Failure, Rows, Say, environment, fail

import tinynn as nn
from tinynn.layers.prediction import Predictions
from tinynn.storage import atomic, container, reader
from tinynn.training import checkpoints, generators, state

VARIABLE = "FAULTS_MISTAKE"


def generators_stay() -> None:
    """What was drawn since the start of the program is not taken back."""
    generators.restore = lambda owners, saved: None


def epoch_begins_anew() -> None:
    """The batches that were done come again."""
    overwriting = nn.Batches.overwriting
    nn.Batches.overwriting = lambda self, after=0: overwriting(self)


def written_in_place() -> None:
    """No other name first."""

    @contextmanager
    def replacing(path: Any) -> Iterator[Any]:
        with open(path, "wb") as file:
            yield file

    container.replacing = replacing


def not_forced() -> None:
    """Nothing is forced to the disk."""
    os.fsync = lambda file: None


def name_not_forced() -> None:
    """The file is forced to the disk, its new name is not."""
    atomic._sync_directory = lambda directory: None


def parts_stay() -> None:
    """Nobody removes what killed processes left."""
    atomic.sweep = lambda directory, name=None: None


def not_tidied() -> None:
    """A run that was killed after its last checkpoint leaves one too many."""
    nn.Checkpoint.on_fit_end = lambda self, trainer: None


def best_comes_last() -> None:
    """best.npz is written after the checkpoint that knows of it already."""
    save, put_off = checkpoints.save, []

    def reordered(trainer: nn.Trainer, path: Any) -> None:
        if os.fspath(path).endswith("best.npz"):
            put_off.append(path)
            return
        save(trainer, path)
        while put_off:
            save(trainer, put_off.pop())

    checkpoints.save = reordered


def not_noted() -> None:
    """A checkpoint that cannot be written ends the training."""
    from tinynn.training.callbacks import checkpoint

    @contextmanager
    def raising(path: Any) -> Iterator[None]:
        yield

    checkpoint._noted = raising


def checksums_ignored() -> None:
    """Neither the file's nor the entries' are compared."""

    def end_alone(file: Any) -> int:
        return os.fstat(file.fileno()).st_size - reader.DIGITS

    reader._checked_end = end_alone
    reader.Reader._check_crc = lambda self, entry, crc: None


def not_put_back() -> None:
    """A load that fails half-way leaves half of it."""

    def restore(trainer: nn.Trainer, saved: Any) -> None:
        state._apply(trainer, saved)
        trainer.resumed, trainer.asked = state.Resumed(saved), 0

    state.restore = restore


def one_memory_for_all() -> None:
    """Threads predict in the same arrays."""

    def predict(self: Predictions, x: Any) -> Any:
        idle = self._idle.get((x.shape, x.dtype))
        return idle[0](x) if idle else None

    Predictions.predict = predict


#: Each with the experiment that must notice it, and at which scale.
MISTAKES: dict[Callable[[], None], tuple[str, float]] = {
    generators_stay: ("kills", 0.01),
    epoch_begins_anew: ("kills", 0.01),
    written_in_place: ("calls", 1),
    not_forced: ("calls", 1),
    name_not_forced: ("calls", 1),
    parts_stay: ("kills", 0.1),
    not_tidied: ("lines", 0.2),
    best_comes_last: ("lines", 0.2),
    not_noted: ("disk", 1),
    checksums_ignored: ("damage", 0.02),
    not_put_back: ("damage", 0.1),
    one_memory_for_all: ("threads", 0.1),
}


def plant() -> None:
    """The mistake that is asked for."""
    {mistake.__name__: mistake for mistake in MISTAKES}[os.environ[VARIABLE]]()


def run(scale: float, say: Say) -> Rows:
    """Each in a campaign of its own, of one experiment."""
    for mistake, (experiment, share) in MISTAKES.items():
        say(f"mistakes: {mistake.__name__}")
        if not noticed(mistake.__name__, experiment, share):
            fail(f"{experiment} does not notice {mistake.__name__}")
    return [("mistakes planted in tinynn, noticed by the experiment that should", f"{len(MISTAKES)}, {len(MISTAKES)}")]


def noticed(name: str, experiment: str, scale: float) -> bool:
    """Whether the experiment, in a process of its own, fails because a promise was not kept, not for another reason."""
    campaign = Path(__file__).with_name("campaign.py")
    command = [sys.executable, campaign, experiment, "--scale", str(scale)]
    done = subprocess.run(command, env=environment(**{VARIABLE: name}), capture_output=True, text=True)
    return done.returncode == 1 and Failure.__name__ in done.stdout
