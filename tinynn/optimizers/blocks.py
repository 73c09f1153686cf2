"""How the parameters' vector is cut up: long stretches into blocks, and the blocks shared out to threads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tinynn._arrays import Array
    from tinynn.parameter import ParameterVector

#: Elements that NumPy calls work on at a time. It bounds the temporaries to a megabyte or two and gains at two
#: million parameters (Adam: 2.7 against 3.0 ms); much smaller blocks lose (16,384: 3.3 ms).
BLOCK = 262_144
#: Elements times passes over them from which on two cores are faster than one: some 0.14 ms on one core. Each
#: core beyond them gets half as much.
SHARED = 1_500_000
#: Blocks begin at multiples of so many elements, where a cache line does.
LINE = 16


class Block(NamedTuple):
    """Views of one piece of the vector and of its slots."""

    value: Array
    grad: Array
    slots: dict[str, Array]


def cut(vector: ParameterVector, start: int, stop: int, slots: Mapping[str, Array], size: int) -> list[Block]:
    """A stretch of the vector in blocks of at most `size` elements: one, or an even number."""
    length = stop - start
    each = length if length <= size else _even(length, size)
    blocks = []
    for first in range(start, stop, max(1, each)):
        piece = slice(first, min(first + each, stop))
        views = {name: array[piece] for name, array in slots.items()}
        blocks.append(Block(vector.value[piece], vector.grad[piece], views))
    return blocks


def _even(length: int, size: int) -> int:
    """How long each of an even number of blocks is; the last one may be shorter."""
    pieces = -(-length // size)
    each = -(-length // (pieces + pieces % 2))
    return min(size, -(-each // LINE) * LINE)


def share(blocks: list[Block], number: int) -> list[list[Block]]:
    """The blocks in `number` parts of neighbours, or in as many as there are blocks; one, if there are none."""
    number = max(1, min(number, len(blocks)))
    edges = [len(blocks) * k // number for k in range(number + 1)]
    return [blocks[start:stop] for start, stop in itertools.pairwise(edges)]
