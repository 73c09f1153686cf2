"""The file format: what is written, to the byte, and that it comes back as it was."""

from __future__ import annotations

import io
import os
import re
import string
import struct
import sys
import zipfile

import forged
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinynn as nn
from tinynn.storage import container

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
ARRAYS = {
    "0.weight": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "0.bias": np.array([1.5, -0.0]),
    "größe": np.array(7, np.int64),
    "empty": np.zeros((0, 3), np.uint8),
}
MANIFEST = {"a": [1, 2.5, None, True, "ü"], "b": {}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.npz"


def assert_same(mine, theirs):
    """Bit for bit, in the same order in memory."""
    assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
    assert mine.tobytes("A") == theirs.tobytes("A")
    assert (mine.flags.c_contiguous, mine.flags.f_contiguous) == (theirs.flags.c_contiguous, theirs.flags.f_contiguous)


def test_a_round_trip(path):
    container.write(path, "checkpoint", MANIFEST, ARRAYS)
    manifest, arrays = container.read(str(path), "checkpoint")
    assert manifest == MANIFEST
    assert list(arrays) == list(ARRAYS)
    for name, array in arrays.items():
        assert_same(array, ARRAYS[name])
        assert array.flags.owndata and array.flags.writeable and array.flags.aligned


def test_every_byte_of_a_file(path):
    """Against tests/forged.py, which follows docs/format.md and knows nothing of tinynn."""
    container.write(path, "model", {"a": [1, None]}, ARRAYS)
    expected = forged.file(
        forged.raw_manifest('{"kind":"model","version":1,"content":{"a":[1,null]}}'),
        forged.array("0.weight", struct.pack("<6f", 0, 3, 1, 4, 2, 5), "<f4", True, "(2, 3)"),
        forged.array("0.bias", struct.pack("<2d", 1.5, -0.0), "<f8", False, "(2,)"),
        forged.array("größe", struct.pack("<q", 7), "<i8", False, "()"),
        forged.array("empty", b"", "|u1", False, "(0, 3)"),
    )
    assert path.read_bytes() == expected


def test_the_same_content_gives_the_same_bytes_and_other_content_others(path):
    container.write(path, "model", 1, ARRAYS)
    first = path.read_bytes()
    container.write(path, "model", 1, {name: array.copy("K") for name, array in ARRAYS.items()})
    assert path.read_bytes() == first
    container.write(path, "model", 1, dict(reversed(ARRAYS.items())))
    assert path.read_bytes() != first
    assert os.listdir(path.parent) == [path.name]


def test_numpy_and_zipfile_read_the_file(path):
    container.write(path, "model", MANIFEST, ARRAYS)
    with np.load(path) as loaded:
        assert loaded.files == ["tinynn.json", *ARRAYS]
        for name, array in ARRAYS.items():
            assert_same(loaded[name], array)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment == path.read_bytes()[-78:]
        for info in archive.infolist():
            assert (info.compress_type, info.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_header_is_what_numpy_itself_writes(path, dtype):
    shapes = [(), (1,), (0,), (3,), (2, 3), (1, 3), (3, 1), (2, 0, 3), (2, 3, 4), (1,) * 64]
    arrays = {f"{shape}{order}": np.ones(shape, dtype, order=order) for shape in shapes for order in "CF"}
    container.write(path, "model", None, arrays)
    read = container.read(path, "model")[1]
    with zipfile.ZipFile(path) as archive:
        for name, array in arrays.items():
            assert_same(read[name], array)
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, version=(1, 0))
            # NumPy leaves room in the header for the first axis to grow, and pads after it: other spaces.
            mine, theirs = (data.partition(b"\n") for data in (archive.read(f"{name}.npy"), stream.getvalue()))
            assert (mine[0][10:].rstrip(), mine[2]) == (theirs[0][10:].rstrip(), theirs[2])
            assert len(mine[0]) % 64 == 63


@given(
    arrays=st.dictionaries(
        st.text(string.ascii_letters + "0123456789._ äλ", min_size=1, max_size=12).filter(lambda n: n.strip("./ ")),
        hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=4)),
        max_size=4,
    ),
    manifest=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
)
@settings(max_examples=30)
def test_whatever_is_written_comes_back(tmp_path_factory, arrays, manifest):
    path = tmp_path_factory.getbasetemp() / "drawn.npz"
    container.write(path, "model", manifest, arrays)
    back, read = container.read(path, "model")
    assert back == manifest and list(read) == list(arrays)
    for name, array in arrays.items():
        assert_same(read[name], array)


def test_arrays_that_are_not_contiguous_or_not_little_endian_come_back_as_plain_ones(path):
    cube = np.arange(24.0).reshape(2, 3, 4)
    odd = {
        "strided": np.arange(10)[::3],
        "reversed": np.arange(3.0)[::-1],
        "permuted": cube.transpose(1, 0, 2),
        "broadcast": np.broadcast_to(np.float32(2), (2, 2)),
        "big": np.arange(3, dtype=">f4"),
        "read-only": np.frombuffer(b"\1\2", np.uint8),
    }
    container.write(path, "model", None, odd)
    _, arrays = container.read(path, "model")
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, odd[name])
        assert array.dtype == odd[name].dtype.newbyteorder("=")
        assert array.flags.c_contiguous and array.flags.owndata and array.flags.writeable


