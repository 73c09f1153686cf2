"""Adadelta: steps in the units of the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import fraction, positive
from tinynn.optimizers.base import Optimizer
from tinynn.optimizers.moments import decay_square

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


class Adadelta(Optimizer):
    """Steps in the units of the parameters: past changes over past gradients.

    v ← ρ v + (1 − ρ) g²,  Δ = √(u + ε) / √(v + ε) · g,  u ← ρ u + (1 − ρ) Δ²,  w ← w − η Δ

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; decay, ρ; epsilon.
    Source: Zeiler (2012), algorithm 1; ε under both roots, as there and in PyTorch.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = Adadelta([w])
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(4)
    array([0.9968], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ("mean_square", "mean_square_change")
    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 1.0,
        *,
        decay: float = 0.9,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        self.decay = fraction("Adadelta: decay", decay)
        self.epsilon = positive("Adadelta: epsilon", epsilon)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay)

    def update(
        self,
        value: Array,
        grad: Array,
        learning_rate: float,
        *,
        mean_square: Array,
        mean_square_change: Array,
    ) -> None:
        """Δ = √(u + ε) / √(v + ε) · g, w ← w − η Δ."""
        change, term = self.scratch("change", value), self.scratch("term", value)
        decay_square(mean_square, grad, self.decay, term, self._operands)
        np.add(mean_square_change, self.operand(self.epsilon), change)
        np.sqrt(change, change)
        np.add(mean_square, self.operand(self.epsilon), term)
        np.sqrt(term, term)
        np.divide(change, term, change)
        np.multiply(change, grad, change)
        decay_square(mean_square_change, change, self.decay, term, self._operands)
        np.multiply(change, learning_rate, change)
        np.subtract(value, change, value)
