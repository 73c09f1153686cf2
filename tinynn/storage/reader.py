"""Reads what container.py writes, believing nothing.

The checksum comes first. Then the file is walked from its first byte to its last: a size is believed once
it fits into what is left of the file, and every byte that is neither a number nor JSON is compared with
the one that tinynn would have written. So no two entries overlap, and nothing is allocated that the file
does not fill.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tinynn.errors import CheckpointError
from tinynn.storage import npy, zipped

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: The format that is written; formats from 1 up to this one are read.
VERSION = 1
MANIFEST = b"tinynn.json"
#: What stands before the checksum's digits, with which every file ends.
MARK = b"tinynn-sha256:"
DIGITS = 64
_KINDS = ("model", "checkpoint")
_CHUNK = 1 << 20
_FOREIGN = "holds what tinynn does not write:"
#: How every file begins, but for the CRC of the manifest (bytes 14 to 17).
_START = zipped.local_header(zipped.Entry(MANIFEST, 0, 0, 0))[: zipped.FIXED + len(MANIFEST)]


class Reader:
    """One pass over an open file whose checksum is right: first `manifest`, then `arrays`.

    Parameters: file, opened for reading in binary mode, at its start.
    Raises: CheckpointError, as all of its methods do; json's and str's ValueError and RecursionError too.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = _checked_end(file)
        self._entries: list[zipped.Entry] = []
        self._place = 0

    def manifest(self, kind: str) -> Any:
        """What was given to `write` as the manifest of a file of this kind."""
        entry = self._next_entry()
        if entry.name != MANIFEST:
            raise CheckpointError(f"{_FOREIGN} the first entry is not {MANIFEST.decode()}")
        text = self._take(entry.size)
        self._check_crc(entry, zlib.crc32(text))
        manifest = _parsed(text)
        version = manifest.get("version") if isinstance(manifest, dict) else None
        if type(version) is not int or version < 1:
            raise CheckpointError(f"{_FOREIGN} a manifest without a format version")
        if version > VERSION:
            raise CheckpointError(
                f"was written in format {str(version)[:20]}, this tinynn reads formats up to {VERSION}: update tinynn"
            )
        if manifest.keys() != {"version", "kind", "content"} or manifest["kind"] not in _KINDS:
            raise CheckpointError(f"{_FOREIGN} a manifest with other keys, or of an unknown kind")
        if manifest["kind"] != kind:
            raise CheckpointError(f"is a {manifest['kind']}, not a {kind}")
        return manifest["content"]

    def arrays(self) -> dict[str, Array]:
        """The arrays by name; what follows them is checked as well."""
        found: dict[str, Array] = {}
        while self._file.read(4) == zipped.LOCAL:
            self._file.seek(self._place)
            entry = self._next_entry()
            name, end = entry.name[:-4].decode("utf-8"), entry.name[-4:]
            if end != b".npy" or name in found or not zipped.is_name(name):
                raise CheckpointError(f"{_FOREIGN} an entry named {name!r:.80}, or two of one name")
            found[name] = self._array(entry, name)
        self._file.seek(self._place)
        expected = zipped.directory(self._entries, self._place, DIGITS + len(MARK)) + MARK
        if self._take(self._end - self._place) != expected:
            raise CheckpointError(f"{_FOREIGN} other bytes after the last entry")
        return found

    def _next_entry(self) -> zipped.Entry:
        """The entry that begins here; the file then stands at its content, which lies within the file."""
        start = self._place
        fixed = self._take(zipped.FIXED)
        fields = zipped.fields(fixed)
        name, extra = self._take(fields.name_length), self._take(zipped.EXTRA)
        entry = zipped.Entry(name, int.from_bytes(extra[4:12], "little"), fields.crc, start)
        if fixed + name + extra != zipped.local_header(entry):
            kind = "compressed" if fields.method else "encrypted" if fields.flags & 1 else "described in another way"
            raise CheckpointError(f"{_FOREIGN} the entry at byte {start} is {kind}")
        self._check_left(entry.size)
        self._entries.append(entry)
        return entry

    def _array(self, entry: zipped.Entry, name: str) -> Array:
        owner = f"{_FOREIGN} {name!r:.80}"
        header = self._take(min(npy.START, entry.size))
        header += self._take(min(npy.header_length(header), entry.size - len(header)))
        array = npy.empty(header, entry.size - len(header), owner)
        memory = npy.as_bytes(array)
        if self._file.readinto(memory.data) != memory.size:  # type: ignore[attr-defined]
            raise CheckpointError("was changed while it was read")
        self._place += memory.size
        self._check_crc(entry, zlib.crc32(memory.data, zlib.crc32(header)))
        if array.dtype == np.bool_ and memory.max(initial=0) > 1:
            raise CheckpointError(f"{owner} has truth values other than 0 and 1")
        return array

    def _take(self, size: int) -> bytes:
        self._check_left(size)
        data = self._file.read(size)
        if len(data) != size:
            raise CheckpointError("was changed while it was read")
        self._place += size
        return data

    def _check_left(self, size: int) -> None:
        if size > self._end - self._place:
            raise CheckpointError(f"{_FOREIGN} at byte {self._place} it claims {size} bytes, more than are left")

    def _check_crc(self, entry: zipped.Entry, crc: int) -> None:
        if crc != entry.crc:
            raise CheckpointError(f"{_FOREIGN} the entry at byte {entry.start} has another CRC-32 than its content")


def _checked_end(file: BinaryIO) -> int:
    """Where the checksum's digits begin; they fit all that stands before them. The file is at its start again."""
    head = file.read(len(_START))
    end = file.seek(0, os.SEEK_END) - DIGITS
    file.seek(max(0, end - len(MARK)))
    marked = file.read(len(MARK)) == MARK
    if not head:
        raise CheckpointError("is empty")
    if not marked and not (_START.startswith(head[:4]) and _START[26:].startswith(head[26:])):
        raise CheckpointError("is no file of tinynn (one that np.savez wrote?)")
    digits, digest = file.read(DIGITS), hashlib.sha256()
    file.seek(0)
    for start in range(0, max(0, end), _CHUNK):
        digest.update(file.read(min(_CHUNK, end - start)))
    if not marked or digits != digest.hexdigest().encode("ascii"):
        raise CheckpointError("is cut off or damaged: its checksum does not match; take an earlier file")
    file.seek(0)
    return end


def _parsed(text: bytes) -> Any:
    """Strict JSON: ASCII, no NaN, no infinite number, no key twice."""
    return json.loads(
        text.decode("ascii"), parse_constant=_finite, parse_float=_finite, object_pairs_hook=_without_doubles
    )


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise CheckpointError(f"{_FOREIGN} a number that is not finite")
    return number


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise CheckpointError(f"{_FOREIGN} one key twice")
    return result
