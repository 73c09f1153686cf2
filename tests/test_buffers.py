"""Buffers have plain names: lower-case words, as one reads them in a debugger."""

from __future__ import annotations

import drawn
import numpy as np
from cases import LAYERS, LOSSES, OPTIMIZERS, over

import tinynn as nn
from tinynn._buffers import Buffers
from tinynn.optimizers.scratch import Scratch

RNG = np.random.default_rng(0)


def assert_plain(buffers):
    assert isinstance(buffers, Buffers)
    assert_plain_names(buffers)


def assert_plain_names(arrays):
    for name in arrays:
        assert isinstance(name, str) and name.isidentifier() and name.islower(), name


@over([row for row in LAYERS if row.differentiable])
def test_of_layers(row):
    layer = row.make().astype(np.float32)
    x = RNG.normal(size=(3, *row.sample)).astype(np.float32)
    layer.backward(np.ones_like(layer.forward(x)))
    for inner in layer.layers_inside():
        assert_plain(inner._buffers)
        assert {array.dtype.name for array in inner._buffers.values()} <= {"float32", "bool", "int64"}


@over(LOSSES)
def test_of_losses(row):
    loss, prediction, target = drawn.built_loss(row)
    for weight in (None, np.ones(len(prediction))):
        loss.forward(prediction, target, weight)
        loss.backward()
    assert_plain(loss._buffers)


@over(OPTIMIZERS)
def test_of_optimizers(row):
    for more in ({}, {"weight_decay": 0.1, "l1_decay": 0.1}):
        parameter = nn.Parameter(RNG.normal(size=4))
        optimizer = row([parameter], 0.01, **more)
        for _ in range(2):
            parameter.grad = RNG.normal(size=4)
            optimizer.step()
        assert isinstance(optimizer._scratch, Scratch)
        assert optimizer._scratch or (optimizer.fused and not more)
        assert_plain_names(optimizer._scratch)
