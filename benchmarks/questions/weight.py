"""What does each contender weigh: to import, on disk, and in memory?

Imports are timed in fresh processes, in turn, with NumPy's own as the reference. Memory is what the system counts
for a process, shared libraries included. For tinynn alone every array of a training run is counted, exactly, against
what the run cannot do without (programs/arrays.py).
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command, footprint, weight_tables
from benchmarks.interleaved import Spread, Unavailable
from benchmarks.peers import PEERS
from benchmarks.program import Program
from benchmarks.questions.accuracy import PROGRAMS

#: name: (distribution, the modules that a program with a network imports). NumPy is what the others are held against.
PACKAGES = {
    "numpy": ("numpy", ("numpy",)),
    "tinynn": ("tinynn-numpy", ("tinynn",)),
    "torch": ("torch", ("torch",)),
    "jax": ("jax", ("jax", "jax.numpy")),
    "sklearn": ("scikit-learn", ("sklearn.neural_network",)),
    "thinc": ("thinc", ("thinc.api",)),
    "tinygrad": ("tinygrad", ("tinygrad",)),
}
#: No bytecode is written where a variable forbids it; an import would then compile each time.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


def measure(options):
    """{"packages": rows, "training": rows, "arrays": rows, "wheel": bytes}."""
    wanted = {PEERS[name].module for name in options.peers or PEERS}
    names = [name for name in PACKAGES if name == "numpy" or name in wanted]
    packages = imports(names, 5 if options.quick else 15)
    for row in packages:
        row |= on_disk(row["package"])
    training = [trained(name) for name in PROGRAMS if name in (options.peers or PROGRAMS)]
    counted = arrays() if "tinynn" in wanted else []
    return {"packages": packages, "training": training, "arrays": counted, "wheel": footprint.wheel("tinynn")}


# ---- importing -------------------------------------------------------------------------------------------
def imports(names, rounds):
    """A row for each: seconds [median, quartiles], those beyond NumPy's of the same round, bytes in memory."""
    bare = imported()["resident"]
    found = {name: [] for name in names}
    reasons = {}
    for k in range(rounds + 1):
        for name in names:
            try:
                answer = imported(*PACKAGES[name][1]) if name not in reasons else None
            except Unavailable as error:
                reasons[name], answer = str(error), None
            if k and answer:  # the first round compiles, and fills the caches
                found[name].append(answer)
    return [
        {"package": name}
        | ({"reason": reasons[name]} if name in reasons else figures(found[name], found["numpy"], bare))
        for name in names
    ]


def imported(*modules):
    """{"seconds", "resident"} of a fresh process that imports them."""
    with Program("imported", *modules, **COMPILED) as program:
        return json.loads(program.hear())


def figures(answers, reference, bare):
    """Of a package's imports, and NumPy's in the same rounds; bare, the bytes of a process that imports nothing."""
    beyond = [own["seconds"] - numpy["seconds"] for own, numpy in zip(answers, reference, strict=True)]
    memory = [own["resident"] - bare for own in answers if own["resident"] is not None]
    return {
        "seconds": spread([own["seconds"] for own in answers]),
        "beyond_numpy": spread(beyond),
        "memory": spread(memory)[0] if memory else None,
    }


def spread(values):
    found = Spread.of(values)
    return [found.median, found.low, found.high]


# ---- on disk ---------------------------------------------------------------------------------------------
def on_disk(name):
    """Bytes and files of the package, and of all distributions that it needs with it."""
    distribution, modules = PACKAGES[name]
    if not footprint.installed(distribution):
        return {}
    own = footprint.files(distribution, modules[0].partition(".")[0])
    needed = footprint.closure(distribution)
    others = [path for other in needed[1:] for path in footprint.files(other)]
    return {
        "files": len(own),
        "installed": footprint.size(own),
        "with_dependencies": footprint.size(own) + footprint.size(others),
        "distributions": len(needed),
    }


# ---- in training -----------------------------------------------------------------------------------------
def trained(name):
    """The most bytes of a program that reads MNIST and stops, and of one that then trains for an epoch."""
    try:
        return {"peer": name, "read": peak(name, 0), "epoch": peak(name, 1)}
    except Unavailable as error:
        return {"peer": name, "reason": str(error)}


def peak(name, epochs):
    module, *form = PROGRAMS[name]
    with Program("peak", module, 0, epochs, *form, **COMPILED) as program:
        *_, (_, last) = program
    return int(last.split()[1]) if last.split()[1] != "None" else None


def arrays():
    """What programs/arrays.py counts, run by run."""
    with Program("arrays") as program:
        return [json.loads(line) for _, line in program]


markdown = weight_tables.markdown

if __name__ == "__main__":
    command.main(__file__)
