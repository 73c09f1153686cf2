"""Minutes of training with checkpoints, predictions in eight threads and files saved and loaded: no growth of memory.

Memory is what the system says that the process holds, once a round. After three tenths of the time to warm up, a
line is fitted through it; it may rise by no more than ALLOWED over the rest, beyond what its scatter explains.
"""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
from faults import programs, shared_model
from faults.report import Rows, Say, fail, scratch, silent

import tinynn as nn

#: Bytes that the fitted line may rise in a soak, however long.
ALLOWED = 2 << 20
WARM_UP = 0.3


def run(scale: float, say: Say) -> Rows:
    """10 minutes at full scale."""
    times, memory, done = soak(600 * scale, say)
    rise, scatter = growth(times, memory)
    if rise > ALLOWED + scatter:
        fail(f"memory grew by {rise / 2**20:.2f} MiB in {times[-1]:.0f} s, from {memory[0] / 2**20:.0f} MiB")
    return [
        ("minutes of soak, rounds", f"{times[-1] / 60:.1f}, {len(times):,}"),
        ("epochs trained, checkpoints written, files loaded", ", ".join(f"{done[each]:,}" for each in DONE)),
        ("predictions of 8 threads meanwhile", f"{done['predictions']:,}"),
        (
            f"growth of memory after warm-up (allowed: {ALLOWED >> 20} MiB), its scatter, of all",
            f"{rise / 2**20:.2f} MiB, {scatter / 2**20:.2f} MiB, {np.median(memory) / 2**20:.0f} MiB",
        ),
    ]


DONE = ("epochs", "checkpoints", "loads")


def soak(seconds: float, say: Say = silent) -> tuple[list[float], list[float], Counter[str]]:
    """(seconds since the start, bytes of memory, what was done), one of the first two a round."""
    shared = [each for each in shared_model.subjects() if each.name in ("wide", "deep", "double")]
    times, memory, done = [], [], Counter[str]()
    start = time.monotonic()
    with scratch() as directory:
        while not times or times[-1] < seconds:
            one_round(directory / "run", done)
            done += shared_model.together(shared, time.monotonic() + min(1.0, seconds / 20), False, seed=len(times))
            gc.collect()
            times.append(time.monotonic() - start)
            memory.append(float(resident()))
            say(f"soak: {times[-1]:.0f} of {seconds:.0f} s, {memory[-1] / 2**20:.1f} MiB")
    return times, memory, done


def one_round(directory: Path, done: Counter[str]) -> None:
    """Train a little, resume and train on in a new trainer, save and load the model."""
    for kind in ("early_stopping", "schedules"):
        for epochs in (4, 6):
            program = programs.KINDS[kind](directory)
            saving = nn.Checkpoint(directory, every_steps=10, keep=2)
            program.trainer.callbacks = (*(c for c in program.trainer.callbacks if not is_monitor(c)), saving)
            done["loads"] += program.trainer.resume(directory)
            program.trainer.fit(program.batches, epochs, program.validation, progress=False)
            done["epochs"] += 4 if epochs == 4 else 2
        path = directory / "model.npz"
        nn.save(program.trainer.model, path)
        x = program.batches.x[:5]
        if nn.load(path).predict(x).tobytes() != program.trainer.predict(x).tobytes():
            fail("a loaded model predicts other bits")
        done.update(loads=1, checkpoints=program.trainer.optimizer.steps // 10)
        for file in directory.iterdir():
            file.unlink()


def is_monitor(callback: object) -> bool:
    """GradientMonitor warns, once a run: not what is to be found here."""
    return isinstance(callback, (nn.GradientMonitor, nn.Checkpoint))


def resident() -> int:
    """Bytes of memory that the process holds."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def growth(times: list[float], memory: list[float]) -> tuple[float, float]:
    """(how far a line through the memory after warm-up rises, twice the standard error of that rise)."""
    start = int(WARM_UP * len(times))
    t, m = np.array(times[start:]), np.array(memory[start:])
    t = (t - t.mean()) / (t[-1] - t[0])
    rise = float(t.dot(m) / t.dot(t))
    left = m - m.mean() - rise * t
    return rise, float(2 * np.sqrt(left.dot(left) / max(1, len(m) - 2) / t.dot(t)))
