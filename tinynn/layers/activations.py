"""Activations: what a neuron makes of its weighted input z.

Each works element by element on an array of any shape. `_apply` writes a = f(z) into an array and
`_derive` writes ∂C/∂z = ∂C/∂a · f'(z) into another, from what forward left in `_input` (z) and
`_output` (a). Outputs of ufuncs are passed by position: that saves a keyword's 40 ns in each call.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arrays import HALF, ONE, ZERO, as_floats
from tinynn.errors import TinynnError
from tinynn.layers.bound import BoundLayer
from tinynn.layers.stages import Elementwise

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.layers.stages import Stage


class Activation(BoundLayer):
    """An element-wise function; abstract. A subclass writes `_apply` and `_derive`.

    Shapes: x (batch, …) -> the same shape; gradients likewise.
    """

    @abc.abstractmethod
    def _apply(self, z: Array, out: Array) -> None:
        """out = f(z)."""

    @abc.abstractmethod
    def _derive(self, grad: Array, out: Array) -> None:
        """out = ∂C/∂a · f'(z)."""

    def _admit(self, x: Any) -> Array:
        return as_floats(x, None, self)

    def _evaluate(self, x: Array) -> Array:
        output = np.empty(x.shape, x.dtype)
        self._apply(x, output)
        return output

    def _bind(self, x: Array, output: Array | None = None) -> None:
        self._output = self._buffers.take("output", x.shape, x.dtype) if output is None else output

    def _forward(self, x: Array) -> Array:
        output: Array = self._output  # type: ignore[assignment]
        self._input = x
        self._apply(x, output)
        return output

    def _backward(self, grad: Array) -> Array:
        grad_z = self._gradient()
        self._derive(grad, grad_z)
        return grad_z

    def _scratch(self, name: str, like: Array) -> Array:
        return self.buffer(name, like.shape, like.dtype)


class HotActivation(Activation):
    """An activation that also lists its calls, so that a plan can cut and share them; abstract.

    Its `_derive` reads the output and not the input, so a plan lets it write over its input.
    """

    in_place: ClassVar[bool] = True

    @abc.abstractmethod
    def _forward_calls(self, z: Array, a: Array) -> list[Call]:
        """`_apply` on some rows."""

    @abc.abstractmethod
    def _backward_calls(self, a: Array, grad: Array, out: Array) -> list[Call]:
        """`_derive` on some rows."""

    def _prediction_calls(self, x: Array) -> tuple[Array, list[Call]] | None:
        return x, self._forward_calls(x, x)

    def _forward_stages(self, x: Array) -> list[Stage]:
        self._input, a = x, self._output
        assert a is not None
        return [Elementwise(len(x), x.size, lambda rows: self._forward_calls(x[rows], a[rows]))]

    def _backward_stages(self, grad: Array) -> list[Stage]:
        a, out = self._output, self._gradient()
        assert a is not None
        return [Elementwise(len(a), a.size, lambda rows: self._backward_calls(a[rows], grad[rows], out[rows]))]


class Sigmoid(HotActivation):
    """The smooth neuron: 0 far below the threshold, 1 far above it.

    a = σ(z) = 1 / (1 + e⁻ᶻ) = ½ tanh(z / 2) + ½                     forward
    ∂C/∂z = ∂C/∂a · a (1 − a)                                        backward

    The tanh form cannot overflow and takes half the time of the exponential one (65,536 float32
    elements: 34 against 67 µs); its error is below 1e-7 (float32) or 2e-16 absolute, so the far left
    tail ends as 0.
    Shapes: x (batch, …) -> the same shape.
    Source: Nielsen ch. 1, eq. 3.

    >>> Sigmoid().forward(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[0. , 0.5, 1. ]])
    """

    def _apply(self, z: Array, out: Array) -> None:
        half = HALF[z.dtype]
        np.multiply(z, half, out)
        np.tanh(out, out)
        np.multiply(out, half, out)
        np.add(out, half, out)

    def _derive(self, grad: Array, out: Array) -> None:
        a: Array = self._output  # type: ignore[assignment]
        np.subtract(ONE[a.dtype], a, out)
        np.multiply(out, a, out)
        np.multiply(out, grad, out)

    def _forward_calls(self, z: Array, a: Array) -> list[Call]:
        half = HALF[z.dtype]
        return [
            (np.multiply, (z, half, a)),
            (np.tanh, (a, a)),
            (np.multiply, (a, half, a)),
            (np.add, (a, half, a)),
        ]

    def _backward_calls(self, a: Array, grad: Array, out: Array) -> list[Call]:
        return [
            (np.subtract, (ONE[a.dtype], a, out)),
            (np.multiply, (out, a, out)),
            (np.multiply, (out, grad, out)),
        ]


class Tanh(HotActivation):
    """The sigmoid stretched to (−1, 1).

    a = tanh z                                                       forward
    ∂C/∂z = ∂C/∂a · (1 − a²)                                         backward

    Shapes: x (batch, …) -> the same shape.
    Source: LeCun et al. (1998), Efficient BackProp, section 4.4.

    >>> Tanh().forward(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[-1.,  0.,  1.]])
    """

    def _apply(self, z: Array, out: Array) -> None:
        np.tanh(z, out)

    def _derive(self, grad: Array, out: Array) -> None:
        a: Array = self._output  # type: ignore[assignment]
        np.multiply(a, a, out)
        np.subtract(ONE[a.dtype], out, out)
        np.multiply(out, grad, out)

    def _forward_calls(self, z: Array, a: Array) -> list[Call]:
        return [(np.tanh, (z, a))]

    def _backward_calls(self, a: Array, grad: Array, out: Array) -> list[Call]:
        return [
            (np.multiply, (a, a, out)),
            (np.subtract, (ONE[a.dtype], out, out)),
            (np.multiply, (out, grad, out)),
        ]


class Step(Activation):
    """The perceptron's threshold: 1 where z > 0, else 0.

    a = [z > 0]                                                      forward

    Its derivative is 0 wherever it exists, so no small change of a weight changes the output and
    gradient descent has nothing to follow: backward is refused. This is why neurons are made smooth.
    Shapes: x (batch, …) -> the same shape.
    Raises: TinynnError from backward.
    Source: Rosenblatt (1958); Nielsen ch. 1, eq. 1.

    >>> Step().forward(np.array([[-0.5, 0.0, 0.5]]))
    array([[0., 0., 1.]])
    """

    def _apply(self, z: Array, out: Array) -> None:
        np.greater(z, ZERO[z.dtype], out)

    def backward(self, grad: Array) -> Array:
        """Refused."""
        raise TinynnError(
            "Step(): a threshold has derivative 0 everywhere but at the jump, so it cannot be trained by gradients; "
            "use a smooth neuron such as Sigmoid(), or keep Step for predict"
        )

    def _derive(self, grad: Array, out: Array) -> None:
        self.backward(grad)
