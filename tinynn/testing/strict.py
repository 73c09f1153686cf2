"""What tinynn asks of its own layers, beyond the laws of every layer; check_layer(..., strict=True) asks it too."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import DtypeError, ShapeError, StateError
from tinynn.layers.base import Layer
from tinynn.testing.report import GradientError

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.testing.report import Report


def check_kind(layer: Any, x: Any) -> None:
    """Whether the laws below are about such a layer: a tinynn Layer of one input."""
    if not isinstance(layer, Layer):
        raise DtypeError(f"strict=True is for tinynn layers, got {type(layer).__name__}")
    if isinstance(x, tuple) and len(x) > 1:
        raise ShapeError(f"strict=True is for layers of one input, got {len(x)}; check this one without")


def check_strictly(layer: Any, report: Report, inputs: dict[str, Array]) -> None:
    """Each law in turn on fresh float64 copies; GradientError for the first that is broken."""
    (x,) = inputs.values()
    for law in (_needs_forward, _finite, _batches, _layouts, _rows, _seeds, _copies, _evaluation, _threads):
        name = law.__doc__ or law.__name__
        try:
            law(_fresh(layer), x, report)
        except GradientError:
            raise
        except Exception as error:
            report.fail("fails", f"{name}: the layer fails with {type(error).__name__}: {error}")
        report.laws.append(name)


def _fresh(layer: Layer) -> Layer:
    return copy.deepcopy(layer).astype(np.float64).train()


def _results(layer: Layer, x: Array, upstream: Array) -> list[Array]:
    """Output, ∂C/∂x and gradients, from a copy that draws the same random numbers each time."""
    twin = _fresh(layer)
    y = twin.forward(x).copy()
    grad = twin.backward(upstream).copy()
    return [y, grad, *(p.grad.copy() for p in twin.parameters())]


def _upstream(layer: Layer, x: Array) -> Array:
    return np.random.default_rng(1).normal(size=_fresh(layer).forward(x).shape)


def _same(found: list[Array], expected: list[Array]) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-10, atol=1e-10 * max(1.0, np.abs(b).max(initial=0.0)))
        for a, b in zip(found, expected, strict=True)
    )


def _needs_forward(layer: Layer, x: Array, report: Report) -> None:
    """backward without a forward is an error"""
    upstream = _upstream(layer, x)
    try:
        layer.backward(upstream)
    except StateError:
        pass
    except Exception as error:
        text = f"backward without a forward before it must raise StateError, and raises {type(error).__name__}"
        report.fail("state", text)
    else:
        report.fail("state", "backward without a forward before it must raise StateError")
    layer.eval()
    layer.forward(x)
    try:
        layer.backward(upstream)
    except StateError:
        return
    report.fail("state", "backward after a forward in evaluation mode must raise StateError")


def _finite(layer: Layer, x: Array, report: Report) -> None:
    """finite at ±1000"""
    y = layer.forward(1e3 * np.where(x < 0, -1.0, 1.0) if x.dtype.kind == "f" else x)
    grad = layer.backward(np.ones_like(y))
    if not all(np.isfinite(array).all() for array in (y, grad, *(p.grad for p in layer.parameters()))):
        report.fail("not-finite", "output or gradients are not finite for inputs of ±1000: use a stable form")


def _batches(layer: Layer, x: Array, report: Report) -> None:
    """batches of one and of none"""
    for rows in (1, 0):
        few = x[:rows]
        y = layer.forward(few)
        if y.shape[:1] != (rows,):
            report.fail("shape", f"a batch of {rows} gives an output of shape {y.shape}")
        grad = layer.backward(np.ones_like(y))
        if grad.shape != few.shape:
            report.fail("shape", f"a batch of {rows} of shape {few.shape} gives ∂C/∂x of shape {grad.shape}")
    if any(p.grad.any() for p in layer.parameters()):
        report.fail("batch-sum", "a batch of none must give gradients of 0")


def _layouts(layer: Layer, x: Array, report: Report) -> None:
    """any memory layout"""
    upstream = _upstream(layer, x)
    expected = _results(layer, x, upstream)
    frozen = x.copy()
    frozen.flags.writeable = False
    wide = np.repeat(x, 2, axis=-1)
    for what, other in (("read-only", frozen), ("strided", wide[..., ::2]), ("Fortran-ordered", np.asfortranarray(x))):
        if not _same(_results(layer, other, upstream), expected):
            report.fail("mutates", f"a {what} input gives other results than a plain copy of it")


def _rows(layer: Layer, x: Array, report: Report) -> None:
    """rows one by one"""
    if report.couples_batch:
        return
    layer.eval()
    together = layer.forward(x).copy()
    alone = [layer.forward(x[k : k + 1]).copy() for k in range(len(x))]
    if alone and not _same([np.concatenate(alone)], [together]):
        report.fail("couples-batch", "rows one by one give other outputs than all at once")


def _seeds(layer: Layer, x: Array, report: Report) -> None:
    """the same seed gives the same bits"""
    found = []
    for _ in range(2):
        layer.initialize(7)
        found.append([layer.forward(x).copy(), *layer.state_dict().values()])
    if not all(np.array_equal(a, b) for a, b in zip(*found, strict=True)):
        report.fail("nondeterministic", "initialize(7) twice gives other parameters or random numbers")


def _copies(layer: Layer, x: Array, report: Report) -> None:
    """copies, pickles and states"""
    upstream, other = _upstream(layer, x), _fresh(layer)
    layer.forward(x)
    for what, twin in (("deepcopy", copy.deepcopy(layer)), ("pickle", pickle.loads(pickle.dumps(layer)))):
        for ours, theirs in zip(layer.parameters(), twin.parameters(), strict=True):
            if np.shares_memory(ours.value, theirs.value):
                report.fail("shared-memory", f"a {what} shares its parameters with the original")
    if not _same(_results(_pickled(_fresh(layer)), x, upstream)[1:], _results(_fresh(layer), x, upstream)[1:]):
        report.fail("state", "a pickled copy gives other gradients")
    other.initialize(11)
    other.load_state_dict(layer.state_dict())
    if not _same([other.predict(x)], [layer.predict(x)]):
        report.fail("state", "state_dict and load_state_dict do not carry everything over")


def _pickled(layer: Layer) -> Layer:
    copied: Layer = pickle.loads(pickle.dumps(layer))
    return copied


def _evaluation(layer: Layer, x: Array, report: Report) -> None:
    """evaluation mode allocates afresh"""
    layer.eval()
    first = layer.forward(x)
    kept = first.copy()
    second = layer.forward(x + 1 if x.dtype.kind == "f" else x[::-1])
    if not np.array_equal(first, kept) or (np.shares_memory(first, second) and first is not x):
        report.fail("shared-memory", "in evaluation mode a second forward writes into the first one's output")


def _threads(layer: Layer, x: Array, report: Report) -> None:
    """evaluation mode is thread-safe"""
    layer.eval()
    inputs = [x * (1 + k / 8) if x.dtype.kind == "f" else np.roll(x, k, axis=0) for k in range(4)]
    expected = [layer.forward(each) for each in inputs]
    faults: list[int] = []

    def run(k: int) -> None:
        for _ in range(20):
            if not np.array_equal(layer.forward(inputs[k]), expected[k]):
                faults.append(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        report.fail("state", "threads that share the layer in evaluation mode disturb one another")
