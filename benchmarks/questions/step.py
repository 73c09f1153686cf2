"""How long is one training step?

Forward, cost, backward and update, on batches that are already arrays of the peer's own kind, sixteen different ones
in turn. `python benchmarks/questions/step.py --quick --networks 784-15-10,784-30-10 --optimizer sgd --peers
floor,tinynn` measures a part.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command, plots, step_tables
from benchmarks.cases import HEADS, NETWORKS, RATES, Case
from benchmarks.equality import expected_cost
from benchmarks.passes import merged
from benchmarks.peers import PEERS
from benchmarks.session import Session

#: Swept from a network of the middle size, one property at a time: {what: specifications of networks}.
SWEEPS = {
    "width": [f"784-{width}-10:32" for width in (15, 30, 60, 120, 250, 500, 1000, 2048)],
    "batch": [f"784-100-10:{batch}" for batch in (1, 4, 16, 64, 256, 1024)],
    "depth": [f"{'-'.join(['784', *['128'] * depth, '10'])}:32" for depth in (1, 2, 3, 4, 6, 8)],
}
THREE = ("784-30-10", "784-128-128-10", "784-512-512-10")
#: The sweeps leave out whose compilation takes longer than the sweep, and those far behind.
SWEPT = (
    "floor",
    "tinynn",
    "tinynn-fused",
    "textbook",
    "torch-fused",
    "torch-fused-1",
    "jax-jit",
    "jax-scan",
    "sklearn",
)


def arguments(parser):
    parser.add_argument("--networks", type=commas, metavar="A,B", help="784-30-10 or 784-30-10:32 (32 rows a batch)")
    parser.add_argument("--optimizer", type=commas, metavar="A,B", help=f"of {', '.join(RATES)}; default: all")
    parser.add_argument("--head", type=commas, metavar="A,B", help=f"of {', '.join(HEADS)}; default: all")
    parser.add_argument("--no-sweeps", action="store_true", help="leave the sweeps over width, batch and depth out")


def commas(text):
    return tuple(text.split(","))


def measure(options):
    """{"rows": one for each network and contender, "sweeps": the same for each sweep, {width, batch, depth}}."""
    names = options.peers or tuple(name for name in PEERS if name != "torch-loader")
    limits = {"seconds": 0.015, "budget": 1.5, "most": 15} if options.quick else {"budget": 2.5}
    optimizers, heads = options.optimizer or tuple(RATES), options.head or tuple(HEADS)
    cases = [
        Case.parse(network, optimizer=optimizer, head=head)
        for head in heads
        for optimizer in optimizers
        for network in options.networks or networks_of(optimizer, head)
    ]
    # Fresh processes for the second pass: one that is slow throughout cannot show it, see passes.py.
    first, second = (one_pass(names, limits, cases) for _ in range(2))
    result = {"rows": merged(first, second)}
    if not (options.quick or options.networks or options.no_sweeps):
        result["sweeps"] = sweeps([name for name in names if name in SWEPT])
    return result


def networks_of(optimizer, head):
    """All networks where there are targets, three sizes elsewhere: the whole run shall take minutes, not an hour."""
    return NETWORKS if head == "sigmoid" and optimizer != "rmsprop" else THREE


def one_pass(names, limits, cases):
    """The rows of all cases, in one session."""
    with Session(names, **limits) as session:
        return [row for case in cases for row in measured(session, case)]


def sweeps(names):
    """{what: rows}, SGD with sigmoid layers and Adam with ReLU."""
    with Session(names, budget=2.5, most=15) as session:
        return {
            what: [
                row
                for optimizer, head in (("sgd", "sigmoid"), ("adam", "relu"))
                for network in networks
                for row in measured(session, Case.parse(network, optimizer=optimizer, head=head))
            ]
            for what, networks in SWEEPS.items()
        }


def measured(session, case):
    """The rows of one case."""
    rows = session.measure("training", case, expected_cost(case))
    command.progress(f"{case.title}, {case.optimizer}, {case.head}: {step_tables.line(rows)}")
    return [{"case": case.asdict(), **row} for row in rows]


markdown, text = step_tables.markdown, step_tables.text


def plot(result, folder):
    """The curves over width, batch and depth, where they were measured."""
    if "sweeps" in result:
        plots.plot_sweeps(result["sweeps"], folder)


if __name__ == "__main__":
    command.main(__file__)
