"""What the programs to be killed are made of: data, networks, and a callback of one's own that draws random numbers."""

from __future__ import annotations

import numpy as np

import tinynn as nn


class Lottery:
    """A callback of one's own: it draws numbers, remembers their sum, and now and then disturbs the learning rate."""

    def __init__(self):
        self.rng, self.total = np.random.RandomState(7), 0.0

    def on_batch_end(self, trainer, cost):
        self.total += self.rng.standard_normal() * cost
        if self.rng.random_sample() < 0.2:
            trainer.optimizer.learning_rate = 0.01 + 0.02 * self.rng.random_sample()

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]


def data(samples, features=20, classes=10, dtype=np.float32):
    """Classes around random centres; always the same."""
    rng = np.random.default_rng(11)
    labels = rng.integers(classes, size=samples)
    x = rng.normal(size=(classes, features))[labels] + rng.normal(size=(samples, features))
    return x.astype(dtype), labels


def network(*middle, features=20, hidden=30, dtype=np.float32):
    return nn.Sequential(nn.Dense(features, hidden, dtype=dtype), *middle, nn.Dense(hidden, 10, dtype=dtype), rng=1)
