"""The pictures: what is drawn, on which axes, and where it goes."""

import io
import sys

import numpy as np
import pytest

from tinynn import plots
from tinynn.training import History
from tinynn.training.learning_rates import LearningRates

pytest.importorskip("matplotlib")
PNG = b"\x89PNG"
RATES = np.geomspace(1e-3, 10, 41)


def lines(axes):
    """{label: line} of what is drawn."""
    return {line.get_label(): line for line in axes.lines}


def heights(line):
    return np.asarray(line.get_ydata()).tolist()


# ---- the sweep ----------------------------------------------------------------------------------
def test_a_sweep():
    costs = np.abs(np.log10(RATES)) + 1  # from 4 to 1 at a rate of 1, then up to 2
    costs[-1] = 100.0
    found = LearningRates(RATES, costs, 0.0)
    (axes,) = found.plot().axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "cost of a batch")
    raw, smoothed = lines(axes)["each batch"], lines(axes)["smoothed"]
    assert heights(raw) == costs.tolist()
    assert heights(smoothed) == found.costs.tolist()
    assert raw.get_xdata().tolist() == RATES.tolist()
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"each batch", "smoothed"}
    # The blow-up is cut off, 0.35 and 0.5 of the descent around it.
    assert axes.get_ylim() == (1 - 0.35 * 3, 4 + 0.5 * 3)
    lowest, suggestion = axes.lines[2:]
    assert (lowest.get_xdata().item(), lowest.get_ydata().item()) == (pytest.approx(1.0), pytest.approx(1.0))
    assert list(suggestion.get_xdata()) == [found.suggestion] * 2
    (text,) = axes.texts
    assert text.get_text() == "suggestion 0.333"
    assert text.xy == (found.suggestion, 0.04)
    assert axes.get_title() == "A sweep over learning rates"


@pytest.mark.parametrize(("place", "side"), [(1.0, "right"), (0.01, "left")])
def test_the_number_is_on_the_side_with_more_room(place, side):
    costs = np.minimum(np.abs(np.log10(RATES / place)), 3)
    (axes,) = LearningRates(RATES, costs, 0.0).plot().axes
    (text,) = axes.texts
    assert text.get_horizontalalignment() == side
    assert text.xyann[0] * (-1 if side == "right" else 1) > 0


def test_a_sweep_that_suggests_nothing():
    found = LearningRates(RATES, np.ones(41), 0.9)
    (axes,) = found.plot().axes
    assert axes.get_title().replace("\n", " ") == found.note
    assert len(axes.lines) == 2
    assert not axes.texts
    low, high = axes.get_ylim()
    assert low < 1 < high


def test_a_sweep_of_nothing_is_drawn_all_the_same():
    figure = LearningRates(RATES, [], 0.9).plot()
    figure.draw_without_rendering()
    assert figure.axes[0].get_title().startswith("the cost was not finite at the first batch;\n")


# ---- the history --------------------------------------------------------------------------------
COLUMNS = {
    "cost": [2.0, 1.0, 0.5],
    "accuracy": [0.25, 0.5, 0.75],
    "f1": [0.2, None, 0.7],
    "learning_rate": [0.1, 0.05, 0.02],
    "gradient_norm": [1.0, 2.0, 3.0],
    "seconds": [1.0, 1.0, 1.0],
    "samples_per_second": [9.0, 9.0, 9.0],
    "validation_cost": [2.5, 1.5, 1.0],
    "validation_accuracy": [0.2, 0.4, 0.6],
    "validation_confusion_matrix": [[[1, 0], [0, 1]]] * 3,
}


def history(**changes):
    return History.from_dict({**COLUMNS, **changes})


def labels(figure):
    return [axes.get_ylabel() for axes in figure.axes]


def test_a_history():
    figure = plots.draw_history(history())
    cost, metrics, rate = figure.axes
    assert labels(figure) == ["cost", "metrics", "learning rate"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}
    assert {*lines(cost)} == {"cost", "validation cost"}
    assert {*lines(metrics)} == {"accuracy", "validation accuracy", "f1"}
    assert heights(lines(cost)["validation cost"]) == COLUMNS["validation_cost"]
    assert lines(cost)["cost"].get_xdata().tolist() == [1, 2, 3]
    assert np.isnan(heights(lines(metrics)["f1"])[1])
    assert heights(rate.lines[0]) == COLUMNS["learning_rate"]
    assert [bool(axes.get_legend()) for axes in figure.axes] == [True, True, False]


