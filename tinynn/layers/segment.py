"""Bound layers that follow one another, as two flat lists of NumPy calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tinynn._calls import run
from tinynn.layers.one_thread import on_one_thread
from tinynn.layers.stages import listed

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._buffers import Buffers
    from tinynn._calls import Call
    from tinynn.layers.base import Layer
    from tinynn.layers.bound import BoundLayer
    from tinynn.layers.stages import Stage

    F = TypeVar("F", bound=Callable[..., object])

#: FLOPs of a product up to which OpenBLAS uses one thread anyway (m n k ≤ 2¹⁸), and of a segment's products on
#: average up to which one thread is no slower than two: the weights need not travel between the cores' caches
#: after each update. A step of 784-100-10, 32, takes 182 µs on one thread and 311 on two.
ALONE, SMALL = 2**19, 6_000_000


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

    def limit(self, function: F) -> F:
        """One of this segment's methods, as a plan should call it: on one thread if the products are small."""
        flops = [product for layer in self._layers for product in layer._products()]
        small = flops and max(flops) > ALONE and sum(flops) <= SMALL * len(flops)
        return on_one_thread(function) if small else function

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
