"""What training left behind: one row of figures an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn.errors import InvalidValueError

#: What every epoch has; "validation_…" columns join them where validation data were given.
ALWAYS = ("cost", "learning_rate", "seconds", "samples_per_second")


class History:
    """The figures of each epoch: a table with a row an epoch, read by the names of its columns.

    cost: the mean over the epoch's samples, while the parameters moved; learning_rate: at the first step;
    seconds and samples_per_second: of training alone, validation left out; validation_cost and
    validation_… of each metric: in evaluation mode, after the epoch. Where an epoch lacks a figure that
    another one has, it is None.

    Raises: InvalidValueError for a name that no epoch has.

    >>> history = History()
    >>> history.append({"cost": 0.5, "validation_accuracy": 0.8})
    >>> history.append({"cost": 0.25, "validation_accuracy": 0.9})
    >>> history["cost"], len(history), "validation_accuracy" in history
    ([0.5, 0.25], 2, True)
    >>> history
    History(2 epochs: cost 0.5 -> 0.25, validation_accuracy 0.8 -> 0.9)
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, Any]] = []

    def append(self, figures: dict[str, Any]) -> None:
        """Add an epoch."""
        self._epochs.append(dict(figures))

    @property
    def names(self) -> list[str]:
        """The columns, in order of appearance."""
        return list(dict.fromkeys(name for epoch in self._epochs for name in epoch))

    def __getitem__(self, name: str) -> list[Any]:
        """One figure of all epochs."""
        if name not in self.names:
            raise InvalidValueError(f"History: no figures named {name!r}; there are {', '.join(self.names)}")
        return [epoch.get(name) for epoch in self._epochs]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        """The number of epochs."""
        return len(self._epochs)

    def to_dict(self) -> dict[str, list[Any]]:
        """{name: one figure an epoch}, arrays as nested lists: plain Python, ready for JSON."""
        return {name: [_plain(figure) for figure in self[name]] for name in self.names}

    def __repr__(self) -> str:
        parts = []
        for name in self.names:
            first, last = self[name][0], self[name][-1]
            if name not in ALWAYS[1:] and isinstance(first, float) and isinstance(last, float):
                parts.append(f"{name} {first:.4g} -> {last:.4g}")
        figures = f": {', '.join(parts)}" if parts else ""
        return f"History({len(self)} epoch{'' if len(self) == 1 else 's'}{figures})"


def _plain(figure: Any) -> Any:
    return figure.tolist() if isinstance(figure, (np.ndarray, np.generic)) else figure
