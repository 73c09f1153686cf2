"""What `bench` prints: the machine, a table of 80 columns with bars, and how to read it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from tinynn.cli.rounds import Spread

WIDTH = 80
#: After the network's name.
HEAD = f"{'step':<5} {'µs':>7} {'iqr':>4} {'ratio':>5} {'iqr':>4} {'GFLOP/s':>7} {'steps/s':>9} "
#: Processors of other programs; the kernel's own work stays well below.
DISTURBED = 0.1
#: Parts of a block, by eighths: a bar's end.
EIGHTHS: tuple[str, ...] = ("", *"▏▎▍▌▋▊▉")
#: For terminals without these characters.
ASCII = str.maketrans({"µ": "u", "█": "#"} | dict.fromkeys(EIGHTHS[1:], ""))


def caption(machine: dict[str, Any]) -> str:
    """What `machine.describe` found."""
    load = "" if machine["load_average"] is None else f", load {machine['load_average']:.1f}"
    parts = (
        f"{machine['cpu']}, cores: {machine['cores']}{load}",
        f"{machine['blas']}, kernel {machine['blas_kernel'] or 'unknown'}",
        f"threads: BLAS {machine['blas_threads'] or 'unknown'}, tinynn {machine['workers'] + 1}",
        f"tinynn {machine['tinynn']}, NumPy {machine['numpy']}, Python {machine['python']}",
    )
    return "\n".join(line for part in parts for line in textwrap.wrap(part, WIDTH))


def table(networks: Sequence[dict[str, Any]]) -> str:
    """A row for each contender of each network, the floor first; bars are as long as the ratio says."""
    rows = [_spreads(found["seconds"]) for found in networks]
    titles = [(found["network"], f"batch {found['batch']:,}", "") for found in networks]
    names = max(len(title) for group in [("network",), *titles] for title in group)
    longest = max(ratio.median for row in rows for _, _, ratio in row)
    unit = max(WIDTH - names - 1 - len(HEAD), 4) / longest
    lines = [f"{'network':<{names}} {HEAD}".rstrip(), "-" * WIDTH]
    for found, group, spreads in zip(networks, titles, rows, strict=True):
        for title, (name, each, ratio) in zip(group, spreads, strict=False):
            lines.append(
                f"{title:<{names}} {name:<5} {_short(1e6 * each.median):>7} {each.percent:>3.0f}% "
                f"{ratio.median:>5.2f} {ratio.percent:>3.0f}% {_short(found['flops'] / each.median / 1e9):>7} "
                f"{1 / each.median:>9,.0f} {_bar(unit * ratio.median)}"
            )
    return "\n".join(lines)


def legend(networks: Sequence[dict[str, Any]]) -> str:
    """What the columns mean, and which networks' figures other programs disturbed."""
    rounds = sorted({len(found["seconds"]["floor"]) for found in networks})
    text = (
        "Training steps of sigmoid neurons, quadratic cost, float32, beside the floor: their matrix products alone, "
        "each in its faster memory layout. µs and GFLOP/s (of the products) are medians over "
        f"{' to '.join(map(str, dict.fromkeys((rounds[0], rounds[-1]))))} rounds, ratio is the median of each round's "
        "time over the floor's, and iqr, how far apart the quartiles lie, is in percent of the median."
    )
    busy = {found["network"]: found["others"] for found in networks if (found["others"] or 0) > DISTURBED}
    if busy:
        text += (
            f" Disturbed: other programs took up to {max(busy.values()):.1f} processors during {', '.join(busy)}; "
            "measure again once they are done."
        )
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def _spreads(seconds: dict[str, list[float]]) -> list[tuple[str, Spread, Spread]]:
    """(name, seconds per step, times the floor's) of each contender; the ratios are taken round by round."""
    return [
        (name, Spread.of(times), Spread.of([a / b for a, b in zip(times, seconds["floor"], strict=True)]))
        for name, times in seconds.items()
    ]


def _short(figure: float) -> str:
    """Three digits or more: 7.71, 21.8, 295, 12,345."""
    return f"{figure:,.{2 if figure < 10 else 1 if figure < 100 else 0}f}"


def _bar(length: float) -> str:
    """So many blocks, the last one by eighths."""
    blocks, eighths = divmod(round(8 * length), 8)
    return "█" * blocks + EIGHTHS[eighths]
