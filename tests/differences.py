"""Derivatives from function values alone, each with an estimate of its own error.

The central difference (f(x + h) − f(x − h)) / 2h errs by a series in h². Ridders' tableau takes it at
ever smaller h, removes one term of the series after the other (Richardson's extrapolation), and believes
the entry that differs least from the ones it was made of. That difference and the rounding of f are the
error: there is no tolerance to tune. The one-sided differences are extrapolated in the same way. Where
they disagree f has a kink, and each number between them is a right derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

import tinynn as nn

Array = np.ndarray

#: Ten steps, each half of the one before; relative to |x|, or absolute below 1.
STEPS = 0.25 / 2.0 ** np.arange(10)
#: The steps times these are tried in turn, so that a kink nearby is left outside at last.
REACHES = (1.0, 2.0**-7, 2.0**-14)
#: A result is trusted to this many roundings of the largest number that went into it.
ROUNDINGS = 64 * np.finfo(np.float64).eps


class Estimate(NamedTuple):
    """Derivatives and the doubt about each."""

    value: Array
    error: Array


def extrapolated(quotients: Array, noise: Array, ratio: float) -> Estimate:
    """The limit h → 0 of difference quotients at h, h/2, h/4, …, for each column.

    Each column of Ridders' tableau cancels one more term of the error: h, h², … for ratio 2 (one-sided),
    h², h⁴, … for ratio 4 (central). `noise` is what rounding does to each quotient.

    >>> h = STEPS[:, None]
    >>> limit = extrapolated((np.exp(h) - np.exp(-h)) / (2 * h), 1e-16 / h, 4)
    >>> bool(abs(limit.value[0] - 1) < limit.error[0] < 1e-11)
    True
    """
    best, error, factor = quotients[-1], np.full(quotients.shape[1], np.inf), 1.0
    columns = np.arange(quotients.shape[1])
    for _ in range(len(quotients) - 1):
        factor *= ratio
        finer, coarser = quotients[1:], quotients[:-1]
        quotients = finer + (finer - coarser) / (factor - 1)
        noise = (factor * noise[1:] + noise[:-1]) / (factor - 1)
        doubt = 2 * np.maximum(abs(quotients - finer), abs(quotients - coarser)) + noise
        row = doubt.argmin(axis=0)
        better = doubt[row, columns] < error
        best = np.where(better, quotients[row, columns], best)
        error = np.where(better, doubt[row, columns], error)
    return Estimate(best, error)


def estimates(
    f: Callable[[Array], Array], x: Array, directions: Array, upstream: Array, reach: float
) -> tuple[Estimate, Estimate, Estimate]:
    """d/dt ⟨upstream, f(x + t d)⟩ at t = 0 for each direction d: central, from the left, from the right."""
    steps, middle = np.empty((len(STEPS), len(directions))), np.array(f(x))
    left, right, largest = np.empty_like(steps), np.empty_like(steps), np.abs(upstream * middle).sum()
    for k, d in enumerate(directions):
        for i, step in enumerate(STEPS * reach * max(1.0, np.abs(x[d != 0]).max(initial=0.0))):
            steps[i, k] = step
            left[i, k] = np.vdot(upstream, middle - f(x - step * d)) / step
            ahead = f(x + step * d)
            right[i, k] = np.vdot(upstream, ahead - middle) / step
            largest = max(largest, np.abs(upstream * ahead).sum())
    noise = ROUNDINGS * largest / steps
    return (
        extrapolated((left + right) / 2, noise, 4),
        extrapolated(left, noise, 2),
        extrapolated(right, noise, 2),
    )


def check_directions(
    f: Callable[[Array], Array],
    x: Array,
    directions: Array,
    claimed: Array,
    upstream: Array | float = 1.0,
    what: Callable[[int], str] = "direction {}".format,
    composite: bool = False,
) -> None:
    """AssertionError unless claimed[k] is the derivative of ⟨upstream, f⟩ at x along directions[k].

    At a kink of one function each number between the one-sided derivatives is right. Of a composite one
    (a network) nothing is asked there: where two kinks meet, as in max(x, 0) + max(−x, 0) at 0, the chain
    rule's value need not lie between them.
    """
    scale = max(np.abs(claimed).max(initial=0.0), np.abs(upstream).max(initial=0.0))
    doubtful = np.arange(len(directions))
    for reach in REACHES:
        central, left, right = estimates(f, x, directions[doubtful], np.asarray(upstream), reach)
        tolerance = central.error + ROUNDINGS * np.maximum(scale, abs(central.value))
        wrong = ~(np.abs(claimed[doubtful] - central.value) <= tolerance)
        if reach == REACHES[-1]:  # nearer than this to a kink is on it
            kink = np.abs(left.value - right.value) > left.error + right.error
            low = np.minimum(left.value, right.value) - tolerance
            high = np.maximum(left.value, right.value) + tolerance
            wrong &= ~(kink & (composite | ((low <= claimed[doubtful]) & (claimed[doubtful] <= high))))
        if not wrong.any():
            return
        doubtful, value, tolerance = doubtful[wrong], central.value[wrong], tolerance[wrong]
    raise AssertionError(
        f"{what(doubtful[0])}: backward says {claimed[doubtful[0]]}, differences say {value[0]} ± {tolerance[0]:.1e} "
        f"({len(doubtful)} of {len(directions)} wrong)"
    )


def check_gradient(
    f: Callable[[Array], Array],
    x: Array,
    gradient: Array,
    upstream: Array | float = 1.0,
    name: str = "x",
    composite: bool = False,
) -> None:
    """AssertionError unless gradient = ∂⟨upstream, f(x)⟩/∂x, entry by entry; x float64.

    >>> check_gradient(np.sin, np.array([0.5, 3.0]), np.cos([0.5, 3.0]), np.array([2.0, -1.0]) / [2, -1])
    >>> check_gradient(np.abs, np.array([0.0]), np.array([0.3]))  # a kink: from −1 to 1 all is right
    >>> check_gradient(np.abs, np.array([1e-5]), np.array([0.3]))
    Traceback (most recent call last):
    ...
    AssertionError: ∂C/∂x[0]: backward says 0.3, differences say 1.0... ± ... (1 of 1 wrong)
    """
    assert x.dtype == np.float64 == gradient.dtype, "differences need float64"
    assert gradient.shape == x.shape, f"∂C/∂{name} has shape {gradient.shape}, {name} has {x.shape}"
    units = np.eye(x.size).reshape(x.size, *x.shape)
    check_directions(
        f, x, units, gradient.ravel(), upstream,
        lambda k: f"∂C/∂{name}[{', '.join(map(str, np.unravel_index(k, x.shape)))}]", composite,
    )  # fmt: skip


def generators_of(layer: nn.Layer) -> list[np.random.Generator]:
    """The tree's random generators."""
    return [g for node in layer.layers_inside() for g in vars(node).values() if isinstance(g, np.random.Generator)]


