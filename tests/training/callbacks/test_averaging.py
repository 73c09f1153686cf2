"""The two averages of parameters: their numbers, in and out of the model, and what a divergence leaves of them."""

import copy
import math
import warnings

import numpy as np
import pytest
from memory import SMALL
from messages import assert_says
from training.callbacks.halving import BATCH, NAN, ONE, Epochs, Raises, fit, peak_of_a_step, trainer, weight
from training.noted import noted

import tinynn as nn
from tinynn.errors import DivergedError, DtypeError, InvalidValueError, StateError, TrainingWarning
from tinynn.training import EarlyStopping, ExponentialMovingAverage, StochasticWeightAveraging, TerminateOnNaN


class Notes:
    """The average after each epoch."""

    def __init__(self, average):
        self.average, self.found = average, []

    def on_epoch_end(self, trained, figures):
        self.found.append(self.average.average.item() if self.average.count else None)


def averages(average, epochs):
    notes = Notes(average)
    fit(trainer(average, notes), epochs)
    return notes.found


# ---- numbers --------------------------------------------------------------------------------------
def test_ema_by_hand():
    ema = ExponentialMovingAverage(0.75)
    # w = 1/2, 1/4, 1/8; m₁ = 1/2, m₂ = 3/4 · 1/2 + 1/4 · 1/4 = 7/16, m₃ = 3/4 · 7/16 + 1/4 · 1/8 = 23/64
    assert averages(ema, 3) == [1 / 2, 7 / 16, 23 / 64]
    assert ema.count == 3


def test_ema_takes_every_so_many_steps_of_the_optimizer():
    ema = ExponentialMovingAverage(0.5, every_steps=3)
    trained = fit(trainer(ema), 1, 8)
    assert (ema.count, ema.average.item()) == (2, (2.0**-3 + 2.0**-6) / 2)
    fit(trained, 1, 1)  # step 9
    assert (ema.count, ema.average.item()) == (3, ((2.0**-3 + 2.0**-6) / 2 + 2.0**-9) / 2)


@pytest.mark.parametrize(("every", "expected"), [(1, (0.5 + 0.25) / 2), (2, 0.25)])
def test_ema_counts_steps_not_batches(every, expected):
    ema = ExponentialMovingAverage(0.5, every_steps=every)
    fit(trainer(ema, accumulate=2), 1, 3)  # a step after two batches, and one at the epoch's end
    assert ema.average.item() == expected


def test_swa_by_hand():
    swa = StochasticWeightAveraging(2)
    # epochs end with 1/2 | 1/4, 1/8, 1/16
    assert averages(swa, 4) == [None, 1 / 4, 3 / 16, pytest.approx(7 / 48, rel=1e-15)]
    assert swa.count == 3


def test_swa_counts_every_so_many_epochs_from_the_first():
    swa = StochasticWeightAveraging(2, every_epochs=3)
    fit(trainer(swa), 7, 2)  # epochs 2 and 5, of two steps each
    assert (swa.count, swa.average.item()) == (2, (2.0**-4 + 2.0**-10) / 2)


def walk(dtype, steps=60):
    """A random walk of two parameters, as a list of vectors."""
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(size=(steps, 6)), axis=0).astype(dtype)


def walked(average, vectors):
    """What an average makes of these vectors, step by step."""
    model = nn.Sequential(nn.Dense(2, 2, dtype=vectors.dtype))
    trained = nn.Trainer(model, nn.MSE(), nn.SGD(model), callbacks=[average])
    trained.epochs = len(vectors)
    average.on_fit_start(trained)
    found = []
    for vector in vectors:
        trained.optimizer.vector.value[:] = vector
        trained.optimizer.steps += 1
        trained.history.append({})
        if isinstance(average, ExponentialMovingAverage):
            average.on_batch_end(trained, 0.0)
        else:
            average.on_epoch_end(trained, {})
        found.append(average.average)
    return np.array(found)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-5)])
