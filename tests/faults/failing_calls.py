"""Each call of the C library that a save or a load makes fails once: EIO, a full disk, an interrupted call.

A small library stands between Python and the C library (shim.c, preloaded) and lets the n-th call fail, for
every n. The program in which that happens is this file.

    LD_PRELOAD=shim.so python tests/faults/failing_calls.py DIRECTORY
"""

from __future__ import annotations

import errno
import json
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faults.report import Rows, Say, fail, plant_mistake, scratch
from faults.shim import Shim, run_with_shim, why_not
from faults.small import KEEP, Small, litter

import tinynn as nn

ERRORS = (errno.EIO, errno.ENOSPC, errno.EINTR)
#: A checkpoint is on the disk before it gets its name, and its name before the oldest goes (see shim.c).
DURABLE = re.compile("o[^oS]*w[^oS]*s[^oSuw]*n.*S.*u")


def run(scale: float, say: Say) -> Rows:
    """Cheap: the same at every scale."""
    reason = why_not()
    if reason:
        return [("calls of the C library that failed", reason)]
    say("failing calls: under way")
    found = campaign()
    return [
        ("calls of the C library that failed in mid-save (EIO, ENOSPC, EINTR)", f"{found['saves']:,}"),
        ("calls that failed in mid-load", f"{found['loads']:,}"),
        ("reads and writes that came up short", f"{found['short']:,}"),
        ("earlier files damaged, files left behind, wrong loads", "0, 0, 0"),
        ("checkpoints forced to the disk before they got their name, and before the oldest went", "all"),
    ]


def campaign() -> Counter[str]:
    """How often each kind of fault was tried."""
    with scratch() as directory:
        return Counter(json.loads(run_with_shim(__file__, str(directory))))


def main(place: str) -> None:
    """All saves, then all loads."""
    logging.getLogger("tinynn").addHandler(logging.NullHandler())
    shim, tally = Shim(), Counter()
    directory = Path(place, "run")
    directory.mkdir()
    small = Small(directory)
    for attempt in (save_checkpoint, save_new, save_model, save_by_callback, log):
        check_save(small, attempt, shim, tally)
    check_load(small, shim, tally)
    print(json.dumps(tally))


# ---- saving -----------------------------------------------------------------------------------------
def check_save(small: Small, attempt: Callable[[Small], Attempt], shim: Shim, tally: Counter[str]) -> None:
    """One way to save, with each of its calls failing in turn, and with short writes."""

    def once(nth: int = 0, error: int = 0, most: int = 0) -> str:
        small.change()
        one, before = attempt(small), small.files()
        calls, raised = shim.call(one.save, nth, error, most)
        hit = calls[nth - 1 : nth] if nth else ""
        what = f"{attempt.__name__}: call {nth} of {calls}, {errno.errorcode.get(error, 'short')}"
        # A part that cannot be removed is all that may be left behind, until the next one comes.
        parts = litter(small.directory)
        if parts and hit != "u":
            fail(f"{what} left {parts}")
        for part in parts:
            small.directory.joinpath(part).unlink()
        one.check(before, raised, error, what)
        tally["saves"] += len(hit)
        tally["short"] += calls.count("w") if most else 0
        return calls

    once()
    calls = once()
    if attempt is save_by_callback and not DURABLE.search(calls):
        fail(f"not durable: {calls}")
    for error in ERRORS:
        nth = 1
        while len(once(nth, error)) >= nth:
            nth += 1
        once()
    for most in (13, 1000):
        once(most=most)


@dataclass
class Attempt:
    """A way to save, and the check of what it did: check(files before, error raised, errno, description)."""

    save: Callable[[], object]
    check: Callable[[dict[str, bytes], object, int, str], None]


def save_checkpoint(small: Small) -> Attempt:
    return replacing(small, small.checkpoint, small.trainer.save_checkpoint, small.check_checkpoint)


def save_new(small: Small) -> Attempt:
    path = small.directory / "new.npz"
    path.unlink(missing_ok=True)
    return replacing(small, path, small.trainer.save_checkpoint, small.check_checkpoint)


def save_model(small: Small) -> Attempt:
    return replacing(small, small.model, lambda path: nn.save(small.trainer.model, path), small.check_model)


