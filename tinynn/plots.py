"""Pictures, for those who have matplotlib (the extra tinynn-numpy[plots]); it is imported on use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import os

    from tinynn._arrays import Array

COLUMNS = 6


def draw_mistakes(file: str | os.PathLike[str] | BinaryIO, images: Sequence[Array], titles: Sequence[str]) -> None:
    """Images in a grid, each under its title, as a PNG file.

    Parameters: file, a path or a binary stream; images, from 0 (white) to 1 (black); titles, one an image.
    Shapes: images (height, width) each.
    Raises: ImportError without matplotlib.

    >>> import io
    >>> import numpy as np
    >>> stream = io.BytesIO()
    >>> draw_mistakes(stream, [np.eye(8)], ["a diagonal"])
    >>> stream.getvalue()[1:4]
    b'PNG'
    """
    # Figure itself and not pyplot, which would pick a backend and keep the figure for the process's life.
    from matplotlib.figure import Figure

    rows = max(1, -(-len(images) // COLUMNS))
    figure = Figure(figsize=(1.9 * COLUMNS, 2.0 * rows), layout="constrained")
    for k, (image, title) in enumerate(zip(images, titles, strict=True)):
        axes = figure.add_subplot(rows, COLUMNS, k + 1)
        axes.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.0)
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    figure.savefig(file, format="png", dpi=120)
