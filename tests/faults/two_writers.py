"""Processes that write checkpoints into one directory, and others that resume from it all the time.

Nobody should do so, but a job that is started twice does. The network counts: each weight is the number of
steps made, so that a reader sees whether what it loaded belongs together. Writers are killed now and then.

    python tests/faults/two_writers.py ROLE DIRECTORY SECONDS KEEP
"""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from faults.report import Rows, Say, environment, fail, silent

import tinynn as nn
from tinynn.storage import container

WEIGHTS = 20_000


def run(scale: float, say: Say) -> Rows:
    """20 seconds each of two and of four writers, and of the newest checkpoint alone and two kept."""
    found = Counter[str]()
    for writers, keep in ((2, 2), (4, 1), (4, 2)):
        found += campaign(writers, 2, keep, 20 * scale, say)
    return [
        ("checkpoints written by two to four processes into one directory", f"{found['written']:,}"),
        ("times that two others resumed from it meanwhile", f"{found['resumed']:,}"),
        ("writers killed meanwhile", f"{found['killed']:,}"),
        ("errors, wrong loads, checkpoints damaged, files left behind", "0, 0, 0, 0"),
    ]


def campaign(writers: int, readers: int, keep: int, seconds: float, say: Say = silent) -> Counter[str]:
    """How many checkpoints were written and read."""
    found, draw = Counter[str](), random.Random(0)
    with tempfile.TemporaryDirectory() as directory:
        roles = ["write"] * writers + ["resume"] * readers
        running = [start(role, directory, seconds, keep) for role in roles]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            say(f"two writers: {writers} writers, keep={keep}, {end - time.monotonic():.0f} s left")
            time.sleep(min(2.5, seconds / 3))
            victim = draw.randrange(writers)
            running[victim].send_signal(signal.SIGKILL)
            found["killed"] += 1
            running.append(start("write", directory, max(0.0, end - time.monotonic()), keep))
            running[victim], running[-1] = running[-1], running[victim]
        for each in running:
            said, wrong = each.communicate()
            if each.returncode not in (0, -signal.SIGKILL) or wrong:
                fail(f"a process ended with {each.returncode}: {wrong[-2000:]}")
            found["resumed"] += int(said or 0)
        # The next run that begins takes away what the killed ones left.
        trainer = counting(directory, keep)
        trainer.resume(directory)
        train(trainer, trainer.optimizer.steps + 1)
        found["written"] = check_end(Path(directory))
    return found


def check_end(directory: Path) -> int:
    """All that is left is whole; the number of the last one."""
    names = sorted(os.listdir(directory))
    for name in names:
        if not re.fullmatch(r"checkpoint-\d+\.npz", name):
            fail(f"left behind: {names}")
        container.read(directory / name, "checkpoint")
    return int(re.search(r"\d+", names[-1])[0])


def start(role: str, directory: str, seconds: float, keep: int) -> subprocess.Popen[str]:
    """This file as a program."""
    command = [sys.executable, "-W", "error", __file__, role, directory, str(seconds), str(keep)]
    variables = environment(OPENBLAS_NUM_THREADS="1")
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Counting(nn.Layer):
    """Weights whose gradient is always −1."""

    def __init__(self) -> None:
        self.weight = nn.Parameter(np.zeros(WEIGHTS, np.float32))

    def forward(self, x):
        return x

    def backward(self, grad):
        self.weight.grad = np.full(WEIGHTS, -1, np.float32)
        return grad


def counting(directory: str, keep: int) -> nn.Trainer:
    """A trainer whose weights all are the number of its steps."""
    model = Counting()
    saving = nn.Checkpoint(directory, every_steps=1, keep=keep)
    return nn.Trainer(model, nn.MSE(), nn.SGD(model, 1.0), callbacks=[saving])


def train(trainer: nn.Trainer, epochs: int) -> None:
    """One step an epoch."""
    trainer.fit(nn.Batches(np.zeros((1, 1)), np.zeros((1, 1)), rng=0), epochs, progress=False)


def main(role: str, directory: str, seconds: str, keep: str) -> None:
    """Write or resume until the time is over; a reader prints how often it did."""
    logging.getLogger("tinynn").addHandler(logging.NullHandler())
    end, resumed = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        trainer = counting(directory, int(keep))
        found = trainer.resume(directory)
        steps = trainer.optimizer.steps
        if found != (steps > 0) or np.any(trainer.optimizer.vector.value != steps):
            sys.exit(f"resumed {found}: {steps} steps, weights {np.unique(trainer.optimizer.vector.value)}")
        if role == "write":
            train(trainer, steps + 5)
            continue
        if resumed and not found:
            sys.exit("there were checkpoints, and now none is found")
        resumed += found
    if role == "resume":
        print(resumed)


if __name__ == "__main__":
    main(*sys.argv[1:])
