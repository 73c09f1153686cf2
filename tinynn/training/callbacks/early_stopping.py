"""Stopping when the validation figures no longer improve, with the parameters of the best epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinynn._arguments import count, flag, not_negative
from tinynn.training.callbacks.monitor import Monitor

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer


class EarlyStopping:
    """Ends training when `monitor` has not improved for `patience` epochs, and puts the best epoch's model back.

    The best parameters are put back at every normal end, also when the epochs ran out first (Keras does so
    only after an early stop). After an error or Ctrl-C the model stays as it is; `best_state` then holds
    what `model.load_state_dict` takes. A later `fit` looks for a best epoch of its own, as in Keras.

    Parameters: monitor, a column of the history; patience, in epochs (10 as in scikit-learn; Keras's 0
    acts as 1 here); min_delta, by how much a figure must be better to count; restore_best; mode, "min" or
    "max" where the name does not tell.
    Attributes: best, the best figure; best_epoch, its epoch, 1 for the first; best_state, the model's
    parameters then; stopped_epoch, the epoch that was the last. None where there is none.
    Raises: InvalidValueError at the first epoch's end if there is no such column.
    Source: Prechelt (1998), Early Stopping, But When?

    >>> import numpy as np, tinynn as nn
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> model = nn.Sequential(nn.Dense(1, 1, dtype=np.float64), rng=0)
    >>> stopping = EarlyStopping("cost", patience=2, min_delta=0.001)
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.5), callbacks=[stopping])
    >>> history = trainer.fit(nn.Batches(x, 2 * x, batch_size=10, rng=0), 100, progress=False)
    >>> len(history) == stopping.stopped_epoch == stopping.best_epoch + 2 < 100
    True
    >>> print(trainer.stop_reason)
    EarlyStopping: cost has not been better than ... (epoch ...) for 2 epochs
    """

    def __init__(
        self,
        monitor: str = "validation_cost",
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
        *,
        mode: str | None = None,
    ) -> None:
        self.monitor = Monitor(monitor, mode)
        self.patience = count("EarlyStopping: patience", patience)
        self.min_delta = not_negative("EarlyStopping: min_delta", min_delta)
        self.restore_best = flag("EarlyStopping: restore_best", restore_best)
        self._loaded = False
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.best_state: dict[str, Any] | None = None
        self._waited = 0

    def on_fit_start(self, trainer: Trainer) -> None:
        """Begin to count, or stop at once if the run that is resumed was over."""
        if not self._loaded:
            self._forget()
        self._loaded = False
        self._stop_if_due(trainer)

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Count the epoch, and stop if there were too many that were no better."""
        figure, epoch = self.monitor.value(figures), len(trainer.history)
        if self.monitor.better(figure, self.best, self.min_delta):
            if self.restore_best:
                self.best_state = trainer.model.state_dict()
            self.best, self.best_epoch, self._waited = figure, epoch, 0
            return
        self._waited += 1
        self._stop_if_due(trainer)

    def _stop_if_due(self, trainer: Trainer) -> None:
        if self._waited >= self.patience:
            self.stopped_epoch = len(trainer.history)
            best = "finite" if self.best is None else f"better than {self.best:.6g} (epoch {self.best_epoch})"
            epochs = f"{self._waited} epoch{'' if self._waited == 1 else 's'}"
            trainer.stop(f"EarlyStopping: {self.monitor.name} has not been {best} for {epochs}")

    def on_fit_end(self, trainer: Trainer) -> None:
        """Put the best epoch's model back after a normal end."""
        if trainer.finished and self.best_state is not None:
            trainer.model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        """The best epoch so far, its parameters, and how long ago it was."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_state": self.best_state,  # nobody writes into it
            "waited": self._waited,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._forget()
        self.best, self.best_epoch, self.best_state = state["best"], state["best_epoch"], state["best_state"]
        self._waited, self._loaded = state["waited"], True

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor.name!r}, patience={self.patience}, min_delta={self.min_delta:g})"
