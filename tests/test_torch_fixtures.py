"""tinynn against what PyTorch answered once: optimisers step for step, activations, losses."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch_cases as cases

import tinynn as nn

# Read whole: an open file has one position, which processes that fork would share.
ANSWERS = dict(np.load(Path(__file__).parent / "fixtures" / "torch.npz", allow_pickle=False))
#: After 100 steps, relative to the largest value that a weight had on its way.
OPTIMIZER_TOLERANCE = {"float64": 1e-12, "float32": 1e-5}

every_dtype = pytest.mark.parametrize("dtype", cases.DTYPES)


def rows(table):
    return pytest.mark.parametrize("row", table, ids=[cases.key(*row) for row in table])


def answer(kind, row, dtype):
    name = f"{kind}/{cases.key(*row)}/{dtype}"
    assert name in ANSWERS, f"{name} is not in fixtures/torch.npz: see the docstring of torch_cases.py"
    return ANSWERS[name]


def assert_near(got, expected, tolerance):
    """Both of the dtype, and as near as `tolerance` roundings of each number or of 1, the larger."""
    assert got.dtype == expected.dtype
    epsilon = tolerance * np.finfo(expected.dtype).eps
    np.testing.assert_allclose(got, expected, rtol=epsilon, atol=epsilon)


# ---- optimisers ---------------------------------------------------------------------------------
@every_dtype
@rows(cases.OPTIMIZERS)
def test_optimizer_takes_pytorch_s_steps(row, dtype):
    name, keywords = row
    expected = answer("optimizer", row, dtype)
    weights = nn.Parameter(cases.START.astype(dtype))
    optimizer = getattr(nn, name)([weights], **keywords)
    path = []
    for step in range(1, cases.STEPS + 1):
        weights.grad = cases.gradient(weights.value, step)
        optimizer.step()
        if step in cases.RECORDED:
            path.append(weights.value.copy())
        if step == cases.RATE_CHANGE_AFTER:
            optimizer.learning_rate *= cases.RATE_FACTOR
    scale = np.maximum(abs(expected).max(axis=0), abs(cases.START))
    error = abs(np.array(path) - expected) / np.where(scale == 0, 1, scale)
    step, weight = np.unravel_index(error.argmax(), error.shape)
    assert error.max() <= OPTIMIZER_TOLERANCE[dtype], (
        f"weight {weight} after step {cases.RECORDED[step]}: "
        f"{path[step][weight]!r}, PyTorch {expected[step, weight]!r}, relative error {error.max():.1e}"
    )


def test_every_public_optimizer_is_compared():
    public = {
        name
        for name in nn.__all__
        if inspect.isclass(thing := getattr(nn, name)) and issubclass(thing, nn.Optimizer) and thing is not nn.Optimizer
    }
    missing = public - {name for name, _ in cases.OPTIMIZERS} - cases.NOT_IN_TORCH
    assert not missing, (
        f"no comparison with PyTorch for {sorted(missing)}: add rows (the defaults, and each keyword) to "
        "OPTIMIZERS in torch_cases.py and make the fixture anew; for what PyTorch has not, work an example "
        "by hand here and add the name to NOT_IN_TORCH"
    )


@every_dtype
def test_lion_by_hand(dtype):
    """Chen et al. (2023), algorithm 2, with η = 0.5, β = (0.5, 0.75), λ = 0.25; all numbers exact in binary.

    c = β₁ m + (1 − β₁) g,  w ← w − η (sign(c) + λ w),  m ← β₂ m + (1 − β₂) g

    step  g   c                           sign  w                                      m
    1     4   ½·0 + ½·4 = 2               +1    2 − ½ (1 + ¼·2) = 1.25                 ¼·4 = 1
    2    −1   ½·1 − ½·1 = 0                0    1.25 − ½ (0 + ¼·1.25) = 1.09375        ¾·1 − ¼·1 = 0.5
    3    −2   ½·½ − ½·2 = −0.75           −1    1.09375 − ½ (−1 + ¼·1.09375) = 1.45703125
    The second weight starts at −1 with gradients 0, −8, 2:
    1     0   0                            0    −1 − ½ (0 − ¼) = −0.875                0
    2    −8   −4                          −1    −0.875 − ½ (−1 − 0.21875) = −0.265625  −2
    3     2   ½·(−2) + ½·2 = 0             0    −0.265625 − ½ (0 − 0.06640625) = −0.232421875
    """
    weights = nn.Parameter(np.array([2.0, -1.0], dtype))
    lion = nn.Lion([weights], 0.5, betas=(0.5, 0.75), weight_decay=0.25)
    path = []
    for grad in ([4.0, 0.0], [-1.0, -8.0], [-2.0, 2.0]):
        weights.grad = np.array(grad, dtype)
        lion.step()
        path.append(weights.value.tolist())
    assert path == [[1.25, -0.875], [1.09375, -0.265625], [1.45703125, -0.232421875]]


# ---- activations --------------------------------------------------------------------------------
@every_dtype
@rows(cases.ACTIVATIONS)
def test_activation_and_derivative(row, dtype):
    name, keywords = row
    a, grad = answer("activation", row, dtype)
    layer = getattr(nn, name)(**keywords)
    assert_near(layer.forward(cases.GRID.astype(dtype)), a, 16)
    assert_near(layer.backward(cases.UPSTREAM.astype(dtype)), grad, 16)


# ---- losses -------------------------------------------------------------------------------------
@every_dtype
@pytest.mark.parametrize("sample_weight", [None, cases.SAMPLE_WEIGHTS], ids=["", "sample_weight"])
@rows(cases.LOSSES)
def test_loss_and_gradient(row, sample_weight, dtype):
    name, keywords, target = row
    *grad, cost = answer("loss" if sample_weight is None else "weighted loss", row, dtype)
    loss = getattr(nn, name)(**keywords)
    truth = getattr(cases, target)
    truth = truth if truth.dtype.kind == "i" else truth.astype(dtype)
    got = loss.forward(cases.PREDICTION.astype(dtype), truth, sample_weight)
    assert_near(np.array(got, dtype), cost, 8)
    assert_near(loss.backward(), np.reshape(grad, cases.PREDICTION.shape).astype(dtype), 8)
