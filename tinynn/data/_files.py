"""What the readers of data files share: opening a file, gzipped or not; its checksum; its images.

The readers import this module when they are called, not before: gzip, hashlib and what they bring
along would add to the time of `import tinynn`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from tinynn import _arguments
from tinynn._arguments import shown
from tinynn.errors import DataError, DtypeError, ShapeError, TinynnError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase

    from numpy.typing import DTypeLike

    from tinynn._arrays import Array

GZIP_MAGIC = b"\x1f\x8b"
# zlib's manual ("Maximum Compression Factor"): one byte of deflate never stands for more than this many.
LARGEST_EXPANSION = 1032
IMAGE_DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.uint8))


@contextmanager
def open_unpacked(path: str | os.PathLike[str]) -> Iterator[tuple[BufferedIOBase, int]]:
    """The file's content as a stream, unzipped if it is gzipped, and an upper bound of its bytes.

    Content decides, not the file's name. Whatever goes wrong in the with-block while the file is read
    leaves it as a DataError that names the file.
    """
    path = _arguments.path("path", path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.peek(2)[:2] == GZIP_MAGIC:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    yield unzipped, size * LARGEST_EXPANSION
            else:
                yield file, size
    except TinynnError:
        raise
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: cannot read the file: {error}; check the path, or get the file anew") from error


def check_sha256(path: str | os.PathLike[str], expected: str, *content: bytes, remedy: str) -> None:
    """DataError unless the content's parts, one after the other, have this SHA-256."""
    if not isinstance(expected, str):
        raise DtypeError(f"sha256 must be a text of hexadecimal digits, got {shown(expected)}")
    digest = hashlib.sha256()
    for part in content:
        digest.update(part)
    if digest.hexdigest() != expected.lower():
        raise DataError(
            f"{os.fspath(path)}: expected SHA-256 {expected} of the unzipped content, "
            f"got {digest.hexdigest()}; {remedy}"
        )


def check_dtype(dtype: DTypeLike, white: int) -> None:
    """DtypeError unless images of pixels from 0 to `white` can be of this dtype."""
    try:
        # NumPy reads None as float64; here it would be a mistake.
        known = isinstance(dtype, (str, type, np.dtype)) and np.dtype(dtype) in IMAGE_DTYPES
    except TypeError:
        known = False
    if not known:
        raise DtypeError(
            f"dtype must be float32 or float64 (values from 0 to 1) or uint8 (0 to {white}), got {shown(dtype)}"
        )


def as_images(pixels: Array, white: int, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Bytes from 0 to `white` as images of `shape`: floats in [0, 1], or for uint8 the bytes themselves."""
    try:
        if min(shape) < -1:  # NumPy takes any such number for −1
            raise ValueError
        images = pixels.reshape(len(pixels), *shape)
    except (TypeError, ValueError, OverflowError):
        raise ShapeError(
            f"shape: expected the shape of one image of {pixels[0].size} pixels, such as "
            f"({pixels[0].size},), got {shown(shape)}"
        ) from None
    return images if np.dtype(dtype) == np.uint8 else np.divide(images, white, dtype=dtype)
