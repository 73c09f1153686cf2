"""Whole networks in files: what they are made of, and their values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import _arguments
from tinynn._arguments import shown
from tinynn._arrays import FLOATS
from tinynn.errors import CheckpointError, DtypeError
from tinynn.layers.base import Layer
from tinynn.storage import container
from tinynn.storage.architecture import describe
from tinynn.storage.rebuilding import rebuild

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype

KIND = "model"


def save(model: Layer, path: str | os.PathLike[str]) -> None:
    """Write a network, its structure and its values, into one file, whole or not at all.

    NumPy reads the values too: `np.load(path)["0.weight"]`. docs/format.md describes the file.
    Parameters: model; path, to which no suffix is added.
    Raises: OSError if the file cannot be written; then what was there before is untouched. StateError if a
    layer stands in two places; InvalidValueError or DtypeError for a custom layer whose constructor
    arguments are not kept, or cannot be stored.

    >>> import pathlib, tempfile, tinynn as nn
    >>> model = nn.Sequential(nn.Dense(3, 2), nn.Tanh(), rng=0)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.npz")
    >>> save(model, path)
    >>> load(path)
    Sequential(Dense(3, 2), Tanh())
    >>> bool(np.all(np.load(path)["0.weight"] == model[0].weight.value))
    True
    """
    if not isinstance(model, Layer):
        raise DtypeError(f"save: model must be a Layer, got {shown(model)}")
    arrays: dict[str, Array] = {name: np.asarray(value) for name, value in model.named_state().items()}
    container.write(path, KIND, describe(model, arrays), arrays)


def load(path: str | os.PathLike[str], custom_layers: Mapping[str, type[Layer]] | Iterable[type[Layer]] = ()) -> Layer:
    """The network of a file that `save` wrote, in training mode.

    No file can run code: classes are looked up among tinynn's layers and in `custom_layers` alone.
    Parameters: path; custom_layers, the classes of the custom layers in it, by name or as a list.
    Raises: CheckpointError that names the file and all that is wrong; FileNotFoundError.

    >>> import pathlib, tempfile, tinynn as nn
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.npz")
    >>> save(nn.Sequential(nn.Dense(3, 2), rng=0), path)
    >>> load(path).predict(np.zeros((1, 3)))
    array([[0., 0.]], dtype=float32)
    """
    path, classes = _arguments.path("load: path", path), _by_name(custom_layers)
    with container.faults_named(path):
        model, arrays = rebuild(*container.read(path, KIND), classes)
        _fill(model, arrays)
    return model


def _by_name(custom_layers: Any) -> dict[str, type[Layer]]:
    """The classes by name, checked."""
    try:
        pairs = dict(custom_layers if isinstance(custom_layers, Mapping) else {c.__name__: c for c in custom_layers})
        right = all(isinstance(c, type) and issubclass(c, Layer) for c in pairs.values())
    except (AttributeError, TypeError):
        right = False
    if not right:
        raise DtypeError(
            f'load: custom_layers must be classes of layers, as in {{"Scale": Scale}}, got {shown(custom_layers)}'
        )
    return pairs


def _fill(model: Layer, arrays: dict[str, Array]) -> None:
    """Put the values in. All is checked first, and every fault is listed."""
    own, parameters, persistent = model.named_state(), dict(model.named_parameters()), model.named_persistent()
    faults = [f"{name} is missing" for name in own if name not in arrays]
    faults += [f"{name} is unknown" for name in arrays if name not in own]
    for name in [name for name in own if name in arrays]:
        array, present = arrays[name], own[name]
        if array.shape != np.shape(present):
            faults.append(f"{name} has shape {array.shape} instead of {np.shape(present)}")
        if isinstance(present, np.ndarray) and not _alike(array.dtype, present.dtype):
            faults.append(f"{name} has dtype {array.dtype} instead of {present.dtype}")
    if faults:
        raise CheckpointError(f"does not fit the network that it describes: {'; '.join(faults)}")
    for name, value in own.items():
        array = arrays.pop(name)
        if name in parameters:
            _assign(parameters[name], array)
        elif not isinstance(value, np.ndarray):
            setattr(*persistent[name], array.item())
        elif value.dtype == array.dtype:
            value[...] = array
        else:
            setattr(*persistent[name], array)


def _alike(one: Dtype, other: Dtype) -> bool:
    """Whether they are the same, or both floats: a converted network's arrays say what it was converted to."""
    return one == other or (one in FLOATS and other in FLOATS)


def _assign(parameter: Any, array: Array) -> None:
    """The array's values, dtype and memory order."""
    parameter.astype(array.dtype)
    if all(parameter.value.flags[order] == array.flags[order] for order in ("C", "F")):
        parameter.value = array
    else:
        parameter.__setstate__((array, np.zeros_like(array), parameter.name))
