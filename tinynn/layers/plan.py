"""How a chain of layers runs once the shape of its input has been seen: without looking anything up.

The shape of x settles the shapes of all bound layers that follow one another; their inputs and gradients
are the same arrays in every step. Such a run of layers is a Segment: two flat lists of NumPy calls. Other
layers, custom ones say, are called as anybody would call them, between segments: they cost their own time
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError
from tinynn.layers.bound import BoundLayer
from tinynn.layers.segment import Segment

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._buffers import Buffers
    from tinynn.layers.base import Layer

    F = TypeVar("F", bound=Callable[..., object])


class Plan:
    """How the layers of a container run in training mode for inputs of one shape and dtype.

    Once `version` differs from the layout's, some array has moved and the plan must not be used.
    Parameters: owner, the container's name for messages; layers; buffers, the container's.
    """

    def __init__(self, owner: str, layers: Sequence[Layer], buffers: Buffers) -> None:
        self._owner, self._layers, self._buffers = owner, layers, buffers
        #: The place of the first layer with parameters: those before it need no ∂C/∂x.
        self.first = next((k for k, layer in enumerate(layers) if layer.parameters()), len(layers))
        self._parts: list[Segment | Caller] = []

    def begin(self, x: Array) -> Array:
        """y for the first x, each part of the plan being made with the input that comes to it."""
        self.shape, self.dtype = x.shape, x.dtype
        trained: list[Segment | Caller] = []
        for k, layers in segments(self._layers, self.first):
            part = Segment(layers, x, self._buffers, k) if is_bound(layers[0]) else Caller(self._owner, k, layers[0])
            x = part.forward(x)
            self._parts.append(part)
            if k >= self.first:
                trained.insert(0, part)
        forward = [part.limit(part.forward) for part in self._parts]
        if self._parts and isinstance(head := self._parts[0], Segment):
            forward[0] = head.limit(head.trusted_forward)  # the plan's own shape and dtype vouch for x
        down = [part.limit(part.backward) for part in reversed(self._parts)]
        down_to_parameters: list[Callable[[Array], Any]] = [part.limit(part.backward) for part in trained[:-1]]
        down_to_parameters += [part.limit(part.backward_parameters) for part in trained[-1:]]
        #: y, for an x of the shape that was seen.
        self.forward: Callable[[Array], Array] = _chained(forward)
        #: ∂C/∂x from ∂C/∂y, and the parameters' gradients; these alone.
        self.backward, self.backward_parameters = _chained(down), _chained(down_to_parameters)
        self.version = LAYOUT.version
        return x

    def resume(self) -> None:
        """Bind the layers as this plan had them: another shape has come between."""
        for part in self._parts:
            part.resume()


class Caller:
    """A layer of any other kind, called by its public methods; what it returns must keep the dtype."""

    def __init__(self, owner: str, place: int, layer: Layer) -> None:
        self._owner, self._place, self._layer = owner, place, layer
        self.backward_parameters = layer.backward_parameters

    def limit(self, function: F) -> F:
        """The layer's own affair."""
        return function

    def resume(self) -> None:
        """Nothing is kept here."""

    def forward(self, x: Array) -> Array:
        y = self._layer.forward(x)
        if type(y) is np.ndarray and y.dtype is x.dtype:
            return y
        return same_dtype(self._owner, self._place, self._layer, "forward", x, y)

    def backward(self, grad: Array) -> Array:
        grad_x = self._layer.backward(grad)
        if type(grad_x) is np.ndarray and grad_x.dtype is grad.dtype:
            return grad_x
        return same_dtype(self._owner, self._place, self._layer, "backward", grad, grad_x)


def _chained(functions: Sequence[Callable[[Array], Any]]) -> Callable[[Array], Any]:
    """One after the other; a single one as it is, which saves a tiny network 0.15 µs."""
    if len(functions) == 1:
        return functions[0]

    def chained(x: Array) -> Any:
        for function in functions:
            x = function(x)
        return x

    return chained


def segments(layers: Sequence[Layer], first: int) -> Iterator[tuple[int, list[Layer]]]:
    """(place, layers) of each part: bound layers that follow one another, or one of another kind.

    The layer at `first` begins a part, so that the part can leave out ∂C/∂x.
    """
    run_of_layers: list[Layer] = []
    for k, layer in enumerate(layers):
        bound = is_bound(layer)
        if run_of_layers and (not bound or k == first):
            yield k - len(run_of_layers), run_of_layers
            run_of_layers = []
        if bound:
            run_of_layers.append(layer)
        else:
            yield k, [layer]
    if run_of_layers:
        yield len(layers) - len(run_of_layers), run_of_layers


def is_bound(layer: Layer) -> bool:
    """Whether a plan may pass over the public methods: not if a subclass has its own."""
    kind = type(layer)
    return (
        isinstance(layer, BoundLayer)
        and layer.training
        and kind.forward is BoundLayer.forward
        and kind.backward is BoundLayer.backward
        and kind.backward_parameters is BoundLayer.backward_parameters
    )


def same_dtype(owner: str, place: int, layer: Layer, what: str, given: Array, result: object) -> Array:
    """What a layer made of `given`, refused if it changed the dtype on the way."""
    if isinstance(result, np.ndarray) and result.dtype == given.dtype:
        return result
    got = f"an array of {result.dtype}" if isinstance(result, np.ndarray) else repr(result)
    raise DtypeError(
        f"{owner}: layer {place}, {layer!r}, was given {given.dtype} and its {what} returned "
        f"{got}; a layer computes in the dtype it is given (does it mix in arrays or parameters of another dtype? "
        "make them with dtype=np.float32, or convert the network with astype)"
    )
