"""One row per layer, loss and optimiser, constructor variants included: what the law tests run over.

A new class joins every law by one row here. test_public_api.py fails for a public class without a row.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import tinynn as nn
from tinynn import initializers

Array = np.ndarray


@dataclass(frozen=True)
class LayerRow:
    """`make()` builds the layer; `sample` is the shape of one sample that it takes."""

    make: Callable[[], nn.Layer]
    sample: tuple[int, ...] = (3,)
    #: Draws random numbers in training mode: rows are compared in evaluation mode then.
    random: bool = False
    #: False for Step, whose backward is refused.
    differentiable: bool = True
    #: True if a row's output depends on the other rows of the batch, as in batch normalisation.
    couples_batch: bool = False

    def __str__(self) -> str:
        return f"{' '.join(repr(self.make()).split())} on {self.sample}"


#: One row per layer, and one per variant that runs other lines of code.
LAYERS = [
    LayerRow(lambda: nn.Dense(3, 2)),
    LayerRow(lambda: nn.Dense(3, 2, bias=False)),
    LayerRow(lambda: nn.Dense(1, 4), (1,)),
    LayerRow(lambda: nn.Dense(4, 1), (4,)),
    LayerRow(lambda: nn.Dense(3, 2), (2, 3)),
    LayerRow(lambda: nn.Dense(2, 3, bias=False), (2, 1, 2)),
    LayerRow(
        lambda: nn.Dense(2, 3, weight_initializer=initializers.nielsen(), bias_initializer=initializers.nielsen()),
        (2,),
    ),
    LayerRow(lambda: nn.Flatten()),
    LayerRow(lambda: nn.Flatten(), (2, 3)),
    LayerRow(lambda: nn.Reshape(3, 2), (2, 3)),
    LayerRow(lambda: nn.Reshape(2, -1), (6,)),
    LayerRow(lambda: nn.Identity(), (2, 2)),
    LayerRow(lambda: nn.Dropout(), (5,), random=True),
    LayerRow(lambda: nn.Dropout(0.3, rng=1), (2, 3), random=True),
    LayerRow(lambda: nn.Dropout(0.0), random=True),
    LayerRow(lambda: nn.Dropout(1.0), random=True),
    LayerRow(lambda: nn.Sigmoid()),
    LayerRow(lambda: nn.Sigmoid(), (2, 2)),
    LayerRow(lambda: nn.Tanh()),
    LayerRow(lambda: nn.ReLU()),
    LayerRow(lambda: nn.LeakyReLU()),
    LayerRow(lambda: nn.LeakyReLU(0.2)),
    LayerRow(lambda: nn.LeakyReLU(-0.5)),
    LayerRow(lambda: nn.ELU()),
    LayerRow(lambda: nn.ELU(0.7)),
    LayerRow(lambda: nn.SELU()),
    LayerRow(lambda: nn.GELU()),
    LayerRow(lambda: nn.GELU("tanh")),
    LayerRow(lambda: nn.SiLU()),
    LayerRow(lambda: nn.Softplus()),
    LayerRow(lambda: nn.Softplus(2.0)),
    LayerRow(lambda: nn.HardSigmoid()),
    LayerRow(lambda: nn.Softmax(), (4,)),
    LayerRow(lambda: nn.Softmax(), (2, 3)),
    LayerRow(lambda: nn.Step(), differentiable=False),
    LayerRow(lambda: nn.Sequential(nn.Dense(3, 4), nn.Sigmoid(), nn.Dense(4, 2), nn.Tanh())),
    LayerRow(lambda: nn.Sequential(nn.Flatten(), nn.Tanh(), nn.Dense(6, 2), nn.Softmax()), (2, 3)),
    LayerRow(lambda: nn.Sequential(nn.Tanh(), nn.Identity())),
    LayerRow(lambda: nn.Sequential(nn.Sequential(nn.Dense(3, 2), nn.ELU()), nn.Sequential(nn.Dense(2, 2)))),
    LayerRow(lambda: nn.Sequential(nn.Dense(3, 4), nn.Dropout(), nn.Tanh(), nn.Dense(4, 2)), random=True),
    LayerRow(lambda: nn.Residual(nn.Dense(3, 3))),
    LayerRow(lambda: nn.Residual(nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 3)))),
    LayerRow(lambda: nn.Residual(nn.Identity()), (2, 2)),
    LayerRow(lambda: nn.Parallel(nn.Dense(3, 2), nn.Tanh(), nn.Dense(3, 1))),
    LayerRow(lambda: nn.Parallel(nn.Dense(3, 2), nn.Sigmoid()), (2, 3)),
    LayerRow(lambda: nn.Parallel(nn.Dense(3, 2), nn.Dense(3, 2), merge="sum")),
    LayerRow(lambda: nn.Parallel(nn.Identity(), nn.Tanh(), merge="sum"), (2, 2)),
    LayerRow(
        lambda: nn.Sequential(nn.Parallel(nn.Dense(3, 2), nn.Residual(nn.Dense(3, 3))), nn.SiLU(), nn.Dense(5, 2))
    ),
]


@dataclass(frozen=True)
class LossRow:
    """`make()` builds the loss; `kind` says which targets it takes (see drawn.py).

    `best(target, loss)` is a prediction of the least cost there is for that target.
    """

    make: Callable[[], nn.Loss]
    kind: str
    best: Callable[[Array, nn.Loss], Array]
    sample: tuple[int, ...] = (3,)

    def __str__(self) -> str:
        return f"{self.make()!r}, {self.kind} on {self.sample}"


CLASS_WEIGHTS = [0.5, 2.0, 1.25]


def at_target(target: Array, loss: nn.Loss) -> Array:
    return target


def at_log_of_target(target: Array, loss: nn.Loss) -> Array:
    """softmax(z) proportional to class weight · smoothed target; log 0 as a number that is low enough."""
    smoothed = (1 - loss.label_smoothing) * target + loss.label_smoothing / target.shape[-1]
    q = smoothed if loss.class_weights is None else smoothed * loss.class_weights
    return np.log(np.maximum(q, 1e-300))


def at_logit_of_target(target: Array, loss: nn.Loss) -> Array:
    weight = 1.0 if loss.positive_weight is None else loss.positive_weight
    return np.log(np.maximum(weight * target, 1e-300)) - np.log(np.maximum(1 - target, 1e-300))


def one_hot_of(best: Callable[[Array, nn.Loss], Array], classes: int) -> Callable[[Array, nn.Loss], Array]:
    return lambda labels, loss: best(np.eye(classes)[labels], loss)


LABELS = one_hot_of(at_log_of_target, 3)

#: One row per loss, and one per convention and kind of target.
LOSSES = [
    LossRow(lambda: nn.MSE(), "values", at_target),
    LossRow(lambda: nn.MSE(), "values", at_target, ()),
    LossRow(lambda: nn.MSE(), "values", at_target, (2, 2)),
    LossRow(lambda: nn.MSE(half=False), "values", at_target),
    LossRow(lambda: nn.MSE(mean_over="elements"), "values", at_target),
    LossRow(lambda: nn.MSE(half=False, mean_over="elements"), "values", at_target, (2, 2)),
    LossRow(lambda: nn.MAE(), "values", at_target),
    LossRow(lambda: nn.MAE(mean_over="elements"), "values", at_target, (2, 2)),
    LossRow(lambda: nn.Huber(), "values", at_target),
    LossRow(lambda: nn.Huber(0.5), "values", at_target),
    LossRow(lambda: nn.Huber(2.0, mean_over="elements"), "values", at_target),
    LossRow(lambda: nn.Hinge(), "signs", lambda target, loss: 2 * target),
    LossRow(lambda: nn.Hinge(mean_over="elements"), "signs", lambda target, loss: 2 * target),
    LossRow(lambda: nn.SigmoidCrossEntropy(), "bits", at_logit_of_target),
    LossRow(lambda: nn.SigmoidCrossEntropy(), "labels", one_hot_of(at_logit_of_target, 3)),
    LossRow(lambda: nn.SigmoidCrossEntropy(), "labels", one_hot_of(at_logit_of_target, 2), (2,)),
    LossRow(lambda: nn.SigmoidCrossEntropy(mean_over="elements"), "bits", at_logit_of_target, (2, 2)),
    LossRow(lambda: nn.SigmoidCrossEntropy(positive_weight=3.0), "bits", at_logit_of_target),
    LossRow(lambda: nn.SigmoidCrossEntropy(positive_weight=[0.5, 1, 3]), "bits", at_logit_of_target),
    LossRow(lambda: nn.SoftmaxCrossEntropy(), "labels", LABELS),
    LossRow(lambda: nn.SoftmaxCrossEntropy(), "labels", LABELS, (2, 3)),
    LossRow(lambda: nn.SoftmaxCrossEntropy(), "probabilities", at_log_of_target),
    LossRow(lambda: nn.SoftmaxCrossEntropy(), "probabilities", at_log_of_target, (2, 3)),
    LossRow(lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.1), "labels", LABELS),
    LossRow(lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.1), "probabilities", at_log_of_target),
    LossRow(lambda: nn.SoftmaxCrossEntropy(class_weights=CLASS_WEIGHTS), "labels", LABELS),
    LossRow(lambda: nn.SoftmaxCrossEntropy(class_weights=CLASS_WEIGHTS), "labels", LABELS, (2, 3)),
    LossRow(lambda: nn.SoftmaxCrossEntropy(class_weights=CLASS_WEIGHTS), "probabilities", at_log_of_target),
    LossRow(lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.2, class_weights=CLASS_WEIGHTS), "labels", LABELS),
]


@dataclass(frozen=True)
class OptimizerRow:
    """An optimiser with options, and the learning rates with which it must converge."""

    make: type[nn.Optimizer]
    #: On ½ (w₁² + 10 w₂²), within 500 steps.
    parabola: Any
    #: On Rosenbrock's valley, within 5,000 steps.
    rosenbrock: Any
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, parameters: Any, learning_rate: Any = None, **more: Any) -> nn.Optimizer:
        rate = self.parabola if learning_rate is None else learning_rate
        return self.make(parameters, rate, **dict(self.options) | more)

    def __str__(self) -> str:
        return f"{self.make.__name__}({', '.join(f'{word}={value}' for word, value in self.options)})"


def row(make: type[nn.Optimizer], parabola: Any, rosenbrock: Any, **options: Any) -> OptimizerRow:
    return OptimizerRow(make, parabola, rosenbrock, tuple(options.items()))


def falling(start: float, steps: int) -> Callable[[int], float]:
    """A schedule for rules whose steps do not shrink by themselves near the minimum."""
    return lambda step: start * max(0.0, 1 - step / steps)


def late(rate: float) -> Callable[[int], float]:
    """A schedule for RAdam, whose first five steps are as long as the gradient."""
    return lambda step: rate if step > 5 else rate / 100


#: One row per optimiser, and one per option that runs other lines of code.
OPTIMIZERS = [
    row(nn.SGD, 0.1, 0.001),
    row(nn.SGD, 0.02, 0.0005, momentum=0.9),
    row(nn.SGD, 0.02, 0.001, momentum=0.9, dampening=0.5),
    row(nn.SGD, 0.02, 0.0005, momentum=0.9, nesterov=True),
    row(nn.Adagrad, 0.5, 0.5),
    row(nn.Adagrad, 0.5, 0.5, initial_accumulator=0.1, learning_rate_decay=0.001),
    row(nn.RMSprop, falling(0.05, 500), falling(0.01, 5000)),
    row(nn.RMSprop, falling(0.05, 500), falling(0.01, 5000), centered=True),
    row(nn.RMSprop, falling(0.01, 500), falling(0.002, 5000), momentum=0.9),
    row(nn.RMSprop, falling(0.01, 500), falling(0.002, 5000), momentum=0.9, centered=True),
    row(nn.Adam, 0.1, 0.02),
    row(nn.Adam, 0.1, 0.02, amsgrad=True),
    row(nn.AdamW, 0.1, 0.02, weight_decay=0.0),
    row(nn.AdamW, 0.1, 0.02, weight_decay=0.0, amsgrad=True),
    row(nn.NAdam, 0.1, 0.02),
    row(nn.RAdam, 0.1, late(0.02)),
    row(nn.Adadelta, falling(5.0, 500), falling(1.0, 5000)),
    row(nn.Lion, falling(0.05, 500), falling(0.01, 5000)),
]
#: The rows of the rules that have a compiled form, and the same with it.
WITH_LOOP = [each for each in OPTIMIZERS if "fused" in inspect.signature(each.make).parameters]
FUSED = [replace(each, options=(*each.options, ("fused", True))) for each in WITH_LOOP]
if importlib.util.find_spec("numba"):
    OPTIMIZERS = OPTIMIZERS + FUSED


def over(rows: list[Any]) -> pytest.MarkDecorator:
    """Run a test once for every row."""
    return pytest.mark.parametrize("row", rows, ids=str)


def public(base: type) -> set[type]:
    """The public concrete classes below `base`."""
    found = (getattr(nn, name) for name in nn.__all__)
    return {c for c in found if inspect.isclass(c) and issubclass(c, base) and not inspect.isabstract(c)}
