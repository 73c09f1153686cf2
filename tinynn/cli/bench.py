"""The command `bench`: how long a training step takes here, beside its matrix products alone."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tinynn as nn
from tinynn.cli.bench_table import ASCII, caption, legend, table
from tinynn.cli.choices import BENCH_RATES, OPTIMIZERS
from tinynn.cli.floor import bare
from tinynn.cli.machine import describe, others
from tinynn.cli.rounds import interleave
from tinynn.errors import InvalidValueError
from tinynn.storage.atomic import replacing

if TYPE_CHECKING:
    from argparse import Namespace

    from tinynn._arrays import Array
    from tinynn.cli.networks import Network
    from tinynn.cli.rounds import Burst

    Pool = Sequence[tuple[Array, Array]]

#: Inputs that take turns. They come with two targets each: nothing fits them all, so gradients never shrink to
#: subnormal numbers, which are slow.
INPUTS = 8


def bench(options: Namespace) -> None:
    """Measure what `options` name, print the table, write the raw numbers if asked to.

    Raises: InvalidValueError if the threads cannot be limited; OSError if the file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        # Before the measurement, so that a bad path does not cost a minute.
        stream = stack.enter_context(replacing(Path(options.json))) if options.json else None
        if options.threads:
            stack.enter_context(_limited(options.threads))
        found: dict[str, Any] = {"machine": describe(), "networks": []}
        _say(caption(found["machine"]))
        for network in options.networks:
            found["networks"].append(measured(network, options))
        _tell("")
        _say(f"\n{table(found['networks'])}\n\n{legend(found['networks'])}")
        if stream:
            stream.write(json.dumps(found, indent=1).encode())


def _limited(threads: int) -> nn.threads:
    try:
        return nn.threads(threads)
    except (ImportError, nn.StateError) as error:
        raise InvalidValueError(f"--threads: {error}") from None


def measured(network: Network, options: Namespace) -> dict[str, Any]:
    """The network, how many processors other programs took, and by contender the seconds per step in each round."""
    patience, seconds, budget = (0.02, 0.005, 1.0) if options.quick else (0.15, 0.02, 6.0)
    _tell(f"{network.name}: which layout is faster")
    pool = _pool(network)
    contenders = {"floor": bare(network, [x for x, _ in pool], patience=patience)}
    contenders |= {name: training(network, name, pool) for name in options.optimizer}

    def tell(k: int, rounds: int) -> None:
        _tell(f"{network.name}: round {k} of {rounds}")

    began, before = time.perf_counter(), others()
    times = interleave(contenders, seconds, budget, tell)
    after, passed = others(), time.perf_counter() - began
    taken = None if before is None or after is None else max(0.0, after - before) / passed
    facts = {"network": network.name, "batch": network.batch, "flops": network.flops}
    return facts | {"others": taken, "seconds": times}


def _pool(network: Network) -> Pool:
    """Batches (x (batch, in), target (batch, out)): all inputs, and the same inputs with other targets."""
    rng, classes = np.random.default_rng(0), network.widths[-1]
    inputs = [rng.random((network.batch, network.widths[0]), np.float32) for _ in range(INPUTS)]
    labels = [rng.integers(0, classes, network.batch) for _ in inputs]
    return [
        (x, nn.one_hot((y + shift) % classes, classes)) for shift in (0, 1) for x, y in zip(inputs, labels, strict=True)
    ]


def training(network: Network, optimizer: str, pool: Pool) -> Burst:
    """A function that makes so many training steps: sigmoid neurons, quadratic cost, float32."""
    layers = [layer for n, out in network.products for layer in (nn.Dense(n, out), nn.Sigmoid())]
    model, loss = nn.Sequential(*layers, rng=0), nn.MSE()
    rule = OPTIMIZERS[optimizer](model, BENCH_RATES[optimizer])
    turns = itertools.cycle(pool)

    def burst(steps: int) -> None:
        for _ in range(steps):
            x, target = next(turns)
            loss.forward(model.forward(x), target)
            model.backward_parameters(loss.backward())
            rule.step()

    return burst


def _tell(text: str) -> None:
    """Progress, for whoever waits at a terminal, in place of what it said before; "" leaves an empty line."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}" + "\r" * (not text), end="", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    """Print, in ASCII where the output takes no other characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = text.translate(ASCII)
    print(text, flush=True)
