"""What averages of the parameters over training have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import flag
from tinynn.errors import DivergedError, InvalidValueError, StateError
from tinynn.training.callbacks.continuity import Continuity

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.parameter import ParameterVector
    from tinynn.training.trainer import Trainer


class Averaging:
    """An average of the trained parameters beside those that are trained; abstract. A subclass says when to `_take`.

    Parameters: apply, put the average into the model when fit ends normally; the next fit of the same
    Trainer takes it out again and goes on from the values that were trained.
    """

    def __init__(self, apply: bool) -> None:
        self.apply = flag(f"{type(self).__name__}: apply", apply)
        self._run = Continuity()
        self._vector: ParameterVector | None = None
        self._clear()

    def _clear(self) -> None:
        #: How many values have been averaged.
        self.count = 0
        #: The average, and the one before it, of which the next is made.
        self._average: Array = np.empty(0)
        self._before: Array = np.empty(0)
        #: Whether no batch has shown yet that the values taken last give a finite cost.
        self._fresh = False
        #: The trained values, while the model holds the average between two fits.
        self._trained: Array | None = None

    @property
    def average(self) -> Array:
        """The average, a copy, in the order of `optimizer.vector`.

        Raises: StateError before there is one.
        """
        self._check()
        return self._average.copy()

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """A context in which the model computes with the average: `with ….applied(): trainer.evaluate(x, y)`.

        Raises: StateError before there is an average.
        """
        self._check()
        if self._vector is None:
            raise StateError(f"{self!r}: applied needs to know the model; call it once fit has begun")
        self._vector.check()
        value = self._vector.value
        trained = value.copy()
        try:
            value[:] = self._average
            yield
        finally:
            value[:] = trained

    def _check(self) -> None:
        if not self.count:
            raise StateError(f"{self!r}: nothing has been averaged yet")

    def _take(self, share: float) -> None:
        """average ← average + share · (values − average); the first time the values themselves."""
        value: Array = self._vector.value  # type: ignore[union-attr]
        if self.count == 0:
            self._average, self._before = np.zeros_like(value), value.copy()
        else:
            np.subtract(value, self._average, self._before)
            np.multiply(self._before, share, self._before)
            np.add(self._before, self._average, self._before)
        self._average, self._before = self._before, self._average
        self.count, self._fresh = self.count + 1, True

    def on_fit_start(self, trainer: Trainer) -> None:
        """Take the average out of the model again, or begin a new one."""
        others = [other for other in trainer.callbacks if isinstance(other, Averaging) and other is not self]
        if self.apply and any(other.apply for other in others):
            raise InvalidValueError(
                f"{self!r}: only one average can be put into the model at the end; give the others apply=False"
            )
        vector = trainer.optimizer.vector
        value, average = vector.value, self._average
        goes_on = self._run.goes_on(trainer) and (average.shape, average.dtype) == (value.shape, value.dtype)
        if goes_on and self._trained is not None:
            goes_on = np.array_equal(value, average)  # nobody has set others since
            if goes_on:
                value[:] = self._trained
        if not goes_on:
            self._clear()
        self._vector, self._trained = vector, None

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """A finite cost: what was taken last is proved."""
        self._fresh = False

    def on_diverged(self, trainer: Trainer, error: DivergedError) -> None:
        """The values taken last gave no finite cost: as if they had not been taken."""
        if self._fresh:
            self._average, self._before = self._before, self._average
            self.count, self._fresh = self.count - 1, False

    def on_fit_end(self, trainer: Trainer) -> None:
        """Put the average into the model after a normal end."""
        if trainer.finished and self.apply and self.count:
            value = trainer.optimizer.vector.value
            self._trained = value.copy()
            value[:] = self._average

    def state_dict(self) -> dict[str, Any]:
        """The average, the one before as long as it may be needed, the trained values if the model has the average."""
        return {
            "count": self.count,
            "average": self._average.copy() if self.count else None,
            "before": self._before.copy() if self._fresh else None,
            "trained": self._trained,  # nobody writes into it
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._clear()
        self.count, self._fresh = state["count"], state["before"] is not None
        if self.count:
            self._average = state["average"].copy()
            self._before = state["before"].copy() if self._fresh else np.empty_like(self._average)
        self._trained = state["trained"]
        self._run.loaded()
