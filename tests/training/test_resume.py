"""Resuming bit for bit: from every batch of small runs of many kinds, from files, after kills and damage."""

from __future__ import annotations

import numpy as np
import pytest
from training.runs import LABELS, RUNS, X, differences, network, plain

import tinynn as nn
from tinynn.errors import CheckpointError
from tinynn.storage import container, packing
from tinynn.training import Trainer, state

EPOCHS = 2


class Break(Exception):
    """Where a run is broken off."""


class BreakAfter:
    """Saves after batch `count`, over all epochs, and breaks the run off."""

    def __init__(self, count, path):
        self.left, self.path = count, path

    def on_batch_end(self, trainer, cost):
        self.left -= 1
        if self.left == 0:
            trainer.save_checkpoint(self.path)
            raise Break


def run(make, *callbacks, epochs=EPOCHS, load=None):
    trainer, batches = make()
    trainer.callbacks = callbacks
    if load is not None:
        trainer.load_checkpoint(load)
    trainer.fit(batches, epochs, progress=False)
    return trainer


def check_every_batch(make, tmp_path):
    """A run that is broken off after any batch, and resumed, ends as if it had not been."""
    whole = run(make)
    path = tmp_path / "checkpoint.npz"
    for count in range(1, EPOCHS * len(make()[1]) + 1):
        with pytest.raises(Break):
            run(make, BreakAfter(count, path))
        resumed = run(make, load=path)
        assert len(resumed.history) == EPOCHS
        assert differences(whole, resumed) == [], f"resumed after batch {count}"


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_a_run_goes_on_bit_for_bit_from_every_batch(make, tmp_path):
    check_every_batch(make, tmp_path)


class Borrowing:
    """Batches with noise from a layer's generator, which no attribute of its own holds."""

    def __init__(self, layer):
        self.layer = layer

    def __iter__(self):
        for k in range(0, 37, 10):
            noise = self.layer.rng.normal(0, 0.1, X[k : k + 10].shape)
            yield X[k : k + 10] + noise.astype(np.float32), LABELS[k : k + 10]

    def __len__(self):
        return 4


def test_batches_may_draw_from_the_model_s_generator(tmp_path):
    def make():
        model = network(nn.ReLU(), nn.Dropout(0.3))
        return Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.1)), Borrowing(model[2])

    check_every_batch(make, tmp_path)


def test_metrics_go_on_from_the_rows_that_they_have_seen_and_those_that_wait(tmp_path, monkeypatch):
    """37 rows in eights, of which metrics see eighteen at a time at most."""
    monkeypatch.setattr("tinynn.training.measured.ROWS", 18)
    check_every_batch(RUNS[2], tmp_path)


@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_a_run_goes_on_bit_for_bit_between_epochs_and_twice(make, tmp_path):
    whole = run(make, epochs=3)
    for k in (1, 2):
        run(make, epochs=k, load=tmp_path / "1" if k > 1 else None).save_checkpoint(tmp_path / str(k))
    assert differences(whole, run(make, epochs=3, load=tmp_path / "2")) == []


def test_the_test_sees_a_generator_that_was_forgotten(tmp_path, monkeypatch):
    make = RUNS[2]
    whole = run(make)
    with pytest.raises(Break):
        run(make, BreakAfter(6, tmp_path / "c"))
    monkeypatch.setattr("tinynn.training.generators.restore", lambda *arguments: None)
    assert differences(whole, run(make, load=tmp_path / "c")) != []


# ---- how many epochs --------------------------------------------------------------------------------
def test_after_a_checkpoint_epochs_count_in_total_as_the_program_asked(tmp_path):
    first = run(plain, epochs=2)
    first.save_checkpoint(tmp_path / "c")
    trainer, batches = plain()
    trainer.load_checkpoint(tmp_path / "c")
    assert len(trainer.fit(batches, 1, progress=False)) == 2  # one is done, and one more
    assert len(trainer.fit(batches, 1, progress=False)) == 2
    assert len(trainer.fit(batches, 2, progress=False)) == 4
    assert trainer.epochs == 4
    assert len(first.fit(batches, 2, progress=False)) == 4  # without a checkpoint: more


def test_a_broken_fit_after_a_checkpoint_can_be_asked_for_again(tmp_path):
    run(plain, epochs=1).save_checkpoint(tmp_path / "c")
    trainer, batches = plain()
    trainer.load_checkpoint(tmp_path / "c")
    trainer.callbacks = (BreakAfter(2, tmp_path / "d"),)
    with pytest.raises(Break):
        trainer.fit(batches, 3, progress=False)
    assert len(trainer.fit(batches, 3, progress=False)) == 3


