"""Numbers so small that processors compute with them a hundred times as slowly.

The means that an optimizer keeps of gradients which stay 0, those of a dead unit's weights, shrink by a factor in each
step until they are subnormal, and there they stay: at 784-30-10 with ReLU, Adam's steps came to take five times as
long. Libraries that compile set a processor flag against it; NumPy has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn._arrays import FLOATS

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.scratch import Scratch

#: Steps from one look at the slots to the next: what is subnormal meanwhile costs more time than looking in each step.
EVERY = 64
#: Elements looked at together.
STRETCH = 16_384
#: The smallest normal numbers.
SMALLEST = {dtype: np.array(np.finfo(dtype).smallest_normal) for dtype in FLOATS}


def flush(array: Array, scratch: Scratch) -> None:
    """Make the subnormal numbers of a 1-D array 0, and leave all others as they are.

    >>> from tinynn.optimizers.scratch import Scratch
    >>> a = np.array([1e-310, -5e-324, 1e-300, 2.0])
    >>> flush(a, Scratch(a.dtype))
    >>> a.tolist()
    [0.0, -0.0, 1e-300, 2.0]
    """
    smallest = SMALLEST[array.dtype]
    for start in range(0, array.size, STRETCH):
        stretch = array[start : start + STRETCH]
        normal = scratch.like("normal", stretch)
        np.abs(stretch, normal)
        np.greater_equal(normal, smallest, normal)
        np.multiply(stretch, normal, stretch)
