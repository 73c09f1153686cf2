"""Files of tinynn's format put together by hand, as docs/format.md tells it, with a checksum that fits.

Whatever a field is to be instead can be given: these are the files of somebody who knows the format and
means harm. Nothing here comes from tinynn.storage.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any


@dataclass
class Entry:
    """One entry of a zip file; None stands for what is right."""

    name: bytes
    content: bytes
    method: int = 0
    flags: int | None = None
    version: int = 45
    date: int = 33
    crc: int | None = None
    #: The size in the 64-bit fields, of both kinds, and what stands in the 32-bit fields.
    size: int | None = None
    packed_size: int | None = None
    short_size: int = 0xFFFFFFFF
    extra: bytes | None = None
    #: Bytes before the local header, after the content, and between header and content.
    gap: bytes = b""
    #: What the directory says instead.
    listed_name: bytes | None = None
    listed_offset: int | None = None
    listed_size: int | None = None
    listed: bool = True

    def common(self, name: bytes) -> bytes:
        flags = (0 if name.isascii() else 0x800) if self.flags is None else self.flags
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        return struct.pack("<5HL", self.version, flags, self.method, 0, self.date, crc)

    def sizes(self, instead: int | None = None) -> tuple[int, int]:
        size = len(self.content) if self.size is None else self.size
        size = size if instead is None else instead
        return size, size if self.packed_size is None else self.packed_size

    def local(self) -> bytes:
        extra = struct.pack("<2H2Q", 1, 16, *self.sizes()) if self.extra is None else self.extra
        short = struct.pack("<2L2H", self.short_size, self.short_size, len(self.name), len(extra))
        return self.gap + b"PK\3\4" + self.common(self.name) + short + self.name + extra

    def central(self, offset: int) -> bytes:
        name = self.name if self.listed_name is None else self.listed_name
        offset = offset if self.listed_offset is None else self.listed_offset
        extra = struct.pack("<2H3Q", 1, 24, *self.sizes(self.listed_size), offset)
        fixed = struct.pack("<2L5H2L", 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0, 0xFFFFFFFF)
        return b"PK\1\2" + struct.pack("<H", 45) + self.common(name) + fixed + name + extra


def sealed(body: bytes, mark: bytes = b"tinynn-sha256:") -> bytes:
    """A body with the mark and its checksum after it."""
    body += mark
    return body + hashlib.sha256(body).hexdigest().encode()


def file(*entries: Entry, before_directory: bytes = b"", count: int | None = None, start: int | None = None) -> bytes:
    """A whole file of these entries, with a checksum that fits."""
    body, records = b"", []
    for entry in entries:
        if entry.listed:
            records.append(entry.central(len(body) + len(entry.gap)))
        body += entry.local() + entry.content
    body += before_directory
    listed, count = b"".join(records), len(records) if count is None else count
    start, end = len(body) if start is None else start, len(body) + len(listed)
    body += listed
    body += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(listed), start)
    body += struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    body += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 14 + 64)
    return sealed(body)


def header(descr: str = "<f4", fortran: Any = False, shape: str = "()", text: str | None = None) -> bytes:
    """The header of a .npy file, version 1.0; `text` replaces all that it says."""
    if text is None:
        text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def array(
    name: str, numbers: bytes, descr: str = "<f4", fortran: Any = False, shape: str = "()", **other: Any
) -> Entry:
    """An entry with an array of these bytes."""
    return Entry(f"{name}.npy".encode(), header(descr, fortran, shape) + numbers, **other)


def manifest(content: Any = None, kind: Any = "model", version: Any = 1, **other: Any) -> Entry:
    """The first entry."""
    return raw_manifest(json.dumps({"kind": kind, "version": version, "content": content, **other}))


def raw_manifest(text: str | bytes, **other: Any) -> Entry:
    """The first entry with any text."""
    return Entry(b"tinynn.json", text.encode() if isinstance(text, str) else text, **other)
