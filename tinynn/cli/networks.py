"""The networks that `bench` measures: layers of sigmoid neurons, and how many rows a batch has."""

from __future__ import annotations

import itertools
from typing import NamedTuple

#: name: batch size.
NETWORKS = {
    "784-15-10": 10,
    "784-30-10": 10,
    "784-100-10": 32,
    "784-128-128-10": 128,
    "784-512-512-10": 128,
    "784-1024-1024-10": 1024,
}


class Network(NamedTuple):
    """The widths of the layers, the input's first, and the rows of a batch."""

    widths: tuple[int, ...]
    batch: int

    @classmethod
    def parse(cls, text: str) -> Network:
        """`784-30-10:32` is widths and batch; a network of NETWORKS needs no batch, others take 32.

        Raises: ValueError for any other text.

        >>> Network.parse("784-30-10"), Network.parse("5-4-3:2")
        (Network(widths=(784, 30, 10), batch=10), Network(widths=(5, 4, 3), batch=2))
        """
        name, colon, batch = text.strip().partition(":")
        found = cls(tuple(int(width) for width in name.split("-")), int(batch) if colon else NETWORKS.get(name, 32))
        if len(found.widths) < 2 or min(*found.widths, found.batch) < 1:
            raise ValueError(text)
        return found

    @property
    def name(self) -> str:
        return "-".join(map(str, self.widths))

    @property
    def products(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return list(itertools.pairwise(self.widths))

    @property
    def flops(self) -> int:
        """Of one step's matrix products: forward, ∂C/∂W and, but for the first layer, ∂C/∂x.

        >>> Network((3, 2, 1), batch=4).flops  # 2 · 4 · (8 + 8 + 2)
        144
        """
        weights = [inputs * outputs for inputs, outputs in self.products]
        return 2 * self.batch * (3 * sum(weights) - weights[0])
