"""What an experiment hands back, how it says that something is wrong, and the table in which the figures end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeAlias

#: (what was counted, the figure) for each row of the table.
Rows: TypeAlias = list[tuple[str, str]]
#: Called with a line of progress, which the next one may overwrite.
Say: TypeAlias = Callable[[str], None]


class Failure(AssertionError):
    """A promise that was not kept."""


def fail(message: str) -> NoReturn:
    """End the experiment."""
    raise Failure(message)


def environment(**variables: str) -> dict[str, str]:
    """For programs that need the modules this one has."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | variables


def plant_mistake() -> None:
    """In a program: what the environment asks for (see mistakes.py)."""
    if "FAULTS_MISTAKE" in os.environ:
        from faults import mistakes

        mistakes.plant()


def last_line(name: str, command: list[str], variables: dict[str, str], say: Say) -> str:
    """What a program printed last; all before it is progress. It must end well."""
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as running:
        last = "nothing"
        for line in running.stdout:
            last = line.strip()
            say(f"{name}: {last}")
    if running.returncode:
        fail(f"{name}: the program failed after: {last}")
    return last


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is gone afterwards, in memory where there is one: for what writes often, not for long."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as directory:
        yield Path(directory)


def silent(line: str) -> None:
    """Say nothing."""


def replaced(document: str, name: str, rows: Rows, note: str) -> str:
    """The document with a new table, and a note below it, between the marks `<!-- name -->` and `<!-- /name -->`.

    >>> print(replaced("a <!-- kills -->old<!-- /kills --> b", "kills", [("kills", "300")], "Python 3.14"))
    a <!-- kills -->
    | what | figure |
    |---|---|
    | kills | 300 |
    <BLANKLINE>
    *Python 3.14*
    <!-- /kills --> b
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, rest = document.split(start, 1)
    table = "\n".join(["| what | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows)])
    return f"{before}{start}\n{table}\n\n*{note}*\n{end}{rest.split(end, 1)[1]}"
