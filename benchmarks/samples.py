"""What an epoch is fed with, and what prediction is asked about."""

import numpy as np


def samples(case, rows):
    """x (rows, in) float32 in [0, 1), labels (rows,) int64: as large as MNIST, and as many classes, but random."""
    rng = np.random.default_rng(50_000)
    return rng.random((rows, case.widths[0]), np.float32), rng.integers(0, case.widths[-1], rows)
