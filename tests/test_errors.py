"""Bad input to the public callables: each error names who, the rule, what came, and the remedy."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinynn as nn
from tinynn import errors

MODEL = nn.Sequential(nn.Dense(3, 2), nn.Sigmoid(), rng=0)
WEIGHT = nn.Parameter([1.0])
Z = np.zeros((4, 3))
SHAPE, DTYPE, VALUE, STATE = nn.ShapeError, nn.DtypeError, nn.InvalidValueError, nn.StateError

#: what is called, the error, and the words that its message must hold.
TABLE = [
    # layers
    (
        lambda: nn.Dense(784, 30).forward(np.zeros((32, 28, 28))),
        SHAPE,
        ["Dense(784, 30)", "(batch, 784)", "(32, 28, 28)", "Flatten()"],
    ),
    (lambda: nn.Dense(3, 2).forward(np.zeros(3)), SHAPE, ["Dense(3, 2)", "(3,)", "x[None]"]),
    (lambda: MODEL.forward(np.zeros(3)), SHAPE, ["Dense(3, 2)", "x[None]"]),
    (lambda: MODEL.forward(np.zeros((2, 5))), SHAPE, ["Dense(3, 2)", "(2, 5)", "3"]),
    (lambda: MODEL.predict([["a", "b", "c"]]), DTYPE, ["real numbers", "<U1"]),
    (lambda: MODEL.predict(np.zeros((1, 3), complex)), DTYPE, ["real numbers", "complex128"]),
    (lambda: MODEL.predict(np.zeros((1, 3)), batch_size=0), VALUE, ["predict", "batch_size", "0"]),
    (lambda: nn.Sigmoid().backward(np.zeros((1, 3))), STATE, ["Sigmoid()", "train()", "forward(x)"]),
    (lambda: nn.Sequential(nn.Sigmoid), DTYPE, ["Sequential", "Sigmoid()"]),
    (lambda: nn.Dense(0, 3), VALUE, ["Dense", "in_features", "0"]),
    (lambda: nn.Dense(3, 2.5), DTYPE, ["Dense", "out_features", "2.5"]),
    (lambda: nn.Dense(3, 2, dtype=int), DTYPE, ["float32", "float64"]),
    (lambda: nn.Dense(3, 2, rng=-1), DTYPE, ["rng", "Generator", "-1"]),
    (lambda: nn.Dropout(2), VALUE, ["Dropout", "rate", "2"]),
    (lambda: nn.Reshape(5).forward(np.zeros((2, 4))), SHAPE, ["Reshape(5)", "(4,)"]),
    (lambda: nn.Step().backward(np.zeros((1, 1))), nn.TinynnError, ["Step()", "Sigmoid()"]),
    (lambda: MODEL.load_state_dict({"0.weight": np.zeros((2, 3))}), SHAPE, ["Sequential", "0.bias is missing"]),
    (lambda: MODEL.astype("half"), DTYPE, ["float32", "'half'"]),
    # losses
    (lambda: nn.MSE().forward(np.zeros((4, 1)), np.zeros(4)), SHAPE, ["MSE()", "(4, 1)", "(4,)", "target[:, None]"]),
    (lambda: nn.MSE().forward(Z, np.zeros(4, int)), SHAPE, ["MSE()", "(4, 3)", "(4,)", "one_hot"]),
    (lambda: nn.MAE().forward(np.zeros(4), np.zeros((4, 1))), SHAPE, ["MAE()", "(4,)", "(4, 1)"]),
    (lambda: nn.MSE(mean_over="batch"), VALUE, ["MSE", "mean_over", '"samples"', "'batch'"]),
    (lambda: nn.MSE().forward(Z, np.full((4, 3), "a")), DTYPE, ["MSE()", "target", "<U1"]),
    (lambda: nn.MSE().backward(), STATE, ["MSE()", "forward(prediction, target)"]),
    (lambda: nn.Huber(0), VALUE, ["Huber", "delta", "0"]),
    (lambda: nn.Hinge().forward(Z, Z), VALUE, ["Hinge()", "-1 or 1", "2 * target - 1"]),
    (
        lambda: nn.SoftmaxCrossEntropy().forward(Z, np.array([0, 1, 2, 3])),
        VALUE,
        ["SoftmaxCrossEntropy()", "0 … 2", "3"],
    ),
    (lambda: nn.SoftmaxCrossEntropy().forward(Z, np.array([0, 1, -1, 2])), VALUE, ["0 … 2", "-1"]),
    (lambda: nn.SoftmaxCrossEntropy().forward(Z, np.zeros(4)), DTYPE, ["integers", "float64", "astype(int)"]),
    (lambda: nn.SoftmaxCrossEntropy().forward(Z, np.zeros((4, 1), int)), SHAPE, ["(4,)", "(4, 3)", "(4, 1)"]),
    (lambda: nn.SoftmaxCrossEntropy().forward(np.zeros(3), 1), SHAPE, ["(batch, classes)", "(3,)"]),
    (lambda: nn.SoftmaxCrossEntropy(label_smoothing=1.0), VALUE, ["label_smoothing", "below 1", "1.0"]),
    (lambda: nn.SoftmaxCrossEntropy(class_weights=[1, -1]), VALUE, ["class_weights", "0 or more"]),
    (
        lambda: nn.SoftmaxCrossEntropy(class_weights=[1, 1]).forward(Z, np.zeros(4, int)),
        SHAPE,
        ["2 class_weights", "3 classes"],
    ),
    (
        lambda: nn.SoftmaxCrossEntropy(class_weights=[0, 1, 1]).forward(Z, np.zeros(4, int)),
        VALUE,
        ["class_weights", "0"],
    ),
    (lambda: nn.SigmoidCrossEntropy().forward(Z, Z + 1.5), VALUE, ["SigmoidCrossEntropy()", "between 0 and 1", "1.5"]),
    (lambda: nn.SigmoidCrossEntropy().forward(Z, Z - 0.5), VALUE, ["between 0 and 1", "-0.5"]),
    (lambda: nn.SigmoidCrossEntropy().forward(Z, Z * np.nan), VALUE, ["between 0 and 1", "nan"]),
    (lambda: nn.SigmoidCrossEntropy().forward(Z, np.array([0, 1, 2, 3])), VALUE, ["0 … 2", "3"]),
    (lambda: nn.SigmoidCrossEntropy().forward(Z, np.array([0, 1, -1, 2])), VALUE, ["0 … 2", "-1"]),
    (lambda: nn.SigmoidCrossEntropy().forward(Z, np.zeros(4)), DTYPE, ["integers", "float64"]),
    (lambda: nn.SigmoidCrossEntropy(positive_weight=0), VALUE, ["positive_weight", "above 0", "0"]),
    (lambda: nn.SigmoidCrossEntropy(positive_weight=[[1.0]]), VALUE, ["positive_weight", "[[1.0]]"]),
    (lambda: nn.SigmoidCrossEntropy(positive_weight=np.inf), VALUE, ["positive_weight", "finite", "inf"]),
    (
        lambda: nn.SigmoidCrossEntropy().forward(np.zeros((4, 1)), np.zeros(4, int)),
        SHAPE,
        ["(4, 1)", "target[:, None]"],
    ),
    (lambda: nn.SoftmaxCrossEntropy(class_weights=[[1, 1]]), VALUE, ["class_weights", "one a class"]),
    (lambda: nn.SoftmaxCrossEntropy(class_weights=[1, np.inf]), VALUE, ["class_weights", "finite"]),
    # optimizers
    (lambda: nn.SGD(WEIGHT, 0.1), DTYPE, ["list of groups", "into a list"]),
    (lambda: nn.SGD({"parameters": [WEIGHT]}, 0.1), DTYPE, ["into a list"]),
    (lambda: nn.SGD(3, 0.1), DTYPE, ["expected a Layer", "3"]),
    (lambda: nn.SGD([np.ones(3)], 0.1), DTYPE, ["Parameters", "array"]),
    (lambda: nn.SGD(nn.Sequential(nn.Sigmoid()), 0.1), VALUE, ["at least one Parameter"]),
    (lambda: nn.SGD([], 0.1), VALUE, ["at least one Parameter"]),
    (lambda: nn.SGD([{"learning_rate": 0.1}], 0.1), VALUE, ["'parameters'", "learning_rate"]),
    (lambda: nn.SGD([{"parameters": [WEIGHT], "lr": 0.1}], 0.1), VALUE, ["learning_rate", "lr"]),
    (lambda: nn.SGD([{"parameters": [WEIGHT]}, WEIGHT], 0.1), DTYPE, ["every group", "dict"]),
    (lambda: nn.SGD([WEIGHT], "0.1"), DTYPE, ["SGD: learning_rate", "number", "'0.1'"]),
    (lambda: nn.SGD([WEIGHT], -1), VALUE, ["SGD: learning_rate", "at least 0", "-1"]),
    (lambda: nn.SGD([WEIGHT], 0.1, momentum=1.0), VALUE, ["SGD: momentum", "below 1", "1.0"]),
    (lambda: nn.SGD([WEIGHT], 0.1, dampening=-1), VALUE, ["SGD: dampening", "-1"]),
    (lambda: nn.SGD([WEIGHT], 0.1, nesterov=True), VALUE, ["SGD: nesterov", "momentum", "dampening"]),
    (lambda: nn.SGD([WEIGHT], 0.1, momentum=0.9, dampening=0.1, nesterov=True), VALUE, ["nesterov"]),
    (lambda: nn.Adagrad([WEIGHT], epsilon=-1), VALUE, ["Adagrad: epsilon", "-1"]),
    (lambda: nn.Adagrad([WEIGHT], initial_accumulator=-1), VALUE, ["Adagrad: initial_accumulator", "-1"]),
    (lambda: nn.Adagrad([WEIGHT], learning_rate_decay=-1), VALUE, ["Adagrad: learning_rate_decay", "-1"]),
    (lambda: nn.RMSprop([WEIGHT], decay=1.0), VALUE, ["RMSprop: decay", "1.0"]),
    (lambda: nn.RMSprop([WEIGHT], epsilon=-1), VALUE, ["RMSprop: epsilon", "-1"]),
    (lambda: nn.RMSprop([WEIGHT], momentum=-0.1), VALUE, ["RMSprop: momentum", "-0.1"]),
    (lambda: nn.Adam([WEIGHT], betas=0.9), DTYPE, ["Adam: betas", "0.9"]),
    (lambda: nn.Adam([WEIGHT], betas=(1.0, 0.9)), VALUE, ["Adam: betas[0]", "1.0"]),
    (lambda: nn.AdamW([WEIGHT], betas=(0.9, -0.1)), VALUE, ["AdamW: betas[1]", "-0.1"]),
    (lambda: nn.Adam([WEIGHT], epsilon=-1), VALUE, ["Adam: epsilon", "-1"]),
    (lambda: nn.NAdam([WEIGHT], momentum_decay=-1), VALUE, ["NAdam: momentum_decay", "-1"]),
    (lambda: nn.RAdam([WEIGHT], betas=(0.9,)), DTYPE, ["RAdam: betas"]),
    (lambda: nn.Adadelta([WEIGHT], decay=-0.1), VALUE, ["Adadelta: decay", "-0.1"]),
    (lambda: nn.Adadelta([WEIGHT], epsilon=0), VALUE, ["Adadelta: epsilon", "0"]),
    (lambda: nn.Lion([WEIGHT], betas=(0.9, 1.5)), VALUE, ["Lion: betas[1]", "1.5"]),
    (lambda: nn.clip_norm(np.ones(2), 0), VALUE, ["clip_norm: maximum", "0"]),
    (lambda: nn.clip_value(np.ones(2), -1), VALUE, ["clip_value: maximum", "-1"]),
]


@pytest.mark.parametrize(
    ("call", "error", "words"), TABLE, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_the_message_says_it_all(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"


def test_every_error_is_a_tinynn_error_and_the_builtin_one_that_one_expects():
    found = {
        name: c
        for name, c in vars(errors).items()
        if inspect.isclass(c) and issubclass(c, Exception) and c is not nn.TrainingWarning
    }
    assert all(issubclass(c, nn.TinynnError) and name in nn.__all__ for name, c in found.items())
    assert issubclass(nn.ShapeError, ValueError)
    assert issubclass(nn.DtypeError, TypeError)
    assert issubclass(nn.InvalidValueError, ValueError)
    assert issubclass(nn.StateError, RuntimeError)
    assert issubclass(nn.DataError, ValueError)
    assert issubclass(nn.CheckpointError, ValueError)
    assert issubclass(nn.DivergedError, ArithmeticError)


def test_a_failed_call_leaves_the_model_usable():
    model = nn.Sequential(nn.Dense(3, 2), nn.Sigmoid(), rng=0)
    x = np.ones((4, 3), np.float32)
    expected = model.forward(x).copy()
    for bad in (np.ones((4, 5)), np.ones(3), [["a"] * 3], 1.0):
        with pytest.raises(nn.TinynnError):
            model.forward(bad)
    np.testing.assert_array_equal(model.forward(x), expected)
    model.backward(np.ones((4, 2), np.float32))
