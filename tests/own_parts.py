"""A layer and a source of batches as users write them, both drawing random numbers: state beside the parameters."""

from __future__ import annotations

import numpy as np

import tinynn as nn


class Drift(nn.Layer):
    """Adds noise of its own generator, and keeps a running mean: state beside the parameters."""

    persistent = ("mean", "seen")

    def __init__(self, features):
        self.features = features
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
