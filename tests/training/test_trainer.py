"""The trainer: an epoch worked by hand, the bare loop bit for bit, modes, callbacks, Ctrl-C, refusals."""

import copy
import re
import signal
import threading

import numpy as np
import pytest

import tinynn as nn
from tinynn.errors import DivergedError, DtypeError, InvalidValueError, ShapeError, StateError
from tinynn.metrics import R2, Accuracy, ConfusionMatrix
from tinynn.training import Trainer
from tinynn.training.checks import checked_data

X = np.array([[1.0], [2.0], [3.0]])
Y = np.zeros((3, 1))
#: Two batches of two samples and of one.
TWO_BATCHES = [(X[:2], Y[:2]), (X[2:], Y[2:])]


def one_weight(value=1.0):
    """y = w x, float64."""
    model = nn.Sequential(nn.Dense(1, 1, bias=False, dtype=np.float64))
    model[0].weight.value = [[value]]
    return model


def one_weight_trainer(learning_rate=0.1, loss=None, **keywords):
    model = one_weight()
    return Trainer(model, loss or nn.MSE(), nn.SGD(model, learning_rate), **keywords)


def weight(trainer):
    return trainer.model[0].weight.value.item()


class Spy(nn.Layer):
    """Passes everything on and notes the mode that each forward ran in."""

    def __init__(self):
        self.modes = []

    def forward(self, x):
        self.modes.append(self.training)
        return x

    def backward(self, grad):
        return grad


class LossThat(nn.MSE):
    """MSE that calls `does` in its forward number `when`, and puts the result in place of the cost."""

    def __init__(self, when, does):
        super().__init__()
        self.when, self.does, self.calls = when, does, []

    def forward(self, prediction, target, sample_weight=None):
        cost = super().forward(prediction, target, sample_weight)
        self.calls.append(cost)
        if len(self.calls) == self.when:
            changed = self.does()
            return cost if changed is None else changed
        return cost


class Recorder:
    """A callback with all hooks; notes each call."""

    def __init__(self):
        self.calls = []

    def on_fit_start(self, trainer):
        self.calls.append("fit start")

    def on_epoch_start(self, trainer):
        self.calls.append(f"epoch start {len(trainer.history)}")

    def on_batch_end(self, trainer, cost):
        self.calls.append(f"batch end {trainer.optimizer.steps} {cost:.5f}")

    def on_epoch_end(self, trainer, figures):
        assert figures["cost"] == trainer.history["cost"][-1]
        self.calls.append(f"epoch end {len(trainer.history)}")

    def on_fit_end(self, trainer):
        self.calls.append("fit end")


# ---- what an epoch is -----------------------------------------------------------------------------


def test_an_epoch_by_hand():
    trainer = one_weight_trainer(metrics=[R2()])
    history = trainer.fit(TWO_BATCHES, 1, validation=([[2.0], [4.0]], [[0.0], [1.0]]), progress=False)
    # Batch 1: a = 1, 2; C = (1 + 4)/4 = 1.25; ∂C/∂w = (1 + 4)/2 = 2.5; w = 0.75
    # Batch 2: a = 2.25; C = 2.25²/2 = 2.53125; ∂C/∂w = 2.25 · 3 = 6.75; w = 0.075
    assert weight(trainer) == pytest.approx(0.075, rel=1e-12)
    assert history["cost"] == [pytest.approx((2 * 1.25 + 2.53125) / 3, rel=1e-12)]
    # Validation with w = 0.075: a = 0.15, 0.3, so Σ (a − y)² = 0.0225 + 0.49 and Σ (y − ȳ)² = 0.5
    assert history["validation_cost"] == [pytest.approx(0.5125 / 4, rel=1e-12)]
    assert history["validation_r2"] == [pytest.approx(1 - 0.5125 / 0.5, rel=1e-9)]
    # The last batch's ∂C/∂w; R² of constant targets that are missed is 0, as in scikit-learn.
    assert (history["gradient_norm"], history["r2"]) == ([pytest.approx(6.75, rel=1e-12)], [0.0])
    assert history["learning_rate"] == [0.1]
    assert history is trainer.history
    assert history.names == [
        *("cost", "r2", "learning_rate", "gradient_norm", "seconds", "samples_per_second"),
        *("validation_cost", "validation_r2"),
    ]


