"""Pictures, for those who have matplotlib (the extra tinynn-numpy[plots]); it is imported on use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tinynn import _arguments
from tinynn._extras import needs

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure

    from tinynn._arrays import Array
    from tinynn.training.history import History
    from tinynn.training.learning_rates import LearningRates

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
    rows = max(1, -(-len(images) // COLUMNS))
    figure = _figure(1.9 * COLUMNS, 2.0 * rows)
    for k, (image, title) in enumerate(zip(images, titles, strict=True)):
        axes = figure.add_subplot(rows, COLUMNS, k + 1)
        axes.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.0)
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    _write(figure, file)


def draw_learning_rates(found: LearningRates, file: str | os.PathLike[str] | BinaryIO | None = None) -> Figure:
    """A sweep's costs over its rates, the suggestion marked; as a PNG file too where one is given.

    The picture ends somewhat above the descent: beyond it a cost that blows up would flatten everything.
    Raises: ImportError without matplotlib.

    >>> import numpy as np
    >>> from tinynn.training.learning_rates import LearningRates
    >>> rates = np.geomspace(0.01, 10, 31)
    >>> figure = draw_learning_rates(LearningRates(rates, np.log10(rates) ** 2, smoothing=0.0))
    >>> figure.axes[0].get_xscale(), figure.axes[0].texts[0].get_text()
    ('log', 'suggestion 0.333')
    """
    figure = _figure(7.0, 4.2)
    axes = figure.add_subplot(title="A sweep over learning rates", xlabel="learning rate", ylabel="cost of a batch")
    axes.set_xscale("log")
    axes.plot(found.rates, found.raw, color="0.75", linewidth=0.8, label="each batch")
    axes.plot(found.rates, found.costs, color="C0", linewidth=2.0, label="smoothed")
    if len(found.rates):
        low, high = found.costs.min(), found.costs[: found.costs.argmin() + 1].max()
        room = (high - low) or 1.0
        axes.set_ylim(low - 0.35 * room, high + 0.5 * room)
    if found.suggestion is not None:
        lowest = int(found.costs.argmin())
        axes.plot(found.rates[lowest], found.costs[lowest], "o", color="C0")
        axes.axvline(found.suggestion, color="C3", linestyle="--")
        left = found.suggestion**2 > found.rates[0] * found.rates[-1]  # the side with more room
        axes.annotate(
            f"suggestion {found.suggestion:.3g}",
            (found.suggestion, 0.04),
            (-6 if left else 6, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if left else "left",
            color="C3",
        )
    if found.note is not None:
        axes.set_title(found.note.replace("; ", ";\n"), color="C3", fontsize=9)
    return _finished(figure, file)


def draw_history(history: History, file: str | os.PathLike[str] | BinaryIO | None = None) -> Figure:
    """Costs, metrics and, where it changes, the learning rate over the epochs; as a PNG file too where one is given.

    A figure and its validation figure have one colour, the one of training a broken line.
    Raises: ImportError without matplotlib.

    >>> from tinynn.training import History
    >>> history = History.from_dict({"cost": [0.5, 0.25], "accuracy": [0.8, 0.9], "learning_rate": [0.1, 0.01]})
    >>> [axes.get_ylabel() for axes in draw_history(history).axes]
    ['cost', 'metrics', 'learning rate']
    """
    from tinynn.training.history import DETAILS

    columns = {name: _numbers(history[name]) for name in history.names}
    shown = [name for name, column in columns.items() if np.isfinite(column).any()]
    costs = [name for name in shown if "cost" in name.split("_")]
    panels = [("cost", costs, 100.0)]
    if metrics := [name for name in shown if name not in (*costs, *DETAILS)]:
        panels.append(("metrics", metrics, np.inf))
    if len(set(columns.get("learning_rate", ()))) > 1:
        panels.append(("learning rate", ["learning_rate"], 10.0))
    figure = _figure(4.8 * len(panels), 3.8)
    for k, (label, names, span) in enumerate(panels):
        axes: Any = figure.add_subplot(1, len(panels), k + 1, xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        _draw_pairs(axes, {name: columns[name] for name in names})
        _log_if_wide(axes, [columns[name] for name in names], span)
    return _finished(figure, file)


def _numbers(column: list[Any]) -> Array:
    """A column of figures, NaN where an epoch has none or no single number."""
    return np.array([figure if np.ndim(figure) == 0 else None for figure in column], float)


def _draw_pairs(axes: Any, columns: dict[str, Array]) -> None:
    """A line for each column, in one colour where one is the other's validation figure."""
    kinds = list(dict.fromkeys(name.removeprefix("validation_") for name in columns))
    for name, column in columns.items():
        broken = f"validation_{name}" in columns
        axes.plot(
            np.arange(1, len(column) + 1),
            column,
            color=f"C{kinds.index(name.removeprefix('validation_'))}",
            linestyle="--" if broken else "-",
            marker="." if len(column) <= 30 else "",
            label=name.replace("_", " "),
        )


def _log_if_wide(axes: Any, columns: list[Array], span: float) -> None:
    """A logarithmic axis where the largest number is more than `span` times the smallest."""
    finite = np.concatenate([column[np.isfinite(column)] for column in columns] or [np.ones(1)])
    if finite.min() > 0 and finite.max() >= span * finite.min():
        axes.set_yscale("log")


def _figure(width: float, height: float) -> Figure:
    # Figure itself and not pyplot, which would pick a backend and keep the figure for the process's life.
    figure: Figure = needs("matplotlib.figure", "plots", "a picture").Figure((width, height), layout="constrained")
    return figure


def _finished(figure: Figure, file: str | os.PathLike[str] | BinaryIO | None) -> Figure:
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        if len(axes.lines) > 1:
            axes.legend(frameon=False, fontsize=8)
    if file is not None:
        _write(figure, file)
    return figure


def _write(figure: Figure, file: str | os.PathLike[str] | BinaryIO) -> None:
    """The picture as a PNG file or into a stream."""
    figure.savefig(file if hasattr(file, "write") else _arguments.path("path", file), format="png", dpi=120)
