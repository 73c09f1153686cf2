"""No damage goes unnoticed: every flipped bit, every cut, and thousands of others."""

from __future__ import annotations

import io

import damage
import numpy as np
import pytest

import tinynn as nn
from tinynn.storage import container, load, save
from tinynn.storage.reader import Reader


def read(data):
    """As container.read, without a file and without its name."""
    reader = Reader(io.BytesIO(data))
    return reader.manifest("model"), reader.arrays()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A small model: all its bytes count."""
    path = tmp_path_factory.mktemp("damage") / "model.npz"
    save(nn.Sequential(nn.Dense(2, 1), nn.Sigmoid(), rng=0), path)
    return path.read_bytes()


def test_the_undamaged_file_is_read(data):
    assert sorted(read(data)[1]) == ["0.bias", "0.weight"]
    assert damage.resealed(data) == data
    assert 1000 < len(data) < 1500


def assert_noticed(variant):
    try:
        read(variant.data)
    except nn.CheckpointError as error:
        return str(error)
    pytest.fail(f"{variant} went unnoticed")


DAMAGED = "is cut off or damaged: its checksum does not match; take an earlier file"


def test_every_flipped_bit_is_noticed(data):
    said = [assert_noticed(variant) for variant in damage.flips(data)]
    assert len(said) == 8 * len(data)
    assert set(said) == {DAMAGED}


def test_every_cut_is_noticed(data):
    for variant in damage.cuts(data):
        said = assert_noticed(variant)
        if variant.data and data.startswith(variant.data):
            assert said == DAMAGED, variant


def test_an_extension_is_noticed(data):
    for more in (b"\0", b"PK", data, data[-78:], b"x" * 100_000):
        assert assert_noticed(damage.Variant(f"{len(more)} bytes more", data + more)) == DAMAGED


def test_damage_of_all_kinds_is_noticed(data):
    for variant in damage.variants(data, np.random.default_rng(0), 1000):
        assert_noticed(variant)


def noticed(data):
    try:
        read(data)
    except ValueError:  # CheckpointError among them; `container.read` makes one of the others
        return True
    return False


def test_damage_under_a_checksum_that_fits_is_noticed_by_what_is_checked_next(data):
    for variant in damage.variants(data, np.random.default_rng(1), 1000, seal=True):
        assert noticed(variant.data), variant


def test_a_flip_anywhere_under_a_checksum_that_fits_is_noticed_by_a_crc_or_by_the_structure(data):
    for variant in damage.flips(data[:-64]):
        assert noticed(damage.resealed(variant.data + bytes(64))), variant


def test_the_error_names_the_file(data, tmp_path):
    path = tmp_path / "model.npz"
    for variant in damage.variants(data, np.random.default_rng(2), 80, seal=True):
        path.write_bytes(variant.data)
        with pytest.raises(nn.CheckpointError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_shrinks_while_it_is_read(tmp_path, data):
    """After the checksum was right: another process cuts the file off."""
    path = tmp_path / "model.npz"
    path.write_bytes(data)
    with open(path, "rb", buffering=0) as raw:
        reader = Reader(io.BufferedReader(raw, 16))
        path.write_bytes(data[:300])
        with pytest.raises(nn.CheckpointError, match="was changed while it was read"):
            reader.manifest("model")
    container.write(path, "model", None, {"x": np.zeros(1000)})
    with open(path, "rb", buffering=0) as raw:
        reader = Reader(io.BufferedReader(raw, 16))
        reader.manifest("model")
        path.write_bytes(path.read_bytes()[:500])
        with pytest.raises(nn.CheckpointError, match="was changed while it was read"):
            reader.arrays()


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "model.npz"
    container.write(path, "model", None, {"x": np.zeros(1000)})
    with open(path, "r+b", buffering=0) as raw:
        reader = Reader(io.BufferedReader(raw, 16))
        reader.manifest("model")
        changed = path.read_bytes().replace(bytes(1000), bytes(999) + b"\1", 1)
        path.write_bytes(changed)
        with pytest.raises(nn.CheckpointError, match="another CRC-32 than its content"):
            reader.arrays()
