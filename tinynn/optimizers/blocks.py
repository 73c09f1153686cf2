"""How the parameters' vector is cut up: long stretches into blocks, and the blocks shared out to threads."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tinynn._arrays import Array
    from tinynn.parameter import ParameterVector

#: The most elements that NumPy calls work on at a time. It bounds the temporaries to half a megabyte and gains at
#: 670,000 parameters a tenth (Adam) to a third (SGD) of a step; 32,768 loses up to 30 % at 1.9 million.
BLOCK = 131_072
#: Below BLOCK a block, and so a temporary, takes a ROOM-th of what values, gradients and slots take, or less: three
#: blocks for SGD, two for Adam. At 79,510 parameters two take up to 3 % more time, four 6 to 9 %.
ROOM = 6
#: The fewest elements of a block: 23,860 in two would take 10 % more time.
SHORT = 16_384
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


def longest(length: int, arrays: int) -> int:
    """The most elements of a block of a thread's part, which has `length`; arrays, those of its length."""
    pieces = max(1, min(-(-ROOM // arrays), length // SHORT))
    return min(length, _lines(length / pieces), BLOCK)


def cut(
    vector: ParameterVector, start: int, stop: int, slots: Mapping[str, Array], size: int, number: int = 1
) -> list[Block]:
    """A stretch of the vector in about equal blocks of at most `size` elements, a multiple of `number` threads."""
    length = stop - start
    pieces = -(-length // (max(1, size) * number)) * number
    each = length if pieces <= 1 else min(size, _lines(length / pieces))
    blocks = []
    for first in range(start, stop, max(1, each)):
        piece = slice(first, min(first + each, stop))
        views = {name: array[piece] for name, array in slots.items()}
        blocks.append(Block(vector.value[piece], vector.grad[piece], views))
    return blocks


def _lines(elements: float) -> int:
    """So many elements or a few more, in whole cache lines."""
    return math.ceil(elements / LINE) * LINE


def share(blocks: list[Block], number: int) -> list[list[Block]]:
    """The blocks in `number` parts of neighbours, or in as many as there are blocks; one, if there are none."""
    number = max(1, min(number, len(blocks)))
    edges = [len(blocks) * k // number for k in range(number + 1)]
    return [blocks[start:stop] for start, stop in itertools.pairwise(edges)]
