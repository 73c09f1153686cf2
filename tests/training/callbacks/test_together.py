"""Callbacks side by side: resumed bit for bit from any batch, copied, pickled, broken off, used twice."""

import copy
import csv
import pickle
import signal

import numpy as np
import pytest
from training import runs
from training.callbacks.halving import NAN, Raises, fit, trainer, weight
from training.noted import noted

import tinynn as nn
from tinynn.storage import packing
from tinynn.training import (
    CSVLogger,
    EarlyStopping,
    ExponentialMovingAverage,
    GradientMonitor,
    LearningRateLogger,
    StochasticWeightAveraging,
    TerminateOnNaN,
)
from tinynn.training.state import capture

EPOCHS = 3
pytestmark = pytest.mark.filterwarnings("ignore::tinynn.errors.TrainingWarning")


def all_of_them(path):
    return [
        TerminateOnNaN(),
        ExponentialMovingAverage(0.9, every_steps=2),
        ExponentialMovingAverage(0.5, apply=False),
        StochasticWeightAveraging(2, learning_rate=0.01, apply=False),
        LearningRateLogger(),
        LearningRateLogger(every=3),
        GradientMonitor(),
        EarlyStopping("cost", patience=2, restore_best=False),
        EarlyStopping("cost", mode="max", patience=5),
        CSVLogger(path),
    ]


class Break(Exception):
    """Where a run is broken off."""


class BreakAfter:
    """Saves after `count` calls of its hook, and breaks the run off."""

    comes_last = True

    def __init__(self, hook, count, path):
        self.left, self.path = count, path
        setattr(self, hook, self._look)

    def on_batch_end(self, trained, cost):
        """So that it is a callback whatever the hook."""

    def _look(self, trained, *arguments):
        self.left -= 1
        if self.left == 0:
            trained.save_checkpoint(self.path)
            raise Break


class Recorder:
    """What a checkpoint would hold at each moment at which one may be written."""

    comes_last = True

    def __init__(self):
        self.held = {}

    def on_batch_end(self, trained, cost):
        self.held[len(trained.history), trained.batches_done, "batch"] = capture(trained)

    def on_epoch_end(self, trained, figures):
        self.held[len(trained.history), 0, "epoch"] = capture(trained)


def run(make, path, *callbacks, load=None):
    trained, batches = make()
    trained.callbacks = (*all_of_them(path), *callbacks)
    if load is not None:
        trained.load_checkpoint(load)
    trained.fit(batches, EPOCHS, progress=False)
    return trained


