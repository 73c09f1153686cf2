"""The tables of questions/weight.py."""

from benchmarks.cases import HEADS, Case
from benchmarks.report import remark, table

IMPORT_LIMIT, WHEEL_LIMIT, MEMORY_LIMIT = 0.050, 400_000, 1.2
PACKAGES = """Median of fresh processes, one import each, in turn (quartiles); beyond NumPy: round by round. Memory is \
what a process holds after the import beyond one that imports nothing. On disk: the package's own files, and with them \
those of all distributions that it requires."""
TRAINING = """The most memory that a program held (its resident set) which imports, reads MNIST into float32 arrays \
and stops, and the same with an epoch of training and its tests, 784-256-10, batches of 100."""
ARRAYS = """What a training run of tinynn holds beside its data, all arrays counted, against what it cannot do \
without: float32 values and gradients, the optimizer's slots, the output of each layer (an activation function is a \
layer), and one batch. The order is the permutation of {samples:,} samples, {order:.0f} kB, which the ratio counts; \
"without the order" does not. Building is the peak while network and optimizer are made. kB."""
STEP = """A warm step takes {least:,} to {most:,} bytes of memory beyond what was there before it: Python's own \
objects, no array."""
STEP_FAILS = "A warm step takes {least:,} to {most:,} bytes of memory beyond what was there before it: **arrays**."
#: Below this a step has made no array: the smallest of a sample's values in a batch of 1,000 has 40,000 bytes.
NO_ARRAY = 20_000


def markdown(result):
    """The section of the page."""
    header = ["package", "import", "beyond NumPy", "memory, MB", "on disk, MB", "with all it needs, MB", "remark"]
    parts = ["## Import, size and memory", PACKAGES, table(header, map(package_line, result["packages"]))]
    if limits := limit_lines(result):
        parts.append(table(["tinynn", "measured", "limit", ""], limits))
    header = ["contender", "imports and data, MB", "and an epoch, MB", "remark"]
    parts += [TRAINING, table(header, map(training_line, result["training"]))]
    if result["arrays"]:
        order = result["arrays"][0]["order"]
        parts += [ARRAYS.format(samples=60_000, order=order / 1e3), array_table(result["arrays"]), step_line(result)]
    return "\n\n".join(parts)


def package_line(row):
    disk = [megabytes(row.get("installed")), megabytes(row.get("with_dependencies"))]
    if "reason" in row:
        return [row["package"], "–", "–", "–", *disk, remark([row])]
    beyond = "–" if row["package"] == "numpy" else milliseconds(row["beyond_numpy"])
    return [row["package"], milliseconds(row["seconds"]), beyond, megabytes(row["memory"]), *disk, ""]


def limit_lines(result):
    """tinynn's own limits: import beyond NumPy, the wheel."""
    found = next((row for row in result["packages"] if row["package"] == "tinynn" and "reason" not in row), None)
    if found is None:
        return []
    seconds, wheel = found["beyond_numpy"][0], result["wheel"]
    return [
        [
            "import beyond NumPy's",
            f"{1e3 * seconds:.0f} ms",
            f"{1e3 * IMPORT_LIMIT:.0f} ms",
            mark(seconds <= IMPORT_LIMIT),
        ],
        ["the wheel", f"{wheel / 1e3:.0f} kB", f"{WHEEL_LIMIT / 1e3:.0f} kB", mark(wheel <= WHEEL_LIMIT)],
    ]


def training_line(row):
    return [row["peer"], megabytes(row.get("read")), megabytes(row.get("epoch")), remark([row])]


# ---- the arrays of a run ---------------------------------------------------------------------------------
def array_table(rows):
    parts = ["parameters", "optimizers", "layers", "losses", "data"]
    titles = ["values and gradients", "optimizer", "layers", "loss", "batches and order"]
    header = ["network, batch", "head", "optimizer", "needed", *titles, "all", "ratio", "without the order", "building"]
    return table(header, [array_line(row, parts) for row in rows])


def array_line(row, parts):
    case, needed, held = Case.of(row["case"]), sum(row["formula"].values()), sum(row["alive"].values())
    alive = {"parameters": row["alive"].get("parameter", 0), **row["alive"]}
    ratio, bare = held / needed, (held - row["order"]) / needed
    return [
        *(case.title, HEADS[case.head].partition(",")[0], row["optimizer"], kilobytes(needed)),
        *(kilobytes(alive.get(part, 0)) for part in parts),
        *(kilobytes(held), f"{ratio:.2f} {mark(ratio <= MEMORY_LIMIT)}", f"{bare:.2f} {mark(bare <= MEMORY_LIMIT)}"),
        kilobytes(row["build_peak"]),
    ]


def step_line(result):
    peaks = [row["step_peak"] for row in result["arrays"]]
    return (STEP if max(peaks) < NO_ARRAY else STEP_FAILS).format(least=min(peaks), most=max(peaks))


# ---- figures ---------------------------------------------------------------------------------------------
def mark(met):
    return "✓" if met else "✗"


def milliseconds(found):
    """[median, low, high] seconds as `107 ms (104…111)`."""
    median, low, high = (f"{1e3 * value:.0f}" for value in found)
    return f"{median} ms ({low}…{high})"


def megabytes(value):
    """
    >>> megabytes(265_000), megabytes(33_100_000), megabytes(None)
    ('0.27', '33', '–')
    """
    if value is None:
        return "–"
    return f"{value / 1e6:.2f}" if value < 10e6 else f"{value / 1e6:.0f}"


def kilobytes(value):
    return f"{value / 1e3:,.0f}"
