"""What a function takes, as far as its signature tells."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any


def _parameters(f: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a ufunc, a builtin
        return []


def names_of(f: Callable[..., Any]) -> list[str]:
    return [p.name for p in _parameters(f)]


def positional(f: Callable[..., Any]) -> list[inspect.Parameter]:
    return [p for p in _parameters(f) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def takes_each(f: Callable[..., Any], count: int) -> bool:
    """Whether `count` arrays go in one by one: f takes so many, with or without its defaults.

    One argument without a default and others with one, f(pair, scale=2.0), is taken for a function of all at once.
    """
    needed = required(f)
    return takes_count(f, count) or (needed != 1 and needed < count <= len(positional(f)))


def takes_count(f: Callable[..., Any], count: int) -> bool:
    """Whether f has exactly `count` arguments by position that need a value, or takes any number."""
    return required(f) in (count, -1)


def required(f: Callable[..., Any]) -> int:
    """How many arguments by position f needs; -1 if it takes *args."""
    if any(p.kind is p.VAR_POSITIONAL for p in _parameters(f)):
        return -1
    return sum(p.default is p.empty for p in positional(f))


def takes_names(f: Callable[..., Any], names: Collection[Any]) -> bool:
    """Whether f takes these names, and needs no other argument."""
    needed = {
        p.name for p in _parameters(f) if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    return _accepts_names(f, names) and needed <= set(names)


def left_over(f: Callable[..., Any], names: Collection[Any]) -> str | None:
    """The name of the one argument that f takes, or needs, beside these names."""
    others = [p for p in _parameters(f) if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in names]
    needed = [p for p in others if p.default is p.empty] or others
    return needed[0].name if len(needed) == 1 and _accepts_names(f, names) else None


def _accepts_names(f: Callable[..., Any], names: Collection[Any]) -> bool:
    parameters = _parameters(f)
    kinds = {p.kind for p in parameters}
    # With both *args and **kwargs it hands on what comes, and tells nothing.
    if inspect.Parameter.VAR_KEYWORD in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        return all(isinstance(name, str) for name in names)
    return set(names) <= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
