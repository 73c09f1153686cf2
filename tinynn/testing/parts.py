"""The objects within an object that are layers themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any


def parts(thing: Any) -> list[tuple[str, Any]]:
    """An object and all within it that has forward and backward, with their paths: "", "layers.0", …"""
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()

    def visit(path: str, part: Any) -> None:
        if id(part) in seen:
            return
        seen.add(id(part))
        found.append((path, part))
        for name, inner in inside(attributes(part).items()):
            if is_part(inner):
                visit(f"{path}.{name.removeprefix('_layers.')}".lstrip("."), inner)

    visit("", thing)
    return found


def is_part(thing: Any) -> bool:
    return all(callable(getattr(thing, method, None)) for method in ("forward", "backward"))


def attributes(thing: Any) -> dict[str, Any]:
    """An object's attributes by name, those in __slots__ as well."""
    found = dict(getattr(thing, "__dict__", {}))
    for cls in type(thing).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(thing, name):
                found[name] = getattr(thing, name)
    return found


def inside(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """The objects among attributes, those in lists, tuples and dicts as well."""
    for name, value in items:
        if isinstance(value, (list, tuple)):
            yield from ((f"{name}.{inner}", item) for inner, item in inside(enumerate(value)))
        elif isinstance(value, dict):
            yield from ((f"{name}.{inner}", item) for inner, item in inside(value.items()))
        elif isinstance(value, SimpleNamespace):
            yield str(name), value
            yield from ((f"{name}.{inner}", item) for inner, item in inside(vars(value).items()))
        elif not isinstance(value, type):
            yield str(name), value
