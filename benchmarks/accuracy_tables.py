"""The tables and the plot of questions/accuracy.py."""

from pathlib import Path

from benchmarks.accuracy_runs import phases, reached, seconds_for, typical_epochs
from benchmarks.report import remark, table

INTRODUCTION = """A whole program each: interpreter, imports, reading the data and compiling count. The network is \
{network}, ReLU, with softmax cross-entropy; Adam with rate {rate:g}, batches of {batch}, a start from Glorot's \
uniform distribution; all 60,000 training images to learn from, and a test on the 10,000 test images after each \
quarter of an epoch. Seconds from the start of the process to the first test that reaches the goal: median of {runs}, \
least…most."""
TYPICAL = """How many epochs a run needs is luck, and the same luck for all. For the epochs that the median of all \
contenders' runs needs, which are {epochs}, each takes so many seconds, and to the right is where they go: by the \
median of each part over the runs, and by its least, which is what a busy machine disturbs least:"""


def markdown(result):
    """The section of the page."""
    rows = result["rows"]
    parts = ["## Time to an accuracy on MNIST", introduction(result)]
    heads = [f"{percent(goal)}, s" for goal in result["goals"]]
    parts.append(table(["contender", *heads, "epochs for them", "remark"], [measured(row, result) for row in rows]))
    trained = [row for row in rows if row["runs"] and "reason" not in row]
    if trained:
        runs = [run for row in trained for run in row["runs"]]
        epochs = {goal: typical_epochs(runs, goal) for goal in result["goals"]}
        said = ", ".join(f"{'unknown' if n is None else f'{n:g}'} to {percent(goal)}" for goal, n in epochs.items())
        header = ["contender", *heads, "imports", "data in memory", "first test", "each epoch after it"]
        parts.append(TYPICAL.format(epochs=said))
        parts.append(table(header, [typical(row, epochs) for row in trained]))
        parts.append("![accuracy against seconds since the start of the process](benchmarks/accuracy.png)")
    return "\n\n".join(parts)


def introduction(result):
    recipe, rows = result["recipe"], result["rows"]
    return INTRODUCTION.format(
        network="-".join(map(str, recipe["widths"])),
        rate=recipe["rate"],
        batch=recipe["batch"],
        runs=max((len(row["runs"]) for row in rows), default=0),
    )


def measured(row, result):
    """A contender's line of the first table."""
    found = [reached(row["runs"], goal) for goal in result["goals"]]
    if "reason" in row:
        return [row["peer"], *["–"] * (len(found) + 1), remark([row])]
    cells = [goal_cell(goal, len(row["runs"]), result["recipe"]["epochs"]) for goal in found]
    epochs = ", ".join(f"{goal['epochs'][0]:g}" if goal["epochs"] else "–" for goal in found)
    return [row["peer"], *cells, epochs, ""]


def goal_cell(goal, runs, epochs):
    """`4.16 (3.90…5.02)`, and how many runs that is if not all; or that it was not reached."""
    if not goal["runs"]:
        return f"not within {epochs} epochs"
    median, least, most = goal["seconds"]
    few = f", {goal['runs']} of {runs} runs" if goal["runs"] < runs else ""
    return f"{median:.2f} ({least:.2f}…{most:.2f}{few})"


def typical(row, epochs):
    """A contender's line of the second table."""
    median, least = phases(row["runs"]), phases(row["runs"], min)
    times = [(seconds_for(median, n), seconds_for(least, n)) for n in epochs.values()]
    parts = [(median[name], least[name]) for name in ("imported", "read", "first", "epoch")]
    return [row["peer"], *("–" if pair[0] is None else "{:.2f} ({:.2f})".format(*pair) for pair in [*times, *parts])]


def percent(goal):
    """
    >>> percent(0.95)
    '95 %'
    """
    return f"{100 * goal:g} %"


def plot(result, folder):
    """Accuracy against seconds: a line for each run, the first of each contender in the legend."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for k, row in enumerate(result["rows"]):
        for n, run in enumerate(row["runs"]):
            seconds, _, accuracy = zip(*run["curve"], strict=True)
            style = {"color": f"C{k}", "alpha": 0.35 if n else 1.0, "linewidth": 1.0 if n else 1.8}
            axes.plot(seconds, [100 * a for a in accuracy], label=None if n else row["peer"], **style)
    for goal in result["goals"]:
        axes.axhline(100 * goal, color="grey", linewidth=0.6, linestyle=":")
    axes.set(xlabel="seconds since the start of the process", ylabel="accuracy on the test images, %", xscale="log")
    axes.set_ylim(bottom=92)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="lower right")
    figure.savefig(Path(folder) / "accuracy.png", dpi=150)
    plt.close(figure)
