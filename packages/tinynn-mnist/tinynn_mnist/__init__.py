"""The MNIST handwritten digits of Yann LeCun, Corinna Cortes and Christopher Burges (CC BY-SA 3.0).

Data alone: the four original IDX files, gzipped, beside this module. tinynn.data.load_mnist() finds
them here, and any other reader of IDX files may.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["directory"]


def directory() -> Path:
    """The directory of the four files.

    >>> sorted(path.name for path in directory().glob("*.gz"))[0]
    't10k-images-idx3-ubyte.gz'
    """
    return Path(__file__).resolve().parent
