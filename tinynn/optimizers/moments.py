"""What Adam and its relatives share: fading means of the gradients and of their squares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import fraction, not_negative
from tinynn.errors import DtypeError
from tinynn.optimizers.base import Optimizer

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate
    from tinynn.optimizers.scratch import Operands


class Moments(Optimizer):
    """The two fading means, m of g and v of g², and their corrections for the start at 0; abstract."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square")
    elementwise: ClassVar[bool] = True
    #: 1 − β₁ᵗ and 1 − β₂ᵗ, from the first step on.
    _correction, _square_correction = 1.0, 1.0

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        name = type(self).__name__
        self.betas = as_betas(name, betas)
        self.epsilon = not_negative(f"{name}: epsilon", epsilon)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay, fused=fused)

    def prepare(self) -> None:
        self._correction = 1.0 - math.pow(self.betas[0], self.steps)
        self._square_correction = 1.0 - math.pow(self.betas[1], self.steps)

    def _means(self, grad: Array, mean: Array, mean_square: Array, scratch: Array) -> None:
        """m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²."""
        decay_mean(mean, grad, self.betas[0], scratch, self._operands)
        decay_square(mean_square, grad, self.betas[1], scratch, self._operands)


def as_betas(name: str, betas: Any) -> tuple[float, float]:
    """(β₁, β₂), each at least 0 and below 1."""
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        raise DtypeError(f"{name}: betas must be two numbers (β₁, β₂), got {betas!r}")
    return fraction(f"{name}: betas[0]", betas[0]), fraction(f"{name}: betas[1]", betas[1])


def decay_mean(mean: Array, x: Array, decay: float, scratch: Array, operands: Operands) -> None:
    """mean ← decay · mean + (1 − decay) x."""
    np.multiply(mean, operands[decay], mean)
    np.multiply(x, operands[1.0 - decay], scratch)
    np.add(mean, scratch, mean)


def decay_square(mean_square: Array, x: Array, decay: float, scratch: Array, operands: Operands) -> None:
    """mean_square ← decay · mean_square + (1 − decay) x²."""
    np.multiply(mean_square, operands[decay], mean_square)
    np.square(x, scratch)
    np.multiply(scratch, operands[1.0 - decay], scratch)
    np.add(mean_square, scratch, mean_square)
