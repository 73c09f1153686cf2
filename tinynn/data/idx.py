"""IDX, the file format of MNIST: a short header, then one array, big-endian, in C order.

The header is two zero bytes, one byte for the element's type, one for the number of dimensions, and
each dimension as a 32-bit number. Nothing in a header is believed before the file's size bears it out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DataError

if TYPE_CHECKING:
    import os
    from io import BufferedIOBase

    from tinynn._arrays import Array

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MOST_DIMENSIONS = 64  # NumPy's own limit; the format could name 255
SHA256_REMEDY = "get the file anew, or, if it is another data set on purpose, skip the check (verify=False)"


def read_idx(path: str | os.PathLike[str], *, sha256: str | None = None) -> Array:
    """The array of an IDX file, gzipped or not, in the machine's own byte order.

    Parameters: path; sha256 (hexadecimal), what the unzipped file must hash to, or None.
    Shapes: as the file's header says; dtype uint8, int8, int16, int32, float32 or float64.
    Raises: DataError if the file is missing, truncated, longer than its header says, damaged, of another
    format, empty or of another SHA-256. Memory is bounded by the file's own size whatever its header says.
    Source: Y. LeCun, C. Cortes & C. Burges, "The MNIST database of handwritten digits", on the format.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "numbers.idx")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(bytes([0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 7, 255, 255]))
    >>> read_idx(path)
    array([ 7, -1], dtype=int16)
    """
    from tinynn.data import _files

    with _files.open_unpacked(path) as (stream, capacity):
        header, dtype, shape = _read_header(stream, path)
        size = math.prod(shape) * dtype.itemsize
        declared = f"{path}: its header declares {' × '.join(map(str, shape))} elements of {dtype.name}"
        if size > capacity:
            raise DataError(f"{declared}, {size} bytes, more than the file can hold; get the file anew")
        # One byte more than declared: it tells an oversized file, and runs into gzip's own checksum.
        body = stream.read(size + 1)
    if len(body) < size:
        raise DataError(f"{declared}, {size} bytes, but only {len(body)} follow; get the file anew")
    if len(body) > size:
        raise DataError(f"{declared}, {size} bytes, but more bytes follow; it is damaged or no IDX file")
    if sha256 is not None:
        _files.check_sha256(path, sha256, header, body, remedy=SHA256_REMEDY)
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _read_header(stream: BufferedIOBase, path: str | os.PathLike[str]) -> tuple[bytes, np.dtype[Any], tuple[int, ...]]:
    """The header's own bytes and what they say: the elements' type and the array's shape."""
    magic = stream.read(4)
    if len(magic) < 4:
        raise DataError(f"{path}: expected an IDX file, got only {len(magic)} bytes; get the file anew")
    if magic[:2] != b"\0\0":
        raise DataError(f"{path}: an IDX file starts with two zero bytes, this one with {magic[:2]!r}")
    code, dimensions = magic[2], magic[3]
    if code not in DTYPES:
        known = ", ".join(f"0x{known:02X}" for known in DTYPES)
        raise DataError(f"{path}: unknown IDX element type 0x{code:02X}, expected one of {known}")
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise DataError(f"{path}: expected 1 to {MOST_DIMENSIONS} dimensions, its header says {dimensions}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path}: the file ends within its header of {dimensions} dimensions; get the file anew")
    shape: tuple[int, ...] = tuple(np.frombuffer(sizes, ">u4").tolist())
    if 0 in shape:
        raise DataError(f"{path}: the IDX file is empty, its header declares shape {shape}")
    return magic + sizes, DTYPES[code], shape
