"""The benchmark harness: the same work for all, figures from made-up times, and what the page says."""

import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import passes, plots, step_tables, targets
from benchmarks.cases import Case
from benchmarks.contender import reason
from benchmarks.equality import TOLERANCE, expected_cost, relative_error
from benchmarks.fit import fitted
from benchmarks.foreign import disturbed
from benchmarks.interleaved import Spread, interleave, ratio
from benchmarks.peers import PEERS, NotOffered, floor, make
from benchmarks.report import micros, said, table
from benchmarks.session import figures, judged

CASES = [
    Case((7, 5, 4, 3), 4, optimizer, head) for optimizer in ("sgd", "adam", "rmsprop") for head in ("sigmoid", "relu")
]
# ruff
OPTIONAL = {
    "torch": "torch",
    "torch-fused": "torch",
    "jax-jit": "jax",
    "jax-scan": "jax",
    "sklearn": "sklearn",
    "thinc": "thinc",
}


def row(peer, microseconds, **more):
    return {
        "case": Case.parse("784-15-10").asdict(),
        "peer": peer,
        "seconds": 1e-6 * microseconds,
        "ratios": {},
        "quartiles": [1e-6 * microseconds] * 2,
        "least": 1e-6 * microseconds,
        **more,
    }


# ---- the same work ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.optimizer}-{case.head}")
@pytest.mark.parametrize("name", ["tinynn", "textbook"])
def test_contenders_do_the_same_work(name, case):
    training = make("training", name, case.asdict())
    training.burst(training.first)
    assert relative_error(training.cost(), expected_cost(case)) <= TOLERANCE


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")  # other projects' warnings are theirs
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.optimizer}-{case.head}")
@pytest.mark.parametrize("name", OPTIONAL)
def test_peers_do_the_same_work(name, case):
    pytest.importorskip(OPTIONAL[name])
    try:
        training = make("training", name, case.asdict())
    except NotOffered as error:
        pytest.skip(str(error))
    training.burst(training.first)
    assert relative_error(training.cost(), expected_cost(case)) <= TOLERANCE


def test_the_check_rejects_other_work():
    case = CASES[0]
    once_more = relative_error(expected_cost(case, steps=11), expected_cost(case))
    assert once_more > TOLERANCE
    assert "not the same work" in judged(1.001, 1.0, TOLERANCE)["reason"]
    assert "reason" not in judged(1.00001, 1.0, TOLERANCE)


def test_the_floors_layouts_are_the_same_products():
    case, kinds = CASES[0], []
    arrays = floor.operands(case)
    # Both forms of a weight, as the layouts hold it, with the same numbers.
    arrays = [(z, delta, w, np.ascontiguousarray(w.T), *rest) for z, delta, w, _, *rest in arrays]
    for kind, first, second in floor.layouts(case.batches()[0][0], arrays):
        found = [a @ b for a, b, out in (first, second) if (a @ b).shape == out.shape]
        np.testing.assert_allclose(found[0], found[1].T if kind == "weight" else found[1], rtol=1e-5)
        kinds.append(kind)
    assert kinds == ["forward", "weight", "forward", "weight", "input", "forward", "weight", "input"]


def test_flops_count_the_floors_products():
    case = CASES[0]
    products = floor.layouts(case.batches()[0][0], floor.operands(case))
    assert case.flops == sum(2 * out.size * a.shape[1] for _, (a, _, out), _ in products)


def test_no_network_fits_the_pool():
    batches = Case.parse("784-15-10").batches()
    half = len(batches) // 2
    for (x, labels), (same, others) in zip(batches[:half], batches[half:], strict=True):
        assert x is same and not (labels == others).any()


# ---- figures ---------------------------------------------------------------------------------------------
def test_ratios_are_taken_round_by_round():
    times = {"a": [2.0, 40.0, 6.0], "b": [1.0, 10.0, 2.0]}
    assert ratio(times, "a", "b") == Spread(3.0, 2.5, 3.5)  # of 2, 4, 3; the quotient of the medians is 3, too
    assert ratio({"a": [2.0, 40.0, 9.0], "b": [1.0, 10.0, 18.0]}, "a", "b").median == 2.0  # of the medians: 0.9
    found = figures(times, "a", ("b", "c"))
    assert (found["seconds"], found["least"], found["rounds"], list(found["ratios"])) == (6.0, 2.0, 3, ["b"])


def test_a_contender_that_fails_leaves_the_others_their_figures():
    from benchmarks.interleaved import Unavailable

    asked = []

    def fail():
        asked.append(1)
        raise Unavailable("gone")

    sound = SimpleNamespace(calibrate=lambda seconds: seconds, ask=lambda: 1.0)
    times, reasons = interleave({"a": sound, "b": SimpleNamespace(calibrate=lambda s: s, ask=fail)}, 0.01, 0.1)
    assert set(times) == {"a"} and set(times["a"]) == {1.0} and reasons == {"b": "gone"}
    assert len(asked) == 1  # and is not asked again