def test_seconds_are_those_of_training_alone(monkeypatch):
    ticks = iter([9.0, 10.0, 12.0])  # the epoch is made, begins, ends
    monkeypatch.setattr("tinynn.training.epoch.time.perf_counter", lambda: next(ticks))
    history = one_weight_trainer().fit(TWO_BATCHES, 1, validation=(X, Y), progress=False)
    assert (history["seconds"], history["samples_per_second"]) == ([2.0], [1.5])


def test_a_clock_that_stands_still_is_no_division_by_zero(monkeypatch):
    monkeypatch.setattr("tinynn.training.epoch.time.perf_counter", lambda: 5.0)
    history = one_weight_trainer().fit(TWO_BATCHES, 1, progress=False)
    assert (history["seconds"], history["samples_per_second"]) == ([0.0], [pytest.approx(3e9)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_equals_the_bare_loop_bit_for_bit(dtype):
    x, labels = nn.data.load_digits(dtype=dtype)
    y = nn.one_hot(labels, 10, dtype=dtype)
    trained = nn.Sequential(nn.Dense(64, 9, dtype=dtype), nn.Sigmoid(), nn.Dense(9, 10, dtype=dtype), rng=1)
    bare = copy.deepcopy(trained)
    Trainer(trained, nn.MSE(), nn.Adam(trained), metrics=[Accuracy()]).fit(
        nn.Batches(x[:500], y[:500], 64, rng=2), 2, validation=(x[500:], y[500:]), progress=False
    )
    loss, optimizer, batches = nn.MSE(), nn.Adam(bare), nn.Batches(x[:500], y[:500], 64, rng=2)
    for _ in range(2):
        for batch, target in batches:
            loss.forward(bare.forward(batch), target)
            bare.backward_parameters(loss.backward())
            optimizer.step()
    for name, value in bare.state_dict().items():
        np.testing.assert_array_equal(trained.state_dict()[name], value)


def test_a_second_fit_goes_on():
    trainer = one_weight_trainer(learning_rate=lambda step: 0.1 / (1 + step))
    first = trainer.fit(TWO_BATCHES, 2, progress=False)
    second = trainer.fit(TWO_BATCHES, 1, validation=(X, Y), progress=False)
    assert first is second
    assert len(second) == 3
    assert trainer.optimizer.steps == 6
    assert second["learning_rate"] == pytest.approx([0.1, 0.1 / 3, 0.1 / 5])  # at each epoch's first step
    assert second["validation_cost"][:2] == [None, None]


def test_figures_that_are_arrays_are_kept():
    model = nn.Sequential(nn.Dense(1, 2, rng=0))
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model), metrics=[ConfusionMatrix()])
    history = trainer.fit(nn.Batches(X, [0, 1, 1], rng=0), 1, validation=(X, [0, 1, 1]), progress=False)
    assert history["validation_confusion_matrix"][0].sum(axis=1).tolist() == [1, 2]


def test_a_one_time_source_of_batches_does_for_one_epoch():
    trainer = one_weight_trainer()
    trainer.fit(iter(TWO_BATCHES), 1, progress=False)
    assert weight(trainer) == pytest.approx(0.075, rel=1e-12)


