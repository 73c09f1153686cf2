"""Files that are replaced whole or not at all.

A new version is written under another name beside the old one, forced to the disk, and then renamed over
it, which the file system does in one step. So a full disk, an error or a kill in the middle leaves the
old version as it was.

What a killed process leaves behind is such a part, `.<name>.<random>.part`. A living writer holds a lock
on its part, so a part that can be locked is nobody's, and the next writer of that file removes it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

try:
    import fcntl
except ImportError:  # a system without these locks: parts of killed processes stay there
    fcntl = None  # type: ignore[assignment]

_PART = re.compile(r"\.(.+)\.[0-9a-f]{12}\.part", re.DOTALL)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write and read that takes the place of `path` once the with-block has ended well.

    Until then, and if anything goes wrong, `path` is what it was before. A symbolic link is followed.

    Raises: OSError as it came, with the path and a note that the earlier file is untouched.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "result.txt")
    >>> with replacing(path) as file:
    ...     file.write(b"whole")
    5
    >>> path.read_bytes(), len(list(path.parent.iterdir()))
    (b'whole', 1)
    """
    target, part = Path(os.path.realpath(path)), None
    try:
        _check(target)
        sweep(target.parent, target.name)
        while True:
            part = target.with_name(f".{target.name}.{os.urandom(6).hex()}.part")
            file = cast(BinaryIO, open(part, "x+b"))  # noqa: SIM115 (closed below, whatever closing says)
            try:
                if not _locked(file, part):
                    continue
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is None:
                    file.close()  # Windows renames no open file
                os.replace(part, target)
                break
            finally:
                _discard(part, file)
    except OSError as error:
        # What the system says of the part concerns the file; and of a full disk it names no file at all.
        if error.errno is not None and error.filename in (None, str(part)) and error.filename2 is None:
            error.filename = str(path)
        error.add_note(f"{path} was not written; what was there before is untouched")
        raise
    _sync_directory(target.parent)


def sweep(directory: str | os.PathLike[str], name: str | None = None) -> None:
    """Remove the parts that killed processes left in a directory; with `name`, those of that file alone.

    Parts that a living process writes stay, in whatever process it runs.

    >>> sweep("no such directory")
    """
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            match = _PART.fullmatch(entry.name)
            if match and name in (None, match[1]) and entry.is_file(follow_symlinks=False):
                _remove_if_nobody_s(entry.path)


def _remove_if_nobody_s(part: str) -> None:
    with suppress(OSError), open(part, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(part)


def _locked(file: BinaryIO, part: Path) -> bool:
    """Lock a new part; False if somebody who swept was faster and has removed it."""
    if fcntl is not None:
        # Where the file system has no locks, nobody who sweeps can take one either.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
    return part.exists()


def _discard(part: Path, file: BinaryIO) -> None:
    """Remove a part, if it is there still; what goes wrong now must not hide what went wrong before."""
    # Closing writes what is in the buffer, which fails again on a full disk, but it does close.
    with suppress(OSError):
        file.close()
    with suppress(OSError):
        part.unlink()


def _check(target: Path) -> None:
    """OSError for a target that renaming would destroy or that cannot be there."""
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise OSError(errno.EINVAL, "expected a regular file, got a device, a pipe or a socket", str(target))


def _sync_directory(directory: Path) -> None:
    """Make the new name durable, too, on systems where a directory can be forced to the disk."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
