"""The fault campaign in its short form: each experiment with small numbers. `make faults` runs them all at length."""

from __future__ import annotations

import math
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from faults import (
    campaign,
    damaged_files,
    failing_calls,
    full_disk,
    kills,
    lines,
    loads,
    mistakes,
    power_cuts,
    programs,
    report,
    same_bits,
    shared_model,
    shim,
    soak,
    two_writers,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and POSIX signals")


# ---- kills ------------------------------------------------------------------------------------------
def test_killed_runs_end_as_if_nobody_had_killed_them():
    tally = kills.campaign(3, ("own_parts",))
    assert tally.kills >= 3
    assert tally.runs["own_parts"] >= 1


def test_a_run_killed_at_a_line_of_the_writing_code_ends_as_if_nobody_had():
    counted, killed = lines.campaign(151)
    assert counted > 500
    assert killed == len(range(1, counted + 1, 151))


@pytest.mark.slow
def test_what_a_disk_holds_after_a_power_cut_is_resumed_from():
    if reason := power_cuts.why_not():
        pytest.skip(reason)
    cuts, runs = power_cuts.campaign(3, ("mini_batches",))
    assert cuts >= 3 and runs >= 1


def test_two_processes_come_to_the_same_bits():
    same_bits.repeat(("one_generator",), 2)


def test_one_bit_in_a_result_is_seen(tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    program = programs.own_parts(directory)
    program.trainer.fit(program.batches, 1, progress=False)
    whole = programs.outcome(program.trainer, directory)
    checkpoints = {path.name: kills.content(path) for path in directory.glob("*.npz")}
    reference = kills.Reference(whole, checkpoints, 0.0, 0.0)
    kills.result_path(directory).write_bytes(pickle.dumps(whole))
    kills.compare("same", reference, directory)

    newest = max(checkpoints)
    reference.checkpoints[newest]["optimizer"]["slots"]["mean"].view(np.uint8)[5] ^= 1
    with pytest.raises(report.Failure, match=f"{newest}/optimizer/slots/mean"):
        kills.compare("other", reference, directory)
    reference.checkpoints.clear()
    lottery = program.trainer.callbacks[0]
    lottery.total = math.nextafter(lottery.total, math.inf)
    kills.result_path(directory).write_bytes(pickle.dumps(programs.outcome(program.trainer, directory)))
    with pytest.raises(report.Failure, match="other/state/callbacks/0/1/total"):
        kills.compare("other", reference, directory)
    (directory / ".checkpoint-000002.npz.0123456789ab.part").touch()
    with pytest.raises(report.Failure, match="left behind"):
        kills.compare("litter", reference, directory)


# ---- damage -----------------------------------------------------------------------------------------
def test_damaged_files_are_refused_or_loaded_right():
    found = damaged_files.campaign(97, 300)
    assert found["refused for the checksum"] > 300
    assert found["refused for what tinynn does not write"] > 100
    assert found["refused as not fitting the network or trainer"] > 5
    assert min(found[each] for each in ("loaded", "measured", "one before", "none")) >= 5


def test_a_wrong_load_is_seen():
    assert loads.disagreements({"a": [1, np.float32([2])]}, {"a": [1.0, np.float64([2])], "b": 3}) == []
    for got in ({"a": [1, np.float32([3])]}, {"a": [1]}, {"a": [1, np.float32([[2]])]}, {"a": [2, np.float32([2])]}):
        assert len(loads.disagreements({"a": [1, np.float32([2])]}, got)) == 1


def test_a_hang_and_an_allocation_are_seen(monkeypatch):
    monkeypatch.setattr(loads, "SECONDS", 1)
    with pytest.raises(report.Failure, match="here: hangs"), loads.in_time("here"):
        while True:
            pass
    with (
        pytest.raises(report.Failure, match="here: 1,0.* bytes of memory for 10 "),
        loads.in_little_memory("here", 10, True),
    ):
        bytearray(1_000_000)


# ---- disks and calls that fail ----------------------------------------------------------------------
def test_every_call_of_the_c_library_may_fail():
    if reason := shim.why_not():
        pytest.skip(reason)
    found = failing_calls.campaign()
    assert found["saves"] > 100 and found["loads"] > 50 and found["short"] > 1000


def test_full_disks_and_closed_directories():
    found, how = full_disk.campaign(8)
    assert found["refused"] > 15
    assert (found["noted"] == 21) == ("tmpfs" in how)


def test_processes_that_write_into_one_directory():
    found = two_writers.campaign(2, 1, 2, 1.5)
    assert found["written"] > 0 and found["killed"] > 1


# ---- threads and memory -----------------------------------------------------------------------------
def test_eight_threads_predict_what_one_does():
    found = shared_model.campaign(1.0)
    assert found["predictions"] > 100 and found["evaluations"] > 0


def test_another_bit_of_a_prediction_is_seen():
    (one,) = [each for each in shared_model.subjects() if each.name == "deep"]
    data = bytearray(one.expected[1])
    data[7] ^= 1
    one.expected[1] = bytes(data)
    with pytest.raises(report.Failure, match="deep: 3 rows: other bits than alone"):
        shared_model.together([one], float("inf"), False, seed=0)


def test_a_soak_does_all_that_it_should():
    times, memory, done = soak.soak(0.1)
    assert len(times) == len(memory) >= 1
    assert min(done[each] for each in (*soak.DONE, "predictions")) > 0


def test_a_leak_is_told_from_noise():
    rng = np.random.default_rng(0)
    times = list(np.linspace(0, 600, 300))
    noise = 1e8 + rng.normal(0, 1e6, 300)
    warm_up = np.where(np.arange(300) < 80, -5e7, 0)
    rise, scatter = soak.growth(times, list(noise + warm_up))
    assert abs(rise) < scatter < 1e6
    rise, scatter = soak.growth(times, list(noise + warm_up + 5e6 * np.linspace(0, 1, 300)))
    assert rise == pytest.approx(0.7 * 5e6, abs=scatter)
    assert rise > soak.ALLOWED + scatter


# ---- tests of the tests -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "mistake", [mistakes.name_not_forced, mistakes.checksums_ignored], ids=lambda mistake: mistake.__name__
)
def test_a_planted_mistake_is_noticed(mistake):
    """These two are quick; `make faults ONLY=mistakes` plants them all."""
    if mistake is mistakes.name_not_forced and shim.why_not():
        pytest.skip(shim.why_not())
    assert mistakes.noticed(mistake.__name__, *mistakes.MISTAKES[mistake])


# ---- the campaign -----------------------------------------------------------------------------------
class Experiment:
    """One that finds two figures, or a broken promise."""

    def __init__(self, promise_is_kept):
        self.promise_is_kept = promise_is_kept

    def run(self, scale, say):
        say("under way")
        if not self.promise_is_kept:
            report.fail("something was lost")
        return [("things tried", str(scale)), ("things lost", "0")]


@pytest.fixture
def experiments(monkeypatch, tmp_path):
    monkeypatch.setattr(campaign, "EXPERIMENTS", {"good": Experiment(True), "bad": Experiment(False)})
    monkeypatch.setattr(campaign, "DOCUMENT", tmp_path / "document.md")
    campaign.DOCUMENT.write_text("a\n<!-- good -->\n<!-- /good -->\n<!-- bad -->\nold\n<!-- /bad -->\n")


def test_the_campaign_writes_figures_and_counts_failures(experiments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["campaign"])
    assert campaign.main() == 1
    said = capsys.readouterr().out
    assert "things tried: 1.0" in said and "bad FAILED" in said and "something was lost" in said
    assert said.endswith("failed: bad\n")
    document = campaign.DOCUMENT.read_text()
    assert "| things tried | 1.0 |\n| things lost | 0 |\n\n*Python " in document
    assert document.endswith("processors*\n<!-- /good -->\n<!-- bad -->\nold\n<!-- /bad -->\n")


def test_a_short_campaign_of_one_experiment_writes_nothing(experiments, monkeypatch, capsys):
    before = campaign.DOCUMENT.read_text()
    monkeypatch.setattr("sys.argv", ["campaign", "good", "--scale", "0.5"])
    assert campaign.main() == 0
    assert campaign.DOCUMENT.read_text() == before
    assert capsys.readouterr().out.endswith("every promise was kept\n")
    monkeypatch.setattr("sys.argv", ["campaign", "god"])
    with pytest.raises(SystemExit):
        campaign.main()
    assert "no experiment named god; there are good, bad" in capsys.readouterr().err


def test_every_experiment_has_its_place_in_the_document():
    document = campaign.DOCUMENT.read_text(encoding="utf-8")
    for name in campaign.EXPERIMENTS:
        assert report.replaced(document, name, [("a", "b")], "c") != document


def test_the_documents_program_can_be_started_again_and_again(tmp_path):
    (program,) = re.findall(r"```py\n(.*?)```", campaign.DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    steps = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        steps.append(kills.content(max(tmp_path.glob("runs/digits/*.npz")))["optimizer"]["steps"])
    assert steps == [20 * 57] * 2
    assert len(list(tmp_path.glob("runs/digits/*"))) == 3
