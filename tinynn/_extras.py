"""Modules of the optional dependencies, imported on use."""

from __future__ import annotations

import importlib
from typing import Any


def needs(module: str, extra: str, what: str, instead: str = "") -> Any:
    """The module, or an error that names what needs it, the extra that brings it, and what to do instead.

    Raises: ImportError without it.

    >>> needs("no_such.module", "plots", "this picture", ", or look away")
    Traceback (most recent call last):
    ImportError: this picture needs no_such (No module named 'no_such'): pip install "tinynn-numpy[plots]", or look away
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{what} needs {module.partition(".")[0]} ({error}): pip install "tinynn-numpy[{extra}]"{instead}'
        ) from error