@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999])
def test_ema_equals_its_formula(dtype, tolerance, decay):
    vectors = walk(dtype)
    expected = [vectors[0].astype(np.float64)]
    for vector in vectors[1:]:
        expected.append(decay * expected[-1] + (1 - decay) * vector)
    found = walked(ExponentialMovingAverage(decay), vectors)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(vectors).max())


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-5)])
def test_swa_equals_the_mean(dtype, tolerance):
    vectors = walk(dtype)
    expected = [vectors[:n].astype(np.float64).mean(axis=0) for n in range(1, len(vectors) + 1)]
    found = walked(StochasticWeightAveraging(1), vectors)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(vectors).max())


@pytest.mark.torch
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-15), (np.float32, 1e-6)])
@pytest.mark.parametrize("decay", [0.3, 0.99, None])
def test_both_equal_pytorchs_averaged_model_step_for_step(dtype, tolerance, decay):
    torch = pytest.importorskip("torch")
    from torch.optim import swa_utils

    vectors = walk(dtype)
    module = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(6, dtype=torch.from_numpy(vectors).dtype))])
    function = None if decay is None else swa_utils.get_ema_multi_avg_fn(decay)
    averaged, expected = swa_utils.AveragedModel(module, multi_avg_fn=function), []
    for vector in vectors:
        module[0].data = torch.from_numpy(vector)
        averaged.update_parameters(module)
        expected.append(averaged.module[0].detach().numpy().copy())
    found = walked(StochasticWeightAveraging(1) if decay is None else ExponentialMovingAverage(decay), vectors)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(vectors).max())


def test_a_step_allocates_nothing():
    assert peak_of_a_step(ExponentialMovingAverage(0.9), nn.SGD) < SMALL


# ---- into the model and out of it -----------------------------------------------------------------
@pytest.mark.parametrize("make", [lambda: ExponentialMovingAverage(0.5), lambda: StochasticWeightAveraging(1)])
def test_the_model_gets_the_average_and_the_next_fit_takes_it_out_again(make):
    average, plain = make(), trainer()
    trained = trainer(average)
    for epochs in (2, 1, 3):
        fit(trained, epochs)
        assert weight(trained) == average.average.item() != weight(fit(plain, epochs))
    assert trained.history["cost"] == plain.history["cost"]
    assert average.average.item() == walked_alone(make(), 6)


def walked_alone(average, steps):
    fit(trainer(average), steps)
    return average.average.item()


def test_without_apply_the_model_keeps_what_was_trained():
    ema = ExponentialMovingAverage(0.5, apply=False)
    trained = fit(trainer(ema), 2)
    assert (weight(trained), ema.average.item()) == (0.25, 0.375)
    fit(trained, 1)
    assert (weight(trained), ema.average.item()) == (0.125, 0.25)


def test_parameters_that_somebody_else_has_set_begin_a_new_average():
    ema = ExponentialMovingAverage(0.5)
    trained = fit(trainer(ema), 2)
    trained.model[0].weight.value = [[4.0]]
    fit(trained, 1)
    assert (weight(trained), ema.average.item(), ema.count) == (2.0, 2.0, 1)


def test_another_trainer_begins_a_new_average():
    ema = ExponentialMovingAverage(0.5, apply=False)
    fit(trainer(ema), 2)
    fit(trainer(ema, start=4.0), 1)
    assert (ema.average.item(), ema.count) == (2.0, 1)


def test_another_optimizer_or_dtype_of_the_same_trainer():
    ema = ExponentialMovingAverage(0.5)
    trained = fit(trainer(ema), 2)
    trained.optimizer = nn.SGD(trained.model, 0.5)
    fit(trained, 1)
    assert ema.average.item() == (0.375 + 0.125) / 2
    trained.model.astype(np.float32)
    trained.optimizer = nn.SGD(trained.model, 0.5)
    fit(trained, 1)
    assert (ema.average.dtype, ema.count) == (np.float32, 1)


