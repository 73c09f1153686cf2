"""The history's table and the progress line."""

import json

import numpy as np
import pytest

from tinynn.errors import InvalidValueError
from tinynn.training import History
from tinynn.training.progress import line

FIRST = {"cost": 0.5, "learning_rate": 3.0, "seconds": 1.5, "samples_per_second": 40.0}
SECOND = {**FIRST, "cost": 0.25, "validation_cost": 0.3, "validation_confusion_matrix": np.eye(2, dtype=int)}


def two_epochs():
    history = History()
    history.append(FIRST)
    history.append(SECOND)
    return history


def test_a_column_has_one_figure_an_epoch_and_none_where_there_is_none():
    history = two_epochs()
    assert len(history) == 2
    assert history.names == [*SECOND]
    assert history["cost"] == [0.5, 0.25]
    assert history["seconds"] == [1.5, 1.5]
    assert history["validation_cost"] == [None, 0.3]
    assert "validation_cost" in history
    assert "validation_accuracy" not in history


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InvalidValueError, match="no figures named 'accuracy'; there are cost, learning_rate, "):
        two_epochs()["accuracy"]


def test_to_dict_is_plain_python():
    plain = two_epochs().to_dict()
    assert json.loads(json.dumps(plain)) == {
        "cost": [0.5, 0.25],
        "learning_rate": [3.0, 3.0],
        "seconds": [1.5, 1.5],
        "samples_per_second": [40.0, 40.0],
        "validation_cost": [None, 0.3],
        "validation_confusion_matrix": [None, [[1, 0], [0, 1]]],
    }
    history = History()
    history.append({"cost": np.float64(0.5), "validation_hits": np.int64(3)})
    assert [type(column[0]) for column in history.to_dict().values()] == [float, int]


def test_a_row_that_was_appended_does_not_change():
    history, figures = History(), {"cost": 1.0}
    history.append(figures)
    figures["cost"] = 2.0
    history["cost"].append(3.0)
    assert history["cost"] == [1.0]


def test_repr_shows_where_each_figure_came_from_and_went_to():
    history = History()
    assert repr(history) == "History(0 epochs)"
    history.append(FIRST | {"validation_accuracy": 0.81234})
    assert repr(history) == "History(1 epoch: cost 0.5 -> 0.5, validation_accuracy 0.8123 -> 0.8123)"
    assert repr(two_epochs()) == "History(2 epochs: cost 0.5 -> 0.25)"


def test_progress_line():
    assert line(7, 100, FIRST) == "epoch   7/100  cost 0.5000  1.50 s  40 samples/s"
    assert line(2, 2, SECOND) == "epoch 2/2  cost 0.2500  validation: cost 0.3000  1.50 s  40 samples/s"
    figures = {**FIRST, "samples_per_second": 1234567.8, "validation_r2": np.float32(-0.5)}
    assert line(1, 2, figures) == "epoch 1/2  cost 0.5000  validation: r2 -0.5000  1.50 s  1,234,568 samples/s"


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (0.0, "0.0000"),
        (0.001, "0.0010"),
        (0.000987, "9.87e-04"),
        (-0.000987, "-9.87e-04"),
        (9999.99994, "9999.9999"),
        (10000.0, "1.00e+04"),
        (-10000.0, "-1.00e+04"),
    ],
)
def test_progress_line_keeps_figures_short(cost, text):
    assert f"  cost {text}  " in line(1, 1, {**FIRST, "cost": cost})
