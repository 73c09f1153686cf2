"""A run that can be followed by hand: one weight, halved by every step.

y = w x with x = 1 and target 0 costs w² / 2, its gradient is w, and SGD with rate ½ makes w / 2 of it. From
w = 1 the weight after step t is 2⁻ᵗ, exactly.
"""

from __future__ import annotations

import numpy as np
from memory import peak_of

import tinynn as nn
from tinynn.training import Trainer

ONE, ZERO = np.ones((1, 1)), np.zeros((1, 1))
BATCH = (ONE, ZERO)
NAN = (ONE * np.nan, ZERO)


def trainer(*callbacks, learning_rate=0.5, optimizer=nn.SGD, start=1.0, **keywords):
    model = nn.Sequential(nn.Dense(1, 1, bias=False, dtype=np.float64))
    model[0].weight.value = [[start]]
    return Trainer(model, nn.MSE(), optimizer(model, learning_rate), callbacks=callbacks, **keywords)


def fit(trained, epochs=1, batches=1, data=None):
    """The trainer, after `epochs` epochs of `batches` batches, or of `data`."""
    trained.fit([BATCH] * batches if data is None else data, epochs, progress=False)
    return trained


def weight(trained):
    return trained.model[0].weight.value.item()


class Epochs:
    """Another list of batches in each epoch."""

    def __init__(self, *epochs):
        self.epochs = list(epochs)

    def __iter__(self):
        yield from self.epochs.pop(0)


class Figures:
    """Puts columns into the epochs' figures: the list's items in turn."""

    def __init__(self, **columns):
        self.columns = columns

    def on_epoch_end(self, trained, figures):
        for name, column in self.columns.items():
            figures[name] = column[len(trained.history) - 1]


class Raises:
    """Raises an error at the given call of one hook, from 1."""

    def __init__(self, hook, when=1, error=RuntimeError):
        self.left, self.error = when, error
        setattr(self, hook, self._raise)

    def on_batch_end(self, trained, cost):
        """So that it is a callback whatever the hook."""

    def _raise(self, *arguments):
        self.left -= 1
        if self.left == 0:
            raise self.error


def peak_of_a_step(callback, optimizer):
    """Bytes that a callback allocates at the end of a batch that made a step, in a network of 90,300 parameters."""
    model = nn.Sequential(nn.Dense(300, 300), rng=0)
    trained = nn.Trainer(model, nn.MSE(), optimizer(model), callbacks=[callback])
    callback.on_fit_start(trained)

    def step():
        trained.optimizer.steps += 1
        callback.on_batch_end(trained, 0.0)

    return peak_of(step)
