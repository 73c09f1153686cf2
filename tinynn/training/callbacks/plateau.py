"""A learning rate that falls when training stalls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from tinynn._arguments import choice, count, fraction, not_negative
from tinynn.errors import InvalidValueError
from tinynn.training.callbacks.continuity import Continuity
from tinynn.training.callbacks.monitor import Monitor

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer

#: A fall by no more than this is left out, as in PyTorch.
SMALLEST = 1e-8


class ReduceOnPlateau:
    """Multiplies the learning rate by `factor` when `monitor` has not improved for more than `patience` epochs.

    An epoch is an improvement if its figure is below (1 − threshold) · best, or with the threshold mode
    "absolute" below best − threshold; above (1 + threshold) · best or best + threshold where larger is
    better. Groups with a number of their own are lowered alongside, those with a schedule are left alone.

    Equal to PyTorch's ReduceLROnPlateau, except that a relative threshold asks for more, not less, where
    the best figure is negative.

    Parameters: monitor, a column of the history; factor, from 0 to below 1; patience, in epochs; threshold;
    threshold_mode, "relative" or "absolute"; cooldown, how many epochs to wait after a fall before any is
    counted again; minimum, no rate is lowered further; mode, "min" or "max" where the name does not tell.
    Raises: InvalidValueError from fit if the optimizer's learning rate is a schedule.

    >>> import numpy as np, tinynn as nn
    >>> x, y = np.ones((4, 1)), np.array([[0.0], [0.0], [1.0], [1.0]])  # no line is better than its mean
    >>> model = nn.Sequential(nn.Dense(1, 1, dtype=np.float64), rng=0)
    >>> lowering = ReduceOnPlateau("cost", factor=0.5, patience=2)
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.4), callbacks=[lowering])
    >>> trainer.fit(nn.Batches(x, y, batch_size=None), 10, progress=False)["learning_rate"]
    [0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1]
    """

    def __init__(
        self,
        monitor: str = "validation_cost",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["relative", "absolute"] = "relative",
        cooldown: int = 0,
        minimum: float = 0.0,
        *,
        mode: str | None = None,
    ) -> None:
        self.monitor = Monitor(monitor, mode)
        self.factor = fraction("ReduceOnPlateau: factor", factor)
        self.patience = count("ReduceOnPlateau: patience", patience, least=0)
        self.threshold_mode = choice("ReduceOnPlateau: threshold_mode", threshold_mode, "relative", "absolute")
        within = fraction if threshold_mode == "relative" else not_negative
        self.threshold = within("ReduceOnPlateau: threshold", threshold)
        self.cooldown = count("ReduceOnPlateau: cooldown", cooldown, least=0)
        self.minimum = not_negative("ReduceOnPlateau: minimum", minimum)
        self._run = Continuity()
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self._bad, self._cooling = 0, 0

    def on_fit_start(self, trainer: Trainer) -> None:
        """Refuse a schedule."""
        rate = trainer.optimizer.learning_rate
        if callable(rate):
            raise InvalidValueError(
                f"ReduceOnPlateau: the optimizer's learning_rate is a schedule, {rate!r}, which says itself when "
                "the rate falls; give the optimizer a number, or leave this callback out"
            )
        if not self._run.goes_on(trainer):
            self._forget()

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Count the epoch, and lower the rates if there were too many bad ones."""
        figure = self.monitor.value(figures)
        if self.monitor.better(figure, self._bound()):
            self.best, self._bad = figure, 0
        else:
            self._bad += 1
        if self._cooling > 0:
            self._cooling, self._bad = self._cooling - 1, 0
        if self._bad > self.patience:
            self._bad, self._cooling = 0, self.cooldown
            owners: list[Any] = [trainer.optimizer, *trainer.optimizer.groups]
            for owner in owners:
                if isinstance(owner.learning_rate, float):
                    owner.learning_rate = self._lowered(owner.learning_rate)

    def _bound(self) -> float | None:
        """What a figure must beat to be an improvement."""
        if self.best is None:
            return None
        away = -self.threshold if self.monitor.mode == "min" else self.threshold
        if self.threshold_mode == "absolute":
            return self.best + away
        return self.best * (1 + away if self.best > 0 else 1 - away)

    def _lowered(self, rate: float) -> float:
        lowered = max(rate * self.factor, self.minimum)
        return lowered if rate - lowered > SMALLEST else rate

    def state_dict(self) -> dict[str, Any]:
        """The best figure so far, and what has been counted since."""
        return {"best": self.best, "bad_epochs": self._bad, "cooldown_left": self._cooling}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.best, self._bad, self._cooling = state["best"], state["bad_epochs"], state["cooldown_left"]
        self._run.loaded()

    def __repr__(self) -> str:
        return f"ReduceOnPlateau({self.monitor.name!r}, factor={self.factor:g}, patience={self.patience})"
