"""A small run in a directory of its own, with a checkpoint and a model file, and what must stay true of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from faults import parts, programs
from faults.report import fail
from training.runs import differences

import tinynn as nn
from tinynn.training import state

KEEP = 2


class SaveInTheMiddle:
    """Writes a checkpoint after three of the second epoch's four batches."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_batch_end(self, trainer: nn.Trainer, cost: float) -> None:
        if len(trainer.history) == 1 and trainer.batches_done == 3:
            trainer.save_checkpoint(self.path)


class Small:
    """A trainer in the middle of its second epoch, saved as checkpoint-000001.npz, checkpoint.npz and model.npz."""

    def __init__(self, directory: Path, hidden: int = 10) -> None:
        self.directory, self.hidden = directory, hidden
        self.checkpoint, self.model = directory / "checkpoint.npz", directory / "model.npz"
        self.callback = nn.Checkpoint(directory, every_steps=1, keep=KEEP)
        self.trainer = self.fresh()
        x, labels = parts.data(40)
        saving = SaveInTheMiddle(self.checkpoint)
        self.trainer.callbacks = (*self.trainer.callbacks, saving)
        self.trainer.fit(nn.Batches(x, labels, 10, rng=2), 2, progress=False)
        self.trainer = self.fresh()
        self.trainer.load_checkpoint(self.checkpoint)
        self.logger = nn.CSVLogger(directory / programs.CSV)
        for each in (self.callback, self.logger):
            each.on_fit_start(self.trainer)
        self.callback.on_epoch_end(self.trainer, self.trainer.history[-1])
        self.save_all()

    def fresh(self) -> nn.Trainer:
        """A trainer that has trained nothing yet."""
        hidden = self.hidden
        model = nn.Sequential(nn.Dense(20, hidden), nn.Tanh(), nn.Dropout(0.2), nn.Dense(hidden, 10), rng=1)
        optimizer = nn.Adam(model, nn.schedules.cosine(0.01, 100))
        callbacks = [nn.EarlyStopping("cost"), nn.ExponentialMovingAverage(apply=False)]
        return nn.Trainer(
            model, nn.SoftmaxCrossEntropy(), optimizer, metrics=[nn.Accuracy()], callbacks=callbacks, accumulate=2
        )

    def save_all(self) -> None:
        """Both files anew."""
        self.trainer.save_checkpoint(self.checkpoint)
        nn.save(self.trainer.model, self.model)

    def change(self) -> None:
        """Other values than the files hold."""
        self.trainer.optimizer.vector.value[:] += np.float32(0.5)

    def files(self) -> dict[str, bytes]:
        """What lies in the directory."""
        return {path.name: path.read_bytes() for path in sorted(self.directory.iterdir())}

    def check_checkpoint(self, path: Path, what: str) -> None:
        """The file holds the trainer's present state."""
        loaded = self.fresh()
        loaded.load_checkpoint(path)
        wrong = differences(state.capture(self.trainer)["model"], state.capture(loaded)["model"])
        wrong += differences(state.capture(self.trainer)["optimizer"], state.capture(loaded)["optimizer"])
        if wrong:
            fail(f"{what}: {wrong[0][:200]}")

    def check_model(self, path: Path, what: str) -> None:
        """The file holds the present model."""
        wrong = differences(self.trainer.model.state_dict(), nn.load(path).state_dict())
        if wrong:
            fail(f"{what}: {wrong[0][:200]}")


def litter(directory: Path) -> list[str]:
    """Parts that writers left."""
    return [name for name in os.listdir(directory) if name.endswith(".part")]