def averages():
    return nn.ExponentialMovingAverage(0.9)


@pytest.mark.parametrize("kinds", [(), (nn.GradientMonitor, nn.LearningRateLogger), (nn.TerminateOnNaN, averages)])
def test_a_checkpoint_that_waits_for_its_fit_can_be_saved_again(kinds, tmp_path):
    whole = run(plain, *(kind() for kind in kinds))
    with pytest.raises(Break):
        run(plain, *(kind() for kind in kinds), BreakAfter(6, tmp_path / "1"))
    trainer, _ = plain()
    trainer.callbacks = tuple(kind() for kind in kinds)
    trainer.load_checkpoint(tmp_path / "1")
    trainer.save_checkpoint(tmp_path / "2")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert differences(whole, run(plain, *(kind() for kind in kinds), load=tmp_path / "2")) == []


# ---- what does not fit ------------------------------------------------------------------------------
def saved(tmp_path):
    with pytest.raises(Break):
        run(RUNS[2], BreakAfter(6, tmp_path / "c"))
    return tmp_path / "c"


def other_width():
    model = nn.Sequential(nn.Dense(64, 13), nn.ReLU(), nn.Dropout(0.3), nn.Dense(13, 10), rng=1)
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(model))


def one_layer_more():
    model = network(nn.ReLU(), nn.Dropout(0.3), nn.Dense(12, 12))
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(model))


def other_optimizer():
    model = network(nn.ReLU(), nn.Dropout(0.3))
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model))


def other_options():
    model = network(nn.ReLU(), nn.Dropout(0.3))
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(model, amsgrad=True))


def no_dropout():
    model = network(nn.ReLU(), nn.Identity())
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(model))


def other_generator():
    model = network(nn.ReLU(), nn.Dropout(0.3))
    model[2].rng = np.random.Generator(np.random.MT19937(0))
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(model))


def more_groups():
    model = network(nn.ReLU(), nn.Dropout(0.3))
    groups = [{"parameters": model[0]}, {"parameters": model[3]}]
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(groups))


