"""The calls that make up one training step of a chain of layers, listed once.

The shape of x settles the shapes of all bound layers that follow one another from the start of the
chain, and their inputs and gradients are the same arrays in every step. There a step is one flat list
of NumPy calls with their arguments. A layer of another kind (a custom one, say) and those after it are
called as anybody would call them, checks included: a custom layer costs its own time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinynn._buffers import LAYOUT
from tinynn.layers.bound import BoundLayer

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype
    from tinynn.layers.base import Layer
    from tinynn.layers.bound import Call


class Plan:
    """How `layers`, just run forward in training mode, run again for inputs of the same shape.

    `key` is that shape and dtype, `first` the place of the first layer with parameters, if any. Once
    `version` differs from the layout's, some array has moved and the plan must not be used.
    """

    def __init__(self, layers: Sequence[Layer], key: tuple[tuple[int, ...], Dtype]) -> None:
        self.version, self.key = LAYOUT.version, key
        self._layers = list(layers)
        self._chain = bound_from_start(layers)
        self._rest = self._layers[len(self._chain) :]
        # The first layer's input is another array in every step, so it is called by its method.
        self._entry = self._chain[0]._forward if self._chain else None
        self._forward_calls = [call for layer in self._chain[1:] for call in layer.planned_forward()]
        self._output = self._chain[-1]._output if self._chain else None
        self.first = next((k for k, layer in enumerate(layers) if layer.parameters()), None)
        self._grad: Array | None = None

    def forward(self, x: Array) -> Array:
        """y, for an x of the shape that was seen."""
        if self._entry is not None:
            self._entry(x)
            for function, arguments in self._forward_calls:
                function(*arguments)
            x = self._output  # type: ignore[assignment]
        for layer in self._rest:
            x = layer.forward(x)
        return x

    def backward_parameters(self, grad: Array) -> None:
        """The parameters' gradients; layers before the first with parameters are left out."""
        if grad is self._grad:
            # The loss's own array once more, which the layers have accepted already.
            for function, arguments in self._backward_calls:
                function(*arguments)
        elif self.first is not None:
            first, above = self._layers[self.first], self._layers[: self.first : -1]
            incoming = grad
            for layer in above:
                incoming = layer.backward(incoming)
            first.backward_parameters(incoming)
            self._note(grad)

    def _note(self, grad: Array) -> None:
        """List the calls of a backward pass that starts from this very array, if all layers are bound."""
        if self._rest or grad.dtype is not self.key[1]:
            return  # a gradient of another dtype is converted anew in each call
        first: int = self.first  # type: ignore[assignment]
        self._backward_calls: list[Call] = []
        incoming = grad
        for layer in self._chain[:first:-1]:
            self._backward_calls += layer._backward_calls(incoming)
            incoming = layer._grad
        self._backward_calls.append((self._chain[first]._backward_parameters, (incoming,)))
        self._grad = grad


def bound_from_start(layers: Sequence[Layer]) -> list[BoundLayer]:
    """The bound layers before the first of another kind."""
    chain: list[BoundLayer] = []
    for layer in layers:
        if not (isinstance(layer, BoundLayer) and layer.training):
            break
        chain.append(layer)
    return chain
