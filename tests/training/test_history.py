"""The history's table: columns, epochs, and its forms as text and in files."""

import csv
import io
import json
import math

import numpy as np
import pytest
from messages import assert_says

from tinynn import plots
from tinynn.errors import DataError, DtypeError, InvalidValueError
from tinynn.training import History

FIRST = {"cost": 0.5, "learning_rate": 3.0, "seconds": 1.5, "samples_per_second": 40.0}
SECOND = {**FIRST, "cost": 0.25, "validation_cost": 0.3, "validation_confusion_matrix": np.eye(2, dtype=int)}
PLAIN = {
    "cost": [0.5, 0.25],
    "learning_rate": [3.0, 3.0],
    "seconds": [1.5, 1.5],
    "samples_per_second": [40.0, 40.0],
    "validation_cost": [None, 0.3],
    "validation_confusion_matrix": [None, [[1, 0], [0, 1]]],
}


def history_of(*epochs):
    history = History()
    for figures in epochs:
        history.append(figures)
    return history


def two_epochs():
    return history_of(dict(FIRST), dict(SECOND))


# ---- columns and epochs -------------------------------------------------------------------------


def test_a_column_has_one_figure_an_epoch_and_none_where_there_is_none():
    history = two_epochs()
    assert len(history) == 2
    assert history.names == [*SECOND]
    assert history["cost"] == [0.5, 0.25]
    assert history["seconds"] == [1.5, 1.5]
    assert history["validation_cost"] == [None, 0.3]
    assert "validation_cost" in history
    assert "validation_accuracy" not in history
    assert 0 not in history


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    message = "History: no figures named 'accuracy'; there are cost, learning_rate"
    assert_says(lambda: history_of({"cost": 1.0, "learning_rate": 3.0})["accuracy"], InvalidValueError, message)
    message = "History: no figures named 'accuracy'; there are none"
    assert_says(lambda: History()["accuracy"], InvalidValueError, message)


def test_an_epoch_is_its_row():
    first, second = dict(FIRST), dict(SECOND)
    history = history_of(first, second)
    assert history[0] is first and history[-2] is first
    assert history[1] is second and history[np.int64(-1)] is second
    assert [id(epoch) for epoch in history] == [id(first), id(second)]


def test_what_callbacks_add_to_the_row_is_in_the_history():
    figures = {"cost": 1.0}
    history = history_of(figures)
    figures["cosine"] = 0.5
    assert history["cosine"] == [0.5]


def test_a_changed_column_changes_nothing():
    history = two_epochs()
    history["cost"].append(3.0)
    assert history["cost"] == [0.5, 0.25]


@pytest.mark.parametrize("place", [2, -3])
def test_an_epoch_that_is_not_there(place):
    assert_says(lambda: two_epochs()[place], IndexError, f"History: no epoch at {place}; there are 2, the first at 0")


@pytest.mark.parametrize("key", [1.0, None, ("cost", 1)])
def test_a_key_of_another_kind(key):
    message = f"History: expected a column's name, an epoch's number or a slice, got {key!r}"
    assert_says(lambda: two_epochs()[key], DtypeError, message)


def test_a_slice_is_a_history_of_the_same_epochs():
    rows = [{"cost": float(k)} for k in range(6)]
    history = history_of(*rows)
    part = history[1:5:2]
    assert type(part) is History
    assert part["cost"] == [1.0, 3.0]
    assert part[0] is rows[1]
    part.append({"cost": 9.0})
    assert len(part) == 3 and len(history) == 6
    assert len(history[6:]) == 0 and history[6:].names == []


# ---- plain Python, JSON, CSV --------------------------------------------------------------------


def test_to_dict_is_plain_python():
    plain = two_epochs().to_dict()
    assert plain == json.loads(json.dumps(plain)) == PLAIN
    history = history_of({"cost": np.float64(0.5), "validation_hits": np.int64(3), "share": np.float32(0.1)})
    assert [type(column[0]) for column in history.to_dict().values()] == [float, int, float]
    assert history.to_dict()["share"] == [13421773 / 2**27]  # 0.1 as float32


def test_from_dict_is_the_way_back():
    history = History.from_dict(PLAIN)
    assert history.to_dict() == PLAIN
    assert history.names == [*PLAIN]
    assert len(history) == 2
    assert history[1]["cost"] == 0.25 and history[1]["validation_confusion_matrix"] == [[1, 0], [0, 1]]
    assert History.from_dict({}).to_dict() == {}
    history.append({"cost": 0.125})
    assert len(PLAIN["cost"]) == 2


def test_from_dict_wants_columns_of_one_length():
    message = "History: the columns need one length, got {'cost': 2, 'accuracy': 1}"
    assert_says(lambda: History.from_dict({"cost": [1.0, 2.0], "accuracy": [0.5]}), InvalidValueError, message)
    for wrong in ([[1.0]], {"cost": 1.0}, {"cost": [1.0], "accuracy": "5"}):
        message = "History: expected a dict of columns, each a list with one figure an epoch"
        assert_says(lambda wrong=wrong: History.from_dict(wrong), DtypeError, message)


AWKWARD = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, 1 / 3, math.inf, -math.inf, math.nan]


def same(found, expected):
    """Equal to the last bit, the sign of a zero included, and NaN equal to NaN."""
    return np.array(found).tobytes() == np.array(expected).tobytes()


