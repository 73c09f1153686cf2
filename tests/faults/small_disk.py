"""The program that runs into full disks and closed directories.

python tests/faults/small_disk.py DIRECTORY STRIDE EXPERIMENT...
"""

from __future__ import annotations

import errno
import json
import logging
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults import parts, programs
from faults.disks import PAGE, Notes, attempts, fill, mount
from faults.kills import content, timeless
from faults.report import fail, plant_mistake
from faults.small import Small, litter
from training.runs import differences

import tinynn as nn


# ---- saves that find no room ------------------------------------------------------------------------
def full_disk(directory: Path, stride: int) -> Counter[str]:
    """Every amount of room, a page at a time, from none to more than enough."""
    mount(directory)
    small, filler = Small(directory, 40), directory / "filler"
    refused = 0
    amounts = range(0, small.checkpoint.stat().st_size // PAGE + 4, stride)
    for pages in amounts:
        fill(filler, pages)
        refused += attempts(small, errno.ENOSPC)
        filler.unlink()
    if not 0 < refused < 3 * len(amounts):
        fail(f"{refused} of {3 * len(amounts)} saves found the disk full")
    return Counter(refused=refused)


def no_inodes(directory: Path, stride: int) -> Counter[str]:
    """Room, but not for one more name."""
    mount(directory, "nr_inodes=20")
    small, names = Small(directory), []
    with room_for_names_used_up(directory, names):
        refused = attempts(small, errno.ENOSPC)
    if refused != 3:
        fail(f"only {refused} saves found no inode")
    attempts(small, 0)
    return Counter(refused=refused)


@contextmanager
def room_for_names_used_up(directory: Path, names: list[Path]) -> Iterator[None]:
    try:
        while True:
            names.append(directory.parent / directory.name / f"name {len(names)}")
            names[-1].touch()
    except OSError:
        names.pop()
    yield
    for name in names:
        name.unlink()


def size_limit(directory: Path, stride: int) -> Counter[str]:
    """Files may grow to so many bytes and no further: the last write is cut short, and the next one refused."""
    small, refused = Small(directory), 0
    size = max(small.checkpoint.stat().st_size, small.model.stat().st_size)
    for limit in (*range(0, size, 97 * stride), size - 1, size + 4096):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        refused += attempts(small, errno.EFBIG)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    attempts(small, 0)
    return Counter(refused=refused)


# ---- training goes on -------------------------------------------------------------------------------
def training(directory: Path, stride: int) -> Counter[str]:
    """The disk is full from the tenth step to the thirtieth; nothing but the notes tells of it in the end."""
    mount(directory)
    notes, filler = Notes(), directory / "filler"

    class Squeeze:
        def on_batch_end(self, trainer: nn.Trainer, cost: float) -> None:
            if trainer.optimizer.steps == 10:
                fill(filler, 0)
            elif trainer.optimizer.steps == 30:
                self.check(trainer)
                filler.unlink()

        def check(self, trainer: nn.Trainer) -> None:
            names = [name for name in os.listdir(directory) if name.startswith("checkpoint-")]
            steps = sorted(content(directory / name)["optimizer"]["steps"] for name in names)
            if steps != [8, 9] or litter(directory):
                fail(f"while the disk was full there were checkpoints of the steps {steps}, {os.listdir(directory)}")

    ends = []
    for callbacks in ([], [Squeeze()]):
        for path in directory.iterdir():
            path.unlink()
        program = programs.early_stopping(directory)
        saving = nn.Checkpoint(directory, every_steps=1, keep=2)
        program.trainer.callbacks = (*program.trainer.callbacks[:3], *callbacks, saving)
        program.trainer.fit(program.batches, 3, program.validation, progress=False)
        ends.append(timeless(programs.outcome(program.trainer, directory)))
        names = [path.name for path in directory.glob("*.npz")]
        steps = sorted(content(directory / name)["optimizer"]["steps"] for name in names)
        if steps[-1] != program.trainer.optimizer.steps or litter(directory):
            fail(f"in the end there were checkpoints of the steps {steps}, {os.listdir(directory)}")
    wrong = [d for d in differences(*ends) if not d.startswith("/files")]
    if wrong or notes.count != 21:
        fail(f"{notes.count} notes; {wrong[:3]}")
    return Counter(noted=notes.count)


# ---- directories that may not be written ------------------------------------------------------------
def read_only_disk(directory: Path, stride: int) -> Counter[str]:
    """The file system turns read-only, as it does after errors of the disk, and is repaired."""
    mount(directory)
    small = Small(directory)
    subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
    refused = closed(small, errno.EROFS)
    subprocess.run(["mount", "-o", "remount,rw", directory], check=True)
    attempts(small, 0)
    return refused


def closed_directory(directory: Path, stride: int) -> Counter[str]:
    """Permission denied; root, whom nothing stops, becomes nobody for it."""
    small = Small(directory)
    directory.chmod(0o555)
    if os.geteuid() != 0:
        refused = closed(small, errno.EACCES)
    else:
        directory.parent.chmod(0o755)
        child = os.fork()
        if child == 0:
            os._exit(closed(small, errno.EACCES)["refused"] if became_nobody() else 0)
        refused = Counter(refused=os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        if refused["refused"] not in (0, 5):
            fail(f"what nobody found: see above, {refused}")
    directory.chmod(0o755)
    attempts(small, 0)
    return refused


def became_nobody() -> bool:
    """Give up what root may; False in a container where there is nobody else."""
    try:
        os.setgroups([])
        os.setresgid(*[65534] * 3)
        os.setresuid(*[65534] * 3)
    except OSError:
        return False
    return True


def closed(small: Small, error: int) -> Counter[str]:
    """Saves are refused, a run that begins says so at once, one that is under way goes on, and loads work."""
    refused = attempts(small, error)
    notes, before = Notes(), small.files()
    small.callback.on_epoch_end(small.trainer, small.trainer.history[-1])
    if notes.count != 1 or small.files() != before:
        fail(f"{notes.count} notes from a run under way")
    trainer = small.fresh()
    trainer.callbacks = (nn.Checkpoint(small.directory),)
    x, labels = parts.data(10)
    try:
        trainer.fit(nn.Batches(x, labels), 1, progress=False)
    except PermissionError:
        pass
    else:
        fail("a run began whose checkpoints cannot be written")
    if trainer.optimizer.steps or not trainer.resume(small.directory):
        fail("nothing was to be trained, and checkpoints can be read")
    return Counter(refused=refused + 2)


NEED_A_DISK = ("full_disk", "no_inodes", "training", "read_only_disk")
EXPERIMENTS: dict[str, Callable[[Path, int], Counter[str]]] = {
    each.__name__: each for each in (full_disk, no_inodes, size_limit, training, read_only_disk, closed_directory)
}


def main(place: str, stride: str, *names: str) -> None:
    """Print how often each kind of fault was met."""
    logging.getLogger("tinynn").addHandler(logging.NullHandler())
    found = Counter[str]()
    for name in names:
        directory = Path(place, name)
        directory.mkdir()
        found += EXPERIMENTS[name](directory, int(stride))
    print(json.dumps(found))


if __name__ == "__main__":
    plant_mistake()
    main(*sys.argv[1:])
