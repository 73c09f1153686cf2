"""The optimizers: rules that turn gradients into new parameters, equal to PyTorch's of the same names."""

from tinynn.optimizers.adadelta import Adadelta
from tinynn.optimizers.adagrad import Adagrad
from tinynn.optimizers.adam import Adam, AdamW
from tinynn.optimizers.base import Optimizer
from tinynn.optimizers.clipping import clip_norm, clip_value
from tinynn.optimizers.lion import Lion
from tinynn.optimizers.nadam import NAdam
from tinynn.optimizers.radam import RAdam
from tinynn.optimizers.rmsprop import RMSprop
from tinynn.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "clip_norm",
    "clip_value",
]
