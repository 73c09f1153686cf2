"""The layers: each a function with its hand-written derivative.

base.py says what a layer is, dense.py holds the weights, activations.py, rectifiers.py and gelu.py what
a neuron makes of its weighted input, containers.py how layers combine.
"""

from tinynn.layers.activations import Sigmoid, SiLU, Softplus, Step, Tanh
from tinynn.layers.base import Layer
from tinynn.layers.containers import Parallel, Residual, Sequential
from tinynn.layers.dense import Dense
from tinynn.layers.dropout import Dropout
from tinynn.layers.gelu import GELU
from tinynn.layers.rectifiers import ELU, SELU, HardSigmoid, LeakyReLU, ReLU
from tinynn.layers.reshaping import Flatten, Identity, Reshape
from tinynn.layers.softmax import Softmax

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Dense",
    "Dropout",
    "Flatten",
    "HardSigmoid",
    "Identity",
    "Layer",
    "LeakyReLU",
    "Parallel",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Tanh",
]
