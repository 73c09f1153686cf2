"""Data: the digits to learn from, the format they come in, labels as vectors, splits and batches."""

from __future__ import annotations

from tinynn.data.batches import Batches
from tinynn.data.digits import load_digits
from tinynn.data.idx import read_idx
from tinynn.data.labels import one_hot
from tinynn.data.mnist import load_mnist
from tinynn.data.split import train_test_split

__all__ = ["Batches", "load_digits", "load_mnist", "one_hot", "read_idx", "train_test_split"]
