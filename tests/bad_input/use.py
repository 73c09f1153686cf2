"""What a use of a public callable is: the right call, what may be wrong with it, and what shows that it still works."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from bad_input.kinds import Row, Rows

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
TARGET = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
LABELS = np.array([0, 2, 1, 1])


@dataclass(frozen=True)
class Argument:
    """The right value of an argument, and rows of wrong ones."""

    right: Any
    rows: Rows


def arg(right: Any, *rows: Row | Iterable[Row]) -> Argument:
    listed = [[row] if isinstance(row, Row) else row for row in rows]
    return Argument(right, list(itertools.chain(*listed)))


@dataclass(frozen=True)
class Use:
    """A call of a public callable.

    name: "Dense", "Dense.forward", "Parameter.value"; after a comma, what sets the use apart from another one.
    call: called with what `make` gives, a fresh object, and the arguments by name.
    works: what the object gives in a right use; a refused call must not change that.
    """

    name: str
    call: Callable[..., Any]
    arguments: dict[str, Argument]
    make: Callable[[], Any] = lambda: None
    works: Callable[[Any], Any] = lambda thing: None
    #: Errors other than a TinynnError that the documentation promises.
    documented: tuple[type[BaseException], ...] = ()
    #: The arguments that anything of the menu may be thrown at, None for all: not those which a user's own code
    #: would have to take.
    fuzzed: tuple[str, ...] | None = None

    @property
    def covers(self) -> str:
        """The callable's name."""
        return self.name.split(",")[0]

    @property
    def exposed(self) -> list[str]:
        """The arguments that anything may be thrown at."""
        return list(self.arguments if self.fuzzed is None else self.fuzzed)

    @property
    def right(self) -> dict[str, Any]:
        return {name: argument.right for name, argument in self.arguments.items()}

    def __str__(self) -> str:
        return self.name


def use(name: str, call: Callable[..., Any], /, *, _options: dict[str, Any] | None = None, **arguments: Any) -> Use:
    """A Use; arguments are made with `arg`, or right values without rows of their own."""
    listed = {name: value if isinstance(value, Argument) else arg(value) for name, value in arguments.items()}
    return Use(name, call, listed, **(_options or {}))


def by_keywords(make: Callable[..., Any], name: str = "", /, **arguments: Any) -> Use:
    """A class or function of keyword arguments."""
    return use(name or make.__name__, lambda _, **given: make(**given), **arguments)


def by_position(
    make: Callable[..., Any], name: str = "", /, *, _keywords: tuple[str, ...] = (), **arguments: Any
) -> Use:
    """A class or function whose arguments go in by position, but for those named."""

    def call(_: Any, **given: Any) -> Any:
        named = {name: given.pop(name) for name in _keywords}
        return make(*given.values(), **named)

    return use(name or make.__name__, call, **arguments)


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, with the same types."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        kinds = [(type(each), getattr(each, "dtype", None), np.shape(each)) for each in (a, b)]
        return kinds[0] == kinds[1] and a.tobytes() == b.tobytes()
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(a) is type(b) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and bool(a == b)
