"""The parts of the benchmarks' questions that need no measurement: what they read, count and write."""

import gzip
import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import accuracy_runs, accuracy_tables, footprint, threads_tables, weight_tables
from benchmarks.cases import Case
from benchmarks.interleaved import Unavailable
from benchmarks.program import Program
from benchmarks.programs import arrays, recipe, steps
from benchmarks.questions import accuracy, threads, weight

GOALS = (0.95, 0.98)
RECIPE = {"widths": [784, 256, 10], "batch": 100, "rate": 0.002, "epochs": 15}


def run(*curve):
    return {"seed": 0, "imported": 0.2, "read": 0.5, "curve": [list(point) for point in curve]}


#: Reaches 95 % after 0.75 epochs and 98 % after 5; half a second a quarter of an epoch.
QUICK = run((1.0, 0.25, 0.93), (1.5, 0.5, 0.949), (2.0, 0.75, 0.95), (10.5, 5.0, 0.981))
#: Never reaches 98 %.
SLOW = run((3.0, 0.25, 0.94), (5.0, 0.75, 0.96), (8.0, 1.5, 0.97))


# ---- accuracy --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("line", "told"), [("read", "read"), ("12.75 0.9804", (12.75, 0.9804))])
def test_a_programs_line_is_read(line, told):
    assert accuracy.parse(line) == told


def test_the_first_point_at_the_goal_counts():
    assert accuracy_runs.first(QUICK["curve"], 0.95) == [2.0, 0.75, 0.95]
    assert accuracy_runs.first(SLOW["curve"], 0.98) is None


def test_runs_that_reach_the_goal_are_summed_up():
    found = accuracy_runs.reached([QUICK, SLOW], 0.95)
    assert found == {"runs": 2, "seconds": [3.5, 2.0, 5.0], "epochs": [0.75, 0.75, 0.75]}
    assert accuracy_runs.reached([SLOW], 0.98) == {"runs": 0, "seconds": None, "epochs": None}


def test_a_run_that_never_comes_there_counts_as_longer_than_any():
    assert accuracy_runs.typical_epochs([QUICK, QUICK, SLOW], 0.98) == 5.0
    assert accuracy_runs.typical_epochs([QUICK, SLOW], 0.98) is None
    assert accuracy_runs.typical_epochs([], 0.98) is None


def test_seconds_for_a_number_of_epochs_begin_with_the_first_test():
    found = accuracy_runs.phases([QUICK])
    assert found == {"imported": 0.2, "read": 0.5, "first": 1.0, "epoch": pytest.approx(2.0)}
    assert accuracy_runs.phases([QUICK, SLOW], min)["first"] == 1.0
    assert accuracy_runs.seconds_for(found, 1.25) == pytest.approx(1.0 + 1.0 * 2.0)
    assert accuracy_runs.seconds_for(found, None) is None


def test_the_section_on_accuracy_names_every_outcome():
    rows = [
        {"peer": "tinynn", "runs": [QUICK, QUICK]},
        {"peer": "torch", "runs": [SLOW, QUICK]},
        {"peer": "sklearn", "runs": [SLOW, SLOW]},
        {"peer": "jax-scan", "runs": [], "reason": "its process ended: no module named 'jax'"},
    ]
    page = accuracy.markdown({"recipe": RECIPE, "goals": GOALS, "rows": rows})
    assert page.startswith("## ")
    assert "| tinynn | 2.00 (2.00…2.00) | 10.50 (10.50…10.50) | 0.75, 5 |  |" in page
    assert "| torch | 3.50 (2.00…5.00) | 10.50 (10.50…10.50, 1 of 2 runs) | 0.75, 5 |  |" in page
    assert "| sklearn | 5.00 (5.00…5.00) | not within 15 epochs | 0.75, – |  |" in page
    assert "| jax-scan | – | – | – | its process ended: no module named 'jax' |" in page
    assert "| sklearn | 5.00 (5.00) | – | 0.20 (0.20) | 0.50 (0.50) | 3.00 (3.00) | 4.00 (4.00) |" in page
    assert "0.75 to 95 %, unknown to 98 %" in page  # three of six runs do not reach it


def test_a_run_in_which_everything_is_missing_has_a_section():
    rows = [{"peer": "torch", "runs": [], "reason": "missing"}]
    assert "| torch | – | – | – | missing |" in accuracy.markdown({"recipe": RECIPE, "goals": GOALS, "rows": rows})


def test_the_plot_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [{"peer": "tinynn", "runs": [QUICK, SLOW]}, {"peer": "torch", "runs": [], "reason": "missing"}]
    accuracy_tables.plot({"goals": GOALS, "rows": rows}, tmp_path)
    assert (tmp_path / "accuracy.png").stat().st_size > 10_000


