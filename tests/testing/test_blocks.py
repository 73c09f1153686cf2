"""Large arrays in blocks: every faulty entry is found and none besides, within the number of looks that is promised."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn.testing.blocks import LOOKS, SUSPECTS, _Search, looks_right, suspects
from tinynn.testing.prober import Claim, Prober

SIZE = 3000
RNG = np.random.default_rng(2)
X, U = RNG.normal(size=SIZE), RNG.normal(size=SIZE)
U += np.sign(U)  # none so near to 0 that its entry would not matter
SLOPE = U / np.cosh(X) ** 2 + 0.5 * U


def squash(x):
    return np.tanh(x) + 0.5 * x


def claim(gradient, f=squash, value=X, upstream=U):
    return Claim("x", value, f, upstream, gradient)


def found(gradient, tolerance=1e-8, seed=0, **rest):
    it = claim(gradient, **rest)
    prober = Prober(it)
    return suspects(it, prober, tolerance, np.random.default_rng(seed))[0], prober.evaluations


def complete(gradient, f=squash):
    it = claim(gradient, f)
    return suspects(it, Prober(it), 1e-8, np.random.default_rng(0))[1]


def spoilt(*entries, by=0.01):
    gradient = SLOPE.copy()
    gradient[list(entries)] *= 1 + by
    return gradient


def test_nothing_is_found_where_nothing_is_wrong():
    entries, evaluations = found(SLOPE)
    assert entries.size == 0
    assert evaluations == 1 + 3 * 64 * 4


@pytest.mark.parametrize("entries", [(0,), (SIZE - 1,), (5, 6), (1, 500, 1111, 2998)])
@pytest.mark.parametrize("by", [1e-5, -0.01, 1.0])
def test_each_faulty_entry_is_found_and_none_besides(entries, by):
    assert found(spoilt(*entries, by=by))[0].tolist() == list(entries)


def test_nan_is_a_fault():
    assert found(spoilt(77, by=np.nan))[0].tolist() == [77]
    assert found(spoilt(77, by=np.inf))[0].tolist() == [77]


def test_the_search_ends_after_enough_suspects():
    entries, evaluations = found(2 * SLOPE)
    assert entries.size == SUSPECTS
    assert evaluations < 4 * LOOKS


def test_the_search_ends_after_enough_looks():
    """Two entries that depend on chance: a block disagrees, and its halves need not."""
    rng = np.random.default_rng(0)
    entries, evaluations = found(SLOPE, f=lambda x: squash(x) + rng.normal(scale=0.1, size=SIZE))
    assert entries.size <= SUSPECTS
    assert evaluations <= 1 + 4 * (LOOKS + 3 * 64 + 2)


def test_outside_of_its_domain_an_entry_is_a_suspect():
    def root(x):
        if x[9] < 1e-6:
            raise ValueError("out of the domain")
        return np.sqrt(np.abs(x)) + 1.0

    value = np.abs(X) + 1
    value[9] = 2e-6
    gradient = U / (2 * np.sqrt(value))
    assert 9 in found(gradient, f=root, value=value)[0]
    assert not looks_right(claim(gradient, root, value), 1e-8, np.random.default_rng(0))


def test_rounding_inside_is_no_fault():
    large = 1e7 * np.where(np.arange(SIZE) == 4, 1.0, 0.0)
    assert found(SLOPE, f=lambda x: large + squash(x))[0].size == 0


def test_outputs_that_stand_still_excuse_nothing():
    """A large output that does not change is no rounding to reckon with."""
    gradient = np.append(spoilt(4, by=1e-3), 0.0)[:SIZE]
    assert found(gradient, f=lambda x: np.append(squash(x), 1e13), upstream=np.append(U, 1.0))[0].tolist() == [4]


def test_steps_grow_with_the_entry():
    value = 1e4 * X
    assert found(2 * U * value, f=np.square, value=value)[0].size == 0


@pytest.mark.parametrize("seed", range(3))
def test_two_looks_at_everything(seed):
    rng = np.random.default_rng(seed)
    assert looks_right(claim(SLOPE), 1e-8, rng)
    assert not looks_right(claim(spoilt(17, by=1e-4)), 1e-8, rng)
    assert looks_right(claim(spoilt(17, by=1e-4)), 1e-2, rng)
    assert looks_right(Claim("x", np.zeros((0, 3)), np.copy, np.zeros((0, 3)), np.zeros((0, 3))), 1e-8, rng)


@pytest.mark.parametrize("seed", range(3))
def test_two_faults_that_cancel_in_one_look_do_not_in_the_other(seed):
    gradient = SLOPE.copy()
    gradient[[3, 8]] += 0.5 * np.maximum(1.0, np.abs(X[[8, 3]]))
    rounds = [looks_right(claim(gradient), 1e-8, np.random.default_rng([seed, k])) for k in range(8)]
    assert sum(rounds) < 6


def test_looks_are_counted():
    """Blocks of two entries and more never agree, single ones always: the search would go on to each of them."""

    def f(x):
        moved = (x != X).sum()
        return squash(x) + (0.1 * np.sign(x - X) if moved > 1 else 0.0)

    entries, evaluations = found(SLOPE, f=f)
    assert entries.size == 0 and not complete(SLOPE, f)
    assert complete(SLOPE) and complete(spoilt(1, 500)) and not complete(2 * SLOPE)
    assert 4 * LOOKS < evaluations < 8 * (LOOKS + 3 * 64 + 3)


def test_many_faulty_entries_are_found_at_once():
    wrong = sorted(np.random.default_rng(1).choice(SIZE, SUSPECTS - 2, replace=False).tolist())
    assert found(spoilt(*wrong))[0].tolist() == wrong
    it = claim(spoilt(*wrong))
    search = _Search(it, Prober(it), 1e-8)
    search.into(np.arange(SIZE), np.ones(SIZE))
    assert sorted(search.found) == wrong
