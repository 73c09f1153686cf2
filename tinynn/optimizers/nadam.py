"""NAdam: Adam that looks ahead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import not_negative
from tinynn.optimizers.moments import Moments

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


class NAdam(Moments):
    """Adam with Nesterov's look ahead.

    μₜ = β₁ (1 − ½ · 0.96^(t ψ)),  Πₜ = Π μ₁ … μₜ
    w ← w − η ((1 − μₜ) g / (1 − Πₜ) + μₜ₊₁ m / (1 − Πₜ₊₁)) / (√v̂ + ε)

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; betas, (β₁, β₂);
    epsilon; momentum_decay, ψ.
    Source: Dozat (2016), in PyTorch's form.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = NAdam([w], learning_rate=0.1)
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(4)
    array([0.8944], dtype=float32)
    """

    scalars: ClassVar[tuple[str, ...]] = ("momentum_product",)

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.002,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        self.momentum_decay = not_negative("NAdam: momentum_decay", momentum_decay)
        self.momentum_product = 1.0
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            epsilon=epsilon,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )

    def _momentum(self, t: int) -> float:
        return self.betas[0] * (1.0 - 0.5 * math.pow(0.96, t * self.momentum_decay))

    def prepare(self) -> None:
        super().prepare()
        self.momentum_product *= self._momentum(self.steps)

    def update(self, value: Array, grad: Array, learning_rate: float, *, mean: Array, mean_square: Array) -> None:
        """w ← w − η ((1 − μₜ) g / (1 − Πₜ) + μₜ₊₁ m / (1 − Πₜ₊₁)) / (√v̂ + ε)."""
        change, step = self.scratch("change", value), self.scratch("step", value)
        self._means(grad, mean, mean_square, change)
        now, ahead = self._momentum(self.steps), self._momentum(self.steps + 1)
        root = math.sqrt(self._square_correction)
        np.multiply(grad, (1.0 - now) / (1.0 - self.momentum_product), step)
        np.multiply(mean, ahead / (1.0 - self.momentum_product * ahead), change)
        np.add(step, change, step)
        np.sqrt(mean_square, change)
        np.add(change, self.epsilon * root, change)
        np.divide(step, change, change)
        np.multiply(change, learning_rate * root, change)
        np.subtract(value, change, value)
