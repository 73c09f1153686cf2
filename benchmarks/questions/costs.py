"""Where does a training step of tinynn spend its time, and what does a simple model say of it?

A step is a list of NumPy calls. Each is timed by itself, with the arrays that it has in the step; what the step takes
beyond their sum is Python's share, and the caches' that a call alone finds warm. The model gives every call the same
overhead, every product its FLOPs and every element-wise call the bytes that it reads and writes.
"""

import sys
import time
from itertools import cycle
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command
from benchmarks.cases import NETWORKS, Case
from benchmarks.fit import fitted_terms
from benchmarks.report import micros, table

#: Beside the networks of the targets, such as lie between them.
BETWEEN = ("784-60-10:16", "784-200-10:64", "784-256-256-10:128")
KINDS = ("product", "elementwise", "loss", "update")
#: For the cost of a custom layer in the middle.
CUSTOM = ("784-30-10", "784-128-128-10")


def measure(options):
    """{"rows": one a network, "terms": of the model, "custom": one a network}."""
    seconds = 0.2 if options.quick else 1.0
    names = list(NETWORKS) if options.quick else [*NETWORKS, *BETWEEN]
    rows = [step_row(Case.parse(name), seconds) for name in names]
    amounts = [(row["calls"], Case.of(row["case"]).flops, row["bytes"]) for row in rows]
    terms = fitted_terms(amounts, [row["step"] for row in rows])
    for row, counts in zip(rows, amounts, strict=True):
        row["model"] = sum(count * term for count, term in zip(counts, terms, strict=True))
    custom = [custom_row(Case.parse(name), seconds) for name in CUSTOM]
    return {"rows": rows, "terms": terms, "custom": custom}


def step_row(case, seconds):
    """What a network's step consists of, and what each kind of call takes by itself, in seconds."""
    model, loss, optimizer, batches = trained(case)
    calls = listed(model, loss, optimizer, *batches[0])
    spent = dict.fromkeys(KINDS, 0.0)
    for kind, function, arguments in calls:
        spent[kind] += best(function, arguments, seconds / 40)
    moved = [size(arguments) for kind, _, arguments in calls if kind != "product"]
    step = best(stepping(model, loss, optimizer, batches), (), seconds)
    return {"case": case.asdict(), "calls": len(calls), "bytes": sum(moved), "step": step, **spent}


def trained(case, between=None):
    """A network a few steps old, so that everything is bound; `between` makes what follows the first Dense."""
    import tinynn as nn

    layers = [layer for n, out in case.products for layer in (nn.Dense(n, out), nn.Sigmoid())]
    if between is not None:
        layers[1] = between
    model, loss = nn.Sequential(*layers, rng=0), nn.MSE()
    optimizer = nn.SGD(model, case.learning_rate)
    batches = [(x, case.targets(labels)) for x, labels in case.batches()]
    step = stepping(model, loss, optimizer, batches)
    for _ in range(4):
        step()
    return model, loss, optimizer, batches


def stepping(model, loss, optimizer, batches):
    turns = cycle(batches)

    def step():
        x, target = next(turns)
        loss.forward(model.forward(x), target)
        model.backward_parameters(loss.backward())
        optimizer.step()

    return step


def listed(model, loss, optimizer, x, target):
    """[(kind, function, arguments)] of a step: what the plan and the optimizer list, and the loss."""
    (segment,) = model._plan._parts
    output = segment._output
    forward = [(segment._enter, (x,)), *segment._forward_calls]
    updates = [call for part in optimizer._parts for call in part._calls]
    return [
        *((kind_of(function), function, arguments) for function, arguments in flat(forward)),
        ("loss", lambda *arrays: loss.forward(*arrays[:2]), (output, target, output)),
        ("loss", lambda *arrays: loss.backward(), (output, output)),
        *((kind_of(function), function, arguments) for function, arguments in flat(segment._backward_calls)),
        *(("update", *call) for call in flat(updates)),
    ]


def flat(calls):
    """The calls one by one, those that are shared out to threads, too."""
    for function, arguments in calls:
        if getattr(function, "__name__", "") == "run":
            for _, (part,) in arguments[0]:
                yield from part
        else:
            yield function, arguments


