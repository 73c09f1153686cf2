"""read_idx: round trips of every type, and every kind of damage."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from idx_files import CODES, idx_bytes, write_idx

from tinynn.data import read_idx
from tinynn.errors import DataError

arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=1, max_dims=5, max_side=4))
)


def read(content: bytes, **options: str) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "some.idx")
        path.write_bytes(content)
        return read_idx(path, **options)


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.dtype.isnative
    assert actual.shape == expected.shape
    assert actual.tobytes() == expected.tobytes()  # bit for bit, NaN included


def test_a_file_written_byte_by_byte():
    content = bytes([0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes([0, 1, 0, 2, 0, 3, 1, 0, 0xFF, 0xFF, 0x80, 0])
    assert_same(read(content), np.array([[1, 2, 3], [256, -1, -32768]], np.int16))


@given(arrays, st.booleans())
def test_round_trip(array, zipped):
    content = idx_bytes(array)
    result = read(gzip.compress(content) if zipped else content)
    assert_same(result, array)
    result[...] = 0  # it belongs to the caller, who may write into it


def test_content_and_not_the_name_tells_gzip(tmp_path):
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert_same(read_idx(write_idx(tmp_path / "plain.gz", array)), array)
    assert_same(read_idx(str(write_idx(tmp_path / "zipped.idx", array, zipped=True))), array)


def test_gzip_in_several_members():
    content = idx_bytes(np.arange(100, dtype=np.uint8))
    assert_same(read(gzip.compress(content[:7]) + gzip.compress(content[7:])), np.arange(100, dtype=np.uint8))


def test_the_best_possible_compression_is_not_taken_for_a_lie():
    zeros = np.zeros(30_000_000, np.uint8)
    packed = gzip.compress(idx_bytes(zeros), 9)
    assert zeros.size / len(packed) > 1025  # near deflate's limit of 1032
    assert_same(read(packed), zeros)


def test_64_dimensions_and_not_more():
    assert read(bytes([0, 0, 8, 64]) + struct.pack(">64I", *[1] * 64) + b"\7").shape == (1,) * 64
    with pytest.raises(DataError, match="1 to 64 dimensions.* 65"):
        read(bytes([0, 0, 8, 65]) + struct.pack(">65I", *[1] * 65) + b"\7")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "only 0 bytes"),
        (b"\0\0\x08", "only 3 bytes"),
        (b"label,pixel0\n", r"two zero bytes.*b'la'"),
        (b"\0\1\x08\1\0\0\0\1\7", "two zero bytes"),
        (b"\1\0\x08\1\0\0\0\1\7", "two zero bytes"),
        (b"\0\0\x0a\1\0\0\0\1\7", "type 0x0A.*0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E"),
        (b"\0\0\x0f\1\0\0\0\1\7", "type 0x0F"),
        (b"\0\0\x08\0\7", "dimensions.* 0"),
        (b"\0\0\x08\2\0\0\0\1\0\0\0", "ends within its header of 2"),
        (b"\0\0\x08\2\0\0\0\3\0\0\0\0", r"empty.*\(3, 0\)"),
        (b"\0\0\x08\1\0\0\0\3\1\2", "3 elements of uint8, 3 bytes, but only 2 follow"),
        (b"\0\0\x0b\2\0\0\0\1\0\0\0\2\1\2\3", "1 × 2 elements of int16, 4 bytes, but only 3 follow"),
        (b"\0\0\x08\1\0\0\0\3\1\2\3\4", "3 bytes, but more bytes follow"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_damage_is_named(content, message, zipped, tmp_path):
    path = tmp_path / "broken.idx"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(DataError, match=message) as error:
        read_idx(path)
    assert str(path) in str(error.value)


def test_a_missing_file_and_a_directory(tmp_path):
    with pytest.raises(DataError, match="nowhere.*No such file.*check the path"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match="directory"):
        read_idx(tmp_path)


def test_a_wrong_checksum_inside_gzip_is_found():
    packed = bytearray(gzip.compress(idx_bytes(np.arange(50, dtype=np.uint8))))
    packed[-5] ^= 1  # the last byte of the CRC-32
    with pytest.raises(DataError, match="CRC"):
        read(bytes(packed))


def peak_of_failing_read(path: Path, message: str) -> int:
    """The most bytes in use while read_idx fails with this message."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("zipped", [False, True])
def test_absurd_dimensions_allocate_nothing(zipped, tmp_path):
    content = b"\0\0\x0e\3" + b"\x7f\xff\xff\xff" * 3 + b"12345678"
    path = tmp_path / "absurd.idx"
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert peak_of_failing_read(path, "more than the file can hold") < 1_000_000


@pytest.mark.parametrize("zipped", [False, True])
def test_a_header_that_promises_too_much_allocates_little(zipped, tmp_path):
    content = b"\0\0\x08\1" + struct.pack(">I", 50_000_000) + b"12345678"
    path = tmp_path / "promise.idx"
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert peak_of_failing_read(path, "more than the file can hold") < 1_000_000


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros(5, np.uint8)) + bytes(50_000_000)))
    assert peak_of_failing_read(path, "more bytes follow") < 1_000_000


def test_sha256_is_of_the_unzipped_file():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    content = idx_bytes(array)
    digest = hashlib.sha256(content).hexdigest()
    assert_same(read(content, sha256=digest), array)
    assert_same(read(gzip.compress(content), sha256=digest.upper()), array)
    changed = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(DataError, match=f"some.idx: expected SHA-256 {digest}.*got .*get the file anew"):
        read(changed, sha256=digest)
    with pytest.raises(DataError, match="SHA-256"):  # the header counts, too
        read(idx_bytes(array.reshape(4, 3)), sha256=digest)


@given(arrays, st.booleans(), st.data())
def test_truncated_anywhere(array, zipped, data):
    content = gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array)
    with pytest.raises(DataError):
        read(content[: data.draw(st.integers(0, len(content) - 1))])


@given(arrays, st.binary(min_size=1, max_size=20), st.booleans())
def test_trailing_bytes(array, tail, zipped):
    content = idx_bytes(array) + tail
    with pytest.raises(DataError, match="more bytes follow"):
        read(gzip.compress(content) if zipped else content)


@given(arrays, st.data())
def test_a_flipped_byte_gives_an_error_or_what_the_file_then_says(array, data):
    content = bytearray(idx_bytes(array))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        result = read(bytes(content))
    except DataError:
        return
    assert idx_bytes(result) == bytes(content)


@given(arrays, st.data())
def test_a_flipped_byte_in_gzip_gives_an_error_or_the_array(array, data):
    packed = bytearray(gzip.compress(idx_bytes(array)))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        result = read(bytes(packed))
    except DataError:
        return
    assert_same(result, array)


@given(st.binary(max_size=64))
@example(b"\x1f\x8b")
@example(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")
@example(b"\0\0\x08\xff" + bytes(60))
def test_any_bytes_give_an_error_or_an_array(content):
    try:
        result = read(content)
    except DataError:
        return
    assert idx_bytes(result) == content
