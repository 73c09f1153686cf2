"""An end in good order when the cost is no longer finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinynn._arguments import flag
from tinynn.errors import DivergedError
from tinynn.training.callbacks.moment import Moment
from tinynn.training.notes import note

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer


class TerminateOnNaN:
    """Ends fit when the cost is NaN or infinite, and puts back what gave the last finite cost.

    Parameters, what layers keep beside them (`persistent`) and the optimizer's state go back to the same
    moment, one step earlier, so that training can go on at once with a lower learning rate. The history
    keeps the whole epochs. Costs two copies of all that, and the time to write one of them in each step.

    Parameters: restore, False to leave all as it is; raises, True to let fit raise its DivergedError, False
    to end it with a note (logging) that has the same diagnosis and a `trainer.stop_reason`.

    >>> import numpy as np, tinynn as nn
    >>> model = nn.Sequential(nn.Dense(1, 1, bias=False))
    >>> model[0].weight.value = [[1.0]]
    >>> one = np.ones((1, 1), np.float32)
    >>> batches = [(one, 0 * one), (np.inf * one, 0 * one)]
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.5), callbacks=[TerminateOnNaN(raises=True)])
    >>> trainer.fit(batches, 1, progress=False)
    Traceback (most recent call last):
    tinynn.errors.DivergedError: ...
    >>> model[0].weight.value, trainer.optimizer.steps
    (array([[1.]], dtype=float32), 0)
    """

    def __init__(self, restore: bool = True, raises: bool = False) -> None:
        self.restore = flag("TerminateOnNaN: restore", restore)
        self.raises = flag("TerminateOnNaN: raises", raises)
        #: As it is since the last step; as it was when the last finite cost was computed.
        self._now: Moment | None = None
        self._good: Moment | None = None
        #: Whether a finite cost was computed with `_now`: a batch of several that make one step.
        self._proved = False
        self._loaded: Mapping[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        """Keep what is now."""
        if self.restore:
            self._now, self._good, self._proved = Moment(trainer), None, False
            if self._loaded is not None:
                self._good = Moment(trainer)
                self._good.load_state_dict(self._loaded)
        self._loaded = None

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """A finite cost: what it was computed with is good."""
        if self._now is not None:
            self._proved = True
            self._look(trainer)

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, Any]) -> None:
        """Keep the step which what was left to accumulate has made."""
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        now = self._now
        if now is not None and now.steps != trainer.optimizer.steps:
            spare = self._good or Moment(trainer)
            spare.take(trainer)
            self._now, self._good, self._proved = spare, now, False

    @property
    def _last_good(self) -> Moment | None:
        return self._now if self._proved or self._good is None else self._good

    def on_diverged(self, trainer: Trainer, error: DivergedError) -> None:
        """Put back what was good, and stop."""
        back, good = "", self._last_good
        if good is not None:
            good.put_back(trainer)
            back = f"; parameters and optimizer are those after step {good.steps}, fit can go on from them"
        if self.raises:
            if back:
                error.add_note(f"TerminateOnNaN{back}")
            return
        trainer.stop(f"TerminateOnNaN: {error}{back}")
        note(f"TerminateOnNaN: {error}{back}")

    def on_fit_end(self, trainer: Trainer) -> None:
        """Let go of what was kept."""
        self._now = self._good = None

    def state_dict(self) -> dict[str, Any]:
        """What would be put back now; what a checkpoint brought, until fit takes it up."""
        if self._loaded is not None:
            return {"good": self._loaded}
        good = self._last_good
        return {"good": None if good is None else good.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._loaded = state["good"]

    def __repr__(self) -> str:
        return f"TerminateOnNaN(restore={self.restore}, raises={self.raises})"
