"""Metrics against examples worked by hand and against plain Python loops over exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.errors import DtypeError, InvalidValueError, ShapeError, StateError
from tinynn.metrics import F1, R2, Accuracy, ConfusionMatrix, Precision, Recall, TopKAccuracy

# Ten samples of three classes: class 0 is taken for 0, 0, 1; class 1 for 1, 2; class 2 for 2, 2, 2, 0, 1.
TRUE = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]
PREDICTED = [0, 0, 1, 1, 2, 2, 2, 2, 0, 1]
COUNTS = [[2, 1, 0], [0, 1, 1], [1, 1, 3]]
SCORES = np.eye(3)[PREDICTED] * 0.5 + 0.1
CLASS_METRICS = (Accuracy, TopKAccuracy, ConfusionMatrix, Precision, Recall, F1)


# ---- worked by hand -------------------------------------------------------------------------------


def test_confusion_matrix_counts_true_classes_by_row_and_predictions_by_column():
    result = ConfusionMatrix()(PREDICTED, TRUE)
    assert result.tolist() == COUNTS
    assert result.dtype == np.int64
    assert ConfusionMatrix(3)(SCORES, np.eye(3)[TRUE]).tolist() == COUNTS
    assert ConfusionMatrix(1)([0], [0]).tolist() == [[1]]
    assert ConfusionMatrix(4)(PREDICTED, TRUE).tolist() == [[*row, 0] for row in COUNTS] + [[0] * 4]


@pytest.mark.parametrize(
    ("metric", "average", "expected"),
    [
        # hits 2, 1, 3 of 3, 3, 4 predicted and of 3, 2, 5 true
        (Precision, None, [2 / 3, 1 / 3, 3 / 4]),
        (Precision, "macro", 7 / 12),
        (Precision, "micro", 6 / 10),
        (Precision, "weighted", 77 / 120),
        (Recall, None, [2 / 3, 1 / 2, 3 / 5]),
        (Recall, "macro", 53 / 90),
        (Recall, "micro", 6 / 10),
        (Recall, "weighted", 6 / 10),
        (F1, None, [2 / 3, 2 / 5, 2 / 3]),
        (F1, "macro", 26 / 45),
        (F1, "micro", 6 / 10),
        (F1, "weighted", 46 / 75),
    ],
)
def test_precision_recall_f1_by_hand(metric, average, expected):
    result = metric(average)(SCORES, TRUE)
    np.testing.assert_allclose(result, expected, rtol=1e-15)
    assert isinstance(result, np.ndarray if average is None else float)


def test_macro_is_the_default():
    assert Precision()(PREDICTED, TRUE) == pytest.approx(7 / 12, rel=1e-15)


@pytest.mark.parametrize(("metric", "expected"), [(Precision, 2 / 3), (Recall, 2 / 5), (F1, 4 / 8)])
def test_binary_average_is_of_class_1(metric, expected):
    # 2 hits, 1 false alarm, 3 misses
    predicted, true = [1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 1, 1, 0]
    assert metric("binary")(predicted, true) == pytest.approx(expected, rel=1e-15)
    assert metric("binary")([0, 0], [0, 0]) == 0.0
    with pytest.raises(InvalidValueError, match="average='binary' needs two classes, got 3"):
        metric("binary")(PREDICTED, TRUE)


@pytest.mark.parametrize("metric", [Precision, Recall, F1])
def test_nothing_over_nothing_is_zero_and_says_nothing(metric):
    # Class 2 is neither among targets nor among predictions: in the list it is 0, in the mean it is not.
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    assert metric(None)(scores, [0, 1]).tolist() == [1.0, 1.0, 0.0]
    assert metric("macro")(scores, [0, 1]) == 1.0
    # Class 0 is never predicted, class 1 never right.
    assert metric(None)([1, 1], [0, 0]).tolist() == [0.0, 0.0]
    assert metric("macro")([1, 1], [0, 0]) == metric("micro")([1, 1], [0, 0]) == 0.0


def test_accuracy_by_hand():
    assert Accuracy()(SCORES, TRUE) == Accuracy()(PREDICTED, TRUE) == 0.6
    assert isinstance(Accuracy()(SCORES, TRUE), float)


def test_top_k_accuracy_by_hand():
    scores = [[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]
    expected = {1: 1 / 3, 2: 1 / 3, 3: 2 / 3, 4: 1.0}  # the true classes are 1st, 4th and 3rd
    for k, share in expected.items():
        assert TopKAccuracy(k)(scores, [0, 3, 1]) == pytest.approx(share, rel=1e-15)
    assert TopKAccuracy(2)([[0.5, 0.5, 0.5]], [2]) == 0.0
    assert TopKAccuracy(2)([[0.5, 0.5, 0.5]], [1]) == 1.0


def test_r2_by_hand():
    # ȳ = 2, Σ (y − ȳ)² = 2, Σ (y − a)² = 0.5
    assert R2()([1.5, 2.0, 3.5], [1.0, 2.0, 3.0]) == pytest.approx(0.75, rel=1e-15)
    # The mean of 0.75 and of −3: there Σ (y − ȳ)² = 2 and Σ (y − a)² = 8.
    a, y = [[1.5, 3.0], [2.0, 2.0], [3.5, 1.0]], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    assert R2()(a, y) == pytest.approx((0.75 - 3) / 2, rel=1e-15)
    assert R2()([2, 2, 2], [1, 2, 3]) == 0.0


def test_r2_of_a_target_that_never_changes():
    assert R2()([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]) == 1.0
    assert R2()([0.1, 0.1, 0.2], [0.1, 0.1, 0.1]) == 0.0
    assert R2()([[0.1, 1], [0.1, 2]], [[0.1, 1], [0.1, 2]]) == 1.0


def test_r2_loses_no_digits_to_a_large_mean():
    metric, y = R2(), 1e9 + np.array([0.0, 1.0, 2.0, 3.0])
    for k in range(4):
        metric.update(y[k : k + 1] + 0.5, y[k : k + 1])
    assert metric.result() == pytest.approx(1 - 1.0 / 5.0, rel=1e-9)


# ---- what counts as a class -----------------------------------------------------------------------


def test_one_score_a_sample_is_class_1_above_the_threshold():
    scores, true = np.array([0.2, 0.5, 0.51, 0.9]), np.array([0, 0, 1, 1])
    for shape in ((4,), (4, 1)):
        assert Accuracy()(scores.reshape(shape), true.reshape(shape)) == 1.0
        assert Accuracy()(scores.reshape(shape), true.reshape(shape).astype(float)) == 1.0
        assert Accuracy()(scores.reshape(shape), true.reshape(shape) == 1) == 1.0
        assert Accuracy(threshold=0.2)(scores.reshape(shape), true.reshape(shape)) == 0.75
        assert ConfusionMatrix(threshold=0.6)(scores.reshape(shape), true).tolist() == [[2, 0], [1, 1]]
        assert Precision("binary", threshold=0.1)(scores.reshape(shape), true) == 0.5
    assert ConfusionMatrix()(scores, true).tolist() == [[2, 0], [0, 2]]
    assert F1("binary")(scores, true) == 1.0
    assert Accuracy(threshold=0)(np.array([-3.0, 2.0]), [0, 1]) == 1.0
    assert Accuracy()(scores, np.eye(2)[true]) == 1.0


def test_one_score_a_sample_shows_two_classes():
    assert ConfusionMatrix()(np.array([0.1, 0.2]), [0, 0]).tolist() == [[2, 0], [0, 0]]


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_targets_as_labels_one_hot_probabilities_and_plus_minus_one_agree(metric):
    metric = metric(2) if metric is TopKAccuracy else metric()
    expected = metric(SCORES, TRUE)
    soft = np.eye(3)[TRUE] * 0.8 + 0.1
    for target in (np.array(TRUE)[:, None], np.eye(3)[TRUE], np.eye(3, dtype=int)[TRUE], soft, 2 * soft - 1):
        np.testing.assert_array_equal(metric(SCORES, target), expected)
        np.testing.assert_array_equal(metric(SCORES.astype(np.float32), target), expected)


def test_whole_numbered_predictions_meet_one_hot_targets():
    assert Accuracy()(PREDICTED, np.eye(3)[TRUE]) == 0.6


def test_the_first_of_equal_scores_names_the_class():
    assert Accuracy()([[0.5, 0.5, 0.0]], [0]) == 1.0


BAD = [
    ((np.zeros((2, 3)), [0]), ShapeError, r"expected 2 targets.*got \(1,\)"),
    ((np.zeros((2, 3)), np.zeros((2, 4))), ShapeError, "have 3 classes, the targets 4 columns"),
    ((np.zeros((2, 3, 1)), [0, 1]), ShapeError, r"shape \(n, classes\) or \(n,\), got \(2, 3, 1\)"),
    ((np.zeros((2, 0)), [0, 1]), ShapeError, r"got \(2, 0\)"),
    ((np.zeros((2, 3)), np.zeros((2, 0))), ShapeError, r"got \(2, 0\)"),
    ((np.float64(1), [0]), ShapeError, r"got \(\)"),
    ((np.zeros((2, 3)), 1), ShapeError, r"got \(\)"),
    ((np.zeros((2, 3)), np.zeros((2, 3, 1))), ShapeError, r"got \(2, 3, 1\)"),
    ((np.zeros((2, 3)), [0, 3]), InvalidValueError, "whole number 0 … 2, got 3 for sample 1"),
    ((np.zeros((2, 3)), [-1, 0]), InvalidValueError, "got -1 for sample 0"),
    ((np.zeros((2, 3)), [0.0, 0.5]), InvalidValueError, "got 0.5 for sample 1"),
    ((np.zeros((2, 3)), [0.0, np.nan]), InvalidValueError, "whole number 0 … 2, got nan for sample 1"),
    ((np.zeros((2, 3)), [0.0, np.inf]), InvalidValueError, "got inf for sample 1"),
    ((np.zeros((2, 3)), [0.0, 1e300]), InvalidValueError, "got 1e.300 for sample 1"),
    ((np.zeros((2, 3)), np.eye(3)[:2] * 0 + 1), InvalidValueError, "one largest entry, got.*for sample 0"),
    ((np.zeros((2, 3)), [[1, 0, 0], [0, 1, 1]]), InvalidValueError, r"\[0, 1, 1\] for sample 1"),
    ((np.zeros((1, 3)), [[1, np.nan, 0]]), InvalidValueError, "one largest entry"),
    (([[0.0, 1.0], [np.nan, 1.0]], [0, 1]), InvalidValueError, "prediction of sample 1 is NaN"),
    (([["a", "b"]], [0]), DtypeError, "predictions must be real numbers"),
    (([[1j, 0]], [0]), DtypeError, "predictions must be real numbers"),
    (([[1.0, 0.0]], ["a"]), DtypeError, "targets must be real numbers"),
]


@pytest.mark.parametrize("metric", CLASS_METRICS)
@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
def test_whatever_can_be_read_in_two_ways_is_refused(metric, arguments, error, message):
    metric = metric(1) if metric is TopKAccuracy else metric()
    with pytest.raises(error, match=message):
        metric(*arguments)
    with pytest.raises(error, match=type(metric).__name__):
        metric.update(*arguments)
    with pytest.raises(StateError):  # nothing was counted
        metric.result()


@pytest.mark.parametrize("metric", [Accuracy, ConfusionMatrix, Precision, Recall, F1])
def test_labels_that_one_score_cannot_mean_are_refused(metric):
    with pytest.raises(InvalidValueError, match="whole number 0 … 1, got 2 for sample 0"):
        metric()(np.array([0.3]), [2])
    with pytest.raises(InvalidValueError, match="each predicted class to be a whole number 0 … …, got -1"):
        metric()([-1], [0])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Accuracy(threshold=np.nan), InvalidValueError, "Accuracy: threshold must be finite"),
        (lambda: Precision(threshold="x"), DtypeError, "threshold must be a number"),
        (lambda: TopKAccuracy(0), InvalidValueError, "k must be at least 1, got 0"),
        (lambda: TopKAccuracy(2.0), DtypeError, "k must be an int, got 2.0"),
        (lambda: TopKAccuracy(True), DtypeError, "k must be an int"),
        (lambda: TopKAccuracy()(np.zeros((2, 4)), [0, 1]), InvalidValueError, "4 classes, fewer than k"),
        (lambda: TopKAccuracy(1)(np.zeros(2), [0, 1]), ShapeError, r"\(n, classes\), got \(2,\)"),
        (lambda: ConfusionMatrix(0), InvalidValueError, "classes must be at least 1, got 0"),
        (lambda: ConfusionMatrix(2.0), DtypeError, "classes must be an int or None, got 2.0"),
        (lambda: ConfusionMatrix(True), DtypeError, "classes must be an int or None"),
        (lambda: ConfusionMatrix(2)([0, 2], [0, 1]), InvalidValueError, "have 3 classes, not 2"),
        (lambda: ConfusionMatrix(2)([0, 1], [0, 2]), InvalidValueError, "have 3 classes, not 2"),
        (lambda: ConfusionMatrix(4)(SCORES, TRUE), InvalidValueError, "have 3 classes, not 4"),
        (lambda: F1("mean"), InvalidValueError, "F1: average must be one of 'macro'.*got 'mean'"),
        (lambda: R2()([1.0, 2.0], [[1.0], [2.0]]), ShapeError, r"got \(2,\) and \(2, 1\)"),
        (lambda: R2()(1.0, 1.0), ShapeError, r"got \(\) and \(\)"),
        (lambda: R2()(np.zeros((2, 0)), np.zeros((2, 0))), ShapeError, r"got \(2, 0\)"),
        (lambda: R2()([1.0], [1.0]), StateError, "1 samples seen.*at least 2"),
        (lambda: R2()(["a"], [1.0]), DtypeError, "predictions must be real numbers"),
        (lambda: R2()([1.0], ["a"]), DtypeError, "targets must be real numbers"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- the streaming protocol -----------------------------------------------------------------------


@pytest.mark.parametrize("metric", [*CLASS_METRICS, R2])
def test_a_result_needs_samples(metric):
    metric = metric()
    with pytest.raises(StateError, match=rf"{metric!r}: 0 samples seen".replace("(", r"\(").replace(")", r"\)")):
        metric.result()
    metric.update(np.zeros((0, 5)), np.zeros((0, 5)))
    with pytest.raises(StateError):
        metric.result()


@pytest.mark.parametrize("metric", [*CLASS_METRICS, R2])
def test_calling_leaves_the_stream_alone_and_reset_forgets_it(metric):
    metric = metric(1) if metric is TopKAccuracy else metric()
    right, wrong = np.eye(3), np.eye(3)[[1, 2, 0]]
    metric.update(right, np.eye(3))
    before = metric.result()
    once = metric(wrong, np.eye(3))
    assert not np.array_equal(once, before)
    np.testing.assert_array_equal(metric.result(), before)
    metric.reset()
    with pytest.raises(StateError):
        metric.result()
    metric.update(wrong, np.eye(3))
    np.testing.assert_array_equal(metric.result(), once)


def test_a_confusion_matrix_that_was_given_out_does_not_change():
    metric = ConfusionMatrix()
    metric.update([0], [0])
    first = metric.result()
    metric.update([0], [0])
    first += 10
    assert metric.result().tolist() == [[2]]


def test_r2_refuses_a_change_of_outputs_between_resets():
    metric = R2()
    metric.update(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="2 outputs after 3"):
        metric.update(np.zeros((2, 2)), np.zeros((2, 2)))
    metric.reset()
    metric.update(np.eye(2), np.eye(2))
    assert metric.result() == 1.0


def test_names_and_looks():
    metrics = [Accuracy(), TopKAccuracy(), TopKAccuracy(3), ConfusionMatrix(), Precision(), Recall(), F1(), R2()]
    assert [metric.name for metric in metrics] == [
        *("accuracy", "top_5_accuracy", "top_3_accuracy"),
        *("confusion_matrix", "precision", "recall", "f1", "r2"),
    ]
    assert repr(metrics) == (
        "[Accuracy(), TopKAccuracy(5), TopKAccuracy(3), ConfusionMatrix(), Precision(), Recall(), F1(), R2()]"
    )
    assert repr([ConfusionMatrix(4), F1("micro")]) == "[ConfusionMatrix(4), F1(average='micro')]"


# ---- against plain loops --------------------------------------------------------------------------

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=25)
cuts = st.lists(st.integers(0, 25), max_size=4).map(sorted)


def streamed(metric, prediction, target, cuts):
    """The result over the rows in pieces; empty pieces among them."""
    metric.reset()
    for start, stop in zip([0, *cuts], [*cuts, None], strict=True):
        metric.update(prediction[start:stop], target[start:stop])
    return metric.result()


def counted(pairs, k):
    """(hits, predicted, true) of class k, one sample at a time."""
    hits = sum(1 for predicted, true in pairs if predicted == true == k)
    return hits, sum(1 for p, _ in pairs if p == k), sum(1 for _, t in pairs if t == k)


def ratio(a, b):
    return Fraction(a, b) if b else Fraction(0)


TERMS = {
    Precision: lambda hits, predicted, true: ratio(hits, predicted),
    Recall: lambda hits, predicted, true: ratio(hits, true),
    F1: lambda hits, predicted, true: ratio(2 * hits, predicted + true),
}


@given(pairs, cuts, st.sampled_from([np.int64, np.uint8]), st.booleans())
def test_class_metrics_equal_plain_loops(pairs, cuts, dtype, as_scores):
    predicted, true = np.array(pairs, dtype).T
    prediction = np.eye(4)[predicted] if as_scores else predicted
    assert streamed(Accuracy(), prediction, true, cuts) == sum(p == t for p, t in pairs) / len(pairs)
    confusion = streamed(ConfusionMatrix(4), prediction, true, cuts)
    assert confusion.tolist() == [[pairs.count((p, t)) for p in range(4)] for t in range(4)]
    for metric, term in TERMS.items():
        each = [counted(pairs, k) for k in range(4)]
        values = [term(*counts) for counts in each]
        seen = [value for value, (_, p, t) in zip(values, each, strict=True) if p + t]
        weighted = sum(value * counts[2] for value, counts in zip(values, each, strict=True)) / len(pairs)
        assert streamed(metric("macro"), prediction, true, cuts) == pytest.approx(float(sum(seen) / len(seen)))
        assert streamed(metric("weighted"), prediction, true, cuts) == pytest.approx(float(weighted))
        assert streamed(metric("micro"), prediction, true, cuts) == pytest.approx(
            float(term(*(sum(column) for column in zip(*each, strict=True))))
        )
        result = streamed(metric(None), prediction, true, cuts)
        np.testing.assert_allclose(result, [float(v) for v in values][: len(result)], rtol=1e-15)


@given(st.data(), st.integers(2, 5), cuts)
def test_top_k_accuracy_equals_sorting(data, classes, cuts):
    score = st.lists(st.integers(0, 3), min_size=classes, max_size=classes)
    rows = data.draw(st.lists(st.tuples(score, st.integers(0, classes - 1)), min_size=1, max_size=10))
    scores, true = np.array([row for row, _ in rows], float), np.array([label for _, label in rows])
    for k in range(1, classes + 1):
        hits = 0
        for row, label in rows:
            hits += label in sorted(range(classes), key=lambda j: -row[j])[:k]
        assert streamed(TopKAccuracy(k), scores, true, cuts) == hits / len(rows)
    assert TopKAccuracy(1)(scores, true) == Accuracy()(scores, true)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=15), cuts)
def test_r2_equals_exact_fractions(pairs, cuts):
    a, y = np.array(pairs, float).T
    mean = Fraction(sum(true for _, true in pairs), len(pairs))
    spread = sum((true - mean) ** 2 for _, true in pairs)
    residual = sum((true - predicted) ** 2 for predicted, true in pairs)
    expected = 1 - residual / spread if spread else Fraction(residual == 0)
    assert streamed(R2(), a, y, cuts) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)
    assert streamed(R2(), a[:, None, None], y[:, None, None], cuts) == pytest.approx(float(expected), abs=1e-9)