def test_a_figure_and_its_validation_have_one_colour():
    cost, metrics, _ = plots.draw_history(history()).axes
    for axes, name in ((cost, "cost"), (metrics, "accuracy")):
        training, validation = lines(axes)[name], lines(axes)[f"validation {name}"]
        assert training.get_color() == validation.get_color()
        assert (training.get_linestyle(), validation.get_linestyle()) == ("--", "-")
    assert lines(metrics)["f1"].get_color() != lines(metrics)["accuracy"].get_color()
    assert lines(metrics)["f1"].get_linestyle() == "-"


def test_panels_come_where_there_is_something_to_show():
    assert labels(plots.draw_history(history(learning_rate=[0.1] * 3))) == ["cost", "metrics"]
    assert labels(plots.draw_history(History.from_dict({"cost": [1.0, 2.0]}))) == ["cost"]
    assert labels(plots.draw_history(History())) == ["cost"]
    assert labels(plots.draw_history(history(cost=[None] * 3, validation_cost=[None] * 3))) == [
        "cost",
        "metrics",
        "learning rate",
    ]


def test_a_column_of_a_callback_s_joins_its_kind():
    columns = {"averaged_validation_cost": [1.0, 1.0, 1.0], "dead_share": [0, 0, 1], "costume": [1, 2, 3]}
    cost, metrics, _ = plots.draw_history(history(**columns)).axes
    assert {*lines(cost)} == {"cost", "validation cost", "averaged validation cost"}
    assert {*lines(metrics)} == {"accuracy", "validation accuracy", "f1", "dead share", "costume"}


@pytest.mark.parametrize(
    ("name", "panel", "column", "scale"),
    [
        ("learning_rate", 2, [0.1, 0.02, 0.011], "linear"),
        ("learning_rate", 2, [0.1, 0.02, 0.01], "log"),
        ("learning_rate", 2, [0.1, 0.02, 0.0], "linear"),
        ("cost", 0, [50.0, 1.0, 0.51], "linear"),
        ("cost", 0, [50.0, 1.0, 0.5], "log"),
        ("cost", 0, [50.0, float("nan"), 0.5], "log"),
        ("cost", 0, [50.0, 1.0, -0.5], "linear"),
        ("accuracy", 1, [1.0, 1e-9, 0.5], "linear"),
    ],
)
def test_wide_columns_are_logarithmic(name, panel, column, scale):
    columns = {"validation_cost": [2.0, 2.0, 2.0], name: column}
    assert plots.draw_history(history(**columns)).axes[panel].get_yscale() == scale


def test_epochs_are_whole_numbers():
    figure = plots.draw_history(history())
    figure.draw_without_rendering()
    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())


@pytest.mark.parametrize(("epochs", "marker"), [(30, "."), (31, "")])
def test_few_epochs_are_points(epochs, marker):
    (axes,) = plots.draw_history(History.from_dict({"cost": [1.0] * epochs})).axes
    assert axes.lines[0].get_marker() == marker


# ---- files --------------------------------------------------------------------------------------
def test_a_picture_goes_into_a_file_or_a_stream(tmp_path):
    stream = io.BytesIO()
    plots.draw_history(history(), stream)
    assert stream.getvalue().startswith(PNG)
    LearningRates(RATES, np.abs(np.log10(RATES)), 0.0).plot(str(tmp_path / "sweep"))
    assert (tmp_path / "sweep").read_bytes().startswith(PNG)


def test_nothing_is_left_with_pyplot():
    plots.draw_history(history())
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    message = r'a picture needs matplotlib \(.*\): pip install "tinynn-numpy\[plots\]"$'
    with pytest.raises(ImportError, match=message):
        history().plot()
    with pytest.raises(ImportError, match=message):
        LearningRates(RATES, [], 0.9).plot()
