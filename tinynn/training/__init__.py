"""Training: the loop over epochs, with all that one expects around it."""

from __future__ import annotations

from tinynn.training.callbacks import (
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    ExponentialMovingAverage,
    GradientMonitor,
    LearningRateLogger,
    ReduceOnPlateau,
    StochasticWeightAveraging,
    TerminateOnNaN,
)
from tinynn.training.finder import find_learning_rate
from tinynn.training.history import History
from tinynn.training.trainer import Trainer

__all__ = [
    "CSVLogger",
    "Checkpoint",
    "EarlyStopping",
    "ExponentialMovingAverage",
    "GradientMonitor",
    "History",
    "LearningRateLogger",
    "ReduceOnPlateau",
    "StochasticWeightAveraging",
    "TerminateOnNaN",
    "Trainer",
    "find_learning_rate",
]
