"""How figures are written: tables, times, ratios."""

from benchmarks.foreign import disturbed
from benchmarks.passes import disagree


def table(header, rows, markdown=True):
    """Rows of strings under a header: Markdown, or columns for a terminal."""
    rows = [[str(cell) for cell in row] for row in rows]
    if markdown:
        lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def micros(seconds):
    """Microseconds with three digits or more: 7.71, 21.8, 295, 12,345."""
    value = 1e6 * seconds
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def multiple(found):
    """A ratio's median and quartiles, [median, low, high], as `2.83 (2.82…2.87)`; – where there is none."""
    if not found:
        return "–"
    digits = 2 if found[0] < 10 else 1
    median, low, high = (f"{value:.{digits}f}" for value in found)
    return f"{median} ({low}…{high})"


def duration(seconds):
    """Seconds in the unit that suits: µs, ms, s."""
    if seconds < 1e-3:
        return f"{micros(seconds)} µs"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def remark(rows):
    """What is to be said of a contender's rows, each thing once: why some have no figure, and who was disturbed."""
    return "; ".join(dict.fromkeys(text for row in rows if (text := said(row))))


def said(row):
    """A row's reason, or what disturbed it, or how far its two passes lie apart, or nothing."""
    if "reason" in row:
        return row["reason"]
    if disturbed(row.get("foreign")):
        return f"disturbed: other programs took {row['foreign']:.1f} processors"
    if disagree(row):
        return f"passes disagree: {' and '.join(map(duration, row['passes']))}"
    return ""