class Remembering:
    """A callback that refuses its state."""

    def __init__(self, refuses=False):
        self.refuses = refuses

    def state_dict(self):
        return {"a": 1}

    def load_state_dict(self, state):
        if self.refuses:
            raise RuntimeError("no, thank you")

    def on_fit_end(self, trainer):
        pass


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            other_width,
            ["0.weight has shape (12, 64) instead of (13, 64)", "3.weight has shape (10, 12) instead of (10, 13)"],
        ),
        (one_layer_more, ["4.weight is missing", "3.weight has shape"]),
        (other_optimizer, ["SGD", "'Adam'"]),
        (other_options, ["slots", "build it with the same options"]),
        (no_dropout, ["model.2.rng is not there"]),
        (other_generator, ["model.2.rng is a MT19937, saved was a PCG64"]),
        (more_groups, ["has 2 groups of parameters, saved were 1"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_checkpoint_of_another_network_is_named_and_nothing_changes(make, words, tmp_path):
    path = saved(tmp_path)
    trainer = make()
    before = state.capture(trainer)
    with pytest.raises(CheckpointError) as caught:
        trainer.load_checkpoint(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)
    assert differences(before, state.capture(trainer)) == []
    assert len(trainer.history) == 0
    trainer.fit(nn.Batches(X, LABELS, 10, rng=0), 1, progress=False)


def test_a_state_that_lacks_a_part_names_it(tmp_path):
    trainer, _ = plain()
    held = state.capture(trainer)
    del held["history"]
    container.write(tmp_path / "c", "checkpoint", *packing.pack(held))
    with pytest.raises(CheckpointError, match="c does not fit this trainer: 'history' is missing"):
        trainer.load_checkpoint(tmp_path / "c")


def test_a_callback_that_refuses_its_state_leaves_everything_as_it_was(tmp_path):
    run(plain, Remembering(), epochs=1).save_checkpoint(tmp_path / "c")
    trainer, _ = plain()
    trainer.callbacks = (Remembering(refuses=True),)
    before = trainer.model.state_dict()
    with pytest.raises(CheckpointError, match="does not fit this trainer: no, thank you"):
        trainer.load_checkpoint(tmp_path / "c")
    assert differences(before, trainer.model.state_dict()) == []
    assert trainer.optimizer.steps == 0


def test_an_epoch_goes_on_over_the_same_data_alone(tmp_path):
    path = saved(tmp_path)
    for batches in (nn.Batches(X[:30], LABELS[:30], 8, drop_last=True), nn.Batches(X, LABELS, 9, drop_last=True)):
        trainer, _ = RUNS[2]()
        trainer.load_checkpoint(path)
        with pytest.raises(CheckpointError, match="middle of an epoch over .*37 samples, batch_size=8"):
            trainer.fit(batches, 3, progress=False)


def test_the_next_epoch_may_have_other_data(tmp_path):
    run(plain, epochs=1).save_checkpoint(tmp_path / "c")
    trainer, _ = plain()
    trainer.load_checkpoint(tmp_path / "c")
    other = nn.Batches(X[:20], np.eye(10, dtype=np.float32)[LABELS[:20]], 5, rng=9)
    assert len(trainer.fit(other, 2, progress=False)) == 2
    assert trainer.optimizer.steps == 4 + 4


@pytest.mark.parametrize(
    ("before", "now", "fits"),
    [
        (([], 2), ([], 2), True),
        (([], 2), ([], 3), True),
        (([nn.Accuracy()], 1), ([], 1), True),
        (([], 2), ([], 1), False),
        (([], 1), ([], 2), False),
        (([], 1), ([nn.Accuracy()], 1), False),
        (([nn.Accuracy()], 1), ([nn.Accuracy(), nn.TopKAccuracy(3)], 1), False),
    ],
)
def test_an_epoch_goes_on_with_the_same_metrics_and_accumulate_alone(before, now, fits, tmp_path):
    def make(metrics, accumulate):
        model = network(nn.ReLU())
        loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(model)
        trainer = Trainer(model, loss, optimizer, metrics=metrics, accumulate=accumulate)
        return trainer, nn.Batches(X, LABELS, 10, rng=0)

    with pytest.raises(Break):
        run(lambda: make(*before), BreakAfter(3, tmp_path / "c"))
    trainer, batches = make(*now)
    trainer.load_checkpoint(tmp_path / "c")
    waiting = state.capture(trainer)
    if fits:
        assert len(trainer.fit(batches, 1, progress=False)) == 1
        return
    for _ in range(2):
        with pytest.raises(CheckpointError, match="other metrics or another accumulate; give the Trainer the same"):
            trainer.fit(batches, 1, progress=False)
        assert differences(waiting, state.capture(trainer)) == []


def test_a_schedule_of_ones_own_must_be_given_again(tmp_path):
    model = network(nn.Sigmoid())
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, lambda step: 0.1))
    trainer.save_checkpoint(tmp_path / "c")
    with pytest.raises(CheckpointError, match="schedule of its own"):
        Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.1)).load_checkpoint(tmp_path / "c")


def test_a_schedule_of_ours_and_a_changed_rate_come_back_with_the_checkpoint(tmp_path):
    model = network(nn.Sigmoid())
    optimizer = nn.SGD([{"parameters": model[0]}, {"parameters": model[2], "weight_decay": 0.5}], 0.1)
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), optimizer)
    optimizer.learning_rate = nn.schedules.cosine(0.3, 100)
    optimizer.groups[0].learning_rate, optimizer.groups[1].weight_decay = 0.25, 0.125
    trainer.save_checkpoint(tmp_path / "c")
    optimizer.learning_rate, optimizer.groups[0].learning_rate, optimizer.groups[1].weight_decay = 1.0, None, 0.5
    trainer.load_checkpoint(tmp_path / "c")
    assert optimizer.learning_rate == nn.schedules.cosine(0.3, 100)
    assert (optimizer.groups[0].learning_rate, optimizer.groups[1].weight_decay) == (0.25, 0.125)


@pytest.mark.parametrize(
    "call",
    [
        lambda trainer, path: trainer.load_checkpoint(path / "c"),
        lambda trainer, path: trainer.resume(path),
        lambda trainer, path: trainer.fit(trainer.batches, 1),
    ],
)
@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end", "on_fit_start"])
def test_a_fit_that_runs_is_not_disturbed(call, hook, tmp_path):
    class Meddler:
        def __init__(self):
            setattr(self, hook, lambda trainer, *arguments: call(trainer, tmp_path))

    run(plain, epochs=1).save_checkpoint(tmp_path / "c")
    trainer, batches = plain()
    trainer.callbacks = (Meddler(),)
    with pytest.raises(nn.StateError, match="fit is running"):
        trainer.fit(batches, 1, progress=False)
    trainer.callbacks = ()
    trainer.load_checkpoint(tmp_path / "c")  # it is over now
    assert len(trainer.fit(batches, 1, progress=False)) == 1
