"""Loads of damaged files, watched: what they may end in, and what they must not."""

from __future__ import annotations

import re
import signal
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import damage
import numpy as np
from faults.report import fail
from faults.small import Small
from training.runs import differences

import tinynn as nn
from tinynn.errors import CheckpointError
from tinynn.storage import container, packing
from tinynn.training import state

#: What a trainer takes from a checkpoint as it is.
CHECKED = ("model", "optimizer", "generators", "history")
#: A load that takes longer hangs; one that needs more memory than so many times the file and so many bytes is wrong.
SECONDS, TIMES, BYTES = 20, 6, 300_000


class File:
    """One file whose variants are loaded; abstract."""

    kind: str

    def __init__(self, path: Path) -> None:
        self.path, self.data, self.found = path, path.read_bytes(), Counter[str]()

    def load(self, path: Path) -> Any:
        raise NotImplementedError

    def check(self, loaded: Any, variant: damage.Variant) -> list[str]:
        """Where what was loaded is not what the file says."""
        raise NotImplementedError

    def said_by(self, variant: damage.Variant) -> Any:
        """What must be loaded: what was saved; under checksums that were made to fit, what the file says now."""
        forged = re.search("sealed|edited", variant.what)
        return says(variant.data if forged else self.data, self.kind)

    def check_refused(self) -> list[str]:
        return []

    def try_one(self, variant: damage.Variant, measured: bool = False) -> None:
        """Load a variant, and count how that ended."""
        path = self.path.with_name("damaged.npz")
        path.write_bytes(variant.data)
        what = f"{self.kind}: {variant.what}"
        try:
            with in_time(what), in_little_memory(what, len(variant.data), measured):
                loaded = self.load(path)
        except CheckpointError as error:
            self.found[f"refused {reason(str(error), path)}"] += 1
            wrong = self.check_refused()
        except Exception as error:
            fail(f"{what}: {type(error).__name__}: {error}")
        else:
            self.found["loaded"] += 1
            wrong = self.check(loaded, variant)
        self.found["measured"] += measured
        if wrong:
            fail(f"{what}: {wrong[0][:300]}")


class CheckpointFile(File):
    """A trainer's state; loaded into a trainer that has another one."""

    kind = "checkpoint"

    def __init__(self, small: Small) -> None:
        super().__init__(small.checkpoint)
        self._small = small
        self._fresh()

    def _fresh(self) -> None:
        self._trainer = self._small.fresh()
        self._before = state.capture(self._trainer)

    def load(self, path: Path) -> nn.Trainer:
        self._trainer.load_checkpoint(path)
        return self._trainer

    def check(self, loaded: nn.Trainer, variant: damage.Variant) -> list[str]:
        self._fresh()
        said, got = self.said_by(variant), state.capture(loaded)
        wrong = disagreements([said[name] for name in CHECKED], [got[name] for name in CHECKED])
        return wrong if "edited" in variant.what else differences(said, got)

    def said_by(self, variant: damage.Variant) -> Any:
        """What must be loaded: what was saved; under checksums that were made to fit, what the file says now."""
        forged = re.search("sealed|edited", variant.what)
        return says(variant.data if forged else self.data, self.kind)

    def check_refused(self) -> list[str]:
        return differences(self._before, state.capture(self._trainer))


class ModelFile(File):
    """A network."""

    kind = "model"

    def __init__(self, small: Small) -> None:
        super().__init__(small.model)

    def load(self, path: Path) -> nn.Layer:
        return nn.load(path)

    def check(self, loaded: nn.Layer, variant: damage.Variant) -> list[str]:
        _, arrays = self.said_by(variant)
        values = loaded.named_state()
        wrong = [] if arrays.keys() == values.keys() else [f"{list(arrays)} and {list(values)}"]
        return wrong + disagreements(arrays, values)


def says(data: bytes, kind: str) -> Any:
    """What a file holds, read once more."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        manifest, arrays = container.read(file.name, kind)
    return packing.unpack(manifest, arrays) if kind == "checkpoint" else (manifest, arrays)


def disagreements(said: Any, got: Any, place: str = "") -> list[str]:
    """Where a loaded state is not what an edited file says, which may leave out what has a default."""
    if isinstance(said, dict) and isinstance(got, dict):
        return [d for key in said.keys() & got.keys() for d in disagreements(said[key], got[key], f"{place}/{key}")]
    if isinstance(said, (list, tuple)) and isinstance(got, (list, tuple)) and len(said) == len(got):
        return [d for k, pair in enumerate(zip(said, got, strict=True)) for d in disagreements(*pair, f"{place}/{k}")]
    if isinstance(got, np.ndarray):
        same = said.shape == got.shape and said.astype(got.dtype).tobytes() == got.tobytes()
    else:
        nothing = not said and not got  # None for 0, or an empty list for an empty dict
        same = said == got or nothing or (said != said and got != got) or place.endswith("/learning_rate")
    return [] if same else [f"{place}: {said!r:.100} and {got!r:.100}"]


def reason(message: str, path: Path) -> str:
    """The kind of a refusal."""
    message = message.removeprefix(f"{path}: ").removeprefix(str(path))
    for words, kind in {
        "checksum does not match": "for the checksum",
        "is no file of tinynn|is empty": "as no file of tinynn",
        "does not fit": "as not fitting the network or trainer",
        "tinynn does not write|made up": "for what tinynn does not write",
        "another CRC-32": "for the checksum of an entry",
    }.items():
        if re.search(words, message):
            return kind
    return "for what its description says"


@contextmanager
def in_time(what: str) -> Iterator[None]:
    """A failure if the block takes too long."""

    def late(number: int, frame: Any) -> None:
        fail(f"{what}: hangs")

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_little_memory(what: str, size: int, measured: bool) -> Iterator[None]:
    """A failure if the block needs more memory than a file of that size justifies."""
    if not measured:
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > TIMES * size + BYTES:
            fail(f"{what}: {peak:,} bytes of memory for {size:,} in the file")
