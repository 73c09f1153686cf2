"""What a network is made of, as JSON: each layer's class and constructor arguments.

{"$layer": "Dense", "arguments": {"in_features": 3, …}}   a layer of tinynn
{"$custom": "Scale", "arguments": {"features": 3}}        a layer of a class that `load` must be given
{"$initializer": "nielsen", "scaled": true}               a function of tinynn.initializers
{"$dtype": "float32"}                                     a dtype

Classes are looked up by name in a table of tinynn's layers and in what the caller gives, nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import initializers, layers
from tinynn._arrays import FLOATS
from tinynn.errors import InvalidValueError
from tinynn.layers.base import Layer, constructor
from tinynn.storage.packing import Packer

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.storage.unpacking import Place

BUILT_IN: dict[str, type[Layer]] = {name: getattr(layers, name) for name in layers.__all__ if name != "Layer"}
#: Initializers with arguments, which their objects keep under the same names.
_MADE = {type(initializers.constant(0.0)): "constant", type(initializers.nielsen()): "nielsen"}
FUNCTIONS = {name: getattr(initializers, name) for name in initializers.__all__ if name not in _MADE.values()}


def describe(model: Layer, arrays: dict[str, Array]) -> Any:
    """The architecture as JSON; arrays among constructor arguments join `arrays`.

    Raises: InvalidValueError or DtypeError for a layer that could not be built again.
    """
    return Packer(arrays, _Describer()).pack(model)


class _Describer:
    """JSON for layers, initializers and dtypes."""

    def __init__(self) -> None:
        self._classes: dict[str, type] = {}

    def __call__(self, value: Any, place: Place, pack: Callable[[Any, Place], Any]) -> Any:
        if isinstance(value, Layer):
            arguments = {
                name: pack(argument, (*place, name)) for name, argument in self._arguments(type(value), value).items()
            }
            return {self._tag(type(value)): type(value).__name__, "arguments": arguments}
        if isinstance(value, np.dtype) and value in FLOATS:
            return {"$dtype": value.name}
        return _initializer(value)

    def _tag(self, cls: type[Layer]) -> str:
        name = cls.__name__
        if BUILT_IN.get(name) is cls:
            return "$layer"
        if self._classes.setdefault(name, cls) is not cls:
            raise InvalidValueError(f"save: two classes of layers are named {name}; rename one of them")
        return "$custom"

    def _arguments(self, cls: type[Layer], layer: Layer) -> dict[str, Any]:
        """What the constructor is to be called with."""
        config, known, name = layer.config(), constructor(cls), cls.__name__
        for argument in config.keys() - known.keys():
            raise InvalidValueError(f"save: {name}.config() has {argument!r}, which its __init__ does not take")
        if "dtype" in known and layer.dtype is not None:
            config["dtype"] = layer.dtype
        for argument, rule in known.items():
            # A random start is of no use to a layer whose values follow from the file.
            if argument == "rng" and rule.default is rule.empty:
                config["rng"] = None
            elif argument not in config and rule.default is rule.empty and rule.kind is not rule.VAR_POSITIONAL:
                raise InvalidValueError(
                    f"save: no attribute keeps {name}'s argument {argument!r}, and without it the layer cannot be "
                    f"built again; write self.{argument} = {argument} in its __init__, or override config()"
                )
            elif rule.kind is rule.VAR_POSITIONAL and argument in config:
                config[argument] = list(config[argument])
        return {argument: value for argument, value in config.items() if not _is_foreign_initializer(argument, value)}


def _initializer(value: Any) -> Any:
    """JSON for an initializer of tinynn, None for anything else."""
    for name, function in FUNCTIONS.items():
        if value is function:
            return {"$initializer": name}
    name = _MADE.get(type(value), "")
    return {"$initializer": name, **vars(value)} if name else None


def _is_foreign_initializer(argument: str, value: Any) -> bool:
    """A function of the user's own that only drew the initial values, which the file's values replace."""
    return argument.endswith("initializer") and callable(value) and _initializer(value) is None
