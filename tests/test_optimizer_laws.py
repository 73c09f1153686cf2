"""What holds for every optimiser: it converges, keeps arrays and state in place, and goes on bit-exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch_cases
from cases import OPTIMIZERS, OptimizerRow, over
from memory import SMALL, peak_of

import tinynn as nn
from tinynn.optimizers import blocks

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def parameters(dtype=np.float64, seed=0):
    """A weight in Fortran order and a bias, as a Dense has them."""
    rng = np.random.default_rng(seed)
    weight = nn.Parameter(np.asfortranarray(rng.normal(size=(3, 2)).astype(dtype)), "weight")
    return [weight, nn.Parameter(rng.normal(size=3).astype(dtype), "bias")]


def train(optimizer, steps, seed=1):
    """Some steps on drawn gradients; the values after each."""
    rng, path = np.random.default_rng(seed), []
    for _ in range(steps):
        optimizer.vector.grad[:] = rng.normal(size=len(optimizer.vector)) + optimizer.vector.value
        optimizer.step()
        path.append(optimizer.vector.value.copy())
    return np.array(path)


def values_of(listed):
    return np.concatenate([p.value.ravel(order="A") for p in listed])


# ---- convergence --------------------------------------------------------------------------------
def parabola(w):
    return 0.5 * (w[0] ** 2 + 10 * w[1] ** 2), np.array([w[0], 10 * w[1]])


def rosenbrock(w):
    x, y = w
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def minimise(row: OptimizerRow, f, start, rate, steps):
    w = nn.Parameter(np.array(start))
    optimizer = row([w], rate)
    for _ in range(steps):
        w.grad = f(w.value)[1]
        optimizer.step()
    return f(w.value)[0], w.value


@over(OPTIMIZERS)
def test_converges_on_a_parabola(row):
    start = (1.0, -2.0)
    cost, w = minimise(row, parabola, start, row.parabola, 500)
    assert cost < 1e-6 * parabola(start)[0], w


@over(OPTIMIZERS)
def test_converges_on_rosenbrock_s_valley(row):
    start = (-1.2, 1.0)
    cost, w = minimise(row, rosenbrock, start, row.rosenbrock, 5000)
    assert cost < 0.05, w
    np.testing.assert_allclose(w, [1, 1], atol=0.4)


@over(OPTIMIZERS)
def test_a_small_step_goes_downhill(row):
    listed = parameters()
    optimizer = row(listed, 1e-6)
    before = values_of(listed)
    optimizer.vector.grad[:] = np.random.default_rng(2).normal(size=len(before))
    optimizer.step()
    assert (values_of(listed) - before) @ optimizer.vector.grad < 0


# ---- arrays and state ---------------------------------------------------------------------------
@DTYPES
@over(OPTIMIZERS)
def test_dtype_and_arrays_are_kept(row, dtype):
    listed = parameters(dtype)
    optimizer = row(listed)
    arrays = [(p.value, p.grad) for p in listed]
    vector = optimizer.vector.value, optimizer.vector.grad
    slots = {name: array for name, array in optimizer.state.items()}
    grads = np.arange(1.0, 10.0)
    optimizer.vector.grad[:] = grads
    for _ in range(3):
        optimizer.step()
        np.testing.assert_array_equal(optimizer.vector.grad, grads.astype(dtype))
    for parameter, (value, grad) in zip(listed, arrays, strict=True):
        assert parameter.value is value and parameter.grad is grad
        assert np.shares_memory(value, vector[0]) and np.shares_memory(grad, vector[1])
    assert optimizer.vector.value is vector[0] and optimizer.vector.grad is vector[1]
    assert vector[0].dtype == dtype
    for name, slot in optimizer.state.items():
        assert slot is slots[name]
        assert (slot.shape, slot.dtype) == (vector[0].shape, dtype)
        assert slot.any(), f"slot {name} is never written"


@over(OPTIMIZERS)
def test_state_belongs_to_each_parameter(row):
    """Together or each with an optimiser of its own: the same path, whatever the names."""
    together = parameters()
    alone = parameters()
    for parameter in (*together, *alone):
        parameter.name = "weight"
    joint, own = row(together), [row([p]) for p in alone]
    rng = np.random.default_rng(3)
    for _ in range(10):
        for k in (0, 1):
            alone[k].grad = together[k].grad = rng.normal(size=together[k].shape)
        joint.step()
        for optimizer in own:
            optimizer.step()
    np.testing.assert_array_equal(values_of(together), values_of(alone))


@over(OPTIMIZERS)
def test_two_optimizers_share_nothing(row):
    first, second = row(parameters()), row(parameters())
    path = train(first, 5)
    np.testing.assert_array_equal(train(second, 5), path)


@over(OPTIMIZERS)
@pytest.mark.parametrize("size", [1, 4])
def test_the_block_size_does_not_matter(row, size, monkeypatch):
    expected = train(row(parameters(), weight_decay=0.1, l1_decay=0.01), 10)
    monkeypatch.setattr(blocks, "BLOCK", size)
    optimizer = row(parameters(), weight_decay=0.1, l1_decay=0.01)
    assert len(optimizer._parts[0].blocks) == (1 if optimizer.fused else -(-9 // size))
    np.testing.assert_allclose(train(optimizer, 10), expected, rtol=1e-13, atol=1e-15)


@DTYPES
@over(OPTIMIZERS)
def test_a_warm_step_allocates_no_array(row, dtype, monkeypatch):
    """Two blocks and a bit, penalties included; the smallest piece has 24 kB."""
    monkeypatch.setattr(blocks, "BLOCK", 8192)
    weight = nn.Parameter(np.ones(2 * blocks.BLOCK + 6000, dtype))
    optimizer = row([weight], 1e-3, weight_decay=0.1, l1_decay=0.1)
    weight.grad = np.linspace(-1, 1, weight.size)
    assert peak_of(optimizer.step) < SMALL


# ---- errors -------------------------------------------------------------------------------------
@over(OPTIMIZERS)
def test_duplicates_are_rejected(row):
    weight, bias = parameters()
    for listed in ([weight, bias, weight], [{"parameters": [weight]}, {"parameters": [bias, weight]}]):
        with pytest.raises(nn.InvalidValueError, match="listed twice"):
            row(listed)


@over(OPTIMIZERS)
def test_a_vector_packed_anew_is_a_clear_error(row):
    listed = parameters()
    older = row(listed, 0.1)
    newer = row(listed[:1], 0.1)
    older.vector.grad[:] = 1.0
    before = values_of(listed)
    with pytest.raises(nn.StateError, match="build a new optimizer"):
        older.step()
    assert older.steps == 0
    np.testing.assert_array_equal(values_of(listed), before)
    listed[0].grad = np.ones((3, 2))
    newer.step()
    assert (listed[0].value.ravel() != before[:6]).all()


@over(OPTIMIZERS)
def test_wrong_rates_are_refused(row):
    for rate in (-0.1, np.nan, np.inf):
        with pytest.raises(nn.InvalidValueError, match="learning_rate must be"):
            row(parameters(), rate)
        with pytest.raises(nn.InvalidValueError, match="must be"):
            row(parameters(), lambda step, rate=rate: rate).step()
    with pytest.raises(nn.DtypeError, match="learning_rate must be a number"):
        row(parameters(), "fast")
    for word in ("weight_decay", "l1_decay"):
        with pytest.raises(nn.InvalidValueError, match=f"{word} must be at least 0"):
            row(parameters(), 0.1, **{word: -1.0})


# ---- the first steps, by hand -------------------------------------------------------------------
def test_the_recorded_paths_are_for_the_same_rules():
    """torch_cases.py holds the step-for-step comparison with PyTorch; it must know every rule here."""
    compared = {name for name, _ in torch_cases.OPTIMIZERS} | torch_cases.NOT_IN_TORCH
    assert {row.make.__name__ for row in OPTIMIZERS} <= compared


def test_true_momentum_by_hand():
    """μ = ½, η = 1, g = 1 then 0: b = 1, ½; w = 0 − 1 − ½. Nesterov: w = −(1 + ½) − (0 + ¼)."""
    for nesterov, expected in ((False, [-1.0, -1.5]), (True, [-1.5, -1.75])):
        w = nn.Parameter([0.0])
        optimizer = nn.SGD([w], 1.0, momentum=0.5, nesterov=nesterov)
        path = []
        for grad in (1.0, 0.0):
            w.grad = [grad]
            optimizer.step()
            path.append(float(w.value[0]))
        assert path == expected
