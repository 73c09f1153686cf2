"""The mean of the parameters at the ends of late epochs: nearer to the middle of a valley than each of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinynn._arguments import count, positive
from tinynn.errors import TrainingWarning
from tinynn.training.callbacks.averaging import Averaging

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer


class StochasticWeightAveraging(Averaging):
    """Averages the parameters over the ends of epochs, from `start_epoch` on, all counting the same.

    m₁ = w₁,  mₙ = mₙ₋₁ + (wₙ − mₙ₋₁) / n

    At a normal end of fit the model gets the average (apply=True); the next fit goes on from w. If training
    diverges, the values that gave no finite cost are left out. Costs two more parameter vectors of memory.

    Parameters: start_epoch, the first epoch whose end counts, 1 being the history's first; every_epochs,
    the distance between two that count; learning_rate, a constant rate for the epochs from start_epoch on
    (groups with rates of their own keep them), None for the optimizer's own; apply.
    Attributes: average, a copy in the order of `optimizer.vector`; count, how many values are in it;
    `with swa.applied():` the model has it meanwhile.
    Raises: InvalidValueError for epochs below 1, and from fit if two averages are to be applied.
    Source: Izmailov et al. (2018); step for step as PyTorch's AveragedModel.

    >>> import numpy as np, tinynn as nn
    >>> model, swa = nn.Sequential(nn.Dense(1, 1, bias=False)), StochasticWeightAveraging(2)
    >>> model[0].weight.value = [[1.0]]
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.5), callbacks=[swa])
    >>> history = trainer.fit([(np.ones((1, 1)), np.zeros((1, 1)))], 3, progress=False)  # 0.5, 0.25, 0.125
    >>> swa.average, swa.count
    (array([0.1875], dtype=float32), 2)
    """

    def __init__(
        self, start_epoch: int, *, every_epochs: int = 1, learning_rate: float | None = None, apply: bool = True
    ) -> None:
        self.start_epoch = count("StochasticWeightAveraging: start_epoch", start_epoch)
        self.every_epochs = count("StochasticWeightAveraging: every_epochs", every_epochs)
        rate = learning_rate
        self.learning_rate = None if rate is None else positive("StochasticWeightAveraging: learning_rate", rate)
        super().__init__(apply)

    def on_fit_start(self, trainer: Trainer) -> None:
        """As in Averaging; warn if the first epoch that counts will not come."""
        super().on_fit_start(trainer)
        if self.start_epoch > trainer.epochs:
            warnings.warn(
                f"{self!r}: fit ends after epoch {trainer.epochs}, before there is anything to average; "
                "lower start_epoch",
                TrainingWarning,
                stacklevel=2,
            )

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Set the learning rate, if the epoch counts."""
        if self.learning_rate is not None and len(trainer.history) + 1 >= self.start_epoch:
            trainer.optimizer.learning_rate = self.learning_rate

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Take in the values, if the epoch counts."""
        late = len(trainer.history) - self.start_epoch
        if late >= 0 and late % self.every_epochs == 0:
            self._take(1.0 / (self.count + 1))

    def __repr__(self) -> str:
        every = "" if self.every_epochs == 1 else f", every_epochs={self.every_epochs}"
        rate = "" if self.learning_rate is None else f", learning_rate={self.learning_rate:g}"
        return f"StochasticWeightAveraging({self.start_epoch}{every}{rate}{'' if self.apply else ', apply=False'})"
