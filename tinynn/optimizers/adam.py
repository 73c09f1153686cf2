"""Adam and its relatives: a mean of the gradients over the root of a mean of their squares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import fraction, not_negative
from tinynn.errors import DtypeError
from tinynn.optimizers.adaptive import decay_mean, decay_square
from tinynn.optimizers.base import Optimizer

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


class _AdamFamily(Optimizer):
    """The two fading means, m of g and v of g², and their corrections for the start at 0; abstract."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square")
    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        parameters: Any,
        learning_rate: Rate,
        *,
        betas: tuple[float, float],
        epsilon: float,
        weight_decay: float,
        l1_decay: float,
    ) -> None:
        name = type(self).__name__
        self.betas = as_betas(name, betas)
        self.epsilon = not_negative(f"{name}: epsilon", epsilon)
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, l1_decay=l1_decay)

    def prepare(self) -> None:
        self._correction = 1.0 - math.pow(self.betas[0], self.steps)
        self._square_correction = 1.0 - math.pow(self.betas[1], self.steps)

    def _means(self, grad: Array, mean: Array, mean_square: Array, scratch: Array) -> None:
        decay_mean(mean, grad, self.betas[0], scratch)
        decay_square(mean_square, grad, self.betas[1], scratch)


class Adam(_AdamFamily):
    """Adaptive moments.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²
    w ← w − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
    amsgrad: v̂ from the largest v so far

    PyTorch's form: ε beside the root of the corrected v̂ (Keras and scikit-learn: "ε-hat", beside √v).

    Parameters: parameters, learning_rate, weight_decay (L2, into the gradient), l1_decay as in Optimizer;
    betas, (β₁, β₂); epsilon; amsgrad.
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
    ) -> None:
        self.amsgrad = bool(amsgrad)
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            epsilon=epsilon,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
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


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights instead of joining the gradient.

    w ← (1 − η λ) w, then Adam's step

    Parameters: parameters, learning_rate, l1_decay as in Optimizer; weight_decay, λ = 0.01 as in PyTorch
    (Keras: 0.004, optax: 0.0001); betas, (β₁, β₂); epsilon; amsgrad.
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
    ) -> None:
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            epsilon=epsilon,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )


class NAdam(_AdamFamily):
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


class RAdam(_AdamFamily):
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
            np.add(change, self.epsilon, change)
            np.divide(mean, change, change)
            np.multiply(change, rate * rectification * math.sqrt(self._square_correction), change)
        np.subtract(value, change, value)


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
        np.multiply(mean, self.betas[0], change)
        np.multiply(grad, 1.0 - self.betas[0], term)
        np.add(change, term, change)
        np.sign(change, change)
        np.multiply(change, learning_rate, change)
        np.subtract(value, change, value)
        decay_mean(mean, grad, self.betas[1], term)


def as_betas(name: str, betas: Any) -> tuple[float, float]:
    """(β₁, β₂), each at least 0 and below 1."""
    if not (isinstance(betas, (tuple, list)) and len(betas) == 2):
        raise DtypeError(f"{name}: betas must be two numbers (β₁, β₂), got {betas!r}")
    return fraction(f"{name}: betas[0]", betas[0]), fraction(f"{name}: betas[1]", betas[1])