def test_clipping_comes_before_the_step_values_before_the_norm():
    x, y = np.array([[3.0, 4.0]]), np.array([[0.0]])
    results = {}
    for name, keywords in {
        "none": {},
        "value": {"clip_value": 3.5},
        "norm": {"clip_norm": 1.0},
        "loose": {"clip_norm": 6.0, "clip_value": 4.5},
        "both": {"clip_norm": 1.0, "clip_value": 3.0},
    }.items():
        model = nn.Sequential(nn.Dense(2, 1, bias=False, dtype=np.float64))
        model[0].weight.value = [[-1.0, 1.0]]  # a = 1, so ∂C/∂w = (3, 4)
        Trainer(model, nn.MSE(), nn.SGD(model, 1.0), **keywords).fit([(x, y)], 1, progress=False)
        results[name] = (np.array([-1.0, 1.0]) - model[0].weight.value[0]).tolist()
    assert results == {
        "none": pytest.approx([3.0, 4.0]),
        "value": pytest.approx([3.0, 3.5]),
        "norm": pytest.approx([0.6, 0.8], rel=1e-5),
        "loose": pytest.approx([3.0, 4.0]),
        "both": pytest.approx([0.5**0.5, 0.5**0.5], rel=1e-5),
    }


def test_progress_is_one_line_an_epoch_or_nothing(capsys):
    trainer = one_weight_trainer(metrics=[R2()])
    trainer.fit(TWO_BATCHES, 1, validation=(X, X))
    trainer.fit(TWO_BATCHES, 1, progress=False)
    trainer.fit(TWO_BATCHES, 8)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    figures = r"\d+\.\d\d s  [\d,]+ samples/s"
    assert re.fullmatch(rf"epoch 1/1  cost 1\.6771, r2 0\.0000  validation: cost \S+, r2 \S+  {figures}", lines[0])
    assert re.fullmatch(rf"epoch  3/10  cost \S+, r2 \S+  {figures}", lines[1])
    assert lines[-1].startswith("epoch 10/10  ")


# ---- modes and evaluation -------------------------------------------------------------------------


def test_fit_trains_in_training_mode_validates_in_evaluation_mode_and_restores_what_was():
    spies = Spy(), Spy()
    model = nn.Sequential(spies[0], nn.Dense(1, 1, dtype=np.float64), spies[1])
    model.eval()
    spies[0].training = True
    trainer = Trainer(model, nn.MSE(), nn.SGD(model))
    trainer.fit(TWO_BATCHES, 2, validation=(X, Y), progress=False)
    for spy in spies:
        # one row tried, then an epoch of two batches and the validation, twice
        assert spy.modes == [False, True, True, False, True, True, False]
    assert [layer.training for layer in model.layers_inside()] == [False, True, False, False]


def test_a_callback_that_leaves_evaluation_mode_behind_does_not_stop_training():
    class Meddler:
        def on_epoch_end(self, trainer, figures):
            trainer.model.eval()

    assert len(one_weight_trainer(callbacks=[Meddler()]).fit(TWO_BATCHES, 3, progress=False)) == 3


def test_evaluate_by_hand():
    model = nn.Sequential(nn.Dense(2, 2, bias=False, dtype=np.float64))
    model[0].weight.value = np.eye(2)
    trainer = Trainer(model, nn.MSE(), nn.SGD(model), metrics=[Accuracy(), ConfusionMatrix()])
    x, y = [[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    for batch_size in (1, 2, 3, 1024):
        figures = trainer.evaluate(x, y, batch_size)
        assert list(figures) == ["cost", "accuracy", "confusion_matrix"]
        assert figures["cost"] == pytest.approx((9 + 1) / 6, rel=1e-15)
        assert figures["accuracy"] == 2 / 3
        assert figures["confusion_matrix"].tolist() == [[1, 0], [1, 1]]
    assert trainer.evaluate(x[:1], y[:1])["accuracy"] == 1.0  # nothing is left from the calls before


def test_evaluate_is_exact_under_class_weights_whatever_the_batch_size():
    model = nn.Sequential(nn.Dense(1, 2, rng=0, dtype=np.float64))
    loss = nn.SoftmaxCrossEntropy(class_weights=[1.0, 9.0])
    trainer = Trainer(model, loss, nn.SGD(model))
    whole = loss.forward(model.predict(X), [0, 0, 1])
    assert trainer.evaluate(X, [0, 0, 1], batch_size=2)["cost"] == pytest.approx(whole, rel=1e-12)


def test_evaluate_between_forward_and_backward_changes_nothing():
    trainer = one_weight_trainer()
    model, loss = trainer.model, trainer.loss
    loss.forward(model.forward(X), Y)
    trainer.evaluate(np.ones((5, 1)), np.ones((5, 1)))
    assert model.training
    assert loss.backward().ravel().tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])


