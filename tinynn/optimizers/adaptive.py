"""Rules that scale each parameter's step by the size of its past gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import fraction, not_negative, positive
from tinynn.optimizers.base import Optimizer
from tinynn.optimizers.moments import decay_mean, decay_square

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


class Adagrad(Optimizer):
    """Steps that shrink with all gradients so far.

    s ← s + g²,  w ← w − η' g / (√s + ε),  η' = η / (1 + (t − 1) d)

    PyTorch's form: ε outside the root, s₀ = 0 (Keras and optax: ε under the root, s₀ = 0.1).

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; epsilon;
    initial_accumulator, s₀; learning_rate_decay, d.
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
    ) -> None:
        self.epsilon = not_negative("Adagrad: epsilon", epsilon)
        self.initial_accumulator = not_negative("Adagrad: initial_accumulator", initial_accumulator)
        self.learning_rate_decay = not_negative("Adagrad: learning_rate_decay", learning_rate_decay)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay)
        self.state["sum_of_squares"].fill(self.initial_accumulator)

    def update(self, value: Array, grad: Array, learning_rate: float, *, sum_of_squares: Array) -> None:
        """s ← s + g², w ← w − η' g / (√s + ε)."""
        change = self.scratch("change", value)
        np.multiply(grad, grad, change)
        np.add(sum_of_squares, change, sum_of_squares)
        np.sqrt(sum_of_squares, change)
        np.add(change, self.epsilon, change)
        np.divide(grad, change, change)
        np.multiply(change, learning_rate / (1.0 + (self.steps - 1) * self.learning_rate_decay), change)
        np.subtract(value, change, value)


class RMSprop(Optimizer):
    """Adagrad with a memory that fades.

    v ← α v + (1 − α) g²,  w ← w − η g / d,  d = √v + ε
    centered: m ← α m + (1 − α) g,  d = √(v − m²) + ε
    momentum: b ← μ b + g / d,  w ← w − η b

    PyTorch's form: ε outside the root (Keras and optax: under it, 31 times apart at small g).

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; decay, α; epsilon;
    momentum, μ; centered.
    Source: Tieleman & Hinton (2012), lecture 6.5; Graves (2013) for the centered form.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = RMSprop([w], learning_rate=0.01)
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(3)
    array([0.9], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ("mean_square", "mean", "velocity")
    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.01,
        *,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        self.decay = fraction("RMSprop: decay", decay)
        self.epsilon = not_negative("RMSprop: epsilon", epsilon)
        self.momentum = fraction("RMSprop: momentum", momentum)
        self.centered = bool(centered)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay)

    def _slot_names(self) -> tuple[str, ...]:
        wanted = {"mean_square": True, "mean": self.centered, "velocity": self.momentum > 0}
        return tuple(name for name in self.slots if wanted[name])

    def update(
        self,
        value: Array,
        grad: Array,
        learning_rate: float,
        *,
        mean_square: Array,
        mean: Array | None = None,
        velocity: Array | None = None,
    ) -> None:
        """v ← α v + (1 − α) g², w ← w − η g / d."""
        change, term = self.scratch("change", value), self.scratch("term", value)
        decay_square(mean_square, grad, self.decay, term)
        if mean is None:
            np.sqrt(mean_square, change)
        else:
            decay_mean(mean, grad, self.decay, term)
            np.multiply(mean, mean, change)
            np.subtract(mean_square, change, change)
            np.maximum(change, 0.0, out=change)  # rounding alone can make the variance negative
            np.sqrt(change, change)
        np.add(change, self.epsilon, change)
        np.divide(grad, change, change)
        if velocity is not None:
            np.multiply(velocity, self.momentum, velocity)
            np.add(velocity, change, velocity)
            np.copyto(change, velocity)
        np.multiply(change, learning_rate, change)
        np.subtract(value, change, value)


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
        decay_square(mean_square, grad, self.decay, term)
        np.add(mean_square_change, self.epsilon, change)
        np.sqrt(change, change)
        np.add(mean_square, self.epsilon, term)
        np.sqrt(term, term)
        np.divide(change, term, change)
        np.multiply(change, grad, change)
        decay_square(mean_square_change, change, self.decay, term)
        np.multiply(change, learning_rate, change)
        np.subtract(value, change, value)
