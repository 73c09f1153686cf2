"""Values that somebody may pass by mistake, made afresh for each call: what `test_fuzz.py` throws at everything."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

import tinynn as nn


class Tensor:
    """An array of some other library, which does not turn into NumPy's just like that."""

    shape, dtype, ndim = (4, 3), "float32", 2

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    def __len__(self):
        return 4

    def __float__(self):
        raise TypeError("only one element tensors can be converted to Python scalars")

    def __bool__(self):
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")

    def __repr__(self):
        return "Tensor()"


class Frame:
    """A table of some other library, which turns into an array of Python objects."""

    def __array__(self, dtype=None, copy=None):
        return np.array([["a", 1.0, None]] * 4, object)

    def __len__(self):
        return 4


class Distant:
    """A number of some other library, on a device that is gone."""

    def __float__(self):
        raise RuntimeError("device lost")

    __index__ = __float__


def within_itself() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def frozen() -> np.ndarray:
    array = np.ones((4, 3))
    array.flags.writeable = False
    return array


def bare() -> nn.Parameter:
    return nn.Parameter([1.0, 2.0])


MENU: dict[str, Callable[[], Any]] = {
    # ---- no number at all ----
    "None": lambda: None,
    "empty text": lambda: "",
    "text": lambda: "abc",
    "number as text": lambda: "3",
    "bytes": lambda: b"3",
    "a class": lambda: nn.Sigmoid,
    "int itself": lambda: int,
    "a function": lambda: lambda *arguments, **options: None,
    "an object": object,
    "a dict": lambda: {"a": 1},
    "an empty dict": dict,
    "a dict of odd keys": lambda: {1: 2, "parameters": None, None: 3},
    "a set": lambda: {1, 2},
    "a generator": lambda: (k for k in (1, 2)),
    "an ellipsis": lambda: ...,
    "a slice": lambda: slice("a", None),
    "another library's tensor": Tensor,
    "another library's table": Frame,
    "another library's number": Distant,
    "a layer": lambda: nn.Dense(3, 2, rng=0),
    "a parameter": bare,
    "a loss": nn.MSE,
    # ---- numbers ----
    "True": lambda: True,
    "False": lambda: False,
    "NumPy's True": lambda: np.True_,
    "0": lambda: 0,
    "-1": lambda: -1,
    "1": lambda: 1,
    "7": lambda: 7,
    "an int beyond all": lambda: 10**30,
    "an int beyond floats": lambda: 10**400,
    "largest int64": lambda: np.iinfo(np.int64).max,
    "smallest int64": lambda: np.int64(np.iinfo(np.int64).min),
    "2.5": lambda: 2.5,
    "-0.5": lambda: -0.5,
    "1e308": lambda: 1e308,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: np.float32(-np.inf),
    "complex": lambda: 1j,
    "NumPy's complex": lambda: np.complex64(1),
    "a Decimal": lambda: Decimal("0.1"),
    "a Fraction": lambda: Fraction(1, 3),
    "float16": lambda: np.float16(0.5),
    "datetime": lambda: np.datetime64("2020-01-01"),
    # ---- lists ----
    "an empty list": list,
    "a list": lambda: [1, 2],
    "numbers and None": lambda: [1.0, None],
    "numbers and text": lambda: [1, "a"],
    "texts": lambda: ["a", "b"],
    "ragged": lambda: [[1.0, 2.0], [3.0]],
    "ragged arrays": lambda: [np.zeros(2), np.zeros(3)],
    "a list within itself": within_itself,
    "a deep list": lambda: functools.reduce(lambda inner, _: [inner], range(70), []),
    "a tuple of floats": lambda: (2.5, 1.0),
    "a tuple of -1": lambda: (-1, -1),
    "a tuple beyond all": lambda: (10**30, 3),
    "a tuple of None": lambda: (None, None),
    "a list of lists": lambda: [[1, 2], [3, 4]],
    "a list of layers": lambda: [nn.Sigmoid(), nn.Tanh()],
    "a list of classes": lambda: [nn.Sigmoid, nn.Dense],
    "a list of dicts": lambda: [{"parameters": 3}, {"parameters": [bare()], "learning_rate": "x"}],
    # ---- arrays ----
    "array of an object": lambda: np.array(None),
    "array of objects": lambda: np.array([[1.0, None, "a"]] * 4, object),
    "array of text": lambda: np.array([["a", "b", "c"]] * 4),
    "array of bytes": lambda: np.array([b"a"]),
    "array of complex": lambda: np.ones((4, 3), complex),
    "array of dates": lambda: np.array(["2020-01-01"] * 4, "M8[D]"),
    "records": lambda: np.zeros(4, [("x", float), ("y", int)]),
    "array of bools": lambda: np.ones((4, 3), bool),
    "array of nan": lambda: np.full((4, 3), np.nan),
    "array of inf": lambda: np.full((4, 3), np.inf),
    "1-D nan": lambda: np.full(4, np.nan, np.float32),
    "array of 1e308": lambda: np.full((4, 3), 1e308),
    "0-d": lambda: np.array(2.0),
    "one number in an array": lambda: np.array([0.5]),
    "no rows": lambda: np.zeros((0, 3)),
    "no columns": lambda: np.zeros((4, 0)),
    "nothing": lambda: np.zeros(0),
    "1-D": lambda: np.zeros(3),
    "1-D of rows": lambda: np.zeros(4),
    "too wide": lambda: np.zeros((4, 5)),
    "too many rows": lambda: np.zeros((5, 3)),
    "3-D": lambda: np.zeros((4, 2, 3)),
    "11-D": lambda: np.zeros((1,) * 11),
    "a column": lambda: np.zeros((4, 1)),
    "right floats": lambda: np.zeros((4, 3)),
    "read-only": frozen,
    "big-endian": lambda: np.ones((4, 3), ">f8"),
    "float16s": lambda: np.ones((4, 3), np.float16),
    "long doubles": lambda: np.ones((4, 3), np.longdouble),
    "strided": lambda: np.ones((8, 6))[::2, ::2],
    "broadcast": lambda: np.broadcast_to(1.0, (4, 3)),
    "labels": lambda: np.array([0, 1, 2, 1]),
    "negative labels": lambda: np.array([0, -1, 2, 1]),
    "large labels": lambda: np.array([0, 9, 2, 1]),
    "labels beyond all": lambda: np.array([0, 2**62, 2, 1]),
    "uint64 labels": lambda: np.array([0, 2**64 - 1, 2, 1], np.uint64),
    "labels as floats": lambda: np.array([0.0, 1.0, 2.0, 1.0]),
}
