"""What the law tests draw: the public strategies of tinynn.testing for the rows of cases.py, and fixed draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from cases import LayerRow, LossRow
from hypothesis import settings
from hypothesis import strategies as st

import tinynn as nn
from tinynn.testing import strategies
from tinynn.testing.strategies import Call, LossCall


def examples(share: float) -> settings:
    """A share of the profile's examples, for tests that run over many rows."""
    return settings(max_examples=max(2, math.ceil(share * settings.default.max_examples)))


values = strategies.arrays
targets = strategies.targets


def calls(row: LayerRow, dtype: Any = np.float64, batch: int | None = None) -> st.SearchStrategy[Call]:
    """A row's layer in `dtype`, every array drawn; the batch has 1 to 3 samples unless given."""
    return strategies.layers(row.make, row.sample, dtype, batch=batch)


def loss_calls(row: LossRow, dtype: Any = np.float64, batch: int | None = None) -> st.SearchStrategy[LossCall]:
    """A row's loss, a prediction and a target of its kind, for 1 to 3 samples unless given."""
    return strategies.losses(row.make, row.kind, row.sample, dtype, batch=batch)


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
