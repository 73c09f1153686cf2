"""What a Trainer refuses before it trains: combinations that would run, and learn nothing or worse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.data.batches import Batches
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.layers import Flatten, HardSigmoid, Identity, Layer, Reshape, Sequential, Sigmoid, Softmax
from tinynn.optimizers import Optimizer

if TYPE_CHECKING:
    from tinynn._arrays import Array

HOOKS = ("on_fit_start", "on_epoch_start", "on_batch_end", "on_epoch_end", "on_diverged", "on_fit_end")


def check_parts(model: Any, loss: Any, optimizer: Any) -> None:
    """A Layer, a loss, an Optimizer of that layer's parameters; no probabilities under a loss on logits."""
    if not isinstance(model, Layer):
        raise DtypeError(f"Trainer: expected a Layer as model, got {model!r}")
    if isinstance(loss, (type, Layer)) or not _has(loss, "forward", "backward"):
        raise DtypeError(f"Trainer: expected a loss such as MSE(), got {loss!r}")
    if not isinstance(optimizer, Optimizer):
        raise DtypeError(f"Trainer: expected an Optimizer such as SGD(model), got {optimizer!r}")
    optimizer.vector.check()
    if not {*map(id, model.parameters())} & {*map(id, optimizer.vector.parameters)}:
        raise InvalidValueError(
            f"Trainer: this {type(optimizer).__name__} holds none of the model's parameters; "
            f"build it from this model, {type(optimizer).__name__}(model)"
        )
    _check_logits(model, loss)


def _check_logits(model: Layer, loss: Any) -> None:
    function, last = getattr(loss, "takes_logits", None), last_layer(model)
    if function and isinstance(last, (Softmax, Sigmoid, HardSigmoid)):
        raise InvalidValueError(
            f"Trainer: {loss!r} takes logits and applies the {function} itself, but the network ends in "
            f"{last!r}; leave that layer out (the largest logit is the most probable class all the same)"
        )


def last_layer(model: Layer) -> Layer | None:
    """The last layer that changes values, looked for inside nested Sequentials; None if there is none."""
    if not isinstance(model, Sequential):
        return None if isinstance(model, (Identity, Flatten, Reshape)) else model
    found = (last_layer(layer) for layer in reversed(model.layers))
    return next((layer for layer in found if layer is not None), None)


def checked_metrics(metrics: Any) -> tuple[Any, ...]:
    """The metrics as a tuple, each with a name of its own."""
    listed = _listed("metrics", metrics)
    for metric in listed:
        if isinstance(metric, type) or not _has(metric, "reset", "update", "result"):
            raise DtypeError(f"Trainer: expected metrics such as [Accuracy()], got {metric!r} among them")
    names = [getattr(metric, "name", None) for metric in listed]
    for k, name in enumerate(names):
        if not isinstance(name, str) or name == "cost" or name in names[:k]:
            raise InvalidValueError(
                f"Trainer: each metric needs a name of its own other than 'cost', {listed[k]!r} has "
                f"{name!r}; assign another to its attribute `name`"
            )
    return listed


def checked_callbacks(callbacks: Any) -> tuple[Any, ...]:
    """The callbacks as a tuple, each with at least one hook."""
    listed = _listed("callbacks", callbacks)
    for callback in listed:
        if isinstance(callback, type) or not any(_has(callback, hook) for hook in HOOKS):
            raise DtypeError(
                f"Trainer: a callback is an object with at least one of the methods {', '.join(HOOKS)}, "
                f"got {callback!r}"
            )
    return listed


def check_batches(batches: Any, epochs: int) -> None:
    """Something that gives (x, target) anew in each of the epochs."""
    hint = "pass something that gives (x, target) pairs, such as Batches(x, y, batch_size=32)"
    arrays = isinstance(batches, tuple) and any(isinstance(part, np.ndarray) for part in batches)
    if arrays or isinstance(batches, np.ndarray) or not isinstance(batches, Iterable):
        raise DtypeError(f"fit: {hint}; got a {type(batches).__name__}")
    if epochs > 1 and iter(batches) is batches:
        raise InvalidValueError(
            f"fit: a {type(batches).__name__} is used up after one epoch, {epochs} were asked for; {hint}"
        )


def checked_data(owner: str, x: Any, y: Any) -> tuple[Array, Array]:
    """x and y as arrays of the same number of rows, at least one."""
    x, y = np.asanyarray(x), np.asanyarray(y)
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        raise ShapeError(f"{owner}: x and y need the same number of rows, got shapes {x.shape} and {y.shape}")
    if len(x) == 0:
        raise InvalidValueError(f"{owner}: no samples to evaluate, x has shape {x.shape}")
    return x, y


def checked_validation(validation: Any, batches: Any) -> tuple[Array, Array] | Batches:
    """Batches as they are, a pair (x, y) as arrays, in the units that the training batches come in."""
    if isinstance(validation, Batches):
        return validation
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise DtypeError(f"fit: validation must be a pair (x, y) or Batches, got a {type(validation).__name__}")
    x, y = checked_data("fit: validation", *validation)
    scale = getattr(batches, "scale", None)
    if scale is not None and x.dtype.kind in "iu":
        raise InvalidValueError(
            f"fit: the training batches are scaled by {scale:g}, the validation x is still {x.dtype}; "
            "pass x * np.float32(scale)"
        )
    return x, y


def _listed(what: str, items: Any) -> tuple[Any, ...]:
    if not isinstance(items, (list, tuple)):
        raise DtypeError(f"Trainer: {what} must be a list, got {items!r}")
    return tuple(items)


def _has(thing: Any, *methods: str) -> bool:
    return all(callable(getattr(thing, method, None)) for method in methods)
