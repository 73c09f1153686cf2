"""Hypothesis strategies for whole networks, and what the tests of whole networks compare."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from differences import generators_kept
from drawn import values
from hypothesis import strategies as st

import tinynn as nn

Array = np.ndarray

ACTIVATIONS = [
    nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.HardSigmoid,
    nn.Identity, nn.Softmax, nn.Dropout, lambda: nn.GELU("tanh"),
]  # fmt: skip


@st.composite
def networks(draw: Any, inputs: int, depth: int = 3, level: int = 0) -> tuple[nn.Sequential, int]:
    """A random chain with shortcuts and branches, and its number of outputs."""
    layers: list[nn.Layer] = []
    width = inputs
    for _ in range(draw(st.integers(1, depth))):
        kind = draw(st.sampled_from(["dense", "dense", "activation", *(["residual", "parallel"] if level < 1 else [])]))
        if kind == "dense":
            wanted = draw(st.integers(1, 4))
            layers.append(nn.Dense(width, wanted, bias=draw(st.booleans())))
            width = wanted
        elif kind == "activation":
            layers.append(draw(st.sampled_from(ACTIVATIONS))())
        elif kind == "residual":
            inner, out = draw(networks(width, 2, level + 1))
            layers.append(nn.Residual(nn.Sequential(*inner, nn.Dense(out, width))))
        else:
            branches = [draw(networks(width, 2, level + 1)) for _ in range(draw(st.integers(1, 2)))]
            layers.append(nn.Parallel(*(branch for branch, _ in branches), nn.Identity()))
            width += sum(out for _, out in branches)
    return nn.Sequential(*layers), width


class Network(NamedTuple):
    """Drawn: a model with all its values, an input and a gradient that comes back."""

    model: nn.Sequential
    x: Array
    upstream: Array


@st.composite
def drawn_networks(draw: Any, dtype: Any = np.float64, outputs: int | None = None) -> Network:
    inputs, batch = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    model, width = draw(networks(inputs))
    if outputs is not None:
        model.append(nn.Dense(width, outputs))
    model.initialize(draw(st.integers(0, 2**32)))
    model.astype(dtype)
    for parameter in model.parameters():
        if parameter.value.ndim == 1:  # biases start at 0; weights are drawn by their initializer
            parameter.value = draw(values(parameter.shape, dtype, 1))
    x = draw(values((batch, inputs), dtype, 4), label="x")
    return Network(model, x, draw(values((batch, outputs or width), dtype, 2), label="upstream"))


def outcome(model: nn.Sequential, network: Network) -> list[Array]:
    """Output, ∂C/∂x and all gradients of a run from the same generators."""
    with generators_kept(model):
        y = model.forward(network.x).copy()
    grad_x = model.backward(network.upstream).copy()
    return [y, grad_x, *(p.grad.copy() for p in model.parameters())]


def assert_equal(got: list[Array], expected: list[Array]) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
