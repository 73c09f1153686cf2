"""The random generators that a training run draws from, found from the attributes of what takes part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinynn.errors import CheckpointError
from tinynn.layers import Layer

#: A generator's state: plain numbers, strings and arrays, nested.
State = dict[str, Any]


def named_layers(layer: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """(path, layer) of a layer and all below it, paths as in the names of parameters: "", "0", "2.1"."""
    yield path, layer
    for name, child in layer.named_children():
        if isinstance(child, Layer):
            yield from named_layers(child, f"{path}.{name}" if path else name)


def generators_of(owner: Any) -> Iterator[tuple[str, Any]]:
    """(name, bit generator) of each NumPy generator among an object's attributes, transient ones left out."""
    transient = getattr(type(owner), "transient", ())
    for name, value in getattr(owner, "__dict__", {}).items():
        if name not in transient and isinstance(value, (np.random.Generator, np.random.RandomState)):
            yield name, value.bit_generator if isinstance(value, np.random.Generator) else value._bit_generator


def states(owners: Iterable[tuple[str, Any]]) -> dict[str, State]:
    """{"owner.attribute": state} of all generators of (name, owner) pairs."""
    return {f"{place}.{name}": bits.state for place, owner in owners for name, bits in generators_of(owner)}


def restore(owners: Iterable[tuple[str, Any]], saved: Mapping[str, State]) -> None:
    """Put the generators into the states that `states` gave; all is checked first.

    Raises: CheckpointError if other generators were saved than are there, or of another kind.
    """
    own = {f"{place}.{name}": bits for place, owner in owners for name, bits in generators_of(owner)}
    faults = [f"{name} has no saved state" for name in own if name not in saved]
    faults += [f"{name} is not there" for name in saved if name not in own]
    for name in own.keys() & saved.keys():
        kind = own[name].state["bit_generator"]
        if saved[name].get("bit_generator") != kind:
            faults.append(f"{name} is a {kind}, saved was a {saved[name].get('bit_generator')}")
    if faults:
        raise CheckpointError(f"the random generators are not those that were saved: {'; '.join(sorted(faults))}")
    for name, bits in own.items():
        bits.state = saved[name]
