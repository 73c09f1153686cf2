"""The same program with the same seeds: the same bits, whenever it runs; and what makes them others."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from faults import kills, programs
from faults.report import Rows, Say, environment, fail, silent
from training.runs import differences


def run(scale: float, say: Say) -> Rows:
    """Every kind in four processes, and in one each in other circumstances."""
    kinds, times = tuple(programs.KINDS), max(2, round(4 * scale))
    first = repeat(kinds, times, say)
    rows = [("kinds of training run in fresh processes, of these with other bits", f"{len(kinds)} × {times}, 0")]
    for what, variables in other_circumstances().items():
        say(f"same bits: {what}")
        changed = [kind for kind in kinds if differences(first[kind], outcome(kind, variables))]
        rows.append((f"kinds with other bits: {what} (not promised)", f"{len(changed)} of {len(kinds)}"))
    return rows


def other_circumstances() -> dict[str, dict[str, str]]:
    """What is not promised to give the same bits, as environment variables."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    loops = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))
    return {
        "one BLAS thread": {"OPENBLAS_NUM_THREADS": "1"},
        "an older BLAS kernel (without FMA)": {"OPENBLAS_CORETYPE": "Sandybridge"},
        "NumPy's loops for the oldest processors": {"NPY_DISABLE_CPU_FEATURES": loops},
    }


def repeat(kinds: tuple[str, ...], times: int, say: Say = silent) -> dict[str, dict[str, object]]:
    """What each kind comes to, in all processes the same; hashes, addresses and load differ between them anyway."""
    first = {}
    for kind in kinds:
        say(f"same bits: {kind}")
        first[kind], *others = (outcome(kind, {}) for _ in range(times))
        for other in others:
            if wrong := differences(first[kind], other, kind):
                fail(wrong[0][:300])
    return first


def outcome(kind: str, variables: dict[str, str]) -> dict[str, object]:
    """What one run comes to, in a process with these environment variables."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place, kind)
        directory.mkdir()
        command = kills.command(kind, directory)
        done = subprocess.run(command, env=environment(**variables), capture_output=True, text=True)
        if done.returncode:
            fail(f"{kind}: {done.stderr[-2000:]}")
        return kills.timeless(kills.result(directory))
