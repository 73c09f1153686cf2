"""A table's columns as text: JSON and CSV for other programs, and aligned for the eye."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np

from tinynn.errors import DtypeError
from tinynn.training.history import singles

Columns = dict[str, list[Any]]


def as_json(figures: Any, indent: int | None = None) -> str:
    """JSON, with NaN and Infinity as such; arrays are nested lists.

    Raises: DtypeError for an object that JSON has no form for.

    >>> as_json({"cost": [0.5, None], "confusion_matrix": [np.eye(2), None]})
    '{"cost": [0.5, null], "confusion_matrix": [[[1.0, 0.0], [0.0, 1.0]], null]}'
    """
    return json.dumps(figures, indent=indent, default=_plain)


def as_csv(columns: Columns) -> str:
    """Names and rows: numbers with all their digits, lists as JSON, an empty cell for None.

    >>> print(as_csv({"cost": [0.5, 0.1 + 0.2], "hits": [None, [1, 2]]}), end="")
    cost,hits
    0.5,
    0.30000000000000004,"[1, 2]"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(as_json(cell) if isinstance(cell, (list, dict)) else cell for cell in row)
    return text.getvalue()


def as_text(columns: Columns, rows: int) -> str:
    """The last rows under the names, numbered and right-aligned; columns without single numbers are left out.

    >>> print(as_text({"cost": [0.75, 0.5, 0.25], "accuracy": [None, None, 0.875]}, rows=2))
    epoch  cost  accuracy
        2   0.5
        3  0.25     0.875
    """
    length = max(map(len, columns.values()), default=0)
    start = max(0, length - rows)
    cells = [["epoch", *(str(row + 1) for row in range(start, length))]]
    for name, column in columns.items():
        if singles(column):
            cells.append([name, *(f"{cell:.5g}" if singles([cell]) else "" for cell in column[start:])])
    widths = [max(map(len, column)) for column in cells]
    return "\n".join("  ".join(map(str.rjust, row, widths)).rstrip() for row in zip(*cells, strict=True))


def _plain(figure: Any) -> Any:
    if isinstance(figure, (np.ndarray, np.generic)):
        return figure.tolist()
    raise DtypeError(f"History: JSON has no form for {figure!r}; let the figures be numbers, texts or arrays")
