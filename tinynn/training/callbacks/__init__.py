"""Callbacks: plain objects that watch a Trainer, and step in.

A callback is an object with any of the methods on_fit_start(trainer), on_epoch_start(trainer),
on_batch_end(trainer, cost), on_epoch_end(trainer, figures), on_diverged(trainer, error) and
on_fit_end(trainer). With state_dict() and load_state_dict(state) what it remembers is in checkpoints.
"""

from __future__ import annotations

from tinynn.training.callbacks.checkpoint import Checkpoint
from tinynn.training.callbacks.csv_logger import CSVLogger
from tinynn.training.callbacks.early_stopping import EarlyStopping
from tinynn.training.callbacks.exponential_moving_average import ExponentialMovingAverage
from tinynn.training.callbacks.gradient_monitor import GradientMonitor
from tinynn.training.callbacks.learning_rate_logger import LearningRateLogger
from tinynn.training.callbacks.monitor import Monitor
from tinynn.training.callbacks.plateau import ReduceOnPlateau
from tinynn.training.callbacks.stochastic_weight_averaging import StochasticWeightAveraging
from tinynn.training.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Checkpoint",
    "EarlyStopping",
    "ExponentialMovingAverage",
    "GradientMonitor",
    "LearningRateLogger",
    "Monitor",
    "ReduceOnPlateau",
    "StochasticWeightAveraging",
    "TerminateOnNaN",
]
