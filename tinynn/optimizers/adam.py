"""Adam and AdamW: a mean of the gradients over the root of a mean of their squares."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import flag
from tinynn.optimizers import compiled
from tinynn.optimizers.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.optimizers.groups import Rate
    from tinynn.optimizers.scratch import Scratch


class Adam(Moments):
    """Adaptive moments.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
    w ← w − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
    amsgrad: v̂ from the largest v so far

    PyTorch's form: ε beside the root of the corrected v̂ (Keras and scikit-learn: "ε-hat", beside √v).

    Parameters: parameters, learning_rate, weight_decay (L2, into the gradient), l1_decay as in Optimizer;
    betas, (β₁, β₂); epsilon; amsgrad; fused as in Optimizer.
    Source: Kingma & Ba (2015), algorithm 1; Reddi, Kale & Kumar (2018) for AMSGrad.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = Adam([w], learning_rate=0.1)
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(3)
    array([0.9], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square", "largest_mean_square")

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        self.amsgrad = flag(f"{type(self).__name__}: amsgrad", amsgrad)
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            epsilon=epsilon,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
            fused=fused,
        )

    def _slot_names(self) -> tuple[str, ...]:
        return self.slots if self.amsgrad else self.slots[:2]

    def update(
        self,
        value: Array,
        grad: Array,
        learning_rate: float,
        *,
        mean: Array,
        mean_square: Array,
        largest_mean_square: Array | None = None,
    ) -> None:
        """w ← w − η m̂ / (√v̂ + ε)."""
        change = self.scratch("change", value)
        self._means(grad, mean, mean_square, change)
        if largest_mean_square is not None:
            np.maximum(largest_mean_square, mean_square, out=largest_mean_square)
            mean_square = largest_mean_square
        # √v̂ + ε = (√v + ε c) / c with c = √(1 − β₂ᵗ): c goes into the numbers, which saves a pass.
        root = math.sqrt(self._square_correction)
        np.sqrt(mean_square, change)
        np.add(change, self.epsilon * root, change)
        np.divide(mean, change, change)
        np.multiply(change, learning_rate * root / self._correction, change)
        np.subtract(value, change, value)

    def numbers(self, learning_rate: float) -> tuple[float, ...]:
        """β₁, 1 − β₁, β₂, 1 − β₂, ε c, η c / (1 − β₁ᵗ)."""
        (decay, square_decay), root = self.betas, math.sqrt(self._square_correction)
        rate = learning_rate * root / self._correction
        return decay, 1.0 - decay, square_decay, 1.0 - square_decay, self.epsilon * root, rate

    def calls(self, value: Array, grad: Array, numbers: list[Array], scratch: Scratch, **slots: Array) -> list[Call]:
        """The calls that `update` makes."""
        mean, mean_square, *largest = slots.values()
        decay, rest, square_decay, square_rest, epsilon, rate = numbers
        change = scratch.like("change", value)
        return [
            (np.multiply, (mean, decay, mean)),
            (np.multiply, (grad, rest, change)),
            (np.add, (mean, change, mean)),
            (np.multiply, (mean_square, square_decay, mean_square)),
            (np.square, (grad, change)),
            (np.multiply, (change, square_rest, change)),
            (np.add, (mean_square, change, mean_square)),
            *[(partial(np.maximum, out=array), (array, mean_square)) for array in largest],
            (np.sqrt, (largest[0] if largest else mean_square, change)),
            (np.add, (change, epsilon, change)),
            (np.divide, (mean, change, change)),
            (np.multiply, (change, rate, change)),
            (np.subtract, (value, change, value)),
        ]

    def loop(self) -> Callable[..., None]:
        return compiled.adam


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights instead of joining the gradient.

    w ← (1 − η λ) w, then Adam's step

    Parameters: parameters, learning_rate, l1_decay as in Optimizer; weight_decay, λ = 0.01 as in PyTorch
    (Keras: 0.004, optax: 0.0001); betas, (β₁, β₂); epsilon; amsgrad; fused as in Optimizer.
    Source: Loshchilov & Hutter (2019), algorithm 2.

    >>> from tinynn import Parameter
    >>> w = Parameter([1.0])
    >>> optimizer = AdamW([w], learning_rate=0.1)
    >>> w.grad = 2 * w.value
    >>> optimizer.step()
    >>> w.value.round(3)
    array([0.899], dtype=float32)
    """

    decoupled: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        l1_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            epsilon=epsilon,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
            fused=fused,
        )
