"""Diagnosis instead of silence: what is wrong with data or network when training fails, or is about to."""

from __future__ import annotations

import copy
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DivergedError, TrainingWarning
from tinynn.layers import HardSigmoid, Layer, Sigmoid, Softmax, Tanh
from tinynn.optimizers.clipping import gradient_norm
from tinynn.training.checks import last_layer
from tinynn.training.generators import named_layers

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers import Optimizer
    from tinynn.training.trainer import Trainer

#: |x| beyond which inputs are called unscaled: standardised data stay far below, raw images reach 255.
LARGE = 30.0
REMEDY = "lower the learning rate, scale the inputs to about 0 … 1, or clip the gradient with clip_norm"
#: What the last layer can say at all.
RANGES: dict[type[Layer], tuple[float, float]] = {
    Sigmoid: (0.0, 1.0),
    HardSigmoid: (0.0, 1.0),
    Softmax: (0.0, 1.0),
    Tanh: (-1.0, 1.0),
}


# ---- before the first step ------------------------------------------------------------------------
def look(trainer: Trainer, x: Any, target: Any) -> None:
    """Warn of inputs that are not scaled, and of targets that the last layer cannot reach."""
    x, target = np.asarray(x), np.asarray(target)
    largest = _largest(x)
    if LARGE < largest < math.inf:
        _warn(
            f"fit: the inputs reach |x| = {largest:g}; units saturate and steps explode unless inputs are of the "
            "order of 1: divide them by their maximum, or subtract the mean and divide by the standard deviation"
        )
    last = last_layer(trainer.model)
    low, high = (-math.inf, math.inf) if last is None else RANGES.get(type(last), (-math.inf, math.inf))
    if target.dtype.kind in "fiu" and target.size and not (target.min() >= low and target.max() <= high):
        if target.ndim == 1 and np.ndim(x) > 1 and target.dtype.kind in "iu":
            return  # labels: the loss or the metric knows what they mean
        _warn(
            f"fit: the targets lie in {target.min():g} … {target.max():g}, but {last!r}, the last layer, gives "
            f"values in {low:g} … {high:g} alone; scale the targets or leave that layer out"
        )


# ---- when the cost does not fall --------------------------------------------------------------------
def look_at_costs(trainer: Trainer) -> bool:
    """Warn if the cost has not fallen since the first epoch and the units' states say why."""
    epochs = len(trainer.history)
    first, last = trainer.history[0]["cost"], trainer.history[-1]["cost"]  # a whole column would cost all epochs
    if epochs < 2 or last < 0.999 * first:
        return False
    from tinynn.training.units import explain

    cause = explain(trainer.model, trainer.sample()[0])
    if cause is not None:
        _warn(f"fit: the cost has not fallen in {epochs} epochs ({first:.4g} -> {last:.4g}). {cause}")
    return cause is not None


# ---- when values are no longer finite -----------------------------------------------------------------
def diverged(trainer: Trainer, x: Any, target: Any, cost: float) -> DivergedError:
    """The error for a cost that is not finite: where the first such value stands, and what helps."""
    where, layer = _origin(trainer, np.asarray(x), np.asarray(target), cost)
    error = DivergedError(f"fit: the cost is {cost}: {where}; {REMEDY}")
    error.layer = layer
    return error


def check_finite(trainer: Trainer, norm: float) -> None:
    """An epoch ends with finite parameters and gradients, or with a DivergedError."""
    if math.isfinite(norm) and math.isfinite(gradient_norm(trainer.optimizer.vector.value)):
        return
    where, layer = _in_parameters(trainer, trainer.optimizer.steps) or (f"the gradient's norm is {norm}", None)
    error = DivergedError(f"fit: at the end of epoch {len(trainer.history) + 1}, {where}; {REMEDY}")
    error.layer, error.epoch, error.step = layer, len(trainer.history) + 1, trainer.optimizer.steps
    raise error


def place(error: DivergedError, trainer: Trainer, epoch: int) -> None:
    """Say in the error in which step it came, and, if it does not say so yet, in which layer."""
    optimizer = trainer.optimizer
    error.step, error.epoch = optimizer.steps + 1, epoch
    if error.layer is None and (found := _in_parameters(trainer, error.step)) is not None:
        error.layer = found[1]
        error.add_note(found[0])
    what = error.args[0] if error.args else "fit: training diverged"
    error.args = (
        f"{what} (epoch {epoch}, step {error.step}, learning rate {optimizer.rate():g})",
        *error.args[1:],
    )


def evaluated(cost: float, optimizer: Optimizer) -> DivergedError:
    """The error for a cost that is NaN in an evaluation."""
    return DivergedError(
        f"evaluate: the cost is {cost} at step {optimizer.steps} with learning rate {optimizer.rate():g}; "
        "look for NaN in the data, lower the learning rate, or clip the gradient with clip_norm"
    )


def _origin(trainer: Trainer, x: Array, target: Array, cost: float) -> tuple[str, str | None]:
    """Where the first value that is not finite stands, and the path of its layer."""
    for name, data in (("input x", x), ("target", target)):
        if (found := _first(data)) is not None:
            return f"the batch's {name} holds {data[found]} at {_index(found)}", None
    return (
        _in_parameters(trainer, trainer.optimizer.steps)
        or _in_outputs(trainer.model, x)
        or (f"the loss gives it for outputs that are finite (|a| up to {_largest(trainer.predict(x)):g})", None)
    )


def _in_parameters(trainer: Trainer, step: int) -> tuple[str, str | None] | None:
    """The first parameter, in the order of backward, whose gradient is not finite, or else whose value is not."""
    named = trainer.model.named_parameters()
    for name, parameter in reversed(named):
        if (found := _first(parameter.grad)) is not None:
            what = f"the gradient of {_label(trainer.model, name)} was {parameter.grad[found]} at {_index(found)}"
            return f"{what} in step {step}", _layer(name)
    for name, parameter in named:
        if (found := _first(parameter.value)) is not None:
            what = f"{_label(trainer.model, name)} is {parameter.value[found]} at {_index(found)}"
            return f"{what} since step {step}, whose gradient was finite", _layer(name)
    return None


def _in_outputs(model: Layer, x: Array) -> tuple[str, str | None] | None:
    """The first layer whose output is not finite, though its input is."""
    twin = copy.deepcopy(model).eval()
    paths = {id(layer): path for path, layer in named_layers(twin)}
    with np.errstate(all="ignore"):
        rows = twin.summary_rows(x.astype(twin.dtype or x.dtype, copy=False))
    for layer, _, output in rows:
        path = paths.get(id(layer), "")
        if len(list(layer.layers_inside())) == 1 and (found := _first(output)) is not None:
            return f"layer {path} ({layer!r}) gives {output[found]} at {_index(found)} of its output", path
    return None


def _first(array: Array) -> tuple[int, ...] | None:
    """The index of the first element that is not finite."""
    if array.dtype.kind not in "fc":
        return None
    wrong = ~np.isfinite(array)
    return tuple(map(int, np.unravel_index(int(wrong.argmax()), array.shape))) if wrong.any() else None


def _index(found: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, found))}]"


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _label(model: Layer, name: str) -> str:
    layer = dict(named_layers(model)).get(_layer(name))
    return f"parameter {name} ({layer!r})" if layer is not None else f"parameter {name}"


def _largest(array: Array) -> float:
    return float(np.abs(array).max()) if array.size and array.dtype.kind in "fiu" else 0.0


def _warn(message: str) -> None:
    warnings.warn(message, TrainingWarning, stacklevel=2)
