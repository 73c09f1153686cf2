"""Every wrong derivative and every broken law is rejected, by its name; the same code mended is accepted."""

from __future__ import annotations

import pytest
from testing import (
    wrong_activations,
    wrong_attention,
    wrong_convolution,
    wrong_cross_entropies,
    wrong_dense,
    wrong_elementwise,
    wrong_foreign,
    wrong_laws,
    wrong_losses,
    wrong_normalisation,
    wrong_optimizers,
    wrong_recurrent,
    wrong_strict,
)
from testing.said import read, said
from testing.wrong import plain

from tinynn.testing import GradientError

MODULES = [
    wrong_activations, wrong_attention, wrong_convolution, wrong_cross_entropies, wrong_dense, wrong_elementwise,
    wrong_foreign, wrong_laws, wrong_losses, wrong_normalisation, wrong_optimizers, wrong_recurrent, wrong_strict,
]  # fmt: skip
CASES = [case for module in MODULES for case in module.CASES]
CAUSES = """sign factor batch-mean batch-sum row-dropped forgotten permuted transposed swapped upstream-ignored
    derivative-at-output entry-factor coefficient branch kink normalisation dropout-scale nonlinear stale accumulates
    mutates
    shared-memory nondeterministic dtype shape couples-batch backward-parameters rule state-shared"""
SAID = read()
OVER = pytest.mark.parametrize("case", CASES, ids=lambda case: plain(case.name))


@OVER
def test_wrong_ones_are_rejected_and_named(case):
    with pytest.raises(GradientError) as caught:
        case.run(True)
    assert caught.value.cause in case.causes, str(caught.value)
    assert case.mentions in str(caught.value)
    assert caught.value.report.causes and not caught.value.report.right
    assert said(caught.value) == SAID[case.name]


@OVER
def test_the_same_code_mended_is_accepted(case):
    assert case.run(False).right


def test_there_are_enough_of_them():
    assert len({case.name for case in CASES}) == len(CASES) >= 350
    causes = {cause for case in CASES for cause in case.causes}
    assert set(CAUSES.split()) <= causes
    assert list(SAID) == [case.name for case in CASES]
