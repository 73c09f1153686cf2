"""The layers: each a function with its hand-written derivative.

base.py says what a layer is, dense.py holds the weights, activations.py, rectifiers.py and gelu.py what
a neuron makes of its weighted input, sequential.py and branches.py how layers combine; bound.py and
plan.py are what makes a training step fast.
"""

from tinynn.layers.activations import Sigmoid, Step, Tanh
from tinynn.layers.base import Layer
from tinynn.layers.branches import Parallel, Residual
from tinynn.layers.dense import Dense
from tinynn.layers.dropout import Dropout
from tinynn.layers.gelu import GELU
from tinynn.layers.rectifiers import ELU, SELU, HardSigmoid, LeakyReLU, ReLU
from tinynn.layers.reshaping import Flatten, Identity, Reshape
from tinynn.layers.sequential import Sequential
from tinynn.layers.smooth import SiLU, Softplus
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
