"""The floor of a training step: its matrix products alone, each in the faster of its two memory layouts.

Nothing that calls NumPy for its products can be faster. The operands have the case's shapes, and the first layer's
input goes through the case's batches in turn; the results are written into arrays made beforehand.
"""

import time
from itertools import cycle

import numpy as np

from benchmarks.peers import Training


def training(case):
    """The products of forward, ∂C/∂W and, but for the first layer, ∂C/∂x."""
    return bare(case, [x for x, _ in case.batches()], ("forward", "weight", "input"))


def prediction(case, rows):
    """The products of forward."""
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)
    return bare(case.with_(batch=rows), [x], ("forward",))


def bare(case, pool, kinds):
    """Bursts of those kinds of products, with the inputs of the pool in turn."""
    arrays = operands(case)
    chosen = [faster(candidates) for kind, *candidates in layouts(pool[0], arrays) if kind in kinds]
    # All products but the first layer's have the same operands in each step.
    steps = [[candidates[k] for k, candidates in zip(chosen, of_kinds(x, arrays, kinds), strict=True)] for x in pool]
    turns, dot = cycle(steps), np.dot

    def burst(count):
        for _ in range(count):
            for a, b, out in next(turns):
                dot(a, b, out)

    return Training(burst)


def of_kinds(x, arrays, kinds):
    return [candidates for kind, *candidates in layouts(x, arrays) if kind in kinds]


def operands(case):
    """For each layer z, δ (batch, out), W (out, in), the same as (in, out), and outputs like W, Wᵀ and x."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return rng.standard_normal(shape, np.float32) / np.float32(case.widths[0] ** 0.5)

    b = case.batch
    return [
        (array(b, out), array(b, out), array(out, n), array(n, out), array(out, n), array(n, out), array(b, n))
        for n, out in case.products
    ]


def layouts(x, arrays):
    """For each product its kind and its arguments (a, b, out) in both layouts: W stored (out, in), and (in, out)."""
    for layer, (z, delta, w, w_in_out, grad, grad_in_out, below) in enumerate(arrays):
        yield "forward", (x, w.T, z), (x, w_in_out, z)
        yield "weight", (delta.T, x, grad), (x.T, delta, grad_in_out)
        if layer:  # the first layer needs no ∂C/∂x
            yield "input", (delta, w, below), (delta, w_in_out.T, below)
        x = z


def faster(candidates, rounds=25, patience=0.3):
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
