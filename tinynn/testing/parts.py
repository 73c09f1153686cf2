"""The objects within a foreign object that are layers themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def parts(thing: Any) -> list[tuple[str, Any]]:
    """A foreign object and all within it that has forward and backward, with their paths: "", "layers.0", …"""
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()

    def visit(path: str, part: Any) -> None:
        if id(part) in seen:
            return
        seen.add(id(part))
        found.append((path, part))
        for name, inner in _inside(getattr(part, "__dict__", {}).items()):
            if all(callable(getattr(inner, method, None)) for method in ("forward", "backward")):
                visit(f"{path}.{name}".lstrip("."), inner)

    visit("", thing)
    return found


def _inside(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """The objects among attributes, those in lists, tuples and dicts as well."""
    for name, value in items:
        if isinstance(value, (list, tuple)):
            yield from ((f"{name}.{inner}", item) for inner, item in _inside(enumerate(value)))
        elif isinstance(value, dict):
            yield from ((f"{name}.{inner}", item) for inner, item in _inside(value.items()))
        elif not isinstance(value, type):
            yield str(name), value
