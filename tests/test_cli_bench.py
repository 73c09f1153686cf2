"""`python -m tinynn bench`, on a tiny network: the table, the raw numbers, the floor's products, what is refused."""

from __future__ import annotations

import io
import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import tinynn as nn
from benchmarks.cases import NETWORKS as HARNESS
from benchmarks.cases import RATES, Case
from tinynn.cli import bench, bench_table, floor, machine, main, rounds
from tinynn.cli.choices import BENCH_RATES
from tinynn.cli.networks import NETWORKS, Network

TINY = Network((3, 2, 1), batch=4)


@pytest.fixture
def run(capsys, monkeypatch):
    """run("--networks", "3-2-1:4", …) -> (exit code, stdout, stderr), in bursts of a step and five rounds."""
    measure = bench.interleave
    monkeypatch.setattr(bench, "interleave", lambda contenders, s, b, tell: measure(contenders, 1e-9, 1e-9, tell))

    def call(*options):
        try:
            code = main(["bench", "--quick", *map(str, options)])
        except SystemExit as exit:
            code = exit.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def made_up(name, others=0.0, **microseconds):
    seconds = {name: [1e-6 * t for t in times] for name, times in microseconds.items()}
    return {"network": name, "batch": 10, "flops": 200_000, "others": others, "seconds": seconds}


# ---- the command ----------------------------------------------------------------------------------
def test_it_prints_machine_table_and_legend(run):
    code, out, err = run("--networks", "3-2-1:4,6-5:1234")
    facts, figures, legend = out.split("\n\n")
    assert (code, err) == (0, "")
    assert f"tinynn {nn.__version__}, NumPy {np.__version__}" in facts and "kernel " in facts and "cores: " in facts
    assert re.search(r"threads: BLAS (\d+|unknown), tinynn \d", facts)
    rows = figures.splitlines()[2:]
    assert [row[:11].strip() for row in rows] == ["3-2-1", "batch 4", "", "6-5", "batch 1,234", ""]
    assert [row[12:17].strip() for row in rows] == ["floor", "sgd", "adam"] * 2
    assert "over 5 rounds" in " ".join(legend.split())
    assert max(map(len, out.splitlines())) <= bench_table.WIDTH


def test_the_raw_numbers_are_written(run, tmp_path):
    path = tmp_path / "raw.json"
    assert run("--networks", "3-2-1:4", "--optimizer", "adam", "--json", path)[0] == 0
    found = json.loads(path.read_text())
    assert found["machine"]["numpy"] == np.__version__
    (network,) = found["networks"]
    assert (network["network"], network["batch"], network["flops"]) == ("3-2-1", 4, 144)
    assert list(network["seconds"]) == ["floor", "adam"]
    assert all(len(times) == 5 and min(times) > 0 for times in network["seconds"].values())
    assert list(tmp_path.iterdir()) == [path]


def test_threads_are_limited_while_it_measures(run, monkeypatch, tmp_path):
    before = machine.describe()
    path = tmp_path / "raw.json"
    assert run("--networks", "3-2-1:4", "--threads", 3, "--json", path)[0] == 0
    found = json.loads(path.read_text())["machine"]
    assert (found["blas_threads"], found["workers"]) == (before["blas_threads"] and 3, 2)
    assert machine.describe()["workers"] == before["workers"]


def test_progress_is_for_a_terminal(run, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run("--networks", "3-2-1:4")
    told = [text.strip() for text in terminal.getvalue().split("\r") if text.strip()]
    assert told == ["3-2-1: which layout is faster", *(f"3-2-1: round {k} of 5" for k in range(1, 6))]
    assert terminal.getvalue().endswith("\r")  # what follows begins at the margin, on an empty line


def test_an_output_without_blocks_gets_ascii(run, monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    assert run("--networks", "3-2-1:4")[0] == 0
    text = output.buffer.getvalue().decode("ascii")
    assert " us " in text and re.search(r" ##+$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--networks", "784-x-10"), "argument --networks: must be networks such as 784-30-10 .*, got '784-x-10'"),
        (("--networks", "784"), "argument --networks: .*, got '784'"),
        (("--networks", "5-0-2"), "argument --networks: .*, got '5-0-2'"),
        (("--networks", "5-4-2:0"), "argument --networks: .*, got '5-4-2:0'"),
        (("--networks", "5-4-2:"), "argument --networks: .*, got '5-4-2:'"),
        (("--optimizer", "sgd,lion"), "argument --optimizer: must be of sgd, adam, .*, got 'sgd,lion'"),
        (("--threads", "0"), "argument --threads: must be a whole number of at least 1, got '0'"),
        (("--json", "/no/such/directory/raw.json"), ".*No such file or directory.*"),
    ],
)
def test_what_is_refused(run, options, message):
    code, out, err = run(*options)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"python -m tinynn bench: {message}.*\n", err)


