"""A chain of layers: the network of the lecture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from tinynn._arguments import shown
from tinynn._arrays import as_floats, as_rng
from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError
from tinynn.layers.base import Layer
from tinynn.layers.containers import Container
from tinynn.layers.plan import Plan
from tinynn.layers.prediction import SMALL, Predictions

if TYPE_CHECKING:
    from tinynn._arrays import Array, Rng

#: Shapes whose plans are kept.
SHAPES = 4


class Sequential(Container):
    """Layers one after the other.

    y = fₙ(… f₂(f₁(x)))                                              forward
    ∂C/∂x = J₁ᵀ J₂ᵀ … Jₙᵀ ∂C/∂y, from the last layer to the first    backward

    Parameters: layers, in order; rng: if given, every layer is initialised anew from it, in order.
    Shapes: as its layers say; x (batch, …).
    Raises: StateError if one layer stands in two places; DtypeError if a layer changes the dtype.

    >>> from tinynn import Dense, Sigmoid
    >>> model = Sequential(Dense(784, 30), Sigmoid(), Dense(30, 10), Sigmoid(), rng=0)
    >>> model
    Sequential(Dense(784, 30), Sigmoid(), Dense(30, 10), Sigmoid())
    >>> model.forward(np.zeros((5, 784))).shape, len(model), model[:2]
    ((5, 10), 4, Sequential(Dense(784, 30), Sigmoid()))
    """

    transient: ClassVar[tuple[str, ...]] = (*Container.transient, "_plan", "_plans", "_predictions")
    #: How the next step runs without looking anything up; None until a forward in training mode.
    _plan: Plan | None = None
    #: The plans for other shapes: an epoch's last batch is smaller.
    _plans: tuple[Plan, ...] = ()
    #: Evaluations of small inputs; None until a first `predict`.
    _predictions: Predictions | None = None

    def __init__(self, *layers: Layer, rng: Rng = None) -> None:
        super().__init__(*layers)
        if rng is not None:
            self.initialize(as_rng(rng, "Sequential: rng"))

    def append(self, layer: Layer) -> Sequential:
        """Add a layer at the end, return self; an optimizer must be built after it."""
        self._append(layer)
        self._plan, self._plans, self._predictions = None, (), None
        return self

    def forward(self, x: Any) -> Array:
        """Each layer's output is the next one's input."""
        plan = self._plan
        if (
            plan is not None
            and plan.version == LAYOUT.version
            and type(x) is np.ndarray
            and x.shape == plan.shape
            and x.dtype is plan.dtype
            and self.training
        ):
            return plan.forward(x)
        if not self.training and type(x) is np.ndarray and (x.shape, x.dtype) == self._seen:
            return self._evaluate(x)
        return self._checked_forward(x)

    def _evaluate(self, x: Array) -> Array:
        for layer in self._layers:
            x = layer.forward(x)
        return x

    def _checked_forward(self, x: Any) -> Array:
        """forward with every check; what passed is trusted until something moves or x has another shape."""
        y = self._admit(x)
        if self.training:
            return self._planned_forward(y)
        seen = y.shape, y.dtype
        for k, layer in enumerate(self._layers):
            y = self._checked(k, "forward", y, layer.forward(y))
        self._seen = seen
        return y

    def _planned_forward(self, x: Array) -> Array:
        """forward by an earlier plan for this shape, or by a new one."""
        plans = [plan for plan in self._plans if plan.version == LAYOUT.version]
        self._plan, self._plans = None, ()  # whatever goes wrong now, no plan is half bound
        for plan in plans:
            if plan.shape == x.shape and plan.dtype is x.dtype:
                plan.resume()
                y = plan.forward(x)
                break
        else:
            plan = Plan(type(self).__name__, self._layers, self._buffers)
            y = plan.begin(x)
            # A larger batch has moved all buffers to larger ones, which the earlier plans do not use.
            plans = [plan, *(earlier for earlier in plans if math.prod(earlier.shape) >= x.size)][:SHAPES]
        self._plan, self._plans = plan, tuple(plans)
        return y

    def backward(self, grad: Array) -> Array:
        """Each layer's ∂C/∂x is the ∂C/∂output of the one before."""
        plan = self._plan
        if plan is None or not self.training:
            raise self._needs_forward()
        grad = as_floats(grad, plan.dtype, self, "grad")
        return plan.backward(grad) if plan.version == LAYOUT.version else self._unplanned_backward(grad, 0)

    def backward_parameters(self, grad: Array) -> None:
        """As backward, but the first layer with parameters skips ∂C/∂x, the costliest product of all."""
        plan = self._plan
        if plan is None or not self.training:
            raise self._needs_forward()
        if type(grad) is not np.ndarray or grad.dtype is not plan.dtype:
            grad = as_floats(grad, plan.dtype, self, "grad")
        if plan.version == LAYOUT.version:
            plan.backward_parameters(grad)
        elif plan.first < len(self._layers):
            self._layers[plan.first].backward_parameters(self._unplanned_backward(grad, plan.first + 1))

    def _unplanned_backward(self, grad: Array, first: int) -> Array:
        """∂C/∂x of layer `first`, by the layers' public methods: something has moved since forward."""
        for k in range(len(self._layers) - 1, first - 1, -1):
            grad = self._checked(k, "backward", grad, self._layers[k].backward(grad))
        return grad

    def predict(self, x: Any, batch_size: int | None = None) -> Array:
        """As in Layer; small inputs of a shape seen before skip all that is not a NumPy call."""
        predictions = self._predictions
        if predictions is not None and type(x) is np.ndarray:
            y = predictions.predict(x)
            if y is not None and (batch_size is None or (type(batch_size) is int and batch_size > 0)):
                return y
        y = super().predict(x, batch_size)
        if type(x) is np.ndarray and x.dtype == y.dtype and 0 < x.size <= SMALL and self._chains():
            if self._predictions is None:
                self._predictions = Predictions()
            self._predictions.prepare(self._layers, x)
        return y

    def _chains(self) -> bool:
        """Whether forward is what this class says."""
        return type(self).forward is Sequential.forward

    def summary_rows(self, x: Array) -> list[tuple[Layer, int, Array]]:
        """As in Container, each layer on the output of the one before."""
        rows: list[tuple[Layer, int, Array]] = []
        for layer in self._layers:
            inside = layer.summary_rows(x)
            rows += [(inner, depth + 1, y) for inner, depth, y in inside]
            x = inside[0][2]
        return [(self, 0, x), *rows]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @overload
    def __getitem__(self, k: int) -> Layer: ...
    @overload
    def __getitem__(self, k: slice) -> Sequential: ...
    def __getitem__(self, k: int | slice) -> Layer | Sequential:
        """One layer, or a Sequential of some of the same layers; an IndexError beyond them."""
        try:
            if isinstance(k, bool):
                raise TypeError("a bool is no place")
            return Sequential(*self._layers[k]) if isinstance(k, slice) else self._layers[k]
        except (TypeError, ValueError, RuntimeError) as error:
            raise DtypeError(f"Sequential: expected a place or a slice of places, got {shown(k)}: {error}") from None
        except IndexError:
            raise IndexError(f"Sequential: there is no layer {k}, but {len(self)}, counted from 0") from None
