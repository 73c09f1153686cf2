"""Flatten, Reshape and Identity: C order, −1, and the sizes that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn

X = np.arange(24.0).reshape(2, 3, 4)


def test_flatten_is_c_order():
    layer = nn.Flatten()
    np.testing.assert_array_equal(layer.forward(X), X.reshape(2, 12))
    np.testing.assert_array_equal(layer.forward(np.asfortranarray(X)), X.reshape(2, 12))
    assert layer.backward(np.ones((2, 12))).shape == (2, 3, 4)
    assert layer.forward(np.arange(3.0)).shape == (3, 1)
    assert layer.forward(np.zeros((0, 3, 4))).shape == (0, 12)
    with pytest.raises(nn.ShapeError, match=r"Flatten\(\): expected x of shape \(batch"):
        layer.forward(1.0)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Reshape(4, 3), (4, 3)),
        (nn.Reshape((4, 3)), (4, 3)),
        (nn.Reshape([6, 2]), (6, 2)),
        (nn.Reshape(-1), (12,)),
        (nn.Reshape(2, -1), (2, 6)),
        (nn.Reshape(-1, 3, 2), (2, 3, 2)),
        (nn.Reshape(np.int64(12)), (12,)),
    ],
)
def test_reshape(layer, shape):
    np.testing.assert_array_equal(layer.forward(X), X.reshape(2, *shape))
    np.testing.assert_array_equal(layer.backward(X.reshape(2, *shape)), X)
    assert layer.forward(X[:0]).shape == (0, *shape)


@pytest.mark.parametrize("shape", [(5,), (4, 4), (5, -1), (0,), (0, -1), ()])
def test_sizes_that_do_not_agree(shape):
    with pytest.raises(nn.ShapeError):
        nn.Reshape(1).forward(1.0)
    with pytest.raises(nn.ShapeError, match=r"a sample of shape \(3, 4\) has 12 numbers"):
        nn.Reshape(*shape).forward(X)


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((-1, -1), nn.InvalidValueError),
        ((-2,), nn.InvalidValueError),
        ((2.0,), nn.DtypeError),
        (("a",), nn.DtypeError),
        ((True,), nn.DtypeError),
    ],
)
def test_shapes_that_are_none(shape, error):
    with pytest.raises(error, match="Reshape: "):
        nn.Reshape(*shape)


def test_repr_is_code():
    for code in ("Reshape(2, -1)", "Reshape(7)", "Flatten()", "Identity()"):
        assert repr(eval(code, vars(nn))) == code


def test_identity_is_the_same_array():
    layer = nn.Identity()
    assert layer.forward(X) is X
    assert layer.backward(X) is X
