"""The laws of a layer beside its derivative: a third of the bugs found in published frameworks break one of these.

`before` holds those that a comparison with differences relies on, `after` the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing import repetition_laws as repetition
from tinynn.testing import result_laws as result
from tinynn.testing.subjects import Subject

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report


def before(subject: Subject, report: Report, inputs: dict[str, Array], rng: np.random.Generator) -> None:
    """Deterministic, in float64, nothing written that belongs to others, nothing added up."""
    y = repetition.deterministic(subject, report, inputs)
    repetition.in_float64(subject, report, inputs, y)
    upstream = rng.normal(size=y.shape)
    repetition.mutates_nothing(subject, report, inputs, upstream)
    repetition.overwrites(subject, report, inputs, upstream)
    repetition.leaves_nothing_stale(subject, report, inputs, rng)


def after(subject: Subject, report: Report, inputs: dict[str, Array], rng: np.random.Generator) -> None:
    """Linear in the upstream gradient, no shared memory, the two backwards alike, float32 stays float32."""
    upstream = rng.normal(size=np.shape(subject.forward(inputs)))
    result.is_linear(subject, report, inputs, upstream, rng)
    afterwards(subject, report, inputs, upstream)


def afterwards(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array) -> None:
    """What holds for a model as well, whose backward may add the gradient of a penalty: all but linearity."""
    result.shares_nothing(subject, report, inputs, upstream)
    if subject.native:
        result.backwards_agree(subject, report, inputs, upstream)
        result.keeps_float32(subject, report, inputs, upstream)
