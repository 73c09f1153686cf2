"""The floor of a training step: its matrix products alone, each in the faster of its two memory layouts.

Nothing that calls NumPy for its products can be faster. The operands have the network's shapes, and the first layer's
input goes through the given batches in turn; the results are written into arrays made beforehand.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from tinynn._arrays import Array
    from tinynn.cli.networks import Network

    #: The arguments of one product: a, b, out.
    Product: TypeAlias = tuple[Array, Array, Array]

#: The products of a training step.
KINDS = ("forward", "weight", "input")


def bare(
    network: Network, pool: Sequence[Array], kinds: Sequence[str] = KINDS, patience: float = 0.3
) -> Callable[[int], None]:
    """A function that performs so many steps of those kinds of products, with the inputs of the pool in turn.

    Parameters: pool, arrays (batch, in); patience, about how many seconds the choice of each layout may take.
    """
    arrays = operands(network)
    chosen = [faster(candidates, patience=patience) for candidates in _of_kinds(pool[0], arrays, kinds)]
    # All products but the first layer's have the same operands in each step.
    steps = [[candidates[k] for k, candidates in zip(chosen, _of_kinds(x, arrays, kinds), strict=True)] for x in pool]
    turns, dot = itertools.cycle(steps), np.dot

    def burst(count: int) -> None:
        for _ in range(count):
            for a, b, out in next(turns):
                dot(a, b, out)

    return burst


def operands(network: Network) -> list[tuple[Array, ...]]:
    """For each layer z, δ (batch, out), W (out, in), the same as (in, out), and outputs like W, Wᵀ and x."""
    rng = np.random.default_rng(0)

    def array(*shape: int) -> Array:
        return rng.standard_normal(shape, np.float32) / np.float32(network.widths[0] ** 0.5)

    b = network.batch
    return [
        (array(b, out), array(b, out), array(out, n), array(n, out), array(out, n), array(n, out), array(b, n))
        for n, out in network.products
    ]


def layouts(x: Array, arrays: Sequence[tuple[Array, ...]]) -> Iterator[tuple[str, Product, Product]]:
    """For each product its kind and its arguments (a, b, out) in both layouts: W stored (out, in), and (in, out)."""
    for layer, (z, delta, w, w_in_out, grad, grad_in_out, below) in enumerate(arrays):
        yield "forward", (x, w.T, z), (x, w_in_out, z)
        yield "weight", (delta.T, x, grad), (x.T, delta, grad_in_out)
        if layer:  # the first layer needs no ∂C/∂x
            yield "input", (delta, w, below), (delta, w_in_out.T, below)
        x = z


def faster(candidates: Sequence[Product], rounds: int = 25, patience: float = 0.3) -> int:
    """The index of the candidate whose product takes least time: the best of some rounds in turn."""
    best = [float("inf")] * len(candidates)
    ended = time.perf_counter() + patience
    for _ in range(rounds):
        for k, (a, b, out) in enumerate(candidates):
            np.dot(a, b, out)
            began = time.perf_counter()
            for _ in range(10 if out.size * a.shape[1] < 1e7 else 1):
                np.dot(a, b, out)
            best[k] = min(best[k], time.perf_counter() - began)
        if time.perf_counter() > ended:
            break
    return best.index(min(best))


def _of_kinds(x: Array, arrays: Sequence[tuple[Array, ...]], kinds: Sequence[str]) -> list[tuple[Product, Product]]:
    return [(first, second) for kind, first, second in layouts(x, arrays) if kind in kinds]
