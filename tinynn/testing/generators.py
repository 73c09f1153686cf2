"""Randomness held still: every evaluation of one check sees the same random numbers."""

from __future__ import annotations

import functools
import random
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tinynn.testing.parts import attributes

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


class Frozen:
    """The random generators below an object, and Python's and NumPy's global ones, with their present states.

    `restore` puts all of them back where they stood.
    """

    def __init__(self, subject: Any, like: Frozen | None = None) -> None:
        found = _generators(subject, set())
        # A generator that a copy shares with the original (one of its module, say) stands where it stood then.
        known = {} if like is None else {id(g): (g, state) for g, state in like._all}
        self._all: list[tuple[Any, Any]] = [known.get(id(g), (g, _state(g))) for g in found]
        if like is None:
            self._global_numpy, self._global_python = np.random.get_state(legacy=False), random.getstate()
            self._uses_globals = True  # until something is known: they are slow to put back
        else:
            self._global_numpy, self._global_python = like._global_numpy, like._global_python
            self._uses_globals = like._uses_globals
        self._count()

    def _count(self) -> None:
        #: Whether there is anything to restore.
        self.needed = bool(self._all or self._uses_globals)

    def notice_globals(self) -> None:
        """After a first evaluation: if it did not touch the global generators, none will."""
        self._uses_globals = (
            not _equal(np.random.get_state(legacy=False), self._global_numpy)
            or random.getstate() != self._global_python
        )
        self.restore()
        self._count()

    def __enter__(self) -> None:
        """What happens inside leaves all generators where they stood, whatever it raises."""

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """All generators back to where they stood."""
        for generator, state in self._all:
            if isinstance(generator, np.random.Generator):
                generator.bit_generator.state = state
            elif isinstance(generator, np.random.RandomState):
                generator.set_state(state)
            else:
                generator.setstate(state)
        if self._uses_globals:
            np.random.set_state(self._global_numpy)
            random.setstate(self._global_python)


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state(legacy=False) if isinstance(generator, np.random.RandomState) else generator.getstate()


def _equal(a: Any, b: Any) -> bool:
    return bool(a["state"]["pos"] == b["state"]["pos"] and np.array_equal(a["state"]["key"], b["state"]["key"]))


def _generators(node: Any, seen: set[int]) -> list[Any]:
    """Every generator among an object's attributes, and those of what they hold."""
    if id(node) in seen or isinstance(node, (np.ndarray, str, bytes, int, float, complex, type)):
        return []
    seen.add(id(node))
    if isinstance(node, GENERATORS):
        return [node]
    if isinstance(node, dict):
        inside = list(node.values())
    elif isinstance(node, (list, tuple)):
        inside = list(node)
    elif isinstance(node, MethodType):
        inside = [node.__self__, node.__func__]
    elif isinstance(node, functools.partial):
        inside = [node.func, *node.args, *node.keywords.values()]
    elif isinstance(node, FunctionType):
        inside = _reached(node)
    else:
        inside = list(attributes(node).values())
        methods = (value for cls in type(node).__mro__ for value in vars(cls).values())
        if not type(node).__module__.startswith("tinynn."):
            inside += [item for method in methods if isinstance(method, FunctionType) for item in _reached(method)]
    return [generator for item in inside for generator in _generators(item, seen)]


def _reached(function: FunctionType) -> list[Any]:
    """What a function draws from that it was not given: generators around it, in its defaults, in its module."""
    around = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    names = (function.__globals__.get(name) for name in function.__code__.co_names)
    return [*around, *defaults, *(value for value in names if isinstance(value, GENERATORS))]


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
