"""Schedules: PyTorch's rates, numbers by hand, what they say and how they are kept."""

import copy
import dataclasses
import inspect
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import schedule_cases as cases
from messages import assert_says

import tinynn as nn
from tinynn import schedules
from tinynn.errors import CheckpointError, DtypeError, InvalidValueError
from tinynn.schedules import (
    constant,
    cosine,
    exponential,
    from_config,
    multi_step,
    one_cycle,
    polynomial,
    sequential,
    step,
    warmup,
)

# Read whole: an open file has one position, which processes that fork would share.
ANSWERS = dict(np.load(Path(__file__).parent / "fixtures" / "schedules.npz", allow_pickle=False))

every_row = pytest.mark.parametrize("row", cases.SCHEDULES, ids=cases.key)


def rates(schedule, steps):
    return [schedule(k) for k in steps]


# ---- PyTorch's rates ----------------------------------------------------------------------------
@every_row
def test_the_rates_are_pytorch_s(row):
    assert cases.key(row) in ANSWERS, "not in fixtures/schedules.npz: see the docstring of schedule_cases.py"
    steps = [k for k in cases.RECORDED if k <= cases.end(row)]
    expected = ANSWERS[cases.key(row)][: len(steps)]
    error = abs(np.array(rates(cases.make(row), steps)) - expected) / expected.max()
    worst = error.argmax()
    assert error[worst] <= cases.TOLERANCE, (
        f"step {steps[worst]}: PyTorch {expected[worst]!r}, off by {error[worst]:.1e}"
    )


def test_every_public_schedule_is_compared():
    public = {
        name
        for name in schedules.__all__
        if inspect.isclass(kind := getattr(schedules, name)) and kind is not schedules.Schedule
    }
    missing = public - {name for name, _ in cases.SCHEDULES}
    assert not missing, f"no comparison with PyTorch for {sorted(missing)}: add rows to schedule_cases.py"


# ---- numbers by hand ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("schedule", "steps", "expected"),
    [
        (constant(0.0), [0, 7], [0.0, 0.0]),
        (step(8.0, 3, 0.5), [0, 2, 3, 5, 6, 9], [8.0, 8.0, 4.0, 4.0, 2.0, 1.0]),
        (multi_step(8.0, [2, 5], 0.5), [0, 1, 2, 4, 5, 50], [8.0, 8.0, 4.0, 4.0, 2.0, 2.0]),
        (exponential(8.0, 0.25), [0, 1, 2, 1000], [8.0, 2.0, 0.5, 0.0]),
        # 1 + (9 − 1)(1 − t/4)²: 9, 1 + 8·9/16, 1 + 8/4, 1 + 8/16, 1
        (polynomial(9.0, 4, 2.0, 1.0), [0, 1, 2, 3, 4, 5], [9.0, 5.5, 3.0, 1.5, 1.0, 1.0]),
        # the quarter points of a cosine: (1 + cos 60°)/2 = 3/4
        (cosine(9.0, 6, 1.0), [0, 2, 3, 4, 6, 7], [9.0, 7.0, 5.0, 3.0, 1.0, 1.0]),
        (cosine(8.0, 5, warmup=2, start_factor=0.5), [0, 1, 2, 3, 4, 5, 9], [4.0, 6.0, 8.0, 6.0, 2.0, 0.0, 0.0]),
        (cosine(8.0, 3, restarts=True), [0, 1, 2, 3, 4, 30], [8.0, 6.0, 2.0, 8.0, 6.0, 8.0]),
        # periods of 3, 6, 12: restarts at 3, 9, 21
        (
            cosine(8.0, 3, restarts=True, growth=2),
            [2, 3, 5, 7, 9, 13, 17, 21],
            [2.0, 8.0, 6.0, 2.0, 8.0, 6.0, 2.0, 8.0],
        ),
        # periods of 3, 9 after a warm-up of 1: restarts at 4, 13
        (cosine(8.0, 4, warmup=1, restarts=True, growth=3), [1, 2, 4, 7, 10, 13], [8.0, 6.0, 8.0, 6.0, 2.0, 8.0]),
        # up from 2 to 8 until step 0.5·9 − 1 = 3.5, down to 2/4 until step 8: lines of 12/7 and 5/3 a step
        (
            one_cycle(8.0, 9, rise=0.5, start_divisor=4, final_divisor=4, anneal="linear"),
            [0, 3, 4, 7, 8, 9],
            [2.0, 2 + 36 / 7, 8 - 5 / 6, 0.5 + 5 / 3, 0.5, 0.5],
        ),
        # peaks at 0.25·12 − 1 = 2, is back at 4, ends at 11
        (
            one_cycle(8.0, 12, rise=0.25, start_divisor=4, final_divisor=8, anneal="linear", three_phase=True),
            [0, 1, 2, 3, 4, 11, 12],
            [2.0, 5.0, 8.0, 5.0, 2.0, 0.25, 0.25],
        ),
        (one_cycle(8.0, 1, start_divisor=4, final_divisor=4), [0, 1], [0.5, 0.5]),
        # the rise is one step long: its end, where PyTorch divides by zero
        (one_cycle(8.0, 4, rise=0.25, start_divisor=4, final_divisor=4, anneal="linear"), [0, 3], [8.0, 0.5]),
        (warmup(step(8.0, 2, 0.5), 2, 0.5), [0, 1, 2, 3, 4], [4.0, 6.0, 8.0, 8.0, 4.0]),
        (
            sequential([constant(1.0), step(8.0, 2, 0.5), constant(3.0)], [2, 5]),
            [0, 1, 2, 3, 4, 5, 6],
            [1.0, 1.0, 8.0, 8.0, 4.0, 3.0, 3.0],
        ),
        (sequential([step(8.0, 2, 0.5)], []), [0, 2], [8.0, 4.0]),
        # nothing to rise from, nothing to fall to
        (one_cycle(8.0, 9, start_divisor=1, final_divisor=1), [0, 2, 5, 8], [8.0, 8.0, 8.0, 8.0]),
        (step(8.0, 2, 1), [0, 9], [8.0, 8.0]),
        (cosine(8.0, 5, 8.0), [0, 2, 9], [8.0, 8.0, 8.0]),
        (polynomial(8.0, 5, 1.0, 8.0), [0, 2, 9], [8.0, 8.0, 8.0]),
    ],
    ids=lambda value: repr(value) if isinstance(value, schedules.Schedule) else "",
)
def test_numbers_by_hand(schedule, steps, expected):
    np.testing.assert_allclose(rates(schedule, steps), expected, rtol=1e-14, atol=1e-15)


