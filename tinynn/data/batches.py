"""Feeding data: true SGD, mini-batch and batch gradient descent are three batch sizes."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import count, flag, number, shown
from tinynn._arrays import as_array, as_rng
from tinynn.errors import DtypeError, InvalidValueError, ShapeError

if TYPE_CHECKING:
    from tinynn._arrays import Array, Rng


#: Places that are made ready for `take` at a time, or those of one batch.
STRETCH = 256


class Batches:
    """Pairs (x, target) of a few samples each; iterating once is one epoch.

    Each epoch draws a new permutation of all samples, and every sample comes exactly once in it. The
    rows are gathered into arrays that are used again as soon as nobody else holds them, so a training
    loop allocates nothing and `list(batches)` still works. A loop takes two such arrays in turn, for its
    variable still holds one while the next is filled; with `overwriting` it takes one.

    Parameters: x, y, arrays (np.memmap too) of one length; batch_size, 1 for true SGD, n for
    mini-batches, None for all samples at once; shuffle; drop_last, leave out a smaller last batch;
    scale, a factor for x; rng. uint8 images become float32, batch by batch; with `scale=1 / 255` they end
    in [0, 1].
    Shapes: x (samples, …), y (samples, …) -> (batch_size, …) each.
    Raises: ShapeError if the lengths differ.
    Source: Nielsen ch. 1, "Learning with gradient descent".

    >>> batches = Batches(np.arange(5.0), np.arange(5), batch_size=2, rng=0)
    >>> for x, y in batches:
    ...     print(x, y)
    [2. 4.] [2 4]
    [3. 0.] [3 0]
    [1.] [1]
    >>> len(batches), batches.samples
    (3, 5)
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        scale: float | None = None,
        rng: Rng = None,
    ) -> None:
        self.x, self.y = _rows("x", x), _rows("y", y)
        self.samples = len(self.x)
        if self.samples != len(self.y):
            raise ShapeError(f"Batches: x and y need one length, got {self.samples} and {len(self.y)}")
        if batch_size is not None:
            batch_size = count("Batches: batch_size", batch_size, "an int or None", "at least 1, or None for all")
        self.batch_size = batch_size
        self.shuffle, self.drop_last = flag("Batches: shuffle", shuffle), flag("Batches: drop_last", drop_last)
        self.scale = None if scale is None else number("Batches: scale", scale)
        if scale is not None and self.x.dtype.kind not in "fiub":
            raise DtypeError(f"Batches: scale is for an x of real numbers, got an array of dtype {self.x.dtype}")
        self.rng = as_rng(rng, "Batches: rng")
        if len(self) == 0:
            raise InvalidValueError(
                f"Batches: {self.samples} samples in batches of {batch_size} give no batch"
                + (" with drop_last=True; lower batch_size" if self.samples else "; x is empty")
            )

    def __len__(self) -> int:
        size = self.batch_size or max(1, self.samples)
        return self.samples // size if self.drop_last else -(-self.samples // size)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return self._epoch(_Rows.TURNS, self.shuffle)

    def overwriting(self, after: int = 0) -> Iterator[tuple[Array, Array]]:
        """One epoch like any other, except that each batch overwrites the one before: keep none of them.

        For loops that are done with a batch when they ask for the next, as training is: it saves the memory
        of a batch. after: how many batches to leave out at the start, for an epoch that goes on.

        >>> batches = Batches(np.arange(4), np.arange(4), batch_size=2, rng=0)
        >>> [x.tolist() for x, _ in batches.overwriting()]
        [[2, 0], [1, 3]]
        """
        return self._epoch(1, self.shuffle, count("overwriting: after", after, least=0))

    def in_order(self) -> Iterator[tuple[Array, Array]]:
        """All batches in the order of the data, each overwriting the one before; nothing is drawn.

        >>> [x.tolist() for x, _ in Batches(np.arange(3), np.arange(3), batch_size=2).in_order()]
        [[0, 1], [2]]
        """
        return self._epoch(1, False)

    def _epoch(self, turns: int, shuffle: bool, after: int = 0) -> Iterator[tuple[Array, Array]]:
        size = min(self.batch_size or self.samples, self.samples)
        end = min(len(self) * size, self.samples)
        take_x = _Rows(self.x, size, self.scale, turns, images=True)
        take_y = _Rows(self.y, size, None, turns, images=False)
        if shuffle and size < self.samples:  # the order of one batch does not matter: no copy
            for places in _drawn(self.rng, self.samples, after * size, end, size):
                yield take_x.gather(places), take_y.gather(places)
        else:
            for start in range(after * size, end, size):
                where = slice(start, min(start + size, end))
                yield take_x.cut(where), take_y.cut(where)

    def __repr__(self) -> str:
        return f"Batches({self.samples} samples, batch_size={self.batch_size}, shuffle={self.shuffle})"


