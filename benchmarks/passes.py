"""Two passes over the same case, each in processes of its own, and what is made of them.

A process can be slow from its start to its end: PyTorch's step of 784-15-10 on its two threads took 260 to 296 µs in
most runs and about 900 in four of 28, with nothing else running, in one of them with quartiles as narrow as ever.
Why is not known: stopping and continuing, short bursts, other programs and both threads on one processor were each
tried and did not bring it about. On one thread it did not happen. So no figure rests on one process alone.
"""

#: By how much two passes may differ before the row says so.
AGREEMENT = 1.15


def merged(first, second):
    """Rows of two passes -> one each: of every contender alike the pass with the lower median, and both medians."""
    return [best(a, b) for a, b in zip(first, second, strict=True)]


def best(a, b):
    """A reason in one pass is the row's reason: what fails once has no figure."""
    for row in (a, b):
        if "reason" in row:
            return row
    return min(a, b, key=lambda row: row["seconds"]) | {"passes": [a["seconds"], b["seconds"]]}


def disagree(row):
    passes = row.get("passes", ())
    return bool(passes) and max(passes) > AGREEMENT * min(passes)
