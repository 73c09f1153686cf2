"""What the law tables do not reach of the element-wise losses."""

import numpy as np
import pytest

import tinynn as nn


@pytest.mark.parametrize("target", [[[0.0], [1.0]], [[1.0], [2.0]], [[0.5], [-1.0]], [[-1.0], [-3.0]]])
def test_hinge_takes_plus_and_minus_one_alone(target):
    with pytest.raises(nn.InvalidValueError, match="-1 or 1"):
        nn.Hinge().forward(np.array([[0.5], [0.5]]), np.array(target))


@pytest.mark.parametrize("loss", [nn.MSE(), nn.MAE(), nn.Huber(), nn.Hinge(), nn.SigmoidCrossEntropy()], ids=repr)
def test_a_refused_forward_of_another_shape_leaves_no_gradient(loss):
    loss.forward(np.ones((5, 2)), np.ones((5, 2)))
    with pytest.raises(nn.ShapeError):
        loss.forward(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(nn.StateError, match="forward"):
        loss.backward()
