"""How a chain predicts small inputs again and again: one request at a time, row by row, as a service does.

What `predict` does around the NumPy calls (modes, shapes, fresh arrays) takes five times as long as the
calls for one row of 784. So a chain keeps its evaluation for a few shapes as a list of calls on arrays that
no training step touches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinynn._buffers import LAYOUT

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype
    from tinynn._calls import Call
    from tinynn.layers.base import Layer

#: Numbers in an input up to which a prediction is kept.
SMALL = 65_536
#: Shapes whose predictions are kept.
SHAPES = 8


class Prediction:
    """The layers' forward in evaluation mode for inputs of one shape and dtype.

    It belongs to one thread while it runs, and is void once `version` differs from the layout's.
    """

    def __init__(self, x: Array, y: Array, calls: list[Call]) -> None:
        self._x, self._y, self._calls = x, y, calls
        self.version = LAYOUT.version

    def __call__(self, x: Array) -> Array:
        self._x[...] = x
        for function, arguments in self._calls:
            function(*arguments)
        return self._y.copy()


class Predictions:
    """Those that a chain keeps; threads take them out and put them back."""

    def __init__(self) -> None:
        self._idle: dict[tuple[tuple[int, ...], Dtype], list[Prediction]] = {}

    def predict(self, x: Array) -> Array | None:
        """The output for x, if a prediction for its shape and dtype lies here."""
        idle = self._idle.get((x.shape, x.dtype))
        if idle:
            try:
                prediction = idle.pop()
            except IndexError:  # another thread took the last one
                return None
            if prediction.version == LAYOUT.version:
                y = prediction(x)
                idle.append(prediction)
                return y
        return None

    def prepare(self, layers: Sequence[Layer], x: Array) -> None:
        """Keep one for inputs like x, which the layers have accepted; nothing if one of them has no calls to list."""
        copy = np.empty(x.shape, x.dtype)
        y, calls = copy, []
        for layer in layers:
            listed = layer._prediction_calls(y) if _is_listed(layer) else None
            if listed is None:
                return
            y, more = listed
            calls += more
        if len(self._idle) >= SHAPES:
            self._idle = {}
        self._idle.setdefault((x.shape, x.dtype), []).append(Prediction(copy, y, calls))


def _is_listed(layer: Layer) -> bool:
    """Whether the layer's `_prediction_calls` speak of its forward, and not of one that a subclass has replaced."""
    kind = type(layer).__mro__
    return _first(kind, "_prediction_calls") <= _first(kind, "forward")


def _first(classes: tuple[type, ...], name: str) -> int:
    return next(k for k, kind in enumerate(classes) if name in vars(kind))
