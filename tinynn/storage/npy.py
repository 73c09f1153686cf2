"""Arrays as the .npy format has them, version 1.0: a header in plain text, then the numbers.

The header is read by a pattern and a table of dtypes, never evaluated, and only the very bytes that
`header` writes are accepted.

Source: NumPy's numpy.lib.format.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from tinynn.errors import CheckpointError, DtypeError

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype

MAGIC = b"\x93NUMPY\x01\x00"
#: Bytes up to the header's text: the magic and the text's length.
START = len(MAGIC) + 2
#: Every dtype that a file can hold, by its name in the header; the bytes are little-endian.
DTYPES: dict[str, Dtype] = {
    name: np.dtype(name)
    for name in ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
}
_HEADER = re.compile(
    r"\{'descr': '(.{3})', 'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,19}, )*(?:[0-9]{1,19},?)?)\), \} *\n"
)
_MOST_AXES = 64
_MOST_BYTES = 2**63 - 1


def dtype_name(dtype: Dtype, owner: str) -> str:
    """A dtype's name in a file, or a DtypeError that names whose it is.

    >>> dtype_name(np.dtype(np.float32), "weight")
    '<f4'
    """
    name = dtype.newbyteorder("<").str
    if name not in DTYPES:
        raise DtypeError(f"{owner}: cannot store dtype {dtype}; bool, integers and floats of up to 64 bits can be")
    return name


def contiguous(array: Array, owner: str) -> Array:
    """The array as it is stored: little-endian, in C or Fortran order; itself wherever it can be."""
    dtype = DTYPES[dtype_name(array.dtype, owner)]
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.array(array, order="C")
    return array.astype(dtype, copy=False)


def as_bytes(array: Array) -> Array:
    """A contiguous array's memory, as it lies, as a 1-D array of bytes that shares it."""
    return array.reshape(-1, order="A").view(np.uint8)


def header(array: Array) -> bytes:
    """What stands before the bytes of an array that `contiguous` made.

    >>> header(np.zeros((2, 3), np.float32))[10:].rstrip()
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    """
    name, fortran = array.dtype.newbyteorder("<").str, not array.flags.c_contiguous
    text = f"{{'descr': '{name}', 'fortran_order': {fortran}, 'shape': {array.shape}, }}"
    # The numbers begin at a multiple of 64 bytes.
    text += " " * (-(START + len(text) + 1) % 64) + "\n"
    return MAGIC + struct.pack("<H", len(text)) + text.encode("ascii")


def header_length(start: bytes) -> int:
    """How many bytes of header follow the first START, if these are a header's."""
    return int.from_bytes(start[len(MAGIC) :], "little")


def empty(whole_header: bytes, size: int, owner: str) -> Array:
    """An uninitialised array as a header tells, its `size` bytes checked before a single one is allocated.

    Raises: CheckpointError for any header that `header` does not write.
    """
    match = _HEADER.fullmatch(whole_header[START:].decode("latin-1"))
    if match is None or match[1] not in DTYPES:
        raise CheckpointError(f"{owner} has a header that tinynn does not write (objects and text are never stored)")
    dtype, shape = DTYPES[match[1]], tuple(map(int, match[3].replace(",", " ").split()))
    # NumPy multiplies all lengths but the zeros, to number the bytes.
    if len(shape) > _MOST_AXES or math.prod(n or 1 for n in shape) * dtype.itemsize > _MOST_BYTES:
        raise CheckpointError(f"{owner} has a shape that no array can have: {match[3][:80]}")
    if math.prod(shape) * dtype.itemsize != size:
        raise CheckpointError(
            f"{owner} has {size} bytes of numbers, its shape {shape} and dtype {dtype} need another count"
        )
    array: Array = np.empty(shape, dtype, order="F" if match[2] == "True" else "C")
    if header(array) != whole_header:
        raise CheckpointError(f"{owner} has a header that tinynn does not write")
    return array
