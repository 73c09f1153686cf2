"""tinynn: an autograd-free neural-network mini-framework on NumPy.

Every derivative is written by hand, in the class that needs it, and proved against finite differences.

>>> import numpy as np, tinynn as nn
>>> model = nn.Sequential(nn.Dense(2, 3), nn.Sigmoid(), nn.Dense(3, 1), nn.Sigmoid(), rng=0)
>>> model.predict([[0.0, 1.0]]).shape
(1, 1)
"""

import importlib
from typing import TYPE_CHECKING, Any

from tinynn import data, initializers
from tinynn._threads import threads
from tinynn.data import Batches, one_hot, train_test_split
from tinynn.errors import (
    CheckpointError,
    DataError,
    DivergedError,
    DtypeError,
    InvalidValueError,
    ShapeError,
    StateError,
    TinynnError,
    TrainingWarning,
)
from tinynn.layers import (
    ELU,
    GELU,
    SELU,
    Dense,
    Dropout,
    Flatten,
    HardSigmoid,
    Identity,
    Layer,
    LeakyReLU,
    Parallel,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from tinynn.losses import MAE, MSE, Hinge, Huber, Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy
from tinynn.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    clip_norm,
    clip_value,
)
from tinynn.parameter import Parameter, ParameterVector

if TYPE_CHECKING:
    from tinynn import metrics, schedules
    from tinynn.metrics import F1, R2, Accuracy, ConfusionMatrix, Precision, Recall, TopKAccuracy
    from tinynn.storage import load, save
    from tinynn.training import (
        Checkpoint,
        CSVLogger,
        EarlyStopping,
        ExponentialMovingAverage,
        GradientMonitor,
        History,
        LearningRateLogger,
        ReduceOnPlateau,
        StochasticWeightAveraging,
        TerminateOnNaN,
        Trainer,
        find_learning_rate,
    )

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "F1",
    "GELU",
    "MAE",
    "MSE",
    "R2",
    "SELU",
    "SGD",
    "Accuracy",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Batches",
    "CSVLogger",
    "Checkpoint",
    "CheckpointError",
    "ConfusionMatrix",
    "DataError",
    "Dense",
    "DivergedError",
    "Dropout",
    "DtypeError",
    "EarlyStopping",
    "ExponentialMovingAverage",
    "Flatten",
    "GradientMonitor",
    "HardSigmoid",
    "Hinge",
    "History",
    "Huber",
    "Identity",
    "InvalidValueError",
    "Layer",
    "LeakyReLU",
    "LearningRateLogger",
    "Lion",
    "Loss",
    "NAdam",
    "Optimizer",
    "Parallel",
    "Parameter",
    "ParameterVector",
    "Precision",
    "RAdam",
    "RMSprop",
    "ReLU",
    "Recall",
    "ReduceOnPlateau",
    "Reshape",
    "Residual",
    "Sequential",
    "ShapeError",
    "SiLU",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "StateError",
    "Step",
    "StochasticWeightAveraging",
    "Tanh",
    "TerminateOnNaN",
    "TinynnError",
    "TopKAccuracy",
    "Trainer",
    "TrainingWarning",
    "clip_norm",
    "clip_value",
    "data",
    "find_learning_rate",
    "initializers",
    "load",
    "metrics",
    "one_hot",
    "save",
    "schedules",
    "threads",
    "train_test_split",
]

# Loaded on first use, so that importing tinynn costs little beyond importing NumPy.
_LAZY = {
    name: module
    for module, names in {
        "tinynn.metrics": ("F1", "R2", "Accuracy", "ConfusionMatrix", "Precision", "Recall", "TopKAccuracy"),
        "tinynn.storage": ("load", "save"),
        "tinynn.training": (
            *("CSVLogger", "Checkpoint", "EarlyStopping", "ExponentialMovingAverage", "GradientMonitor", "History"),
            *("LearningRateLogger", "ReduceOnPlateau", "StochasticWeightAveraging", "TerminateOnNaN", "Trainer"),
            "find_learning_rate",
        ),
    }.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name in ("metrics", "schedules"):
        return importlib.import_module(f"tinynn.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'tinynn' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
