"""The table that `model.summary(input_shape)` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn._arguments import sizes
from tinynn.errors import ShapeError

if TYPE_CHECKING:
    from tinynn.layers.base import Layer

HEAD = ("layer", "output shape", "parameters")


def summary(layer: Layer, input_shape: int | tuple[int, ...]) -> str:
    """A row for each layer: its repr, the shape of its output, the number of its parameters."""
    shape = sizes("summary: input_shape", input_shape)
    modes = [inner for inner in layer.layers_inside() if inner.training]
    layer.eval()
    try:
        rows = _rows(layer, shape)
    finally:
        for inner in modes:
            inner.training = True
    return _table([HEAD, *rows], f"{sum(p.size for p in layer.parameters()):,} parameters")


def _rows(layer: Layer, shape: tuple[int, ...]) -> list[tuple[str, str, str]]:
    """The shape may be a whole batch's or one sample's: the first that fits is meant."""
    candidates = [(1, *shape)] if len(shape) < 2 else [(1, *shape[1:]), (1, *shape)]
    for k, candidate in enumerate(candidates):
        x = np.zeros(candidate, layer.dtype or np.float32)
        try:
            found = layer.summary_rows(x)
        except ShapeError:
            if k == len(candidates) - 1:
                raise
            continue
        if len(found) > 1:  # the outermost container's own row says nothing that its parts do not
            found = [(inner, depth - 1, y) for inner, depth, y in found[1:]]
        return [
            (
                "  " * depth + repr(inner).split("\n")[0],
                f"(batch{''.join(f', {n}' for n in y.shape[1:])})",
                f"{sum(p.size for p in inner.parameters()):,}",
            )
            for inner, depth, y in found
        ]
    raise ShapeError("summary: no shape to try")


def _table(rows: list[tuple[str, str, str]], foot: str) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:], rule, foot])