@pytest.mark.parametrize("mode", [True, False])
def test_evaluate_and_predict_use_evaluation_mode_and_restore_what_was(mode):
    spy = Spy()
    model = nn.Sequential(nn.Dense(1, 1, dtype=np.float64), spy).train(mode)
    trainer = Trainer(model, nn.MSE(), nn.SGD(model))
    trainer.evaluate(X, Y)
    trainer.predict(X)
    assert spy.modes == [False, False]
    assert all(layer.training is mode for layer in model.layers_inside())


def test_predict_takes_a_batch_size_and_gives_an_array_of_the_callers():
    trainer = one_weight_trainer()
    first = trainer.predict(X, batch_size=2)
    trainer.predict(X + 1)
    assert first.tolist() == X.tolist()
    with pytest.raises(InvalidValueError, match="batch_size"):
        trainer.predict(X, batch_size=0)


def test_data_are_taken_a_thousand_rows_at_a_time(monkeypatch):
    model, sizes = one_weight(), []
    predict = nn.Sequential.predict
    monkeypatch.setattr(nn.Sequential, "predict", lambda self, x, size: sizes.append(size) or predict(self, x, size))
    trainer = Trainer(model, nn.MSE(), nn.SGD(model))
    trainer.evaluate(X, Y)
    trainer.predict(X)
    trainer.evaluate(X, Y, 2)
    assert sizes == [1024, 1024, 2]


def test_samples_may_be_single_numbers():
    assert checked_data("evaluate", [1, 2], [3, 4])[0].tolist() == [1, 2]


def test_a_metric_that_saw_other_data_before_starts_anew():
    metric = R2()
    metric.update(np.zeros((2, 3)), np.eye(2, 3))
    trainer = one_weight_trainer(metrics=[metric])
    history = trainer.fit(TWO_BATCHES, 1, validation=(X, X), progress=False)
    # w = 0.075: Σ (y − a)² = 14 · 0.925², Σ (y − ȳ)² = 2
    assert history["validation_r2"] == [pytest.approx(1 - 7 * 0.925**2)]


# ---- callbacks ------------------------------------------------------------------------------------


def test_callbacks_are_called_in_order():
    recorder = Recorder()
    one_weight_trainer(callbacks=[recorder]).fit(TWO_BATCHES, 2, progress=False)
    costs = [f"{0.075**2 * 5 / 4:.5f}", f"{(0.075 * 0.75 * 3) ** 2 / 2:.5f}"]
    assert recorder.calls == [
        *("fit start", "epoch start 0", "batch end 1 1.25000", "batch end 2 2.53125", "epoch end 1"),
        *("epoch start 1", f"batch end 3 {costs[0]}", f"batch end 4 {costs[1]}", "epoch end 2", "fit end"),
    ]


def test_each_callback_is_called_and_hooks_may_be_missing():
    class Last:
        def on_epoch_end(self, trainer, figures):
            recorders[0].calls.append("last")

    recorders = Recorder(), Recorder()
    one_weight_trainer(callbacks=(recorders[0], Last(), recorders[1])).fit(TWO_BATCHES, 1, progress=False)
    assert recorders[0].calls[-3:] == ["epoch end 1", "last", "fit end"]
    assert recorders[1].calls[-2:] == ["epoch end 1", "fit end"]


