"""What the losses say, to the letter: their errors and their reprs."""

from __future__ import annotations

import numpy as np
import pytest
from messages import assert_says

import tinynn as nn

Z, LABELS, TEXT = np.zeros((4, 3)), np.zeros(4, int), [["a"] * 3] * 4
SHAPE, DTYPE, VALUE, STATE = nn.ShapeError, nn.DtypeError, nn.InvalidValueError, nn.StateError

#: what is called, the error, and all that it says.
MESSAGES = [
    (lambda: nn.MSE(mean_over="batch"), VALUE, 'MSE: mean_over must be "samples" or "elements", got \'batch\''),
    (
        lambda: nn.MSE().forward(np.zeros((0, 3)), np.zeros((0, 3))),
        SHAPE,
        "MSE(): expected a prediction of shape (batch, …), not empty, got (0, 3)",
    ),
    (lambda: nn.MSE().forward(TEXT, Z), DTYPE, "MSE(): expected real numbers as prediction, got an array of dtype <U1"),
    (lambda: nn.MSE().forward(Z, TEXT), DTYPE, "MSE(): expected real numbers as target, got an array of dtype <U1"),
    (
        lambda: nn.MSE().forward(Z, Z, "abcd"),
        DTYPE,
        "MSE(): expected real numbers as sample_weight, got 'abcd'",
    ),
    (lambda: nn.MSE().forward(Z, Z, np.ones(3)), SHAPE, "MSE(): expected sample_weight of shape (4,), got (3,)"),
    (
        lambda: nn.MSE().forward(Z, Z, [1, 2, -0.5, 1]),
        VALUE,
        ("MSE(): sample_weight must be finite, 0 or more, and not all 0; it sums to 3.5 and its minimum is -0.5"),
    ),
    (
        lambda: nn.MSE().forward(Z, np.zeros((4, 2))),
        SHAPE,
        ("MSE(): expected a target of the prediction's shape (4, 3), got (4, 2); give every output its desired value"),
    ),
    (
        lambda: nn.MSE().forward(Z, LABELS),
        SHAPE,
        (
            "MSE(): expected a target of the prediction's shape (4, 3), got (4,); are these class labels? "
            "pass one_hot(labels, classes)"
        ),
    ),
    (
        lambda: nn.MSE().forward(np.zeros((4, 1)), np.zeros(4)),
        SHAPE,
        "MSE(): expected a target of the prediction's shape (4, 1), got (4,); pass target[:, None]",
    ),
    (lambda: nn.MSE().backward(), STATE, "MSE(): backward needs a forward(prediction, target) before it"),
    (lambda: nn.Huber(0), VALUE, "Huber: delta must be above 0, got 0"),
    (
        lambda: nn.Hinge().forward(Z, Z),
        VALUE,
        "Hinge(): targets must be -1 or 1, got 0; from 0 and 1 make them with 2 * target - 1",
    ),
    (
        lambda: nn.SigmoidCrossEntropy(positive_weight=0),
        VALUE,
        "SigmoidCrossEntropy: positive_weight must be finite and above 0, got 0",
    ),
    (
        lambda: nn.SigmoidCrossEntropy(positive_weight="a"),
        DTYPE,
        "SigmoidCrossEntropy: expected real numbers as positive_weight, got 'a'",
    ),
    (
        lambda: nn.SigmoidCrossEntropy().forward(Z, np.array([0, 1, 2, 3])),
        VALUE,
        "SigmoidCrossEntropy(): labels must lie in 0 … 2 for 3 logits, got 0 … 3",
    ),
    (
        lambda: nn.SigmoidCrossEntropy().forward(Z, np.zeros(4)),
        DTYPE,
        (
            "SigmoidCrossEntropy(): class labels must be integers, got dtype float64; convert them with "
            "astype(int), or pass probabilities of the logits' shape"
        ),
    ),
    (
        lambda: nn.SigmoidCrossEntropy().forward(Z, Z + 1.5),
        VALUE,
        "SigmoidCrossEntropy(): targets must lie between 0 and 1, got 1.5 … 1.5",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy(label_smoothing=1.0),
        VALUE,
        "SoftmaxCrossEntropy: label_smoothing must be at least 0 and below 1, got 1.0",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy(class_weights=[1, -1]),
        VALUE,
        "SoftmaxCrossEntropy: class_weights must be finite, 0 or more, one a class, got [1, -1]",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy(class_weights=["a"]),
        DTYPE,
        "SoftmaxCrossEntropy: expected real numbers as class_weights, got an array of dtype <U1",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy(class_weights=[1, 1]).forward(Z, LABELS),
        SHAPE,
        "SoftmaxCrossEntropy(class_weights=[1.0, 1.0]): 2 class_weights for 3 classes",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy(class_weights=[0, 1, 1]).forward(Z, LABELS),
        VALUE,
        ("SoftmaxCrossEntropy(class_weights=[0.0, 1.0, 1.0]): the class_weights of all labels of this batch are 0"),
    ),
    (
        lambda: nn.SoftmaxCrossEntropy().forward(np.zeros(3), 1),
        SHAPE,
        "SoftmaxCrossEntropy(): expected logits of shape (batch, classes), got (3,)",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy().forward(Z, np.array([0, 1, -1, 3])),
        VALUE,
        "SoftmaxCrossEntropy(): labels must lie in 0 … 2 for 3 logits, got -1 … 3",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy().forward(Z, np.zeros(4)),
        DTYPE,
        (
            "SoftmaxCrossEntropy(): class labels must be integers, got dtype float64; convert them with "
            "astype(int), or pass probabilities of the logits' shape"
        ),
    ),
    (
        lambda: nn.SoftmaxCrossEntropy().forward(Z, np.zeros((4, 2))),
        SHAPE,
        ("SoftmaxCrossEntropy(): expected labels of shape (4,) or probabilities of shape (4, 3), got (4, 2)"),
    ),
    (
        lambda: nn.SoftmaxCrossEntropy().forward(Z, TEXT),
        DTYPE,
        "SoftmaxCrossEntropy(): expected real numbers as target, got an array of dtype <U1",
    ),
    (
        lambda: nn.SoftmaxCrossEntropy().backward(),
        STATE,
        "SoftmaxCrossEntropy(): backward needs a forward(prediction, target) before it",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MESSAGES)
def test_messages(call, error, message):
    assert_says(call, error, message)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (nn.MSE(), "MSE()"),
        (nn.MSE(half=False), "MSE(half=False)"),
        (nn.MSE(mean_over="elements"), "MSE(mean_over='elements')"),
        (nn.MSE(half=False, mean_over="elements"), "MSE(half=False, mean_over='elements')"),
        (nn.MAE(), "MAE()"),
        (nn.MAE(mean_over="elements"), "MAE(mean_over='elements')"),
        (nn.Huber(), "Huber(delta=1.0)"),
        (nn.Huber(2, mean_over="elements"), "Huber(delta=2.0, mean_over='elements')"),
        (nn.Hinge(), "Hinge()"),
        (nn.SigmoidCrossEntropy(), "SigmoidCrossEntropy()"),
        (nn.SigmoidCrossEntropy(positive_weight=3), "SigmoidCrossEntropy(positive_weight=3.0)"),
        (
            nn.SigmoidCrossEntropy(positive_weight=[1, 2], mean_over="elements"),
            "SigmoidCrossEntropy(positive_weight=[1.0, 2.0], mean_over='elements')",
        ),
        (nn.SoftmaxCrossEntropy(), "SoftmaxCrossEntropy()"),
        (nn.SoftmaxCrossEntropy(label_smoothing=0.25), "SoftmaxCrossEntropy(label_smoothing=0.25)"),
        (
            nn.SoftmaxCrossEntropy(label_smoothing=0.25, class_weights=[1, 2]),
            "SoftmaxCrossEntropy(label_smoothing=0.25, class_weights=[1.0, 2.0])",
        ),
    ],
)
def test_reprs(loss, text):
    assert repr(loss) == text
