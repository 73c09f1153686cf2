"""The exponential moving average of the parameters: smoother than any one step's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinynn._arguments import count, fraction
from tinynn.training.callbacks.averaging import Averaging

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer


class ExponentialMovingAverage(Averaging):
    """Averages the parameters over the steps, recent ones counting most.

    m₁ = w₁,  mₜ = d mₜ₋₁ + (1 − d) wₜ = mₜ₋₁ + (1 − d) (wₜ − mₜ₋₁),  wₜ after step t

    At a normal end of fit the model gets the average (apply=True); the next fit goes on from w. If training
    diverges, the values that gave no finite cost are left out. Costs two more parameter vectors of memory.

    Parameters: decay, d; every_steps, take in the values after every so many steps of the optimizer; apply.
    Attributes: average, a copy in the order of `optimizer.vector`; count, how many values are in it;
    `with ema.applied():` the model has it meanwhile.
    Raises: InvalidValueError for a decay outside [0, 1), and from fit if two averages are to be applied.
    Source: Polyak & Juditsky (1992); step for step as PyTorch's AveragedModel with get_ema_multi_avg_fn(d).

    >>> import numpy as np, tinynn as nn
    >>> model, ema = nn.Sequential(nn.Dense(1, 1, bias=False)), ExponentialMovingAverage(0.5)
    >>> model[0].weight.value = [[1.0]]
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.5), callbacks=[ema])
    >>> history = trainer.fit([(np.ones((1, 1)), np.zeros((1, 1)))] * 3, 1, progress=False)  # 0.5, 0.25, 0.125
    >>> ema.average, model[0].weight.value.item()
    (array([0.25], dtype=float32), 0.25)
    """

    def __init__(self, decay: float = 0.999, *, every_steps: int = 1, apply: bool = True) -> None:
        self.decay = fraction("ExponentialMovingAverage: decay", decay)
        self.every_steps = count("ExponentialMovingAverage: every_steps", every_steps)
        self._steps = 0
        super().__init__(apply)

    def on_fit_start(self, trainer: Trainer) -> None:
        """As in Averaging."""
        super().on_fit_start(trainer)
        self._steps = trainer.optimizer.steps

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """Take in the values of the step that was made, if one was."""
        super().on_batch_end(trainer, cost)
        self._look(trainer)

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Take in those of the step which what was left to accumulate has made."""
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        steps = trainer.optimizer.steps
        if steps != self._steps:
            self._steps = steps
            if steps % self.every_steps == 0:
                self._take(1.0 - self.decay)

    def __repr__(self) -> str:
        every = "" if self.every_steps == 1 else f", every_steps={self.every_steps}"
        return f"ExponentialMovingAverage({self.decay:g}{every}{'' if self.apply else ', apply=False'})"
