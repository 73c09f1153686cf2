"""Checkpoint files: one trainer's state each, numbered within a directory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinynn import _arguments
from tinynn.errors import CheckpointError
from tinynn.storage import atomic, container, packing
from tinynn.training import state
from tinynn.training.notes import note

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer

KIND = "checkpoint"
#: The files of a directory of checkpoints; the one with the highest number is the newest.
NAME = re.compile(r"checkpoint-(\d{6,})\.npz")


def save(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Write a trainer's state to a file, whole or not at all."""
    container.write(path, KIND, *packing.pack(state.capture(trainer)))


def load(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Put a trainer into the state that a file holds.

    Raises: CheckpointError if the file is damaged or does not fit; then the trainer is as it was.
    """
    _restore(trainer, path, _read(path))


def _read(path: str | os.PathLike[str]) -> Any:
    with container.faults_named(path):
        return packing.unpack(*container.read(path, KIND))


def _restore(trainer: Trainer, path: str | os.PathLike[str], saved: Any) -> None:
    try:
        state.restore(trainer, saved)
    # Whatever a foreign state makes the parts raise, callbacks of the user's among them: it does not fit.
    except Exception as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{os.fspath(path)} does not fit this trainer: {what}") from error


def resume(trainer: Trainer, directory: str | os.PathLike[str]) -> bool:
    """Load the newest checkpoint of a directory that is whole; whether there was one."""
    directory = _arguments.path("resume: directory", directory)
    if not os.path.isdir(directory):
        return False
    tried: set[Path] = set()
    # Listed anew each time: another process may write newer ones, and remove those that were listed.
    while left := [path for path in numbered(directory) if path not in tried]:
        path = left[-1]
        tried.add(path)
        try:
            saved = _read(path)
        except (CheckpointError, FileNotFoundError) as error:
            note(f"resume: {error}; going on with the one before")
        else:
            _restore(trainer, path, saved)
            return True
    return False


def numbered(directory: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints of a directory, the oldest first."""
    found = [(int(match[1]), Path(entry)) for entry in os.scandir(directory) if (match := NAME.fullmatch(entry.name))]
    return [path for _, path in sorted(found)]


def next_path(directory: str | os.PathLike[str]) -> Path:
    """The name of the checkpoint that comes after all that are there."""
    paths = numbered(directory)
    number = int(NAME.fullmatch(paths[-1].name)[1]) + 1 if paths else 1  # type: ignore[index]
    return Path(directory, f"checkpoint-{number:06d}.npz")


def tidy(directory: str | os.PathLike[str], keep: int) -> None:
    """Remove all but the newest `keep` checkpoints."""
    for path in numbered(directory)[:-keep]:
        path.unlink(missing_ok=True)


def sweep(directory: str | os.PathLike[str]) -> None:
    """Remove what killed writers left behind."""
    atomic.sweep(directory)