def test_writing_makes_no_copy_of_the_arrays(path):
    import tracemalloc

    arrays = {str(k): np.zeros((1000, 500), np.float32, order=order) for k, order in enumerate("CF")}
    tracemalloc.start()
    try:
        container.write(path, "model", None, arrays)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


# ---- what is refused when it is written -----------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [np.array([None]), np.array(["x"]), np.array([b"x"]), np.array([1j]), np.zeros(2, "M8[s]"), np.zeros(1, "f4,i4")]
    + ([np.zeros(1, np.longdouble)] if np.dtype(np.longdouble).itemsize > 8 else []),
    ids=lambda array: str(array.dtype),
)
def test_other_dtypes_are_refused(path, array):
    path.write_bytes(b"old")
    with pytest.raises(
        nn.DtypeError, match=rf"^blocks.0.x: cannot store dtype {re.escape(str(array.dtype))}; bool, int"
    ):
        container.write(path, "model", None, {"fine": np.ones(1), "blocks.0.x": array})
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


BAD_NAMES = [
    "",
    "/x",
    "~/x",
    "../x",
    "a/../x",
    "a/..",
    "..",
    ".",
    "a/./x",
    "a\\b",
    "C:x",
    "a\0b",
    "a\nb",
    "\x7f",
    "\u200f",
]
BAD_NAMES += ["x" * 1001, "\ud800"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_names_that_no_file_should_have_are_refused(path, name):
    with pytest.raises(nn.InvalidValueError, match="cannot be the name of an array in a file"):
        container.write(path, "model", None, {name: np.ones(1)})
    assert not path.exists()


@pytest.mark.parametrize(
    "name", ["x", "0.weight", "a/b", "a..b", "..a", "a.", "größe", "a b", "~", "tinynn.json", "x" * 1000]
)
def test_other_names_are_fine(path, name):
    if name == "~":
        name = "a~"
    container.write(path, "model", None, {name: np.ones(1)})
    assert list(container.read(path, "model")[1]) == [name]
    assert name in np.load(path).files


@pytest.mark.parametrize("manifest", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_a_manifest_is_strict_json(path, manifest):
    with pytest.raises(ValueError, match="Out of range float"):
        container.write(path, "model", manifest, {})
    assert not path.exists()


@pytest.mark.parametrize("wrong", [None, 3, 1.5, object(), ["x"]])
def test_paths_of_a_wrong_type(wrong):
    """An int would be taken for an open file, and closed."""
    for call in (lambda: container.write(wrong, "model", None, {}), lambda: container.read(wrong, "model")):
        with pytest.raises(nn.DtypeError, match="path must be a path, a str or a Path, got"):
            call()


def test_paths_of_bytes(path):
    container.write(os.fsencode(path), "model", 3, {})
    assert container.read(os.fsencode(path), "model") == (3, {})


# ---- what is no such file -------------------------------------------------------------------------


def test_a_missing_file_is_a_file_not_found_error(path):
    with pytest.raises(FileNotFoundError, match="file.npz"):
        container.read(path, "model")


def assert_refused(path, message, kind="model"):
    with pytest.raises(nn.CheckpointError) as caught:
        container.read(path, kind)
    assert type(caught.value) is nn.CheckpointError
    assert str(caught.value) == f"{path}: {message}"


def test_a_directory_and_a_pipe(path, tmp_path):
    assert_refused(tmp_path, "expected a file, got a directory, a device or a pipe")
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)  # to open one would wait for ever
        assert_refused(path, "expected a file, got a directory, a device or a pipe")
    if sys.platform == "linux":
        assert_refused("/dev/zero", "expected a file, got a directory, a device or a pipe")


def test_files_of_other_kinds(path):
    np.savez(path, x=np.ones(3))
    assert_refused(path, "is no file of tinynn (one that np.savez wrote?)")
    np.savez_compressed(path, x=np.ones(3))
    assert_refused(path, "is no file of tinynn (one that np.savez wrote?)")
    for data in (b"x", b"{}", bytes(1000), b"\x89PNG\r\n\x1a\n" + bytes(100)):
        path.write_bytes(data)
        assert_refused(path, "is no file of tinynn (one that np.savez wrote?)")
    path.write_bytes(b"")
    assert_refused(path, "is empty")


def test_a_file_of_the_other_kind(path):
    container.write(path, "checkpoint", None, {})
    assert_refused(path, "is a checkpoint, not a model")
    container.write(path, "model", None, {})
    assert_refused(path, "is a model, not a checkpoint", "checkpoint")


def test_a_file_of_a_newer_format(path):
    """Whatever else is new in it: the first entry is read, and the checksum, nothing more."""
    for version, text in ((2, "2"), (10**400, "1" + 19 * "0")):
        path.write_bytes(
            forged.file(
                forged.manifest(version=version, kind="something", colour="blue"),
                forged.Entry(b"new", b"compressed", method=93, version=63),
            )
        )
        assert_refused(path, f"was written in format {text}, this tinynn reads formats up to 1: update tinynn")


def test_one_place_names_the_file_once(path):
    with pytest.raises(nn.CheckpointError) as caught, container.faults_named(path), container.faults_named(path):
        raise nn.CheckpointError("is odd")
    assert str(caught.value) == f"{path}: is odd"
    with pytest.raises(nn.CheckpointError) as caught, container.faults_named(path), container.faults_named(path):
        raise UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range(128)")
    assert str(caught.value).startswith(f"{path}: is damaged or made up: 'ascii' codec")
    with pytest.raises(OSError), container.faults_named(path):
        raise OSError