def test_threads_that_cannot_be_limited(run, monkeypatch):
    def refuse(n):
        raise ImportError("threads: needs threadpoolctl")

    monkeypatch.setattr(nn, "threads", refuse)
    assert run("--threads", 1) == (2, "", "python -m tinynn bench: --threads: threads: needs threadpoolctl\n")


# ---- the table ------------------------------------------------------------------------------------
def test_each_column():
    rows = [
        made_up("5-4", floor=[8, 10, 12, 10, 10], sgd=[24, 20, 36, 25, 40]),
        made_up("784-1024-1024-10", others=1.04, floor=[1e5, 1e5], adam=[123456, 123456]),
    ]
    text = bench_table.table(rows)
    lines = text.splitlines()
    assert lines[0] == "network          step       µs  iqr ratio  iqr GFLOP/s   steps/s"
    assert [line.split() for line in lines[2:4]] == [
        # Ratios 3, 2, 3, 2.5, 4 round by round: median 3, quartiles 2.5 and 3.
        ["5-4", "floor", "10.0", "0%", "1.00", "0%", "20.0", "100,000", "█████"],
        ["batch", "10", "sgd", "25.0", "48%", "3.00", "17%", "8.00", "40,000", "███████████████"],
    ]
    assert lines[5].split()[3:] == ["123,456", "0%", "1.23", "0%", "0.00", "8", "██████▏"]
    assert max(map(len, lines)) == bench_table.WIDTH
    said = " ".join(bench_table.legend(rows).split())
    assert "over 2 to 5 rounds" in said
    assert said.endswith("Disturbed: other programs took up to 1.0 processors during 784-1024-1024-10; "
                         "measure again once they are done.")  # fmt: skip
    assert "Disturbed" not in bench_table.legend(rows[:1])


def test_where_the_machine_does_not_tell(monkeypatch):
    silent = machine.describe() | {"blas_kernel": None, "blas_threads": None, "load_average": None}
    assert "kernel unknown" in bench_table.caption(silent) and "BLAS unknown" in bench_table.caption(silent)
    assert "load" not in bench_table.caption(silent)
    assert bench_table.legend([made_up("5-4", None, floor=[1, 1])])


# ---- what is measured -----------------------------------------------------------------------------
def test_the_networks_are_the_harness_s():
    assert NETWORKS == HARNESS
    assert all(RATES[name] == rate for name, rate in BENCH_RATES.items())
    assert [Network.parse(name).batch for name in NETWORKS] == list(HARNESS.values())
    assert all(Network.parse(name).flops == Case.parse(name).flops for name in NETWORKS)


def test_flops_by_hand():
    # 3-2-1, four rows. Forward: 4·3·2 and 4·2·1 multiplications, as many for ∂C/∂W; ∂C/∂x of the second layer alone.
    assert TINY.flops == 2 * ((24 + 8) + (24 + 8) + 8) == 144
    shapes = [(kind, a.shape, b.shape) for kind, (a, b, _), _ in floor.layouts(np.ones((4, 3)), floor.operands(TINY))]
    assert shapes == [
        ("forward", (4, 3), (3, 2)),
        ("weight", (2, 4), (4, 3)),
        ("forward", (4, 2), (2, 1)),
        ("weight", (1, 4), (4, 2)),
        ("input", (4, 1), (1, 2)),
    ]
    assert sum(2 * a[0] * a[1] * b[1] for _, a, b in shapes) == TINY.flops


def test_the_floor_performs_each_product_on_the_inputs_in_turn(monkeypatch):
    done = []
    monkeypatch.setattr(floor, "faster", lambda candidates, patience: 1)
    monkeypatch.setattr(floor.np, "dot", lambda a, b, out: done.append((a.shape, b.shape, float(a.flat[0]))))
    pool = [np.full((4, 3), k, np.float32) for k in (7, 8)]
    floor.bare(TINY, pool)(3)
    assert len(done) == 15
    assert [value for a, b, value in done if (a, b) == ((4, 3), (3, 2))] == [7, 8, 7]
    done.clear()
    floor.bare(TINY, pool, ("forward",))(1)
    assert [(a, b) for a, b, _ in done] == [((4, 3), (3, 2)), ((4, 2), (2, 1))]


