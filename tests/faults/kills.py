"""Training processes killed with SIGKILL at random moments, and started again until they are through.

What each must end with, a run that nobody disturbed has shown: parameters, optimizer, generators, history,
what the callbacks remember, the CSV file and every checkpoint, bit for bit, times aside.
"""

from __future__ import annotations

import csv
import os
import pickle
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults import programs
from faults.report import Rows, Say, environment, fail, silent
from training.runs import TIMES, differences

from tinynn.storage import container, packing

#: Of the kills, how many come before training begins; the others lie within SHARE of the time that training takes.
AT_START, SHARE = 0.12, 0.25
#: A process that takes longer hangs.
PATIENCE = 300.0
CHECKPOINTS = "*.npz"


@dataclass
class Reference:
    """What a run that was left alone came to, the checkpoints it left, and how long it took."""

    result: dict[str, Any]
    checkpoints: dict[str, Any]
    starting: float
    training: float


@dataclass
class Tally:
    """What happened, counted."""

    kills: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    before_training: int = 0
    in_mid_write: int = 0


def run(scale: float, say: Say) -> Rows:
    """At least 300 kills at full scale, over all kinds in turn."""
    tally = campaign(round(300 * scale), tuple(programs.KINDS), say)
    return [
        ("processes killed with SIGKILL at random moments", f"{tally.kills}"),
        ("of these before training began, in the middle of writing", f"{tally.before_training}, {tally.in_mid_write}"),
        ("runs resumed to their end, of how many kinds", f"{tally.runs.total()}, {len(tally.runs)}"),
        ("runs that ended otherwise than undisturbed ones, in any bit", "0"),
        ("files left behind, checkpoints damaged", "0, 0"),
    ]


def campaign(kills: int, kinds: tuple[str, ...], say: Say = silent, seed: int = 0) -> Tally:
    """Runs of the kinds in turn, until that many processes have been killed and each kind was there."""
    tally, draw = Tally(), random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        references = {kind: undisturbed(kind, Path(directory, kind)) for kind in kinds}
        turn = 0
        while tally.kills < kills or turn < len(kinds):
            kind = kinds[turn % len(kinds)]
            turn += 1
            killed_run(kind, references[kind], Path(directory, f"{kind} {turn}"), draw, tally)
            say(f"kills: {tally.kills} of {kills}, {tally.in_mid_write} in mid-write; {kind} ended as it should")
    return tally


def undisturbed(kind: str, directory: Path) -> Reference:
    """The run that is never killed."""
    directory.mkdir()
    started = time.monotonic()
    with process(kind, directory) as (running, saw_training):
        began = saw_training(PATIENCE)
        if began is None or running.wait(PATIENCE):
            fail(f"{kind}: ended with {running.poll()} without being killed")
    ended = time.monotonic()
    checkpoints = {path.name: content(path) for path in directory.glob(CHECKPOINTS)}
    return Reference(result(directory), checkpoints, began - started, ended - began)


def killed_run(kind: str, reference: Reference, directory: Path, draw: random.Random, tally: Tally) -> None:
    """One run, killed and started again until a process reaches its end; compared with the reference."""
    directory.mkdir()
    while attempt(kind, reference, directory, draw, tally):
        tally.kills += 1
        tally.in_mid_write += bool(litter(directory))
    tally.runs[kind] += 1
    compare(kind, reference, directory)


def attempt(kind: str, reference: Reference, directory: Path, draw: random.Random, tally: Tally) -> bool:
    """Start the program and kill it at a random moment; False if it was through before."""
    with process(kind, directory) as (running, saw_training):
        if draw.random() < AT_START:
            saw_training(draw.uniform(0, reference.starting))
        else:
            if saw_training(PATIENCE) is None and running.poll() is None:
                fail(f"{kind}: hangs before training")
            with suppress(subprocess.TimeoutExpired):
                running.wait(draw.uniform(0, SHARE * reference.training))
        running.send_signal(signal.SIGKILL)
        code = running.wait(PATIENCE)
        if code not in (0, -signal.SIGKILL):
            fail(f"{kind}: a process that was started again ended with {code}")
        tally.before_training += code != 0 and saw_training(0) is None
    return code != 0


def command(kind: str, directory: Path) -> list[str]:
    """The program and its arguments."""
    return [sys.executable, "-W", "ignore", programs.__file__, kind, str(directory), str(result_path(directory))]


@contextmanager
def process(kind: str, directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[float], float | None]]]:
    """The program as a process, and a function that waits for its training to begin and tells when that was."""
    with (
        subprocess.Popen(command(kind, directory), env=environment(), stdout=subprocess.PIPE) as running,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(running.stdout, selectors.EVENT_READ)
        seen: list[float] = []

        def saw_training(seconds: float) -> float | None:
            if not seen and selector.select(seconds) and os.read(running.stdout.fileno(), 100):
                seen.append(time.monotonic())
            return seen[0] if seen else None

        try:
            yield running, saw_training
        finally:
            running.kill()


def compare(kind: str, reference: Reference, directory: Path) -> None:
    """The end of a killed run against that of one which nobody disturbed, and what lies in its directory."""
    if litter(directory):
        fail(f"{kind}: left behind {litter(directory)}")
    wrong = differences(timeless(reference.result), timeless(result(directory)), kind)
    for name, expected in reference.checkpoints.items():
        if (directory / name).exists():  # a missing one is among the differing lists of files
            wrong += differences(expected, content(directory / name), f"{kind}, {name}")
    if wrong:
        fail("\n".join(line[:200] for line in wrong[:20]))


def result_path(directory: Path) -> Path:
    """Where the program writes its result: beside the directory, in which nothing strange may lie."""
    return directory.with_name(f"{directory.name}.result")


def result(directory: Path) -> dict[str, Any]:
    """What the program wrote at its end."""
    return pickle.loads(result_path(directory).read_bytes())


def content(path: Path) -> Any:
    """What a checkpoint holds."""
    return packing.unpack(*container.read(path, "checkpoint"))


def litter(directory: Path) -> list[str]:
    """What a reader of the directory would not expect there."""
    known = (programs.CSV, *(path.name for path in directory.glob(CHECKPOINTS) if not path.name.startswith(".")))
    return sorted(set(os.listdir(directory)) - set(known))


def timeless(outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome without the columns of the CSV file that hold times."""
    if outcome["csv"] is None:
        return outcome
    header, *rows = csv.reader(outcome["csv"].splitlines())
    kept = [k for k, name in enumerate(header) if name not in TIMES]
    return outcome | {"csv": [[line[k] for k in kept] for line in (header, *rows)]}
