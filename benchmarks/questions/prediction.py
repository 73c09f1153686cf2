"""How long does a prediction take: for one row, for 10,000 rows?"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command
from benchmarks.cases import Case
from benchmarks.equality import expected_output
from benchmarks.passes import merged
from benchmarks.report import duration, multiple, remark, table
from benchmarks.session import Session
from benchmarks.targets import PREDICTION

NAMES = (
    "floor",
    "tinynn",
    "textbook",
    "torch",
    "torch-fused-1",
    "torch-compile",
    "jax-jit",
    "sklearn",
    "thinc",
    "tinygrad",
)
ROWS = (1, 10_000)


def measure(options):
    """784-30-10; {"rows": one for each contender and number of rows, with the key "batch"}."""
    case = Case.parse("784-30-10")
    names = [name for name in NAMES if name in (options.peers or NAMES)]
    limits = {"budget": 1.5, "most": 15} if options.quick else {"budget": 5.0}
    found = ([], [])
    for rows in found:
        with Session(names, **limits) as session:
            for batch in ROWS:
                answers = session.measure("prediction", case, expected_output(case, batch), batch)
                rows += [{"batch": batch, **row} for row in answers]
    return {"rows": merged(*found)}


def markdown(result):
    parts = ["## Prediction", INTRODUCTION]
    for batch in ROWS:
        rows = [row for row in result["rows"] if row["batch"] == batch]
        header = [
            "contender",
            f"{batch:,} row{'s' * (batch > 1)}: median (least)",
            "of tinynn's (quartiles)",
            "target",
            "remark",
        ]
        parts.append(table(header, [cells(row, batch) for row in rows]))
    return "\n\n".join(parts)


def cells(row, batch):
    time = "–" if "reason" in row else f"{duration(row['seconds'])} ({duration(row['least'])})"
    ratio = row.get("ratios", {}).get("tinynn")
    limit = PREDICTION.get(row["peer"]) if batch == 1 else None
    target = f"≥ {limit} {'✓' if ratio[0] >= limit else '✗'}" if limit and ratio else ""
    return [row["peer"], time, multiple(ratio), target, remark([row])]


INTRODUCTION = """784-30-10 with sigmoid layers, from an array of the peer's own kind to one of the peer's own kind: \
`model.predict`, `torch.inference_mode()`, a jitted function, scikit-learn's `predict` with its checks. torch-fused-1 \
is PyTorch on one thread. tinygrad may run ahead, and is waited for at the end of a burst alone."""

if __name__ == "__main__":
    command.main(__file__)
