"""Why is a gradient wrong? Hypotheses, each tested against the numbers; the first that fits is the likely cause."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinynn.testing import hypotheses as h
from tinynn.testing import missing_terms as m
from tinynn.testing.evidence import Evidence
from tinynn.testing.patterns import same
from tinynn.testing.report import Cause

#: What explains all entries exactly comes first, what is merely compatible last.
HYPOTHESES: list[Callable[[Evidence], Cause | None]] = [
    h.not_finite, h.function_rounds, h.forgotten, h.kink, h.ignores_upstream, h.float32, h.constant_factor,
    h.transposed, h.swapped, h.permuted, h.rows, h.at_output, m.coefficient, h.branch, m.diagonal, m.normalisation,
    m.entry_factor,
]  # fmt: skip
#: Where no entry is far off, a pattern would fit by accident.
NEARLY_RIGHT: list[Callable[[Evidence], Cause | None]] = [
    h.not_finite, h.function_rounds, h.kink, h.ignores_upstream, h.float32, m.coefficient, h.branch,
]  # fmt: skip


def diagnose(evidence: Evidence) -> Cause:
    """The likely cause of one wrong gradient."""
    with np.errstate(all="ignore"):
        close = same(evidence.code, evidence.true, 1e-5)
        for hypothesis in NEARLY_RIGHT if close else HYPOTHESES:
            cause = hypothesis(evidence)
            if cause is not None:
                return cause
    share = f"{len(evidence.array.wrong)} of {int(evidence.known.sum())} entries wrong"
    return Cause("unknown", f"no known pattern fits {evidence.what} ({share}); is a term missing?")
