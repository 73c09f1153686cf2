"""Custom layers as users write them, for the tests of files."""

from __future__ import annotations

import itertools

import numpy as np

import tinynn as nn


class Plain(nn.Layer):
    """What these tests do not look at: forward and backward."""

    def forward(self, x):
        return x

    def backward(self, grad):
        return grad


class Scale(nn.Layer):
    """The layer of the docstrings, with its argument kept."""

    def __init__(self, features, start=1.0):
        self.features, self.start = features, start
        self.factor = nn.Parameter(np.full(features, start, np.float32))

    def forward(self, x):
        self.x = x
        return x * self.factor.value

    def backward(self, grad):
        self.factor.grad[:] = (grad * self.x).sum(axis=0)
        return grad * self.factor.value


class Twice(nn.Layer):
    """One that is given another."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return 2 * self.inner.forward(x)

    def backward(self, grad):
        return self.inner.backward(2 * grad)


class Normalisation(nn.Layer):
    """Batch normalisation: running figures in three forms, an array, a number and a flag."""

    persistent = ("mean", "variance", "batches", "started")

    def __init__(self, features, momentum=0.1, *, dtype=np.float32):
        self.features, self.momentum = features, momentum
        self.gain = nn.Parameter(np.ones(features, dtype))
        self.mean, self.variance = np.zeros(features, dtype), np.ones(features, dtype)
        self.batches, self.started = 0, False

    def forward(self, x):
        if self.training:
            mean, variance = x.mean(axis=0), x.var(axis=0)
            self.mean += self.momentum * (mean - self.mean)
            self.variance += self.momentum * (variance - self.variance)
            self.batches, self.started = self.batches + 1, True
        else:
            mean, variance = self.mean, self.variance
        return (x - mean) / np.sqrt(variance + x.dtype.type(1e-5)) * self.gain.value

    def backward(self, grad):
        raise NotImplementedError


class Standardise(Plain):
    """Arrays as arguments."""

    def __init__(self, mean, deviation=None):
        self.mean, self.deviation = mean, deviation


class Branches(Plain):
    """Layers within lists and dicts among the arguments."""

    def __init__(self, branches, named, *, names=("a",)):
        self.branches, self.named, self.names = branches, named, names


class Widths(nn.Sequential):
    """A Sequential that builds its layers itself."""

    def __init__(self, *widths, rng=None):
        self.widths = widths
        layers = [nn.Dense(a, b) for a, b in itertools.pairwise(widths)]
        super().__init__(*layers, nn.Tanh(), rng=rng)


class OwnConfig(Plain):
    """An argument kept in another form, said by config."""

    def __init__(self, text, options):
        self.text = text
        self.number = options["number"]

    def config(self):
        return {**super().config(), "options": {"number": self.number}}


ALL = [Scale, Twice, Normalisation, Standardise, Branches, Widths, OwnConfig]