def table(path):
    """The file's rows without times."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in runs.TIMES:
            del row[name]
    return rows


@pytest.mark.parametrize("make", runs.RUNS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end"])
def test_a_run_goes_on_bit_for_bit_from_every_batch_and_epoch(make, hook, tmp_path):
    expected, found = Recorder(), Recorder()
    whole = run(make, tmp_path / "whole.csv", expected)
    calls = EPOCHS * len(make()[1]) if hook == "on_batch_end" else EPOCHS
    # Every batch of a run takes its time: the first, the last of an epoch, and steps between.
    for count in {1, 2, calls // EPOCHS, calls // EPOCHS + 2, calls - 1, calls}:
        with pytest.raises(Break):
            run(make, tmp_path / "killed.csv", BreakAfter(hook, count, tmp_path / "checkpoint"))
        found.held.clear()
        resumed = run(make, tmp_path / "killed.csv", found, load=tmp_path / "checkpoint")
        assert runs.differences(whole, resumed) == [], f"resumed after call {count} of {hook}"
        for moment, held in found.held.items():
            assert runs.differences(expected.held[moment], held) == [], f"{moment}, resumed after {count} of {hook}"
        assert table(tmp_path / "killed.csv") == table(tmp_path / "whole.csv")
        for ours, theirs in zip(resumed.callbacks, whole.callbacks, strict=True):
            assert runs.differences(public(ours), public(theirs)) == []


def public(callback):
    names = ("average", "count", "steps", "rates", "records", "best", "best_epoch", "stopped_epoch", "best_state")
    return {name: getattr(callback, name) for name in names if hasattr(callback, name)}


@pytest.mark.parametrize("count", range(1, 7))
def test_the_samples_of_a_resumed_epoch_are_those_of_the_whole(count, tmp_path):
    """The monitor looks at the first batch of a list: another kills other units."""

    def looked(*callbacks, load=None):
        model = nn.Sequential(nn.Dense(1, 8), nn.ReLU(), nn.Dense(8, 1), rng=0)
        trained = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.01), callbacks=[GradientMonitor(), *callbacks])
        if load is not None:
            trained.load_checkpoint(load)
        return fit(trained, 2, data=[(np.full((2, 1), x), np.ones((2, 1))) for x in (-1.0, 2.0, 0.0)])

    whole = looked()
    with pytest.raises(Break):
        looked(BreakAfter("on_batch_end", count, tmp_path / "checkpoint"))
    resumed = looked(load=tmp_path / "checkpoint")
    assert whole.callbacks[0].records[0]["dead"]["1"] > 0
    assert runs.differences(whole, resumed) == []


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("count", range(1, 7))
def test_a_run_that_diverges_is_resumed_to_the_same_end(count, accumulate, tmp_path):
    def diverged(*callbacks, load=None):
        trained = trainer(*all_of_them(tmp_path / "a.csv"), *callbacks, optimizer=nn.NAdam, accumulate=accumulate)
        if load is not None:
            trained.load_checkpoint(load)
        return fit(trained, 1, data=[(np.ones((1, 1)), np.zeros((1, 1)))] * 6 + [NAN])

    whole = diverged()
    assert "TerminateOnNaN" in whole.stop_reason
    with pytest.raises(Break):
        diverged(BreakAfter("on_batch_end", count, tmp_path / "checkpoint"))
    resumed = diverged(load=tmp_path / "checkpoint")
    assert runs.differences(whole, resumed) == []
    assert resumed.stop_reason == whole.stop_reason


@pytest.mark.parametrize("make", [runs.plain, runs.groups_with_schedules], ids=lambda make: make.__name__)
def test_what_a_checkpoint_holds_after_the_end_goes_on_like_the_trainer_itself(make, tmp_path):
    def callbacks():
        # Those that count from fit to fit; EarlyStopping and TerminateOnNaN look at one fit each.
        return [each for each in all_of_them(tmp_path / "a.csv") if hasattr(each, "_run")]

    first, batches = make()
    first.callbacks = tuple(callbacks())
    fit(first, 2, data=batches)
    first.save_checkpoint(tmp_path / "checkpoint")
    second, again = make()
    second.callbacks = tuple(callbacks())
    second.load_checkpoint(tmp_path / "checkpoint")
    assert runs.differences(first, second) == []
    fit(first, 2, data=batches)
    fit(second, 4, data=again)
    assert runs.differences(first, second) == []


@pytest.mark.parametrize("make", [runs.plain, runs.groups_with_schedules], ids=lambda make: make.__name__)
def test_a_trainer_that_goes_back_comes_to_the_same_end(make, tmp_path):
    with pytest.raises(Break):
        run(make, tmp_path / "a.csv", BreakAfter("on_batch_end", 6, tmp_path / "checkpoint"))
    trained = run(make, tmp_path / "a.csv")
    before = capture(trained)
    for _ in range(2):
        trained.load_checkpoint(tmp_path / "checkpoint")
        assert len(trained.history) == 1
        trained.fit(make()[1], EPOCHS, progress=False)
        assert runs.differences(before, capture(trained)) == []


def test_the_state_is_what_a_checkpoint_can_hold_and_a_copy(tmp_path):
    trained, batches = runs.dropout_with_metrics_and_clipping()
    trained.callbacks = tuple(all_of_them(tmp_path / "a.csv"))
    states = []

    class Looks:
        comes_last = True

        def on_epoch_end(self, trained, figures):
            states.append([each.state_dict() for each in trained.callbacks if hasattr(each, "state_dict")])
            packed.append(packing.unpack(*packing.pack(states[-1])))

    packed = []
    trained.callbacks += (Looks(),)
    fit(trained, EPOCHS, data=batches)
    assert runs.differences(states, packed) == []  # later epochs did not write into earlier states
    assert runs.differences(states[0], states[1]) != []


# ---- copies -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda trained: pickle.loads(pickle.dumps(trained))])
def test_a_copied_trainer_goes_on_like_the_first_and_apart_from_it(copied, tmp_path):
    trained, batches = runs.dropout_with_metrics_and_clipping()
    trained.callbacks = tuple(all_of_them(tmp_path / "a.csv"))
    fit(trained, 2, data=batches)
    twin, again = copied(trained), copy.deepcopy(batches)
    before = capture(trained)
    fit(twin, 2, data=again)
    assert runs.differences(before, capture(trained)) == []
    fit(trained, 2, data=batches)
    assert runs.differences(trained, twin) == []
    ema = twin.callbacks[2]
    with ema.applied():
        assert np.array_equal(twin.optimizer.vector.value, ema.average)


def test_each_callback_can_be_copied_in_the_middle_of_a_fit(tmp_path):
    copies = []

    class Copies:
        comes_last = True

        def on_batch_end(self, trained, cost):
            copies[:] = [copy.deepcopy(each) for each in all_callbacks], pickle.loads(pickle.dumps(all_callbacks))

    all_callbacks = all_of_them(tmp_path / "a.csv")
    trained, batches = runs.plain()
    trained.callbacks = (*all_callbacks, Copies())
    fit(trained, 1, data=batches)
    for copied in copies:
        assert list(map(repr, copied)) == list(map(repr, all_callbacks))
        trained, batches = runs.plain()
        trained.callbacks = tuple(copied)
        fit(trained, 1, data=batches)


# ---- two fits, two trainers, errors -------------------------------------------------------------------
def test_callbacks_begin_anew_with_another_trainer(tmp_path):
    used = all_of_them(tmp_path / "a.csv")
    trained, batches = runs.plain()
    trained.callbacks = tuple(used)
    fit(trained, 2, data=batches)
    results = []
    for callbacks in (used, all_of_them(tmp_path / "a.csv")):
        trained, batches = runs.true_sgd_in_float64()
        trained.callbacks = tuple(callbacks)
        results.append(capture(fit(trained, 2, data=batches)))
    assert runs.differences(*results) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("hook", ["on_fit_start", "on_epoch_start", "on_batch_end", "on_epoch_end", "on_fit_end"])
@pytest.mark.parametrize("first", [True, False])
def test_an_error_in_another_callback_leaves_all_usable(hook, error, first, tmp_path):
    broken, callbacks = Raises(hook, 1, error), all_of_them(tmp_path / "a.csv")
    trained, batches = runs.dropout_with_metrics_and_clipping()
    trained.callbacks = (broken, *callbacks) if first else (*callbacks, broken)
    with pytest.raises(error):
        fit(trained, 2, data=batches)
    epochs = len(trained.history)
    fit(trained, 1, data=batches)
    assert len(trained.history) == epochs + 1
    assert (tmp_path / "a.csv").read_text() == trained.history.to_csv()
    assert np.isfinite(trained.optimizer.vector.value).all()


@pytest.fixture
def ctrl_c():
    """Python's own handler of Ctrl-C, which a test run in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end"])
