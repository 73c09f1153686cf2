"""Lion: steps of one size, in the direction of a sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn.optimizers.base import Optimizer
from tinynn.optimizers.moments import as_betas, decay_mean

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


class Lion(Optimizer):
    """The sign of an interpolated momentum: every parameter moves by η.

    c = β₁ m + (1 − β₁) g,  w ← w − η (sign(c) + λ w),  m ← β₂ m + (1 − β₂) g

    Parameters: parameters, learning_rate, l1_decay as in Optimizer; betas, (β₁, β₂); weight_decay, λ,
    decoupled as in AdamW.
    Source: Chen et al. (2023), algorithm 2.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = Lion([w], learning_rate=0.1)
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(3)
    array([0.9], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ("mean",)
    elementwise: ClassVar[bool] = True
    decoupled: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.0001,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        self.betas = as_betas("Lion", betas)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay)

    def update(self, value: Array, grad: Array, learning_rate: float, *, mean: Array) -> None:
        """w ← w − η sign(β₁ m + (1 − β₁) g)."""
        change, term = self.scratch("change", value), self.scratch("term", value)
        np.multiply(mean, self.operand(self.betas[0]), change)
        np.multiply(grad, self.operand(1.0 - self.betas[0]), term)
        np.add(change, term, change)
        np.sign(change, change)
        np.multiply(change, learning_rate, change)
        np.subtract(value, change, value)
        decay_mean(mean, grad, self.betas[1], term, self._operands)
