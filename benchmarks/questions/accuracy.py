"""How long does a whole program take to a given accuracy on MNIST, from the start of its process?

Interpreter, imports, reading the data and compiling count. Each contender is a program of benchmarks/programs, with
the same network, cost, optimizer, batches and distribution of the start; all test on the 10,000 test images after
each quarter of an epoch, and the clock is this process'. One program runs at a time, in turn, seed by seed.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import accuracy_tables, command
from benchmarks.interleaved import Unavailable
from benchmarks.program import Program
from benchmarks.programs import recipe

#: peer: (its program, the program's form).
PROGRAMS = {
    "tinynn": ("tinynn",),
    "textbook": ("textbook",),
    "torch": ("torch", "eager"),
    "torch-fused": ("torch", "fused"),
    "jax-scan": ("jax",),
    "sklearn": ("sklearn",),
}
GOALS = (0.95, 0.97, 0.98)


def measure(options):
    """{"recipe", "goals", "rows": [{"peer", "runs": what run returned, seed by seed}, or with a "reason"]}."""
    names = [name for name in options.peers or PROGRAMS if name in PROGRAMS]
    goals, seeds = (GOALS[:2], 1) if options.quick else (GOALS, 5)
    rows = {name: {"peer": name, "runs": []} for name in names}
    for name in names:  # the first start fills the file cache and compiles to bytecode
        attempt(rows[name], seed=0, epochs=0, until=goals[-1])
    for seed in range(seeds):
        for name in names[:: -1 if seed % 2 else 1]:
            if "reason" not in rows[name] and (found := attempt(rows[name], seed, recipe.EPOCHS, goals[-1])):
                rows[name]["runs"].append(found)
    how = {"widths": recipe.WIDTHS, "batch": recipe.BATCH, "rate": recipe.RATE, "epochs": recipe.EPOCHS}
    return {"recipe": how, "goals": goals, "rows": list(rows.values())}


def attempt(row, seed, epochs, until):
    """What run returns; None, with the reason in the row, if that fails."""
    try:
        found = run(row["peer"], seed, epochs, until)
    except Unavailable as error:
        row["reason"] = str(error)
        return None
    if epochs:
        seconds, done, accuracy = found["curve"][-1]
        command.progress(f"{row['peer']}, seed {seed}: {accuracy:.4f} after {done:g} epochs and {seconds:.2f} s")
    return found


def run(name, seed, epochs, until):
    """{"seed", "imported", "read": seconds, "curve": [[seconds, epochs, accuracy], …]}, to the accuracy `until`."""
    module, *form = PROGRAMS[name]
    found = {"seed": seed, "curve": []}
    with Program(module, seed, epochs, *form) as program:
        for seconds, line in program:
            match parse(line):
                case str(done):
                    found[done] = seconds
                case reached, accuracy:
                    found["curve"].append([seconds, reached, accuracy])
                    if accuracy >= until:
                        break
    return found


def parse(line):
    """What a program's line says: (epochs, accuracy), or the name of what is done.

    >>> parse("0.25 0.9312"), parse("imported")
    ((0.25, 0.9312), 'imported')
    """
    words = line.split()
    return (float(words[0]), float(words[1])) if len(words) == 2 else line


markdown, plot = accuracy_tables.markdown, accuracy_tables.plot

if __name__ == "__main__":
    command.main(__file__)
