"""A training run killed at every single line of the code that writes files, one after the other.

Random moments hit what takes long; here the short ones come as well: between a checkpoint's renaming and the
removal of the oldest, between best.npz and the numbered one. The process forks itself for each run.

    python tests/faults/lines.py DIRECTORY STRIDE
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from faults import parts, programs
from faults.report import Rows, Say, environment, fail, last_line, plant_mistake, scratch, silent

import tinynn as nn

#: The files whose lines count.
WRITING = {
    str(Path(nn.__file__).parent / name)
    for name in (
        *("storage/atomic.py", "storage/container.py", "training/checkpoints.py"),
        *("training/callbacks/checkpoint.py", "training/callbacks/csv_logger.py"),
    )
}


def run(scale: float, say: Say) -> Rows:
    """Every line at full scale, else one of so many."""
    lines, killed = campaign(max(1, round(1 / scale)), say)
    return [
        ("lines run by a training that writes 5 checkpoints, best.npz and a CSV file", f"{lines:,}"),
        ("runs killed at one of them and resumed, of those with another end or litter", f"{killed:,}, 0"),
    ]


def campaign(stride: int, say: Say = silent) -> tuple[int, int]:
    """(lines there are, runs killed); in a process of its own, for only one without threads may fork."""
    variables = environment(OPENBLAS_NUM_THREADS="1")
    with scratch() as directory:
        command = [sys.executable, "-W", "error", __file__, str(directory), str(stride)]
        lines, killed = last_line("lines", command, variables, say).split()
    return int(lines), int(killed)


def program(directory: Path) -> programs.Program:
    """Four steps in two epochs; each file is written more than once, and the oldest removed."""
    x, labels = parts.data(40)
    model = nn.Sequential(nn.Dense(20, 10), nn.Dropout(0.2), rng=1)
    saving = nn.Checkpoint(directory, every_steps=1, keep=2, best="cost")
    callbacks = [saving, nn.CSVLogger(directory / programs.CSV)]
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model), callbacks=callbacks)
    return programs.Program(trainer, nn.Batches(x, labels, 20, rng=2), 2)


class Killer:
    """Counts the lines of WRITING, and kills the process at the `last` one."""

    def __init__(self, last: int) -> None:
        self.count, self._last = 0, last

    def __call__(self, frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in WRITING:
            return None
        if event == "line":
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def forked(directory: Path, last: int = 0) -> dict[str, Any] | None:
    """The program's outcome and the lines it took, or None if it was killed at line `last`."""
    path = directory.with_suffix(".result")
    child = os.fork()
    if child == 0:
        killer = Killer(last)
        sys.settrace(killer)
        one = program(directory)
        one.trainer.resume(directory)
        one.trainer.fit(one.batches, one.epochs, progress=False)
        sys.settrace(None)
        path.write_bytes(pickle.dumps(programs.outcome(one.trainer, directory) | {"lines": killer.count}))
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        fail(f"line {last}: ended with {code}")
    return pickle.loads(path.read_bytes()) if code == 0 else None


def main(place: str, stride: str) -> None:
    """Print progress, and in the end (lines, kills)."""
    from faults.kills import content, differences, litter, timeless

    np.ones((200, 200)).dot(np.ones((200, 200)))  # whatever NumPy loads at first use, before the forks
    directory = Path(place, "run")
    directory.mkdir()
    whole = forked(directory)
    files = {path.name: content(path) for path in directory.glob("*.npz")}
    lines = whole.pop("lines")
    killed = 0
    for last in range(1, lines + 1, int(stride)):
        shutil.rmtree(directory)
        directory.mkdir()
        killed += forked(directory, last) is None
        resumed = forked(directory)
        resumed.pop("lines")
        wrong = litter(directory) + differences(timeless(whole), timeless(resumed))
        for name, expected in files.items() if not wrong else ():
            wrong += differences(expected, content(directory / name), name)
        if wrong:
            fail(f"killed at line {last} of {lines}: {wrong[0][:300]}")
        if killed % 50 == 0:
            print(f"{killed} kills, line {last} of {lines}", flush=True)
    print(lines, killed)


if __name__ == "__main__":
    plant_mistake()
    main(*sys.argv[1:])
