"""What a training step costs beside its matrix products alone, and what tinynn weighs.

The floor of a step is its matrix products, each in its faster memory layout, written into arrays made
beforehand: nothing that calls NumPy can be faster. `python benchmarks/step.py` prints for five networks how many
times the floor a whole step takes (forward, cost, backward, update; float32, sigmoid neurons, quadratic cost,
plain SGD), and beside it the limit that tinynn sets itself. Then: an epoch of 50,000 images fed by `Batches`
beside its 5,000 bare steps, the time to import, the size, and the memory that a warm step asks for.

The figures are ratios of two processes measured in turn (see interleaved.py); the times beside them are the
least of all rounds. Where other programs keep the processors busy, `--processor-time` says more: it gives BLAS
one thread (several would wait for each other) and leaves out the time that the others took.
"""

import argparse
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import interleaved
import numpy as np
from contenders import BATCH, training

#: name: (widths, batch size, limit of step / floor)
NETWORKS = {
    "784-15-10": ([784, 15, 10], 10, 2.9),
    "784-30-10": ([784, 30, 10], 10, 2.7),
    "784-100-10": ([784, 100, 10], 32, 2.0),
    "784-128-128-10": ([784, 128, 128, 10], 128, 1.4),
    "784-512-512-10": ([784, 512, 512, 10], 128, 1.25),
}
EPOCH_LIMIT, IMPORT_LIMIT, WHEEL_LIMIT = 1.3, 0.050, 300_000
ARRAY = 4 * 1000 * 10  # bytes of the outputs of 1,000 samples, the smallest array of a sample's values


# ---- the measurements ------------------------------------------------------------------------------------
def measure_steps(rounds, seconds, clock):
    """{network: figures of its step beside its floor}."""
    results = {}
    for name, (widths, batch, limit) in NETWORKS.items():
        contenders = {"floor": ("contenders:floor", widths, batch), "step": ("contenders:training", widths, batch)}
        times = interleaved.interleave(contenders, rounds, seconds, clock)
        results[name] = {"batch": batch, **figures(times, "step", "floor", limit)}
        print(f"{name}: {results[name]['ratio']:.2f}", file=sys.stderr)
    return results


def measure_epoch(rounds, clock):
    """Figures of an epoch beside its bare steps."""
    widths = NETWORKS["784-30-10"][0]
    contenders = {"bare": ("contenders:bare_epochs", widths, BATCH), "epoch": ("contenders:epochs", widths, BATCH)}
    return figures(interleaved.interleave(contenders, rounds, 0.1, clock), "epoch", "bare", EPOCH_LIMIT)


def figures(times, of, to, limit):
    """The least seconds of both, their ratio with its quartiles, and the limit."""
    ratio = interleaved.ratio(times, of, to)
    least = {name: min(seconds) for name, seconds in times.items()}
    return {"seconds": least, "ratio": ratio.median, "quartiles": [ratio.low, ratio.high], "limit": limit}


def measure_import(pairs, clock):
    """Seconds of `import numpy` and `import tinynn` in fresh processes, in turn, and the difference pair by pair."""
    times = {"numpy": [], "tinynn": []}
    with tempfile.TemporaryDirectory() as cache:
        # Compiled once and for all, as pip leaves a package, whatever this environment says about bytecode.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for k in range(pairs + 1):
            for module in times:
                program = f"from time import {clock} as t; s = t(); import {module}; print(t() - s)"
                done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True)
                if k:  # the first pair compiles, and fills the caches
                    times[module].append(float(done.stdout))
    spread = interleaved.Spread.of([b - a for a, b in zip(times["numpy"], times["tinynn"], strict=True)])
    least = {name: min(seconds) for name, seconds in times.items()}
    quartiles = [spread.low, spread.high]
    return {"seconds": least, "difference": spread.median, "quartiles": quartiles, "limit": IMPORT_LIMIT}


def measure_size():
    """Bytes of the package's files as installed, and deflated as in a wheel."""
    folder = Path(importlib.util.find_spec("tinynn").origin).parent
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    with zipfile.ZipFile(wheel := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder.parent))
    installed = sum(path.stat().st_size for path in files)
    return {"files": len(files), "installed": installed, "wheel": len(wheel.getvalue()), "limit": WHEEL_LIMIT}


