"""LearningRateLogger: the rate of each step, as the step saw it."""

import numpy as np
from messages import assert_says
from training.callbacks.halving import BATCH, NAN, fit, trainer
from training.noted import noted

import tinynn as nn
from tinynn.errors import InvalidValueError
from tinynn.training import LearningRateLogger, TerminateOnNaN, Trainer


def falling(step):
    return 1 / (2 + step)


def logged(logger):
    return logger.steps.tolist(), logger.rates.tolist()


def test_a_schedule_step_by_step_over_two_fits():
    logger = LearningRateLogger()
    trained = fit(trainer(logger, learning_rate=falling), 2, 2)
    assert logged(logger) == ([0, 1, 2, 3], [1 / 2, 1 / 3, 1 / 4, 1 / 5])
    fit(trained)
    assert logged(logger) == ([0, 1, 2, 3, 4], [1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6])
    assert (logger.steps.dtype, logger.rates.dtype) == (np.int64, np.float64)


def test_every_so_many_steps():
    logger = LearningRateLogger(every=3)
    fit(trainer(logger, learning_rate=falling), 2, 4)
    assert logged(logger) == ([0, 3, 6], [1 / 2, 1 / 5, 1 / 8])


def test_a_rate_that_is_assigned_between_steps():
    class Lowers:
        def on_epoch_end(self, trained, figures):
            trained.optimizer.learning_rate /= 2

    logger = LearningRateLogger()
    fit(trainer(Lowers(), logger), 3, 2)
    assert logger.rates.tolist() == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_a_step_is_logged_once_however_many_batches_make_it():
    logger = LearningRateLogger()
    trained = fit(trainer(logger, learning_rate=falling, accumulate=2), 2, 3)
    assert logged(logger) == ([0, 1, 2, 3], [1 / 2, 1 / 3, 1 / 4, 1 / 5])
    late = LearningRateLogger()
    trained.callbacks = (late,)
    fit(trained, 1, 2)  # the first batch makes no step
    assert logged(late) == ([4], [1 / 6])


def grouped(rates, rate, *callbacks):
    model = nn.Sequential(nn.Dense(1, 1), nn.Dense(1, 1), rng=0)
    groups = [{"parameters": layer, "learning_rate": rate} for layer, rate in zip(model, rates, strict=True)]
    return Trainer(model, nn.MSE(), nn.SGD(groups, rate), callbacks=callbacks)


def test_groups_with_rates_of_their_own_have_a_column_each():
    logger = LearningRateLogger()
    trained = fit(grouped([0.125, None], falling, logger), 1, 2)
    assert logged(logger) == ([0, 1], [[0.125, 1 / 2], [0.125, 1 / 3]])
    fit(trained)
    assert logger.rates.shape == (3, 2)
    same = LearningRateLogger()
    fit(grouped([None, None], falling, same), 1, 2)
    assert logged(same) == ([0, 1], [1 / 2, 1 / 3])


def test_another_trainer_begins_anew():
    logger = LearningRateLogger()
    fit(grouped([0.125, None], 0.25, logger), 1, 2)
    fit(trainer(logger), 1, 2)
    assert logged(logger) == ([0, 1], [0.5, 0.5])
    trained = fit(trainer(), 1, 3)
    trained.callbacks = (logger,)
    fit(trained)
    assert logged(logger) == ([3], [0.5])


def test_groups_that_get_rates_of_their_own_later_begin_anew():
    logger = LearningRateLogger()
    trained = fit(grouped([None, None], 0.25, logger), 1, 2)
    trained.optimizer.groups[1].learning_rate = 0.125
    fit(trained)
    assert logged(logger) == ([2], [[0.25, 0.125]])


def test_steps_that_were_taken_back_are_logged_as_they_are_made_again():
    logger = LearningRateLogger()
    trained = trainer(logger, TerminateOnNaN())
    with noted("TerminateOnNaN"):
        fit(trained, 1, data=[BATCH, BATCH, BATCH, NAN])
    assert (logger.steps.tolist(), trained.optimizer.steps) == ([0, 1, 2], 2)
    trained.optimizer.learning_rate = 0.25
    fit(trained, 1, 2)
    assert logged(logger) == ([0, 1, 2, 3], [0.5, 0.5, 0.25, 0.25])


def test_steps_that_were_taken_back_of_groups():
    logger = LearningRateLogger()
    trained = grouped([0.125, None], 0.25, logger, TerminateOnNaN())
    with noted("TerminateOnNaN"):
        fit(trained, 1, data=[BATCH, BATCH, NAN])
    fit(trained, 1, 1)
    assert logged(logger) == ([0, 1], [[0.125, 0.25]] * 2)


def test_the_arrays_are_copies():
    logger = LearningRateLogger()
    fit(trainer(logger), 1, 2)
    logger.rates[:] = 9
    logger.steps[:] = 9
    assert logged(logger) == ([0, 1], [0.5, 0.5])


def test_repr_and_arguments():
    assert repr(LearningRateLogger(5)) == "LearningRateLogger(every=5)"
    assert logged(LearningRateLogger()) == ([], [])
    assert LearningRateLogger().rates.shape == (0,)
    assert_says(lambda: LearningRateLogger(0), InvalidValueError, "LearningRateLogger: every must be at least 1, got 0")
