"""RAdam: Adam that warms itself up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.optimizers.moments import Moments

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


class RAdam(Moments):
    """Adam that waits with the adaptive step until v can be trusted.

    ρ∞ = 2 / (1 − β₂) − 1,  ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
    ρₜ > 5:  w ← w − η r m̂ √(1 − β₂ᵗ) / (√v + ε),  r² = (ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ)
    else:    w ← w − η m̂

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; betas, (β₁, β₂); epsilon.
    Source: Liu et al. (2020), algorithm 2, in PyTorch's form.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = RAdam([w], learning_rate=0.1)
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(3)
    array([0.8], dtype=float32)
    """

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            epsilon=epsilon,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )

    def _rectification(self) -> float | None:
        """r, or None while ρₜ ≤ 5."""
        limit = 2.0 / (1.0 - self.betas[1]) - 1.0
        length = limit - 2.0 * self.steps * math.pow(self.betas[1], self.steps) / self._square_correction
        if length <= 5.0:
            return None
        square: float = float(length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        return math.sqrt(square)

    def update(self, value: Array, grad: Array, learning_rate: float, *, mean: Array, mean_square: Array) -> None:
        """w ← w − η r m̂ √(1 − β₂ᵗ) / (√v + ε), or − η m̂ at first."""
        change = self.scratch("change", value)
        self._means(grad, mean, mean_square, change)
        rate, rectification = learning_rate / self._correction, self._rectification()
        if rectification is None:
            np.multiply(mean, rate, change)
        else:
            np.sqrt(mean_square, change)
            np.add(change, self.operand(self.epsilon), change)
            np.divide(mean, change, change)
            rate *= rectification * math.sqrt(self._square_correction)
            np.multiply(change, rate, change)
        np.subtract(value, change, value)
