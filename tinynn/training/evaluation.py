"""Judging a model on a whole data set, of which only the outputs must fit into memory."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinynn.data.batches import Batches
from tinynn.errors import TinynnError
from tinynn.training import diagnosis

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.training.trainer import Trainer

    Data: TypeAlias = tuple[Array, Array] | Batches


def figures_of(trainer: Trainer, data: Data, batch_size: int) -> dict[str, Any]:
    """{"cost": …, and each metric by its name}, in evaluation mode.

    Raises: DivergedError if the cost is NaN.
    """
    prediction, target = _outputs(trainer, data, batch_size)
    # A copy, so that a backward that is still to come finds what its own forward left.
    cost = copy.copy(trainer.loss).forward(prediction, target)
    if math.isnan(cost):
        raise diagnosis.evaluated(cost, trainer.optimizer)
    figures: dict[str, Any] = {"cost": cost}
    for metric in trainer.metrics:
        metric.reset()
        metric.update(prediction, target)
        figures[metric.name] = metric.result()
    return figures


def try_first_row(trainer: Trainer, data: Data) -> None:
    """One row through all that validation does: an error now, not after a long epoch."""
    x, y = next(data.in_order()) if isinstance(data, Batches) else data
    try:
        prediction = trainer.predict(x[:1])
        copy.copy(trainer.loss).forward(prediction, y[:1])
        for metric in trainer.metrics:
            metric.reset()
            metric.update(prediction, y[:1])
    except TinynnError as error:
        error.add_note("This came from trying the first row of the validation data, before training.")
        raise


def _outputs(trainer: Trainer, data: Data, batch_size: int) -> tuple[Array, Array]:
    """(outputs, targets) in evaluation mode: of a pair (x, y), or of Batches in the order of their data."""
    if not isinstance(data, Batches):
        x, y = data
        return trainer.predict(x, batch_size), y
    # Each batch overwrites the one before.
    parts = [(trainer.predict(x, batch_size), target.copy()) for x, target in data.in_order()]
    outputs, targets = zip(*parts, strict=True)
    return np.concatenate(outputs), np.concatenate(targets)
