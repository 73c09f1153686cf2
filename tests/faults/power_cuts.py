"""Power cuts: what a disk holds at a random moment of training, mounted again, is what the run goes on from.

The checkpoints lie on an ext4 in a file. What the file holds at some moment is what a disk would hold if the
power failed just then: what was written but not forced to the disk is lost, and the journal is replayed when
it is mounted. (A disk that loses what it has acknowledged is not played.) Needs root; the program is this file:

    unshare --mount python tests/faults/power_cuts.py DIRECTORY CUTS KIND...
"""

from __future__ import annotations

import filecmp
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from faults import kills
from faults.report import Rows, Say, environment, fail, last_line, silent

from tinynn.errors import CheckpointError

KINDS = ("mini_batches", "accumulated", "early_stopping")
#: Without the help that ext4 has for programs that forget to force a file to the disk before they rename it.
OPTIONS = "loop,noauto_da_alloc,commit=600"


def run(scale: float, say: Say) -> Rows:
    """60 cuts at full scale."""
    reason = why_not()
    if reason:
        return [("power cuts", reason)]
    cuts, runs = campaign(round(60 * scale), KINDS, say)
    return [
        ("power cuts (an ext4 as the disk held it at a random moment, without what was not forced to it)", f"{cuts}"),
        ("runs resumed from it to their end; with another end, checkpoints damaged or lost", f"{runs}; 0, 0, 0"),
    ]


def why_not() -> str:
    """Why this cannot be tried here, if so."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "not tried: needs Linux and root"
    with tempfile.TemporaryDirectory() as directory:
        image = Path(directory, "image")
        make = f"truncate -s 8M {image} && mkfs.ext4 -q {image} && mount -o {OPTIONS} {image} {directory}"
        done = subprocess.run(["unshare", "--mount", "sh", "-c", make], capture_output=True, text=True)
    return f"not tried: no ext4 in a file can be mounted here ({done.stderr.strip()})" if done.returncode else ""


def campaign(cuts: int, kinds: tuple[str, ...], say: Say = silent) -> tuple[int, int]:
    """(cuts, runs that came to their end), in a process with a mount namespace of its own."""
    variables = environment()
    with tempfile.TemporaryDirectory() as directory:
        command = ["unshare", "--mount", sys.executable, "-W", "error", __file__, directory, str(cuts), *kinds]
        done, runs = last_line("power cuts", command, variables, say).split()
    return int(done), int(runs)


class Disk:
    """An ext4 in a file, mounted."""

    def __init__(self, directory: Path) -> None:
        self.image, self.place = directory / "image", directory / "disk"
        self._copies = [directory / "copy 1", directory / "copy 2"]
        self.place.mkdir(exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", OPTIONS, self.image, self.place], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.place], check=True)

    def take(self) -> None:
        """Copy what the disk holds now; two copies that are equal were not written to meanwhile."""
        while True:
            for copy in self._copies:
                shutil.copyfile(self.image, copy)
            if filecmp.cmp(*self._copies, shallow=False):
                return

    def cut(self) -> None:
        """Mount what `take` has copied."""
        self.unmount()
        os.replace(self._copies[0], self.image)
        self.mount()


def main(place: str, wanted: str, *kinds: str) -> None:
    """Print progress, and in the end (cuts, runs)."""
    tally, draw = Counter[str](), random.Random(0)
    references = {kind: kills.undisturbed(kind, Path(place, kind)) for kind in kinds}
    while tally["cuts"] < int(wanted):
        kind = kinds[tally["runs"] % len(kinds)]
        disk = Disk(Path(place))
        directory = disk.place / "run"
        directory.mkdir()
        os.sync()  # the name of the directory is the user's to keep
        while cut_short(kind, references[kind], disk, directory, draw):
            tally["cuts"] += 1
            print(f"{tally['cuts']} of {wanted} ({kind})", flush=True)
        kills.compare(kind, references[kind], directory)
        disk.unmount()
        tally["runs"] += 1
    print(tally["cuts"], tally["runs"])


def cut_short(kind: str, reference: kills.Reference, disk: Disk, directory: Path, draw: random.Random) -> bool:
    """Start the program and cut the power at a random moment; False if it was through before."""
    with kills.process(kind, directory) as (running, saw_training):
        saw_training(kills.PATIENCE)
        time.sleep(draw.uniform(0, 0.4 * reference.training))
        running.send_signal(signal.SIGSTOP)
        newest = max(numbers(directory), default=0)
        disk.take()
        through = running.poll() is not None
        running.kill()
        running.wait()
    if through:
        return False
    disk.cut()
    whole = [number for number, path in numbers(directory).items() if is_whole(path)]
    if len(whole) < len(numbers(directory)) or max(whole, default=0) < newest - 1:
        fail(f"{kind}: there was {newest}, and after the cut there are {sorted(directory.iterdir())}, whole {whole}")
    return True


def numbers(directory: Path) -> dict[int, Path]:
    """The numbered checkpoints."""
    found = ((re.fullmatch(r"checkpoint-(\d+)\.npz", path.name), path) for path in directory.iterdir())
    return {int(match[1]): path for match, path in found if match}


def is_whole(path: Path) -> bool:
    try:
        kills.content(path)
    except CheckpointError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
