"""Damaged variants of a file's bytes: what disks, cables and people do to files.

Each variant comes with what was done to it, and never equals the original.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

DIGITS = 64


class Variant(NamedTuple):
    """Bytes, and what was done to them."""

    what: str
    data: bytes

    def __str__(self) -> str:
        return self.what


def resealed(data: bytes) -> bytes:
    """The same with a checksum that fits: damage that somebody wanted to go unnoticed."""
    body = data[:-DIGITS]
    return body + hashlib.sha256(body).hexdigest().encode()


def flips(data: bytes) -> Iterator[Variant]:
    """Every single bit the other way round: 8 variants a byte."""
    for k in range(len(data)):
        for bit in range(8):
            yield Variant(f"bit {bit} of byte {k} flipped", _replaced(data, k, bytes([data[k] ^ 1 << bit])))


def cuts(data: bytes) -> Iterator[Variant]:
    """Every shorter beginning, the empty one too, and every shorter end."""
    for k in range(len(data)):
        yield Variant(f"cut after {k} bytes", data[:k])
    for k in range(1, len(data)):
        yield Variant(f"without the first {k} bytes", data[k:])


def variants(data: bytes, rng: np.random.Generator, count: int, seal: bool = False) -> Iterator[Variant]:
    """`count` random variants of all kinds in turn; with `seal`, every other one has a checksum that fits."""
    made = 0
    while made < count:
        damage = KINDS[made % len(KINDS)]
        what, changed = damage(data, rng)
        if seal and made // len(KINDS) % 2:
            what, changed = f"{what}, sealed anew", resealed(changed)
        if changed != data:  # two equal stretches swapped, say
            made += 1
            yield Variant(what, changed)


def _replaced(data: bytes, start: int, stretch: bytes) -> bytes:
    return data[:start] + stretch + data[start + len(stretch) :]


def _stretch(data: bytes, rng: np.random.Generator) -> tuple[int, int]:
    """(start, stop) of a stretch: short ones as likely as long ones."""
    length = min(len(data), int(2 ** rng.uniform(0, np.log2(len(data) + 1))))
    start = int(rng.integers(0, len(data) - length + 1))
    return start, start + max(1, length)


def _some_flips(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    count = int(rng.integers(1, 9))
    changed = bytearray(data)
    for k in rng.integers(0, len(data), count):
        changed[k] ^= 1 << int(rng.integers(0, 8))
    return f"{count} bits flipped", bytes(changed)


def _random_bytes(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    return f"bytes {start} to {stop} random", _replaced(data, start, rng.bytes(stop - start))


def _zeroed(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    return f"bytes {start} to {stop} zero", _replaced(data, start, bytes(stop - start))


def _filled(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    return f"bytes {start} to {stop} 0xff", _replaced(data, start, b"\xff" * (stop - start))


def _removed(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    return f"bytes {start} to {stop} removed", data[:start] + data[stop:]


def _repeated(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    return f"bytes {start} to {stop} twice", data[:stop] + data[start:stop] + data[stop:]


def _copied(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    to = int(rng.integers(0, len(data) - (stop - start) + 1))
    return f"bytes {start} to {stop} over byte {to}", _replaced(data, to, data[start:stop])


def _swapped(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    a, b, c, d = sorted(int(k) for k in rng.integers(0, len(data) + 1, 4))
    return f"bytes {a} to {b} and {c} to {d} swapped", data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _inserted(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    start, stop = _stretch(data, rng)
    return f"{stop - start} random bytes inserted at {start}", data[:start] + rng.bytes(stop - start) + data[start:]


def _extended(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    count = int(rng.integers(1, 200))
    return f"{count} bytes more", data + (rng.bytes(count) if rng.random() < 0.5 else bytes(count))


def _cut(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    stop = int(rng.integers(0, len(data)))
    return f"cut after {stop} bytes", data[:stop]


def _other_number(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """A field of 2, 4 or 8 bytes set to a number that is special to programs."""
    size = int(rng.choice([2, 4, 8]))
    start = int(rng.integers(0, len(data) - size + 1))
    value = [0, 1, 2**15, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1][rng.integers(0, 6)]
    stretch = (value % 2 ** (8 * size)).to_bytes(size, "little")
    return f"{value} as the {size} bytes from {start}", _replaced(data, start, stretch)


def _other_digit(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """A decimal digit in a piece of text changed: a shape, a version, a width."""
    places = [k for k, byte in enumerate(data) if chr(byte).isdigit()]
    k = int(rng.choice(places)) if places else 0
    digit = str(rng.integers(0, 10)).encode()
    return f"digit {digit.decode()} at byte {k}", _replaced(data, k, digit)


#: What `variants` does in turn.
KINDS: list[Callable[[bytes, np.random.Generator], tuple[str, bytes]]] = [
    _some_flips,
    _random_bytes,
    _zeroed,
    _filled,
    _removed,
    _repeated,
    _copied,
    _swapped,
    _inserted,
    _extended,
    _cut,
    _other_number,
    _other_digit,
]
