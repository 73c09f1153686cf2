"""Disks that are full, directories that may not be written, and file systems that turn read-only, for real.

Where a process may mount (as root, or in a user namespace) it is a tmpfs of 400 kB in a mount namespace of its
own; full disks to the byte everywhere, by a limit on the size of files. The program in which that happens is
small_disk.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection

from faults import small_disk
from faults.report import Rows, Say, environment, fail, scratch

#: How the program gets a mount namespace of its own.
NAMESPACES = (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"])


def run(scale: float, say: Say) -> Rows:
    """Cheap: the same at every scale."""
    say("full disk: under way")
    found, how = campaign(1)
    return [
        ("what stood for the full disk", how),
        ("saves that found it full, or the directory closed (ENOSPC, EFBIG, EROFS, EACCES)", f"{found['refused']:,}"),
        ("checkpoints that training had to do without, noted", f"{found['noted']:,}"),
        ("earlier files damaged, files left behind, runs with another end", "0, 0, 0"),
    ]


def campaign(stride: int) -> tuple[Counter[str], str]:
    """(how often each kind of fault was met, what stood for the full disk); every stride-th amount of room."""
    namespace = mounting()
    found = run_program([], stride, set(small_disk.EXPERIMENTS) - set(small_disk.NEED_A_DISK))
    if namespace is None:
        return found, "a limit on the size of files"
    return found + run_program(namespace, stride, small_disk.NEED_A_DISK), "a limit on the size of files, a small tmpfs"


def run_program(before: list[str], stride: int, names: Collection[str]) -> Counter[str]:
    """Experiments of small_disk.py, in a process of their own."""
    with scratch() as directory:
        program = [sys.executable, "-W", "error", small_disk.__file__, str(directory), str(stride), *names]
        variables = environment(OPENBLAS_NUM_THREADS="1")
        done = subprocess.run([*before, *program], env=variables, capture_output=True, text=True)
    if done.returncode:
        fail(done.stderr[-2000:])
    return Counter(json.loads(done.stdout))


def mounting() -> list[str] | None:
    """The command that a program is run with so that it can mount; None if nothing helps here."""
    if not sys.platform.startswith("linux") or not (shutil.which("unshare") and shutil.which("mount")):
        return None
    for command in NAMESPACES:
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run([*command, "mount", "-t", "tmpfs", "none", directory], capture_output=True)
        if done.returncode == 0:
            return command
    return None
