"""How long is an epoch of 50,000 samples, fed and shuffled as each peer's users do?"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command
from benchmarks.cases import Case
from benchmarks.equality import expected_epoch
from benchmarks.passes import merged
from benchmarks.report import duration, multiple, remark, table
from benchmarks.session import Session

ROWS = 50_000
NAMES = (
    "tinynn",
    "tinynn-fused",
    "textbook",
    "torch-fused",
    "torch-fused-1",
    "torch-loader",
    "jax-jit",
    "jax-scan",
    "sklearn",
    "thinc",
)
FEEDS = {
    "tinynn": "`Batches`",
    "tinynn-fused": "`Batches`",
    "textbook": "a permutation, rows gathered by index",
    "torch-fused": "`torch.randperm`, rows gathered by index",
    "torch-fused-1": "`torch.randperm`, rows gathered by index",
    "torch-loader": "`DataLoader(shuffle=True)`, no worker processes",
    "jax-jit": "a permutation, rows gathered within the jitted step",
    "jax-scan": "a permutation, rows gathered within the scan",
    "sklearn": "`partial_fit` of all rows: one shuffled epoch, its input checked once",
    "thinc": "`ops.multibatch(shuffle=True)`",
}


def measure(options):
    """784-30-10, batch 10, SGD; {"rows": one a contender}."""
    case = Case.parse("784-30-10")
    names = [name for name in NAMES if name in (options.peers or NAMES)]
    expected, tolerance = expected_epoch(case, ROWS)
    limits = {"budget": 3.0, "most": 3, "least": 2} if options.quick else {"budget": 20.0, "most": 9}
    found = []
    for _ in range(2):
        with Session(names, seconds=0.05, **limits) as session:
            found.append(session.measure("epoch", case, expected, ROWS, tolerance=tolerance))
        command.progress(", ".join(f"{row['peer']} {row.get('seconds', 0):.3f}" for row in found[-1]))
    return {"rows": merged(*found)}


def markdown(result):
    lines = []
    for row in result["rows"]:
        time = "–" if "reason" in row else f"{duration(row['seconds'])} ({duration(row['least'])})"
        lines.append(
            [row["peer"], FEEDS[row["peer"]], time, multiple(row.get("ratios", {}).get("tinynn")), remark([row])]
        )
    header = ["contender", "fed by", "an epoch: median (least)", "of tinynn's (quartiles)", "remark"]
    return "\n\n".join(["## An epoch", INTRODUCTION, table(header, lines)])


INTRODUCTION = """50,000 rows of 784, as large as MNIST's usual part; 784-30-10, batch 10, sigmoid, quadratic \
cost, SGD. Orders differ from contender to contender, so the costs after the first epoch must agree to 3 % alone."""

if __name__ == "__main__":
    command.main(__file__)
