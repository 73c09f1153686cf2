"""The contenders, one module each, behind one face.

A module of this package is an adapter. It may offer

    training(case, **form) -> Training        steps on the case's pool of batches, in turn
    epoch(case, rows, **form) -> Training     a "step" is an epoch over `rows` samples, fed as the peer's users feed it
    prediction(case, rows, **form) -> Training    a "step" is one prediction for `rows` rows

and says by NotOffered what it cannot do. DISTRIBUTIONS are those whose versions are recorded. It writes what a good
user of that peer writes, in its fastest documented form, and is held to the same cost after the same steps.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass, field

from benchmarks.cases import Case


class NotOffered(Exception):
    """The peer has no such thing; the message says what is missing."""


@dataclass(frozen=True)
class Training:
    """What a contender performs.

    burst(steps) performs that many and returns when all their work is done; it is asked for multiples of `stride`
    (what one call does at a time), and at the start for `first`, after which costs are compared. cost() -> a float:
    the present parameters' cost on the first batch, or on an epoch's samples; None where nothing is trained.
    """

    burst: object
    cost: object = None
    stride: int = 1
    first: int = 10


@dataclass(frozen=True)
class Peer:
    """A contender: its module here, the form of it (keyword arguments), and what it is, for the page."""

    module: str
    what: str
    form: dict = field(default_factory=dict)


#: name: Peer, in the order of the tables.
PEERS = {
    "floor": Peer("floor", "the step's matrix products alone, `np.dot(a, b, out)`, each in its faster layout"),
    "tinynn": Peer("tinynn", "NumPy alone: the default install"),
    "tinynn-fused": Peer("tinynn", "with the compiled extra: `fused=True` on the optimizer", {"fused": True}),
    "textbook": Peer("textbook", "plain NumPy as students write it: a line an equation, arrays allocated anew"),
    "torch": Peer("torch", "PyTorch, eager, plain optimizer", {"kind": "eager"}),
    "torch-fused": Peer("torch", "PyTorch, eager, `fused=True` on the optimizer", {"kind": "fused"}),
    "torch-fused-1": Peer(
        "torch",
        "the same on one thread, `torch.set_num_threads(1)`: what suits small networks",
        {"kind": "fused", "threads": 1},
    ),
    "torch-loader": Peer(
        "torch", "PyTorch, fused, fed by its DataLoader (an epoch only)", {"kind": "fused", "loader": True}
    ),
    "torch-compile": Peer("torch", "PyTorch, `torch.compile` of the cost and of the update", {"kind": "compile"}),
    "jax-jit": Peer("jax", "JAX, one jitted step, parameters donated", {"kind": "jit"}),
    "jax-scan": Peer("jax", "JAX, `lax.scan` of the step over a stack of batches", {"kind": "scan"}),
    "sklearn": Peer("sklearn", "scikit-learn's MLP: its `_backprop` and its optimizer, without input checks"),
    "thinc": Peer("thinc", "thinc's layers and optimizer, NumPy back end"),
    "tinygrad": Peer("tinygrad", "tinygrad, the step under `TinyJit`"),
}


def make(what, name, given, *arguments):
    """The contender `name` performing `what` ("training", "epoch", "prediction") of a case as Case.asdict writes it."""
    peer = PEERS[name]
    module = importlib.import_module(f"benchmarks.peers.{peer.module}")
    if not hasattr(module, what):
        raise NotOffered(f"no {what} written for it")
    return getattr(module, what)(Case.of(given), *arguments, **peer.form)


def versions(names):
    """{distribution: version} of the named contenders, without importing them; None where it is missing."""
    found = {}
    for name in names:
        for distribution in DISTRIBUTIONS[PEERS[name].module]:
            try:
                found[distribution] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                found[distribution] = None
    return found


#: module: what is installed for it.
DISTRIBUTIONS = {
    "floor": ("numpy",),
    "tinynn": ("tinynn-numpy", "numpy", "numba"),
    "textbook": ("numpy",),
    "torch": ("torch",),
    "jax": ("jax", "jaxlib"),
    "sklearn": ("scikit-learn", "scipy"),
    "thinc": ("thinc", "blis"),
    "tinygrad": ("tinygrad",),
}
