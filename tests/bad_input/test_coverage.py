"""Every public callable, each method of it and each argument has its uses here: a new one without them fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bad_input.uses import USES

import tinynn as nn
from tinynn import data, initializers, metrics, optimizers, schedules, testing, training

MODULES = (nn, data, initializers, metrics, optimizers, schedules, testing, training)
#: Named with their module: `constant` alone would say little, and there are two.
PREFIXED = {initializers: "initializers.", schedules: "schedules."}
COVERED = {use.covers for use in USES}

#: Callables that take nothing which could be wrong, or whose arguments other tests look after.
EXEMPT = {
    "Layer": "abstract",
    "Loss": "abstract",
    "Metric": "abstract",
    "Optimizer": "abstract",
    "schedules.Schedule": "abstract",
    "ArrayReport": "what the kit returns",
    "Cause": "what the kit returns",
    "Report": "what the kit returns",
}
#: Methods that the package itself calls, with arrays of its own: what one overrides, not what one calls.
FOR_AUTHORS = {
    nn.Layer: {"summary_rows"},
    nn.Optimizer: {"update", "numbers", "calls", "scratch", "operand", "rate"},
    nn.schedules.Schedule: {"at"},
    nn.Trainer: {"hooks"},
}


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public names."""
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
                continue
            yield PREFIXED.get(module, "") + name, thing


CALLABLES = sorted(dict(callables()).items())


def methods(name: str, cls: type) -> Iterator[tuple[str, str]]:
    """(as this class has it, as the class that defines it has it) of each public method that takes something."""
    authors = {method for base, listed in FOR_AUTHORS.items() if issubclass(cls, base) for method in listed}
    for method, function in inspect.getmembers(cls, inspect.isfunction):
        # A Trainer calls the hooks of its callbacks, and gives them what they gave it before.
        hook = method.startswith("on_") or (
            cls.__module__.startswith("tinynn.training.callbacks") and "state" in method
        )
        if method[0] != "_" and not hook and method not in authors and len(inspect.signature(function).parameters) > 1:
            yield f"{name}.{method}", function.__qualname__


#: The definitions whose uses there are, through whichever class.
DEFINITIONS = {
    definition
    for name, thing in CALLABLES
    if inspect.isclass(thing)
    for own, definition in methods(name, thing)
    if own in COVERED
}


@pytest.mark.parametrize(("name", "thing"), CALLABLES, ids=[name for name, _ in CALLABLES])
def test_every_public_callable_has_its_uses(name, thing):
    if name in EXEMPT:
        return
    assert name in COVERED, f"add uses of {name} to tests/bad_input/uses_….py, and what may be wrong with its arguments"
    missing = arguments_without_rows(name, thing)
    assert not missing, f"tests/bad_input: no rows for {', '.join(missing)} of {name}"


def arguments_without_rows(name: str, thing: Callable[..., Any]) -> list[str]:
    """The named arguments of a callable that no use puts anything wrong into."""
    with_rows = {key for use in USES if use.covers == name for key, value in use.arguments.items() if value.rows}
    kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return [
        p.name for p in inspect.signature(thing).parameters.values() if p.kind not in kinds and p.name not in with_rows
    ]


@pytest.mark.parametrize(("name", "thing"), CALLABLES, ids=[name for name, _ in CALLABLES])
def test_every_public_method_has_its_uses(name, thing):
    if not inspect.isclass(thing) or name in EXEMPT:
        return
    missing = [own for own, definition in methods(name, thing) if own not in COVERED and definition not in DEFINITIONS]
    assert not missing, f"tests/bad_input: no uses of {', '.join(missing)}"


def test_a_fresh_name_or_argument_is_noticed():
    def fresh(x: Any) -> None:
        """Nobody has uses of it."""

    assert "fresh" not in COVERED
    assert arguments_without_rows("fresh", fresh) == ["x"]
    assert arguments_without_rows("Huber", nn.Huber) == []


def test_what_is_exempt_exists():
    assert set(EXEMPT) <= {name for name, _ in CALLABLES}
