"""The small digits: 1,797 handwritten digits of 8 × 8 pixels, carried inside tinynn itself.

For examples and tests that should take a second, not a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from tinynn._arrays import Array

SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"  # of the unzipped file


def load_digits(*, dtype: DTypeLike = np.float32, shape: tuple[int, ...] = (64,)) -> tuple[Array, Array]:
    """The small digits as x, y; they come in no particular order of classes.

    Parameters: dtype float32 or float64 (x from 0 to 1) or uint8 (x from 0 to 16); shape of one image,
    such as (8, 8) or (1, 8, 8).
    Shapes: x (1797, 64), y (1797,) of int64.
    Raises: DataError if the installed file is missing or damaged; DtypeError; ShapeError.
    Source: E. Alpaydin & C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository (CC BY 4.0), the test part.

    >>> x, y = load_digits()
    >>> x.shape, y[:5]
    ((1797, 64), array([0, 1, 2, 3, 4]))
    """
    import os

    from tinynn.data import _files

    path = os.path.join(os.path.dirname(__file__), "digits.csv.gz")
    with _files.open_unpacked(path) as (stream, _):
        content = stream.read()
    _files.check_sha256(path, SHA256, content, remedy="reinstall tinynn-numpy")
    table = np.loadtxt(content.decode().splitlines(), dtype=np.uint8, delimiter=",")
    return _files.as_images(table[:, :64], 16, shape, dtype), table[:, 64].astype(np.int64)
