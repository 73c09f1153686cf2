"""load_mnist: the real files, their forms, and directories with something else in them."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_idx

from tinynn.data import load_mnist, read_idx
from tinynn.errors import DataError, DtypeError, ShapeError

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def mnist_directory():
    return importlib.import_module("tinynn_mnist").directory()


@pytest.fixture
def fake(tmp_path):
    """A directory in MNIST's form with 5 training and 3 test images of 2 × 3 pixels."""
    rng = np.random.default_rng(0)
    for name, n in (("train", 5), ("t10k", 3)):
        images = rng.integers(0, 256, (n, 2, 3), np.uint8)
        images[0, 0, :2] = 0, 255
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.arange(10 - n, 10, dtype=np.uint8))
    return tmp_path


def load_fake(directory, **options):
    return load_mnist(directory=directory, verify=False, **{"shape": (6,), **options})


def test_the_data_set():
    (x_train, y_train), (x_test, y_test) = load_mnist()
    assert x_train.shape == (60000, 784)
    assert x_test.shape == (10000, 784)
    for x, y, counts in ((x_train, y_train, TRAIN_COUNTS), (x_test, y_test, TEST_COUNTS)):
        assert x.dtype == np.float32
        assert (x.min(), x.max()) == (0, 1)
        assert y.dtype == np.int64
        assert np.bincount(y).tolist() == counts
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # The published mean and standard deviation of the training pixels.
    assert x_train.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert x_train.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)


def test_pixels_as_bytes_in_their_places(mnist_directory):
    (x_train, _), (x_test, _) = load_mnist(dtype=np.uint8, shape=(28, 28))
    for x, name in ((x_train, "train"), (x_test, "t10k")):
        assert x.dtype == np.uint8
        np.testing.assert_array_equal(x, read_idx(mnist_directory / f"{name}-images-idx3-ubyte.gz"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, "float32"])
def test_floats_are_bytes_over_255(fake, dtype):
    (x, _), _ = load_fake(fake, dtype=dtype)
    raw = read_idx(fake / "train-images-idx3-ubyte").reshape(5, 6)
    assert x.dtype == np.dtype(dtype)
    assert x[0, :2].tolist() == [0, 1]
    np.testing.assert_array_equal(x, raw.astype(dtype) / np.dtype(dtype).type(255))
    x[...] = 0  # the caller's own


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3), [3, 2], (-1,)])
def test_shapes(fake, shape):
    (x_train, y_train), (x_test, y_test) = load_fake(fake, shape=shape, dtype=np.uint8)
    np.testing.assert_array_equal(x_train, read_idx(fake / "train-images-idx3-ubyte").reshape(5, *shape))
    np.testing.assert_array_equal(x_test, read_idx(fake / "t10k-images-idx3-ubyte").reshape(3, *shape))
    assert y_train.tolist() == [5, 6, 7, 8, 9]
    assert y_test.tolist() == [7, 8, 9]


@pytest.mark.parametrize("shape", [(7,), (2, 2), (-2, -3), 6, (6.0,), (5, 6)])
def test_a_shape_that_does_not_fit(fake, shape):
    with pytest.raises(ShapeError, match=r"6 pixels, such as \(6,\), got"):
        load_fake(fake, shape=shape)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, None, "unknown", bool])
def test_other_dtypes_are_refused(fake, dtype):
    with pytest.raises(DtypeError, match=r"float32 or float64 .* uint8 \(0 to 255\), got"):
        load_fake(fake, dtype=dtype)


@pytest.mark.parametrize("spelling", ["-idx", ".idx"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_spelling_of_the_names(fake, tmp_path_factory, spelling, zipped):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for path in fake.iterdir():
        name = path.name.replace("-idx", spelling) + (".gz" if zipped else "")
        write_idx(elsewhere / name, read_idx(path), zipped=zipped)
    for directory in (elsewhere, str(elsewhere)):
        (x, y), (x_test, _) = load_fake(directory)
        assert x.shape == (5, 6)
        assert x_test.shape == (3, 6)
        assert y.tolist() == [5, 6, 7, 8, 9]


def test_unverified_files_are_refused_by_default(fake):
    with pytest.raises(DataError, match="train-images.*SHA-256 ba891046.*verify=False"):
        load_mnist(directory=fake)


@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_each_file_is_verified(mnist_directory, tmp_path, part, kind):
    for path in mnist_directory.glob("*.gz"):
        shutil.copy(path, tmp_path)
    target = tmp_path / f"{part}-{kind}-ubyte"
    array = read_idx(target.with_name(target.name + ".gz"))
    array[-1] ^= 1
    write_idx(target, array)  # found before the .gz beside it
    with pytest.raises(DataError, match=f"{target.name}: expected SHA-256"):
        load_mnist(directory=tmp_path)


@pytest.mark.parametrize("missing", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_missing_file(fake, missing):
    (fake / missing).unlink()
    with pytest.raises(DataError, match=rf"none of {missing}, {missing}\.gz, .* pass the directory") as error:
        load_fake(fake)
    assert missing.replace("-idx", ".idx") + ".gz" in str(error.value)
    assert str(fake) in str(error.value)


def test_without_the_companion_distribution(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinynn_mnist", None)
    with pytest.raises(DataError, match=r'pip install "tinynn-numpy\[mnist\]".*directory='):
        load_mnist()


def test_images_and_labels_of_different_number(fake):
    write_idx(fake / "t10k-labels-idx1-ubyte", np.zeros(4, np.uint8))
    with pytest.raises(DataError, match="t10k.*3 images but 4 labels"):
        load_fake(fake)


@pytest.mark.parametrize("label", [10, 255])
def test_labels_beyond_9(fake, label):
    write_idx(fake / "train-labels-idx1-ubyte", np.array([0, 9, label, 1, 2], np.uint8))
    with pytest.raises(DataError, match=f"labels from 0 to 9, got {label}"):
        load_fake(fake)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("images-idx3", np.zeros(5, np.uint8), "images as 3-dimensional uint8, got 1-dimensional uint8"),
        ("images-idx3", np.zeros((5, 2, 3), np.int16), "3-dimensional uint8, got 3-dimensional int16"),
        ("labels-idx1", np.zeros((5, 1), np.uint8), "labels as 1-dimensional uint8, got 2-dimensional uint8"),
        ("labels-idx1", np.zeros(5, np.int8), "1-dimensional uint8, got 1-dimensional int8"),
    ],
)
def test_arrays_of_another_kind(fake, name, array, message):
    write_idx(fake / f"train-{name}-ubyte", array)
    with pytest.raises(DataError, match=f"train.*{message}"):
        load_fake(fake)


def test_the_companion_states_the_same_checksums(mnist_directory):
    from tinynn.data.mnist import SHA256

    readme = Path(mnist_directory).parent / "README.md"
    if not readme.exists():
        pytest.skip("tinynn-mnist is installed without its source")
    text = readme.read_text(encoding="utf-8")
    assert len(SHA256) == 4
    for name, digest in SHA256.items():
        assert f"| {name} |" in text
        assert digest in text
