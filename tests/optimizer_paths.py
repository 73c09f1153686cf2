"""Paths of optimizers that must be equal to the last bit, whichever way the same rule is run."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinynn as nn


def parameters(dtype: Any = np.float32, sizes: tuple[int, ...] = (37, 1, 300)) -> list[nn.Parameter]:
    """Drawn parameters; those of a size in `sizes` each."""
    rng = np.random.default_rng(5)
    return [nn.Parameter(rng.normal(size=size).astype(dtype)) for size in sizes]


def steps(optimizer: nn.Optimizer, number: int = 6, change: Any = None) -> list[np.ndarray]:
    """All values and slots after some steps on drawn gradients; `change(optimizer, k)` comes before step k."""
    rng, path = np.random.default_rng(6), []
    for k in range(number):
        grad = rng.normal(size=len(optimizer.vector)) * 10.0 ** rng.integers(-6, 3, len(optimizer.vector))
        optimizer.vector.grad[:] = np.where(rng.random(len(grad)) < 0.1, 0.0, grad)
        if change is not None:
            change(optimizer, k)
        optimizer.step()
        path += [optimizer.vector.value.copy(), *(slot.copy() for slot in optimizer.state.values())]
    return path


def assert_same(path: list[np.ndarray], other: list[np.ndarray]) -> None:
    """Every bit the same, the sign of a zero apart."""
    for k, (array, expected) in enumerate(zip(path, other, strict=True)):
        np.testing.assert_array_equal(array, expected, err_msg=f"array {k}", strict=True)


def readable(make: type[nn.Optimizer]) -> type[nn.Optimizer]:
    """The class with an `update` of its own, which only calls the inherited one: no list of calls is used."""

    def update(self, *args, **slots):
        super(kind, self).update(*args, **slots)

    kind = type(make.__name__, (make,), {"update": update})
    return kind


def falling(step: int) -> float:
    """A schedule."""
    return 0.1 / (1 + step)


def groups(dtype: Any) -> list[dict[str, Any]]:
    """Three groups: with penalties, with a schedule, with nothing of its own."""
    first, second, third = parameters(dtype)
    return [
        {"parameters": [first], "weight_decay": 0.1, "l1_decay": 0.01},
        {"parameters": [second], "learning_rate": falling, "l1_decay": 0.02},
        {"parameters": [third]},
    ]