def test_applied_lends_the_average_to_the_model():
    ema = ExponentialMovingAverage(0.5, apply=False)
    trained = fit(trainer(ema), 2)
    with ema.applied():
        assert weight(trained) == 0.375
        assert trained.evaluate(ONE, 0 * ONE)["cost"] == 0.375**2 / 2
    assert weight(trained) == 0.25
    with pytest.raises(ZeroDivisionError), ema.applied():
        raise ZeroDivisionError
    assert weight(trained) == 0.25


def test_applied_within_training_changes_nothing():
    class Looks:
        def on_epoch_end(self, trained, figures):
            with ema.applied():
                figures["averaged_cost"] = trained.evaluate(*BATCH)["cost"]

    ema = ExponentialMovingAverage(0.5, apply=False)
    trained = fit(trainer(ema, Looks()), 3)
    assert weight(trained) == 0.125
    assert trained.history["averaged_cost"] == [0.5**2 / 2, 0.375**2 / 2, 0.25**2 / 2]


def test_the_average_is_a_copy():
    ema = ExponentialMovingAverage(0.5, apply=False)
    fit(trainer(ema), 1)
    ema.average[:] = 9
    assert ema.average.item() == 0.5


def test_a_state_stays_what_it_was():
    class Looks:
        def on_epoch_end(self, trained, figures):
            states.append(ema.state_dict())

    ema, states = ExponentialMovingAverage(0.5, apply=False), []
    fit(trainer(ema, Looks()), 3)
    kept = copy.deepcopy(states)
    assert [state["average"].item() for state in states] == [0.5, 0.375, 0.25]
    assert [state["before"].item() for state in states] == [0, 0.5, 0.375]
    again = ExponentialMovingAverage(0.5, apply=False)
    again.load_state_dict(states[1])
    fit(trainer(again, start=0.25), 2)
    assert again.average.item() == (0.25 + 0.0625) / 2
    assert states == kept


def test_before_there_is_an_average():
    ema = ExponentialMovingAverage(0.5)
    message = "ExponentialMovingAverage(0.5): nothing has been averaged yet"
    assert_says(lambda: ema.average, StateError, message)
    assert_says(lambda: ema.applied().__enter__(), StateError, message)
    fresh, used = ExponentialMovingAverage(0.5), ExponentialMovingAverage(0.5)
    fit(trainer(used), 1)
    fresh.load_state_dict(used.state_dict())
    assert fresh.average.item() == 0.5
    with pytest.raises(StateError, match="applied needs to know the model; call it once fit has begun"):
        fresh.applied().__enter__()


def test_applied_to_a_model_that_was_packed_anew_is_refused():
    ema = ExponentialMovingAverage(0.5)
    trained = fit(trainer(ema), 1)
    trained.model.astype(np.float32)
    with pytest.raises(StateError, match="converted by astype"), ema.applied():
        pass


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_the_trained_values_stay_and_the_average_goes_on(error):
    ema = ExponentialMovingAverage(0.5)
    trained = trainer(ema, Raises("on_batch_end", 2, error))
    with pytest.raises(error):
        fit(trained, 5)
    assert (weight(trained), ema.average.item()) == (0.25, 0.375)
    fit(trained, 1)
    assert (weight(trained), ema.average.item()) == (0.25, (0.375 + 0.125) / 2)


def test_an_error_before_its_own_start_leaves_the_average_in_the_model():
    ema = ExponentialMovingAverage(0.5)
    broken = Raises("on_fit_start", 2)
    trained = fit(trainer(broken, ema), 2)
    with pytest.raises(RuntimeError):
        fit(trained, 1)
    assert weight(trained) == 0.375
    fit(trained, 1)
    assert ema.average.item() == (0.375 + 0.125) / 2


