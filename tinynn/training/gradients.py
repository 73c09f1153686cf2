"""What happens to the gradient between backward and the optimizer's step: accumulation, then clipping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.optimizers import clip_norm, clip_value
from tinynn.optimizers.clipping import gradient_norm

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers import Optimizer


class Gradients:
    """Clips the gradient of an optimizer's parameters and makes its step.

    Parameters: optimizer; largest, the bound of each element (clip_value); norm, the bound of ‖g‖
    (clip_norm), applied after it; None for neither.
    """

    def __init__(self, optimizer: Optimizer, largest: float | None, norm: float | None) -> None:
        self.optimizer, self._largest, self._norm = optimizer, largest, norm
        #: ‖g‖ of the last step before it was bounded, None if it was not measured.
        self._measured: float | None = None

    @property
    def plain(self) -> bool:
        """Whether `step` is the optimizer's own."""
        return self._largest is None and self._norm is None

    def step(self) -> None:
        """Clip, then step."""
        grad = self.optimizer.vector.grad
        if self._largest is not None:
            clip_value(grad, self._largest)
        if self._norm is not None:
            self._measured = clip_norm(grad, self._norm)
        self.optimizer.step()

    def norm(self) -> float:
        """‖g‖ of the last step, before clip_norm and after clip_value."""
        return gradient_norm(self.optimizer.vector.grad) if self._measured is None else self._measured


class Accumulation:
    """The gradient of several batches as if they had been one: Σ nᵢ gᵢ / Σ nᵢ, nᵢ a batch's samples.

    Parameters: gradients, which makes the step; batches, how many make one.
    """

    def __init__(self, gradients: Gradients, batches: int) -> None:
        self._gradients, self._batches = gradients, batches
        self._sum = np.zeros_like(gradients.optimizer.vector.grad)
        self._scaled = np.empty_like(self._sum)
        self._weight, self._pending = 0.0, 0

    def add(self, weight: float) -> None:
        """Take in the gradient of one more batch; step when there are enough."""
        np.multiply(self._gradients.optimizer.vector.grad, weight, self._scaled)
        np.add(self._sum, self._scaled, self._sum)
        self._weight += weight
        self._pending += 1
        if self._pending == self._batches:
            self.finish()

    def finish(self) -> bool:
        """Step with what there is, as at the end of an epoch; whether there was anything."""
        if not self._pending:
            return False
        np.divide(self._sum, self._weight, self._gradients.optimizer.vector.grad)
        self._sum.fill(0.0)
        self._weight, self._pending = 0.0, 0
        self._gradients.step()
        return True

    def state_dict(self) -> dict[str, Any]:
        """What is pending."""
        pending: Array | None = self._sum.copy() if self._pending else None
        return {"sum": pending, "weight": self._weight, "pending": self._pending}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what was pending."""
        if state["sum"] is not None:
            self._sum[:] = state["sum"]
        self._weight, self._pending = float(state["weight"]), int(state["pending"])
