"""train_test_split: nothing lost, nothing twice, rows kept together, shares kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.data import one_hot, train_test_split
from tinynn.errors import DtypeError, InvalidValueError, ShapeError

seeds = st.integers(0, 2**32)


@given(st.integers(2, 40), st.data(), seeds)
def test_every_row_lands_in_one_part_and_rows_stay_together(n, data, seed):
    n_test = data.draw(st.integers(1, n - 1))
    x = np.arange(3 * n).reshape(n, 3)
    x_train, x_test, y_train, y_test = train_test_split(x, list(range(n)), test_size=n_test, rng=seed)
    assert x_test.shape == (n_test, 3)
    assert y_train.shape == (n - n_test,)
    assert sorted([*y_train, *y_test]) == list(range(n))
    np.testing.assert_array_equal(x_train, x[y_train])
    np.testing.assert_array_equal(x_test, x[y_test])


@pytest.mark.parametrize(("n", "size", "n_test"), [(8, 0.25, 2), (9, 0.25, 3), (10, 0.99, 10), (3, 0.01, 1)])
def test_a_fraction_is_rounded_up(n, size, n_test):
    if n_test == n:
        with pytest.raises(InvalidValueError, match=f"takes {n} of {n} rows"):
            train_test_split(range(n), test_size=size)
    else:
        train, test = train_test_split(range(n), test_size=np.float32(size))
        assert (len(train), len(test)) == (n - n_test, n_test)


def test_a_quarter_by_default_and_one_part_each_per_array():
    parts = train_test_split(range(100), range(100), range(100))
    assert [len(part) for part in parts] == [75, 25] * 3
    assert isinstance(parts, list)


def test_unshuffled_the_test_part_comes_from_the_end():
    train, test = train_test_split(range(10), test_size=3, shuffle=False)
    assert train.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert test.tolist() == [7, 8, 9]


@pytest.mark.parametrize("options", [{}, {"stratify": np.arange(200) % 2}])
def test_the_seed_decides_the_order(options):
    first, again, other = (train_test_split(range(200), rng=seed, **options)[0].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first != sorted(first)
    fresh = [train_test_split(range(200), **options)[0].tolist() for _ in range(2)]
    assert fresh[0] != fresh[1]
    rng = np.random.default_rng(1)
    assert train_test_split(range(200), rng=rng, **options)[0].tolist() == first
    assert train_test_split(range(200), rng=rng, **options)[0].tolist() != first


@pytest.mark.parametrize("shuffle", [True, False])
def test_parts_are_copies(shuffle):
    x = np.zeros((8, 2))
    for part in train_test_split(x, shuffle=shuffle):
        part[...] = 1
    assert not x.any()


@given(st.lists(st.integers(2, 30), min_size=1, max_size=6), st.floats(0.05, 0.95), seeds)
def test_stratified_shares_are_the_nearest_possible(counts, fraction, seed):
    n, k = sum(counts), len(counts)
    n_test = min(max(math.ceil(fraction * n), k), n - k)
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(k) * 5 - 7, counts))
    rows = np.arange(n)
    train, test, y_train, y_test = train_test_split(rows, labels, test_size=n_test, stratify=labels, rng=seed)
    assert sorted([*train, *test]) == rows.tolist()
    np.testing.assert_array_equal(y_train, labels[train])
    np.testing.assert_array_equal(y_test, labels[test])
    taken = np.array([(y_test == label).sum() for label in np.unique(labels)])
    quotas = np.array(counts) * n_test / n
    assert taken.sum() == n_test
    assert (np.abs(taken - quotas) < 1 - 1e-9).all()
    # Largest remainder: nobody rounded down was nearer to the next row than anybody rounded up.
    remainders = quotas - np.floor(quotas + 1e-9)
    up = taken > quotas + 1e-9
    if up.any():
        assert remainders[~up].max(initial=0) <= remainders[up].min() + 1e-9


def test_stratified_rows_are_drawn_at_random_from_each_class():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    tests = [train_test_split(range(8), test_size=2, stratify=labels, rng=seed)[1] for seed in range(200)]
    assert {tuple(sorted(test.tolist())) for test in tests} == {(a, b) for a in range(4) for b in range(4, 8)}


def test_stratified_parts_are_not_in_order_of_classes():
    labels = np.arange(40) // 20
    for part in train_test_split(labels, test_size=20, stratify=labels, rng=0):
        assert part.tolist() != sorted(part)


def test_ties_between_classes_are_broken_at_random():
    labels = np.arange(20) // 5  # four classes, each with a claim to 1.25 of 5 rows
    extra = [
        np.bincount(train_test_split(labels, test_size=5, stratify=labels, rng=seed)[1]).argmax() for seed in range(60)
    ]
    assert set(extra) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "labels", [one_hot(np.arange(12) % 3), [["a"], ["b"], ["c"]] * 4, np.array(list("abc") * 4, object)]
)
def test_stratify_by_one_hot_rows_or_names(labels):
    _, test = train_test_split(np.arange(12), test_size=3, stratify=labels, rng=0)
    assert sorted(test % 3) == [0, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "options", "error", "message"),
    [
        ((), {}, InvalidValueError, "at least one array"),
        ((range(3), range(4)), {}, ShapeError, r"one length, got shapes \[\(3,\), \(4,\)\]"),
        ((np.array(3),), {}, ShapeError, r"got shapes \[\(\)\]"),
        ((range(4),), {"test_size": 0.0}, InvalidValueError, "between 0 and 1, got 0.0"),
        ((range(4),), {"test_size": 1.0}, InvalidValueError, "between 0 and 1, got 1.0.* as an int"),
        ((range(4),), {"test_size": float("nan")}, InvalidValueError, "got nan"),
        ((range(4),), {"test_size": 0}, InvalidValueError, "takes 0 of 4 rows"),
        ((range(4),), {"test_size": 4}, InvalidValueError, "takes 4 of 4 rows"),
        ((range(4),), {"test_size": -1}, InvalidValueError, "takes -1 of 4 rows"),
        ((range(1),), {}, InvalidValueError, "takes 1 of 1 rows"),
        ((range(0),), {}, InvalidValueError, "takes 0 of 0 rows"),
        ((range(4),), {"test_size": "half"}, DtypeError, "float or int, got 'half'"),
        ((range(4),), {"test_size": None}, DtypeError, "float or int, got None"),
        ((range(4),), {"rng": "seed"}, DtypeError, "rng"),
        ((range(4),), {"stratify": [0, 0, 1]}, ShapeError, r"4 rows as the arrays do, got \(3,\)"),
        ((range(4),), {"stratify": 1}, ShapeError, r"got \(\)"),
        ((range(4),), {"stratify": [0, 0, 1, 1], "shuffle": False}, InvalidValueError, "needs shuffle=True"),
        ((range(5),), {"stratify": [0, 0, 0, 0, 1], "test_size": 2}, InvalidValueError, "rarest has 1"),
        (
            (range(4),),
            {"stratify": [0, 0, 1, 1], "test_size": 1},
            InvalidValueError,
            "3 train and 1 test rows, 2",
        ),
        (
            (range(4),),
            {"stratify": [0, 0, 1, 1], "test_size": 3},
            InvalidValueError,
            "1 train and 3 test rows, 2",
        ),
    ],
)
def test_errors(arrays, options, error, message):
    with pytest.raises(error, match=message):
        train_test_split(*arrays, **options)
