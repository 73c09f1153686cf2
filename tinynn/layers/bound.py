"""Layers whose arrays are bound once for each shape of their input.

On a small network what Python does around the NumPy calls costs as much as the calls. So the built-in
hot layers look up shapes, buffers and views once, in `_bind`, and keep them as attributes; `_forward`
and `_backward` then are NumPy calls alone. The public `forward` and `backward` check their argument each
time; a Sequential that has seen a shape before need not (see plan.py). A 784-15-10 step with batch 10
takes 23 µs so, and 33 µs with layers that look everything up in each call.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from tinynn._buffers import LAYOUT
from tinynn.layers.base import Layer

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype

    #: A function and its arguments, ready to run in every step.
    Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


class BoundLayer(Layer):
    """Forward and backward in three parts: admit, bind, compute; abstract."""

    transient: ClassVar[tuple[str, ...]] = (*Layer.transient, "_shape", "_dtype", "_grad", "_planned")
    _shape: tuple[int, ...] | None = None
    _dtype: Dtype | None = None
    _grad: Array
    #: The input that somebody's plan counts on.
    _planned: Array | None = None

    @abc.abstractmethod
    def _admit(self, x: Any) -> Array:
        """x as an array that the layer accepts, or an error that says why not."""

    @abc.abstractmethod
    def _evaluate(self, x: Array) -> Array:
        """forward into fresh arrays, remembering nothing."""

    @abc.abstractmethod
    def _bind(self, x: Array) -> None:
        """Prepare `_output`, `_grad` and whatever `_forward` and `_backward` use, for inputs like x."""

    @abc.abstractmethod
    def _forward(self, x: Array) -> Array:
        """forward for an x of the bound shape: sets `_input`, fills and returns `_output`."""

    @abc.abstractmethod
    def _backward(self, grad: Array) -> Array:
        """backward for a gradient of the output's shape: fills and returns `_grad`."""

    def _backward_parameters(self, grad: Array) -> Any:
        """backward_parameters for a gradient of the output's shape."""
        self._backward(grad)

    def _forward_calls(self, x: Array) -> list[Call]:
        """`_forward` as a list of calls, for an x that is the same array in every step.

        A hot layer lists its NumPy calls here, so that a chain of layers runs as one flat list; its
        `_forward` is the same in readable form, and the tests hold the two equal to the last bit.
        """
        return [(self._forward, (x,))]

    def planned_forward(self) -> list[Call]:
        """`_forward_calls` for the present input; another input will tell those who noted them."""
        self._planned = self._input
        return self._forward_calls(self._input)  # type: ignore[arg-type]

    def _backward_calls(self, grad: Array) -> list[Call]:
        """`_backward` as a list of calls, for a grad that is the same array in every step."""
        return [(self._backward, (grad,))]

    def _refresh(self) -> None:
        """Look the parameters' arrays up again if they have moved."""

    def _fits(self, x: Any) -> bool:
        return type(x) is np.ndarray and x.shape == self._shape and x.dtype is self._dtype

    def forward(self, x: Any) -> Array:
        if not self.training:
            return self._evaluate(self._admit(x))
        if not self._fits(x):
            x = self._admit(x)
            if not self._fits(x):
                self._bind(x)
                self._shape, self._dtype = x.shape, x.dtype
                LAYOUT.version += 1
        if self._planned is not None and x is not self._planned:
            self._planned = None
            LAYOUT.version += 1
        self._refresh()
        return self._forward(x)

    def backward(self, grad: Any) -> Array:
        grad = self._upstream(grad, self._output)
        self._refresh()
        return self._backward(grad)

    def backward_parameters(self, grad: Any) -> None:
        grad = self._upstream(grad, self._output)
        self._refresh()
        self._backward_parameters(grad)

    def _upstream(self, grad: Any, output: Array | None) -> Array:
        fits = self.training and type(grad) is np.ndarray and output is not None
        if fits and grad.shape == output.shape and grad.dtype is output.dtype:  # type: ignore[union-attr]
            return grad  # type: ignore[no-any-return]
        return super()._upstream(grad, output)
