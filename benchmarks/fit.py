"""The model of a step's time: t = overhead + FLOPs / rate."""

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
