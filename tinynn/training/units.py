"""Which units have stopped learning: hardly any gradient gets past them.

A unit is one number of a layer's last axis, over the samples and whatever lies between. Its slope is what
backward multiplies a gradient by. Where an activation is flat at both ends (Sigmoid, Tanh), a unit that
rests there is saturated; where it is flat at one end (ReLU, ELU), a unit that never leaves it is dead.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn.errors import InvalidValueError, TinynnError
from tinynn.layers.activations import Activation
from tinynn.training.generators import named_layers

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.layers import Layer

#: A slope below this share of the layer's steepest is called flat: |z| > 4.9 for a Sigmoid, 2.4 for a Tanh.
FLAT = 0.03
#: The share of the samples on which a saturated unit is flat; a dead one has no slope on any.
OFTEN = 0.95
NO_SLOPE = 0.001
#: The share of a layer's units from which on it is worth a word.
WORRYING = 0.5
#: Inputs beyond this are the likely cause in the first layers.
LARGE = 10.0
#: Where the slopes of an activation are looked at: far enough to reach both ends.
PROBE = np.linspace(-20.0, 20.0, 4001)[:, None]


class Units(NamedTuple):
    """What became of one activation's units.

    path: as in the names of parameters, "1" or "0.2"; saturated and dead: shares of the units, 0 to 1;
    edge: the |z| from which on the activation is flat; last: whether its output is the network's.
    """

    path: str
    layer: Layer
    saturated: float
    dead: float
    edge: float
    last: bool

    def complaint(self, x: Array) -> str:
        """What is wrong with the layer on these samples, and what helps."""
        name = f"Layer {self.path} ({self.layer!r})" if self.path else f"{self.layer!r}"
        reach, samples = float(np.abs(x).max()), f"of {len(x)} samples"
        scale = f"scale the inputs to about 0 … 1 (they reach {reach:g}), " if reach > LARGE else ""
        if self.saturated >= self.dead:
            what = (
                f"{_percent(self.saturated)} of its units are saturated (|z| > {self.edge:.1f} on nearly all {samples})"
            )
            return f"{name}: {what}; {scale}lower the learning rate, or start with smaller weights"
        what = f"{_percent(self.dead)} of its units are dead (no slope on any {samples})"
        return f"{name}: {what}; {scale}lower the learning rate, start anew with he_normal, or take LeakyReLU()"


def unit_shares(model: Layer, x: Any) -> list[Units]:
    """The shares of saturated and dead units of each activation in a network, in the order of its layers.

    Looked for everywhere, in containers and in layers of one's own; what is not an Activation is passed
    over, Softmax too: a sure classifier's is meant to be flat. The model stays untouched: a copy that
    shares its parameters does the pass, in evaluation mode.

    Shapes: x (samples, …), as the model takes it.
    Raises: InvalidValueError without samples.

    >>> import tinynn as nn
    >>> model = nn.Sequential(nn.Dense(1, 2), nn.Sigmoid(), nn.Dense(2, 2), nn.ReLU(), rng=0)
    >>> model[0].weight.value, model[2].bias.value = [[1.0], [100.0]], [-9.0, 9.0]
    >>> [(units.path, units.saturated, units.dead) for units in unit_shares(model, [[-1.0], [0.5], [1.0]])]
    [('1', 0.5, 0.0), ('3', 0.0, 0.5)]
    """
    x = np.asarray(x)
    if x.ndim < 1 or len(x) == 0:
        raise InvalidValueError(f"unit_shares: expected at least one sample, got x of shape {x.shape}")
    twin = copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})
    seen: dict[int, list[tuple[Array, Array]]] = {}
    for layer in twin.layers_inside():
        layer.training = False
        if isinstance(layer, Activation) and not layer.parameters():
            _watch(layer, seen.setdefault(id(layer), []))
    with np.errstate(all="ignore"):
        output = twin.forward(x)
        pairs = zip(named_layers(model), named_layers(twin), strict=True)
        return [
            Units(
                path,
                own,
                *_shares(layer, seen[id(layer)]),
                any(np.may_share_memory(output, a) for _, a in seen[id(layer)]),
            )
            for (path, own), (_, layer) in pairs
            if seen.get(id(layer)) and _has_slopes(layer)
        ]


def explain(model: Layer, x: Any) -> str | None:
    """Why hardly any gradient gets through the network on these samples, and what helps; None if it does.

    >>> import tinynn as nn
    >>> model = nn.Sequential(nn.Dense(1, 4), nn.Sigmoid(), rng=0)
    >>> explain(model, [[0.5], [0.7]])
    >>> model[0].bias.value = [9.0, -9.0, 9.0, 0.0]
    >>> print(explain(model, [[0.5], [0.7]]))
    Layer 1 (Sigmoid()): 75 % of its units are saturated (|z| > 4.9 on nearly all of 2 samples); lower ...
    """
    for units in unit_shares(model, x):
        if max(units.saturated, units.dead) >= WORRYING:
            return units.complaint(np.asarray(x))
    return None


def _watch(layer: Layer, seen: list[tuple[Array, Array]]) -> None:
    """Note what goes into a layer and what comes out."""
    forward = layer.forward

    def watched(z: Any) -> Array:
        a = forward(z)
        seen.append((np.asarray(z), a))
        return a

    vars(layer)["forward"] = watched


def _shares(layer: Layer, seen: list[tuple[Array, Array]]) -> tuple[float, float, float]:
    """(saturated, dead, edge) of a layer that was watched."""
    probed = _slopes(layer, PROBE)
    steepest, ends = probed.max(), max(probed[0, 0], probed[-1, 0])
    edge = float(np.abs(PROBE[probed > FLAT * steepest]).max(initial=0.0))
    z = np.concatenate([z.reshape(-1, z.shape[-1] if z.ndim > 1 else 1) for z, _ in seen])
    slopes = _slopes(layer, z) / steepest
    if ends <= FLAT * steepest:
        return float(((slopes <= FLAT).mean(axis=0) >= OFTEN).mean()), 0.0, edge
    return 0.0, float((slopes <= NO_SLOPE).all(axis=0).mean()), edge


def _slopes(layer: Layer, z: Array) -> Array:
    """|f'(z)|: what backward makes of ones."""
    layer.training = True
    type(layer).forward(layer, z)
    return np.abs(layer.backward(np.ones_like(z)))


def _has_slopes(layer: Layer) -> bool:
    try:
        _slopes(layer, PROBE)
    except TinynnError:  # Step refuses
        return False
    return True


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
