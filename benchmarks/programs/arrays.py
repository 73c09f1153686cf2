"""Counts the bytes of all arrays that a training run of tinynn holds beside its data, a line of JSON a run.

NumPy reports each array's memory to tracemalloc, exactly. Counted are the arrays alive at the end of a step, with
the batch that the loop holds; and by their peaks, Python's own objects included, what building network and optimizer
takes meanwhile, and what a warm step takes beyond what was there before it.
"""

import gc
import json
import tracemalloc
from pathlib import Path

import numpy as np

import tinynn as nn
from benchmarks.cases import NETWORKS, Case
from benchmarks.peers.tinynn import network

#: name: (rule, options, slots).
OPTIMIZERS = {
    "SGD": (nn.SGD, {}, 0),
    "SGD, momentum": (nn.SGD, {"momentum": 0.9}, 1),
    "Adam": (nn.Adam, {}, 2),
}
ITEM = 4  # bytes of a float32
SAMPLES = 60_000
WARM = 5
#: Rows of a batch whose arrays no other objects of a step come near: the smallest has this many float32.
LARGE = 1000
PACKAGE = Path(nn.__file__).parent


def formula(case, slots):
    """Bytes of {"parameters": values and gradients, "slots", "activations": the outputs of all layers, "batch"}.

    An activation function is a layer: z and σ(z) count both. A batch is its x and its target.
    """
    parameters = sum(n * out + out for n, out in case.products)
    outputs = [out for _, out in case.products]
    functions = outputs if case.head == "sigmoid" else outputs[:-1]
    target = 4 * case.widths[-1] if case.head == "sigmoid" else 8  # one-hot float32, or an int64 label
    return {
        "parameters": ITEM * parameters * 2,
        "slots": ITEM * parameters * slots,
        "activations": ITEM * case.batch * (sum(outputs) + sum(functions)),
        "batch": case.batch * (ITEM * case.widths[0] + target),
    }


class Run:
    """A training run on images that are all 0, which take no memory."""

    def __init__(self, case, name, samples):
        rule, options, _ = OPTIMIZERS[name]
        x = np.zeros((samples, case.widths[0]), np.float32)
        y = case.targets(np.zeros(samples, np.int64))
        tracemalloc.start(6)  # the data above are not counted
        self.model, self.loss = network(case), nn.MSE() if case.head == "sigmoid" else nn.SoftmaxCrossEntropy()
        self.optimizer = rule(self.model, 1e-3, **options)
        self.batches = nn.Batches(x, y, batch_size=case.batch, rng=0).overwriting()  # as Trainer does
        self.build_peak = tracemalloc.get_traced_memory()[1]

    def step(self):
        self.x, self.target = next(self.batches)
        self.loss.forward(self.model.forward(self.x), self.target)
        self.model.backward_parameters(self.loss.backward())
        self.optimizer.step()


def count(case, name, samples=SAMPLES):
    """{"formula", "alive": {part of the package: bytes}, "build_peak", "step_peak"} of one run."""
    run = Run(case, name, samples)
    for _ in range(WARM):
        run.step()
    found = {"formula": formula(case, OPTIMIZERS[name][2]), "alive": alive(), "build_peak": run.build_peak}
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    run.step()
    found["step_peak"] = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return found


def alive():
    """{part of the package: bytes of the arrays that it holds}."""
    gc.collect()  # what is garbage already waits in cycles for an unknown time
    domain = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    parts = {}
    for trace in tracemalloc.take_snapshot().filter_traces([domain]).traces:
        place = part(frame.filename for frame in reversed(trace.traceback))
        parts[place] = parts.get(place, 0) + trace.size
    return parts


def order(case, name):
    """Bytes that grow with the samples: the order in which an epoch takes them."""
    more, less = (sum(count(case, name, samples)["alive"].values()) for samples in (SAMPLES, SAMPLES // 2))
    return 2 * (more - less)


def part(files):
    """The package's part that asked for an array: its file or folder, given the files of the frames, innermost first.

    Private modules such as _buffers.py make arrays for others, who stand a frame further out.

    >>> part([f"{PACKAGE}/_buffers.py", f"{PACKAGE}/losses/base.py"])
    'losses'
    """
    inside = [Path(file).relative_to(PACKAGE) for file in files if Path(file).is_relative_to(PACKAGE)]
    asked = [path for path in inside if not path.name.startswith("_")] or [Path("elsewhere")]
    return asked[0].parts[0].removesuffix(".py")


def main():
    np.setbufsize(16)  # what NumPy's loops walk over broadcast operands through is no array; this makes it small
    small = Case.parse("784-15-10")
    count(small, "SGD")  # the first run imports what is imported on first use
    in_order = order(small, "SGD")
    cases = [Case.parse(network) for network in (*NETWORKS, f"784-30-10:{LARGE}")]
    for case in (*cases, Case.parse("784-128-128-10", head="relu")):
        for name in OPTIMIZERS:
            found = {"case": case.asdict(), "optimizer": name, "order": in_order, **count(case, name)}
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