def _rows(name: str, data: Any) -> Array:
    array = as_array(data, "Batches", name)
    if array.ndim == 0:
        raise ShapeError(f"Batches: {name} must have a first axis of samples, got {shown(data)}")
    return array


def _drawn(rng: np.random.Generator, samples: int, begin: int, end: int, size: int) -> Iterator[Array]:
    """The places of each batch: `begin` to `end` of a permutation. An array is valid until the next.

    The order is the one of `rng.permutation`, in a quarter of its memory: 120 kB for MNIST, more than a small
    network takes. `take` wants an intp for each place, made for some batches at a time: ten samples of MNIST
    take 5.3 µs instead of 5.1.
    """
    order = np.arange(samples, dtype=np.min_scalar_type(samples - 1))
    rng.shuffle(order)
    stretch = size * max(1, STRETCH // size)
    wide = np.empty(min(stretch, end), np.intp)
    for first in range(begin, end, stretch):
        narrow = order[first : min(first + stretch, end)]
        places = wide[: len(narrow)]
        places[...] = narrow
        for start in range(0, len(places), size):
            yield places[start : start + size]


class _Rows:
    """Some rows of an array at a time, converted if need be, in arrays that nobody else holds any more.

    Parameters: turns, the most arrays to keep; a single one is used whether it is held or not.
    """

    #: A loop's variable and its layers hold one array while another is filled; a third, if one looks back.
    TURNS = 3

    def __init__(self, source: Array, size: int, scale: float | None, turns: int, *, images: bool) -> None:
        self.source, self.scale, self.turns = source, scale, turns
        converts = source.dtype.kind in "iub" and (scale is not None or (images and source.dtype == np.uint8))
        self.dtype = np.dtype(np.float32) if converts else source.dtype
        self.shape = (size, *source.shape[1:])
        self.converts = converts or scale is not None
        # take() would first copy the whole of an array that is not C-ordered, aligned and native.
        flags = source.flags
        self.plain = flags.c_contiguous and flags.aligned and source.dtype.isnative and source.dtype.kind in "fiub"
        self.raw = np.empty(self.shape, source.dtype) if converts and self.plain else None
        self.ring: deque[Array] = deque()
        self.unheld = 0

    def cut(self, where: slice) -> Array:
        """Neighbouring rows: a view, unless they must be converted."""
        rows = self.source[where]
        return self._convert(rows, self._free()[: len(rows)]) if self.converts else rows

    def gather(self, places: Array) -> Array:
        """Rows at `places`, in that order."""
        array = self._free()
        if len(places) != len(array):
            array = array[: len(places)]
        if not self.plain:
            return self._convert(self.source[places], array)
        raw = array if self.raw is None else self.raw[: len(places)]
        # "clip" writes straight into the array; "raise" would buffer. The places are in range anyway.
        self.source.take(places, 0, raw, "clip")
        return self._convert(raw, array) if self.converts else array

    def _convert(self, rows: Array, out: Array) -> Array:
        if self.scale is None:
            np.copyto(out, rows)
        else:
            np.multiply(rows, self.scale, out, dtype=self.dtype.type)
        return out

    def _free(self) -> Array:
        """An array that nobody but the ring holds: neither a caller nor a view that a caller made."""
        ring = self.ring
        if self.turns == 1 and ring:
            return ring[0]
        for _ in range(len(ring)):
            array = ring.popleft()
            ring.append(array)
            if sys.getrefcount(array) == self.unheld:
                return array
        if len(ring) == self.turns:
            ring.popleft()
        array = np.empty(self.shape, self.dtype)
        ring.append(array)
        self.unheld = sys.getrefcount(array)  # the ring's, this variable's and the call's
        return array
