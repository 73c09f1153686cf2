"""A case: the work that every contender is given, to the last bit the same."""

from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import numpy as np

#: Bytes of input that a pool of batches may take: the smaller networks' sixteen batches fit into a second-level cache.
POOL_BYTES = 16e6
RATES = {"sgd": 0.1, "adam": 1e-4, "rmsprop": 1e-4}
HEADS = {"sigmoid": "sigmoid, quadratic cost", "relu": "ReLU, softmax cross-entropy"}


@dataclass(frozen=True)
class Case:
    """A network, its batch, optimizer and head.

    Parameters: widths, of the layers, the input's first; batch, rows; optimizer, a key of RATES, plain and with
    PyTorch's defaults; head, "sigmoid" (all layers sigmoid, C = 1/2n Σ‖y − a‖²) or "relu" (hidden layers ReLU, softmax
    cross-entropy of the last layer's logits, the mean over the batch).
    """

    widths: tuple
    batch: int
    optimizer: str = "sgd"
    head: str = "sigmoid"

    @classmethod
    def parse(cls, text, **given):
        """`784-30-10:32` is widths and batch; a network of NETWORKS needs no batch, others take 32.

        >>> Case.parse("784-30-10").batch, Case.parse("784-30-10:1").batch
        (10, 1)
        """
        name, _, batch = text.partition(":")
        widths = tuple(int(width) for width in name.split("-"))
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"a network is written as 784-30-10 or 784-30-10:32, not {text!r}")
        return cls(widths, int(batch or NETWORKS.get(name, 32)), **given)

    @classmethod
    def of(cls, given):
        """The case that `asdict` wrote."""
        return cls(**{**given, "widths": tuple(given["widths"])})

    def with_(self, **changes):
        return replace(self, **changes)

    def asdict(self):
        return asdict(self)

    @property
    def name(self):
        return "-".join(map(str, self.widths))

    @property
    def title(self):
        return f"{self.name}, {self.batch}"

    @property
    def learning_rate(self):
        return RATES[self.optimizer]

    @property
    def products(self):
        """(n, out) of each layer."""
        return list(pairwise(self.widths))

    @property
    def flops(self):
        """Of one step's matrix products: forward, ∂C/∂W, and ∂C/∂x but for the first layer."""
        return 2 * self.batch * (3 * sum(n * out for n, out in self.products) - self.widths[0] * self.widths[1])

    @property
    def pool(self):
        """How many batches take turns: an even number up to 16."""
        fitting = int(POOL_BYTES / (4 * self.batch * self.widths[0])) // 2 * 2
        return min(16, max(2, fitting))

    def parameters(self):
        """[(weight (out, in), bias (out,)), one a layer], float32, drawn anew from the same seed."""
        rng = np.random.default_rng(1986)
        return [
            (
                (rng.standard_normal((out, n)) / n**0.5).astype(np.float32),
                (0.1 * rng.standard_normal(out)).astype(np.float32),
            )
            for n, out in self.products
        ]

    def batches(self):
        """[(x (batch, in) float32 in [0, 1), labels (batch,) int64), `pool` of them].

        The second half repeats the first half's inputs with other labels: nothing fits them all, so gradients stay of
        order one however long a measurement trains, and never shrink to subnormal numbers, which are slow.
        """
        rng = np.random.default_rng(784)
        half, classes = self.pool // 2, self.widths[-1]
        inputs = [rng.random((self.batch, self.widths[0]), np.float32) for _ in range(half)]
        labels = [rng.integers(0, classes, self.batch) for _ in range(half)]
        return [
            *zip(inputs, labels, strict=True),
            *((x, (y + 1) % classes) for x, y in zip(inputs, labels, strict=True)),
        ]

    def one_hot(self, labels):
        """labels (batch,) -> (batch, classes) float32."""
        return np.eye(self.widths[-1], dtype=np.float32)[labels]

    def targets(self, labels):
        """What this head's cost compares with: one-hot rows for the quadratic cost, labels for cross-entropy."""
        return self.one_hot(labels) if self.head == "sigmoid" else labels


#: name: batch size. The networks of the targets, see targets.py.
NETWORKS = {
    "784-15-10": 10,
    "784-30-10": 10,
    "784-100-10": 32,
    "784-128-128-10": 128,
    "784-512-512-10": 128,
    "784-1024-1024-10": 1024,
}