def test_defaults():
    assert step(1.0, 5) == step(1.0, 5, 0.1)
    assert multi_step(1.0, [5]) == multi_step(1.0, [5], factor=0.1)
    assert polynomial(1.0, 5) == polynomial(1.0, 5, 1.0, 0.0)
    assert cosine(1.0, 5) == cosine(1.0, 5, minimum=0.0, warmup=0, start_factor=0.01, restarts=False, growth=1)
    assert one_cycle(1.0, 5) == one_cycle(
        1.0, 5, rise=0.3, start_divisor=25, final_divisor=1e4, anneal="cosine", three_phase=False
    )
    assert warmup(constant(1.0), 5) == warmup(constant(1.0), 5, start_factor=0.01)


@every_row
def test_a_schedule_remembers_nothing(row):
    """The rates are the same in any order: a resumed training gets the right one."""
    schedule = cases.make(row)
    forward = rates(schedule, range(70))
    assert rates(schedule, reversed(range(70))) == forward[::-1]
    assert schedule(np.int64(33)) == forward[33]
    assert all(type(rate) is float for rate in forward)


@every_row
def test_beyond_the_end_the_last_rate_stays(row):
    if (end := cases.end(row)) < 10**6:
        schedule = cases.make(row)
        assert rates(schedule, [end + 1, end + 100, 10**6]) == [schedule(end)] * 3


def test_the_rate_at_the_end_is_the_minimum_itself():
    assert cosine(0.3, 7, 0.1)(7) == 0.1
    assert polynomial(0.3, 7, 1.0, 0.1)(7) == 0.1


def test_many_restarts_cost_few_turns():
    """The step 10¹⁸ in 58 periods, the last of 2⁵⁹·3 steps: (1 + cos(π t/T))/2 = 1/2 in its middle."""
    schedule = cosine(1.0, 3, restarts=True, growth=2)
    begin = 3 * (2**59 - 1)
    assert schedule(begin) == 1.0
    assert schedule(begin + 3 * 2**58) == pytest.approx(0.5)