def kind_of(function):
    name = getattr(function, "__name__", "")
    return "product" if name in ("dot", "enter", "weight_gradient") else "elementwise"


def size(arguments):
    """Bytes of the arrays among a call's arguments."""
    return sum(array.nbytes for array in arguments if isinstance(array, np.ndarray))


def best(function, arguments, seconds, number=10):
    """The least time of a call, over rounds of a few calls that last `seconds` together.

    The arrays are given back their values each time: halved again and again they would end as subnormal numbers.
    """
    kept = [(array, array.copy()) for array in arguments if isinstance(array, np.ndarray) and array.flags.writeable]
    least, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(number):
            function(*arguments)
        least = min(least, (time.perf_counter() - start) / number)
        for array, values in kept:
            array[...] = values
    return least


def custom_row(case, seconds):
    """A custom layer after the first Dense: what the step takes more than with the built-in one, and its own time."""
    custom = custom_layer()
    built_in, own = trained(case), trained(case, custom)
    rows = np.zeros((case.batch, case.widths[1]), np.float32)
    own_time = best(lambda: (custom.forward(rows), custom.backward(rows)), (), seconds / 4)
    times = [best(stepping(*parts), (), seconds) for parts in (built_in, own)]
    import tinynn as nn

    layer = nn.Sigmoid()
    replaced = best(lambda: (layer.forward(rows), layer.backward(rows)), (), seconds / 4)
    return {"case": case.asdict(), "built_in": times[0], "with_custom": times[1], "own": own_time, "replaced": replaced}


def custom_layer():
    """The sigmoid as a user writes it: forward and backward, nothing else."""
    import tinynn as nn

    class Logistic(nn.Layer):
        def forward(self, x):
            self.a = 1 / (1 + np.exp(-x))
            return self.a

        def backward(self, grad):
            return grad * self.a * (1 - self.a)

    return Logistic()


def markdown(result):
    header = [
        "network, batch",
        "calls",
        "step, µs",
        "products",
        "element-wise",
        "loss",
        "update",
        "rest",
        "model",
        "error",
    ]
    overhead, per_flop, per_byte = result["terms"]
    model = (
        f"t = calls × {1e6 * overhead:.2f} µs + FLOPs / {1e-9 / per_flop:.0f} GFLOP/s"
        f" + bytes / {1e-9 / per_byte if per_byte else float('inf'):.0f} GB/s"
    )
    lines = [line(row) for row in result["rows"]]
    customs = [custom_line(row) for row in result["custom"]]
    titles = [
        "network, batch",
        "built-in Sigmoid, µs",
        "custom one",
        "difference",
        "custom layer alone",
        "Sigmoid alone",
    ]
    parts = [f"## What a step costs\n\n{INTRODUCTION}", table(header, lines), f"{MODEL_SAYS} {model}.", CUSTOM_SAYS]
    return "\n\n".join([*parts, table(titles, customs)])


def line(row):
    spent = [row[kind] for kind in KINDS]
    rest = row["step"] - sum(spent)
    cells = [micros(value) for value in (row["step"], *spent, rest, row["model"])]
    return [Case.of(row["case"]).title, str(row["calls"]), *cells, f"{100 * (row['model'] / row['step'] - 1):+.0f} %"]


def custom_line(row):
    values = (row["built_in"], row["with_custom"], row["with_custom"] - row["built_in"], row["own"], row["replaced"])
    return [Case.of(row["case"]).title, *map(micros, values)]


INTRODUCTION = """SGD, sigmoid layers, quadratic cost. A step's NumPy calls, each timed by itself with its own arrays \
(least of many rounds), by kind; the rest is Python between them, and what a call alone finds warm in the caches."""
MODEL_SAYS = "The model, fitted to these rows by relative errors:"
CUSTOM_SAYS = """A custom layer in the middle costs its own time: the first `Sigmoid` replaced by one of six lines \
that allocates its arrays. The difference should be the custom layer's time less that of the calls it replaces."""

if __name__ == "__main__":
    command.main(__file__)
