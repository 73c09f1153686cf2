"""RMSprop: steps scaled by the size of the recent gradients."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import flag, fraction, not_negative
from tinynn._arrays import ZERO
from tinynn.optimizers import compiled
from tinynn.optimizers.base import Optimizer
from tinynn.optimizers.moments import decay_mean, decay_square

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.optimizers.groups import Rate
    from tinynn.optimizers.scratch import Scratch


class RMSprop(Optimizer):
    """Adagrad with a memory that fades.

    v ← α v + (1 − α) g²,  w ← w − η g / d,  d = √v + ε
    centered: m ← α m + (1 − α) g,  d = √(v − m²) + ε
    momentum: b ← μ b + g / d,  w ← w − η b

    PyTorch's form: ε outside the root (Keras and optax: under it, 31 times apart at small g).

    Parameters: parameters, learning_rate, weight_decay, l1_decay as in Optimizer; decay, α; epsilon;
    momentum, μ; centered; fused as in Optimizer.
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
        fused: bool = False,
    ) -> None:
        self.decay = fraction("RMSprop: decay", decay)
        self.epsilon = not_negative("RMSprop: epsilon", epsilon)
        self.momentum = fraction("RMSprop: momentum", momentum)
        self.centered = flag("RMSprop: centered", centered)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay, fused=fused)

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
        change = self.scratch("change", value)
        decay_square(mean_square, grad, self.decay, change, self._operands)
        if mean is None:
            np.sqrt(mean_square, change)
        else:
            decay_mean(mean, grad, self.decay, change, self._operands)
            np.square(mean, change)
            np.subtract(mean_square, change, change)
            np.maximum(change, self.operand(0.0), out=change)  # rounding alone can make the variance negative
            np.sqrt(change, change)
        np.add(change, self.operand(self.epsilon), change)
        np.divide(grad, change, change)
        step = change
        if velocity is not None:
            np.multiply(velocity, self.operand(self.momentum), velocity)
            step = np.add(velocity, change, velocity)
        np.multiply(step, learning_rate, change)
        np.subtract(value, change, value)

    def numbers(self, learning_rate: float) -> tuple[float, ...]:
        """α, 1 − α, ε, μ, η."""
        return self.decay, 1.0 - self.decay, self.epsilon, self.momentum, learning_rate

    def calls(self, value: Array, grad: Array, numbers: list[Array], scratch: Scratch, **slots: Array) -> list[Call]:
        """The calls that `update` makes."""
        mean_square, mean, velocity = (slots.get(name) for name in self.slots)
        decay, rest, epsilon, momentum, rate = numbers
        step = change = scratch.like("change", value)
        calls: list[Call] = [
            (np.multiply, (mean_square, decay, mean_square)),
            (np.square, (grad, change)),
            (np.multiply, (change, rest, change)),
            (np.add, (mean_square, change, mean_square)),
        ]
        if mean is None:
            calls += [(np.sqrt, (mean_square, change))]
        else:
            calls += [
                (np.multiply, (mean, decay, mean)),
                (np.multiply, (grad, rest, change)),
                (np.add, (mean, change, mean)),
                (np.square, (mean, change)),
                (np.subtract, (mean_square, change, change)),
                (partial(np.maximum, out=change), (change, ZERO[value.dtype])),
                (np.sqrt, (change, change)),
            ]
        calls += [(np.add, (change, epsilon, change)), (np.divide, (grad, change, change))]
        if velocity is not None:
            calls += [(np.multiply, (velocity, momentum, velocity)), (np.add, (velocity, change, velocity))]
            step = velocity
        return [*calls, (np.multiply, (step, rate, change)), (np.subtract, (value, change, value))]

    def loop(self) -> Callable[..., None]:
        return compiled.rmsprop