# ---- in an optimizer ----------------------------------------------------------------------------
def test_an_optimizer_asks_for_step_0_first_and_groups_have_their_own():
    weights = [nn.Parameter(np.zeros(1)) for _ in range(2)]
    groups = [{"parameters": [weights[0]]}, {"parameters": [weights[1]], "learning_rate": exponential(16.0, 0.5)}]
    optimizer = nn.SGD(groups, step(1.0, 2, 0.25))
    path = []
    for _ in range(3):
        for weight in weights:
            weight.grad = -np.ones(1)
        optimizer.step()
        path.append([weight.value.item() for weight in weights])
    assert path == [[1.0, 16.0], [2.0, 24.0], [2.25, 28.0]]


# ---- what they are ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (constant(1), "constant(1.0)"),
        (step(0.1, every=30), "step(0.1, every=30)"),
        (step(0.1, 30, 0.5), "step(0.1, every=30, factor=0.5)"),
        (multi_step(0.1, [10, 20]), "multi_step(0.1, milestones=(10, 20))"),
        (exponential(0.1, 0.5), "exponential(0.1, factor=0.5)"),
        (polynomial(0.1, 30, minimum=0.01), "polynomial(0.1, steps=30, minimum=0.01)"),
        (cosine(0.1, 1000, warmup=100), "cosine(0.1, steps=1000, warmup=100)"),
        (cosine(0.1, 10, restarts=True), "cosine(0.1, steps=10, restarts=True)"),
        (one_cycle(0.1, 10, anneal="linear"), "one_cycle(0.1, steps=10, anneal='linear')"),
        (warmup(exponential(0.1, 0.5), 10), "warmup(exponential(0.1, factor=0.5), steps=10)"),
        (
            sequential([constant(0.1), constant(1.0)], [9]),
            "sequential((constant(0.1), constant(1.0)), milestones=(9,))",
        ),
    ],
    ids=str,
)
def test_repr_is_the_call(schedule, text):
    assert repr(schedule) == text
    assert eval(text) == schedule


@every_row
def test_copies_and_configs_are_equal(row):
    schedule = cases.make(row)
    plain = json.loads(json.dumps(schedule.config()))
    assert plain == schedule.config()
    for twin in (
        from_config(plain),
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
        eval(repr(schedule)),
        cases.make(row),
    ):
        assert type(twin) is type(schedule)
        assert twin == schedule
        assert hash(twin) == hash(schedule)
        assert rates(twin, range(0, 70, 9)) == rates(schedule, range(0, 70, 9))


def test_config():
    assert warmup(step(1, 20), 5).config() == {
        "schedule": "warmup",
        "arguments": {
            "schedule": {"schedule": "step", "arguments": {"learning_rate": 1.0, "every": 20, "factor": 0.1}},
            "steps": 5,
            "start_factor": 0.01,
        },
    }
    assert multi_step(1, np.array([3, 4])).config()["arguments"]["milestones"] == [3, 4]
    parts = sequential((constant(1), constant(2)), (3,)).config()["arguments"]["schedules"]
    assert parts == [{"schedule": "constant", "arguments": {"learning_rate": rate}} for rate in (1.0, 2.0)]


def test_arguments_are_plain_python():
    schedule = cosine(np.float32(0.5), np.int64(10), np.float64(0.25), restarts=np.True_, growth=np.int8(2))
    values = [getattr(schedule, field.name) for field in dataclasses.fields(schedule)]
    assert [type(value) for value in values] == [float, int, float, int, float, bool, int]


def test_different_schedules_are_not_equal():
    assert constant(0.1) != constant(0.2)
    assert constant(0.1) != 0.1
    assert len({cases.key(row): cases.make(row) for row in cases.SCHEDULES}) == len(
        {cases.make(row) for row in cases.SCHEDULES}
    )


def test_a_schedule_does_not_change():
    schedule = step(0.1, 30)
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.every = 10
    milestones = [10, 20]
    falls = multi_step(0.1, milestones)
    milestones[0] = 5
    assert falls(7) == 0.1


