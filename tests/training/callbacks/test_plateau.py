"""ReduceOnPlateau: PyTorch's rates step for step, a run that stalls, and what it refuses."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import schedule_cases as cases
from messages import assert_says
from training.callbacks import halving

import tinynn as nn
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.training import History
from tinynn.training.callbacks import ReduceOnPlateau

# Read whole: an open file has one position, which processes that fork would share.
ANSWERS = dict(np.load(Path(__file__).parents[2] / "fixtures" / "schedules.npz", allow_pickle=False))

every_row = pytest.mark.parametrize("k", range(len(cases.PLATEAUS)))


def stand_in(first, *others):
    """As much of a trainer as the callback looks at: the first rate is the optimizer's own."""
    parameters = [nn.Parameter(np.zeros(1)) for _ in range(1 + len(others))]
    groups = [{"parameters": [parameters[0]]}]
    groups += [{"parameters": [p], "learning_rate": rate} for p, rate in zip(parameters[1:], others, strict=True)]
    return SimpleNamespace(optimizer=nn.SGD(groups, first), history=History())


def rates_of(trainer):
    return [trainer.optimizer.rate(group) for group in trainer.optimizer.groups]


def path(callback, trainer, figures):
    """The groups' rates after each figure."""
    callback.on_fit_start(trainer)
    rates = []
    for figure in figures:
        callback.on_epoch_end(trainer, {"watched": figure})
        rates.append(rates_of(trainer))
    return rates


def plateau(mode="min", **keywords):
    return ReduceOnPlateau("watched", mode=mode, **keywords)


# ---- PyTorch's rates ----------------------------------------------------------------------------
@every_row
def test_the_rates_are_pytorch_s(k):
    first, keywords, figures = cases.PLATEAUS[k]
    got = path(plateau(**keywords), stand_in(*first), figures)
    np.testing.assert_allclose(got, ANSWERS[f"plateau {k}"], rtol=1e-14)


def test_the_rows_lower_something():
    """No row compares constants."""
    for k, (first, _, _) in enumerate(cases.PLATEAUS):
        assert ANSWERS[f"plateau {k}"][-1, 0] < first[0]


@every_row
@pytest.mark.torch
def test_the_installed_pytorch_s_rates(k):
    pytest.importorskip("torch")
    from fixtures import make_schedule_fixtures as pytorch

    first, keywords, figures = cases.PLATEAUS[k]
    rng = np.random.default_rng(k)
    drawn = [*figures, *np.round(rng.random(200) * np.linspace(1, 0.5, 200), 2)]
    got = path(plateau(**keywords), stand_in(*first), drawn)
    np.testing.assert_allclose(got, pytorch.plateau(first, keywords, drawn), rtol=1e-14)


# ---- by hand ------------------------------------------------------------------------------------
def test_patience_counts_epochs_after_the_best():
    """Best at epoch 2; the third one without improvement is one more than patience."""
    rates = path(plateau(patience=2, factor=0.5), stand_in(8.0), [1.0, 0.5, 0.6, 0.5, 0.7, 0.5, 0.5, 0.5])
    assert [rate for (rate,) in rates] == [8.0, 8.0, 8.0, 8.0, 4.0, 4.0, 4.0, 2.0]


def test_a_negative_best_figure_must_be_beaten_too():
    """A tenth better than −1 is −1.1, where PyTorch would take −0.95 for an improvement: with a flat figure
    it would never lower the rate."""
    options = {"patience": 0, "factor": 0.5, "threshold": 0.1}
    assert path(plateau(**options), stand_in(8.0), [-1.0, -0.95, -1.05, -1.2]) == [[8.0], [4.0], [2.0], [2.0]]
    assert path(plateau("max", **options), stand_in(8.0), [-1.0, -1.05, -0.95, -0.8]) == [[8.0], [4.0], [2.0], [2.0]]


def test_groups_with_a_schedule_are_left_alone():
    trainer = stand_in(8.0, 4.0, nn.schedules.constant(3.0))
    assert path(plateau(patience=0, factor=0.5), trainer, [1.0, 1.0]) == [[8.0, 4.0, 3.0], [4.0, 2.0, 3.0]]
    assert trainer.optimizer.groups[0].learning_rate is None
    assert trainer.optimizer.groups[2].learning_rate == nn.schedules.constant(3.0)


def test_a_fall_of_a_hundred_millionth_is_left_out():
    """2⁻²⁶ = 1.49e-8 is more than that, 2⁻²⁷ = 0.75e-8 is not."""
    rates = path(plateau(patience=0, factor=0.5), stand_in(2.0**-25), [1.0] * 4)
    assert rates == [[2.0**-25], [2.0**-26], [2.0**-26], [2.0**-26]]


def test_the_minimum_is_a_floor_and_no_lift():
    assert path(plateau(patience=0, factor=0.5, minimum=3.0), stand_in(8.0, 2.0), [1.0] * 4)[-1] == [3.0, 2.0]


# ---- in a Trainer -------------------------------------------------------------------------------
def lowering(*figures, **keywords):
    """A trainer, its callback, and how to train it; each figure is an epoch's."""
    callback = ReduceOnPlateau(**{"patience": 1, "factor": 0.5, **keywords})
    return halving.trainer(halving.Figures(validation_cost=figures), callback, learning_rate=0.5), callback