# ---- several averages -----------------------------------------------------------------------------
def test_two_averages_cannot_both_be_put_into_the_model():
    ema, swa = ExponentialMovingAverage(0.5), StochasticWeightAveraging(1)
    trained = trainer(ema, swa)
    assert_says(
        lambda: fit(trained, 1),
        InvalidValueError,
        "ExponentialMovingAverage(0.5): only one average can be put into the model at the end; "
        "give the others apply=False",
    )
    assert (weight(trained), trained.optimizer.steps) == (1.0, 0)


@pytest.mark.parametrize("turned", [False, True])
def test_several_go_on_side_by_side(turned):
    def callbacks():
        listed = [
            ExponentialMovingAverage(0.5, apply=False),
            StochasticWeightAveraging(1),
            ExponentialMovingAverage(0.75, apply=False),
        ]
        return listed[::-1] if turned else listed

    together = callbacks()
    trained = trainer(*together)
    for epochs in (2, 1, 2):
        fit(trained, epochs)
    alone = [walked_alone(callback, 5) for callback in callbacks()]
    assert [callback.average.item() for callback in together] == alone
    assert weight(trained) == alone[1]


def test_with_early_stopping_the_later_one_has_the_last_word():
    best = 0.5  # of the first epoch, where the cost is largest
    ema, stopping = ExponentialMovingAverage(0.5), EarlyStopping("cost", mode="max")
    trained = fit(trainer(stopping, ema), 3)
    assert weight(trained) == ema.average.item() == 0.25
    fit(trained, 1)  # from the best epoch's values on
    assert ema.average.item() == (0.25 + best / 2) / 2
    ema, stopping = ExponentialMovingAverage(0.5), EarlyStopping("cost", mode="max")
    trained = fit(trainer(ema, stopping), 3)
    assert (weight(trained), ema.average.item()) == (best, 0.25)
    fit(trained, 1)  # the average is not in the model any more
    assert (ema.average.item(), ema.count) == (best / 2, 1)


# ---- divergence -----------------------------------------------------------------------------------
def diverge(average, data, epochs=1, **keywords):
    """(trainer, average) after a fit that diverged and was ended."""
    trained = trainer(TerminateOnNaN(restore=False), average, **keywords)
    with noted("TerminateOnNaN"):
        fit(trained, epochs, data=data)
    return trained, average


def test_values_that_gave_no_finite_cost_are_left_out():
    trained, ema = diverge(ExponentialMovingAverage(0.5), [BATCH, BATCH, BATCH, NAN])
    assert (ema.count, ema.average.item(), weight(trained)) == (2, 0.375, 0.375)
    fit(trained, 1)  # from the trained value, 1/8, on
    assert (ema.count, ema.average.item()) == (3, (0.375 + 0.0625) / 2)


def test_what_a_batch_has_proved_is_kept():
    _, ema = diverge(ExponentialMovingAverage(0.5, every_steps=2), [BATCH, BATCH, BATCH, NAN])
    assert (ema.count, ema.average.item()) == (1, 0.25)
    _, ema = diverge(ExponentialMovingAverage(0.5), [BATCH] * 5 + [NAN], accumulate=2)
    assert (ema.count, ema.average.item()) == (2, 0.375)  # proved by the fifth batch, which made no step


def test_the_very_first_value_may_be_left_out():
    trained, ema = diverge(ExponentialMovingAverage(0.5), [BATCH, NAN])
    assert (ema.count, weight(trained)) == (0, 0.5)
    fit(trained, 1)
    assert (ema.count, ema.average.item()) == (1, 0.25)


def test_an_epochs_end_that_gave_no_finite_cost_is_left_out_of_swa():
    _, swa = diverge(StochasticWeightAveraging(1), Epochs([BATCH] * 2, [BATCH] * 2, [NAN]), 9)
    assert (swa.count, swa.average.item()) == (1, 0.25)
    _, swa = diverge(StochasticWeightAveraging(1), Epochs([BATCH] * 2, [BATCH] * 2, [BATCH, NAN]), 9)
    assert (swa.count, swa.average.item()) == (2, (0.25 + 0.0625) / 2)