# ---- errors -------------------------------------------------------------------------------------
ten = constant(0.1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: constant(-0.1), InvalidValueError, "constant: learning_rate must be at least 0, got -0.1"),
        (lambda: constant("fast"), DtypeError, "constant: learning_rate must be a number, got 'fast'"),
        (lambda: step(0.0, 3), InvalidValueError, "step: learning_rate must be above 0, got 0.0"),
        (lambda: step(0.1, 0), InvalidValueError, "step: every must be at least 1, got 0"),
        (lambda: step(0.1, 2.0), DtypeError, "step: every must be an int, got 2.0"),
        (lambda: step(0.1, True), DtypeError, "step: every must be an int, got True"),
        (
            lambda: step(0.1, 3, 10),
            InvalidValueError,
            "step: factor must be at most 1, got 10; to divide by it pass 0.1",
        ),
        (lambda: step(0.1, 3, 0), InvalidValueError, "step: factor must be above 0, got 0"),
        (
            lambda: step(0.1, 3, 1.25),
            InvalidValueError,
            "step: factor must be at most 1, got 1.25; to divide by it pass 0.8",
        ),
        (lambda: multi_step(0.0, [3]), InvalidValueError, "multi_step: learning_rate must be above 0, got 0.0"),
        (lambda: multi_step(0.1, [3], -1), InvalidValueError, "multi_step: factor must be above 0, got -1"),
        (
            lambda: multi_step(0.1, [3, 3]),
            InvalidValueError,
            "multi_step: milestones must rise from each to the next, got [3, 3]",
        ),
        (
            lambda: multi_step(0.1, [0, 3]),
            InvalidValueError,
            "each of multi_step: milestones must be at least 1, got 0",
        ),
        (lambda: multi_step(0.1, 3), DtypeError, "multi_step: milestones must be a list of steps, got 3"),
        (lambda: multi_step(0.1, "34"), DtypeError, "multi_step: milestones must be a list of steps, got '34'"),
        (lambda: exponential(-1, 0.5), InvalidValueError, "exponential: learning_rate must be above 0, got -1"),
        (
            lambda: exponential(0.1, 2.5),
            InvalidValueError,
            "exponential: factor must be at most 1, got 2.5; to divide by it pass 0.4",
        ),
        (lambda: polynomial(0, 3), InvalidValueError, "polynomial: learning_rate must be above 0, got 0"),
        (lambda: polynomial(1, 0), InvalidValueError, "polynomial: steps must be at least 1, got 0"),
        (lambda: polynomial(1, 3, 0), InvalidValueError, "polynomial: power must be above 0, got 0"),
        (lambda: polynomial(1, 3, 1, -1), InvalidValueError, "polynomial: minimum must be at least 0, got -1"),
        (
            lambda: polynomial(0.1, 3, 1, 0.2),
            InvalidValueError,
            "polynomial: minimum must be at most learning_rate, 0.1, got 0.2",
        ),
        (lambda: cosine(0, 3), InvalidValueError, "cosine: learning_rate must be above 0, got 0"),
        (lambda: cosine(1, 0), InvalidValueError, "cosine: steps must be at least 1, got 0"),
        (lambda: cosine(1, 3, -1), InvalidValueError, "cosine: minimum must be at least 0, got -1"),
        (lambda: cosine(1, 3, 2), InvalidValueError, "cosine: minimum must be at most learning_rate, 1.0, got 2.0"),
        (lambda: cosine(1, 3, warmup=-1), InvalidValueError, "cosine: warmup must be at least 0, got -1"),
        (
            lambda: cosine(1, 3, warmup=3),
            InvalidValueError,
            "cosine: warmup is part of the 3 steps and must be less, got 3",
        ),
        (
            lambda: cosine(1, 3, start_factor=1),
            InvalidValueError,
            "cosine: start_factor must be at least 0 and below 1, got 1",
        ),
        (lambda: cosine(1, 3, growth=2), InvalidValueError, "cosine: growth=2 needs restarts=True"),
        (lambda: cosine(1, 3, restarts=True, growth=0), InvalidValueError, "cosine: growth must be at least 1, got 0"),
        (lambda: cosine(1, 3, restarts=True, growth=1.5), DtypeError, "cosine: growth must be an int, got 1.5"),
        (lambda: cosine(1, 3, warmup=False), DtypeError, "cosine: warmup must be an int, got False"),
        (lambda: cosine(1, 3, warmup=0.5), DtypeError, "cosine: warmup must be an int, got 0.5"),
        (lambda: cosine(1, 3, restarts=1), DtypeError, "cosine: restarts must be True or False, got 1"),
        (lambda: one_cycle(1, 3, three_phase=1), DtypeError, "one_cycle: three_phase must be True or False, got 1"),
        (lambda: one_cycle(0, 3), InvalidValueError, "one_cycle: maximum must be above 0, got 0"),
        (lambda: one_cycle(1, 0), InvalidValueError, "one_cycle: steps must be at least 1, got 0"),
        (lambda: one_cycle(1, 3, rise=1), InvalidValueError, "one_cycle: rise must be at least 0 and below 1, got 1"),
        (
            lambda: one_cycle(1, 3, rise=0.6, three_phase=True),
            InvalidValueError,
            "one_cycle: rise must be at most 0.5 with three_phase, for the fall takes as long; got 0.6",
        ),
        (
            lambda: one_cycle(1, 3, start_divisor=0.5),
            InvalidValueError,
            "one_cycle: start_divisor must be at least 1, got 0.5",
        ),
        (
            lambda: one_cycle(1, 3, final_divisor=0.5),
            InvalidValueError,
            "one_cycle: final_divisor must be at least 1, got 0.5",
        ),
        (
            lambda: one_cycle(1, 3, anneal="cos"),
            InvalidValueError,
            'one_cycle: anneal must be "cosine" or "linear", got \'cos\'',
        ),
        (
            lambda: warmup(0.1, 3),
            DtypeError,
            "warmup: schedule must be one of tinynn.schedules, got 0.1; for one rate all the way pass constant(0.1)",
        ),
        (
            lambda: warmup(abs, 3),
            DtypeError,
            "warmup: schedule must be one of tinynn.schedules, got <built-in function abs>; "
            "a function of your own can be joined to it in a function of your own",
        ),
        (lambda: warmup(ten, 0), InvalidValueError, "warmup: steps must be at least 1, got 0"),
        (
            lambda: warmup(ten, 3, -0.1),
            InvalidValueError,
            "warmup: start_factor must be at least 0 and below 1, got -0.1",
        ),
        (lambda: sequential(ten, [3]), DtypeError, "sequential: schedules must be a list, got constant(0.1)"),
        (
            lambda: sequential([ten, 0.2], [3]),
            DtypeError,
            "sequential: each schedule must be one of tinynn.schedules, got 0.2; "
            "for one rate all the way pass constant(0.2)",
        ),
        (
            lambda: sequential([], []),
            InvalidValueError,
            "sequential: milestones must be one fewer than schedules, the steps at which all but the "
            "first begin; got 0 and 0",
        ),
        (
            lambda: sequential([ten], [1]),
            InvalidValueError,
            "sequential: milestones must be one fewer than schedules, the steps at which all but the "
            "first begin; got 1 and 1",
        ),
        (
            lambda: sequential([ten, ten, ten], [4, 3]),
            InvalidValueError,
            "sequential: milestones must rise from each to the next, got [4, 3]",
        ),
        (lambda: step(0.1, 3)(-1), InvalidValueError, "step(0.1, every=3): the first step is 0, got -1"),
    ],
)
def test_arguments_are_checked_at_once(call, error, message):
    assert_says(call, error, message)


