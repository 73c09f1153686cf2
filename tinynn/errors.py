"""What tinynn raises.

Every error derives from TinynnError and from the built-in exception that a NumPy user would have
expected, so that either can be caught. A message says what was expected, what came, which layer or
function it was, and what to do.
"""

from __future__ import annotations


class TinynnError(Exception):
    """The base of all errors that tinynn raises on purpose.

    >>> issubclass(ShapeError, TinynnError) and issubclass(ShapeError, ValueError)
    True
    """


class ShapeError(TinynnError, ValueError):
    """An array has another shape than the rule that the message names."""


class DtypeError(TinynnError, TypeError):
    """An array or argument has another type than the rule that the message names."""


class InvalidValueError(TinynnError, ValueError):
    """An argument lies outside its allowed range."""


class StateError(TinynnError, RuntimeError):
    """A call came at the wrong time: backward before forward, a step on parameters packed anew, ..."""


class DataError(TinynnError, ValueError):
    """A data file is missing, damaged or not what it claims to be."""


class DivergedError(TinynnError, ArithmeticError):
    """Training ran into values that are not finite.

    layer is the path of the layer where the first of them was found ("0", "2.1"), None where it was none;
    epoch and step say when, counted from 1.
    """

    layer: str | None = None
    epoch: int | None = None
    step: int | None = None


class CheckpointError(TinynnError, ValueError):
    """A saved state is damaged or belongs to something else."""


class TrainingWarning(UserWarning):
    """Training goes on, but something about it will likely spoil the result; the message says what helps."""
