"""What training left behind: one row of figures an epoch."""

from __future__ import annotations

import numbers
import operator
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tinynn import _arguments
from tinynn.errors import DataError, DtypeError, InvalidValueError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Columns that the short form leaves out.
DETAILS = ("learning_rate", "gradient_norm", "seconds", "samples_per_second")


class History:
    """The figures of each epoch: a table with a row an epoch and named columns.

    history["cost"] is a column, a list; history[-1] an epoch, a dict; history[10:] a History; a loop goes
    over the epochs. Where an epoch lacks a figure that another one has, its column holds None.

    cost, and each metric under its name: over the epoch's samples, while the parameters moved; learning_rate:
    at the first step; gradient_norm: at the last; seconds and samples_per_second: of training alone,
    validation left out; validation_cost and validation_… of each metric: in evaluation mode, after the epoch.

    Raises: InvalidValueError for a name that no epoch has, IndexError for an epoch that is not there.

    >>> history = History()
    >>> history.append({"cost": 0.5, "validation_accuracy": 0.8})
    >>> history.append({"cost": 0.25, "validation_accuracy": 0.9})
    >>> history["cost"], history[-1], "validation_accuracy" in history
    ([0.5, 0.25], {'cost': 0.25, 'validation_accuracy': 0.9}, True)
    >>> history
    History(2 epochs: cost 0.5 -> 0.25, validation_accuracy 0.8 -> 0.9)
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, Any]] = []

    def append(self, figures: dict[str, Any]) -> None:
        """Add an epoch: this very dict, which callbacks may still add figures to."""
        if not isinstance(figures, dict):
            raise DtypeError(f"History: an epoch's figures must be a dict, got {_arguments.shown(figures)}")
        self._epochs.append(figures)

    @property
    def names(self) -> list[str]:
        """The columns, in order of appearance."""
        return list(dict.fromkeys(name for epoch in self._epochs for name in epoch))

    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    @overload
    def __getitem__(self, key: slice) -> History: ...
    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    def __getitem__(self, key: str | slice | int) -> list[Any] | dict[str, Any] | History:
        if isinstance(key, str):
            return self._column(key)
        if isinstance(key, slice):
            part = History()
            part._epochs = self._epochs[key]
            return part
        try:
            return self._epochs[operator.index(key)]
        except TypeError:
            raise DtypeError(f"History: expected a column's name, an epoch's number or a slice, got {key!r}") from None
        except IndexError:
            raise IndexError(f"History: no epoch at {key}; there are {len(self)}, the first at 0") from None

    def _column(self, name: str) -> list[Any]:
        if name not in self.names:
            raise InvalidValueError(f"History: no figures named {name!r}; there are {', '.join(self.names) or 'none'}")
        return [epoch.get(name) for epoch in self._epochs]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The epochs."""
        return iter(self._epochs)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of that name."""
        return name in self.names

    def __len__(self) -> int:
        """The number of epochs."""
        return len(self._epochs)

    def to_dict(self) -> dict[str, list[Any]]:
        """{name: one figure an epoch}, arrays as nested lists: plain Python, ready for JSON."""
        return {name: [_plain(figure) for figure in self[name]] for name in self.names}

    @classmethod
    def from_dict(cls, columns: Mapping[str, list[Any]]) -> History:
        """The history that `to_dict` gave.

        >>> History.from_dict({"cost": [0.5, 0.25]})[1]
        {'cost': 0.25}
        """
        if not isinstance(columns, Mapping) or not all(isinstance(column, list) for column in columns.values()):
            raise DtypeError("History: expected a dict of columns, each a list with one figure an epoch")
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidValueError(f"History: the columns need one length, got {lengths}")
        history = cls()
        history._epochs = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return history

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """`to_dict` as JSON, into a file or, without a path, as text. NaN and Infinity are written as such."""
        from tinynn.training.tables import as_json

        return _written(as_json(self.to_dict(), indent=1), path)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> History:
        """The history that `to_json` wrote into a file.

        Raises: DataError for a file that holds no history.
        """
        import json

        path = _arguments.path("from_json: path", path)
        try:
            with open(path, encoding="utf-8") as stream:
                return cls.from_dict(json.load(stream))
        except (ValueError, DtypeError) as error:
            raise DataError(f"{path}: no history as to_json writes it: {error}") from None

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """A row an epoch under the columns' names, into a file or, without a path, as text.

        Numbers have all their digits, arrays are JSON, and a figure that an epoch lacks is an empty cell.
        """
        from tinynn.training.tables import as_csv

        return _written(as_csv(self.to_dict()), path)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The columns over the epochs as a picture, which goes into a file as well where a path is given.

        Raises: ImportError without matplotlib (the extra `plots`).
        """
        from tinynn.plots import draw_history

        return draw_history(self, path)

    def table(self, rows: int = 20) -> str:
        """The last epochs as text in columns; figures that are no single numbers are left out.

        >>> print(History.from_dict({"cost": [0.5, 0.25], "accuracy": [None, 0.875]}).table())
        epoch  cost  accuracy
            1   0.5
            2  0.25     0.875
        """
        from tinynn.training.tables import as_text

        return as_text(self.to_dict(), _arguments.count("table: rows", rows, least=0))

    def __repr__(self) -> str:
        parts = []
        for name in self.names:
            found = [] if name in DETAILS else singles(self[name])
            if found:
                parts.append(f"{name} " + " -> ".join(f"{figure:.4g}" for figure in (found[0], *found[1:][-1:])))
            if found and name == "validation_cost" and min(found) < found[-1]:
                parts[-1] += f" (least {min(found):.4g}, epoch {self[name].index(min(found)) + 1})"
        figures = f": {', '.join(parts)}" if parts else ""
        return f"History({len(self)} epoch{'' if len(self) == 1 else 's'}{figures})"


def singles(figures: list[Any]) -> list[Any]:
    """Those that are single numbers.

    >>> singles([0.5, None, [1, 2], 3])
    [0.5, 3]
    """
    return [figure for figure in figures if isinstance(figure, numbers.Real)]


def _plain(figure: Any) -> Any:
    return figure.tolist() if isinstance(figure, (np.ndarray, np.generic)) else figure


def _written(text: str, path: str | os.PathLike[str] | None) -> str | None:
    """The text itself, or None once it is in the file."""
    if path is None:
        return text
    from tinynn.storage.atomic import replacing

    with replacing(_arguments.path("path", path)) as stream:
        stream.write(text.encode())
    return None
