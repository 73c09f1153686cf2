"""What the law tables do not reach of the cross-entropies: positions, weights and their precision."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn

RNG = np.random.default_rng(0)
WEIGHTS = [0.5, 2.0, 1.25]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample_weight"])
def test_each_position_is_a_sample_of_its_own(smoothing, weights, kind, weighted):
    """Logits (4, 2, 3) are as good as (8, 3), whatever weighs them."""
    logits = RNG.normal(size=(4, 2, 3))
    target = RNG.integers(0, 3, (4, 2)) if kind == "labels" else RNG.dirichlet(np.ones(3), (4, 2))
    sample_weight = RNG.uniform(0.5, 2, 4) if weighted else None
    loss = nn.SoftmaxCrossEntropy(label_smoothing=smoothing, class_weights=weights)
    cost, grad = loss.forward(logits, target, sample_weight), loss.backward().copy()
    rows = target.reshape(8) if kind == "labels" else target.reshape(8, 3)
    each = None if sample_weight is None else np.repeat(sample_weight, 2)
    assert loss.forward(logits.reshape(8, 3), rows, each) == pytest.approx(cost, rel=1e-14)
    np.testing.assert_allclose(loss.backward(), grad.reshape(8, 3), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    ("target", "got"), [(np.zeros((4, 2, 2)), "(4, 2, 2)"), (np.zeros((4, 3), int), "(4, 3)")], ids=["", "labels"]
)
def test_the_shapes_that_positions_need(target, got):
    with pytest.raises(nn.ShapeError) as caught:
        nn.SoftmaxCrossEntropy().forward(np.zeros((4, 2, 3)), target)
    expected = "expected labels of shape (4, 2) or probabilities of shape (4, 2, 3)"
    assert str(caught.value) == f"SoftmaxCrossEntropy(): {expected}, got {got}"


def test_weights_are_kept_in_double_precision_and_as_copies():
    given = np.array([0.1, 0.2, 0.7], np.float32)
    for weights in (
        nn.SoftmaxCrossEntropy(class_weights=given).class_weights,
        nn.SigmoidCrossEntropy(positive_weight=given).positive_weight,
    ):
        assert weights.dtype == np.float64
        np.testing.assert_array_equal(weights, given.astype(np.float64))
    given = given.astype(np.float64)
    for weights in (
        nn.SoftmaxCrossEntropy(class_weights=given).class_weights,
        nn.SigmoidCrossEntropy(positive_weight=given).positive_weight,
    ):
        assert not np.shares_memory(weights, given)


def test_a_class_without_weight_and_labels_at_the_ends():
    loss = nn.SoftmaxCrossEntropy(class_weights=[0, 1, 3])
    logits = np.zeros((3, 3))
    assert loss.forward(logits, np.array([0, 1, 2])) == pytest.approx(np.log(3), rel=1e-15)
    np.testing.assert_allclose(loss.backward()[0], [0.0, 0.0, 0.0], atol=1e-17)


def test_a_custom_loss_has_a_repr():
    class Zero(nn.Loss):
        def forward(self, prediction, target, sample_weight=None):
            return 0.0

        def backward(self):
            raise self._needs_forward()

    assert repr(Zero()) == "Zero()"
    with pytest.raises(nn.StateError, match="Zero\\(\\): backward needs a forward"):
        Zero().backward()
