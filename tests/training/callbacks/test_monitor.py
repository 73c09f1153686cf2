"""Monitor: which way is better, by how much, and what is no figure."""

import math

import numpy as np
import pytest
from messages import assert_says

from tinynn.errors import DtypeError, InvalidValueError
from tinynn.training.callbacks import Monitor


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("cost", "min"),
        ("validation_cost", "min"),
        ("val_loss", "min"),
        ("mean_error", "min"),
        ("validation_mse", "min"),
        ("mae", "min"),
        ("rmse", "min"),
        ("gradient_norm", "min"),
        ("perplexity", "min"),
        ("accuracy", "max"),
        ("validation_top_5_accuracy", "max"),
        ("F1", "max"),
        ("validation_r2", "max"),
        ("precision", "max"),
        ("recall", "max"),
        ("auc", "max"),
        ("score", "max"),
    ],
)
def test_the_name_tells_which_way_is_better(name, mode):
    assert Monitor(name).mode == mode
    assert Monitor(name, "max").mode == "max"
    assert Monitor(name, "min").mode == "min"


@pytest.mark.parametrize("name", ["speed", "validation_dead_share", "accuracy_loss", "costly"])
def test_a_name_that_does_not_tell_needs_a_mode(name):
    assert_says(
        lambda: Monitor(name),
        InvalidValueError,
        f"monitor={name!r}: the name does not tell which way is better; say mode='min' or mode='max'",
    )
    assert repr(Monitor(name, "max")) == f"Monitor({name!r}, 'max')"


def test_better_is_strictly_and_by_more_than_the_margin():
    falls, rises = Monitor("cost"), Monitor("accuracy")
    assert falls.better(1.0, 2.0) and not falls.better(2.0, 1.0) and not falls.better(1.0, 1.0)
    assert rises.better(2.0, 1.0) and not rises.better(1.0, 2.0) and not rises.better(1.0, 1.0)
    assert falls.better(0.75, 1.0, 0.125) and not falls.better(0.75, 1.0, 0.25)
    assert rises.better(1.25, 1.0, 0.125) and not rises.better(1.25, 1.0, 0.25)


@pytest.mark.parametrize("name", ["cost", "accuracy"])
def test_nan_is_never_better_and_anything_finite_beats_nothing(name):
    monitor = Monitor(name)
    assert monitor.better(1e300, None) and monitor.better(-1e300, None, margin=5.0)
    assert not monitor.better(math.nan, None)
    assert not monitor.better(math.nan, 1.0)
    assert not Monitor("cost").better(math.inf, None)
    assert not Monitor("accuracy").better(-math.inf, None)


@pytest.mark.parametrize("figure", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0)])
def test_a_figure_is_any_single_number(figure):
    value = Monitor("cost").value({"cost": figure})
    assert type(value) is float and value == 2.0


def test_what_is_no_figure_is_an_error_that_says_what_there_is():
    assert_says(
        lambda: Monitor("accuracy").value({"cost": 1.0, "seconds": 2.0}),
        InvalidValueError,
        "monitor='accuracy': the epoch has no such figure; there are cost, seconds",
    )
    assert_says(
        lambda: Monitor("validation_cost").value({"cost": 1.0}),
        InvalidValueError,
        "monitor='validation_cost': the epoch has no such figure; there are cost; pass validation=(x, y) to fit",
    )
    for figure, got in ((np.array([2.0]), "an array of shape (1,) and dtype float64"), (None, "None"), ("2", "'2'")):
        assert_says(
            lambda figure=figure: Monitor("cost").value({"cost": figure}),
            InvalidValueError,
            f"monitor='cost': expected a column of single numbers, got {got}",
        )


def test_arguments_are_checked():
    assert_says(lambda: Monitor(3), DtypeError, "monitor must be the name of a column such as 'validation_cost', got 3")
    assert_says(
        lambda: Monitor("cost", "lowest"),
        InvalidValueError,
        "monitor='cost': mode must be \"min\" or \"max\", got 'lowest'",
    )
