"""What a layer does in one step, as data: calls of NumPy that can be listed, cut into blocks and shared out.

A stage is either one call, a function with its arguments, or element-wise work that treats each row of
its arrays by itself. Element-wise work of neighbouring layers is done together. On large arrays it is cut
into blocks of rows that stay in the cache from one call to the next, and two cores take half of them each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tinynn import _workers
from tinynn._calls import run

if TYPE_CHECKING:
    from tinynn._calls import Call

#: Elements of a block: three float32 arrays of them fill a third of a core's megabyte of cache.
BLOCK = 65_536
#: Elements from which on two cores are faster than one.
SHARED = 262_144


class Elementwise(NamedTuple):
    """Work on each row by itself: `calls(rows)` lists it for a slice of the rows; `size` counts all elements."""

    rows: int
    size: int
    calls: Callable[[slice], list[Call]]


if TYPE_CHECKING:
    Stage: TypeAlias = Call | Elementwise


def listed(stages: Iterable[Stage]) -> list[Call]:
    """The stages as one flat list of calls, in order."""
    calls: list[Call] = []
    for rows, group in itertools.groupby(stages, lambda stage: stage.rows if isinstance(stage, Elementwise) else None):
        if rows is None:
            calls += group  # type: ignore[arg-type]
        else:
            calls += _cut(rows, list(group))  # type: ignore[arg-type]
    return calls


def _cut(rows: int, work: Sequence[Elementwise]) -> list[Call]:
    """Element-wise work on the same rows, block by block, each block on one core."""
    size = max(piece.size for piece in work)
    blocks = max(1, min(rows, -(-size // BLOCK)))
    shares = 2 if size >= SHARED and blocks > 1 else 1
    blocks += blocks % shares
    edges = [rows * k // blocks for k in range(blocks + 1)]
    calls = [
        [call for piece in work for call in piece.calls(slice(start, stop))]
        for start, stop in itertools.pairwise(edges)
        if start < stop
    ]
    if shares == 1:
        return [call for block in calls for call in block]
    half = len(calls) // 2
    parts = [[call for block in part for call in block] for part in (calls[:half], calls[half:])]
    return [(_workers.run, ([(run, (part,)) for part in parts],))]
