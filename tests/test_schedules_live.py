"""Schedules against the PyTorch that is installed, on drawn arguments, at every one of hundreds of steps."""

from __future__ import annotations

import numpy as np
import pytest
import schedule_cases as cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from fixtures import make_schedule_fixtures as pytorch  # noqa: E402  (it imports torch)

pytestmark = pytest.mark.torch
STEPS = 200
fewer = settings(max_examples=max(1, settings.default.max_examples // 5))

RATES, FACTORS = st.floats(1e-4, 10.0), st.floats(0.5, 1.0)
LENGTHS = st.integers(1, STEPS)
MILESTONES = st.lists(st.integers(1, STEPS), max_size=4, unique=True).map(sorted)
ARGUMENTS = {
    "constant": {"learning_rate": RATES},
    "step": {"learning_rate": RATES, "every": LENGTHS, "factor": FACTORS},
    "multi_step": {"learning_rate": RATES, "milestones": MILESTONES, "factor": FACTORS},
    "exponential": {"learning_rate": RATES, "factor": FACTORS},
    "polynomial": {"learning_rate": RATES, "steps": LENGTHS, "power": st.floats(0.25, 4.0)},
    "cosine": {
        "learning_rate": RATES,
        "steps": st.integers(21, STEPS),
        "minimum": st.floats(0.0, 1e-4),
        "warmup": st.integers(0, 20),
        "start_factor": st.floats(0.01, 0.9),
    },
    "one_cycle": {
        "maximum": RATES,
        "steps": st.just(STEPS),
        "rise": st.floats(0.0, 0.5),
        "start_divisor": st.floats(1.0, 100.0),
        "final_divisor": st.floats(1.0, 1e5),
        "anneal": st.sampled_from(["cosine", "linear"]),
        "three_phase": st.booleans(),
    },
}
RESTARTS = {**ARGUMENTS["cosine"], "restarts": st.just(True), "growth": st.integers(1, 3)}


def assert_same_rates(row, steps):
    expected = pytorch.rates(row, steps)
    schedule = cases.make(row)
    error = abs(np.array([schedule(k) for k in range(steps)]) - expected)
    assert error.max() <= cases.TOLERANCE * expected.max(), (error.argmax(), error.max())


@pytest.mark.parametrize("row", cases.SCHEDULES, ids=cases.key)
def test_the_rows_at_every_step(row):
    assert_same_rates(row, min(cases.STEPS, cases.end(row) + 1))


@pytest.mark.parametrize("name", [*ARGUMENTS, "cosine with restarts"])
@fewer
@given(data=st.data())
def test_drawn_arguments(name, data):
    table = RESTARTS if name == "cosine with restarts" else ARGUMENTS[name]
    row = name.split()[0], data.draw(st.fixed_dictionaries(table))
    # PyTorch divides by the length of the first phase, which must not be 0.
    assume(row[0] != "one_cycle" or abs(row[1]["rise"] * STEPS - 1) > 1e-6)
    assert_same_rates(row, min(STEPS, cases.end(row) + 1))


@fewer
@given(data=st.data())
def test_drawn_sequences(data):
    rate, milestones = data.draw(RATES), data.draw(MILESTONES)
    parts = []
    for _ in range(len(milestones) + 1):
        name = data.draw(st.sampled_from(["constant", "step", "exponential", "polynomial"]))
        arguments = data.draw(st.fixed_dictionaries(ARGUMENTS[name]))
        parts.append((name, {**arguments, "learning_rate": rate}))
    assert_same_rates(("sequential", {"schedules": parts, "milestones": milestones}), STEPS)


def test_pytorch_s_cosine_rises_again_where_ours_stays():
    """What the docstring says of the two: at twice the length PyTorch is back at the top."""
    row = ("cosine", {"learning_rate": 0.5, "steps": 20})
    assert pytorch.rates(row, 41)[40] == pytest.approx(0.5)
    assert cases.make(row)(40) == 0.0
