"""Learning rates as functions of the step, for any optimizer: `SGD(model, schedules.cosine(0.1, steps=1000))`.

Steps count the optimizer's updates, from 0. To think in epochs, multiply: steps = epochs * len(batches).
Where PyTorch has a scheduler of the same name, the rates are equal to it; beyond its end a schedule keeps
its last rate. Any function `step -> rate` will do as well; these have a `config` that checkpoints keep.
A rate that falls when training stalls looks at results and is a callback: ReduceOnPlateau.
"""

from __future__ import annotations

from tinynn.schedules.base import Schedule
from tinynn.schedules.combined import sequential, warmup
from tinynn.schedules.config import from_config
from tinynn.schedules.cycles import cosine, one_cycle
from tinynn.schedules.decays import constant, exponential, multi_step, polynomial, step

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "from_config",
    "multi_step",
    "one_cycle",
    "polynomial",
    "sequential",
    "step",
    "warmup",
]
