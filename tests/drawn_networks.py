"""Hypothesis strategies for whole networks, and what the tests of whole networks compare."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from differences import generators_kept
from hypothesis import strategies as st

import tinynn as nn
from tinynn.testing import strategies

Array = np.ndarray


class Network(NamedTuple):
    """Drawn: a model with all its values, an input and a gradient that comes back."""

    model: nn.Sequential
    x: Array
    upstream: Array


@st.composite
def drawn_networks(draw: Any, dtype: Any = np.float64, outputs: int | None = None) -> Network:
    """Weights as their initializer draws them, so that kinks are seldom met; all other arrays drawn."""
    model, x, upstream = draw(strategies.networks(outputs=outputs, dtype=dtype, parameters=None))
    for parameter in model.parameters():
        if parameter.value.ndim == 1:  # biases start at 0
            parameter.value = draw(strategies.arrays(parameter.shape, dtype, 1))
    return Network(model, x, upstream)


def outcome(model: nn.Sequential, network: Network) -> list[Array]:
    """Output, ∂C/∂x and all gradients of a run from the same generators."""
    with generators_kept(model):
        y = model.forward(network.x).copy()
    grad_x = model.backward(network.upstream).copy()
    return [y, grad_x, *(p.grad.copy() for p in model.parameters())]


def assert_equal(got: list[Array], expected: list[Array]) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
