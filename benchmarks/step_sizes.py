"""Error of a numeric derivative against its step: the plot in docs/gradient_checking.md.

python benchmarks/step_sizes.py docs/step_sizes.png      (needs matplotlib: the extra "plots")
"""

from __future__ import annotations

import sys

import numpy as np

X, STEPS = 0.7, 10.0 ** np.linspace(-20, 0, 401)
TRUE = 1 - np.tanh(X) ** 2


def central(h, dtype):
    """(f(x + h) − f(x − h)) / 2h in one dtype."""
    x, h = dtype(X), h.astype(dtype)
    with np.errstate(all="ignore"):
        return (np.tanh(x + h) - np.tanh(x - h)) / (2 * h)


def richardson(h):
    """The central differences of two steps, their h² cancelled: what the kit's quick look takes."""
    return (4 * central(h / 2, np.float64) - central(h, np.float64)) / 3


CURVES = {
    "one-sided, float64": lambda h: (np.tanh(X + h) - np.tanh(X)) / h,
    "central, float32": lambda h: central(h, np.float32),
    "central, float64": lambda h: central(h, np.float64),
    "central, extrapolated, float64": richardson,
    "complex step": lambda h: np.tanh(X + 1j * h).imag / h,
}


def main(path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, curve in CURVES.items():
        with np.errstate(all="ignore"):
            error = np.abs(curve(STEPS) - TRUE) / TRUE
        axes.loglog(STEPS, np.maximum(error, 1e-17), ".", markersize=3, label=name)
        print(f"{name:<32} best relative error {np.nanmin(error):.1e} at h = {STEPS[np.nanargmin(error)]:.1e}")
    axes.axvline(2.0**-9, color="grey", linewidth=0.8)
    axes.annotate("the kit's quick look", (2.0**-9, 3e-17), rotation=90, ha="right", va="bottom", fontsize=8)
    axes.set(xlabel="step h", ylabel="relative error of d tanh x / dx at 0.7", ylim=(1e-17, 10))
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(sys.argv[1])
