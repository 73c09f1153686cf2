"""How does a training step's time grow with the work, and shrink with the processors?"""

import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command
from benchmarks.cases import Case
from benchmarks.equality import expected_cost
from benchmarks.fit import fitted
from benchmarks.passes import merged
from benchmarks.report import micros, multiple, remark, table
from benchmarks.session import Session
from benchmarks.step_tables import line

NAMES = ("floor", "tinynn", "tinynn-fused", "torch-fused", "jax-scan", "sklearn")
CORED = ("784-30-10", "784-100-10", "784-128-128-10", "784-512-512-10")
SIZES = ("784-4-10:8", "784-15-10:10", "784-30-10:32", "784-100-10:32", "784-128-128-10:128", "784-512-512-10:128")


def measure(options):
    """{"rows": with "case", "peer" as name@processors, "work": rows on all processors, "fits": one a contender}."""
    names = [name for name in NAMES if name in (options.peers or NAMES)]
    limits = {"budget": 1.5, "most": 9} if options.quick else {"budget": 5.0, "most": 21}
    both = [f"{name}@{cores}" for name in names for cores in (1, 2)]
    references = tuple(f"{name}@2" for name in names)
    rows, work = [], []
    for _ in range(2):
        with Session(both, references=references, **limits) as session:
            rows.append(asked(session, CORED[:2] if options.quick else CORED))
        with Session(names, **limits) as session:
            work.append(asked(session, SIZES))
    rows, work = merged(*rows), merged(*work)
    return {"rows": rows, "work": work, "fits": fits(work)}


def asked(session, networks):
    rows = []
    for case in map(Case.parse, networks):
        found = session.measure("training", case, expected_cost(case))
        rows += [{"case": case.asdict(), **row} for row in found]
        command.progress(f"{case.title}: {line(found)}")
    return rows


def fits(rows):
    """One a contender that has figures for three sizes at least."""
    points = {}
    for row in rows:
        if "seconds" in row:
            points.setdefault(row["peer"], []).append((Case.of(row["case"]).flops, row["seconds"]))
    found = []
    for name, given in points.items():
        if len(given) >= 3:
            fit = fitted(*zip(*given, strict=True))
            found.append({"peer": name, **asdict(fit), "balance": fit.balance})
    return found


def markdown(result):
    header = ["contender", "overhead, µs", "GFLOP/s", "overhead = work at, MFLOP", "worst error", "remark"]
    lines = [fit_cells(fit, result["work"]) for fit in result["fits"]]
    parts = ["## Scaling", INTRODUCTION, table(header, lines), CORES_SAY]
    names = list(dict.fromkeys(row["peer"].partition("@")[0] for row in result["rows"]))
    titles = list(dict.fromkeys(Case.of(row["case"]).title for row in result["rows"]))
    found = {(Case.of(row["case"]).title, row["peer"]): row for row in result["rows"]}
    return "\n\n".join(
        [*parts, table(["contender", *titles, "remark"], [gains(name, titles, found) for name in names])]
    )


def fit_cells(fit, work):
    """A fit's row; what is to be said of the points it rests on stands beside it."""
    numbers = [micros(fit["overhead"]), f"{fit['rate'] / 1e9:.0f}", f"{fit['balance'] / 1e6:.2f}"]
    points = [row for row in work if row["peer"] == fit["peer"]]
    return [fit["peer"], *numbers, f"{100 * fit['worst']:.0f} %", remark(points)]


def gains(name, titles, found):
    """How many times as fast on two processors as on one."""
    ones = [found[title, f"{name}@1"] for title in titles]
    twos = [found[title, f"{name}@2"] for title in titles]
    return [name, *(multiple(row.get("ratios", {}).get(f"{name}@2")) for row in ones), remark(ones + twos)]


INTRODUCTION = f"""SGD, sigmoid layers, quadratic cost, on all processors; the model t = overhead + FLOPs / rate, \
fitted to {", ".join(SIZES)} (widths:batch) by relative errors. Where its worst error is large the rate itself depends \
on the size, and the overhead is no more than an indication."""
CORES_SAY = """How many times as fast on two processors as on one (affinity, and the libraries' thread limits), median \
of the rounds (quartiles); 1 is no gain."""

if __name__ == "__main__":
    command.main(__file__)
