"""Readers of values on the command line: text in, a value or one line that says what it must be."""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Callable, Iterable
from typing import Any

from tinynn._arguments import number as finite
from tinynn.cli.networks import Network


def whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least`."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, got {text!r}")
        return value

    return read


def number(what: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    """A reader of finite numbers in the range that `fits` accepts and `what` names."""

    def read(text: str) -> float:
        try:
            value = finite("", float(text))
        except ValueError:  # InvalidValueError is one
            value = None
        if value is None or not fits(value):
            raise argparse.ArgumentTypeError(f"must be a number {what}, got {text!r}")
        return value

    return read


def widths(text: str) -> tuple[int, ...]:
    """ "100,50" as (100, 50); "0" and "" as ()."""
    if text.strip() in ("", "0"):
        return ()
    read = whole(1)
    try:
        return tuple(read(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"must be whole numbers with commas between, such as 100,50, or 0, got {text!r}"
        ) from None


def shape(text: str) -> tuple[int, ...]:
    """ "5,4" as (5, 4)."""
    read = whole(1)
    try:
        return tuple(read(part) for part in text.strip(" ()[]").rstrip(",").split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"must be whole numbers with commas between, such as 5,4, got {text!r}"
        ) from None


def sequence(text: str) -> tuple[Any, ...]:
    """ "3, 'relu', (2, 2)" as (3, "relu", (2, 2)): Python's literals with commas between."""
    try:
        return tuple(ast.literal_eval(f"({text},)")) if text.strip() else ()
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise argparse.ArgumentTypeError(
            f"must be Python values with commas between, such as 3,4 or 3,'same', got {text!r}"
        ) from None


def keywords(text: str) -> dict[str, Any]:
    """A JSON object, or a dict in Python's spelling, with names as keys."""
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(found, dict) and all(isinstance(name, str) for name in found):
            return found
    raise argparse.ArgumentTypeError(f'must be a JSON object such as {{"bias": false}}, got {text!r}')


def names(text: str) -> dict[str, str]:
    """ "W=dW,b=db" as {"W": "dW", "b": "db"}."""
    pairs = [part.split("=") for part in text.split(",")]
    if not all(len(pair) == 2 and pair[0].strip() and pair[1].strip() for pair in pairs):
        raise argparse.ArgumentTypeError(f"must be pairs with commas between, such as W=dW,b=db, got {text!r}")
    return {value.strip(): grad.strip() for value, grad in pairs}


def networks(text: str) -> tuple[Network, ...]:
    """ "784-30-10,784-100-10:64": widths, after a colon the batch size."""
    try:
        return tuple(Network.parse(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be networks such as 784-30-10 or 784-30-10:32 (rows of a batch) with commas between, got {text!r}"
        ) from None


def choices(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """A reader of one or more of these names, commas between."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        if not set(found) <= set(known):
            raise argparse.ArgumentTypeError(f"must be of {', '.join(known)}, with commas between, got {text!r}")
        return found

    return read
