"""Builds the network that architecture.py described.

Two passes: the first only looks, so that a file that asks for a class that is not here, or for more
memory than its own numbers justify, is refused before any layer is built.
"""

from __future__ import annotations

import abc
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import initializers
from tinynn._arguments import shown
from tinynn._arrays import FLOATS
from tinynn.errors import CheckpointError
from tinynn.layers.base import Layer, constructor
from tinynn.layers.dense import Dense
from tinynn.storage.architecture import BUILT_IN, FUNCTIONS
from tinynn.storage.unpacking import Unpacker

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.storage.unpacking import Place


def rebuild(
    plain: Any, arrays: Mapping[str, Array], custom: Mapping[str, type[Layer]]
) -> tuple[Layer, dict[str, Array]]:
    """The network that `describe` described, with values yet to be filled in, and the arrays left for that.

    Parameters: plain and arrays, as read; custom, the classes of custom layers by name.
    Raises: CheckpointError that lists all classes that are missing, or if the layers of tinynn would have
    more parameters than the file has numbers, before any layer is built; for arguments that a class refuses.
    """
    survey = _Survey(custom)
    Unpacker(arrays, survey).unpack(plain)
    survey.check(sum(array.size for array in arrays.values() if array.dtype in FLOATS))
    unpacker = Unpacker(arrays, _Builder(custom))
    model = unpacker.unpack(plain)
    if not isinstance(model, Layer):
        raise CheckpointError("describes no layer")
    return model, unpacker.arrays


class _Reading(abc.ABC):
    """One pass over an architecture; abstract. A pass writes `layer`."""

    def __init__(self, custom: Mapping[str, type[Layer]]) -> None:
        self._custom = custom

    def __call__(self, plain: dict[str, Any], place: Place, unpack: Callable[[Any, Place], Any]) -> Any:
        """The value of an object with a key that begins with "$"; None for one that tinynn does not write."""
        match plain:
            case {"$layer": str(name), "arguments": dict(arguments)} if len(plain) == 2:
                found = BUILT_IN.get(name)
            case {"$custom": str(name), "arguments": dict(arguments)} if len(plain) == 2:
                found = self._custom.get(name)
            case {"$initializer": str(name), **options}:
                return _made(name, options)
            case {"$dtype": "float32" | "float64" as name} if len(plain) == 1:
                return np.dtype(name)
            case _:
                return None
        inner = {key: unpack(value, (*place, key)) for key, value in arguments.items()}
        return self.layer(found, name, "$custom" in plain, inner)

    @abc.abstractmethod
    def layer(self, cls: type[Layer] | None, name: str, custom: bool, arguments: dict[str, Any]) -> Any:
        """What stands for a layer of this class, None if there is none of that name."""


class _Survey(_Reading):
    """Which classes are missing, and how many parameters the layers of tinynn declare."""

    def __init__(self, custom: Mapping[str, type[Layer]]) -> None:
        super().__init__(custom)
        #: Names of classes that are not there: of tinynn's layers and of custom ones.
        self._missing: tuple[dict[str, None], dict[str, None]] = {}, {}
        self._declared = 0

    def layer(self, cls: type[Layer] | None, name: str, custom: bool, arguments: dict[str, Any]) -> Any:
        if cls is None:
            self._missing[custom][name] = None
        elif issubclass(cls, Dense):
            inputs, outputs = (_width(arguments.get(key)) for key in ("in_features", "out_features"))
            self._declared += inputs * outputs + (outputs if arguments.get("bias", True) is not False else 0)
        return _PRESENT

    def check(self, numbers: int) -> None:
        """CheckpointError if a class is missing, or if there are more parameters than numbers."""
        own, custom = map(list, self._missing)
        faults = [f"layers that this tinynn does not know: {', '.join(own):.400}; update tinynn"] if own else []
        if custom:
            given = ", ".join(f'"{name}": {name}' for name in custom)
            faults.append(f"custom layers, whose classes it needs: load(path, custom_layers={{{given:.400}}})")
        if faults:
            raise CheckpointError(f"has {'; and '.join(faults)}")
        if self._declared > numbers:
            raise CheckpointError(
                f"is made up: its Dense layers have {shown(self._declared)} parameters, it holds {numbers} numbers"
            )


def _width(value: Any) -> int:
    """A number of neurons, as Dense takes it; 0 for what Dense will refuse."""
    try:
        return max(0, operator.index(value))
    except TypeError:
        return 0


class _Builder(_Reading):
    """The layers themselves."""

    def layer(self, cls: type[Layer] | None, name: str, custom: bool, arguments: dict[str, Any]) -> Any:
        assert cls is not None  # the survey came first
        known = constructor(cls)
        later = {key: value for key, value in arguments.items() if key.endswith("initializer") and callable(value)}
        try:
            if unknown := arguments.keys() - known.keys():
                raise TypeError(f"unknown arguments {sorted(unknown)}")
            # Nothing is drawn that the file's values replace: it takes time, and entropy of the system.
            given = arguments | dict.fromkeys(later, initializers.zeros) | ({"rng": 0} if cls is Dense else {})
            bound = inspect.BoundArguments(inspect.Signature(list(known.values())), given)
            layer = cls(*bound.args, **bound.kwargs)
            for key, value in later.items():
                if getattr(layer, key, None) is initializers.zeros:
                    setattr(layer, key, value)
        except Exception as error:  # whatever a class raises for arguments that it was not made for
            raise CheckpointError(f"cannot build {name:.80} from {shown(arguments)}: {error}") from error
        return layer


#: Stands for a value that is not looked at.
_PRESENT = object()


def _made(name: str, arguments: dict[str, Any]) -> Any:
    """The initializer that `_initializer` described."""
    if name in FUNCTIONS and not arguments:
        return FUNCTIONS[name]
    match name, arguments:
        case "constant", {"value": float(value)} if len(arguments) == 1:
            return initializers.constant(value)
        case "nielsen", {"scaled": bool(scaled)} if len(arguments) == 1:
            return initializers.nielsen(scaled)
    return None