def measure_memory():
    """{network: the most bytes that a warm step holds at a time beyond what was there before it}.

    NumPy reports its arrays to tracemalloc, and Python's own objects (numbers, tuples, views) count as well. The
    batch is of 1,000 samples, so that any array of a sample's values is at least ten times what those take.
    """
    return {name: peak(training(widths, 1000)) for name, (widths, _, _) in NETWORKS.items()}


def peak(burst):
    """The bytes at the peak of one step, after some that warm it up."""
    # The buffers through which NumPy's loops walk over broadcast operands are no arrays; this makes them small.
    size = np.setbufsize(16)
    tracemalloc.start()
    burst(3)
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    burst(1)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.setbufsize(size)
    return highest - before


# ---- the tables ------------------------------------------------------------------------------------------
def table(header, rows, markdown):
    """Rows of strings under a header: Markdown, or columns."""
    if markdown:
        lines = [header, ["---"] * len(header), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def step_rows(steps):
    for name, found in steps.items():
        times = [f"{1e6 * found['seconds'][side]:.1f}" for side in ("floor", "step")]
        low, high = found["quartiles"]
        ratio = [f"{found['ratio']:.2f}", f"{low:.2f}…{high:.2f}", f"{found['limit']:.2f}"]
        yield [name, str(found["batch"]), *times, *ratio]


def other_rows(results):
    epoch, imported, size, memory = (results[name] for name in ("epoch", "import", "size", "memory"))
    low, high = epoch["quartiles"]
    took = epoch["seconds"]
    yield [
        f"an epoch by Batches ({took['epoch']:.3f} s) / its 5,000 bare steps ({took['bare']:.3f} s), 784-30-10",
        f"{epoch['ratio']:.2f} ({low:.2f}…{high:.2f})",
        f"{EPOCH_LIMIT:.2f}",
    ]
    low, high = (1e3 * bound for bound in imported["quartiles"])
    took = {name: 1e3 * seconds for name, seconds in imported["seconds"].items()}
    yield [
        f"import tinynn ({took['tinynn']:.0f} ms) − import numpy ({took['numpy']:.0f} ms)",
        f"{1e3 * imported['difference']:.1f} ms ({low:.1f}…{high:.1f})",
        f"{1e3 * IMPORT_LIMIT:.0f} ms",
    ]
    weight = f"{size['wheel'] / 1e3:.0f} kB ({size['installed'] / 1e3:.0f} kB)"
    yield [f"{size['files']} files of the package, as in a wheel (as installed)", weight, f"{WHEEL_LIMIT / 1e3:.0f} kB"]
    least, most = min(memory.values()), max(memory.values())
    yield [
        "memory peak of a warm step, all five networks, batches of 1,000 (a 1,000 × 10 array: 40,000 B)",
        f"{least:,} to {most:,} B: {'no array' if most < ARRAY else 'ARRAYS'}",
        "no array",
    ]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: half a minute, less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE as well")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--processor-time", action="store_true", help="for a busy machine: one BLAS thread, its time")
    options = parser.parse_args(argv)
    rounds, seconds, pairs = (9, 0.02, 5) if options.quick else (41, 0.04, 21)
    clock = "thread_time" if options.processor_time else "perf_counter"
    if options.processor_time:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"

    results = {"environment": {**interleaved.environment(), "clock": clock}}
    results["steps"] = measure_steps(rounds, seconds, clock)
    results["epoch"] = measure_epoch(3 if options.quick else 11, clock)
    results["import"] = measure_import(pairs, clock)
    results["size"] = measure_size()
    results["memory"] = measure_memory()

    header = ["network", "batch", "products, µs", "step, µs", "ratio", "quartiles", "limit"]
    print(interleaved.caption(results["environment"]), end="\n\n")
    print(table(header, list(step_rows(results["steps"])), options.markdown), end="\n\n")
    print(table(["also", "measured", "limit"], list(other_rows(results)), options.markdown))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
