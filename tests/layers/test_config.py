"""What a layer tells of its constructor's arguments, for repr and for files."""

from __future__ import annotations

import numpy as np

import tinynn as nn
from tinynn import initializers
from tinynn.layers.base import Layer


class Plain(Layer):
    def forward(self, x):
        return x

    def backward(self, grad):
        return grad


def test_arguments_that_attributes_keep_and_no_others():
    class Kept(Plain):
        def __init__(self, size, slope=0.5, *more, name="x", lost=1, rng=None, dtype=None, **options):
            self.size, self.slope, self.more, self.name, self.rng = size, slope, more, name, rng
            self.options, self.other = options, 1

    layer = Kept(3, 0.25, 1, 2, rng=0, word=1)
    assert layer.config() == {"size": 3, "slope": 0.25, "more": (1, 2), "name": "x"}
    assert list(layer.config()) == ["size", "slope", "more", "name"]
    assert repr(layer) == "Kept(3, slope=0.25, 1, 2)"


def test_values_of_all_kinds_are_told_and_plain_ones_shown():
    class Kept(Plain):
        def __init__(self, inner, values, mean=None, *, name, slope=(1, 2)):
            self.inner, self.values, self.mean, self.name, self.slope = inner, values, mean, name, slope

    inner, values, mean = nn.Tanh(), [1], np.ones(2)
    layer = Kept(inner, values, mean, name="n", slope=(1, 3))
    config = layer.config()
    assert config["inner"] is inner and config["values"] is values and config["mean"] is mean
    assert repr(layer) == "Kept(…, …, 'n', slope=(1, 3))"


def test_variable_arguments_kept_in_another_form_are_not_shown():
    class Odd(Plain):
        def __init__(self, *sizes):
            self.sizes = sum(sizes)

    assert repr(Odd(1, 2)) == "Odd()"
    assert Odd(1, 2).config() == {"sizes": 3}


def test_the_layers_of_tinynn():
    dense = nn.Dense(3, 2, bias=False, weight_initializer=initializers.zeros, rng=0)
    assert dense.config() == {
        "in_features": 3,
        "out_features": 2,
        "bias": False,
        "weight_initializer": initializers.zeros,
        "bias_initializer": initializers.zeros,
    }
    assert nn.Dense(3, 2).config()["bias"] is True
    assert nn.Dropout(0.25).config() == {"rate": 0.25}
    assert nn.Reshape(2, -1).config() == {"shape": (2, -1)}
    inner = nn.Tanh()
    assert inner.config() == {}
    assert nn.Residual(inner).config() == {"layer": inner}
    assert nn.Sequential(inner, dense).config() == {"layers": (inner, dense)}
    assert nn.Parallel(inner, merge="sum").config() == {"layers": (inner,), "merge": "sum"}


def test_repr_looks_at_no_property_that_may_fail():
    """A message about a network that is wrong must be able to show it."""
    layer = nn.Dense(3, 2, rng=0)
    layer.bias = nn.Parameter(np.zeros(2), "bias")  # of another dtype than the weight
    assert repr(layer) == "Dense(3, 2)"
