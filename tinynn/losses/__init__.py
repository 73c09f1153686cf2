"""The losses: each a cost of a batch and its gradient with respect to the predictions."""

from tinynn.losses.base import Loss
from tinynn.losses.cross_entropy import SigmoidCrossEntropy, SoftmaxCrossEntropy
from tinynn.losses.elementwise import MAE, MSE, ElementwiseLoss, Hinge, Huber

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