def test_the_light_reader_reads_idx_files(tmp_path, monkeypatch):
    images, labels = (np.arange(2 * 784) % 256).astype(np.uint8), np.array([7, 2], np.uint8)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images.tobytes()))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes()))
    monkeypatch.setattr(recipe, "FOLDER", tmp_path)
    x, y, _, y_test = recipe.read_mnist()
    assert x.shape == (2, 784) and x.dtype == np.float32 and x[0, 255] == 1.0 and x[0, 51] == np.float32(0.2)
    assert y.tolist() == y_test.tolist() == [7, 2] and y.dtype == np.int64


def test_a_recipe_of_whole_parts():
    assert recipe.BATCH * recipe.PART * recipe.PARTS == 60_000


# ---- weight ----------------------------------------------------------------------------------------------
def test_the_formula_counts_each_array_once():
    sigmoid = arrays.formula(Case.parse("3-4-2:5"), slots=2)
    parameters = 3 * 4 + 4 + 4 * 2 + 2
    assert sigmoid == {
        "parameters": 4 * 2 * parameters,
        "slots": 4 * 2 * parameters,
        "activations": 4 * 5 * (4 + 4 + 2 + 2),
        "batch": 4 * 5 * (3 + 2),
    }
    relu = arrays.formula(Case.parse("3-4-2:5", head="relu"), slots=0)
    assert relu["activations"] == 4 * 5 * (4 + 4 + 2) and relu["batch"] == 5 * (4 * 3 + 8) and not relu["slots"]


def test_a_runs_arrays_are_counted_where_they_belong():
    case = Case.parse("6-5-3:4")
    found = arrays.count(case, "Adam", samples=64)
    # Values and gradients begin at cache lines.
    assert 0 <= found["alive"]["parameter"] - found["formula"]["parameters"] <= 2 * 64
    assert found["alive"]["optimizers"] >= found["formula"]["slots"]
    assert found["alive"]["data"] >= found["formula"]["batch"]
    assert found["build_peak"] > found["formula"]["parameters"] and found["step_peak"] > 0


def test_the_order_of_the_samples_is_what_grows_with_them(monkeypatch):
    monkeypatch.setattr(arrays, "SAMPLES", 4096)
    small = Case.parse("6-5-3:4")
    arrays.count(small, "SGD", samples=64)
    assert arrays.order(small, "SGD") % 4096 == 0 and arrays.order(small, "SGD") > 0


@pytest.mark.parametrize(
    ("files", "part"),
    [
        (["_buffers.py", "losses/base.py", "layers/dense.py"], "losses"),
        (["_buffers.py", "_arrays.py", "optimizers/base.py"], "optimizers"),
        (["_buffers.py"], "elsewhere"),
        (["parameter.py"], "parameter"),
        ([], "elsewhere"),
    ],
)
def test_an_array_belongs_to_the_part_that_asked_for_it(files, part):
    assert arrays.part(["/elsewhere/numpy.py"] + [str(arrays.PACKAGE / file) for file in files]) == part


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("numpy>=1.24.1", "numpy"),
        ("blis <1.1.0,>=1.0.0", "blis"),
        ("optax[x]; extra == 'all'", None),
        ("ml_dtypes", "ml_dtypes"),
    ],
)
def test_requirements_are_read(requirement, name):
    assert footprint.required(requirement) == name


def test_what_a_distribution_requires_is_followed_round_circles(monkeypatch):
    requires = {"a": ["B_b>=1", "missing"], "b-b": ["a", "c; python_version >= '3'"], "c": None}
    known = {name: SimpleNamespace(requires=given) for name, given in requires.items()}
    monkeypatch.setattr(footprint, "installed", known.get)
    assert footprint.closure("a") == ["a", "b-b", "c"]


def test_what_is_compiled_on_first_use_weighs_nothing(tmp_path, monkeypatch):
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    (tmp_path / "package" / "module.py").write_bytes(bytes(1000))
    monkeypatch.setattr(footprint, "folder", lambda package: tmp_path / package)
    before = footprint.wheel("package")
    for name in ("module.cpython-311.pyc", "module.loop.nbc"):
        (tmp_path / "package" / "__pycache__" / name).write_bytes(np.random.default_rng(0).bytes(5000))
    assert footprint.wheel("package") == before < 5000
    assert [path.name for path in (tmp_path / "package").rglob("*") if footprint.shipped(path)] == ["module.py"]


def test_numpys_files_are_counted():
    assert 10e6 < footprint.size(footprint.files("numpy")) < 500e6


def counted(held, step_peak=1000):
    case = Case.parse("784-30-10")
    formula = {"parameters": 190_000, "slots": 0, "activations": 5_000, "batch": 5_000}
    found = {"case": case.asdict(), "optimizer": "SGD", "formula": formula, "alive": {"parameter": held}}
    return found | {"build_peak": 400_000, "step_peak": step_peak, "order": 20_000}


