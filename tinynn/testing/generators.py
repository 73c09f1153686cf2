"""Randomness held still: every evaluation of one check sees the same random numbers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


class Frozen:
    """The random generators below an object, and Python's and NumPy's global ones, with their present states.

    `restore` puts all of them back where they stood.
    """

    def __init__(self, subject: Any, like: Frozen | None = None) -> None:
        found = _generators(subject, set())
        self._generators = [g.bit_generator for g in found if isinstance(g, np.random.Generator)]
        self._states = [generator.state for generator in self._generators]
        self._old = [(g, g.get_state(legacy=False)) for g in found if isinstance(g, np.random.RandomState)]
        self._python = [(g, g.getstate()) for g in found if isinstance(g, random.Random)]
        if like is None:
            self._global_numpy, self._global_python = np.random.get_state(legacy=False), random.getstate()
            self._uses_globals = True  # until something is known: they are slow to put back
        else:
            self._global_numpy, self._global_python = like._global_numpy, like._global_python
            self._uses_globals = like._uses_globals
        self._count()

    def _count(self) -> None:
        #: Whether there is anything to restore.
        self.needed = bool(self._generators or self._old or self._python or self._uses_globals)

    def notice_globals(self) -> None:
        """After a first evaluation: if it did not touch the global generators, none will."""
        self._uses_globals = (
            not _equal(np.random.get_state(legacy=False), self._global_numpy)
            or random.getstate() != self._global_python
        )
        self.restore()
        self._count()

    def restore(self) -> None:
        """All generators back to where they stood."""
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.state = state
        for old, old_state in self._old:
            old.set_state(old_state)
        for python, python_state in self._python:
            python.setstate(python_state)
        if self._uses_globals:
            np.random.set_state(self._global_numpy)
            random.setstate(self._global_python)


def _equal(a: Any, b: Any) -> bool:
    return bool(a["state"]["pos"] == b["state"]["pos"] and np.array_equal(a["state"]["key"], b["state"]["key"]))


def _generators(node: Any, seen: set[int]) -> list[Any]:
    """Every generator among an object's attributes, and those of what they hold."""
    if id(node) in seen or isinstance(node, (np.ndarray, str, bytes, int, float, complex, type)):
        return []
    seen.add(id(node))
    if isinstance(node, (np.random.Generator, np.random.RandomState, random.Random)):
        return [node]
    if isinstance(node, dict):
        inside = list(node.values())
    elif isinstance(node, (list, tuple)):
        inside = list(node)
    else:
        inside = list(getattr(node, "__dict__", {}).values())
        if hasattr(node, "__closure__"):  # a function that draws from a generator around it
            inside += [cell.cell_contents for cell in node.__closure__ or () if _filled(cell)]
    return [generator for item in inside for generator in _generators(item, seen)]


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
