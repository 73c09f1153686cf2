"""The curves of questions/step.py's sweeps, as PNG files (matplotlib)."""

from benchmarks.cases import Case
from benchmarks.peers import PEERS

#: What is on the horizontal axis of each sweep.
AXES = {
    "width": ("neurons of the hidden layer", lambda case: case.widths[1]),
    "batch": ("rows of a batch", lambda case: case.batch),
    "depth": ("hidden layers of 128", lambda case: len(case.widths) - 2),
}
#: One for each contender, in the order of PEERS.
COLOURS = (
    *("gray", "black", "red", "olive", "orange", "orangered", "gold"),
    *("peru", "brown", "royalblue", "deepskyblue", "green", "purple", "hotpink"),
)
PANELS = (("sgd", "sigmoid", "SGD, sigmoid"), ("adam", "relu", "Adam, ReLU"))


def plot_sweeps(sweeps, folder):
    """step_width.png, step_batch.png, step_depth.png, and step_peers.png: times as fast as each peer."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for what, rows in sweeps.items():
        panels = [
            (rows, panel, what, value, label)
            for value, label in ((microseconds, "µs a step"), (of_floor, "of the floor"))
            for panel in PANELS
        ]
        save(panels, folder / f"step_{what}.png")
    save(
        [(rows, PANELS[0], what, over_tinynn, "tinynn: times as fast") for what, rows in sweeps.items()],
        folder / "step_peers.png",
    )


def save(panels, path):
    """Panels side by side, at most two a row, one legend."""
    from matplotlib import pyplot as plt

    across = 2 if len(panels) != 3 else 3
    figure, axes = plt.subplots(len(panels) // across, across, figsize=(5.5 * across, 4 * (len(panels) // across)))
    for axis, panel in zip(axes.flat, panels, strict=True):
        draw(axis, *panel)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=8, fontsize="small")
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw(axis, rows, panel, what, value, label):
    """A line for each contender that has figures."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    optimizer, head, title = panel
    xlabel, x = AXES[what]
    for name, points in curves(rows, optimizer, head, x, value).items():
        axis.plot(*zip(*points, strict=True), marker=".", label=name, color=colour(name))
    axis.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=label, title=title)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(LogLocator(subs=(1, 2, 5)))
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)


def colour(name):
    """A contender's own, in every panel: the order of drawing differs, since the floor has no multiple of itself."""
    return dict(zip(PEERS, COLOURS, strict=True))[name]


def curves(rows, optimizer, head, x, value):
    """{contender: [(x, value)]}, without those that have none."""
    found = {}
    for row in rows:
        case = Case.of(row["case"])
        if (case.optimizer, case.head) == (optimizer, head) and (y := value(row)) is not None:
            found.setdefault(row["peer"], []).append((x(case), y))
    return found


def microseconds(row):
    return 1e6 * row["seconds"] if "seconds" in row else None


def of_floor(row):
    return ratio(row, "floor")


def over_tinynn(row):
    return ratio(row, "tinynn")


def ratio(row, to):
    found = row.get("ratios", {}).get(to)
    return found[0] if found else None
