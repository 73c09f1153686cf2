"""How much memory a call takes at its peak, for "no array is allocated in a warm step"."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import numpy as np

#: What Python's own objects (frames, tuples, views, numbers) may take within one step.
SMALL = 16_000


def peak_of(step: Callable[[], object], warm: int = 3) -> int:
    """Bytes that `step` allocates at its peak, NumPy's arrays included, after `warm` calls of it.

    The buffers through which NumPy walks over broadcast operands are no arrays: they are made small.

    >>> a = np.ones(10_000)
    >>> peak_of(lambda: np.add(a, a, a)) < SMALL < 80_000 <= peak_of(lambda: (a + a).sum())
    True
    """
    buffer = np.setbufsize(16)
    tracemalloc.start()
    try:
        for _ in range(warm):
            step()
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        step()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        np.setbufsize(buffer)
