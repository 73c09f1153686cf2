"""How the gradient gets through the network, layer by layer, and which units it no longer reaches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import count
from tinynn._arrays import as_array
from tinynn.errors import TrainingWarning
from tinynn.parameter import Parameter
from tinynn.training.callbacks.continuity import Continuity
from tinynn.training.generators import named_layers
from tinynn.training.units import WORRYING, unit_shares

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.layers import Layer
    from tinynn.training.trainer import Trainer

#: The ratio of the first layer's gradient to the last one's below which it vanishes; above 1 / VANISHING it explodes.
VANISHING = 1e-3


class GradientMonitor:
    """Looks at gradients and units after an epoch, keeps what it saw, and warns once of each layer in trouble.

    The columns "saturated_share" and "dead_share" of the history have the largest share of any layer but
    the one whose output is the network's, for outputs that are right may well be saturated. A
    TrainingWarning comes for a layer half of whose units are saturated or dead, and for gradients that
    vanish or explode on their way to the first layer; it says what helps. Training itself goes on bit for
    bit as without the monitor.

    Parameters: x, the samples to look at, None for the first 256 of the training data; every_epochs.
    Attributes: records, a dict for each look: "epoch"; "gradient_norm" and "weight_norm", {path: ‖·‖} of
    each layer with parameters, the gradient being that of the last step, after clipping; "saturated" and
    "dead", {path: share of the units} of each activation. Paths are as in the names of parameters.

    >>> import numpy as np, tinynn as nn
    >>> model = nn.Sequential(nn.Dense(1, 4), nn.ReLU(), nn.Dense(4, 1), rng=0)
    >>> model[0].bias.value = [-5.0, -5.0, 5.0, 5.0]
    >>> x, monitor = np.linspace(-1, 1, 8)[:, None], GradientMonitor()
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.001), callbacks=[monitor])
    >>> import warnings
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     history = trainer.fit(nn.Batches(x, x, rng=0), 2, progress=False)
    >>> print(caught[0].message)
    GradientMonitor: Layer 1 (ReLU()): 50 % of its units are dead (no slope on any of 8 samples); lower ...
    >>> len(caught), monitor.records[1]["dead"], history["dead_share"]
    (1, {'1': 0.5}, [0.5, 0.5])
    """

    def __init__(self, x: Any = None, *, every_epochs: int = 1) -> None:
        self.x = None if x is None else as_array(x, "GradientMonitor")
        self.every_epochs = count("GradientMonitor: every_epochs", every_epochs)
        self._run = Continuity()
        #: While fit runs: the model, the steps when it began; from a checkpoint to the next batch or step: its norms.
        self._model: Layer | None = None
        self._steps = 0
        self._saved: dict[str, float] = {}
        self._clear()

    def _clear(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._warned: list[str] = []

    def on_fit_start(self, trainer: Trainer) -> None:
        """Go on with the same trainer's records; try the samples."""
        if not self._run.goes_on(trainer):
            self._clear()
        self._model, self._steps = trainer.model, trainer.optimizer.steps
        if self.x is not None:
            unit_shares(trainer.model, self.x[:1])  # an error now, not after a long epoch

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """What a checkpoint brought is out of date."""
        self._saved = {}

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, Any]) -> None:
        """Look, note, warn."""
        if trainer.optimizer.steps != self._steps:  # the epoch ended with the step of a gradient that waited for it
            self._saved = {}
        epoch, model = len(trainer.history), trainer.model
        if epoch % self.every_epochs:
            return
        x = trainer.sample()[0] if self.x is None else self.x
        units = unit_shares(model, x)
        gradients = self._gradients()
        saturated, dead = {u.path: u.saturated for u in units}, {u.path: u.dead for u in units}
        record = {"epoch": epoch, "gradient_norm": gradients, "weight_norm": _norms(model, "value")}
        self.records.append({**record, "saturated": saturated, "dead": dead})
        figures["saturated_share"] = max((u.saturated for u in units if not u.last), default=0.0)
        figures["dead_share"] = max((u.dead for u in units if not u.last), default=0.0)
        for u in units:
            if not u.last and max(u.saturated, u.dead) >= WORRYING:
                self._warn(f"units {u.path}", u.complaint(np.asarray(x)))
        for topic, message in _complaints(gradients):
            self._warn(topic, message)

    def _gradients(self) -> dict[str, float]:
        """The norms at the last batch or step: the model's own, or a checkpoint's if none has come since."""
        return dict(self._saved) if self._saved or self._model is None else _norms(self._model, "grad")

    def _warn(self, topic: str, message: str) -> None:
        if topic not in self._warned:
            self._warned.append(topic)
            warnings.warn(f"GradientMonitor: {message}", TrainingWarning, stacklevel=2)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Let go of the model."""
        self._model, self._saved = None, {}

    def state_dict(self) -> dict[str, Any]:
        """The records, what was warned of, and the gradients of the last step."""
        return {"records": list(self.records), "warned": list(self._warned), "gradients": self._gradients()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.records, self._warned = list(state["records"]), list(state["warned"])
        self._saved = dict(state["gradients"])
        self._run.loaded()

    def __repr__(self) -> str:
        x = "" if self.x is None else f"x of shape {self.x.shape}, "
        return f"GradientMonitor({x}every_epochs={self.every_epochs})"


def _norms(model: Layer, what: str) -> dict[str, float]:
    """{path: ‖gradient‖ or ‖values‖} of each layer with parameters of its own."""
    return {
        path or type(model).__name__: math.hypot(*(float(np.linalg.norm(a)) for a in arrays))
        for path, layer in named_layers(model)
        if (arrays := _own(layer, what))
    }


def _own(layer: Layer, what: str) -> list[Array]:
    return [getattr(child, what) for _, child in layer.named_children() if isinstance(child, Parameter)]


def _complaints(gradients: dict[str, float]) -> Iterator[tuple[str, str]]:
    """(topic, message) if the gradient is much smaller or larger in the first layer than in the last."""
    (first, low), (last, high) = next(iter(gradients.items())), list(gradients.items())[-1]
    where = f"‖gradient‖ is {low:.2g} in layer {first} and {high:.2g} in layer {last}"
    if low < VANISHING * high:
        yield (
            "vanishing",
            f"the gradient vanishes: {where}; the first layers hardly learn: use ReLU() with he_normal weights, "
            "Residual around the layers, or fewer of them",
        )
    elif low * VANISHING > high > 0:
        yield (
            "exploding",
            f"the gradient explodes: {where}; clip it with Trainer(clip_norm=1.0), lower the learning rate, or start "
            "with smaller weights",
        )
