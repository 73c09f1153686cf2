"""The bytes around the entries of a zip file, in the one form that tinynn writes and reads.

Entries are stored, never compressed, and follow one another without a gap; all sizes stand in the 64-bit
fields; date, attributes and all else that could vary are constant. So names, sizes and checksums
determine every byte, and a reader can compare instead of interpreting.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.14 to 4.5.3.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import NamedTuple

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
_VERSION, _UTF8, _STORED, _TIME, _DATE = 45, 0x800, 0, 0, 33  # 1980-01-01, 00:00
_IN_64_BITS, _IN_64_BITS_SHORT = 0xFFFFFFFF, 0xFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
#: Bytes of a local header without the name: the fixed part and the extra field with the sizes.
FIXED, EXTRA = _LOCAL.size, 20
#: No absolute path, no way up, nothing that a file system would trip over.
_NAME = re.compile(r"(?![/~])(?!(?:.*/)?\.\.?(?:/|$))[^\\:]+")


class Entry(NamedTuple):
    """A name, the content's number of bytes and its CRC-32, and where the entry begins."""

    name: bytes
    size: int
    crc: int
    start: int


def is_name(name: str) -> bool:
    """Whether an array's name is harmless, wherever somebody may unpack the file.

    >>> is_name("0.weight"), is_name("../weight"), is_name("")
    (True, False, False)
    """
    return len(name) <= 1000 and name.isprintable() and _NAME.fullmatch(name) is not None


def local_header(entry: Entry) -> bytes:
    """What stands before an entry's content."""
    name, size, crc, _ = entry
    return (
        _LOCAL.pack(LOCAL, *_common(name), crc, _IN_64_BITS, _IN_64_BITS, len(name), EXTRA)
        + name
        + struct.pack("<2H2Q", 1, EXTRA - 4, size, size)
    )


def _common(name: bytes) -> tuple[int, ...]:
    return _VERSION, 0 if name.isascii() else _UTF8, _STORED, _TIME, _DATE


class Fields(NamedTuple):
    """What a reader takes from the fixed part of a local header; the rest it compares."""

    flags: int
    method: int
    crc: int
    name_length: int


def fields(fixed: bytes) -> Fields:
    """The fields of the fixed part of a local header."""
    _, _, flags, method, _, _, crc, _, _, name_length, _ = _LOCAL.unpack(fixed)
    return Fields(flags, method, crc, name_length)


def directory(entries: Sequence[Entry], start: int, comment_size: int) -> bytes:
    """What stands after the last entry, from byte `start` of the file up to the comment."""
    records = [
        _CENTRAL.pack(
            *(CENTRAL, _VERSION, *_common(name), crc, _IN_64_BITS, _IN_64_BITS, len(name)),
            *(EXTRA + 8, 0, 0, 0, 0, _IN_64_BITS),
        )
        + name
        + struct.pack("<2H3Q", 1, EXTRA + 4, size, size, offset)
        for name, size, crc, offset in entries
    ]
    count, size = len(entries), sum(map(len, records))
    return b"".join(
        [
            *records,
            struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, _VERSION, _VERSION, 0, 0, count, count, size, start),
            struct.pack("<4sLQL", b"PK\x06\x07", 0, start + size, 1),
            struct.pack(
                "<4s4H2LH",
                *(b"PK\x05\x06", 0, 0, _IN_64_BITS_SHORT, _IN_64_BITS_SHORT, _IN_64_BITS, _IN_64_BITS, comment_size),
            ),
        ]
    )
