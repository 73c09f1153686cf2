"""A loss through one interface, tinynn's or anybody's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import shown
from tinynn._arrays import as_array
from tinynn.errors import DtypeError, ShapeError
from tinynn.losses.base import Loss
from tinynn.testing.generators import Frozen
from tinynn.testing.report import Report
from tinynn.testing.signatures import names_of, positional, required
from tinynn.testing.subjects import copied, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinynn._arrays import Array

#: How people call the method that gives the gradient, and what they give to a loss.
BACKWARDS = ("backward", "gradient", "grad", "derivative")
PREDICTIONS = (
    *("prediction", "predictions", "pred", "preds", "y_pred", "ypred", "y_hat", "yhat", "predicted"),
    *("output", "outputs", "logits", "scores", "a", "p"),
)
#: What surely is a target, and what is one beside a prediction's name.
SURELY = ("target", "targets", "y_true", "ytrue", "true", "truth", "ground_truth", "label", "labels", "expected", "t")
TARGETS = (*SURELY, "actual", "desired", "y")


class LossSubject:
    """A loss through one interface: its value, and its gradient after a value.

    It works on a deep copy (`loss`, if somebody has made one already).
    """

    def __init__(
        self, original: Any, sample_weight: Any = None, like: LossSubject | None = None, loss: Any = None
    ) -> None:
        if isinstance(original, type):
            name = original.__name__
            raise DtypeError(f"expected a loss, got the class {name}; pass an instance, such as {name}()")
        if not callable(getattr(original, "forward", None)) and not callable(original):
            raise DtypeError(f"expected a loss with forward(prediction, target) and backward(), got {shown(original)}")
        self.original, self.native = original, isinstance(original, Loss)
        self.loss: Any = copied(original) if loss is None else loss
        text = repr(original)
        self.label = type(original).__name__ if text.startswith("<") else text
        self.sample_weight = None if sample_weight is None else as_array(sample_weight, self.label, "sample_weight")
        self.frozen: Frozen = Frozen(self.loss, None if like is None else like.frozen)
        self._forward: Callable[..., Any] = getattr(self.loss, "forward", None) or self.loss
        # Asked once: a signature takes longer to read than a small loss to compute.
        self.takes_weights = "sample_weight" in names_of(self._forward)
        self._target_first = _takes_target_first(self._forward)
        if 0 < len(positional(self._forward)) < 2 and required(self._forward) != -1:
            raise DtypeError(
                f"expected a loss with forward(prediction, target), got {self.label}, which takes one array"
            )

    def value(self, prediction: Array, target: Any, sample_weight: Any = None) -> float:
        """C; anything but one real number is an error."""
        weight = self.sample_weight if sample_weight is None else sample_weight
        self.frozen.restore()
        pair = (target, prediction) if self._target_first else (prediction, target)
        if weight is None:
            value = self._forward(*pair)
        elif self.takes_weights:
            value = self._forward(*pair, sample_weight=weight)
        else:
            value = self._forward(*pair, weight)
        if isinstance(value, (tuple, list)):
            raise DtypeError(
                f"{self.label}: expected one number from forward, got a {type(value).__name__} of {len(value)}; for a "
                "function that gives cost and gradient at once: "
                "check_gradient(lambda p: f(p, target)[0], lambda p: f(p, target)[1], prediction)"
            )
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise DtypeError(f"{self.label}: expected one real number from forward, got {value!r}")
        if array.size != 1:
            raise ShapeError(f"{self.label}: expected one number from forward, got an array of shape {array.shape}")
        return float(array.reshape(()))

    def gradient(self, prediction: Array, target: Any, sample_weight: Any = None) -> Any:
        self.value(prediction, target, sample_weight)
        return self.backward(prediction, target)

    def backward(self, prediction: Array, target: Any) -> Any:
        """What the code gives for ∂C/∂prediction after a `value`."""
        name = next((name for name in BACKWARDS if hasattr(self.loss, name)), None)
        if name is None:
            raise DtypeError(f"{self.label}: expected a method backward() that gives ∂C/∂prediction")
        backward = getattr(self.loss, name)
        if not callable(backward):  # an attribute or a property
            return backward
        try:
            back = backward(*_for_backward(backward, prediction, target))
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            text = f"{name} fails with {type(error).__name__}: {error} ({place_of(error)})"
            Report(self.label).fail("shape", text)
        if back is None:  # some leave it in an attribute
            back = getattr(self.loss, "dinputs", None)
        if isinstance(back, (tuple, list)) and back and np.shape(back[0]) == prediction.shape != np.shape(back):
            return back[0]  # ∂C/∂target comes after it
        return back

    def fresh(self) -> LossSubject:
        return LossSubject(self.original, self.sample_weight, self)


def duplicate(target: Any) -> Any:
    """A copy of a target, whatever it is."""
    return target.copy() if isinstance(target, np.ndarray) else copy.deepcopy(target)


def _takes_target_first(function: Callable[..., Any]) -> bool:
    """Whether the names of its arguments say so, as in Keras."""
    names = [name.lower() for name in names_of(function)[:2]]
    if len(names) < 2 or names[1] in SURELY:
        return False
    return names[0] in SURELY or (names[0] in TARGETS and names[1] in PREDICTIONS)


def _for_backward(backward: Callable[..., Any], prediction: Any, target: Any) -> tuple[Any, ...]:
    """The arguments of backward: none, the pair, one of them, or an upstream gradient, which is 1."""
    pair = (target, prediction) if _takes_target_first(backward) else (prediction, target)
    match required(backward):
        case 0:
            return ()
        case 1:
            name = names_of(backward)[0].lower()
            return (target,) if name in TARGETS else (prediction,) if name in PREDICTIONS else (1.0,)
        case 3:
            first = names_of(backward)[0].lower()
            return (*pair, 1.0) if first in (*PREDICTIONS, *TARGETS) else (1.0, prediction, target)
        case _:
            return pair
