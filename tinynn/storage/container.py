"""A manifest and arrays in one file that NumPy can read, with a checksum over every byte.

The file is a zip: first `tinynn.json`, then a .npy file for each array, so that `np.load(path)["0.weight"]`
works. The zip's comment, the very end of the file, is the SHA-256 of all bytes before it. docs/format.md
tells the format to the byte.

Nothing that a file says is believed before it is checked: the checksum first, then every byte that is not
a number is compared with what this module would have written.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tinynn import _arguments
from tinynn.errors import CheckpointError, InvalidValueError, TinynnError
from tinynn.storage import npy, zipped
from tinynn.storage.atomic import replacing
from tinynn.storage.reader import DIGITS, MANIFEST, MARK, VERSION, Reader

if TYPE_CHECKING:
    from tinynn._arrays import Array


def write(path: str | os.PathLike[str], kind: str, manifest: Any, arrays: Mapping[str, Array]) -> None:
    """Write a file, whole or not at all; the same content gives the same bytes.

    Parameters: path; kind, "model" or "checkpoint"; manifest, what strict JSON can hold; arrays, by name.
    Raises: OSError if the disk is full, the directory read-only, …; DtypeError for an array of objects;
    InvalidValueError for a name that no zip file should have.
    """
    path = _arguments.path("path", path)
    text = json.dumps({"kind": kind, "version": VERSION, "content": manifest}, allow_nan=False, separators=(",", ":"))
    with replacing(path) as file:
        digest, start, entries = hashlib.sha256(), 0, []
        for name, pieces in _contents(text.encode("ascii"), arrays):
            crc = 0
            for piece in pieces:
                crc = zlib.crc32(piece, crc)
            entry = zipped.Entry(name, sum(map(len, pieces)), crc, start)
            for piece in (zipped.local_header(entry), *pieces):
                digest.update(piece)
                file.write(piece)
                start += len(piece)
            entries.append(entry)
        end = zipped.directory(entries, start, len(MARK) + DIGITS) + MARK
        digest.update(end)
        file.write(end + digest.hexdigest().encode("ascii"))


def _contents(manifest: bytes, arrays: Mapping[str, Array]) -> Iterator[tuple[bytes, list[Any]]]:
    """Each entry's name and its content in pieces; the arrays' own memory, not a copy."""
    yield MANIFEST, [manifest]
    for name, array in arrays.items():
        if not zipped.is_name(name):
            raise InvalidValueError(f"{name!r} cannot be the name of an array in a file; rename what it comes from")
        array = npy.contiguous(array, name)
        yield f"{name}.npy".encode(), [npy.header(array), npy.as_bytes(array).data]


def read(path: str | os.PathLike[str], kind: str) -> tuple[Any, dict[str, Array]]:
    """The manifest and the arrays of a file that `write` made; the arrays own their memory.

    Raises: CheckpointError that names the file and what is wrong with it; FileNotFoundError.
    """
    with faults_named(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError("expected a file, got a directory, a device or a pipe")
        with open(path, "rb") as file:
            reader = Reader(file)
            return reader.manifest(kind), reader.arrays()


@contextmanager
def faults_named(path: str | os.PathLike[str]) -> Iterator[None]:
    """What goes wrong inside because of a file's content leaves as a CheckpointError that names the file.

    Raises: DtypeError for what is no path, which is no fault of a file.
    """
    path = _arguments.path("path", path)
    try:
        yield
    except (TinynnError, ValueError, RecursionError) as error:
        message, owner = str(error), f"{path}: "
        if isinstance(error, CheckpointError) and message.startswith(owner):
            raise
        if not isinstance(error, CheckpointError):
            message = f"is damaged or made up: {message}"
        raise CheckpointError(owner + message) from error
