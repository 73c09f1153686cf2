"""An IDX writer for the tests, written from the format's description and not from the reader."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes("C")


def write_idx(path: Path, array: np.ndarray, *, zipped: bool = False) -> Path:
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path
