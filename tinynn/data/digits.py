"""The small digits: 1,797 handwritten digits of 8 × 8 pixels, carried inside tinynn itself.

For examples and tests that should take a second, not a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from tinynn._arrays import Array

#: The 1,797 labels in order, then 64 pixels, each as 1,797 bytes that are sorted by label: so the file takes 35 kB,
#: where the table of the source takes 53.
FILE, WHITE, SHA256 = "digits.bz2", 16, "467ab578119d3321b29c379dfece6f70dcc8c80b709dba327bb0ca34e35af701"


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
    import bz2
    import os

    from tinynn.data import _files

    _files.check_dtype(dtype, WHITE)
    path = os.path.join(os.path.dirname(__file__), FILE)
    try:
        with bz2.open(path) as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot read the file: {error}; reinstall tinynn-numpy") from error
    _files.check_sha256(path, SHA256, content, remedy="reinstall tinynn-numpy")
    labels, pixels = np.split(np.frombuffer(content, np.uint8).reshape(65, -1), [1])
    labels = labels[0]
    images = np.empty((len(labels), 64), np.uint8)
    images[np.argsort(labels, kind="stable")] = pixels.T
    return _files.as_images(images, WHITE, shape, dtype), labels.astype(np.int64)