def test_ctrl_c_leaves_what_was_trained_and_all_goes_on(hook, ctrl_c, tmp_path):
    class Interrupts:
        def on_batch_end(self, trained, cost):
            if hook == "on_batch_end" and trained.optimizer.steps == 3:
                ctrl_c()

        def on_epoch_end(self, trained, figures):
            if hook == "on_epoch_end":
                ctrl_c()

    ema, stopping = ExponentialMovingAverage(0.5), EarlyStopping("cost", mode="max")
    trained = trainer(Interrupts(), ema, stopping, TerminateOnNaN(), CSVLogger(tmp_path / "a.csv"))
    with pytest.raises(KeyboardInterrupt):
        fit(trained, 5, 3)
    assert (weight(trained), trained.optimizer.steps, trained.finished) == (0.125, 3, False)
    assert ema.average.item() == 0.25
    trained.callbacks = trained.callbacks[1:]
    fit(trained, 1, 1)
    assert trained.optimizer.steps == 4
    assert ema.average.item() == (0.25 + 0.0625) / 2
    assert (tmp_path / "a.csv").read_text() == trained.history.to_csv()


def test_a_diverged_run_goes_on_with_a_lower_rate():
    x, labels = nn.data.load_digits()
    model = nn.Sequential(nn.Dense(64, 10), rng=0)
    ema, stopping = ExponentialMovingAverage(0.5), EarlyStopping("cost")
    trained = nn.Trainer(model, nn.MSE(), nn.SGD(model, 1e5), callbacks=[TerminateOnNaN(), ema, stopping])
    batches = nn.Batches(x, nn.one_hot(labels, 10), 100, rng=0)
    with np.errstate(all="ignore"), noted("TerminateOnNaN"):
        fit(trained, 3, data=batches)
    assert np.isfinite(trained.optimizer.vector.value).all() and np.isfinite(ema.average).all()
    trained.optimizer.learning_rate = 0.01
    fit(trained, 4, data=batches)
    costs = trained.history["cost"][-4:]
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0] / 2
