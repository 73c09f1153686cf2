"""What is known about one wrong gradient when its cause is looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.prober import Claim, Prober
from tinynn.testing.report import ArrayReport, Report

if TYPE_CHECKING:
    from tinynn._arrays import Array


@dataclass
class Evidence:
    """What is known about one wrong gradient.

    output(value) is the function of the array in question; claimed(u) the code's gradient for another
    upstream gradient u, None where there is none; values all inputs and parameters by name; rows the
    batch size, None if there is no batch; attributes the subject's plain numbers by name.
    """

    report: Report
    array: ArrayReport
    upstream: Array
    output: Callable[[Array], Array]
    claimed: Callable[[Array], Array] | None
    values: dict[str, Array]
    rows: int | None = None
    attributes: dict[str, float] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return f"∂C/∂{self.array.name}"

    @property
    def value(self) -> Array:
        return self.values[self.array.name]

    @property
    def known(self) -> Array:
        """Which entries were differenced."""
        return np.isfinite(self.array.derivative)

    @property
    def code(self) -> Array:
        """The claimed entries that were differenced, 1-D."""
        return self.array.gradient[self.known]

    @property
    def true(self) -> Array:
        """Their numeric derivatives, 1-D."""
        return self.array.derivative[self.known]

    def true_for(self, upstream: Array, value: Array | None = None) -> Array:
        """The numeric derivatives, 1-D, for another upstream gradient, or at another value."""
        if value is None and self.array.jacobian is not None and self.known.all():
            return np.asarray(self.array.jacobian @ np.ravel(upstream))
        at = self.value if value is None else value
        prober = Prober(Claim("", at, self.output, upstream, np.zeros_like(at)))
        return prober.quick(np.flatnonzero(self.known)).numeric

    @property
    def wrong(self) -> Array:
        """Which of the differenced entries are wrong."""
        wrong = np.zeros(self.array.shape, bool)
        wrong[tuple(zip(*self.array.wrong, strict=True))] = True
        return wrong[self.known]

    @property
    def right(self) -> Array:
        """Which of them are right, and not because there is nothing to get wrong."""
        silent = (np.abs(self.true) <= 1e-9 * np.abs(self.true).max(initial=0.0)) & (self.code == 0)
        right: Array = ~self.wrong & ~silent
        return right
