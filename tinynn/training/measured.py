"""The metrics over an epoch's own batches, a thousand rows at a time.

A metric costs tens of microseconds a call, as much as a small network's whole step. So the rows are
copied side by side first, which costs one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.metrics import Metric

#: Rows that a metric gets at a time.
ROWS = 1024


class Measured:
    """Some metrics of the predictions that training made, in copies of their own.

    >>> import tinynn as nn
    >>> measured = Measured([nn.Accuracy()])
    >>> measured.add(np.eye(3), np.array([0, 1, 1]))
    >>> measured.results()
    {'accuracy': 0.6666666666666666}
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = copy.deepcopy(list(metrics))
        for metric in self._metrics:
            metric.reset()
        self._blocks = 0
        #: Predictions and targets that the metrics have not seen yet: the first `_filled` of `_room` rows.
        self._waiting: tuple[Array, Array] | None = None
        self._filled, self._room = 0, 0
        #: What a row is: shapes and dtypes.
        self._kind: tuple[Any, ...] = ()

    def add(self, prediction: Array, target: Any) -> None:
        """Take in a batch; both arrays may be overwritten afterwards."""
        if type(target) is not np.ndarray:
            target = np.asarray(target)
        start, kind = self._filled, (prediction.shape[1:], prediction.dtype, target.shape[1:], target.dtype)
        stop = start + len(prediction)
        if stop > self._room or kind != self._kind:
            self._flush()
            self._make_room(kind, len(prediction))
            start, stop = 0, len(prediction)
        predictions, targets = self._waiting  # type: ignore[misc]
        predictions[start:stop] = prediction
        targets[start:stop] = target
        self._filled = stop

    def results(self) -> dict[str, Any]:
        """{name: figure} over all that came; empty without metrics or samples."""
        self._flush()
        return self.running()

    def running(self) -> dict[str, Any]:
        """The same over the whole blocks so far."""
        return {metric.name: metric.result() for metric in self._metrics} if self._blocks else {}

    def state_dict(self) -> dict[str, Any]:
        """What was seen, and what waits to be."""
        rows = None if self._waiting is None else [part[: self._filled].copy() for part in self._waiting]
        return {
            "metrics": [copy.deepcopy(vars(metric)) for metric in self._metrics],
            "blocks": self._blocks,
            "rows": rows,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for metric, seen in zip(self._metrics, state["metrics"], strict=True):
            vars(metric).update(seen)
        self._blocks, self._filled = int(state["blocks"]), 0
        if state["rows"] is not None:
            self.add(*state["rows"])

    def _make_room(self, kind: tuple[Any, ...], rows: int) -> None:
        """Arrays for rows of this kind, those that are there if they do."""
        rows = max(ROWS, rows)
        if kind != self._kind or rows > self._room:
            self._waiting = np.empty((rows, *kind[0]), kind[1]), np.empty((rows, *kind[2]), kind[3])
            self._kind, self._room = kind, rows

    def _flush(self) -> None:
        if self._waiting is not None and self._filled:
            prediction, target = (part[: self._filled] for part in self._waiting)
            for metric in self._metrics:
                metric.update(prediction, target)
            self._blocks, self._filled = self._blocks + 1, 0