def test_the_faster_layout_is_taken(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(floor.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(floor.np, "dot", lambda a, b, out: clock.__setitem__(0, clock[0] + float(a[0, 0])))
    slow, fast = ((np.full((1, 1), t), np.ones((1, 1)), np.ones((1, 1))) for t in (2.0, 1.0))
    assert (floor.faster((slow, fast)), floor.faster((fast, slow))) == (1, 0)


@pytest.mark.parametrize("name", BENCH_RATES)
def test_the_steps_train(name, monkeypatch):
    weights = []

    class Watched(nn.Sequential):
        def forward(self, x):
            weights.append([parameter.value.copy() for parameter in self.parameters()])
            return super().forward(x)

    monkeypatch.setattr(nn, "Sequential", Watched)
    network = Network((6, 5, 3), 4)
    bench.training(network, name, bench._pool(network))(3)
    assert [value.shape for value in weights[0]] == [(5, 6), (5,), (3, 5), (3,)]
    assert all((first != last).all() for first, last in zip(weights[0], weights[2], strict=True))


def test_the_same_inputs_come_with_other_targets():
    pool = bench._pool(Network((6, 5, 3), 4))
    for (x, target), (same, other) in zip(pool[: len(pool) // 2], pool[len(pool) // 2 :], strict=True):
        assert x is same
        assert not (target * other).any() and target.sum() == other.sum() == 4


def test_rounds_go_to_and_fro_and_times_are_per_step(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(rounds.time, "perf_counter", lambda: clock[0])

    def contender(name, each):
        def burst(steps):
            order.append(name)
            clock[0] += steps * each

        return burst

    told = []
    found = rounds.interleave(
        {"a": contender("a", 0.01), "b": contender("b", 0.02)}, 0.1, 1.5, lambda *k: told.append(k)
    )
    assert told == [(k, 6) for k in range(1, 7)]  # a round takes 2 · 1.2 · 0.1 s
    assert found == {"a": [pytest.approx(0.01)] * 6, "b": [pytest.approx(0.02)] * 6}
    assert order[-24:] == ["a", "a", "b", "b", "b", "b", "a", "a"] * 3
    few = rounds.interleave({"a": contender("a", 9.0)}, 0.1, 1.5, lambda *k: None)
    many = rounds.interleave({"a": contender("a", 1e-3)}, 0.1, 1e9, lambda *k: None)
    assert (len(few["a"]), len(many["a"])) == (rounds.LEAST, rounds.MOST)


def test_other_programs_are_counted_without_our_own_work(monkeypatch):
    # Ticks of user, nice, system, idle, waiting, interrupts, soft interrupts, stolen, guests.
    text = "cpu  100 20 40 7000 8000 10 20 10 5000\ncpu0 1 2 3\n"
    monkeypatch.setattr(machine, "Path", lambda name: SimpleNamespace(read_text=lambda encoding: text))
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 100, raising=False)
    monkeypatch.setattr(machine.os, "times", lambda: (0.25, 0.5, 9.0, 9.0, 9.0))
    assert machine.others() == pytest.approx(2.0 - 0.75)
    monkeypatch.setattr(machine, "Path", lambda name: SimpleNamespace(read_text=lambda encoding: "nothing\n"))
    assert machine.others() is None


def test_what_others_took_is_per_second_of_measurement(monkeypatch):
    clock, taken = [0.0], [5.0]
    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(bench, "others", lambda: taken[0])

    def interleave(*arguments):
        clock[0] += 4.0
        taken[0] = 7.0
        return {"floor": [1.0, 1.0]}

    monkeypatch.setattr(bench, "interleave", interleave)
    found = bench.measured(TINY, SimpleNamespace(quick=True, optimizer=("sgd",)))
    assert found["others"] == 0.5
    taken[0] = 1e9  # the clocks of the two may differ a little, but nobody gives time back
    assert bench.measured(TINY, SimpleNamespace(quick=True, optimizer=()))["others"] == 0.0