NAMES = "constant, cosine, exponential, multi_step, one_cycle, polynomial, sequential, step, warmup"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (3, "a schedule's config has the keys 'schedule' and 'arguments', got 3"),
        ({"schedule": "step"}, "a schedule's config has the keys 'schedule' and 'arguments', got {'schedule': 'step'}"),
        ({"schedule": "os.system", "arguments": {}}, f"unknown schedule 'os.system'; there are {NAMES}"),
        ({"schedule": "Schedule", "arguments": {}}, f"unknown schedule 'Schedule'; there are {NAMES}"),
        ({"schedule": ["step"], "arguments": {}}, f"unknown schedule ['step']; there are {NAMES}"),
        ({"schedule": "step", "arguments": [1]}, "step: a config's arguments are a dict, got [1]"),
        (
            {"schedule": "step", "arguments": {"learning_rate": 1.0, "every": 0}},
            "the config of a schedule step does not fit: step: every must be at least 1, got 0",
        ),
        (
            {"schedule": "constant", "arguments": {"learning_rate": {"schedule": "bend", "arguments": {}}}},
            f"unknown schedule 'bend'; there are {NAMES}",
        ),
    ],
)
def test_a_config_that_fits_nothing(config, message):
    assert_says(lambda: from_config(config), CheckpointError, message)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"learning_rate": 1.0, "every": 2, "speed": 3}, {"learning_rate": 1.0, "every": 2, 3: 4}],
    ids=["missing", "unknown", "no name"],
)
def test_a_config_with_other_arguments(arguments):
    with pytest.raises(CheckpointError, match="the config of a schedule step does not fit: .*(argument|keywords)"):
        from_config({"schedule": "step", "arguments": arguments})


def test_a_config_without_end():
    config = constant(1.0).config()
    for _ in range(10_000):
        config = {"schedule": "warmup", "arguments": {"schedule": config, "steps": 3}}
    with pytest.raises(CheckpointError, match="recursion"):
        from_config(config)