def replacing(small: Small, path: Path, save: Callable[..., object], holds: Callable[[Path, str], None]) -> Attempt:
    """Either the error comes and nothing has changed, or the file holds what was to be saved."""

    def check(before: dict[str, bytes], raised: object, error: int, what: str) -> None:
        after = small.files()
        if raised is None:
            holds(path, what)
            after.pop(path.name), before.pop(path.name, None)
        elif raised.errno != error:
            fail(f"{what} raised {raised!r}")
        if before != after:
            fail(f"{what}: other files than before")

    return Attempt(lambda: save(path), check)


def save_by_callback(small: Small) -> Attempt:
    """Nothing is raised; the newest one holds the present state or is the one of before; enough are kept."""

    def check(before: dict[str, bytes], raised: object, error: int, what: str) -> None:
        after = small.files()
        if raised is not None:
            fail(f"{what} raised {raised!r}")
        *_, last = numbered(after)
        if last not in before:
            small.check_checkpoint(small.directory / last, what)
        kept = {name: data for name, data in before.items() if name in after}
        if kept != {name: data for name, data in after.items() if name != last or last in before}:
            fail(f"{what}: earlier ones were changed")
        if not {"checkpoint.npz", "model.npz"} <= set(kept) or len(numbered(after)) < KEEP:
            fail(f"{what}: too few are left, {list(after)}")

    return Attempt(lambda: small.callback.on_epoch_end(small.trainer, small.trainer.history[-1]), check)


def log(small: Small) -> Attempt:
    """Nothing is raised; the table is that of now or of before."""
    small.trainer.history.append(dict(small.trainer.history[-1]))

    def check(before: dict[str, bytes], raised: object, error: int, what: str) -> None:
        after, now = small.files(), small.trainer.history.to_csv().encode()
        table = after.pop(small.logger.path.name)
        before = dict(before)
        possible = [now, before.pop(small.logger.path.name)] if error or "short" in what else [now]
        if raised is not None or before != after or table not in possible:
            fail(f"{what}: raised {raised!r}, or the table is {table!r:.100}")

    return Attempt(lambda: small.logger.on_epoch_end(small.trainer, small.trainer.history[-1]), check)


# ---- loading ----------------------------------------------------------------------------------------
def check_load(small: Small, shim: Shim, tally: Counter[str]) -> None:
    """Each way to load: an OSError and nothing changed, or all that is in the file."""
    small.save_all()
    small.callback.on_epoch_end(small.trainer, small.trainer.history[-1])

    def attempt(name: str, nth: int = 0, error: int = 0, most: int = 0) -> str:
        trainer = small.fresh()
        untouched = trainer.optimizer.vector.value.tobytes()
        load = {
            "checkpoint": lambda: trainer.load_checkpoint(small.checkpoint),
            "model": lambda: nn.load(small.model),
            "resume": lambda: trainer.resume(small.directory),
        }[name]
        calls, result = shim.call(load, nth, error, most)
        what = f"{name}: call {nth} of {calls}, {errno.errorcode.get(error, 'short')}"
        if isinstance(result, OSError):
            if result.errno != error or trainer.optimizer.vector.value.tobytes() != untouched:
                fail(f"{what}: raised {result!r}, or the trainer was changed")
        else:
            check_equal(small, result if name == "model" else trainer.model, what)
        tally["loads"] += 0 < nth <= len(calls)
        tally["short"] += calls.count("r") if most else 0
        return calls

    for name in ("checkpoint", "model", "resume"):
        for error in ERRORS:
            nth = 1
            while len(attempt(name, nth, error)) >= nth:
                nth += 1
        for most in (13, 1000):
            attempt(name, most=most)


def check_equal(small: Small, model: nn.Layer, what: str) -> None:
    """The model is the small run's."""
    if not isinstance(model, nn.Layer):
        fail(f"{what}: ended with {model!r}")
    for name, value in small.trainer.model.state_dict().items():
        if value.tobytes() != model.state_dict()[name].tobytes():
            fail(f"{what}: {name} differs")


def numbered(names: object) -> list[str]:
    """The numbered checkpoints among file names, the oldest first."""
    return sorted(name for name in names if re.fullmatch(r"checkpoint-\d+\.npz", name))


if __name__ == "__main__":
    plant_mistake()
    main(*sys.argv[1:])
