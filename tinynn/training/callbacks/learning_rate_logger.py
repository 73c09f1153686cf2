"""The learning rate of every step, for a look at what a schedule really did."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import count
from tinynn.training.callbacks.continuity import Continuity

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.training.trainer import Trainer


class LearningRateLogger:
    """Keeps the learning rate of each step, in 16 bytes; the history has that of each epoch's first step alone.

    It goes on from fit to fit and is in checkpoints; with another Trainer it begins anew.

    Parameters: every, keep the rate of every so many steps, of step 0 first.
    Attributes: steps, their numbers from 0, as a schedule sees them; rates, one each, or a column for each
    group of parameters where groups have rates of their own: `plt.plot(logger.steps, logger.rates)`.
    Shapes: steps (kept,), rates (kept,) or (kept, groups).

    >>> import numpy as np, tinynn as nn
    >>> model, rates = nn.Sequential(nn.Dense(1, 1), rng=0), LearningRateLogger()
    >>> optimizer = nn.SGD(model, lambda step: 0.5 / (1 + step))
    >>> batches = nn.Batches(np.ones((4, 1)), np.ones((4, 1)), batch_size=2, rng=0)
    >>> history = nn.Trainer(model, nn.MSE(), optimizer, callbacks=[rates]).fit(batches, 2, progress=False)
    >>> rates.steps, rates.rates.round(3)
    (array([0, 1, 2, 3]), array([0.5  , 0.25 , 0.167, 0.125]))
    """

    def __init__(self, every: int = 1) -> None:
        self.every = count("LearningRateLogger: every", every)
        self._run, self._seen = Continuity(), 0
        self._clear()

    def _clear(self) -> None:
        self._steps: array[int] = array("q")
        self._rates: array[float] = array("d")
        self._groups = 1

    @property
    def steps(self) -> Array:
        """The numbers of the steps that are kept."""
        return np.array(self._steps, np.int64)

    @property
    def rates(self) -> Array:
        """Their learning rates."""
        rates = np.array(self._rates, np.float64)
        return rates if self._groups == 1 else rates.reshape(-1, self._groups)

    def on_fit_start(self, trainer: Trainer) -> None:
        """Go on with the same trainer's record, up to where its optimizer stands."""
        self._seen = trainer.optimizer.steps
        groups = len(_own_rates(trainer))
        if not self._run.goes_on(trainer) or groups != self._groups:
            self._clear()
            self._groups = groups
        while self._steps and self._steps[-1] >= self._seen:  # the optimizer was put back to an earlier step
            self._steps.pop()
            del self._rates[-groups:]

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """Note the rate of the step that was made, if one was."""
        self._look(trainer)

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Note that of the step which what was left to accumulate has made."""
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        steps = trainer.optimizer.steps
        if steps == self._seen:  # a batch whose gradient is being accumulated
            return
        self._seen, step = steps, steps - 1
        if step % self.every == 0:
            self._steps.append(step)
            self._rates.extend(rate(step) if callable(rate) else rate for rate in _own_rates(trainer))

    def state_dict(self) -> dict[str, Any]:
        """What is kept."""
        return {"steps": self.steps, "rates": np.array(self._rates, np.float64), "groups": self._groups}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._steps, self._rates = array("q", state["steps"].tolist()), array("d", state["rates"].tolist())
        self._groups = state["groups"]
        self._run.loaded()

    def __repr__(self) -> str:
        return f"LearningRateLogger(every={self.every})"


def _own_rates(trainer: Trainer) -> list[Any]:
    """Numbers or schedules: one for each group, one for all if none has its own."""
    optimizer = trainer.optimizer
    own = [group.learning_rate for group in optimizer.groups]
    if all(rate is None for rate in own):
        return [optimizer.learning_rate]
    return [optimizer.learning_rate if rate is None else rate for rate in own]