def test_json_keeps_every_bit(tmp_path):
    history = history_of(*({"cost": figure} for figure in AWKWARD))
    path = tmp_path / "history.json"
    assert history.to_json(path) is None
    assert same(History.from_json(path)["cost"], AWKWARD)
    assert path.read_text() == history.to_json()
    assert path.read_text().startswith('{\n "cost": [\n  0.30000000000000004,\n')
    two_epochs().to_json(str(path))
    assert History.from_json(str(path)).to_dict() == json.loads(two_epochs().to_json()) == PLAIN
    assert [file.name for file in tmp_path.iterdir()] == ["history.json"]


def test_arrays_inside_other_figures_are_written_too():
    history = history_of({"norms": {"weight": np.array([1.0, 2.0]), "bias": np.float32(0.5)}})
    assert json.loads(history.to_json()) == {"norms": [{"weight": [1.0, 2.0], "bias": 0.5}]}
    assert history.to_csv() == 'norms\n"{""weight"": [1.0, 2.0], ""bias"": 0.5}"\n'
    assert history_of({"norms": np.array([np.nan, 1.0])}).to_csv() == 'norms\n"[NaN, 1.0]"\n'


def test_what_json_cannot_hold():
    message = "History: JSON has no form for (1+2j); let the figures be numbers, texts or arrays"
    assert_says(history_of({"spectrum": [1 + 2j]}).to_json, DtypeError, message)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"[1]", "History: expected a dict of columns, each a list with one figure an epoch"),
        (b'{"a": [1], "b": []}', "History: the columns need one length, got {'a': 1, 'b': 0}"),
    ],
)
def test_a_file_without_a_history(tmp_path, content, complaint):
    path = tmp_path / "history.json"
    path.write_bytes(content)
    message = f"{path}: no history as to_json writes it: {complaint}"
    assert_says(lambda: History.from_json(path), DataError, message)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        History.from_json(tmp_path / "history.json")


def test_csv_to_the_letter(tmp_path):
    history = history_of(
        {"cost": np.float64(0.5), "note": 'said "so", twice\nand left', "hits": np.int64(3)},
        {"cost": 0.1 + 0.2, "confusion": np.eye(2), "done": True},
    )
    text = (
        "cost,note,hits,confusion,done\n"
        '0.5,"said ""so"", twice\nand left",3,,\n'
        '0.30000000000000004,,,"[[1.0, 0.0], [0.0, 1.0]]",True\n'
    )
    assert history.to_csv() == text
    assert history.to_csv(tmp_path / "history.csv") is None
    assert (tmp_path / "history.csv").read_bytes() == text.encode()
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]


def test_csv_keeps_every_bit():
    rows = list(csv.DictReader(io.StringIO(history_of(*({"cost": figure} for figure in AWKWARD)).to_csv())))
    assert same([float(row["cost"]) for row in rows], AWKWARD)


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    path.write_text("before")

    def fail(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space left"):
        two_epochs().to_csv(path)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]


# ---- for the eye --------------------------------------------------------------------------------


def test_repr_shows_where_each_figure_came_from_and_went_to():
    assert repr(History()) == "History(0 epochs)"
    first = FIRST | {"gradient_norm": 0.7, "validation_accuracy": 0.81234, "note": "text"}
    assert repr(history_of(first)) == "History(1 epoch: cost 0.5, validation_accuracy 0.8123)"
    three = [{"cost": 0.5, "accuracy": np.float32(k), "gradient_norm": 1.0} for k in (1, 3, 2)]
    assert repr(history_of(*three)) == "History(3 epochs: cost 0.5 -> 0.5, accuracy 1 -> 2)"
    assert repr(two_epochs()) == "History(2 epochs: cost 0.5 -> 0.25, validation_cost 0.3)"


def test_repr_names_the_epoch_with_the_least_validation_cost():
    def text(*costs):
        return repr(history_of(*({"validation_cost": cost} for cost in costs)))

    assert text(None, 0.9, 0.3, 0.3, 0.4) == "History(5 epochs: validation_cost 0.9 -> 0.4 (least 0.3, epoch 3))"
    assert text(0.9, 0.4, 0.3) == "History(3 epochs: validation_cost 0.9 -> 0.3)"
    assert text(0.3, 0.4, 0.3) == "History(3 epochs: validation_cost 0.3 -> 0.3)"
    assert text(0.3, math.nan) == "History(2 epochs: validation_cost 0.3 -> nan)"
    assert repr(history_of({"cost": 1.0}, {"cost": 2.0})) == "History(2 epochs: cost 1 -> 2)"


def test_a_table_of_the_last_epochs():
    history = history_of(*({"cost": 1.0 / k, "matrix": np.eye(2), "hits": None} for k in range(1, 13)))
    history[10]["samples_per_second"] = 123456.7
    assert history.table(3).split("\n") == [
        "epoch      cost  samples_per_second",
        "   10       0.1",
        "   11  0.090909          1.2346e+05",
        "   12  0.083333",
    ]
    assert len(history.table().split("\n")) == 13
    assert len(history_of(*({"cost": 1.0} for _ in range(50))).table().split("\n")) == 21
    assert history.table(0) == "epoch  cost  samples_per_second"
    assert History().table() == "epoch"


def test_plot_draws_this_history(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(plots, "draw_history", lambda *arguments: called.append(arguments) or "figure")
    history = two_epochs()
    assert history.plot() == history.plot(tmp_path / "history.png") == "figure"
    assert called == [(history, None), (history, tmp_path / "history.png")]
