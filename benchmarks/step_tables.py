"""The tables of questions/step.py: for a terminal one a network, for the page one an optimizer and head."""

from benchmarks.cases import HEADS, Case
from benchmarks.peers import PEERS
from benchmarks.report import micros, multiple, remark, said, table
from benchmarks.targets import TARGETS

OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "rmsprop": "RMSprop"}


def line(rows):
    """The rows of one case in a line: each contender's microseconds, and its multiple of the floor."""
    return ", ".join(short(row) for row in rows)


def short(row):
    if "reason" in row:
        return f"{row['peer']} –"
    of_floor = f" ({row['ratios']['floor'][0]:.2f})" if "floor" in row["ratios"] else ""
    return f"{row['peer']} {micros(row['seconds'])}{of_floor}"


def grouped(rows):
    """{(head, optimizer): {network's title: {peer: row}}}, all in the order of the rows."""
    groups = {}
    for row in rows:
        case = Case.of(row["case"])
        networks = groups.setdefault((case.head, case.optimizer), {})
        networks.setdefault(case.title, {})[row["peer"]] = row
    return groups


# ---- for a terminal --------------------------------------------------------------------------------------
def text(result):
    """A table for each case, with all figures, and the targets that it touches."""
    parts = []
    for (head, optimizer), networks in grouped(result["rows"]).items():
        for title, found in networks.items():
            header = ["peer", "median, µs", "quartiles", "least", "of the floor", "of tinynn", "cost's error", "remark"]
            parts.append(f"{title}, {OPTIMIZERS[optimizer]}, {HEADS[head]}")
            parts.append(table(header, [detailed(row) for row in found.values()], markdown=False))
        if lines := target_rows(head, optimizer, networks):
            parts.append(table(["measured / target", *networks], lines, markdown=False))
    return "\n\n".join(parts)


def detailed(row):
    if "reason" in row:
        return [row["peer"], *["–"] * 6, row["reason"]]
    low, high = map(micros, row["quartiles"])
    ratios = [multiple(row["ratios"].get(to)) for to in ("floor", "tinynn")]
    error = f"{row['error']:.0e}" if "error" in row else "–"
    return [row["peer"], micros(row["seconds"]), f"{low}…{high}", micros(row["least"]), *ratios, error, said(row)]


# ---- for the page ----------------------------------------------------------------------------------------
def markdown(result):
    """The section: for each optimizer and head the times, the multiples of the floor, and the targets."""
    parts = ["## A training step", INTRODUCTION]
    for (head, optimizer), networks in grouped(result["rows"]).items():
        parts.append(f"### {OPTIMIZERS[optimizer]}; {HEADS[head]}")
        if lines := target_rows(head, optimizer, networks):
            parts += [TARGETS_SAY, table(["measured / target", *networks], lines)]
        names = list(dict.fromkeys(name for found in networks.values() for name in found))
        parts.append("Microseconds a step, median (least):")
        parts.append(table(["contender", *networks, "remark"], [times(name, networks) for name in names]))
        if any("floor" in found for found in networks.values()):
            parts.append("Of the floor, median of the rounds (quartiles):")
            others = [multiples(name, networks) for name in names if name != "floor"]
            parts.append(table(["contender", *networks], [row for row in others if row]))
    if "sweeps" in result:
        parts += ["### Over width, batch and depth", SWEEPS_SAY]
    return "\n\n".join(parts)


INTRODUCTION = """Forward, cost, backward and update: how long a loop takes for one step, its batches being arrays of \
the peer's own kind already. Columns are networks (widths, batch size)."""
TARGETS_SAY = """The project's own limits: of the floor at most so many times, and at least so many times as fast as \
each peer; ✓ where the measured figure meets it. "best" is the better of tinynn and tinynn-fused."""
SWEEPS_SAY = """Width: 784-w-10, 32 rows a batch. Batch: 784-100-10. Depth: so many hidden layers of 128, 32 rows. \
SGD with sigmoid layers to the left, Adam with ReLU to the right; the lower row in multiples of the floor. One pass, \
unlike the tables: a single kink may be a process that was slow.

![step time against width](benchmarks/step_width.png)
![step time against batch](benchmarks/step_batch.png)
![step time against depth](benchmarks/step_depth.png)
![how many times as fast as each peer](benchmarks/step_peers.png)"""


def times(name, networks):
    """The row of a contender: a cell for each network, and why some have no figure."""
    found = [networks[title].get(name, {"reason": "not measured"}) for title in networks]
    cells = ["–" if "reason" in row else f"{micros(row['seconds'])} ({micros(row['least'])})" for row in found]
    return [name, *cells, remark(found)]


def multiples(name, networks):
    """The same in multiples of the floor; None where there is none."""
    found = [networks[title].get(name, {}).get("ratios", {}).get("floor") for title in networks]
    return [name, *map(multiple, found)] if any(found) else None


def target_rows(head, optimizer, networks):
    """For each target of this optimizer: what it says, and "measured / limit ✓" for each network that has both."""
    if head != "sigmoid":
        return []
    lines = []
    for target in (target for target in TARGETS if target.optimizer == optimizer):
        cells = [target_cell(target, title.partition(",")[0], found) for title, found in networks.items()]
        if any(cell != "–" for cell in cells):
            lines.append([target.title, *cells])
    return lines


def target_cell(target, network, found):
    """`3.1 / 2.2 ✗`."""
    limit, measured = target.limits.get(network), target.measured(found)
    if limit is None or measured is None:
        return "–"
    return f"{measured:.2f} / {limit:g} {'✓' if target.met(measured, limit) else '✗'}"


def legend():
    """What each contender is."""
    return table(["contender", "what it is"], [[name, peer.what] for name, peer in PEERS.items()])