def test_an_error_ends_the_fit_for_callbacks_and_restores_modes():
    recorder = Recorder()
    trainer = one_weight_trainer(loss=LossThat(4, lambda: 1 / 0), callbacks=[recorder])
    trainer.model.eval()
    with pytest.raises(ZeroDivisionError):
        trainer.fit(TWO_BATCHES, 5, progress=False)
    assert recorder.calls[-2:] == ["batch end 3 0.00703", "fit end"]
    assert not any(layer.training for layer in trainer.model.layers_inside())
    assert len(trainer.history) == 1


# ---- divergence -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", [np.nan, np.inf, -np.inf])
def test_a_cost_that_is_not_finite_stops_training_and_says_where(cost):
    trainer = one_weight_trainer(loss=LossThat(3, lambda: cost))
    where = (
        rf"the cost is {cost}: the loss gives it for .*\(\|a\| up to 0\.15\); .*\(epoch 2, step 3, learning rate 0\.1\)"
    )
    with pytest.raises(DivergedError, match=where) as caught:
        trainer.fit(TWO_BATCHES, 5, progress=False)
    assert (caught.value.epoch, caught.value.step, caught.value.layer) == (2, 3, None)
    assert len(trainer.history) == 1
    assert weight(trainer) == pytest.approx(0.075)  # no step after the cost was seen
    assert trainer.optimizer.steps == 2


def test_training_that_runs_away_is_noticed():
    trainer = one_weight_trainer(learning_rate=1e300)
    with np.errstate(all="ignore"), pytest.raises(DivergedError, match=r"epoch 1, step 2, learning rate 1e\+300"):
        trainer.fit(TWO_BATCHES * 2, 5, progress=False)


def test_validation_that_is_nan_is_noticed():
    trainer = one_weight_trainer(metrics=[R2()])
    with pytest.raises(DivergedError, match="evaluate: the cost is nan at step 2 with learning rate 0.1"):
        trainer.fit(TWO_BATCHES, 1, validation=([[1.0], [np.nan]], [[1.0], [1.0]]), progress=False)
    assert len(trainer.history) == 0


def test_a_norm_that_cannot_be_clipped_says_where():
    class Steep(nn.MSE):
        def backward(self):
            return super().backward() * (np.nan if trainer.optimizer.steps == 2 else 1.0)

    trainer = one_weight_trainer(clip_norm=1.0, loss=Steep())
    with pytest.raises(DivergedError, match=r"norm is nan.*\(epoch 2, step 3, learning rate 0\.1\)") as caught:
        trainer.fit(TWO_BATCHES, 2, progress=False)
    assert "0.weight (Dense(1, 1, bias=False)) was nan at [0, 0] in step 3" in caught.value.__notes__[0]
    assert caught.value.layer == "0"
    assert np.isfinite(weight(trainer))


# ---- Ctrl-C ---------------------------------------------------------------------------------------


