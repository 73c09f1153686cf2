"""summary: output shapes and parameter counts, without a trace in the model."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn

TABLE = """\
layer                  output shape  parameters
-----------------------------------------------
Flatten()              (batch, 784)           0
Dense(784, 30)          (batch, 30)      23,550
Sigmoid()               (batch, 30)           0
Dense(30, 10)           (batch, 10)         310
-----------------------------------------------
23,860 parameters"""


def cells(table):
    """The rows as tuples; how wide a column is does not matter."""
    lines = [line for line in table.splitlines() if not set(line) <= set("- ─=")]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28)])
def test_a_table(shape):
    model = nn.Sequential(nn.Flatten(), nn.Dense(784, 30), nn.Sigmoid(), nn.Dense(30, 10), rng=0)
    assert cells(model.summary(shape)) == cells(TABLE)


@pytest.mark.parametrize("shape", [784, (784,), (5, 784), (np.int64(784),)])
def test_the_shape_may_have_its_batch_axis(shape):
    model = nn.Sequential(nn.Dense(784, 30), nn.Sigmoid(), rng=0)
    assert cells(model.summary(shape))[1:] == [
        ["Dense(784, 30)", "(batch, 30)", "23,550"],
        ["Sigmoid()", "(batch, 30)", "0"],
        ["23,550 parameters"],
    ]


def test_a_single_layer_and_nested_ones():
    assert cells(nn.Dense(3, 2).summary(3))[1] == ["Dense(3, 2)", "(batch, 2)", "8"]
    model = nn.Sequential(nn.Residual(nn.Dense(3, 3)), nn.Parallel(nn.Identity(), nn.Dense(3, 1)))
    text = model.summary(3)
    lines = text.splitlines()
    for row in ("Residual(Dense(3, 3))", "  Dense(3, 3)", "Parallel(Identity(), Dense(3, 1))", "  Identity()"):
        assert any(line.startswith(row + " ") for line in lines), row  # what stands inside is indented
    assert "(batch, 4)" in text
    assert text.endswith("16 parameters")


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Dense(3, 3), nn.Dropout(0.5), rng=0)
    model[1].eval()
    state = model[1].rng.bit_generator.state
    model.summary(3)
    assert (model.training, model[0].training, model[1].training) == (True, True, False)
    assert model[1].rng.bit_generator.state == state
    with pytest.raises(nn.StateError):
        model.backward(np.ones((1, 3)))


def test_a_shape_that_does_not_fit():
    with pytest.raises(nn.ShapeError, match="expected x of shape"):
        nn.Sequential(nn.Dense(3, 3)).summary(4)
    for wrong in ((-1,), (2.5,), ("a",)):
        with pytest.raises(nn.InvalidValueError, match="input_shape must be sizes"):
            nn.Dense(3, 3).summary(wrong)
