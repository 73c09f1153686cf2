"""One column of the epochs' figures, and which way it gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinynn._arguments import choice, shown
from tinynn.errors import DtypeError, InvalidValueError

#: Words of a column's name that tell which way is better.
FALLING = frozenset({"cost", "loss", "error", "mse", "mae", "rmse", "norm", "perplexity"})
RISING = frozenset({"accuracy", "f1", "r2", "precision", "recall", "auc", "score"})


class Monitor:
    """Reads one figure of each epoch and compares two of them; NaN is never better.

    Parameters: name, a column of the history such as "validation_cost"; mode, "min" if smaller is better,
    "max" if larger is, None to tell it from the name.
    Raises: InvalidValueError for another mode, and for a name that does not tell.

    >>> accuracy = Monitor("validation_accuracy")
    >>> accuracy, accuracy.value({"validation_accuracy": 0.9})
    (Monitor('validation_accuracy', 'max'), 0.9)
    >>> accuracy.better(0.9, 0.8), accuracy.better(0.9, 0.8, margin=0.2), accuracy.better(float("nan"), None)
    (True, False, False)
    """

    def __init__(self, name: str, mode: str | None = None) -> None:
        if not isinstance(name, str):
            raise DtypeError(f"monitor must be the name of a column such as 'validation_cost', got {shown(name)}")
        self.name = name
        self.mode = _mode_of(name) if mode is None else choice(f"monitor={name!r}: mode", mode, "min", "max")

    def value(self, figures: Mapping[str, Any]) -> float:
        """This column's figure of one epoch.

        Raises: InvalidValueError if there is none, or an array.
        """
        if self.name not in figures:
            hint = "; pass validation=(x, y) to fit" if self.name.startswith("validation_") else ""
            raise InvalidValueError(
                f"monitor={self.name!r}: the epoch has no such figure; there are {', '.join(figures)}{hint}"
            )
        figure = np.asarray(figures[self.name])
        if figure.ndim or figure.dtype.kind not in "fiub":
            raise InvalidValueError(
                f"monitor={self.name!r}: expected a column of single numbers, got {shown(figures[self.name])}"
            )
        return float(figure)

    def better(self, new: float, best: float | None, margin: float = 0.0) -> bool:
        """Whether `new` beats `best` by more than `margin`; anything finite beats None."""
        if self.mode == "min":
            return new < (math.inf if best is None else best) - margin
        return new > (-math.inf if best is None else best) + margin

    def __repr__(self) -> str:
        return f"Monitor({self.name!r}, {self.mode!r})"


def _mode_of(name: str) -> str:
    words = set(name.lower().split("_"))
    falls, rises = bool(words & FALLING), bool(words & RISING)
    if falls == rises:
        raise InvalidValueError(
            f"monitor={name!r}: the name does not tell which way is better; say mode='min' or mode='max'"
        )
    return "min" if falls else "max"
