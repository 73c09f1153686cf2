"""Hypothesis strategies: the arrays that the law tests draw.

Numbers are multiples of 1/16 from −8 to 8: far enough to leave every activation's linear zone, and on
its kinks often enough; a failure shrinks to arrays such as [[-1.0]]. What is drawn is the array itself,
never a seed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from cases import LayerRow, LossRow
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinynn as nn

Array = np.ndarray


def examples(share: float) -> settings:
    """A share of the profile's examples, for tests that run over many rows."""
    return settings(max_examples=max(2, math.ceil(share * settings.default.max_examples)))


def values(shape: tuple[int, ...], dtype: Any = np.float64, largest: float = 8.0) -> st.SearchStrategy[Array]:
    """Multiples of largest/128 from −largest to just below it."""
    size = math.prod(shape)
    drawn = st.binary(min_size=size, max_size=size)  # a tenth of the time of drawing number by number
    return drawn.map(lambda b: (np.frombuffer(b, np.int8) * (largest / 128)).astype(dtype).reshape(shape))


def targets(kind: str, shape: tuple[int, ...], dtype: Any = np.float64) -> st.SearchStrategy[Array]:
    """What a loss of this kind takes beside a prediction of `shape`."""
    if kind == "labels":
        return hnp.arrays(np.intp, shape[:-1], elements=st.integers(0, shape[-1] - 1), fill=st.nothing())
    if kind == "probabilities":
        return hnp.arrays(dtype, shape, elements=st.integers(0, 4), fill=st.nothing()).map(_shares)
    if kind == "bits":
        return hnp.arrays(dtype, shape, elements=st.integers(0, 4).map(lambda k: k / 4), fill=st.nothing())
    if kind == "signs":
        return hnp.arrays(dtype, shape, elements=st.sampled_from([-1.0, 1.0]), fill=st.nothing())
    assert kind == "values", kind
    return values(shape, dtype)


def _shares(counts: Array) -> Array:
    """Each row divided by its sum; a row of zeros counts as a row of ones."""
    counts = counts + (counts.sum(axis=-1, keepdims=True) == 0)
    return (counts / counts.sum(axis=-1, keepdims=True)).astype(counts.dtype)


class Call(NamedTuple):
    """A layer with drawn parameter values, an input and the gradient that comes back."""

    layer: nn.Layer
    x: Array
    upstream: Array


@st.composite
def calls(draw: Any, row: LayerRow, dtype: Any = np.float64, batch: int | None = None) -> Call:
    """A row's layer in `dtype`, every array drawn; the batch has 1 to 3 samples unless given."""
    batch = draw(st.integers(1, 3)) if batch is None else batch
    layer = built(row, dtype)
    for name, parameter in layer.named_parameters():
        parameter.value = draw(values(parameter.shape, dtype, 2.0), label=name)
    x = draw(values((batch, *row.sample), dtype), label="x")
    shape = (batch, *output_sample(row))
    return Call(layer, x, draw(values(shape, dtype, 2.0), label="upstream"))


class LossCall(NamedTuple):
    loss: nn.Loss
    prediction: Array
    target: Array


@st.composite
def loss_calls(draw: Any, row: LossRow, dtype: Any = np.float64, batch: int | None = None) -> LossCall:
    """A row's loss, a prediction and a target of its kind, for 1 to 3 samples unless given."""
    batch = draw(st.integers(1, 3)) if batch is None else batch
    prediction = draw(values((batch, *row.sample), dtype), label="prediction")
    return LossCall(row.make(), prediction, draw(targets(row.kind, prediction.shape, dtype), label="target"))


def built(row: LayerRow, dtype: Any = np.float64, seed: int = 0) -> nn.Layer:
    """A row's layer in `dtype`, drawn from a seed, biases too."""
    layer, rng = row.make().astype(dtype), np.random.default_rng(seed)
    layer.initialize(rng)
    for parameter in layer.parameters():
        parameter.value = parameter.value + rng.normal(size=parameter.shape) / 2
    return layer


def output_sample(row: LayerRow) -> tuple[int, ...]:
    """The shape of one sample of the row's output."""
    return row.make().predict(np.zeros((1, *row.sample))).shape[1:]


def built_loss(row: LossRow, dtype: Any = np.float64, batch: int = 4, seed: int = 0) -> LossCall:
    """A row's loss with a prediction and a target, all from one seed."""
    rng = np.random.default_rng(seed)
    shape = (batch, *row.sample)
    made = {
        "values": lambda: rng.normal(size=shape).astype(dtype),
        "bits": lambda: rng.integers(0, 2, shape).astype(dtype),
        "signs": lambda: rng.choice(np.array([-1, 1], dtype), shape),
        "labels": lambda: rng.integers(0, shape[-1], shape[:-1]),
        "probabilities": lambda: rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(dtype),
    }
    return LossCall(row.make(), rng.normal(size=shape).astype(dtype), made[row.kind]())
