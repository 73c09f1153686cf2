"""What the layers' errors say, to the letter."""

from __future__ import annotations

import numpy as np
import pytest
from messages import assert_says

import tinynn as nn

X, TEXT = np.zeros((2, 3)), [["a"] * 3] * 2
SHAPE, DTYPE, VALUE, STATE = nn.ShapeError, nn.DtypeError, nn.InvalidValueError, nn.StateError


class Narrowing(nn.Layer):
    """A custom layer that computes in float32 whatever it is given, and gives no gradient."""

    def forward(self, x):
        return x.astype(np.float32)

    def backward(self, grad):
        return None


def trained(layer, x, grad):
    layer.forward(x)
    layer.backward(grad)


def inside_itself():
    model = nn.Sequential()
    model.append(model)


TWICE = nn.Sigmoid()
MODEL = nn.Sequential(nn.Dense(3, 2), nn.Sigmoid(), rng=0)


#: what is called, the error, and all that it says.
MESSAGES = [
    (
        lambda: nn.Dense(784, 30).forward(np.zeros((32, 28, 28))),
        SHAPE,
        "Dense(784, 30): expected x of shape (batch, 784), got (32, 28, 28); flatten it with Flatten()",
    ),
    (
        lambda: nn.Dense(3, 2).forward(np.zeros(3)),
        SHAPE,
        ("Dense(3, 2): expected x of shape (batch, 3), got (3,); one sample is a batch of one: pass x[None]"),
    ),
    (
        lambda: nn.Dense(3, 2).forward(np.zeros((2, 5))),
        SHAPE,
        (
            "Dense(3, 2): expected x of shape (batch, 3), got (2, 5); give 3 features along the last axis, "
            "and a batch axis before it"
        ),
    ),
    (
        lambda: nn.Dense(3, 2).forward(np.zeros((2, 3, 1))),
        SHAPE,
        "Dense(3, 2): expected x of shape (batch, 3), got (2, 3, 1); flatten it with Flatten()",
    ),
    (lambda: nn.Dense(3, 2).forward(TEXT), DTYPE, "Dense(3, 2): expected real numbers as x, got an array of dtype <U1"),
    (lambda: nn.Dense(0, 3), VALUE, "Dense: in_features must be at least 1, got 0"),
    (lambda: nn.Dense(3, 2.5), DTYPE, "Dense: out_features must be an int, got 2.5"),
    (lambda: nn.Dense(True, 2), DTYPE, "Dense: in_features must be an int, got True"),
    (lambda: MODEL.predict(X, batch_size=0), VALUE, "predict: batch_size must be at least 1 or None, got 0"),
    (lambda: nn.Sigmoid().forward(TEXT), DTYPE, "Sigmoid(): expected real numbers as x, got an array of dtype <U1"),
    (
        lambda: trained(nn.Sigmoid(), X, TEXT),
        DTYPE,
        "Sigmoid(): expected real numbers as grad, got an array of dtype <U1",
    ),
    (
        lambda: trained(nn.Sigmoid(), X, np.zeros((2, 2))),
        SHAPE,
        "Sigmoid(): backward expects a gradient of the output's shape (2, 3), got (2, 2)",
    ),
    (
        lambda: nn.Sigmoid().backward(X),
        STATE,
        (
            "Sigmoid(): backward needs a forward in training mode before it; call train(), then forward(x), "
            "then backward(grad)"
        ),
    ),
    (
        lambda: nn.Sequential(*[nn.Sigmoid() for _ in range(20)]).backward(X),
        STATE,
        (
            "Sequential: backward needs a forward in training mode before it; call train(), then forward(x),"
            " then backward(grad)"
        ),
    ),
    (
        lambda: MODEL.forward(TEXT),
        DTYPE,
        "Sequential(Dense(3, 2), Sigmoid()): expected real numbers as x, got an array of dtype <U1",
    ),
    (
        lambda: trained(nn.Sequential(nn.Dense(3, 2)), X, [["a", "b"]] * 2),
        DTYPE,
        "Sequential(Dense(3, 2)): expected real numbers as grad, got an array of dtype <U1",
    ),
    (lambda: MODEL.forward(1.0), SHAPE, "Sequential: expected x of shape (batch, …), got a single number"),
    (
        lambda: nn.Sequential(nn.Sigmoid),
        DTYPE,
        ("Sequential: expected a Layer, got <class 'tinynn.layers.activations.Sigmoid'>: write Sigmoid(), not Sigmoid"),
    ),
    (
        lambda: nn.Sequential([nn.Sigmoid()]),
        DTYPE,
        "Sequential: expected a Layer, got [Sigmoid()]: pass the layers one by one, Sequential(*layers)",
    ),
    (
        lambda: nn.Sequential((nn.Sigmoid(),)),
        DTYPE,
        "Sequential: expected a Layer, got (Sigmoid(),): pass the layers one by one, Sequential(*layers)",
    ),
    (lambda: nn.Sequential(3), DTYPE, "Sequential: expected a Layer, got 3"),
    (lambda: inside_itself(), STATE, "Sequential: a network cannot stand inside itself, in two places"),
    (
        lambda: nn.Sequential(TWICE, nn.Tanh(), TWICE).forward(X),
        STATE,
        (
            "Sigmoid() stands in two places of one network, '0' and '2'; use a layer of its own "
            "(copy.deepcopy) in each place"
        ),
    ),
    (
        lambda: nn.Sequential(nn.Sequential(TWICE), TWICE).forward(X),
        STATE,
        (
            "Sigmoid() stands in two places of one network, '0.0' and '1'; use a layer of its own "
            "(copy.deepcopy) in each place"
        ),
    ),
    (
        lambda: nn.Sequential(nn.Dense(3, 2), nn.Dense(2, 2, dtype=np.float64)).forward(X),
        DTYPE,
        (
            "Sequential: the parameters of one network need one dtype, got float32 and float64; convert them"
            " all with astype(np.float32)"
        ),
    ),
    (
        lambda: nn.Sequential(nn.Tanh(), Narrowing()).forward(X),
        DTYPE,
        (
            "Sequential: layer 1, Narrowing(), was given float64 and its forward returned an array of float32; a"
            " layer computes in the dtype it is given (does it mix in arrays or parameters of another dtype?"
            " make them with dtype=np.float32, or convert the network with astype)"
        ),
    ),
    (
        lambda: nn.Residual(Narrowing()).forward(X),
        DTYPE,
        (
            "Residual: layer 0, Narrowing(), was given float64 and its forward returned an array of float32; a "
            "layer computes in the dtype it is given (does it mix in arrays or parameters of another dtype? "
            "make them with dtype=np.float32, or convert the network with astype)"
        ),
    ),
    (
        lambda: trained(nn.Sequential(Narrowing()), X.astype(np.float32), X),
        DTYPE,
        (
            "Sequential: layer 0, Narrowing(), was given float32 and its backward returned None; a layer "
            "computes in the dtype it is given (does it mix in arrays or parameters of another dtype? make "
            "them with dtype=np.float32, or convert the network with astype)"
        ),
    ),
    (
        lambda: nn.Residual(nn.Dense(3, 2)).forward(X),
        SHAPE,
        "Residual(Dense(3, 2)): x + f(x) needs f to keep the shape (2, 3), it gave (2, 2)",
    ),
    (lambda: nn.Parallel(), VALUE, "Parallel: expected at least one layer, got none"),
    (
        lambda: nn.Parallel(nn.Tanh(), merge="mean"),
        VALUE,
        'Parallel: merge must be "concatenate" or "sum", got \'mean\'',
    ),
    (
        lambda: nn.Parallel(nn.Dense(3, 2), nn.Flatten()).forward(np.zeros((2, 1, 3))),
        SHAPE,
        (
            "Parallel(Dense(3, 2), Flatten()): the branches' outputs do not fit for 'concatenate', they have"
            " shapes [(2, 1, 2), (2, 3)]"
        ),
    ),
    (
        lambda: nn.Parallel(nn.Dense(3, 2), nn.Dense(3, 1), merge="sum").forward(X),
        SHAPE,
        (
            "Parallel(Dense(3, 2), Dense(3, 1), merge='sum'): the branches' outputs do not fit for 'sum', "
            "they have shapes [(2, 2), (2, 1)]"
        ),
    ),
    (lambda: nn.Dropout(2), VALUE, "Dropout: rate must lie between 0 and 1, got 2"),
    (lambda: nn.Dropout("a"), VALUE, "Dropout: rate must lie between 0 and 1, got 'a'"),
    (lambda: nn.Dropout().forward(TEXT), DTYPE, "Dropout(0.5): expected real numbers as x, got an array of dtype <U1"),
    (
        lambda: trained(nn.Dropout(), X, TEXT),
        DTYPE,
        "Dropout(0.5): expected real numbers as grad, got an array of dtype <U1",
    ),
    (lambda: nn.Flatten().forward(1.0), SHAPE, "Flatten(): expected x of shape (batch, …), got ()"),
    (lambda: nn.Flatten().forward(TEXT), DTYPE, "Flatten(): expected real numbers as x, got an array of dtype <U1"),
    (lambda: nn.Reshape(2.5), DTYPE, "Reshape: the shape must be ints, got (2.5,)"),
    (lambda: nn.Reshape(True), DTYPE, "Reshape: the shape must be ints, got (True,)"),
    (lambda: nn.Reshape(-1, -1), VALUE, "Reshape: sizes must be 0 or more, and one may be -1, got (-1, -1)"),
    (lambda: nn.Reshape(-2), VALUE, "Reshape: sizes must be 0 or more, and one may be -1, got (-2,)"),
    (
        lambda: nn.Reshape(5).forward(np.zeros((2, 4))),
        SHAPE,
        "Reshape(5): a sample of shape (4,) has 4 numbers and cannot take this shape",
    ),
    (
        lambda: nn.Reshape(2, -1).forward(np.zeros((2, 3))),
        SHAPE,
        "Reshape(2, -1): a sample of shape (3,) has 3 numbers and cannot take this shape",
    ),
    (
        lambda: nn.Reshape(1).forward(1.0),
        SHAPE,
        "Reshape(1): a sample of shape () has 1 numbers and cannot take this shape",
    ),
    (lambda: nn.Reshape(3).forward(TEXT), DTYPE, "Reshape(3): expected real numbers as x, got an array of dtype <U1"),
    (lambda: nn.Identity().forward(TEXT), DTYPE, "Identity(): expected real numbers as x, got an array of dtype <U1"),
    (lambda: nn.Softmax().forward(np.zeros(3)), SHAPE, "Softmax(): expected x of shape (batch, classes), got (3,)"),
    (lambda: nn.Softmax().forward(TEXT), DTYPE, "Softmax(): expected real numbers as x, got an array of dtype <U1"),
    (
        lambda: nn.Step().backward(X),
        nn.TinynnError,
        (
            "Step(): a threshold has derivative 0 everywhere but at the jump, so it cannot be trained by "
            "gradients; use a smooth neuron such as Sigmoid(), or keep Step for predict"
        ),
    ),
    (lambda: nn.GELU("erf"), VALUE, 'GELU: approximate must be "none" or "tanh", got \'erf\''),
    (lambda: nn.LeakyReLU("a"), DTYPE, "LeakyReLU: negative_slope must be a number, got 'a'"),
    (lambda: nn.ELU(0), VALUE, "ELU: alpha must be above 0, got 0"),
    (lambda: nn.Softplus(0), VALUE, "Softplus: beta must be above 0, got 0"),
    (lambda: MODEL.summary((-1,)), VALUE, "summary: input_shape must be sizes of 0 or more, got (-1,)"),
    (
        lambda: MODEL.load_state_dict({"0.weight": np.zeros((2, 2)), "other": 1.0}),
        SHAPE,
        (
            "Sequential: the state does not fit this network: 0.bias is missing; other is unknown; 0.weight "
            "has shape (2, 2) instead of (2, 3)"
        ),
    ),
    (
        lambda: nn.Dense(3, 2).load_state_dict({"weight": [["a"]], "bias": [0, 0]}),
        DTYPE,
        "weight: expected real numbers as x, got an array of dtype <U1",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MESSAGES)
def test_messages(call, error, message):
    assert_says(call, error, message)