def test_the_next_epoch_has_the_lower_rate():
    """The weight: ·½ (a rate of ½) three times, then ·¾ (a rate of ¼) twice."""
    trainer, callback = lowering(1.0, 1.0, 1.0, 0.5, 0.5)
    halving.fit(trainer, 5)
    assert trainer.history["learning_rate"] == [0.5, 0.5, 0.5, 0.25, 0.25]
    assert halving.weight(trainer) == 0.5**3 * 0.75**2
    assert callback.best == 0.5


def test_a_later_fit_goes_on_and_another_trainer_begins_anew():
    figures = [1.0, 1.0, 1.0, 1.0, 1.0]
    trainer, callback = lowering(*figures)
    halving.fit(trainer, 2)
    halving.fit(trainer, 2)
    assert trainer.history["learning_rate"] == [0.5, 0.5, 0.5, 0.25]
    other = halving.trainer(halving.Figures(validation_cost=[9.0, 9.0, 9.0]), callback, learning_rate=0.5)
    halving.fit(other, 3)
    assert other.history["learning_rate"] == [0.5, 0.5, 0.5]
    assert (callback.best, other.optimizer.rate()) == (9.0, 0.25)


@pytest.mark.parametrize("killed_after", range(1, 8))
def test_a_resumed_run_has_the_same_rates(killed_after, tmp_path):
    figures = [1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    whole, callback = lowering(*figures, cooldown=1)
    halving.fit(whole, 9)
    killed, _ = lowering(*figures, cooldown=1)
    halving.fit(killed, killed_after)
    killed.save_checkpoint(tmp_path / "run.npz")
    resumed, resumed_callback = lowering(*figures, cooldown=1)
    resumed.load_checkpoint(tmp_path / "run.npz")
    halving.fit(resumed, 9)
    assert len({*whole.history["learning_rate"]}) == 3
    assert resumed.history["learning_rate"] == whole.history["learning_rate"]
    assert halving.weight(resumed) == halving.weight(whole)
    assert resumed_callback.state_dict() == callback.state_dict()


def test_state():
    callback = plateau(patience=0, cooldown=3)
    assert callback.state_dict() == {"best": None, "bad_epochs": 0, "cooldown_left": 0}
    path(callback, stand_in(1.0), [0.5, 0.5, 0.5])
    assert callback.state_dict() == {"best": 0.5, "bad_epochs": 0, "cooldown_left": 2}


def test_repr():
    assert repr(ReduceOnPlateau("cost", 0.5, 3)) == "ReduceOnPlateau('cost', factor=0.5, patience=3)"
    assert repr(ReduceOnPlateau()) == "ReduceOnPlateau('validation_cost', factor=0.1, patience=10)"


def test_defaults_are_pytorch_s():
    callback = ReduceOnPlateau()
    assert (callback.factor, callback.patience, callback.threshold, callback.threshold_mode) == (
        0.1,
        10,
        1e-4,
        "relative",
    )
    assert (callback.cooldown, callback.minimum) == (0, 0.0)


# ---- errors -------------------------------------------------------------------------------------
def test_a_schedule_is_refused_before_training():
    trainer, _ = lowering(1.0)
    trainer.optimizer.learning_rate = nn.schedules.constant(0.1)
    message = (
        "ReduceOnPlateau: the optimizer's learning_rate is a schedule, constant(0.1), which says itself when "
        "the rate falls; give the optimizer a number, or leave this callback out"
    )
    assert_says(lambda: halving.fit(trainer), InvalidValueError, message)
    assert halving.weight(trainer) == 1.0


def test_a_column_that_is_not_there():
    trainer = halving.trainer(ReduceOnPlateau())
    with pytest.raises(InvalidValueError, match="monitor='validation_cost': .* pass validation="):
        halving.fit(trainer)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"factor": 1.0}, InvalidValueError, "factor must be at least 0 and below 1, got 1.0"),
        ({"patience": -1}, InvalidValueError, "patience must be at least 0, got -1"),
        ({"patience": 1.5}, DtypeError, "patience must be an int, got 1.5"),
        ({"patience": 0.0}, DtypeError, "patience must be an int, got 0.0"),
        ({"patience": False}, DtypeError, "patience must be an int, got False"),
        ({"threshold": 1.0}, InvalidValueError, "threshold must be at least 0 and below 1, got 1.0"),
        (
            {"threshold": -1.0, "threshold_mode": "absolute"},
            InvalidValueError,
            "threshold must be at least 0, got -1.0",
        ),
        ({"threshold_mode": "rel"}, InvalidValueError, 'threshold_mode must be "relative" or "absolute", got \'rel\''),
        ({"cooldown": -1}, InvalidValueError, "cooldown must be at least 0, got -1"),
        ({"minimum": -0.1}, InvalidValueError, "minimum must be at least 0, got -0.1"),
    ],
)
def test_arguments_are_checked_at_once(keywords, error, message):
    assert_says(lambda: ReduceOnPlateau(**keywords), error, f"ReduceOnPlateau: {message}")


def test_what_is_allowed_at_the_edges():
    callback = ReduceOnPlateau("cost", 0, np.int64(0), 2, "absolute", np.int8(0), 0)
    assert (callback.factor, callback.patience, callback.threshold, callback.cooldown) == (0.0, 0, 2.0, 0)
