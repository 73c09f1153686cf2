"""The tables of questions/threads.py."""

from benchmarks.report import remark, table

INTRODUCTION = """SGD, sigmoid layers, quadratic cost. Processors busy: the processor time of all threads over the \
wall time, of one process that trains alone; by other threads: what the training thread does not use itself; after it: \
in the pause after the last step. Two at once: the pace that each of two such processes keeps of the pace of one \
alone; on two cores 100 % is ideal where one core is enough for one of them, 50 % where both are used. Medians of \
fresh pairs of processes, in turn; the pace with its most."""


def markdown(result):
    """The section of the page, a table a network."""
    parts = ["## Threads", INTRODUCTION]
    header = ["contender", "steps a second", "busy", "by other threads", "after it", "two at once", "remark"]
    for network, rows in grouped(result["rows"]).items():
        parts += [f"### {network}", table(header, map(line, rows))]
    return "\n\n".join(parts)


def grouped(rows):
    """{network: its rows}."""
    networks = {}
    for row in rows:
        networks.setdefault(row["network"], []).append(row)
    return networks


def line(row):
    if "reason" in row:
        return [row["contender"], *["–"] * 5, remark([row])]
    others = [f"{row[name]:.2f}" for name in ("busy", "others", "after")]
    return [row["contender"], "{:,.0f} ({:,.0f})".format(*row["pace"]), *others, f"{100 * row['share']:.0f} %", ""]


def short(row):
    """For who waits: `tinynn 1.00 busy`."""
    return f"{row['contender']} {'–' if 'reason' in row else format(row['busy'], '.2f') + ' busy'}"
