"""What the lessons share: their command line and their plots.

Not a lesson itself. Every lesson prints its tables; with `--plot FILE` it also draws them, into a file and
never onto the screen. matplotlib is imported when a plot is asked for, and not before.
"""

from argparse import ArgumentParser, Namespace
from contextlib import contextmanager
from importlib.util import find_spec

MISSING = "--plot needs matplotlib, which is not installed: pip install 'tinynn-numpy[plots]'"


def arguments(doc, argv=None, plots=True) -> Namespace:
    """Parse a lesson's command line; its docstring's first line is what `--help` says about it."""
    parser = ArgumentParser(description=doc.strip().splitlines()[0])
    if plots:
        parser.add_argument("--plot", metavar="FILE", help="draw the figure into FILE (.png, .pdf or .svg)")
    parsed = parser.parse_args(argv)
    if plots and parsed.plot and find_spec("matplotlib") is None:
        parser.exit(2, MISSING + "\n")  # before the work, not after it
    return parsed


@contextmanager
def figure(file, rows=1, columns=1, width=5.0, height=4.2, **options):
    """Give the axes to draw on, and save the figure to `file` at the end. A bare Figure needs no screen."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(width * columns, height * rows), layout="constrained")
    yield canvas.subplots(rows, columns, **options)
    canvas.savefig(file, dpi=120)
    print(f"\nplot saved to {file}")


def heading(text):
    """Print a heading, set off from what stands above it."""
    print(f"\n{text}\n{'-' * len(text)}")