def test_a_second_divergence_takes_nothing_more_away():
    trained, ema = diverge(ExponentialMovingAverage(0.5), [BATCH, BATCH, BATCH, NAN])
    count, average = ema.count, ema.average
    fit(trained, 1, data=[NAN])
    assert (ema.count, ema.average) == (count, average)


def test_a_divergence_that_raises_leaves_the_trained_values():
    ema = ExponentialMovingAverage(0.5)
    trained = trainer(ema)
    with pytest.raises(DivergedError):
        fit(trained, 1, data=[BATCH, BATCH, NAN])
    assert (weight(trained), ema.average.item()) == (0.25, 0.5)


# ---- SWA's learning rate --------------------------------------------------------------------------
def test_swa_sets_a_constant_rate_from_its_start_on():
    swa = StochasticWeightAveraging(3, learning_rate=0.25)
    trained = fit(trainer(swa, learning_rate=lambda step: 0.5), 4, 2)
    assert trained.history["learning_rate"] == [0.5, 0.5, 0.25, 0.25]
    assert trained.optimizer.learning_rate == 0.25


def test_swa_warns_if_it_will_never_start():
    swa = StochasticWeightAveraging(4, learning_rate=0.25)
    trained = trainer(swa)
    with pytest.warns(
        TrainingWarning,
        match=r"StochasticWeightAveraging\(4, learning_rate=0.25\): fit ends after "
        "epoch 3, before there is anything to average; lower start_epoch",
    ):
        fit(trained, 3)
    assert weight(trained) == 0.125
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(trained, 1)
    assert weight(trained) == 0.125 * 0.75


# ---- arguments ------------------------------------------------------------------------------------
def test_reprs():
    for average in (
        "ExponentialMovingAverage(0.999)",
        "ExponentialMovingAverage(0.5, every_steps=2, apply=False)",
        "StochasticWeightAveraging(3)",
        "StochasticWeightAveraging(3, every_epochs=2, learning_rate=0.5, apply=False)",
    ):
        assert repr(eval(average)) == average


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: ExponentialMovingAverage(1.0),
            InvalidValueError,
            "ExponentialMovingAverage: decay must be at least 0 and below 1, got 1.0",
        ),
        (
            lambda: ExponentialMovingAverage(math.nan),
            InvalidValueError,
            "ExponentialMovingAverage: decay must be finite, got nan",
        ),
        (
            lambda: ExponentialMovingAverage(apply="no"),
            DtypeError,
            "ExponentialMovingAverage: apply must be True or False, got 'no'",
        ),
        (
            lambda: StochasticWeightAveraging(1, apply=1),
            DtypeError,
            "StochasticWeightAveraging: apply must be True or False, got 1",
        ),
        (
            lambda: ExponentialMovingAverage(every_steps=0),
            InvalidValueError,
            "ExponentialMovingAverage: every_steps must be at least 1, got 0",
        ),
        (
            lambda: StochasticWeightAveraging(0),
            InvalidValueError,
            "StochasticWeightAveraging: start_epoch must be at least 1, got 0",
        ),
        (
            lambda: StochasticWeightAveraging(0.75),
            DtypeError,
            "StochasticWeightAveraging: start_epoch must be an int, got 0.75",
        ),
        (
            lambda: StochasticWeightAveraging(1, every_epochs=0),
            InvalidValueError,
            "StochasticWeightAveraging: every_epochs must be at least 1, got 0",
        ),
        (
            lambda: StochasticWeightAveraging(1, learning_rate=0),
            InvalidValueError,
            "StochasticWeightAveraging: learning_rate must be above 0, got 0",
        ),
    ],
)
def test_arguments_are_checked(make, error, message):
    assert_says(make, error, message)


def test_defaults():
    ema, swa = ExponentialMovingAverage(), StochasticWeightAveraging(1)
    assert (ema.decay, ema.every_steps, ema.apply) == (0.999, 1, True)
    assert (swa.every_epochs, swa.learning_rate, swa.apply) == (1, None, True)
