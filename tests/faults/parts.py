"""What the programs to be killed are made of: data, networks, and parts of one's own that draw random numbers."""

from __future__ import annotations

import numpy as np

import tinynn as nn


class Drift(nn.Layer):
    """Adds noise of its own generator, and keeps a running mean: state beside the parameters."""

    persistent = ("mean", "seen")

    def __init__(self, features):
        self.shift = nn.Parameter(np.zeros(features, np.float32))
        self.mean, self.seen = np.zeros(features, np.float32), 0
        self.noise = np.random.Generator(np.random.MT19937(3))

    def forward(self, x):
        if self.training:
            self.mean *= 0.9
            self.mean += 0.1 * x.mean(axis=0)
            self.seen += 1
            x = x + self.noise.normal(0, 0.01, x.shape).astype(np.float32)
        return x - self.mean + self.shift.value

    def backward(self, grad):
        self.shift.grad = grad.sum(axis=0)
        return grad


class Jittered(nn.Batches):
    """Batches whose x is jittered by the same generator that draws the order."""

    def __iter__(self):
        for x, y in super().__iter__():
            yield x + self.rng.normal(0, 0.01, x.shape).astype(np.float32), y


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
