"""A nested state as strict JSON and arrays, and back, exact to the last bit.

JSON has no NaN, no tuples and no arrays, and its numbers have no types. What it lacks is written as an
object with a key that begins with "$":

{"$array": name}                an array, kept beside the JSON under this name
{"$scalar": ["<f4", "0000803f"]} a NumPy scalar: its dtype and its bytes
{"$float": "7ff8000000000000"}  a float that is not finite: its bytes, the highest first
{"$int": "-0x8000000000000001"} an int of more than 63 bits
{"$tuple": [...]}               a tuple
{"$dict": [[key, value], ...]}  a dict with a key that begins with "$"
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DtypeError
from tinynn.storage import npy
from tinynn.storage.unpacking import DEPTH, Unpacker, at

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.storage.unpacking import Other, Place

_PLAIN_INT = 2**63
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def pack(tree: Any) -> tuple[Any, dict[str, Array]]:
    """A tree of dicts, lists, tuples, numbers, strings, None, arrays and NumPy scalars as (JSON, arrays by name).

    Raises: DtypeError that names the place of anything else.

    >>> pack({"best": [0.5, float("inf")], "weight": np.zeros(2)})
    ({'best': [0.5, {'$float': '7ff0000000000000'}], 'weight': {'$array': 'weight'}}, {'weight': array([0., 0.])})
    """
    packer = Packer()
    return packer.pack(tree), packer.arrays


def unpack(plain: Any, arrays: Mapping[str, Array]) -> Any:
    """The tree of which `pack` made these two.

    Raises: CheckpointError for what it cannot have made.

    >>> unpack({"best": [0.5, {"$float": "7ff0000000000000"}]}, {})
    {'best': [0.5, inf]}
    """
    unpacker = Unpacker(arrays)
    tree = unpacker.unpack(plain)
    unpacker.finish()
    return tree


class Packer:
    """Packs trees; their arrays gather in `arrays`.

    Parameters: arrays, a dict to gather in beside what it holds; other, what makes JSON of a value of another
    type, from the value, its place and this packer's `pack`; it returns None if it cannot.
    """

    def __init__(self, arrays: dict[str, Array] | None = None, other: Other | None = None) -> None:
        self.arrays = {} if arrays is None else arrays
        self._other = other

    def pack(self, value: Any, place: Place = ()) -> Any:
        """The JSON of a value that stands at this place of the tree."""
        if len(place) > DEPTH:
            raise DtypeError(f"{at(place)}: nested in more than {DEPTH} levels (a list that holds itself?)")
        kind = type(value)
        if kind is str:
            return _encodable(value, place)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if abs(value) < _PLAIN_INT else {"$int": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"$float": struct.pack(">d", value).hex()}
        if kind is list or kind is tuple:
            items = [self.pack(item, (*place, k)) for k, item in enumerate(value)]
            return items if kind is list else {"$tuple": items}
        if kind is dict:
            return self._pack_dict(value, place)
        if kind is np.ndarray:
            return {"$array": self._keep(value, place)}
        if isinstance(value, np.generic):
            name = npy.dtype_name(value.dtype, at(place))
            return {"$scalar": [name, np.array(value, npy.DTYPES[name]).tobytes().hex()]}
        plain = self._other(value, place, self.pack) if self._other else None
        if plain is None:
            raise DtypeError(
                f"{at(place)}: no file can hold {_article(kind.__name__)}; dicts with string keys, lists, tuples, "
                "numbers, strings, None and NumPy arrays can be stored"
            )
        return plain

    def _pack_dict(self, value: dict[Any, Any], place: Place) -> Any:
        items = []
        for key, item in value.items():
            if type(key) is not str:
                raise DtypeError(f"{at(place)}: a dict needs string keys to be stored, got {key!r:.80}")
            items.append([_encodable(key, place), self.pack(item, (*place, key))])
        return {"$dict": items} if any(key.startswith("$") for key in value) else dict(items)

    def _keep(self, array: Array, place: Place) -> str:
        """Keep an array under a name that tells its place and is harmless as a file's name."""
        npy.dtype_name(array.dtype, at(place))
        stem = name = _UNSAFE.sub("_", ".".join(map(str, place)))[:200] or "array"
        count = 1
        while name in self.arrays:
            count += 1
            name = f"{stem}~{count}"
        self.arrays[name] = array
        return name


def _encodable(text: str, place: Place) -> str:
    if _SURROGATE.search(text):
        raise DtypeError(f"{at(place)}: no file can hold half of a surrogate pair, as in {text!a:.80}")
    return text


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
