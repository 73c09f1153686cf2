"""The losses: each a cost of a batch and its gradient with respect to the predictions."""

from tinynn.losses.base import Loss
from tinynn.losses.elementwise import ElementwiseLoss
from tinynn.losses.hinge import Hinge
from tinynn.losses.regression import MAE, MSE, Huber
from tinynn.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from tinynn.losses.softmax_cross_entropy import SoftmaxCrossEntropy

__all__ = [
    "MAE",
    "MSE",
    "ElementwiseLoss",
    "Hinge",
    "Huber",
    "Loss",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
]
