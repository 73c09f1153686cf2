"""A wrong derivative, a broken law: code that the kit must reject and name, with a switch that mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinynn as nn
from tinynn import testing as kit

#: Wrong, but in no way that has a name of its own.
UNCLEAR = ("unknown", "entry-factor")


@dataclass(frozen=True)
class Wrong:
    """run(True) checks the broken code, run(False) the very same code with the bug switched off.

    cause is the slug of the likely cause, or those of them that are fair; mentions is a word that the
    message must contain: the parameter or the quantity at fault.
    """

    name: str
    cause: str | tuple[str, ...]
    run: Callable[[bool], object]
    mentions: str = ""

    @property
    def causes(self) -> tuple[str, ...]:
        return (self.cause,) if isinstance(self.cause, str) else self.cause


class Faulty(nn.Layer):
    """A layer with a switch: `fault` names what is wrong with it, and is empty if nothing is."""

    def __init__(self, fault_name: str = "") -> None:
        self.fault = fault_name
        self.build()

    def build(self) -> None:
        """Make the parameters."""

    def forward(self, x: Any) -> Any:
        raise NotImplementedError

    def backward(self, grad: Any) -> Any:
        raise NotImplementedError


def plain(name: str) -> str:
    """A case's name as a test's: characters that every tool takes on its command line."""
    return re.sub(r"[^\w ().,:'-]", "_", name, flags=re.ASCII)


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    return scale * np.random.default_rng(seed).normal(size=shape)


def layer_cases(
    make: Callable[[str], Any], faults: Iterable[tuple[Any, ...]], x: Any = None, **options: Any
) -> list[Wrong]:
    """One case for each row (fault, cause, mentions="") of a class, or a factory, that takes the fault's name."""

    def case(fault: str, cause: Any, mentions: str = "") -> Wrong:
        def run(wrong: bool) -> object:
            return kit.check_layer(make(fault if wrong else ""), x, **options)

        return Wrong(f"{make.__name__}: {fault}", cause, run, mentions)

    return [case(*row) for row in faults]
