"""Hypothesis strategies: arrays, layers, losses and networks to hold laws against (extra tinynn-numpy[testing]).

What is drawn is the arrays themselves, parameters included, so that a failure shrinks to one such as
x=array([[-1.]]). Their numbers are multiples of largest/128, now and then whole: far enough from 0 to leave
every activation's linear zone, and often enough on its kinks. The masks of Dropout alone come from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinynn as nn
from tinynn.testing.array_strategies import arrays, as_shape, batches, labels, targets

# array_strategies says what to install where Hypothesis is missing.
from hypothesis import strategies as st  # isort: skip

if TYPE_CHECKING:
    from tinynn._arrays import Array

__all__ = ["Call", "LossCall", "arrays", "batches", "labels", "layers", "losses", "networks", "targets"]

#: Parameters and upstream gradients are not larger than this.
MODERATE = 2.0
ACTIVATIONS: list[Callable[[], nn.Layer]] = [
    nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.HardSigmoid,
    nn.Identity, nn.Softmax, nn.Dropout, lambda: nn.GELU("tanh"),
]  # fmt: skip
#: Layers that take samples of any shape (…, n), made for such a shape.
MADE_FOR: list[Callable[[tuple[int, ...]], nn.Layer]] = [
    *(lambda shape, make=make: make() for make in ACTIVATIONS),
    lambda shape: nn.Dense(shape[-1], 2),
    lambda shape: nn.Dense(shape[-1], 3, bias=False),
    lambda shape: nn.Flatten(),
    lambda shape: nn.Reshape(*shape[::-1]),
    lambda shape: nn.Sequential(nn.Dense(shape[-1], 3), nn.Tanh(), nn.Dense(3, 2)),
    lambda shape: nn.Residual(nn.Dense(shape[-1], shape[-1])),
    lambda shape: nn.Parallel(nn.Dense(shape[-1], 2), nn.Identity()),
    lambda shape: nn.Parallel(nn.Identity(), nn.Tanh(), merge="sum"),
]
#: Losses with the kind of target that they take, see `targets`.
LOSSES: list[tuple[Callable[[], nn.Loss], str]] = [
    (nn.MSE, "values"),
    (lambda: nn.MSE(mean_over="elements"), "values"),
    (nn.MAE, "values"),
    (nn.Huber, "values"),
    (nn.Hinge, "signs"),
    (nn.SigmoidCrossEntropy, "bits"),
    (nn.SoftmaxCrossEntropy, "labels"),
    (nn.SoftmaxCrossEntropy, "probabilities"),
    (lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.1), "labels"),
]


class Call(NamedTuple):
    """A layer or network with drawn parameters, an input, and the gradient that comes back to it."""

    layer: Any
    x: Array
    upstream: Array

    def __repr__(self) -> str:
        shown = {"x": self.x, "upstream": self.upstream} | {n: p.value for n, p in self.layer.named_parameters()}
        return f"Call({self.layer!r}, {', '.join(f'{name}={value!r}' for name, value in shown.items())})"


class LossCall(NamedTuple):
    """A loss, a prediction, and a target that goes with it."""

    loss: Any
    prediction: Array
    target: Array


@st.composite
def layers(
    draw: st.DrawFn,
    make: Callable[[], nn.Layer] | None = None,
    sample_shape: int | tuple[int, ...] | None = None,
    dtype: Any = np.float64,
    *,
    batch: int | None = None,
    largest: float = 8.0,
    parameters: float | None = MODERATE,
) -> Call:
    """Calls of a layer: (layer, x, upstream), all arrays drawn.

    Parameters: make, a function that builds the layer, such as lambda: MyLayer(3, 2), None for any of
    tinynn's that has a derivative; sample_shape, of x without its batch axis, to be given along with make;
    batch, 1 to 3 samples if None; largest, of the numbers in x; parameters, of those in the parameters,
    None to leave these as the layer starts, from a drawn seed.
    Shapes: x (batch, *sample_shape), upstream like the layer's output.

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(layers(lambda: nn.Dense(1, 1, bias=False), 1), lambda call: call.x.min() < 0, random=Random(0))
    Call(Dense(1, 1, bias=False), x=array([[-1.]]), upstream=array([[0.]]), weight=array([[0.]]))
    """
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2)) if sample_shape is None else sample_shape
    sample = as_shape(shape if isinstance(shape, int) else tuple(shape))
    layer = (draw(st.sampled_from(MADE_FOR))(sample) if make is None else make()).astype(dtype)
    _draw_parameters(draw, layer, dtype, parameters)
    return _called(draw, layer, sample, dtype, batch, largest)


@st.composite
def losses(
    draw: st.DrawFn,
    make: Callable[[], nn.Loss] | None = None,
    kind: str = "values",
    sample_shape: int | tuple[int, ...] | None = None,
    dtype: Any = np.float64,
    *,
    batch: int | None = None,
    largest: float = 8.0,
) -> LossCall:
    """Calls of a loss: (loss, prediction, target).

    Parameters: make, a function that builds the loss, None for any of tinynn's; kind, of its target, as in
    `targets` (used with make alone); sample_shape, of the prediction without its batch axis, (2,) or (3,)
    if None; batch, 1 to 3 samples if None; largest, of the numbers in the prediction.

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(losses(nn.MAE, sample_shape=1), lambda call: call.target.max() > 2, random=Random(0))
    LossCall(loss=MAE(), prediction=array([[0.]]), target=array([[3.]]))
    """
    make, kind = draw(st.sampled_from(LOSSES)) if make is None else (make, kind)
    sample = as_shape(draw(st.integers(2, 3)) if sample_shape is None else sample_shape)
    batch = draw(st.integers(1, 3)) if batch is None else batch
    prediction = draw(arrays((batch, *sample), dtype, largest))
    return LossCall(make(), prediction, draw(targets(kind, prediction.shape, dtype)))


@st.composite
def networks(
    draw: st.DrawFn,
    inputs: int | None = None,
    outputs: int | None = None,
    dtype: Any = np.float64,
    *,
    batch: int | None = None,
    depth: int = 3,
    largest: float = 4.0,
    parameters: float | None = MODERATE,
) -> Call:
    """Calls of whole networks: (Sequential, x, upstream), of Dense, activations, shortcuts and branches.

    Parameters: inputs and outputs, numbers of neurons, drawn if None; depth, of the chain at most;
    batch, largest and parameters, as in `layers`.
    Shapes: x (batch, inputs), upstream (batch, outputs).

    >>> from random import Random
    >>> from hypothesis import find
    >>> find(networks(1, 2, depth=1), lambda call: True, random=Random(0)).upstream
    array([[0., 0.]])
    """
    inputs = draw(st.integers(1, 3)) if inputs is None else inputs
    model, width = draw(_chains(inputs, depth))
    if outputs is not None:
        model.append(nn.Dense(width, outputs))
    model.astype(dtype)
    _draw_parameters(draw, model, dtype, parameters)
    return _called(draw, model, (inputs,), dtype, batch, largest)


@st.composite
def _chains(draw: st.DrawFn, inputs: int, depth: int, level: int = 0) -> tuple[nn.Sequential, int]:
    """A random chain with shortcuts and branches, and its number of outputs."""
    chain: list[nn.Layer] = []
    width = inputs
    for _ in range(draw(st.integers(1, depth))):
        kind = draw(st.sampled_from(["dense", "dense", "activation", *(["residual", "parallel"] if level < 1 else [])]))
        if kind == "dense":
            wanted = draw(st.integers(1, 4))
            chain.append(nn.Dense(width, wanted, bias=draw(st.booleans())))
            width = wanted
        elif kind == "activation":
            chain.append(draw(st.sampled_from(ACTIVATIONS))())
        elif kind == "residual":
            inner, out = draw(_chains(width, 2, level + 1))
            chain.append(nn.Residual(nn.Sequential(*inner, nn.Dense(out, width))))
        else:
            branches = [draw(_chains(width, 2, level + 1)) for _ in range(draw(st.integers(1, 2)))]
            chain.append(nn.Parallel(*(branch for branch, _ in branches), nn.Identity()))
            width += sum(out for _, out in branches)
    return nn.Sequential(*chain), width


def _draw_parameters(draw: st.DrawFn, layer: nn.Layer, dtype: Any, largest: float | None) -> None:
    """Every parameter's value; a seed for what is left as it starts, and for generators that layers own."""
    random = any(isinstance(v, np.random.Generator) for node in layer.layers_inside() for v in vars(node).values())
    layer.initialize(draw(st.integers(0, 2**32)) if random or largest is None else 0)
    if largest is not None:
        for parameter in layer.parameters():
            parameter.value = draw(arrays(parameter.shape, dtype, largest))


def _called(
    draw: st.DrawFn, layer: nn.Layer, sample: tuple[int, ...], dtype: Any, batch: int | None, largest: float
) -> Call:
    batch = draw(st.integers(1, 3)) if batch is None else batch
    x = draw(arrays((batch, *sample), dtype, largest))
    shape = layer.predict(np.zeros((1, *sample), dtype)).shape[1:]
    return Call(layer, x, draw(arrays((batch, *shape), dtype, MODERATE)))
