"""The random generators that a training run draws from, found from the attributes of what takes part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from tinynn.errors import CheckpointError
from tinynn.layers import Layer

#: A generator's state: plain numbers, strings and arrays, nested.
State = dict[str, Any]
Generator: TypeAlias = np.random.Generator | np.random.RandomState


def named_layers(layer: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """(path, layer) of a layer and all below it, paths as in the names of parameters: "", "0", "2.1"."""
    yield path, layer
    for name, child in layer.named_children():
        if isinstance(child, Layer):
            yield from named_layers(child, f"{path}.{name}" if path else name)


def generators_of(owner: Any) -> Iterator[tuple[str, Generator]]:
    """(name, generator) of each NumPy generator among an object's attributes, transient ones left out."""
    transient = getattr(type(owner), "transient", ())
    for name, value in getattr(owner, "__dict__", {}).items():
        if name not in transient and isinstance(value, (np.random.Generator, np.random.RandomState)):
            yield name, value


def states(owners: Iterable[tuple[str, Any]]) -> dict[str, State]:
    """{"owner.attribute": state} of all generators of (name, owner) pairs."""
    return {f"{place}.{name}": _state(each) for place, owner in owners for name, each in generators_of(owner)}


def restore(owners: Iterable[tuple[str, Any]], saved: Mapping[str, State]) -> None:
    """Put the generators into the states that `states` gave, all or none.

    Raises: CheckpointError if other generators were saved than are there, of another kind, or in no state of theirs.
    """
    own = {f"{place}.{name}": each for place, owner in owners for name, each in generators_of(owner)}
    before = {name: _state(each) for name, each in own.items()}
    faults = [f"{name} has no saved state" for name in own if name not in saved]
    faults += [f"{name} is not there" for name in saved if name not in own]
    for name in own.keys() & saved.keys():
        kind = before[name]["bit_generator"]
        if saved[name].get("bit_generator") != kind:
            faults.append(f"{name} is a {kind}, saved was a {saved[name].get('bit_generator')}")
    try:
        for name, each in own.items() if not faults else ():
            if not _set(each, saved[name]):
                faults.append(f"{name} has a state that cannot be")
    finally:
        for name, each in own.items() if faults else ():
            _set(each, before[name])
    if faults:
        raise CheckpointError(f"the random generators are not those that were saved: {'; '.join(sorted(faults))}")


def _state(generator: Generator) -> Any:
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)  # it draws normal numbers in pairs, and may hold the second one
    return generator.bit_generator.state


def _set(generator: Generator, state: Any) -> bool:
    """Whether the generator is then in this very state, which NumPy does not check."""
    try:
        if isinstance(generator, np.random.RandomState):
            generator.set_state(state)
        else:
            generator.bit_generator.state = state
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return _equal(_state(generator), state)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return type(a) is type(b) and np.array_equal(a, b)
