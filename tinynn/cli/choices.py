"""The names on the command line, and what each of them stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tinynn as nn
from tinynn import initializers

if TYPE_CHECKING:
    from tinynn.initializers import Initializer

ACTIVATIONS: dict[str, Callable[[], nn.Layer]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "hard-sigmoid": nn.HardSigmoid,
}
INITIALIZERS: dict[str, Initializer] = {
    "nielsen": initializers.nielsen(),
    "nielsen_scaled": initializers.nielsen(scaled=True),
    **{
        name: getattr(initializers, name)
        for name in (
            *("glorot_uniform", "glorot_normal", "he_uniform", "he_normal"),
            *("lecun_uniform", "lecun_normal", "orthogonal"),
        )
    },
}
OPTIMIZERS: dict[str, Callable[..., nn.Optimizer]] = {
    "sgd": nn.SGD,
    "adagrad": nn.Adagrad,
    "rmsprop": nn.RMSprop,
    "adam": nn.Adam,
    "adamw": nn.AdamW,
    "adadelta": nn.Adadelta,
    "nadam": nn.NAdam,
    "radam": nn.RAdam,
    "lion": nn.Lion,
}
#: Each with the learning rate that the book uses with it.
LOSSES: dict[str, tuple[Callable[[], nn.Loss], float]] = {
    "mse": (nn.MSE, 3.0),
    "cross-entropy": (nn.SoftmaxCrossEntropy, 0.5),
    "binary-cross-entropy": (nn.SigmoidCrossEntropy, 0.5),
}
#: What `bench` measures, and with which learning rate.
BENCH_RATES = {"sgd": 0.1, "adam": 1e-4}
