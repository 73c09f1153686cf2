"""What the losses keep from one step to the next, and what they must not keep."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from cases import LOSSES, over
from drawn import built_loss

import tinynn as nn

RNG = np.random.default_rng(0)
#: Few rows and many: their largest logits are found in different ways.
ROWS = pytest.mark.parametrize("rows", [1, 5, 63, 64, 200])


def reference(logits, target):
    """(C, ∂C/∂z) in float64, each term as the formula says it."""
    z = logits.astype(np.float64)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    t = np.eye(z.shape[1])[target] if target.ndim == 1 else target
    return -(t * np.log(p)).sum() / len(z), (p * t.sum(axis=1, keepdims=True) - t) / len(z)


@over(LOSSES)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))], ids=["copy", "deep", "pickle"]
)
def test_a_copy_takes_nothing_of_a_step_with_it(row, copied):
    loss, prediction, target = built_loss(row)
    bare = set(vars(loss))
    for weight in (None, np.ones(len(prediction))):
        loss.forward(prediction, target, weight)
        loss.backward()
    twin = copied(loss)
    assert set(vars(twin)) == bare
    grad = loss.backward().copy()
    twin.forward(prediction + 1, target)
    twin.backward()
    np.testing.assert_array_equal(loss.backward(), grad)


@over(LOSSES)
def test_the_gradient_is_one_array_from_step_to_step(row):
    loss, prediction, target = built_loss(row)
    arrays = []
    for given in (prediction, prediction, prediction.copy()):
        loss.forward(given, target)
        arrays.append(loss.backward())
    assert arrays[0] is arrays[1] is arrays[2]


@over(LOSSES)
def test_a_prediction_that_is_written_over_is_read_again(row):
    loss, prediction, target = built_loss(row)
    changed = 0.5 * prediction
    expected = loss.forward(changed, target), loss.backward().copy()
    given = prediction.copy()
    loss.forward(given, target)
    loss.backward()
    given[...] = changed
    assert loss.forward(given, target) == expected[0]
    np.testing.assert_array_equal(loss.backward(), expected[1])


@pytest.mark.parametrize("loss", [nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy(label_smoothing=0.1)], ids=repr)
@pytest.mark.parametrize(
    ("target", "weight"),
    [
        (np.array([0, 1, 2, 3]), None),
        (np.array([0, 1, 2, -1]), None),
        (np.zeros((4, 2)), None),
        (np.zeros(4, int), np.zeros(4)),
        (np.zeros((4, 3)), np.zeros(4)),
    ],
    ids=["label", "negative", "shape", "weights", "weights of probabilities"],
)
def test_a_refused_step_leaves_no_gradient(loss, target, weight):
    logits = np.zeros((4, 3))
    loss.forward(logits, np.zeros(4, int))
    with pytest.raises(nn.TinynnError):
        loss.forward(logits, target, weight)
    with pytest.raises(nn.StateError, match="forward"):
        loss.backward()


@ROWS
@pytest.mark.parametrize("classes", [1, 2, 10, 40])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_rows_and_classes(rows, classes, dtype):
    logits = (4 * RNG.normal(size=(rows, classes))).astype(dtype)
    labels, soft = RNG.integers(0, classes, rows), 2 * RNG.dirichlet(np.ones(classes), rows)
    tolerance = 32 * float(np.finfo(dtype).eps)
    loss = nn.SoftmaxCrossEntropy()
    for target in (labels, soft.astype(dtype), np.eye(classes, dtype=dtype)[labels]):
        cost, grad = reference(logits, target)
        for given in (logits, np.asfortranarray(logits), np.repeat(logits, 2, axis=1)[:, ::2]):
            assert loss.forward(given, target) == pytest.approx(cost, rel=tolerance, abs=tolerance)
            np.testing.assert_allclose(loss.backward(), grad, rtol=0, atol=tolerance / rows)


@ROWS
def test_each_row_is_shifted_by_its_own_largest_logit(rows):
    """Levels from −1e6 to 1e6 side by side change neither value nor gradient, and nothing overflows."""
    logits, labels = RNG.integers(-8, 8, (rows, 10)) / 4, RNG.integers(0, 10, rows)
    levels = np.linspace(-1e6, 1e6, rows).round()[:, None]
    loss = nn.SoftmaxCrossEntropy()
    for target in (labels, np.eye(10)[labels]):
        cost, grad = loss.forward(logits, target), loss.backward().copy()
        with np.errstate(all="raise"):
            assert loss.forward(logits + levels, target) == cost
            np.testing.assert_array_equal(loss.backward(), grad)


@ROWS
def test_a_class_ruled_out_costs_nothing(rows):
    """z = −∞ is a probability of 0: with labels neither value nor gradient are disturbed, nor is there a warning."""
    logits, labels = RNG.normal(size=(rows, 4)), np.arange(rows) % 3
    loss = nn.SoftmaxCrossEntropy()
    cost, grad = loss.forward(logits[:, :3], labels), loss.backward().copy()
    logits[:, 3] = -np.inf
    with np.errstate(all="raise"):
        assert loss.forward(logits, labels) == pytest.approx(cost, rel=1e-14)
        np.testing.assert_allclose(loss.backward(), np.column_stack([grad, np.zeros(rows)]), rtol=1e-12, atol=1e-17)
        assert loss.forward(logits, np.full(rows, 3)) == np.inf


@ROWS
@pytest.mark.parametrize("where", [0, 2])
def test_a_logit_that_is_no_number_shows(rows, where):
    logits = np.zeros((rows, 3))
    logits[-1, where] = np.nan
    loss = nn.SoftmaxCrossEntropy()
    assert np.isnan(loss.forward(logits, np.ones(rows, int)))
    assert np.isnan(loss.backward()[-1]).all()


@pytest.mark.parametrize("loss", [nn.SoftmaxCrossEntropy(), nn.SigmoidCrossEntropy()], ids=repr)
@pytest.mark.parametrize("dtype", [bool, *np.typecodes["AllInteger"]])
def test_labels_of_any_integer_type(loss, dtype):
    logits, labels = RNG.normal(size=(4, 3)), np.array([0, 1, 1, 0])
    cost, grad = loss.forward(logits, labels), loss.backward().copy()
    for given in (labels.astype(dtype), labels.astype(dtype).repeat(2)[::2], labels.astype(dtype).tolist()):
        assert loss.forward(logits, given) == cost
        np.testing.assert_array_equal(loss.backward(), grad)
    if dtype is not bool:
        for label in (3, np.iinfo(dtype).max):
            with pytest.raises(nn.InvalidValueError, match="labels must lie in 0 … 2"):
                loss.forward(logits, np.array([0, 1, 1, label], dtype))


def test_shapes_in_turn_share_memory_but_no_numbers():
    loss = nn.SoftmaxCrossEntropy()
    steps = [(RNG.normal(size=(n, k)), RNG.integers(0, k, n)) for n, k in [(100, 10), (10, 100), (7, 3), (70, 3)]]
    fresh = []
    for step in steps:
        alone = nn.SoftmaxCrossEntropy()
        fresh.append((alone.forward(*step), alone.backward()))
    for step, (cost, grad) in 2 * list(zip(steps, fresh, strict=True)):
        assert loss.forward(*step) == cost
        np.testing.assert_array_equal(loss.backward(), grad)


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("value", [-0.25, 1.25, np.nan])
def test_each_target_of_the_sigmoid_lies_between_0_and_1(place, value):
    target = np.full((2, 2), 0.5)
    target.flat[place] = value
    with pytest.raises(nn.InvalidValueError, match="between 0 and 1"):
        nn.SigmoidCrossEntropy().forward(np.zeros((2, 2)), target)
