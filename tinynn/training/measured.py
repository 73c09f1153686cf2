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
        #: Predictions and targets that the metrics have not seen yet: the first `_filled` rows.
        self._waiting: tuple[Array, Array] | None = None
        self._filled = 0

    def add(self, prediction: Array, target: Any) -> None:
        """Take in a batch; both arrays may be overwritten afterwards."""
        target = np.asarray(target)
        waiting = self._waiting
        stop = self._filled + len(prediction)
        if waiting is None or stop > len(waiting[0]) or not _alike(waiting, prediction, target):
            self._flush()
            waiting, stop = self._room(prediction, target), len(prediction)
        waiting[0][self._filled : stop] = prediction
        waiting[1][self._filled : stop] = target
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

    def _room(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        rows = max(ROWS, len(prediction))
        if self._waiting is None or len(self._waiting[0]) < rows or not _alike(self._waiting, prediction, target):
            self._waiting = tuple(np.empty((rows, *part.shape[1:]), part.dtype) for part in (prediction, target))  # type: ignore[assignment]
        return self._waiting  # type: ignore[return-value]

    def _flush(self) -> None:
        if self._waiting is not None and self._filled:
            prediction, target = (part[: self._filled] for part in self._waiting)
            for metric in self._metrics:
                metric.update(prediction, target)
            self._blocks, self._filled = self._blocks + 1, 0


def _alike(waiting: tuple[Array, Array], *batch: Array) -> bool:
    return all(a.shape[1:] == b.shape[1:] and a.dtype == b.dtype for a, b in zip(waiting, batch, strict=True))
