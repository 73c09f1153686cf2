"""How a chain of layers runs once the shape of its input has been seen: without looking anything up.

The shape of x settles the shapes of all bound layers that follow one another; their inputs and gradients
are the same arrays in every step. Such a run of layers is a Segment: two flat lists of NumPy calls. Other
layers, custom ones say, are called as anybody would call them, between segments: they cost their own time
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError
from tinynn.layers.bound import BoundLayer
from tinynn.layers.stages import listed, run

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._buffers import Buffers
    from tinynn.layers.base import Layer
    from tinynn.layers.stages import Call, Stage


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
        forward = [part.forward for part in self._parts]
        if self._parts and isinstance(self._parts[0], Segment):
            forward[0] = self._parts[0].trusted_forward  # the plan's own shape and dtype vouch for x
        #: y, for an x of the shape that was seen.
        self.forward: Callable[[Array], Array] = _chained(forward)
        #: The parameters' gradients alone, from ∂C/∂y.
        self.backward_parameters = _chained(
            [*(part.backward for part in trained[:-1]), *(part.backward_parameters for part in trained[-1:])]
        )
        self.version = LAYOUT.version
        return x

    def resume(self) -> None:
        """Bind the layers as this plan had them: another shape has come between."""
        for part in self._parts:
            part.resume()

    def backward(self, grad: Array) -> Array:
        """∂C/∂x, and the parameters' gradients."""
        for part in reversed(self._parts):
            grad = part.backward(grad)
        return grad


class Caller:
    """A layer of any other kind, called by its public methods; what it returns must keep the dtype."""

    def __init__(self, owner: str, place: int, layer: Layer) -> None:
        self._owner, self._place, self._layer = owner, place, layer
        self.backward_parameters = layer.backward_parameters

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


class Segment:
    """Bound layers that follow one another: `head` is called with x, the rest are calls listed once.

    Activations write over what they read where they may, and gradients take turns in two arrays.
    """

    def __init__(self, layers: Sequence[Layer], x: Array, buffers: Buffers, place: int) -> None:
        self._layers: list[BoundLayer] = list(layers)  # type: ignore[arg-type]
        self._head, self._tail = self._layers[0], self._layers[-1]
        y = self._head._join_plan(buffers, self._head._admit(x), None, over_input=False)
        stages = self._head._entered()
        for below, layer in pairwise(self._layers):
            over_input = layer.in_place and not below.reads_output
            y = layer._join_plan(buffers, layer._admit(y), None, over_input=over_input)
            stages += layer._forward_stages(layer._input)  # type: ignore[arg-type]
        self._enter, self._forward_calls, self._output = self._head._entering(), listed(stages), y
        self._share_gradients(buffers, place)
        #: The gradient array of the last backward, and the calls for it if it came twice: a loss has but one.
        self._last: Array | None = None
        self._noted: Array | None = None
        self._bound = [layer._bound() for layer in self._layers]
        del self._bound[0]["_input"]  # forward sets it, and this batch need not live on

    def _share_gradients(self, buffers: Buffers, place: int) -> None:
        inputs: list[Array] = [layer._input for layer in self._layers[1:]]  # type: ignore[misc]
        size = max((x.size for x in inputs), default=0)
        turns = [buffers.take(f"gradients_{place}_{k}", (size,), self._output.dtype) for k in range(2) if size]
        for k, (layer, x) in enumerate(zip(self._layers[1:], inputs, strict=True)):
            layer._grad = turns[k % 2][: x.size].reshape(x.shape) if size else np.empty_like(x)

    def resume(self) -> None:
        """Bind the layers as this segment had them."""
        for layer, bound in zip(self._layers, self._bound, strict=True):
            vars(layer).update(bound)

    def trusted_forward(self, x: Array) -> Array:
        """The last layer's output, for an x that fits."""
        self._enter(x)
        for function, arguments in self._forward_calls:
            function(*arguments)
        return self._output

    def forward(self, x: Array) -> Array:
        """The same for an x from a layer that may change its mind about the shape."""
        if self._head._fits(x):
            return self.trusted_forward(x)
        for layer in self._layers:
            x = layer.forward(x)
        return x

    def backward(self, grad: Array) -> Array:
        """∂C/∂x of the head."""
        return self._head._backward(self._descend(grad))

    def backward_parameters(self, grad: Array) -> None:
        """The parameters' gradients alone."""
        if grad is not self._noted:
            grad = self._descend(grad)
            self._head._backward_parameters(grad)
        else:
            for function, arguments in self._backward_calls:
                function(*arguments)

    def _descend(self, grad: Array) -> Array:
        """∂C/∂(output of the head)."""
        if grad is self._noted:
            run(self._descent)
            return self._incoming
        given, grad = grad, self._tail._upstream(grad, self._output)
        if given is self._last and given is grad:
            self._note(grad)
        self._last = given
        for layer in self._layers[:0:-1]:
            grad = layer._backward(grad)
        return grad

    def _note(self, grad: Array) -> None:
        """List the calls of a backward pass that starts from this very array."""
        stages: list[Stage] = []
        incoming = grad
        for layer in self._layers[:0:-1]:
            stages += layer._backward_stages(incoming)
            incoming = layer._gradient()
        self._incoming = incoming
        self._descent = listed(stages)
        self._backward_calls: list[Call] = [*self._descent, *self._head._leaving(incoming)]
        self._noted = grad


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
