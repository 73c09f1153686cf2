"""Files of people who know the format and mean harm: every checksum in them fits."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import zlib

import forged
import numpy as np
import pytest
from forged import Entry, array, header, manifest, raw_manifest

import tinynn as nn
from tinynn.storage import container

TWO = struct.pack("<2f", 1, 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "forged.npz"


def assert_refused(path, data, *said, most=100_000):
    """By a CheckpointError that names the file and says this, and without allocating what the file does not justify."""
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(nn.CheckpointError) as caught:
            container.read(path, "model")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message) < 600 + len(str(path))
    for part in said:
        assert part in message
    assert peak < 4 * len(data) + most


def test_the_right_files_by_the_same_hand_are_read(path):
    path.write_bytes(forged.file(manifest({"a": 1}), array("x", TWO, shape="(2,)"), array("0.ü", b"\1", "|b1")))
    content, arrays = container.read(path, "model")
    assert content == {"a": 1}
    assert arrays["x"].tolist() == [1, 2] and arrays["0.ü"].tolist() is True


# ---- the zip --------------------------------------------------------------------------------------


def test_compressed_entries_are_refused_as_such(path):
    bomb = header("|u1", shape="(10000000000,)") + b""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = packed.compress(bomb + bytes(10_000_000)) + packed.flush()
    entry = Entry(b"x.npy", content, method=8, size=10_000_000_128, packed_size=len(content))
    assert_refused(path, forged.file(manifest(), entry), "the entry at byte", "is compressed")
    assert_refused(path, forged.file(raw_manifest(content, method=8)), "the entry at byte 0 is compressed")
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.zeros(10_000))
    assert_refused(path, forged.sealed(stream.getvalue()), "the entry at byte 0 is compressed")


def test_encrypted_entries_are_refused_as_such(path):
    assert_refused(path, forged.file(manifest(), array("x", TWO, shape="(2,)", flags=1)), "is encrypted")


@pytest.mark.parametrize(
    "change",
    [
        {"flags": 0x8},
        {"flags": 0x800},
        {"version": 20},
        {"date": 34},
        {"short_size": 8},
        {"packed_size": 0},
        {"extra": struct.pack("<2H2Q", 2, 16, 136, 136)},
        {"extra": struct.pack("<2H2Q", 1, 16, 136, 136) + b"\1\0\0\0"},
        {"extra": b""},
    ],
    ids=str,
)
def test_entries_described_in_another_way(path, change):
    assert_refused(
        path, forged.file(manifest(), array("x", TWO, shape="(2,)", **change)), "the entry at byte", "another way"
    )


@pytest.mark.parametrize("size", [137, 10_000, 2**31, 2**32, 2**63, 2**64 - 1])
def test_sizes_beyond_the_end_of_the_file(path, size):
    data = forged.file(manifest(), array("x", TWO, shape="(2,)", size=size))
    assert_refused(path, data)
    if size > len(data):
        assert_refused(path, data, f"claims {size} bytes, more than are left")
        assert_refused(path, forged.file(raw_manifest(b"{}", size=size)), f"claims {size} bytes, more than are left")


def test_entries_that_overlap(path):
    """One inside another, and one listed twice: what makes a small zip file unpack to petabytes."""
    inner = array("inner", TWO, shape="(2,)")
    inside = inner.local() + inner.content
    outer = array("outer", inside, "|u1", shape=f"({len(inside)},)")
    whole = forged.file(manifest(), outer)
    container_start = whole.index(inside)
    assert_refused(
        path,
        forged.file(manifest(), outer, Entry(b"", b"", listed_name=b"inner.npy", listed_offset=container_start)),
    )
    again = Entry(b"inner.npy", inner.content, listed=False)
    assert_refused(path, forged.file(manifest(), inner, again), "or two of one name")
    assert_refused(
        path, forged.file(manifest(), array("a", TWO, shape="(2,)", listed_offset=0)), "after the last entry"
    )


@pytest.mark.parametrize(
    "entries",
    [
        [manifest(), array("x", TWO, shape="(2,)"), array("x", TWO, shape="(2,)")],
        [manifest(), array("x", TWO, shape="(2,)", gap=b"\0")],
        [manifest(), array("x", TWO, shape="(2,)", listed=False)],
        [manifest(), array("x", TWO, shape="(2,)", listed_name=b"y.npy")],
        [manifest(), array("x", TWO, shape="(2,)", listed_offset=1)],
        [manifest(), array("x", TWO, shape="(2,)", listed_size=2**40)],
        [manifest(), array("x", TWO, shape="(2,)", crc=1)],
        [raw_manifest('{"kind":"model","version":1,"content":null}', crc=1)],
        [manifest(), manifest()],
        [array("x", TWO, shape="(2,)"), manifest()],
        [array("x", TWO, shape="(2,)")],
        [Entry(b"Tinynn.json", manifest().content)],
        [Entry(b"tinynn.json.npy", manifest().content)],
        [],
    ],
)
def test_other_arrangements_of_entries(path, entries):
    assert_refused(path, forged.file(*entries))


def test_other_bytes_around_the_entries(path):
    good = [manifest(), array("x", TWO, shape="(2,)")]
    assert_refused(path, forged.file(*good, before_directory=b"\0"), "other bytes after the last entry")
    assert_refused(path, forged.file(*good, before_directory=b"PK\3\4"))
    assert_refused(path, forged.file(*good, count=3), "other bytes after the last entry")
    assert_refused(path, forged.file(*good, count=0), "other bytes after the last entry")
    assert_refused(path, forged.file(*good, start=0), "other bytes after the last entry")
    whole = forged.file(*good)[: -14 - 64]
    assert_refused(path, forged.sealed(b"#!/bin/sh\n" + whole), "")
    assert_refused(path, forged.sealed(whole + b" "), "other bytes after the last entry")
    assert_refused(path, forged.sealed(whole[:-2] + struct.pack("<H", 79)), "other bytes after the last entry")
    assert_refused(path, forged.sealed(b""), "")
    assert_refused(path, forged.sealed(b"PK\3\4"), "")
    for length in range(0, len(whole), 7):
        assert_refused(path, forged.sealed(whole[:length]))


def test_another_mark(path):
    body = forged.file(manifest())[: -14 - 64]
    assert_refused(path, forged.sealed(body, b"tinynn-sha512:"), "is cut off or damaged")
    assert_refused(path, forged.sealed(body, b""), "is cut off or damaged")
    assert_refused(path, forged.file(manifest()).upper()[-64:], "no file of tinynn")
    whole = forged.file(manifest())
    assert_refused(path, whole[:-64] + whole[-64:].upper(), "is cut off or damaged")


BAD_NAMES = [b"../x", b"/x", b"~/x", b"a/../x", b"..", b"a\\b", b"C:x", b"a\0b", b"a\nb", b"", b"x" * 1001, b"a/.."]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name[:9]))
def test_names_that_no_file_should_have(path, name):
    entry = Entry(name + b".npy", header(shape="(2,)") + TWO)
    assert_refused(path, forged.file(manifest(), entry), "an entry named")


def test_names_that_are_no_names_of_arrays(path):
    content = header(shape="(2,)") + TWO
    for name in (b"x", b"x.txt", b"x.npy.exe", b"x.NPY", b"npy", b".np", b"", b"."):
        assert_refused(path, forged.file(manifest(), Entry(name, content)), "an entry named")
    assert_refused(path, forged.file(manifest(), Entry(b"\xff.npy", content)), "'utf-8' codec")


# ---- the arrays -----------------------------------------------------------------------------------

HEADERS = {
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
    "text": "{'descr': '<U2', 'fortran_order': False, 'shape': (1,), }",
    "bytes": "{'descr': '|S8', 'fortran_order': False, 'shape': (1,), }",
    "void": "{'descr': '|V8', 'fortran_order': False, 'shape': (1,), }",
    "dates": "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,), }",
    "complex numbers": "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
    "big-endian": "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }",
    "native": "{'descr': '=f4', 'fortran_order': False, 'shape': (2,), }",
    "fields": "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
    "too few": "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
    "too many": "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
    "none": "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
    "a zero": "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }",
    "negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
    "two negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -2), }",
    "huge": "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
    "wrapping round 64 bits": "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
    "wrapping round to what is there": "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387906,), }",
    "many digits": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 5000},), }}",
    "many axes": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1, ' * 64}2), }}",
    "zeros before": "{'descr': '<f4', 'fortran_order': False, 'shape': (02,), }",
    "a float": "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }",
    "a calculation": "{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,), }",
    "no tuple": "{'descr': '<f4', 'fortran_order': False, 'shape': (2), }",
    "a list": "{'descr': '<f4', 'fortran_order': False, 'shape': [2], }",
    "other digits": "{'descr': '<f4', 'fortran_order': False, 'shape': (²,), }",
    "1 for True": "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }",
    "lower case": "{'descr': '<f4', 'fortran_order': false, 'shape': (2,), }",
    "another order": "{'fortran_order': False, 'descr': '<f4', 'shape': (2,), }",
    "a key more": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1, }",
    "a key less": "{'descr': '<f4', 'shape': (2,), }",
    "no comma": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
    "code": "__import__('os').abort()",
    "code inside": "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').abort(),), }",
    "columns where rows are the same": "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }",
    "nothing": "",
    "deep": "(" * 5000 + ")" * 5000,
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
def test_headers_that_tinynn_does_not_write(path, text):
    assert_refused(path, forged.file(manifest(), Entry(b"x.npy", header(text=text) + TWO)), "'x' ")


def test_headers_with_other_bytes_around_the_text(path):
    good = header(shape="(2,)")
    bad = [
        good.replace(b"NUMPY", b"NUMPX"),
        good[:6] + b"\2" + good[7:],
        good[:7] + b"\1" + good[8:],
        good[:6] + b"\2\0" + struct.pack("<L", 118) + good[10:],
        good[:-1] + b" ",
        good[:-2] + b"\n\n",
        good[:-1] + b"\r",
        good[:-1] + b"\0",
        good[:8] + struct.pack("<H", 65535) + good[10:],
        good[:8] + struct.pack("<H", 0) + good[10:],
        good[:8] + struct.pack("<H", 117) + good[10:-2] + b"\n",
        good[:8] + struct.pack("<H", 118 + 64) + good[10:-1] + b" " * 64 + b"\n",
        good[:5],
        b"",
    ]
    for start in bad:
        assert_refused(path, forged.file(manifest(), Entry(b"x.npy", start + TWO)), "'x' ")


def test_shapes_of_no_numbers_that_numpy_cannot_hold(path):
    """Their product is 0, so the sizes agree."""
    for shape in (
        "(0, 2305843009213693952)",
        "(0, 9223372036854775807, 2)",
        "(9999999999999999999, 0)",
        "(4611686018427387904, 0, 2)",
    ):
        entry = Entry(b"x.npy", header(shape=shape))
        assert_refused(path, forged.file(manifest(), entry), "a shape that no array can have")
    path.write_bytes(forged.file(manifest(), Entry(b"x.npy", header(shape="(0, 1152921504606846976)"))))
    assert container.read(path, "model")[1]["x"].shape == (0, 2**60)


def test_truth_values_other_than_0_and_1(path):
    assert_refused(path, forged.file(manifest(), array("x", b"\0\2", "|b1", shape="(2,)")), "truth values other than")
    path.write_bytes(forged.file(manifest(), array("x", b"\0\1", "|b1", shape="(2,)")))
    assert container.read(path, "model")[1]["x"].tolist() == [False, True]


def test_a_pickle_is_not_opened(path):
    class Harm:
        def __reduce__(self):
            return pytest.fail, ("a pickle was opened",)

    pickled = pickle.dumps([Harm(), Harm()])
    for descr in ("|O", "|O8", "O"):
        assert_refused(path, forged.file(manifest(), array("x", pickled, descr, shape="(2,)")), "'x' ")
    assert_refused(path, forged.file(manifest(), Entry(b"x.npy", pickled)), "'x' ")
    assert_refused(path, forged.file(raw_manifest(pickled)), "'ascii' codec")


# ---- the manifest ---------------------------------------------------------------------------------

GOOD = '{"kind":"model","version":1,"content":%s}'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"1",
        b'"model"',
        b"{}",
        b'{"kind":"model","version":1,"content":null} x',
        b'\xef\xbb\xbf{"kind":"model","version":1,"content":null}',
        '{"kind":"model","version":1,"content":null}'.encode("utf-16"),
        '{"kind":"model","version":1,"content":"ü"}'.encode(),
        b'{"kind":"model","version":1,"content":\xff}',
        GOOD % "NaN",
        GOOD % "Infinity",
        GOOD % "-Infinity",
        GOOD % "1e999",
        GOOD % "-1e999",
        GOOD % ("9" * 5000),
        GOOD % ("[" * 100_000 + "]" * 100_000),
        GOOD % ('{"a":' * 100_000 + "1" + "}" * 100_000),
        GOOD % '{"a":1,"a":1}',
        GOOD % "'x'",
        GOOD % "1,",
        GOOD % '"\x01"',
        '{"kind":"model","version":1}',
        '{"kind":"model","content":null}',
        '{"version":1,"content":null}',
        '{"kind":"model","kind":"model","version":1,"content":null}',
        '{"kind":"model","version":1,"content":null,"more":1}',
        '{"kind":"layer","version":1,"content":null}',
        '{"kind":["model"],"version":1,"content":null}',
        '{"kind":null,"version":1,"content":null}',
        '{"kind":"model","version":0,"content":null}',
        '{"kind":"model","version":-1,"content":null}',
        '{"kind":"model","version":true,"content":null}',
        '{"kind":"model","version":1.0,"content":null}',
        '{"kind":"model","version":"1","content":null}',
        '{"kind":"model","version":[1],"content":null}',
        '{"kind":"model","version":null,"content":null}',
    ],
    ids=lambda text: ascii(text[:60]),
)
def test_manifests_that_tinynn_does_not_write(path, text):
    # A list of lists takes 56 bytes for each pair of brackets.
    assert_refused(path, forged.file(raw_manifest(text)), most=100_000 + 150 * min(len(text), 1000))


def test_a_manifest_of_many_small_values_takes_memory_in_proportion(path):
    """The worst there is: 3 bytes of JSON for an object of 64."""
    text = GOOD % f"[{','.join(['{}'] * 100_000)}]"
    path.write_bytes(forged.file(raw_manifest(text)))
    tracemalloc.start()
    try:
        content, _ = container.read(path, "model")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(content) == 100_000
    assert peak < 40 * len(text)


def test_many_small_arrays_take_memory_in_proportion(path):
    data = forged.file(manifest(), *(array(str(k), b"\1", "|u1") for k in range(2000)))
    path.write_bytes(data)
    tracemalloc.start()
    try:
        _, arrays = container.read(path, "model")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(arrays) == 2000
    assert peak < 6 * len(data)


def test_large_arrays_take_no_more_memory_than_they_need(path):
    numbers = np.ones((3000, 500), np.float32)
    container.write(path, "model", None, {"a": numbers, "b": np.asfortranarray(numbers)})
    tracemalloc.start()
    try:
        _, arrays = container.read(path, "model")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * numbers.nbytes + 2_500_000  # the file is hashed piece by piece
    assert (arrays["b"] == 1).all()


def test_json_of_the_content_comes_as_it_is(path):
    content = {"deep": [[[[]]]], "big": 2**100, "float": 1e308, "text": "\ud83d\ude00"}
    path.write_bytes(forged.file(raw_manifest(GOOD % json.dumps(content))))
    assert container.read(path, "model")[0] == json.loads(json.dumps(content))