def test_the_section_on_weight_judges_by_the_limits():
    result = {
        "packages": [
            {
                "package": "numpy",
                "seconds": [0.1, 0.1, 0.1],
                "beyond_numpy": [0, 0, 0],
                "memory": 25e6,
                "installed": 40e6,
            },
            {"package": "tinynn", "seconds": [0.16, 0.15, 0.17], "beyond_numpy": [0.06, 0.05, 0.07], "memory": 26e6},
            {"package": "torch", "reason": "missing"},
        ],
        "training": [{"peer": "tinynn", "read": 3e8, "epoch": 3.2e8}, {"peer": "jax-scan", "reason": "missing"}],
        "arrays": [counted(240_000), counted(250_000)],
        "wheel": 200_000,
    }
    page = weight.markdown(result)
    assert "| import beyond NumPy's | 60 ms | 50 ms | ✗ |" in page and "| the wheel | 200 kB | 400 kB | ✓ |" in page
    assert (
        "| numpy | 100 ms (100…100) | – | 25 | 40 | – |  |" in page
        and "| torch | – | – | – | – | – | missing |" in page
    )
    assert "| tinynn | 300 | 320 |  |" in page and "| jax-scan | – | – | missing |" in page
    assert "1.20 ✓ | 1.10 ✓ |" in page and "1.25 ✗ | 1.15 ✓ |" in page and "no array" in page
    result["arrays"] = [counted(1, step_peak=50_000)]
    assert "**arrays**" in weight.markdown(result)


def test_without_tinynn_there_are_no_limits_to_judge():
    page = weight_tables.markdown(
        {"packages": [{"package": "torch", "reason": "x"}], "training": [], "arrays": [], "wheel": 1}
    )
    assert "limit" not in page


# ---- threads ---------------------------------------------------------------------------------------------
def answer(steps, wall=1.0, processor=1.0, own=1.0, paused=0.0):
    return {"steps": steps, "wall": wall, "processor": processor, "own": own, "pause": 0.2, "paused": paused}


def test_figures_of_one_alone_and_of_two_at_once():
    alone, both = (
        answer(100, wall=0.5, processor=1.0, own=0.4, paused=0.1),
        [answer(20, wall=0.5), answer(30, wall=0.5)],
    )
    found = threads.figures([([alone], both)] * 3)
    assert found == {"pace": [200, 200], "busy": 2, "others": 1.2, "after": 0.5, "share": 0.25}


def test_a_slow_pair_moves_neither_median_nor_most():
    pairs = [([answer(steps)], [answer(steps // 2)] * 2) for steps in (100, 40, 110)]
    assert threads.figures(pairs)["pace"] == [100, 110] and threads.figures(pairs)["share"] == 0.5


def test_a_contender_that_fails_keeps_the_others_rows(monkeypatch):
    def pair(network, name, seconds):
        if name == "sklearn":
            raise Unavailable("missing")
        return [answer(100)], [answer(50)] * 2

    monkeypatch.setattr(threads, "pair", pair)
    tinynn, sklearn = threads.compared("784-15-10", ["tinynn", "sklearn"], 3, 0.1)
    assert tinynn["share"] == 0.5 and sklearn["reason"] == "missing" and "pace" not in sklearn


def test_processor_time_is_never_less_than_nothing():
    assert threads.figures([([answer(1, processor=0.9, own=1.0)], [answer(1)] * 2)])["others"] == 0


def test_the_section_on_threads_has_a_table_for_each_network():
    figures = {"pace": [46_394.2, 47_000.0], "busy": 1.0, "others": 0.0, "after": 0.5, "share": 0.97}
    rows = [
        {"network": "784-15-10", "contender": "tinynn", "peer": "tinynn", **figures},
        {"network": "784-15-10", "contender": "torch-fused", "peer": "torch-fused", "reason": "missing"},
        {"network": "784-30-10", "contender": "tinynn", "peer": "tinynn", **figures},
    ]
    page = threads.markdown({"rows": rows})
    assert page.count("| contender |") == 2 and "| tinynn | 46,394 (47,000) | 1.00 | 0.00 | 0.50 | 97 % |  |" in page
    assert "| torch-fused | – | – | – | – | – | missing |" in page
    assert [threads_tables.short(row) for row in rows[:2]] == ["tinynn 1.00 busy", "torch-fused –"]


def test_steps_come_in_multiples_of_what_a_call_does():
    assert [steps.whole(SimpleNamespace(stride=16), n) for n in (1, 100, 24.1)] == [16, 96, 32]


# ---- programs --------------------------------------------------------------------------------------------
def test_a_program_is_heard_line_by_line():
    with Program("imported", "json") as program:
        found = json.loads(program.hear())
        assert found["seconds"] >= 0
        assert list(program) == []  # it has ended in order


def test_a_program_that_fails_says_why():
    with Program("imported", "no_such_module") as program, pytest.raises(Unavailable, match="no_such_module"):
        program.hear()


def test_what_is_said_to_a_program_that_has_ended_raises_its_reason():
    with Program("imported", "no_such_module") as program:
        program._process.wait(60)
        with pytest.raises(Unavailable, match="no_such_module"):
            program.say("go on")
