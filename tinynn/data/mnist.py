"""MNIST: 60,000 handwritten digits to learn from and 10,000 to test on, 28 × 28 pixels each.

The files come with the companion distribution tinynn-mnist, or from a directory of one's own; nothing
is downloaded. Their SHA-256 is checked, so a figure measured on them is a figure on MNIST.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tinynn import _arguments
from tinynn._arguments import flag
from tinynn.errors import DataError

if TYPE_CHECKING:
    import os

    from numpy.typing import DTypeLike

    from tinynn._arrays import Array

    Part: TypeAlias = tuple[Array, Array]

CLASSES, WHITE = 10, 255
SHA256 = {  # of the unzipped files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(
    *,
    directory: str | os.PathLike[str] | None = None,
    dtype: DTypeLike = np.float32,
    shape: tuple[int, ...] = (784,),
    verify: bool = True,
) -> tuple[Part, Part]:
    """MNIST as (x_train, y_train), (x_test, y_test).

    Parameters: directory of the four IDX files, gzipped or not, by default tinynn-mnist's own;
    dtype float32 or float64 (x from 0 to 1) or uint8 (x from 0 to 255); shape of one image, such as
    (28, 28) or (1, 28, 28); verify=False to read another data set of the same form, such as Fashion-MNIST.
    Shapes: x_train (60000, 784), y_train (60000,) of int64, x_test (10000, 784), y_test (10000,).
    Raises: DataError if a file is missing, damaged or not MNIST's; DtypeError; ShapeError.
    Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0).

    >>> (x_train, y_train), (x_test, y_test) = load_mnist()
    >>> x_train.shape, x_test.shape, y_train[:5]
    ((60000, 784), (10000, 784), array([5, 0, 4, 1, 9]))
    """
    from tinynn.data import _files

    folder = _installed_directory() if directory is None else _arguments.path("load_mnist: directory", directory)
    verify = flag("load_mnist: verify", verify)
    _files.check_dtype(dtype, WHITE)

    def load_part(name: str) -> Part:
        images = _read(folder, f"{name}-images-idx3-ubyte", verify)
        labels = _read(folder, f"{name}-labels-idx1-ubyte", verify)
        _check_pair(images, labels, f"{name} files in {folder}")
        return _files.as_images(images, WHITE, shape, dtype), labels.astype(np.int64)

    return load_part("train"), load_part("t10k")


def _installed_directory() -> str:
    """Where the companion distribution keeps the files."""
    import importlib

    try:
        return str(importlib.import_module("tinynn_mnist").directory())
    except ModuleNotFoundError:
        raise DataError(
            "load_mnist(): the data are not installed; "
            'run  pip install "tinynn-numpy[mnist]"  or pass directory= with the four files'
        ) from None


def _read(folder: str, name: str, verify: bool) -> Array:
    """One of the four files, under any of the names that it goes by."""
    import os

    from tinynn.data.idx import read_idx

    # Some collections write train-images.idx3-ubyte.
    names = [spelling + end for spelling in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    for candidate in names:
        path = os.path.join(folder, candidate)
        if os.path.exists(path):
            return read_idx(path, sha256=SHA256[name] if verify else None)
    raise DataError(
        f"load_mnist(): found none of {', '.join(names)} in {folder!r}; pass the directory of "
        'the four MNIST files, or none after  pip install "tinynn-numpy[mnist]"'
    )


def _check_pair(images: Array, labels: Array, where: str) -> None:
    """DataError unless these are n images of bytes and n labels from 0 to 9."""
    for array, dimensions, what in ((images, 3, "images"), (labels, 1, "labels")):
        if array.ndim != dimensions or array.dtype != np.uint8:
            raise DataError(
                f"{where}: expected {what} as {dimensions}-dimensional uint8, "
                f"got {array.ndim}-dimensional {array.dtype}; are the files swapped?"
            )
    if len(images) != len(labels):
        raise DataError(f"{where}: {len(images)} images but {len(labels)} labels; get both from one source")
    if labels.max() >= CLASSES:
        raise DataError(f"{where}: expected labels from 0 to 9, got {labels.max()}; it is no ten-class data set")
