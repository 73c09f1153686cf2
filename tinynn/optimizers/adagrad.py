"""Adagrad: steps that shrink with all gradients so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import not_negative
from tinynn.optimizers import compiled
from tinynn.optimizers.base import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.optimizers.groups import Rate
    from tinynn.optimizers.scratch import Scratch


class Adagrad(Optimizer):
    """Steps that shrink with all gradients so far.

    s ← s + g²,  w ← w − η' g / (√s + ε),  η' = η / (1 + (t − 1) d)

    PyTorch's form: ε outside the root, s₀ = 0 (Keras and optax: ε under the root, s₀ = 0.1).

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; epsilon;
    initial_accumulator, s₀; learning_rate_decay, d; fused as in Optimizer.
    Source: Duchi, Hazan & Singer (2011).

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = Adagrad([w], learning_rate=0.5)
    >>> for _ in range(2):
    ...     w.grad = 2 * w.value  # the parabola w²
    ...     optimizer.step()
    >>> w.value.round(3)
    array([0.276], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ("sum_of_squares",)
    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.01,
        *,
        epsilon: float = 1e-10,
        initial_accumulator: float = 0.0,
        learning_rate_decay: float = 0.0,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        self.epsilon = not_negative("Adagrad: epsilon", epsilon)
        self.initial_accumulator = not_negative("Adagrad: initial_accumulator", initial_accumulator)
        self.learning_rate_decay = not_negative("Adagrad: learning_rate_decay", learning_rate_decay)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay, fused=fused)
        self.state["sum_of_squares"].fill(self.initial_accumulator)

    def update(self, value: Array, grad: Array, learning_rate: float, *, sum_of_squares: Array) -> None:
        """s ← s + g², w ← w − η' g / (√s + ε)."""
        change = self.scratch("change", value)
        rate = learning_rate / (1.0 + (self.steps - 1) * self.learning_rate_decay)
        np.square(grad, change)
        np.add(sum_of_squares, change, sum_of_squares)
        np.sqrt(sum_of_squares, change)
        np.add(change, self.operand(self.epsilon), change)
        np.divide(grad, change, change)
        np.multiply(change, rate, change)
        np.subtract(value, change, value)

    def numbers(self, learning_rate: float) -> tuple[float, ...]:
        """ε, η'; before the first step as in it."""
        return self.epsilon, learning_rate / (1.0 + (self.steps and self.steps - 1) * self.learning_rate_decay)

    def calls(self, value: Array, grad: Array, numbers: list[Array], scratch: Scratch, **slots: Array) -> list[Call]:
        """The calls that `update` makes."""
        sum_of_squares, (epsilon, rate) = slots["sum_of_squares"], numbers
        change = scratch.like("change", value)
        return [
            (np.square, (grad, change)),
            (np.add, (sum_of_squares, change, sum_of_squares)),
            (np.sqrt, (sum_of_squares, change)),
            (np.add, (change, epsilon, change)),
            (np.divide, (grad, change, change)),
            (np.multiply, (change, rate, change)),
            (np.subtract, (value, change, value)),
        ]

    def loop(self) -> Callable[..., None]:
        return compiled.adagrad
