"""Reads the JSON that packing.py writes; anything else is refused."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinynn._arguments import shown
from tinynn.errors import CheckpointError
from tinynn.storage import npy

if TYPE_CHECKING:
    from tinynn._arrays import Array

    Place: TypeAlias = tuple[str | int, ...]
    Other: TypeAlias = Callable[[Any, Place, Callable[[Any, Place], Any]], Any]

#: How deep lists, tuples and dicts may stand in one another.
DEPTH = 100
_HEX, _HEX_INT = re.compile("(?:[0-9a-f]{2})*"), re.compile("-?0x[0-9a-f]+")


def at(place: Place) -> str:
    """A place of a tree, for messages.

    >>> at(("layers", 0, "weight"))
    'layers.0.weight'
    """
    return ".".join(map(str, place)) or "the value"


class Unpacker:
    """The inverse: `unpack` what was packed, then `finish`.

    Parameters: arrays, by name; other, what makes a value of an object with a key that begins with "$" and that
    is none of those above, from the object, its place and this unpacker's `unpack`.
    """

    def __init__(self, arrays: Mapping[str, Array], other: Other | None = None) -> None:
        #: Those that nothing has named yet.
        self.arrays = dict(arrays)
        self._other = other

    def unpack(self, plain: Any, place: Place = ()) -> Any:
        """The value of which `Packer.pack` made this JSON."""
        if len(place) > DEPTH:
            raise CheckpointError(f"{at(place)[:80]}: nested in more than {DEPTH} levels")
        if isinstance(plain, list):
            return [self.unpack(item, (*place, k)) for k, item in enumerate(plain)]
        if not isinstance(plain, dict):
            return plain
        if not any(key.startswith("$") for key in plain):
            return {key: self.unpack(item, (*place, key)) for key, item in plain.items()}
        value, (tag, content) = None, next(iter(plain.items()))
        if len(plain) == 1 and tag in _READERS:
            value = _READERS[tag](self, content, place)
        elif self._other:
            value = self._other(plain, place, self.unpack)
        if value is None:
            raise CheckpointError(f"{at(place)[:80]}: tinynn does not write {shown(plain)}")
        return value

    def finish(self) -> None:
        """CheckpointError if there are arrays that nothing has named."""
        if self.arrays:
            raise CheckpointError(f"it holds arrays that belong nowhere: {', '.join(self.arrays):.200}")

    def _array(self, content: Any, place: Place) -> Any:
        return self.arrays.pop(content, None) if isinstance(content, str) else None

    def _scalar(self, content: Any, place: Place) -> Any:
        match content:
            case [str(name), str(digits)] if name in npy.DTYPES:
                dtype, data = npy.DTYPES[name], _from_hex(digits)
                if len(data) == dtype.itemsize and not (dtype == np.bool_ and data > b"\x01"):
                    return np.frombuffer(data, dtype)[0]
        return None

    def _float(self, content: Any, place: Place) -> Any:
        data = _from_hex(content)
        return struct.unpack(">d", data)[0] if len(data) == 8 else None

    def _int(self, content: Any, place: Place) -> Any:
        return int(content, 16) if isinstance(content, str) and _HEX_INT.fullmatch(content) else None

    def _tuple(self, content: Any, place: Place) -> Any:
        return tuple(self.unpack(content, place)) if isinstance(content, list) else None

    def _dict(self, content: Any, place: Place) -> Any:
        result = {}
        for item in content if isinstance(content, list) else [None]:
            match item:
                case [str(key), value] if key not in result:
                    result[key] = self.unpack(value, (*place, key))
                case _:
                    return None
        return result


#: What reads each object: the value, or None for what tinynn does not write.
_READERS: dict[str, Callable[[Unpacker, Any, Place], Any]] = {
    "$array": Unpacker._array,
    "$scalar": Unpacker._scalar,
    "$float": Unpacker._float,
    "$int": Unpacker._int,
    "$tuple": Unpacker._tuple,
    "$dict": Unpacker._dict,
}


def _from_hex(digits: Any) -> bytes:
    """The bytes of pairs of lower-case digits; none for anything else."""
    return bytes.fromhex(digits) if isinstance(digits, str) and _HEX.fullmatch(digits) else b""