@pytest.fixture
def ctrl_c():
    """Python's own handler of Ctrl-C, which a test run in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupted(loss, epochs=5, **keywords):
    trainer = one_weight_trainer(loss=loss, **keywords)
    trainer.model.eval()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(TWO_BATCHES, epochs, progress=False)
    assert not trainer.model[0].training
    return trainer


@pytest.mark.parametrize(("when", "epochs"), [(1, 0), (2, 0), (3, 1)])
def test_ctrl_c_lets_the_batch_finish(ctrl_c, when, epochs):
    trainer = interrupted(LossThat(when, ctrl_c))
    assert trainer.optimizer.steps == when
    assert len(trainer.history) == epochs
    assert weight(trainer) == pytest.approx([0.75, 0.075, 0.075 * 0.75][when - 1])
    trainer.fit(TWO_BATCHES, 1, progress=False)
    assert len(trainer.history) == epochs + 1


def test_a_second_ctrl_c_does_not_wait(ctrl_c):
    trainer = interrupted(LossThat(2, lambda: (ctrl_c(), ctrl_c())))
    assert trainer.optimizer.steps == 1
    assert weight(trainer) == pytest.approx(0.75)


def test_ctrl_c_ends_the_callbacks_fit_too(ctrl_c):
    recorder = Recorder()
    interrupted(LossThat(1, ctrl_c), callbacks=[recorder])
    assert recorder.calls == ["fit start", "epoch start 0", "batch end 1 1.25000", "fit end"]


def test_ctrl_c_between_epochs_lets_the_callbacks_end(ctrl_c):
    class Late:
        def on_epoch_end(self, trainer, figures):
            ctrl_c()
            figures["late"] = 1

    trainer = one_weight_trainer(callbacks=[Late(), recorder := Recorder()])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(TWO_BATCHES, 5, progress=False)
    assert trainer.history["late"] == [1]
    assert recorder.calls[-2:] == ["epoch end 1", "fit end"]
    assert not trainer.finished


def test_ctrl_c_during_validation_keeps_the_epoch(ctrl_c):
    trainer = one_weight_trainer(metrics=[R2()])
    trainer.loss = LossThat(4, lambda: (ctrl_c(), None)[1])  # one row tried, two batches, validation
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(TWO_BATCHES, 5, validation=(X, Y), progress=False)
    assert len(trainer.history["validation_cost"]) == 1


def test_a_second_ctrl_c_comes_at_once(ctrl_c):
    class Hangs:
        def on_epoch_end(self, trainer, figures):
            ctrl_c()
            ctrl_c()
            pytest.fail("went on")

    with pytest.raises(KeyboardInterrupt):
        one_weight_trainer(callbacks=[Hangs()]).fit(TWO_BATCHES, 5, progress=False)


def test_an_error_in_the_interrupted_batch_is_not_hidden(ctrl_c):
    trainer = one_weight_trainer(loss=LossThat(1, lambda: (ctrl_c(), 1 / 0)))
    with pytest.raises(ZeroDivisionError):
        trainer.fit(TWO_BATCHES, 1, progress=False)


def test_an_interrupt_that_is_no_signal_drops_the_batch_whole():
    def interrupt():
        raise KeyboardInterrupt

    trainer = interrupted(LossThat(2, interrupt))
    assert trainer.optimizer.steps == 1
    assert weight(trainer) == pytest.approx(0.75)


def test_another_handler_of_ctrl_c_is_left_alone(ctrl_c):
    calls = []
    signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    trainer = one_weight_trainer(loss=LossThat(1, ctrl_c))
    trainer.fit(TWO_BATCHES, 2, progress=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert calls == [signal.SIGINT]
    assert len(trainer.history) == 2


def test_fit_runs_in_a_thread():
    trainer, errors = one_weight_trainer(), []

    def work():
        try:
            trainer.fit(TWO_BATCHES, 2, progress=False)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
    assert len(trainer.history) == 2


# ---- refusals -------------------------------------------------------------------------------------


def dense(*layers):
    return nn.Sequential(nn.Dense(2, 3), *layers)


@pytest.mark.parametrize("loss", [nn.SoftmaxCrossEntropy(), nn.SigmoidCrossEntropy()])
@pytest.mark.parametrize(
    "model",
    [
        dense(nn.Softmax()),
        dense(nn.Sigmoid()),
        dense(nn.HardSigmoid()),
        dense(nn.Softmax(), nn.Identity(), nn.Flatten(), nn.Reshape(3)),
        dense(nn.Sequential(nn.Sequential(nn.Softmax()), nn.Sequential())),
        nn.Sequential(dense(nn.Softmax()), nn.Sequential(nn.Identity())),
    ],
)
def test_probabilities_under_a_loss_on_logits_are_refused(model, loss):
    function = "softmax" if isinstance(loss, nn.SoftmaxCrossEntropy) else "sigmoid"
    message = rf"{type(loss).__name__}\(.*\) takes logits and applies the {function} itself.*leave that layer"
    with pytest.raises(InvalidValueError, match=message):
        Trainer(model, loss, nn.SGD(model))


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (dense(nn.Softmax()), nn.MSE()),
        (dense(nn.Sigmoid()), nn.Hinge()),
        (dense(), nn.SoftmaxCrossEntropy()),
        (dense(nn.Sigmoid(), nn.Dense(3, 2)), nn.SigmoidCrossEntropy()),
        (dense(nn.Softmax(), nn.Dropout(0.1)), nn.SoftmaxCrossEntropy()),
        (nn.Residual(nn.Sequential(nn.Dense(2, 2), nn.Sigmoid())), nn.SoftmaxCrossEntropy()),
        (nn.Dense(2, 3), nn.SoftmaxCrossEntropy()),
    ],
)
def test_what_only_looks_like_that_is_accepted(model, loss):
    assert Trainer(model, loss, nn.SGD(model)).loss is loss


def two_metrics_of_one_name(name):
    metrics = [Accuracy(), Accuracy(threshold=0.1)]
    metrics[0].name = name
    return metrics


def trainer_with(model=None, loss=None, optimizer=None, **keywords):
    trained = one_weight() if model is None else model
    return Trainer(trained, loss or nn.MSE(), optimizer or nn.SGD(trained), **keywords)


def stale_optimizer(model):
    first = nn.SGD(model)
    nn.SGD([*model.parameters(), nn.Parameter(np.zeros(1))])
    return first


MODEL = one_weight()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Trainer("model", nn.MSE(), nn.SGD(MODEL)), DtypeError, "expected a Layer as model, got 'model'"),
        (lambda: trainer_with(loss=nn.MSE), DtypeError, r"a loss such as MSE\(\), got <class"),
        (lambda: trainer_with(loss=nn.Identity()), DtypeError, r"a loss such as MSE\(\), got Identity"),
        (lambda: trainer_with(loss="mse"), DtypeError, "got 'mse'"),
        (lambda: trainer_with(optimizer="sgd"), DtypeError, r"an Optimizer such as SGD\(model\), got 'sgd'"),
        (
            lambda: trainer_with(optimizer=nn.Adam(one_weight())),
            InvalidValueError,
            r"holds none of the model's parameters; build it from this model, Adam\(model\)",
        ),
        (lambda: Trainer(MODEL, nn.MSE(), stale_optimizer(MODEL)), StateError, "packed into another vector"),
        (lambda: trainer_with(metrics=Accuracy()), DtypeError, r"metrics must be a list, got Accuracy\(\)"),
        (lambda: trainer_with(metrics=[Accuracy]), DtypeError, r"such as \[Accuracy\(\)\], got <class"),
        (lambda: trainer_with(metrics=["accuracy"]), DtypeError, "got 'accuracy' among them"),
        (lambda: trainer_with(metrics=two_metrics_of_one_name("accuracy")), InvalidValueError, "of its own"),
        (lambda: trainer_with(metrics=two_metrics_of_one_name("cost")), InvalidValueError, "has 'cost'"),
        (lambda: trainer_with(metrics=two_metrics_of_one_name(None)), InvalidValueError, "has None"),
        (lambda: trainer_with(callbacks=Recorder()), DtypeError, "callbacks must be a list"),
        (lambda: trainer_with(callbacks=[Recorder]), DtypeError, "a callback is an object with.*got <class"),
        (lambda: trainer_with(callbacks=[print]), DtypeError, "on_fit_start, on_epoch_start, on_batch_end"),
        (lambda: trainer_with(clip_norm=0), InvalidValueError, "Trainer: clip_norm must be above 0"),
        (lambda: trainer_with(clip_value=-1.0), InvalidValueError, "Trainer: clip_value must be above 0"),
        (lambda: trainer_with().fit(TWO_BATCHES, 0), InvalidValueError, "epochs must be at least 1, got 0"),
        (lambda: trainer_with().fit(TWO_BATCHES, 1.0), DtypeError, "epochs must be an int, got 1.0"),
        (lambda: trainer_with().fit(TWO_BATCHES, True), DtypeError, "epochs must be an int, got True"),
        (lambda: trainer_with().fit((X, Y), 1), DtypeError, r"Batches\(x, y, batch_size=32\); got a tuple"),
        (lambda: trainer_with().fit(X, 1), DtypeError, "got a ndarray"),
        (lambda: trainer_with().fit(None, 1), DtypeError, "got a NoneType"),
        (lambda: trainer_with().fit(iter(TWO_BATCHES), 2), InvalidValueError, "used up after one epoch"),
        (lambda: trainer_with().fit([], 1), InvalidValueError, r"epoch 1 got no samples from \[\]"),
        (
            lambda: trainer_with().fit(TWO_BATCHES, 1, validation=X),
            DtypeError,
            r"pair \(x, y\) or Batches, got a ndarray",
        ),
        (lambda: trainer_with().fit(TWO_BATCHES, 1, validation=(X, Y, Y)), DtypeError, "got a tuple"),
        (lambda: trainer_with().fit(TWO_BATCHES, 1, validation=(X, Y[:2])), ShapeError, "number of rows"),
        (lambda: trainer_with().evaluate(X, Y[:2]), ShapeError, r"evaluate: .*\(3, 1\) and \(2, 1\)"),
        (lambda: trainer_with().evaluate(1.0, Y), ShapeError, r"\(\) and \(3, 1\)"),
        (lambda: trainer_with().evaluate(X, 1.0), ShapeError, r"\(3, 1\) and \(\)"),
        (lambda: trainer_with().evaluate(X[:0], Y[:0]), InvalidValueError, r"no samples.*\(0, 1\)"),
    ],
)
def test_what_cannot_work_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_some_of_the_models_parameters_are_enough():
    model = nn.Sequential(nn.Dense(1, 2, dtype=np.float64), nn.Dense(2, 1, dtype=np.float64))
    before = model[0].weight.value.copy()
    Trainer(model, nn.MSE(), nn.SGD(model[1])).fit(TWO_BATCHES, 1, progress=False)
    np.testing.assert_array_equal(model[0].weight.value, before)


@pytest.mark.parametrize(
    ("validation", "metrics", "message"),
    [
        ((X, np.zeros(3)), [], "expected a target of the prediction's shape"),
        ((np.zeros((3, 2)), Y), [], "expected x of shape"),
        ((X, Y + 0.5), [Accuracy()], "whole number"),
    ],
)
def test_validation_data_that_do_not_fit_are_refused_before_training(validation, metrics, message):
    trainer = one_weight_trainer(metrics=metrics)
    with pytest.raises((ShapeError, InvalidValueError), match=message) as caught:
        trainer.fit(TWO_BATCHES, 1, validation=validation)
    assert trainer.optimizer.steps == 0
    assert "validation" in caught.value.__notes__[0]


def test_validation_images_in_other_units_than_the_training_images_are_refused():
    model = nn.Sequential(nn.Dense(4, 1, rng=0))
    trainer = Trainer(model, nn.MSE(), nn.SGD(model))
    images, y = np.arange(8, dtype=np.uint8).reshape(2, 4), np.zeros((2, 1), np.float32)
    scaled = nn.Batches(images, y, scale=1 / 8)
    with pytest.raises(InvalidValueError, match="scaled by 0.125, the validation x is still uint8"):
        trainer.fit(scaled, 1, validation=(images, y), progress=False)
    trainer.fit(scaled, 1, validation=(images / np.float32(8), y), progress=False)
    trainer.fit(nn.Batches(images, y), 1, validation=(images, y), progress=False)


def test_a_run_takes_the_memory_of_one_batch():
    """The loop is done with a batch when it asks for the next: each is gathered over the one before."""
    seen = []

    class Watching(nn.Dense):
        def forward(self, x):
            seen.append(x)
            return super().forward(x)

    model = nn.Sequential(Watching(3, 1), rng=0)
    x, y = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32), np.zeros((12, 1), np.float32)
    trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.1))
    trainer.fit(nn.Batches(x, y, batch_size=2, rng=0), 1, progress=False)
    assert len(seen) == 6 and all(batch is seen[0] for batch in seen)
