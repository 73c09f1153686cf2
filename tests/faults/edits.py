"""Files that say something else than what was saved, with all checksums right: damage that somebody meant.

What a file holds is taken out, changed in one to three places, and written as tinynn writes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from damage import Variant
from faults.report import scratch

from tinynn.errors import CheckpointError, DtypeError, InvalidValueError
from tinynn.storage import container

#: What takes the place of something else.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308, "", "a", "0", "relu", "PCG64"),
    *([], {}, [1], [[]], [{}], {"a": 1}, {"": 0}, "\x00", "é", "../x", "__class__", "0.weight", "x" * 5000, [0] * 2000),
    *(
        {"$array": "x"},
        {"$float": "7ff8000000000000"},
        {"$int": "0x10"},
        {"$tuple": []},
        {"$scalar": ["<f4", "0000c07f"]},
    ),
]
DTYPES = ["<f4", "<f8", "<f2", "<i8", "<i4", "|u1", "|b1", "<u8"]


def variants(kind: str, data: bytes, count: int, rng: np.random.Generator) -> Iterator[Variant]:
    """`count` of them; those that cannot even be written are no files."""
    with scratch() as directory:
        path = directory / "edited.npz"
        path.write_bytes(data)
        manifest, arrays = container.read(path, kind)
        made = 0
        while made < count:
            box, changed, what = [copy.deepcopy(manifest)], dict(arrays), []
            for _ in range(int(rng.integers(1, 4))):
                what.append(edit_arrays(changed, rng) if rng.random() < 0.3 and changed else edit(box, rng))
            try:
                container.write(path, kind, box[0], changed)
            except (ValueError, TypeError, RecursionError, CheckpointError, DtypeError, InvalidValueError):
                continue
            made += 1
            yield Variant(f"edited: {'; '.join(what)}", path.read_bytes())


def edit(box: list[Any], rng: np.random.Generator) -> str:
    """Change one place of a tree: a value, a key, the order, or what belongs to another place."""
    places = list(walk(box))
    owner, key = places[int(rng.integers(len(places)))]
    other_owner, other_key = places[int(rng.integers(len(places)))]
    old = owner[key]
    match int(rng.integers(7)):
        case 0:
            owner[key] = copy.deepcopy(VALUES[int(rng.integers(len(VALUES)))])
        case 1:
            owner[key] = copy.deepcopy(other_owner[other_key])
        case 2 if owner is not box:
            del owner[key]
            return f"{key!r} removed"
        case 3 if isinstance(owner, dict):
            owner[other_key if isinstance(other_key, str) else "extra"] = owner.pop(key)
            return f"{key!r} under another name"
        case 4 if isinstance(owner, list) and owner is not box:
            owner.insert(int(key), copy.deepcopy(old))
            return f"item {key} twice"
        case 5 if isinstance(old, dict):
            old["extra"] = copy.deepcopy(VALUES[int(rng.integers(len(VALUES)))])
            return f"one more in {key!r}"
        case _:
            owner[key] = near(old, rng)
    return f"{key!r}: {str(old)[:60]!r} became {str(owner[key])[:60]!r}"


def near(value: Any, rng: np.random.Generator) -> Any:
    """A value like it, or of another type."""
    match value:
        case bool():
            return int(value)
        case int():
            return [value + 1, value - 1, -value, 2 * value, float(value), str(value)][int(rng.integers(6))]
        case float():
            return [-value, value * (1 + 2**-52), str(value), 0, 1e30][int(rng.integers(5))]
        case str():
            return [value + "x", value[1:], value.upper(), value[::-1]][int(rng.integers(4))]
        case dict():
            return dict(reversed(value.items()))
        case list():
            return value[::-1]
    return 0


def walk(tree: Any) -> Iterator[tuple[Any, Any]]:
    """(owner, key) of everything in a tree."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from walk(tree[key])


def edit_arrays(arrays: dict[str, Any], rng: np.random.Generator) -> str:
    """Change one array: its values, shape, dtype, order or name, or whether it is there."""
    name = list(arrays)[int(rng.integers(len(arrays)))]
    array = arrays[name]
    match int(rng.integers(8)):
        case 0:
            del arrays[name]
            return f"array {name} removed"
        case 1:
            arrays[name + "x"] = arrays.pop(name)
        case 2:
            arrays[name] = array.reshape(-1)
        case 3:
            arrays[name] = array.T
        case 4:
            arrays[name] = array.ravel()[:-1]
        case 5:
            with np.errstate(all="ignore"):
                arrays[name] = array.astype(DTYPES[int(rng.integers(len(DTYPES)))])
        case 6:
            with np.errstate(all="ignore"):
                arrays[name] = np.full(array.shape, [np.nan, np.inf, 0, -1][int(rng.integers(4))]).astype(array.dtype)
        case _:
            arrays["extra"] = array
    return f"array {name} changed"
