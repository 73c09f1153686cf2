"""Layers whose arrays are bound once for each shape of their input.

On a small network what Python does around the NumPy calls costs as much as the calls. So the built-in
hot layers look up shapes, buffers and views once, in `_bind`, and keep them as attributes; `_forward`
and `_backward` then are NumPy calls alone. The public `forward` and `backward` check their argument each
time; a Sequential that has seen a shape before need not (see plan.py).
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._buffers import LAYOUT
from tinynn.layers.base import Layer

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype
    from tinynn._calls import Call
    from tinynn.layers.stages import Stage


class BoundLayer(Layer):
    """Forward and backward in three parts: admit, bind, compute; abstract."""

    transient: ClassVar[tuple[str, ...]] = (*Layer.transient, "_shape", "_dtype", "_grad", "_planner")
    #: Whether forward may write its output over its input, which backward then does not read.
    in_place: ClassVar[bool] = False
    #: Whether backward reads what forward returned.
    reads_output: ClassVar[bool] = True
    _shape: tuple[int, ...] | None = None
    _dtype: Dtype | None = None
    #: Where backward writes ∂C/∂x; None until it is needed.
    _grad: Array | None = None
    #: Whose plan runs this layer past its public methods, in arrays that layers share.
    _planner: object = None

    @abc.abstractmethod
    def _admit(self, x: Any) -> Array:
        """x as an array that the layer accepts, or an error that says why not."""

    @abc.abstractmethod
    def _evaluate(self, x: Array) -> Array:
        """forward into fresh arrays, remembering nothing."""

    @abc.abstractmethod
    def _bind(self, x: Array, output: Array | None = None) -> None:
        """Prepare `_output`, in the array given if any, and what `_forward` and `_backward` use, for inputs like x."""

    @abc.abstractmethod
    def _forward(self, x: Array) -> Array:
        """forward for an x of the bound shape: sets `_input`, fills and returns `_output`."""

    @abc.abstractmethod
    def _backward(self, grad: Array) -> Array:
        """backward for a gradient of the output's shape: fills and returns `_grad`."""

    def _backward_parameters(self, grad: Array) -> Any:
        """backward_parameters for a gradient of the output's shape."""
        self._backward(grad)

    # ---- the same as stages, for a plan: what is hot lists its NumPy calls, the tests hold both equal ----
    def _entering(self) -> Callable[[Array], Any]:
        """The part of `_forward` that depends on which array x is, as a function of x; `_entered` lists the rest."""
        return self._forward

    def _entered(self) -> list[Stage]:
        return []

    def _forward_stages(self, x: Array) -> list[Stage]:
        """`_forward` for an x that is the same array in every step."""
        return [(self._forward, (x,))]

    def _backward_stages(self, grad: Array) -> list[Stage]:
        """`_backward` for a grad that is the same array in every step, the input too."""
        return [(self._backward, (grad,))]

    def _leaving(self, grad: Array) -> list[Call]:
        """`_backward_parameters` for a grad that is the same array in every step, whatever array x was."""
        return [(self._backward_parameters, (grad,))]

    def _products(self) -> list[int]:
        """FLOPs of each matrix product of forward, once bound."""
        return []

    def _gradient(self) -> Array:
        """The array for ∂C/∂x."""
        if self._grad is None:
            self._grad = self._buffers.take("grad", self._input.shape, self._input.dtype)  # type: ignore[union-attr]
        return self._grad

    def _join_plan(self, planner: object, x: Array, grad: Array | None, *, over_input: bool) -> Array:
        """Bind to x and to a plan's array for ∂C/∂x; returns the output's array, which may be x itself."""
        if self._planner is not planner:
            if self._planner is not None:
                LAYOUT.version += 1  # another plan counts on this layer
            self._planner = planner
        self._bind(x, x if over_input else None)
        self._shape, self._dtype, self._input, self._grad = x.shape, x.dtype, x, grad
        self._refresh()
        return self._output  # type: ignore[return-value]

    def _leave_plan(self) -> None:
        """Arrays of its own again, since somebody calls this layer by hand; the plan is void."""
        self._planner = self._shape = self._grad = None
        self._buffers.release("output")
        LAYOUT.version += 1

    def _bound(self) -> dict[str, Any]:
        """What binding has set, for a plan that returns to these arrays later."""
        return {name: vars(self)[name] for name in self.transient if name in vars(self) and name != "_buffers"}

    # ---- what everybody calls ------------------------------------------------------------------------
    def _refresh(self) -> None:
        """Look the parameters' arrays up again if they have moved."""

    def _fits(self, x: Any) -> bool:
        return type(x) is np.ndarray and x.shape == self._shape and x.dtype is self._dtype

    def forward(self, x: Any) -> Array:
        if not self.training:
            return self._evaluate(self._admit(x))
        if self._planner is not None:
            self._leave_plan()
        if not self._fits(x):
            x = self._admit(x)
            if not self._fits(x):
                self._bind(x)
                self._shape, self._dtype, self._grad = x.shape, x.dtype, None
        self._refresh()
        return self._forward(x)

    def backward(self, grad: Any) -> Array:
        grad = self._upstream(grad, self._output)
        if self._planner is not None:
            self._leave_plan()
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
