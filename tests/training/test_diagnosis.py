"""Diagnosis: unscaled inputs, unreachable targets, where the first value that is not finite stands."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tinynn as nn
from tinynn.errors import DivergedError, TrainingWarning
from tinynn.training import Trainer

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(40, 6)).astype(np.float32), RNG.integers(0, 3, 40)
TARGETS = nn.one_hot(LABELS, 3)


def trainer_of(*layers, loss=None, rate=0.1, **keywords):
    model = nn.Sequential(nn.Dense(6, 5), nn.Sequential(nn.Tanh(), nn.Dense(5, 3)), *layers, rng=0)
    return Trainer(model, loss or nn.MSE(), nn.SGD(model, rate), **keywords)


def fit(trainer, x=X, y=TARGETS, epochs=1):
    return trainer.fit(nn.Batches(x, y, 10, shuffle=False), epochs, progress=False)


# ---- before the first step ------------------------------------------------------------------------
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_scaled_inputs_are_not_spoken_of(scale):
    fit(trainer_of(rate=1e-6), np.clip(X * scale, -16, 16))


def test_inputs_that_are_not_scaled_are_warned_of_once():
    images = RNG.integers(0, 256, (40, 6)).astype(np.uint8)
    images[0, 0] = 255
    model = nn.Sequential(nn.Dense(6, 3), rng=0)
    trainer = Trainer(model, nn.MSE(), nn.SGD(model, 1e-6))
    for _ in range(2):
        with pytest.warns(TrainingWarning, match=r"inputs reach \|x\| = 255; .*divide") as caught:
            fit(trainer, images, epochs=3)
        assert len(caught) == 1  # once a fit


def test_thirty_is_not_large():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(trainer_of(rate=1e-6), np.full((40, 6), 30.0))


def test_large_negative_inputs_are_warned_of_too():
    with pytest.warns(TrainingWarning, match=r"\|x\| = 31;"):
        fit(trainer_of(rate=1e-6), np.full((40, 6), -31.0))


@pytest.mark.parametrize(
    ("layers", "target", "words"),
    [
        ([nn.Sigmoid()], 2 * TARGETS, "0 … 2, but Sigmoid.*0 … 1"),
        ([nn.Sigmoid()], 2 * TARGETS - 1, "-1 … 1, but Sigmoid"),
        ([nn.Tanh(), nn.Identity()], TARGETS - 2, "-2 … -1, but Tanh.*-1 … 1"),
        ([nn.Softmax()], 3 * TARGETS, "0 … 3, but Softmax"),
        ([nn.HardSigmoid()], TARGETS + 0.5, "0.5 … 1.5, but HardSigmoid"),
        ([nn.Sigmoid()], (2 * TARGETS).astype(int), "0 … 2, but Sigmoid"),
        *(
            ([layer], 1.01 * TARGETS, "0 … 1.01, but")
            for layer in (nn.Sigmoid(), nn.HardSigmoid(), nn.Softmax(), nn.Tanh())
        ),
        *(([layer], TARGETS - 0.01, "-0.01 … 0.99, but") for layer in (nn.Sigmoid(), nn.HardSigmoid(), nn.Softmax())),
        ([nn.Tanh()], TARGETS - 1.01, "-1.01 … -0.0"),
    ],
)
def test_targets_that_the_last_layer_cannot_reach_are_warned_of(layers, target, words):
    with pytest.warns(TrainingWarning, match=f"targets lie in {words}"):
        fit(trainer_of(*layers), y=target)


@pytest.mark.parametrize(
    ("layers", "target"),
    [
        ([nn.Sigmoid()], TARGETS),
        ([nn.Softmax()], TARGETS),
        ([nn.HardSigmoid()], TARGETS),
        ([nn.Tanh()], 2 * TARGETS - 1),
        ([], 100 * TARGETS),
        ([nn.ReLU()], 9 * TARGETS),
    ],
)
def test_targets_within_reach_are_not_spoken_of(layers, target):
    fit(trainer_of(*layers, rate=1e-6), y=target)


# ---- values that are not finite -------------------------------------------------------------------
def diverged(trainer, x=X, y=TARGETS, epochs=3):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with pytest.raises(DivergedError) as caught:
            fit(trainer, x, y, epochs)
    return caught.value


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite(bad):
    x = X.copy()
    x[23, 4] = bad
    model = nn.Sequential(nn.Dense(6, 3), rng=0)
    trainer = Trainer(model, nn.MSE(), nn.SGD(model, 0.1))
    error = diverged(trainer, x)
    assert f"the batch's input x holds {bad} at [3, 4]" in str(error)
    assert "(epoch 1, step 3, learning rate 0.1)" in str(error)
    assert (error.layer, error.epoch, error.step) == (None, 1, 3)
    assert trainer.optimizer.steps == 2
    assert np.isfinite(trainer.optimizer.vector.value).all()


def test_a_target_that_is_not_finite():
    y = TARGETS.copy()
    y[5, 1] = np.nan
    assert "the batch's target holds nan at [5, 1]" in str(diverged(trainer_of(), y=y))


def test_a_parameter_that_has_become_infinite():
    trainer = trainer_of()

    class Spoil:
        def on_batch_end(self, trainer, cost):
            if trainer.optimizer.steps == 2:
                trainer.model[1][1].weight.value[2, 3] = np.inf

    trainer.callbacks = (Spoil(),)
    error = diverged(trainer)
    assert "parameter 1.1.weight (Dense(5, 3)) is inf at [2, 3] since step 2, whose gradient was finite" in str(error)
    assert (error.layer, error.step) == ("1.1", 3)


class Steep(nn.Identity):
    """Identity whose derivative becomes infinite at a call."""

    calls = 0

    def backward(self, grad):
        self.calls += 1
        return grad * (np.inf if self.calls == 2 else 1)


def test_a_gradient_that_is_not_finite_is_found_where_backward_met_it_first():
    model = nn.Sequential(nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, 4), Steep(), nn.Dense(4, 3), rng=0)
    error = diverged(Trainer(model, nn.MSE(), nn.SGD(model)))
    assert "the gradient of parameter 2.bias (Dense(5, 4)) was" in str(error)
    assert "in step 2" in str(error)
    assert (error.layer, error.step) == ("2", 3)


class Overflow(nn.Identity):
    def forward(self, x):
        return np.where(x > -9, x, x) * np.float32(1e30) * np.float32(1e30)


def test_a_layer_whose_output_overflows():
    model = nn.Sequential(nn.Dense(6, 5), nn.Sequential(nn.Tanh(), Overflow()), nn.Dense(5, 3), rng=0)
    error = diverged(Trainer(model, nn.MSE(), nn.SGD(model)))
    assert "layer 1.1 (Overflow()) gives" in str(error)
    assert "at [0, 0] of its output" in str(error)
    assert (error.layer, error.step) == ("1.1", 1)


def test_a_loss_that_overflows():
    trainer = trainer_of()
    trainer.model[0].weight.value *= 1e30
    trainer.model[1][1].weight.value *= 1e30
    error = diverged(trainer)
    assert "the loss gives it for outputs that are finite (|a| up to" in str(error)
    assert error.layer is None


def test_the_last_step_of_an_epoch_is_looked_at_too():
    class Spoil:
        def on_batch_end(self, trainer, cost):
            if trainer.optimizer.steps == 4:
                trainer.model[0].bias.value[1] = np.nan

    trainer = trainer_of(callbacks=[Spoil()])
    error = diverged(trainer, epochs=1)
    assert "at the end of epoch 1, parameter 0.bias (Dense(6, 5)) is nan at [1] since step 4" in str(error)
    assert (error.layer, error.epoch, error.step) == ("0", 1, 4)
    assert len(trainer.history) == 0


def test_a_callback_may_end_the_training_instead():
    class End:
        def on_diverged(self, trainer, error):
            trainer.stop(str(error))

    trainer = trainer_of(callbacks=[End()])
    x = X.copy()
    x[23] = np.nan
    assert len(fit(trainer, x, epochs=5)) == 0
    assert "holds nan at [3, 0]" in trainer.stop_reason
    assert trainer.finished


# ---- costs that do not fall -------------------------------------------------------------------------
def test_a_cost_that_does_not_fall_is_explained_by_saturated_units_once():
    model = nn.Sequential(nn.Dense(6, 5), nn.Sigmoid(), nn.Dense(5, 3), nn.Sigmoid(), rng=0)
    model[0].bias.value, model[2].bias.value = 40.0 * np.ones(5), 40.0 * np.ones(3)
    trainer = Trainer(model, nn.MSE(), nn.SGD(model, 0.1))
    with pytest.warns(TrainingWarning, match="has not fallen in 2 epochs .*saturated") as caught:
        fit(trainer, epochs=4)
    assert len(caught) == 1


def test_a_cost_that_falls_needs_no_explanation():
    model = nn.Sequential(nn.Dense(6, 5), nn.Sigmoid(), nn.Dense(5, 3), rng=0)
    model[0].bias.value = 40.0 * np.ones(5)
    fit(Trainer(model, nn.MSE(), nn.SGD(model, 0.01)), epochs=4)


def test_a_cost_that_stands_still_for_another_reason_is_not_blamed_on_units():
    fit(trainer_of(rate=0.0), epochs=4)


def test_a_divergence_that_a_callback_finds_gets_its_place_too():
    class Finds:
        def on_batch_end(self, trainer, cost):
            raise DivergedError

    error = diverged(trainer_of(callbacks=[Finds()]))
    assert str(error) == "fit: training diverged (epoch 1, step 2, learning rate 0.1)"


def test_a_validation_that_is_nan_is_told_to_callbacks_as_well():
    class End:
        def on_diverged(self, trainer, error):
            trainer.stop(str(error))

    trainer = trainer_of(callbacks=[End()])
    history = trainer.fit(nn.Batches(X, TARGETS, 10), 3, validation=(X[:2] * np.nan, TARGETS[:2]), progress=False)
    assert (len(history), trainer.optimizer.steps) == (0, 4)
    assert trainer.stop_reason.startswith("evaluate: the cost is nan at step 4")
