"""What follows from the runs of questions/accuracy.py.

A run is {"seed", "imported", "read", "curve": [[seconds, epochs, accuracy], …]}, seconds from the process' start.
"""

import statistics

from benchmarks.programs.recipe import PARTS


def first(curve, goal):
    """The first point of a curve that reaches the goal, or None."""
    return next((point for point in curve if point[2] >= goal), None)


def typical_epochs(runs, goal):
    """How many epochs the median run needs; None if half of them or more never come there."""
    points = [first(run["curve"], goal) for run in runs]
    median = statistics.median([point[1] if point else float("inf") for point in points]) if points else float("inf")
    return None if median == float("inf") else median


def reached(runs, goal):
    """{"runs": how many reached the goal, "seconds", "epochs": [median, least, most] of those, or None}."""
    points = [point for run in runs if (point := first(run["curve"], goal))]
    return {
        "runs": len(points),
        "seconds": spread([point[0] for point in points]),
        "epochs": spread([point[1] for point in points]),
    }


def phases(runs, middle=statistics.median):
    """Seconds until imports, data and first test (compiling included) are done; "epoch", of one after it.

    Parameters: middle, what is made of the runs' figures: their median, or min for the one least disturbed.
    """
    epochs = [(c[-1][0] - c[0][0]) / (c[-1][1] - c[0][1]) for c in (run["curve"] for run in runs) if len(c) > 1]
    return {
        "imported": middle(run["imported"] for run in runs),
        "read": middle(run["read"] for run in runs),
        "first": middle(run["curve"][0][0] for run in runs),
        "epoch": middle(epochs) if epochs else None,
    }


def seconds_for(found, epochs):
    """Seconds from the process' start to the end of so many epochs; None if that is not known.

    Parameters: found, what phases returned.
    """
    if epochs is None or found["epoch"] is None:
        return None
    return found["first"] + (epochs - 1 / PARTS) * found["epoch"]


def spread(values):
    """[median, least, most]."""
    return [statistics.median(values), min(values), max(values)] if values else None
