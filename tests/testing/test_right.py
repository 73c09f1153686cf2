"""Right but tricky derivatives are accepted, whatever the seed: a thousand of them under the profile nightly."""

from __future__ import annotations

import os

import numpy as np
import pytest
from testing.right_functions import FUNCTIONS
from testing.right_layers import LAYERS
from testing.right_losses import LOSSES
from testing.wrong import plain

SEEDS = {"nightly": 1000, "mutants": 1}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 3)
CASES = [*FUNCTIONS, *LAYERS, *LOSSES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: plain(case.name))
def test_right_ones_are_accepted(case):
    for seed in range(SEEDS):
        case.check(np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("name", "seed"),
    [("max-out, two of the linear functions equal", 10002), ("(1e8 + x) - 1e8, all of it noise", 2006)],
)
def test_seeds_that_raised_a_false_alarm_once(name, seed):
    (case,) = [case for case in CASES if case.name == name]
    case.check(np.random.default_rng(seed))


def test_there_are_enough_of_them():
    assert len({case.name for case in CASES}) == len(CASES) >= 200