def test_the_faster_pass_counts_for_everyone_and_disagreement_is_said():
    slow, fast = row("torch-fused", 888), row("torch-fused", 264)
    (kept,) = passes.merged([slow], [fast])
    assert kept["seconds"] == fast["seconds"] and said(kept) == "passes disagree: 888 µs and 264 µs"
    (kept,) = passes.merged([row("tinynn", 22)], [row("tinynn", 21)])
    assert micros(kept["seconds"]) == "21.0" and said(kept) == ""
    assert passes.merged([fast], [{"peer": "torch-fused", "reason": "gone"}])[0]["reason"] == "gone"


def test_a_disturbed_row_says_so():
    assert disturbed(0.2) and not disturbed(0.01) and not disturbed(None)
    assert said(row("torch-fused", 600, foreign=0.8)) == "disturbed: other programs took 0.8 processors"


def test_the_fit_finds_overhead_and_rate():
    flops = np.array([1e5, 1e6, 1e7, 1e8])
    fit = fitted(flops, 20e-6 + flops / 1e11)
    assert math.isclose(fit.overhead, 20e-6, rel_tol=1e-6) and math.isclose(fit.rate, 1e11, rel_tol=1e-6)
    assert math.isclose(fit.balance, 2e6, rel_tol=1e-6) and fit.worst < 1e-9
    assert fitted(flops, flops**1.2).overhead == 0.0


# ---- the page --------------------------------------------------------------------------------------------
def test_a_missing_peer_is_a_row_that_says_so():
    missing = {
        "case": Case.parse("784-15-10").asdict(),
        "peer": "thinc",
        "reason": reason(ModuleNotFoundError("No module named 'thinc'")),
    }
    result = {"rows": [row("tinynn", 21.7), missing]}
    for page in (step_tables.markdown(result), step_tables.text(result)):
        (line,) = [line for line in page.splitlines() if "thinc" in line]
        assert "ModuleNotFoundError: No module named 'thinc'" in line and "–" in line


def test_cells_are_escaped():
    assert table(["a"], [["x | y"]]).splitlines()[-1] == "| x \\| y |"


def test_targets_count_against_the_fastest_form_of_a_peer():
    rows = {
        "floor": row("floor", 8),
        "tinynn": row("tinynn", 20, ratios={"floor": [2.5, 2.4, 2.6]}),
        "tinynn-fused": row("tinynn-fused", 16, ratios={"floor": [2.0, 2.0, 2.0]}),
        "torch-fused": row("torch-fused", 800, ratios={"tinynn": [40.0, 39.0, 41.0]}),
        "torch-fused-1": row("torch-fused-1", 160, ratios={"tinynn": [8.0, 8.0, 8.0]}),
        "jax-scan": row("jax-scan", 18, ratios={"tinynn": [0.95, 0.9, 1.0], "tinynn-fused": [1.1, 1.1, 1.1]}),
    }
    found = {
        (t.ours, t.peer): step_tables.target_cell(t, "784-15-10", rows) for t in targets.TARGETS if t.optimizer == "sgd"
    }
    assert found["tinynn", "floor"] == "2.50 / 2.2 ✗"
    assert found["tinynn", "torch-fused"] == "8.00 / 10 ✗"
    assert found["tinynn", "jax-scan"] == "0.95 / 0.9 ✓" and found["best", "jax-scan"] == "1.10 / 1 ✓"
    assert found["tinynn", "sklearn"] == "–"


def test_the_pages_targets_are_those_of_the_code():
    page = Path(__file__).parents[1] / "docs" / "benchmarks.md"
    cells = re.findall(r"/ ([\d.]+) [✓✗]", page.read_text(encoding="utf-8")) if page.exists() else []
    if not cells:
        pytest.skip("the page has no targets yet: make bench")
    text = page.read_text(encoding="utf-8")
    for section in text.split("\n### ")[1:]:
        lines = [line for line in section.split("\n## ")[0].splitlines() if re.search(r"/ [\d.]+ [✓✗]", line)]
        header = next((line for line in section.splitlines() if line.startswith("| measured / target")), "")
        networks = [title.partition(",")[0].strip() for title in header.split("|")[2:-1]]
        optimizer = {"SGD": "sgd", "Adam": "adam"}.get(section.partition(";")[0])
        wanted = {t.title: t.limits for t in targets.TARGETS if t.optimizer == optimizer}
        for title, *written in ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines):
            for network, cell in zip(networks, written, strict=True):
                assert cell == "–" or float(cell.split()[2]) == wanted[title][network]


def test_contenders_have_colours_of_their_own():
    assert len({plots.colour(name) for name in PEERS}) == len(PEERS)