@contextmanager
def generators_kept(layer: nn.Layer, found: list[np.random.Generator] | None = None) -> Iterator[None]:
    """Afterwards the tree's random generators stand where they stood: Dropout draws the same mask again.

    found: the generators, where the caller has looked for them already.
    """
    found = generators_of(layer) if found is None else found
    states = [generator.bit_generator.state for generator in found]
    try:
        yield
    finally:
        for generator, state in zip(found, states, strict=True):
            generator.bit_generator.state = state


def forward(layer: nn.Layer, x: Array, found: list[np.random.Generator] | None = None) -> Array:
    """The layer's output as an array of our own, its generators put back."""
    with generators_kept(layer, found):
        return layer.forward(x).copy()


def check_layer_gradients(layer: nn.Layer, x: Array, upstream: Array) -> None:
    """∂C/∂x and each parameter's gradient against differences, C = ⟨upstream, layer(x)⟩."""
    found = generators_of(layer)
    forward(layer, x, found)
    grad_x = layer.backward(upstream).copy()
    grads = [(name, p, p.grad.copy()) for name, p in layer.named_parameters()]
    composite = len(list(layer.layers_inside())) > 1
    check_gradient(lambda changed: forward(layer, changed, found), x, grad_x, upstream, composite=composite)
    for name, parameter, grad in grads:
        start = parameter.value.copy()

        def output(value: Array, parameter: nn.Parameter = parameter) -> Array:
            parameter.value = value
            return forward(layer, x, found)

        check_gradient(output, start, grad, upstream, name, composite)
        parameter.value = start
