"""How the element-wise losses read a target: its precision, and the hint when its shape is another."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn

LOSSES = [nn.MSE(), nn.MAE(), nn.Huber()]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_whole_numbers_as_targets_lose_no_digit(loss):
    """2²⁴ + 1 is no float32: an integer target becomes what the prediction is."""
    assert loss.forward(np.array([[16777217.0]]), np.array([[16777217]])) == 0.0


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize(
    ("prediction", "target", "hint"),
    [
        ((4, 2, 3), (4, 2), "are these class labels? pass one_hot(labels, classes)"),
        ((4, 1, 3), (4, 1), "are these class labels? pass one_hot(labels, classes)"),
        ((4, 2, 3), (4,), "give every output its desired value"),
        ((4, 1), (4,), "pass target[:, None]"),
        ((4, 3), (3,), "give every output its desired value"),
    ],
    ids=str,
)
def test_the_hint_fits_the_shapes(loss, prediction, target, hint):
    with pytest.raises(nn.ShapeError) as caught:
        loss.forward(np.zeros(prediction), np.zeros(target))
    assert str(caught.value).endswith(f"got {target}; {hint}")
