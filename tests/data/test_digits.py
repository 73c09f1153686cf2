"""load_digits: the 8 × 8 digits inside the package."""

from __future__ import annotations

import bz2
import hashlib

import numpy as np
import pytest

from tinynn.data import digits, load_digits
from tinynn.errors import DataError, DtypeError, ShapeError

# The first image as the UCI file has it: a zero.
FIRST = """0 0 5 13 9 1 0 0
0 0 13 15 10 15 5 0
0 3 15 2 0 11 8 0
0 4 12 0 0 8 8 0
0 5 8 0 0 9 8 0
0 4 11 0 1 12 7 0
0 2 14 5 10 12 0 0
0 0 6 13 10 0 0 0"""


def test_the_data_set():
    x, y = load_digits()
    assert x.shape == (1797, 64)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)
    assert y.shape == (1797,)
    assert y.dtype == np.int64
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert y[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert y[-3:].tolist() == [8, 9, 8]
    first = np.array([row.split() for row in FIRST.splitlines()], np.float32)
    np.testing.assert_array_equal(x[0], first.ravel() / 16)


def test_forms():
    raw, _ = load_digits(dtype=np.uint8)
    assert raw.dtype == np.uint8
    assert raw.max() == 16
    images, _ = load_digits(dtype=np.float64, shape=(1, 8, 8))
    assert images.dtype == np.float64
    np.testing.assert_array_equal(images, raw.reshape(1797, 1, 8, 8) / 16)
    with pytest.raises(ShapeError, match="64 pixels"):
        load_digits(shape=(8, 9))
    with pytest.raises(DtypeError, match="0 to 16"):
        load_digits(dtype=np.int32)


def test_what_it_returns_belongs_to_the_caller():
    x, y = load_digits()
    x[...] = 7
    y[...] = 7
    again, labels = load_digits()
    assert again.max() == 1
    assert labels[0] == 0


def test_a_damaged_or_missing_file(monkeypatch, tmp_path):
    monkeypatch.setattr(digits, "__file__", str(tmp_path / "digits.py"))
    with pytest.raises(DataError, match=r"digits\.bz2: .*reinstall tinynn-numpy"):
        load_digits()
    (tmp_path / "digits.bz2").write_bytes(bz2.compress(b"1,2,3\n"))
    with pytest.raises(DataError, match="SHA-256 467ab578.*reinstall tinynn-numpy"):
        load_digits()


@pytest.mark.parametrize("content", [b"", b"BZh9", bz2.compress(b"1,2,3")[:-4], b"1,2,3"])
def test_what_is_no_whole_bz2_file(monkeypatch, tmp_path, content):
    monkeypatch.setattr(digits, "__file__", str(tmp_path / "digits.py"))
    (tmp_path / "digits.bz2").write_bytes(content)
    with pytest.raises(DataError, match=r"digits\.bz2: .*reinstall tinynn-numpy"):
        load_digits()


def test_every_image_and_label_is_the_one_of_the_source():
    """SHA-256 of the UCI table, 65 numbers a line, as it was before it was packed."""
    x, y = load_digits(dtype=np.uint8)
    lines = ("".join(f"{value}," for value in row) + f"{label}\n" for row, label in zip(x, y, strict=True))
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest == "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
