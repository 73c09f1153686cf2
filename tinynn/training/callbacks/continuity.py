"""Whether a fit goes on with what a callback has gathered, or begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinynn.training.history import History
    from tinynn.training.trainer import Trainer


class Continuity:
    """Knows a run by its history: one object however often `fit` is called, another for another Trainer.

    It is copied and pickled along with its callback and the Trainer, and stays true then.
    """

    def __init__(self) -> None:
        self._history: History | None = None
        self._loaded = False

    def loaded(self) -> None:
        """A checkpoint's state has come: the next fit goes on with it."""
        self._loaded = True

    def goes_on(self, trainer: Trainer) -> bool:
        """To be asked once, when a fit starts."""
        goes_on = self._loaded or self._history is trainer.history
        self._history, self._loaded = trainer.history, False
        return goes_on
