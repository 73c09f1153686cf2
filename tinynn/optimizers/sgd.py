"""Gradient descent, with momentum if asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import flag, fraction, not_negative
from tinynn.errors import InvalidValueError
from tinynn.optimizers import compiled
from tinynn.optimizers.base import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.optimizers.groups import Rate
    from tinynn.optimizers.scratch import Scratch


class SGD(Optimizer):
    """Gradient descent: true SGD, mini-batch or batch, as the batch size has it.

    w ← w − η g                                                      plain
    b ← μ b + (1 − d) g, w ← w − η b                                 momentum μ, dampening d; b = g at first
    b as above, w ← w − η (g + μ b)                                  Nesterov

    The learning rate stands outside the velocity, as in PyTorch (Keras and scikit-learn put it inside).

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; momentum, μ from 0 to
    below 1; dampening, d; nesterov, which needs momentum and no dampening; fused as in Optimizer.
    Source: Nielsen ch. 1, eq. 20–21; Sutskever et al. (2013).

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = SGD([w], learning_rate=0.1)
    >>> for _ in range(3):
    ...     w.grad = 2 * w.value  # the parabola w²
    ...     optimizer.step()
    >>> w.value.round(3)
    array([0.512], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ("velocity",)
    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.01,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        self.momentum = fraction("SGD: momentum", momentum)
        self.dampening = not_negative("SGD: dampening", dampening)
        self.nesterov = flag("SGD: nesterov", nesterov)
        if self.nesterov and (not self.momentum or self.dampening):
            raise InvalidValueError(
                f"SGD: nesterov needs momentum above 0 and dampening 0, got {momentum=} and {dampening=}"
            )
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay, fused=fused)

    def _slot_names(self) -> tuple[str, ...]:
        return self.slots if self.momentum else ()

    def update(self, value: Array, grad: Array, learning_rate: float, *, velocity: Array | None = None) -> None:
        """w ← w − η g, or − η b with momentum."""
        step, change = grad, self.scratch("change", value)
        if velocity is not None:
            np.multiply(velocity, self.momentum, velocity)
            # All of the gradient enters at first, for the velocity is 0 then.
            np.multiply(grad, 1.0 if self.steps == 1 else 1.0 - self.dampening, change)
            step = np.add(velocity, change, velocity)
            if self.nesterov:
                np.multiply(velocity, self.momentum, change)
                step = np.add(change, grad, change)
        np.multiply(step, learning_rate, change)
        np.subtract(value, change, value)

    def numbers(self, learning_rate: float) -> tuple[float, ...]:
        """μ, 1 − d, η."""
        return self.momentum, 1.0 if self.steps == 1 else 1.0 - self.dampening, learning_rate

    def calls(self, value: Array, grad: Array, numbers: list[Array], scratch: Scratch, **slots: Array) -> list[Call]:
        """The calls that `update` makes."""
        momentum, share, rate = numbers
        step, change = grad, scratch.like("change", value)
        calls: list[Call] = []
        for velocity in slots.values():
            step = velocity
            calls += [(np.multiply, (velocity, momentum, velocity))]
            if self.dampening:
                calls += [(np.multiply, (grad, share, change)), (np.add, (velocity, change, velocity))]
            else:
                calls += [(np.add, (velocity, grad, velocity))]
        if self.nesterov:
            step = change
            calls += [(np.multiply, (velocity, momentum, change)), (np.add, (change, grad, change))]
        return [*calls, (np.multiply, (step, rate, change)), (np.subtract, (value, change, value))]

    def loop(self) -> Callable[..., None]:
        return compiled.nesterov if self.nesterov else compiled.sgd
