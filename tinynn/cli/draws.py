"""Inputs, predictions and targets for `gradcheck`: what was asked for, or what the class is found to take."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

import tinynn as nn
from tinynn.cli.subjects import reason
from tinynn.errors import InvalidValueError

if TYPE_CHECKING:
    from tinynn._arrays import Array

    Shape = tuple[int, ...]

#: Tried in turn where nothing in a layer tells what it takes.
SHAPES: list[Shape] = [(5, 4), (2, 3, 4), (2, 3, 6, 6), (2, 6, 6, 3)]
PREDICTION: Shape = (4, 3)


def input_shape(layer: Any, asked: Shape | None) -> Shape:
    """The shape of x: as asked for, or the first one that the layer takes and whose batch axis it keeps.

    Raises: InvalidValueError if there is none.
    """
    if asked is not None:
        try:
            _output(layer, asked)
        except Exception as error:
            raise InvalidValueError(f"{layer!r} does not take x of shape {asked}: {reason(error)}") from error
        return asked
    for shape in _candidates(layer):
        try:
            if _output(layer, shape).shape[:1] == shape[:1]:
                return shape
        except Exception:  # not this one
            continue
    raise InvalidValueError(f"{layer!r}: no shape is found that it takes; give --shape, with the batch axis")


def _output(layer: Any, shape: Shape) -> Array:
    x = np.random.default_rng(0).uniform(0.1, 0.9, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(copy.deepcopy(layer).forward(x))


def _candidates(layer: Any) -> Iterator[Shape]:
    """Shapes with a length of one of the layer's arrays, the last axes first, then the usual ones."""
    if isinstance(layer, nn.Layer):
        arrays = [parameter.value for parameter in layer.parameters()]
    else:
        held = [v for value in getattr(layer, "__dict__", {}).values()
                for v in (value.values() if isinstance(value, dict) else [value])]  # fmt: skip
        arrays = [value for value in held if isinstance(value, np.ndarray)]
    lengths = dict.fromkeys(length for array in arrays for length in array.shape[::-1])
    for n in sorted(lengths, key=lambda n: n == 1):
        batch = 5 if n != 5 else 6
        yield from ((batch, n), (2, 4, n), (2, n, 6, 6), (2, 6, 6, n))
    yield from SHAPES


def loss_calls(loss: Any, asked: Shape | None, seed: int) -> list[tuple[str, Array, Array]]:
    """(kind of target, prediction, target) for each kind that the loss takes.

    Labels and probabilities are what most losses are for, so other targets are tried only where both are
    refused. Predictions are any numbers, or probabilities for a loss that has no finite value elsewhere.
    """
    shape, rng = PREDICTION if asked is None else asked, np.random.default_rng([seed, 0])
    shares = rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1]) if shape[-1] > 1 else rng.uniform(0.1, 0.9, shape)
    for prediction in (rng.normal(size=shape) * rng.choice([0.3, 1.0, 3.0], shape), shares):
        for kinds in (("labels", "probabilities"), ("signs",), ("values",)):
            drawn = {kind: TARGETS[kind](shape, rng) for kind in kinds if kind != "labels" or len(shape) > 1}
            found = [(kind, prediction, target) for kind, target in drawn.items() if _takes(loss, prediction, target)]
            if found:
                return found
    raise InvalidValueError(
        f"{loss!r} gives no finite number for a drawn prediction of shape {shape} and any of the targets tried: "
        f"{', '.join(TARGETS)}; give another --shape, or use tinynn.testing.check_loss with a prediction and a target"
    )


def _takes(loss: Any, prediction: Array, target: Array) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            value = np.asarray(copy.deepcopy(loss).forward(prediction.copy(), target.copy()))
        except Exception:  # a target of another kind
            return False
        return value.size == 1 and value.dtype.kind in "fiu" and bool(np.isfinite(value).all())


TARGETS: dict[str, Callable[[Shape, np.random.Generator], Array]] = {
    "labels": lambda shape, rng: rng.integers(0, shape[-1], shape[:-1]),
    "probabilities": lambda shape, rng: (
        rng.dirichlet(np.ones(shape[-1]), shape[:-1]) if shape[-1] > 1 else rng.uniform(size=shape)
    ),
    "signs": lambda shape, rng: rng.choice([-1.0, 1.0], shape),
    "values": lambda shape, rng: rng.normal(size=shape),
}
