"""Small file systems, full ones, and saves on them that work or are refused without harm."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

from faults.report import fail
from faults.small import Small, litter

import tinynn as nn

SIZE, PAGE = 400_000, 4096


class Notes(logging.Handler):
    """Counts the notes."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        logging.getLogger("tinynn").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def mount(directory: Path, options: str = "") -> None:
    """A tmpfs, in the namespace of this process alone."""
    options = f"size={SIZE}" + (options and f",{options}")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", directory], check=True)


def fill(filler: Path, pages: int) -> None:
    """Leave room for so many pages."""
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\1" * PAGE)
        except OSError:
            file.truncate(file.tell() - pages * PAGE)


def attempts(small: Small, error: int) -> int:
    """Save in three ways; each works, or raises that error and changes nothing. How many were refused."""
    new = small.directory / "new.npz"
    ways: list[tuple[Path, Callable[[Path], object], Callable[[Path, str], None]]] = [
        (small.checkpoint, small.trainer.save_checkpoint, small.check_checkpoint),
        (new, small.trainer.save_checkpoint, small.check_checkpoint),
        (small.model, lambda path: nn.save(small.trainer.model, path), small.check_model),
    ]
    refused = 0
    for path, save, check in ways:
        small.change()
        before = small.files()
        try:
            save(path)
        except OSError as raised:
            if raised.errno != error or small.files() != before:
                fail(f"{path.name}: {raised!r}, or files were changed")
            refused += 1
        else:
            check(path, path.name)
            new.unlink(missing_ok=True)
        if litter(small.directory):
            fail(f"{path.name}: left {litter(small.directory)}")
    return refused
