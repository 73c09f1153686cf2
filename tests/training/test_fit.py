"""fit: metrics of the training itself, validation from Batches, stops, a sample, hooks that come last."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.training import Trainer
from tinynn.training.measured import Measured

X, LABELS = nn.data.load_digits()


def digits_trainer(**keywords):
    model = nn.Sequential(nn.Dense(64, 10), rng=0)
    return Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, keywords.pop("rate", 0.1)), **keywords)


# ---- metrics of the training batches --------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 7, 300, 1500])
@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 1500])
def test_training_metrics_are_those_of_all_batches(size, samples):
    """With learning rate 0 the parameters do not move: what training saw is what evaluation sees."""
    trainer = digits_trainer(rate=0.0, metrics=[nn.Accuracy(), nn.ConfusionMatrix(10)])
    x, labels = X[:samples], LABELS[:samples]
    history = trainer.fit(nn.Batches(x, labels, size, rng=0), 1, progress=False)
    figures = trainer.evaluate(x, labels)
    assert history["accuracy"] == [figures["accuracy"]]
    assert history["confusion_matrix"][0].tolist() == figures["confusion_matrix"].tolist()


def test_a_metric_sees_each_row_once_a_thousand_at_a_time():
    class Rows(nn.metrics.Metric):
        name = "rows"

        def reset(self):
            self.seen, self.calls = [], []

        def update(self, prediction, target):
            self.seen += zip(prediction[:, 0].tolist(), target.tolist(), strict=True)
            self.calls.append(len(target))

        def result(self):
            return sorted(self.seen), self.calls

    measured = Measured([Rows()])
    batch, target = np.empty((100, 1)), np.empty(100, int)  # overwritten again and again, as training does
    for k in range(25):
        batch[:, 0], target[:] = np.arange(100 * k, 100 * k + 100), np.arange(100 * k, 100 * k + 100)
        measured.add(batch, target)
        assert (measured.running() == {}) == (k < 10)
    measured.add(np.full((3000, 1), 7.0), np.full(3000, 8))  # more rows than a block
    measured.add(np.full((2, 2), 9.0), np.full(2, 9))  # another shape
    measured.add(np.full((2, 2), 9.0, np.float32), np.full(2, 9))  # another dtype
    assert measured.results() == measured.results()  # nothing is seen twice
    seen, calls = measured.results()["rows"]
    assert calls == [1000, 1000, 500, 3000, 2, 2]
    assert seen == sorted([(float(k), k) for k in range(2500)] + [(7.0, 8)] * 3000 + [(9.0, 9)] * 4)


def test_the_trainers_own_metrics_are_left_alone_by_training():
    metric = nn.Accuracy()
    trainer = digits_trainer(metrics=[metric])
    trainer.fit(nn.Batches(X[:100], LABELS[:100], rng=0), 1, progress=False)
    assert metric.count == 0
    assert trainer.running() == {}


def test_running_figures_within_an_epoch():
    class Look:
        seen = ()

        def on_batch_end(self, trainer, cost):
            figures = trainer.running()
            assert figures.pop("samples_per_second") > 0
            self.seen += ((trainer.batches_done, cost, figures),)

    look = Look()
    trainer = digits_trainer(metrics=[nn.Accuracy()], callbacks=[look])
    trainer.fit(nn.Batches(X, LABELS, 1000, rng=0), 1, progress=False)
    (first, cost, figures), (second, last_cost, at_end) = look.seen
    assert (first, second) == (1, 2)
    assert figures == {"cost": cost}
    assert at_end["cost"] == pytest.approx((1000 * cost + 797 * last_cost) / 1797, rel=1e-12)
    assert list(at_end) == ["cost", "accuracy"]
    assert trainer.batches_done == 0


# ---- validation -----------------------------------------------------------------------------------
@pytest.mark.parametrize("batch_size", [1, 64, 499, 500, None])
def test_validation_from_batches_is_validation_of_their_arrays(batch_size):
    results = []
    for validation in ((X[:500], LABELS[:500]), nn.Batches(X[:500], LABELS[:500], batch_size, rng=7)):
        trainer = digits_trainer(metrics=[nn.Accuracy()])
        history = trainer.fit(nn.Batches(X, LABELS, 100, rng=0), 2, validation=validation, progress=False)
        results.append((history["validation_cost"], history["validation_accuracy"]))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    assert results[0][1] == results[1][1]


def test_validation_from_batches_draws_nothing_converts_and_cuts():
    images = (X * 255).astype(np.uint8)
    batches = nn.Batches(images[:250], LABELS[:250], 100, scale=1 / 255, drop_last=True, rng=3)
    before = batches.rng.bit_generator.state
    trainer = digits_trainer()
    history = trainer.fit(nn.Batches(X, LABELS, 100, rng=0), 1, validation=batches, progress=False)
    assert batches.rng.bit_generator.state == before
    expected = trainer.evaluate(images[:200] / np.float32(255), LABELS[:200])["cost"]
    assert history["validation_cost"] == [pytest.approx(expected, rel=1e-6)]


# ---- ends -----------------------------------------------------------------------------------------
class StopAt:
    """Asks to stop in one of the hooks, after `count` calls of it."""

    def __init__(self, hook, count=1):
        self.calls = 0
        setattr(self, hook, lambda trainer, *arguments: self.count(trainer, count))

    def count(self, trainer, count):
        self.calls += 1
        if self.calls == count:
            trainer.stop("enough")


@pytest.mark.parametrize(
    ("hook", "count", "epochs", "steps"),
    [
        ("on_fit_start", 1, 0, 0),
        ("on_epoch_start", 2, 1, 2),
        ("on_batch_end", 1, 0, 1),
        ("on_batch_end", 2, 0, 2),
        ("on_batch_end", 3, 1, 3),
        ("on_epoch_end", 2, 2, 4),
    ],
)
def test_stop(hook, count, epochs, steps):
    trainer = digits_trainer(callbacks=[StopAt(hook, count)])
    history = trainer.fit(nn.Batches(X, LABELS, 1000, rng=0), 5, progress=False)
    assert (len(history), trainer.optimizer.steps) == (epochs, steps)
    assert (trainer.stop_reason, trainer.finished) == ("enough", True)
    trainer.fit(nn.Batches(X, LABELS, 1000, rng=0), 1, progress=False)  # asked once, it goes on now
    assert len(history) == epochs + 1
    assert trainer.stop_reason is None


def test_a_reason_is_a_text():
    with pytest.raises(DtypeError, match="reason must be a str, got True"):
        digits_trainer().stop(True)


def test_finished_says_whether_training_ended_as_it_should():
    class Notes:
        seen = ()

        def on_epoch_end(self, trainer, figures):
            self.seen += (trainer.finished,)
            if len(trainer.history) == 3:
                raise ZeroDivisionError

        def on_fit_end(self, trainer):
            self.seen += (trainer.finished, trainer.epochs)

    notes = Notes()
    trainer = digits_trainer(callbacks=[notes])
    trainer.fit(nn.Batches(X, LABELS, 1000, rng=0), 1, progress=False)
    with pytest.raises(ZeroDivisionError):
        trainer.fit(nn.Batches(X, LABELS, 1000, rng=0), 3, progress=False)
    assert notes.seen == (False, True, 1, False, False, False, 4)


def test_every_callback_hears_of_the_end_whatever_another_one_does():
    class Fails:
        def on_fit_end(self, trainer):
            raise ZeroDivisionError

    class Hears:
        heard = 0

        def on_fit_end(self, trainer):
            self.heard += 1

    hears = Hears(), Hears()
    trainer = digits_trainer(callbacks=[hears[0], Fails(), hears[1]])
    trainer.model.eval()
    with pytest.raises(ZeroDivisionError):
        trainer.fit(nn.Batches(X, LABELS, 1000, rng=0), 1, progress=False)
    assert [each.heard for each in hears] == [1, 1]
    assert not trainer.model.training


# ---- hooks and samples ------------------------------------------------------------------------------
def test_a_callback_that_comes_last_does_so_wherever_it_stands():
    calls = []

    class First:
        comes_last = False

        def on_epoch_end(self, trainer, figures):
            calls.append("first")
            figures["added"] = 3

    class Last:
        comes_last = True

        def on_epoch_end(self, trainer, figures):
            calls.append(f"last {trainer.history[-1]['added']}")

    digits_trainer(callbacks=[Last(), First(), First()]).fit(nn.Batches(X, LABELS, 1000, rng=0), 1, progress=False)
    assert calls == ["first", "first", "last 3"]


def test_a_sample_of_batches_is_their_first_rows_as_the_model_gets_them():
    trainer = digits_trainer()
    images = (X * 255).astype(np.uint8)
    batches = nn.Batches(images, LABELS, 10, scale=1 / 255, rng=0)
    trainer.fit(batches, 1, progress=False)
    state = batches.rng.bit_generator.state
    x, labels = trainer.sample(20)
    np.testing.assert_array_equal(x, images[:20] * np.float32(1 / 255))
    assert labels.tolist() == LABELS[:20].tolist()
    assert batches.rng.bit_generator.state == state
    assert len(trainer.sample()[0]) == 256


def test_a_sample_of_another_source_is_its_first_batch():
    trainer = digits_trainer()
    with pytest.raises(InvalidValueError, match="no training data yet"):
        trainer.sample()
    trainer.fit([(X[:5], LABELS[:5]), (X[5:7], LABELS[5:7])], 1, progress=False)
    assert trainer.sample()[0].tolist() == X[:5].tolist()
    assert trainer.sample(2)[1].tolist() == LABELS[:2].tolist()


def test_metrics_take_targets_that_are_lists():
    model = nn.Sequential(nn.Dense(2, 2), rng=0)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.1), metrics=[nn.Accuracy()])
    x = np.eye(2, dtype=np.float32)
    right = [int(k) for k in model.predict(x).argmax(axis=1)]
    assert trainer.fit([(x, right), (x, right)], 1, progress=False)["accuracy"] == [1.0]
