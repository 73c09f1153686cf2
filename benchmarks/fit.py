"""Models of a step's time: t = overhead + FLOPs / rate, and sums of more terms."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """overhead in seconds; rate in FLOP/s; worst, the largest relative error of the model at the points fitted."""

    overhead: float
    rate: float
    worst: float

    @property
    def balance(self):
        """The FLOPs whose work takes as long as the overhead: there the overhead ends to be the larger part."""
        return self.overhead * self.rate


def fitted(flops, seconds):
    """Least squares of the relative errors, since times range over decades; overhead at least zero."""
    flops, seconds = np.asarray(flops, float), np.asarray(seconds, float)
    columns = np.stack([1 / seconds, flops / seconds], axis=1)
    # Columns of like size keep the normal equations well conditioned.
    scale = np.linalg.norm(columns, axis=0)
    overhead, per_flop = np.linalg.lstsq(columns / scale, np.ones(len(flops)), rcond=None)[0] / scale
    if overhead < 0:
        overhead, per_flop = 0.0, np.sum(flops / seconds) / np.sum((flops / seconds) ** 2)
    worst = np.max(np.abs((overhead + per_flop * flops) / seconds - 1))
    return Fit(float(overhead), float(1 / per_flop), float(worst))


def fitted_terms(amounts, seconds):
    """[seconds per unit of each amount], none negative, by least squares of the relative errors.

    Shapes: amounts (points, terms), seconds (points,).
    """
    left = np.asarray(amounts, float) / np.asarray(seconds, float)[:, None]
    scale = np.linalg.norm(left, axis=0)
    found = np.zeros(left.shape[1])
    kept = np.arange(left.shape[1])
    while kept.size:  # a term that would be negative is left out
        terms = np.linalg.lstsq(left[:, kept] / scale[kept], np.ones(len(left)), rcond=None)[0]
        if (terms >= 0).all():
            found[kept] = terms / scale[kept]
            break
        kept = np.delete(kept, np.argmin(terms))
    return found.tolist()
