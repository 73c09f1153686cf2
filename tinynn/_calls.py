"""A call as data: a function and its arguments, listed once and made in every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


def run(calls: Iterable[Call]) -> None:
    """Make the calls, one after the other."""
    for function, arguments in calls:
        function(*arguments)
