"""Parameters, layers' state and optimizer as they were at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.training.trainer import Trainer


class Moment:
    """The trained values, what layers keep beside them, and the optimizer's own state, written again and again.

    >>> import numpy as np, tinynn as nn
    >>> model = nn.Sequential(nn.Dense(1, 1), rng=0)
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.5, momentum=0.9))
    >>> before = Moment(trainer)
    >>> history = trainer.fit([(np.ones((1, 1)), np.zeros((1, 1)))], 2, progress=False)
    >>> before.put_back(trainer)
    >>> model[0].bias.value, trainer.optimizer.steps
    (array([0.], dtype=float32), 0)
    """

    def __init__(self, trainer: Trainer) -> None:
        self.value: Array = np.empty_like(trainer.optimizer.vector.value)
        self.slots = {name: np.empty_like(slot) for name, slot in trainer.optimizer.state.items()}
        self._places = trainer.model.named_persistent()
        self.take(trainer)

    def take(self, trainer: Trainer) -> None:
        """Hold what is now."""
        optimizer = trainer.optimizer
        np.copyto(self.value, optimizer.vector.value)
        for name, slot in self.slots.items():
            np.copyto(slot, optimizer.state[name])
        self.scalars = {name: getattr(optimizer, name) for name in optimizer.scalars}
        self.steps = optimizer.steps
        self.persistent = {name: np.array(getattr(*place)) for name, place in self._places.items()}

    def put_back(self, trainer: Trainer) -> None:
        """Make it now again; the learning rate stays what it is."""
        optimizer = trainer.optimizer
        np.copyto(optimizer.vector.value, self.value)
        for name, slot in self.slots.items():
            np.copyto(optimizer.state[name], slot)
        for name, number in self.scalars.items():
            setattr(optimizer, name, number)
        optimizer.steps = self.steps
        trainer.model.load_state_dict(self.persistent, strict=False)

    def state_dict(self) -> dict[str, Any]:
        """All of it, copied."""
        return {
            "value": self.value.copy(),
            "slots": {name: slot.copy() for name, slot in self.slots.items()},
            "scalars": dict(self.scalars),
            "steps": self.steps,
            "persistent": dict(self.persistent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Hold what `state_dict` gave for the same network and optimizer."""
        np.copyto(self.value, state["value"])
        for name, slot in self.slots.items():
            np.copyto(slot, state["slots"][name])
        self.scalars, self.steps = dict(state["scalars"]), state["steps"]
        self.persistent = dict(state["persistent"])
