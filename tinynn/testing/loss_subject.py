"""A loss through one interface, tinynn's or anybody's."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DtypeError, ShapeError
from tinynn.losses.base import Loss
from tinynn.testing.generators import Frozen
from tinynn.testing.points import required

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: How people call the method that gives the gradient.
BACKWARDS = ("backward", "gradient", "grad", "derivative")


class LossSubject:
    """A loss through one interface: its value, and its gradient after a value."""

    def __init__(self, loss: Any, sample_weight: Any = None) -> None:
        if not callable(getattr(loss, "forward", None)) and not callable(loss):
            raise DtypeError(f"expected a loss with forward(prediction, target) and backward(), got {loss!r}")
        self.original, self.native = loss, isinstance(loss, Loss)
        self.loss: Any = copy.deepcopy(loss)
        text = repr(loss)
        self.label = type(loss).__name__ if text.startswith("<") else text
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.frozen = Frozen(self.loss)

    @property
    def takes_weights(self) -> bool:
        return "sample_weight" in inspect.signature(self.loss.forward).parameters

    def value(self, prediction: Array, target: Any, sample_weight: Any = None) -> float:
        """C; anything but one number is a GradientError at the caller."""
        weight = self.sample_weight if sample_weight is None else sample_weight
        self.frozen.restore()
        forward = getattr(self.loss, "forward", None) or self.loss
        more = () if weight is None else (weight,)
        value = np.asarray(forward(prediction, target, *more))
        if value.size != 1:
            raise ShapeError(f"{self.label}: expected one number from forward, got an array of shape {value.shape}")
        return float(value.reshape(()))

    def gradient(self, prediction: Array, target: Any, sample_weight: Any = None) -> Any:
        self.value(prediction, target, sample_weight)
        return self.backward(prediction, target)

    def backward(self, prediction: Array, target: Any) -> Any:
        backward = next((getattr(self.loss, name) for name in BACKWARDS if hasattr(self.loss, name)), None)
        if backward is None:
            raise DtypeError(f"{self.label}: expected a method backward() that gives ∂C/∂prediction")
        return backward(prediction, target) if required(backward) == 2 else backward()

    def fresh(self) -> LossSubject:
        return LossSubject(self.original, self.sample_weight)
