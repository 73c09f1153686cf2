"""The floor of a training step, tinynn.cli.floor: its matrix products alone, each in its faster memory layout."""

import numpy as np

from benchmarks.peers import Training
from tinynn.cli.floor import bare, layouts, operands  # noqa: F401 (the tests compare the layouts' products)


def training(case):
    """The products of forward, ∂C/∂W and, but for the first layer, ∂C/∂x."""
    return Training(bare(case, [x for x, _ in case.batches()]))


def prediction(case, rows):
    """The products of forward."""
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)
    return Training(bare(case.with_(batch=rows), [x], ("forward",)))
