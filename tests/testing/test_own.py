"""All of tinynn's own layers, losses, optimizers and networks pass the kit, its strict laws included."""

from __future__ import annotations

import drawn
import numpy as np
import pytest
from cases import LAYERS, LOSSES, OPTIMIZERS, over
from drawn_networks import drawn_networks
from hypothesis import given

import tinynn as nn
from tinynn.testing import check_layer, check_loss, check_network, check_optimizer


@over([row for row in LAYERS if row.differentiable])
def test_layers(row):
    report = check_layer(drawn.built(row), input_shape=(3, *row.sample), couples_batch=row.couples_batch, strict=True)
    assert report.right
    assert report.couples_batch is row.couples_batch
    assert "evaluation mode is thread-safe" in report.laws


@over(LOSSES)
def test_losses(row):
    loss, prediction, target = drawn.built_loss(row)
    report = check_loss(loss, prediction, target, strict=True)
    assert {"mean over the batch", "sample weights", "finite at ±1000"} <= set(report.laws)


@over(OPTIMIZERS)
def test_optimizers(row):
    report = check_optimizer(lambda parameters: row(parameters, 0.01), like=lambda parameters: row(parameters, 0.01))
    assert {"descends", "the rule step for step", "goes on from its state"} <= set(report.laws)


@drawn.examples(0.3)
@given(network=drawn_networks(outputs=2))
def test_networks(network):
    assert check_network(network.model, nn.MSE(), network.x, np.zeros((len(network.x), 2))).right


def test_a_step_has_no_derivative_to_check():
    with pytest.raises(nn.TinynnError):
        check_layer(nn.Step(), input_shape=(3, 2))
