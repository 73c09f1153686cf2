"""What holds for every loss: its gradient, its minimum, its mean over the batch, its errors."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from cases import LOSSES, over
from differences import check_gradient
from drawn import built_loss, examples, loss_calls, targets, values
from hypothesis import given
from hypothesis import strategies as st
from memory import SMALL, peak_of

import tinynn as nn

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SMOOTH_TARGETS = ("values", "probabilities", "bits", "signs")


def near(got, expected, roundings=64):
    """Equal up to some roundings of the larger of 1 and the number."""
    got, expected = np.asarray(got), np.asarray(expected)
    tolerance = roundings * np.finfo(got.dtype).eps * max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


@over(LOSSES)
@examples(0.3)
@given(data=st.data())
def test_gradient_matches_the_value(row, data):
    loss, prediction, target = data.draw(loss_calls(row))
    weight = data.draw(st.none() | values((len(prediction),), largest=2).map(lambda w: np.abs(w) + 0.5))

    def cost(changed):
        return np.array(loss.forward(changed, target, weight))

    cost(prediction)
    check_gradient(cost, prediction, loss.backward().copy(), name="prediction")


@DTYPES
@over(LOSSES)
@examples(0.05)
@given(data=st.data())
def test_shapes_dtypes_and_ownership(row, dtype, data):
    """A float comes out, a gradient like the prediction, and no argument is written or held."""
    loss, prediction, target = data.draw(loss_calls(row, dtype))
    before, target_before = prediction.copy(), target.copy()
    cost = loss.forward(prediction, target)
    assert type(cost) is float
    grad = loss.backward()
    assert (grad.shape, grad.dtype) == (prediction.shape, dtype)
    assert not np.shares_memory(grad, prediction) and not np.shares_memory(grad, target)
    np.testing.assert_array_equal(prediction, before)
    np.testing.assert_array_equal(target, target_before)


@over(LOSSES)
@examples(0.05)
@given(data=st.data())
def test_float32_differs_from_float64_by_rounding_alone(row, data):
    loss, prediction, target = data.draw(loss_calls(row))
    cost = loss.forward(prediction, target)
    grad = loss.backward().astype(np.float32)
    single = target if row.kind == "labels" else target.astype(np.float32)
    near(np.float32(loss.forward(prediction.astype(np.float32), single)), cost)
    near(loss.backward(), grad)


@over(LOSSES)
@examples(0.1)
@given(data=st.data())
def test_minimum_at_the_target(row, data):
    """At its best prediction the gradient is 0, and a step in any direction costs more."""
    loss, prediction, target = data.draw(loss_calls(row))
    best = row.best(target, loss)
    least = loss.forward(best, target)
    near(loss.backward(), np.zeros_like(prediction))
    step = data.draw(values(prediction.shape, largest=2))
    assert loss.forward(best + step, target) >= least - 1e-12 * max(1, least)
    assert least >= 0


@over(LOSSES)
@examples(0.1)
@given(data=st.data())
def test_duplicating_the_batch_changes_nothing(row, data):
    loss, prediction, target = data.draw(loss_calls(row))
    cost = loss.forward(prediction, target)
    grad = loss.backward().copy()
    near(loss.forward(np.concatenate([prediction] * 3), np.concatenate([target] * 3)), cost)
    near(loss.backward(), np.concatenate([grad] * 3) / 3)


@over(LOSSES)
@examples(0.1)
@given(data=st.data())
def test_whole_sample_weights_are_repetitions(row, data):
    """Weights 1, 2, 3, … give what a batch gives in which the samples stand 1, 2, 3, … times."""
    loss, prediction, target = data.draw(loss_calls(row))
    times = np.arange(1, len(prediction) + 1)[::-1]
    cost = loss.forward(prediction, target, sample_weight=times)
    grad = loss.backward().copy()
    near(loss.forward(prediction.repeat(times, axis=0), target.repeat(times, axis=0)), cost)
    starts = np.concatenate([[0], times.cumsum()[:-1]])
    near(np.add.reduceat(loss.backward(), starts, axis=0), grad)


@over(LOSSES)
@examples(0.05)
@given(data=st.data())
def test_equal_sample_weights_are_none(row, data):
    loss, prediction, target = data.draw(loss_calls(row))
    cost = loss.forward(prediction, target)
    grad = loss.backward().copy()
    for weight in (1.0, 0.25, 3.0):
        near(loss.forward(prediction, target, np.full(len(prediction), weight)), cost)
        near(loss.backward(), grad)


@over(LOSSES)
@examples(0.05)
@given(data=st.data())
def test_a_sample_of_weight_zero_does_not_count(row, data):
    loss, prediction, target = data.draw(loss_calls(row, batch=3))
    weight = np.array([1.0, 0.0, 2.0])
    cost = loss.forward(prediction, target, weight)
    grad = loss.backward().copy()
    assert not grad[1].any()
    kept = [0, 2]
    near(loss.forward(prediction[kept], target[kept], weight[kept]), cost)
    near(loss.backward(), grad[kept])


@over(LOSSES)
@examples(0.05)
@given(data=st.data())
def test_nothing_is_stale(row, data):
    loss, prediction, target = data.draw(loss_calls(row))
    cost = loss.forward(prediction, target)
    grad = loss.backward().copy()
    np.testing.assert_array_equal(loss.backward(), grad)
    for batch in (len(prediction) + 2, 1):
        other = data.draw(loss_calls(row, batch=batch))
        loss.forward(other.prediction, other.target, np.ones(batch))
        loss.backward()
    assert loss.forward(prediction, target) == cost
    np.testing.assert_array_equal(loss.backward(), grad)


@over(LOSSES)
@examples(0.05)
@given(data=st.data())
def test_any_memory_layout(row, data):
    loss, prediction, target = data.draw(loss_calls(row))
    cost = loss.forward(prediction, target)
    grad = loss.backward().copy()
    wide = np.full((2 * len(prediction), *prediction.shape[1:]), np.nan)
    wide[::2] = prediction
    for other in (wide[::2], prediction[::-1].copy()[::-1], np.asfortranarray(prediction), prediction.tolist()):
        near(loss.forward(other, target), cost)
        near(np.asarray(loss.backward(), np.float64), grad, 2**32 if isinstance(other, list) else 64)
    for array in (prediction, target):
        array.flags.writeable = False
    assert loss.forward(prediction, target) == cost
    np.testing.assert_array_equal(loss.backward(), grad)


@DTYPES
@over(LOSSES)
@examples(0.1)
@given(data=st.data())
def test_stable_at_a_thousand(row, dtype, data):
    loss, prediction, target = data.draw(loss_calls(row, dtype))
    cost = loss.forward(1e3 * np.sign(prediction), target)
    assert math.isfinite(cost) and cost >= 0
    grad = loss.backward()
    assert np.isfinite(grad).all()
    # No output pulls harder than the difference to its target and its weight allow.
    assert np.abs(grad).max() <= 2100 * 3


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("level", [0.0, 1e3, -1e3])
def test_log_of_the_classes_at_uniform_logits(classes, level):
    logits, labels = np.full((4, classes), level), np.arange(4) % classes
    expected = math.log(classes)
    assert nn.SoftmaxCrossEntropy().forward(logits, labels) == pytest.approx(expected, rel=1e-14)
    uniform = np.full((4, classes), 1 / classes)
    assert nn.SoftmaxCrossEntropy().forward(logits, uniform) == pytest.approx(expected, rel=1e-14)
    smooth = nn.SoftmaxCrossEntropy(label_smoothing=0.3)
    assert smooth.forward(logits, labels) == pytest.approx(expected, rel=1e-14)
    bits = nn.SigmoidCrossEntropy()
    assert bits.forward(np.zeros((4, classes)), uniform) == pytest.approx(classes * math.log(2), rel=1e-14)


@over(LOSSES)
def test_a_wrong_shape_is_an_error(row):
    loss, prediction, target = built_loss(row, batch=4)
    loss.forward(prediction, target)
    wrong = [target[:-1], target[None], np.concatenate([target, target]), 0.5 * prediction[..., None]]
    for given_target in wrong:
        with pytest.raises((nn.ShapeError, nn.DtypeError), match="expected a target|expected labels|labels must be"):
            loss.forward(prediction, given_target)
    for other in (prediction[:1], prediction[:-1], prediction[None]):
        loss.forward(prediction, target)
        with pytest.raises(nn.ShapeError, match="expected a target|expected labels"):
            loss.forward(other, target)
    with pytest.raises(nn.ShapeError, match="not empty"):
        loss.forward(prediction[:0], target[:0])
    with pytest.raises(nn.ShapeError, match="shape \\(batch"):
        loss.forward(1.0, 1.0)


@over(LOSSES)
def test_wrong_sample_weights_are_an_error(row):
    loss, prediction, target = built_loss(row, batch=4)
    for weight in (np.ones(3), np.ones((4, 1)), 1.0, np.ones(5)):
        with pytest.raises(nn.ShapeError, match=r"sample_weight of shape \(4,\)"):
            loss.forward(prediction, target, weight)
    for weight in (np.zeros(4), [1, 1, -1, 1], [1, np.nan, 1, 1], [1, np.inf, 1, 1]):
        with pytest.raises(nn.InvalidValueError, match="sample_weight must be"):
            loss.forward(prediction, target, weight)


@over(LOSSES)
def test_backward_without_forward_is_an_error(row):
    with pytest.raises(nn.StateError, match="backward needs a forward"):
        row.make().backward()


@over(LOSSES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])
def test_copies_work_and_are_independent(row, copied):
    loss, prediction, target = built_loss(row)
    cost = loss.forward(prediction, target)
    grad = loss.backward()
    kept = grad.copy()
    twin = copied(loss)
    assert repr(twin) == repr(loss)
    with pytest.raises(nn.StateError):
        twin.backward()
    assert twin.forward(prediction, target) == cost
    np.testing.assert_array_equal(twin.backward(), kept)
    twin.forward(prediction + 1, target)
    twin.backward()
    np.testing.assert_array_equal(grad, kept)


@over(LOSSES)
def test_repr_is_code(row):
    assert repr(eval(repr(row.make()), vars(nn))) == repr(row.make())


@DTYPES
@over(LOSSES)
def test_a_warm_step_allocates_no_array(row, dtype):
    """Batches of 8192 and of 6000 in turn, so that the smallest array in play has 24 kB."""
    loss, prediction, target = built_loss(row, dtype, batch=8192)
    smaller = prediction[:6000].copy(), target[:6000].copy()

    def step():
        for pair in ((prediction, target), smaller):
            loss.forward(*pair)
            loss.backward()

    assert peak_of(step) < SMALL


def test_class_weights_are_copied():
    """Who changes the array afterwards changes no loss."""
    weights = np.array([1.0, 2.0, 3.0])
    losses = nn.SoftmaxCrossEntropy(class_weights=weights), nn.SigmoidCrossEntropy(positive_weight=weights)
    prediction, target = np.eye(3), np.eye(3)
    costs = [loss.forward(prediction, target) for loss in losses]
    weights[:] = 99
    assert [loss.forward(prediction, target) for loss in losses] == costs


@given(data=st.data())
@examples(0.2)
def test_conventions_differ_by_what_they_say(data):
    """half halves, mean_over="elements" divides by the outputs as well, value and gradient alike."""
    prediction = data.draw(values((3, 4)))
    target = data.draw(targets("values", (3, 4)))
    outcomes = {}
    for half in (True, False):
        for mean_over in ("samples", "elements"):
            loss = nn.MSE(half=half, mean_over=mean_over)
            outcomes[half, mean_over] = loss.forward(prediction, target), loss.backward().copy()
    squares = ((prediction - target) ** 2).sum()
    for (half, mean_over), (cost, grad) in outcomes.items():
        factor = (0.5 if half else 1.0) / (3 if mean_over == "samples" else 12)
        near(cost, factor * squares)
        near(grad, factor * 2 * (prediction - target))
