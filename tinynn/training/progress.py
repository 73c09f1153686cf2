"""One plain line an epoch: it reads well on a terminal, in a log and through a pipe."""

from __future__ import annotations

import numbers
from typing import Any


def line(epoch: int, epochs: int, figures: dict[str, Any]) -> str:
    """The line after `epoch` of `epochs`; figures that are no single numbers are left out.

    >>> figures = {"cost": 0.0612, "validation_cost": 0.0587, "validation_accuracy": 0.9123}
    >>> line(3, 30, figures | {"learning_rate": 3.0, "seconds": 1.25, "samples_per_second": 48000.0})
    'epoch  3/30  cost 0.0612  validation: cost 0.0587, accuracy 0.9123  1.25 s  48,000 samples/s'
    """
    parts = [f"epoch {epoch:>{len(str(epochs))}}/{epochs}", f"cost {_short(figures['cost'])}"]
    validation = [
        f"{name.removeprefix('validation_')} {_short(figure)}"
        for name, figure in figures.items()
        if name.startswith("validation_") and isinstance(figure, numbers.Real)
    ]
    if validation:
        parts.append(f"validation: {', '.join(validation)}")
    parts += [f"{figures['seconds']:.2f} s", f"{figures['samples_per_second']:,.0f} samples/s"]
    return "  ".join(parts)


def _short(figure: Any) -> str:
    """Four digits after the point, or three digits and an exponent where that would not read well."""
    return f"{figure:.4f}" if 0.001 <= abs(figure) < 10000 or figure == 0 else f"{figure:.2e}"
