"""The losses and the metrics: what judges predictions by targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bad_input.kinds import (
    DTYPE,
    SHAPE,
    STATE,
    VALUE,
    Rows,
    choice,
    count,
    flag,
    fraction,
    holds_nan,
    number,
    positive,
    reals,
    refused,
    sample_weight,
    taken,
    text,
)
from bad_input.use import LABELS, TARGET, Use, X, arg, by_keywords, use

import tinynn as nn
from tinynn import metrics

SIGNS = np.where(TARGET > 0.5, np.float32(1), np.float32(-1))
SHARES = (TARGET / TARGET.sum(axis=1, keepdims=True)).astype(np.float32)
#: By name: how it is made, how messages name it, and a right target.
LOSSES: dict[str, tuple[Callable[[], nn.Loss], str, Any]] = {
    "MSE": (nn.MSE, "MSE()", TARGET),
    "MAE": (nn.MAE, "MAE()", TARGET),
    "Huber": (nn.Huber, "Huber(delta=1.0)", TARGET),
    "Hinge": (nn.Hinge, "Hinge()", SIGNS),
    "SigmoidCrossEntropy": (nn.SigmoidCrossEntropy, "SigmoidCrossEntropy()", TARGET),
    "SigmoidCrossEntropy, labels": (nn.SigmoidCrossEntropy, "SigmoidCrossEntropy()", LABELS),
    "SigmoidCrossEntropy, weights": (
        lambda: nn.SigmoidCrossEntropy(positive_weight=[1, 2, 3]),
        "SigmoidCrossEntropy(positive_weight=[1.0, 2.0, 3.0])",
        TARGET,
    ),
    "SoftmaxCrossEntropy": (nn.SoftmaxCrossEntropy, "SoftmaxCrossEntropy()", LABELS),
    "SoftmaxCrossEntropy, probabilities": (nn.SoftmaxCrossEntropy, "SoftmaxCrossEntropy()", SHARES),
    "SoftmaxCrossEntropy, weights": (
        lambda: nn.SoftmaxCrossEntropy(class_weights=[1, 2, 3]),
        "SoftmaxCrossEntropy(class_weights=[1.0, 2.0, 3.0])",
        LABELS,
    ),
    "SoftmaxCrossEntropy, smoothing": (
        lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.1),
        "SoftmaxCrossEntropy(label_smoothing=0.1)",
        LABELS,
    ),
}

#: Those of integer labels, for which (4, 2) is a batch of two classes.
LABELLED = [name for name, (_, _, target) in LOSSES.items() if target is LABELS]


def costs(target: Any) -> Callable[[nn.Loss], Any]:
    def measured(loss: nn.Loss) -> Any:
        cost = loss.forward(X, target)
        grad = loss.backward().copy()
        return cost, grad, loss.forward(X, target, [1, 2, 3, 4]), loss.backward().copy()

    return measured


def used(make: Callable[[], nn.Loss], target: Any) -> Callable[[], nn.Loss]:
    def made() -> nn.Loss:
        loss = make()
        loss.forward(X, target)
        return loss

    return made


def targets(name: str, who: str, again: bool) -> Rows:
    """What else a target may be than the right one, for predictions (4, 3)."""
    kind, _, variant = name.partition(", ")
    if kind == "SoftmaxCrossEntropy":
        rule = "expected labels of shape (4,) or probabilities of shape (4, 3)"
        shapes = [np.zeros((4, 1), int), np.zeros((5, 3)), np.zeros(3, int), np.zeros((4, 3, 1)), 1, []]
    else:
        rule = "expected a target of the prediction's shape (4, 3)"
        shapes = [np.zeros((4, 1)), np.zeros((5, 3)), np.zeros(3), np.zeros((4, 3, 1)), 1.0, []]
    rows = [
        *reals(who, "target"),
        *(refused("shape", target, SHAPE, who, rule, str(np.shape(target))) for target in shapes),
        refused("empty", np.zeros((0, 3)), SHAPE, who, rule, "(0, 3)"),
    ]
    nan = np.full((4, 3), np.nan)
    if kind in ("MSE", "MAE", "Huber"):
        rows += [
            refused("shape", LABELS, SHAPE, who, rule, "(4,)", "one_hot(labels, classes)"),
            taken("not finite", nan, holds_nan),  # NumPy's affair, as in predictions
        ]
    if kind == "Hinge":
        rule = "targets must be -1 or 1"
        rows += [
            *(refused("size", np.full((4, 3), k), VALUE, who, rule, f"got {k}", "2 * target - 1") for k in (0, 2, 0.5)),
            *(refused("not finite", np.full((4, 3), float(k)), VALUE, who, rule, k) for k in ("nan", "inf")),
        ]
    if kind == "SigmoidCrossEntropy":
        rule = "targets must lie between 0 and 1"
        rows += [
            *(refused("size", TARGET + k, VALUE, who, rule, f"{k:g} … {1 + k:g}") for k in (-0.5, 1, 0.5)),
            refused("not finite", nan, VALUE, who, rule, "nan"),
            refused("not finite", np.full((4, 3), np.inf), VALUE, who, rule, "inf"),
        ]
    if variant == "probabilities" and again:  # looked at in the first call of a shape alone: it takes time
        rows.append(taken("not finite", nan, holds_nan))
    elif kind == "SoftmaxCrossEntropy":
        rule = "targets must be finite and 0 or more"
        rows += [
            refused("size", SHARES - 1, VALUE, who, rule, "-1 … "),
            refused("not finite", nan, VALUE, who, rule, "nan"),
            refused("not finite", np.full((4, 3), np.inf), VALUE, who, rule, "inf"),
        ]
    if kind in ("SigmoidCrossEntropy", "SoftmaxCrossEntropy"):
        rows += class_labels(who)
    return rows


def class_labels(who: str) -> Rows:
    rule = "labels must lie in 0 … 2 for 3 logits"
    return [
        refused("size", [0, 2, -1, 1], VALUE, who, rule, "-1 … 2"),
        refused("size", [0, 3, 1, 1], VALUE, who, rule, "0 … 3"),
        refused("size", np.array([0, 2**62, 1, 1]), VALUE, who, rule),
        refused("size", np.array([0, 2**64 - 1, 1, 1], np.uint64), VALUE, who, rule),
        refused("dtype", [0.0, 2.0, 1.0, 1.0], DTYPE, who, "class labels must be integers", "float64", "astype(int)"),
        refused("not finite", [0, np.nan, 1, 1], DTYPE, who, "class labels must be integers", "float64"),
    ]


def predictions(name: str, who: str) -> Rows:
    shapes = [np.zeros((5, 3)), np.zeros((4, 5, 3)), np.zeros(3)]
    if name not in LABELLED:
        shapes.append(np.zeros((4, 2)))
    return [
        *reals(who, "prediction"),
        *(refused("shape", array, SHAPE, who, str(array.shape)) for array in shapes),
        *(refused("empty", array, SHAPE, who, "not empty", str(np.shape(array))) for array in ([], np.zeros((0, 3)))),
        refused("shape", 1.0, SHAPE, who, "(batch, …)", "()"),
        taken("not finite", np.full((4, 3), np.nan), holds_nan),
    ]


def forward(name: str) -> list[Use]:
    make, who, target = LOSSES[name]
    kind, _, variant = name.partition(", ")
    works = costs(target)
    return [
        use(
            f"{kind}.forward, {variant}{again}",
            lambda loss, prediction, target, sample_weight: loss.forward(prediction, target, sample_weight),
            prediction=arg(X, predictions(name, who)),
            target=arg(target, targets(name, who, bool(again))),
            sample_weight=arg(None, sample_weight(who)),
            _options={"make": used(make, target) if again else make, "works": works},
        )
        for again in ("", " again")
    ]


def positive_weight(what: str) -> Rows:
    rule = "positive_weight must be finite and above 0"
    return [
        *reals("SigmoidCrossEntropy", "positive_weight", none=True),
        *(refused("size", k, VALUE, rule, repr(k)) for k in (0, -1.0, [1, 0, 1], [1, -1, 1])),
        *(refused("not finite", float(k), VALUE, rule, k) for k in ("nan", "inf")),
        *(refused("empty", k, VALUE, rule, text(k)) for k in ([], ())),
        refused("shape", [[1.0, 2.0]], VALUE, rule, "[[1.0, 2.0]]"),
    ]


def class_weights() -> Rows:
    rule = "class_weights must be finite, 0 or more, one a class"
    return [
        *reals("SoftmaxCrossEntropy", "class_weights", none=True),
        refused("size", [1, -1, 1], VALUE, rule, "[1, -1, 1]"),
        *(refused("not finite", [1, float(k), 1], VALUE, rule, k) for k in ("nan", "inf")),
        *(refused("empty", k, VALUE, rule, text(k)) for k in ([], ())),
        *(refused("shape", k, VALUE, rule, repr(k)) for k in (1.0, [[1.0, 2.0, 3.0]])),
    ]


def mean_over(name: str) -> Any:
    return arg("samples", choice(f"{name}: mean_over", "samples", "elements"))


LOSS_USES = [
    by_keywords(nn.MSE, half=arg(True, flag("MSE: half")), mean_over=mean_over("MSE")),
    by_keywords(nn.MAE, mean_over=mean_over("MAE")),
    by_keywords(nn.Huber, delta=arg(1.0, positive("Huber: delta")), mean_over=mean_over("Huber")),
    by_keywords(nn.Hinge, mean_over=mean_over("Hinge")),
    by_keywords(
        nn.SigmoidCrossEntropy,
        positive_weight=arg(2.0, positive_weight("positive_weight")),
        mean_over=mean_over("SigmoidCrossEntropy"),
    ),
    by_keywords(
        nn.SoftmaxCrossEntropy,
        label_smoothing=arg(0.1, fraction("SoftmaxCrossEntropy: label_smoothing")),
        class_weights=arg([1, 2, 3], class_weights()),
    ),
    use(
        "SoftmaxCrossEntropy.forward, as many weights as classes",
        lambda _, weights: nn.SoftmaxCrossEntropy(class_weights=weights).forward(X, LABELS),
        weights=arg(
            [1, 2, 3],
            *(refused("length", [1] * k, SHAPE, f"{k} class_weights for 3 classes") for k in (1, 2, 4)),
            refused("size", [0, 0, 0], VALUE, "the class_weights of all labels of this batch are 0"),
        ),
    ),
    use(
        "SigmoidCrossEntropy.forward, as many weights as outputs",
        lambda _, weights, prediction: nn.SigmoidCrossEntropy(positive_weight=weights).forward(prediction, prediction),
        weights=arg(
            [1, 2, 3],
            *(
                refused("length", [1] * k, SHAPE, f"{k} positive weights do not fit", "(4, 3)", "one for each output")
                for k in (1, 2, 4)
            ),
        ),
        prediction=arg(
            TARGET,
            refused("shape", np.zeros(3), SHAPE, "3 positive weights do not fit", "(3,)", "or a number"),
            refused("shape", np.zeros((4, 2)), SHAPE, "3 positive weights do not fit", "(4, 2)"),
        ),
    ),
    *(each for name in LOSSES for each in forward(name)),
]


# ---- metrics ------------------------------------------------------------------------------------
METRICS: dict[str, tuple[Callable[[], Any], str, Any]] = {
    "Accuracy": (metrics.Accuracy, "Accuracy()", LABELS),
    "TopKAccuracy": (lambda: metrics.TopKAccuracy(2), "TopKAccuracy(2)", LABELS),
    "ConfusionMatrix": (metrics.ConfusionMatrix, "ConfusionMatrix()", LABELS),
    "ConfusionMatrix, three classes": (lambda: metrics.ConfusionMatrix(3), "ConfusionMatrix(3)", LABELS),
    "Precision": (metrics.Precision, "Precision()", LABELS),
    "Recall": (metrics.Recall, "Recall()", LABELS),
    "F1": (metrics.F1, "F1()", LABELS),
    "R2": (metrics.R2, "R2()", TARGET),
}


def figures(target: Any) -> Callable[[Any], Any]:
    def measured(metric: Any) -> Any:
        metric.update(X, target)
        return metric.result(), metric(X, target)

    return measured


def begun(make: Callable[[], Any], target: Any) -> Callable[[], Any]:
    def made() -> Any:
        metric = make()
        metric.update(X, target)
        return metric

    return made


def scored(name: str, who: str) -> tuple[Rows, Rows]:
    """What predictions and targets may be."""
    given, wanted = "predictions must be real numbers", "targets must be real numbers"
    both = reals(who, "predictions", given), reals(who, "targets", wanted)
    if name == "R2":
        rule = "expected predictions and targets of one shape (n, …)"
        shapes = [np.zeros((4, 2)), np.zeros((3, 3)), np.zeros(4), 1.0, []]
        more = [
            *(refused("shape", array, SHAPE, who, rule, str(np.shape(array)), "(4, 3)") for array in shapes),
            *(
                refused("not finite", np.full((4, 3), float(k)), VALUE, who, "expected finite", "NaN or infinity")
                for k in ("nan", "inf")
            ),
        ]
        return [*both[0], *more], [*both[1], *more]
    shapes = [np.zeros((4, 3, 1)), 1.0, np.zeros((4, 0))]
    prediction = [
        *both[0],
        *(refused("shape", array, SHAPE, who, "(n, classes)", str(np.shape(array))) for array in shapes),
        refused("not finite", np.where(X > 0.9, np.nan, X), VALUE, who, "the prediction of sample 3 is NaN"),
        taken("not finite", np.where(X > 0.9, np.inf, X)),
        *(refused("length", np.zeros((k, 3)), SHAPE, who, f"expected {k} targets", "(4,)") for k in (0, 3, 5)),
    ]
    label = "expected each label to be a whole number 0 … 2"
    target = [
        *both[1],
        *(refused("length", [0] * k, SHAPE, who, "expected 4 targets", f"({k},)") for k in (0, 1, 3, 5)),
        *(refused("shape", array, SHAPE, who, "expected 4 targets", str(np.shape(array))) for array in shapes),
        refused("shape", np.eye(4, 5), SHAPE, who, "3 classes", "5 columns"),
        *(refused("size", [0, 1, 2, k], VALUE, who, label, f"got {k} for sample 3") for k in (-1, 3)),
        refused("size", np.array([0, 2**62, 1, 1]), VALUE, who, label, "sample 1"),
        refused("dtype", [0, 1, 2, 0.5], VALUE, who, label, "0.5"),
        refused("not finite", [0, 1, 2, np.nan], VALUE, who, label, "nan"),
        refused("not finite", np.full((4, 3), np.nan), VALUE, who, "one largest entry", "nan", "sample 0"),
        refused("dtype", np.ones((4, 3), bool), VALUE, who, "one largest entry", "sample 0"),
    ]
    return prediction, target


def update(name: str) -> list[Use]:
    make, who, target = METRICS[name]
    kind, _, variant = name.partition(", ")
    rows = scored(name, who)
    return [
        use(
            f"{kind}.{method}, {variant}",
            lambda metric, prediction, target, method=method: getattr(metric, method)(prediction, target),
            prediction=arg(X, rows[0]),
            target=arg(target, rows[1]),
            _options={"make": begun(make, target), "works": figures(target)},
        )
        for method in ("update", "__call__")
    ]


def average(name: str) -> Any:
    rows = choice(f"{name}: average", "macro", "micro", "weighted", "binary", none=True)
    return arg("macro", rows)


def threshold(name: str) -> Any:
    return arg(0.5, number(f"{name}: threshold"))


METRIC_USES = [
    by_keywords(metrics.Accuracy, threshold=threshold("Accuracy")),
    by_keywords(metrics.TopKAccuracy, k=arg(2, count("TopKAccuracy: k"))),
    by_keywords(
        metrics.ConfusionMatrix,
        classes=arg(
            3,
            count("ConfusionMatrix: classes", "an int or None"),
            refused("size", 10**9, VALUE, "1000000000 classes", "a table of 1000000000 rows", "65536 is the most"),
        ),
        threshold=threshold("ConfusionMatrix"),
    ),
    *(
        by_keywords(each, average=average(each.__name__), threshold=threshold(each.__name__))
        for each in (metrics.Precision, metrics.Recall, metrics.F1)
    ),
    by_keywords(metrics.R2),
    *(each for name in METRICS for each in update(name)),
    use(
        "TopKAccuracy.update, more than there are classes",
        lambda _, k: metrics.TopKAccuracy(k).update(X, LABELS),
        k=arg(3, refused("length", 4, VALUE, "TopKAccuracy(4)", "3 classes, fewer than k")),
    ),
    use(
        "F1.update, classes by number",
        lambda metric, prediction: metric.update(prediction, LABELS),
        prediction=arg(
            LABELS,
            refused("size", [0, 10**9, 1, 1], VALUE, "F1()", "a class 1000000000", "a table", "65536 is the most"),
            refused(
                "size", [0, -1, 1, 1], VALUE, "F1()", "each predicted class to be a whole number", "-1", "sample 1"
            ),
        ),
        _options={"make": begun(metrics.F1, LABELS), "works": figures(LABELS)},
    ),
    use(
        "F1.result, two classes",
        lambda _, average: averaged(average),
        average=arg(
            "macro", refused("length", "binary", VALUE, "average='binary' needs two classes, got 3", "'macro'")
        ),
    ),
    *(
        use(
            f"{name}.result, too early",
            lambda metric, samples, target=METRICS[name][2]: (
                metric.update(X[:samples], target[:samples]),
                metric.result(),
            ),
            samples=arg(4, refused("empty", 0, STATE, who, "0 samples seen", "at least", "update(prediction, target)")),
            _options={"make": make, "fuzzed": ()},
        )
        for name, (make, who, _) in METRICS.items()
    ),
]


def averaged(average: str) -> Any:
    metric = metrics.F1(average)
    metric.update(X, LABELS)
    return metric.result()
