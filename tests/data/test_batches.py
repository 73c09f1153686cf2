"""Batches: every sample once, pairs kept, memory reused only when nobody holds it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory import SMALL, peak_of

import tinynn as nn


def numbered(n=10, features=3):
    """Sample k is the row (k, k, …), its target k."""
    x = np.repeat(np.arange(n, dtype=np.float32)[:, None], features, axis=1)
    return x, np.arange(n)


def epoch(batches):
    """The targets of one epoch in order, after a check that each pair belongs together."""
    seen = []
    for x, y in batches:
        np.testing.assert_array_equal(x[:, 0], y)
        seen += y.tolist()
    return seen


# ---- the order ----------------------------------------------------------------------------------
@given(
    n=st.integers(1, 40),
    batch_size=st.none() | st.integers(1, 45),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_each_sample_exactly_once_an_epoch(n, batch_size, shuffle, drop_last, seed):
    size = n if batch_size is None else batch_size
    if drop_last and size > n:
        with pytest.raises(nn.InvalidValueError, match="give no batch with drop_last=True; lower batch_size"):
            nn.Batches(*numbered(n), batch_size, drop_last=True)
        return
    batches = nn.Batches(*numbered(n), batch_size, shuffle=shuffle, drop_last=drop_last, rng=seed)
    for _ in range(2):
        sizes = [len(x) for x, _ in batches]
        full, rest = divmod(n, size)
        assert sizes == [size] * full + ([rest] if rest and not drop_last else [])
        assert len(batches) == len(sizes)
        seen = epoch(batches)
        assert len(seen) == len(set(seen)) == sum(sizes)
        if not shuffle:
            assert seen == list(range(sum(sizes)))


def test_a_new_permutation_each_epoch_and_the_same_for_the_same_seed():
    batches, again = (nn.Batches(*numbered(50), 7, rng=3) for _ in range(2))
    first, second = epoch(batches), epoch(batches)
    assert first != second != sorted(second)
    assert [epoch(again), epoch(again)] == [first, second]
    generator = np.random.default_rng(3)
    assert epoch(nn.Batches(*numbered(50), 7, rng=generator)) == first
    assert epoch(nn.Batches(*numbered(50), 7, rng=4)) != first


@pytest.mark.parametrize("n", [2, 256, 257, 65_536, 65_537])
@pytest.mark.parametrize("drop_last", [True, False])
def test_the_order_is_that_of_a_permutation(n, drop_last):
    """Whatever integers hold it, and whether the batches are made ready many at a time or one."""
    generator, drawing = np.random.default_rng(7), np.random.default_rng(7)
    for batch_size in (1, 100, 300)[n > 1000 :]:
        batches = nn.Batches(
            np.arange(n), np.arange(n), batch_size, drop_last=drop_last and batch_size < n, rng=drawing
        )
        for _ in range(2 if batch_size < n else 0):  # one batch of all is not shuffled
            order = generator.permutation(n)[: n // batch_size * batch_size if drop_last else n]
            assert np.concatenate([y for _, y in list(batches)]).tolist() == order.tolist()


def test_drop_last_leaves_out_other_samples_each_epoch():
    batches = nn.Batches(*numbered(10), 4, drop_last=True, rng=0)
    left_out = [frozenset(range(10)) - set(epoch(batches)) for _ in range(10)]
    assert all(len(rest) == 2 for rest in left_out)
    assert len(set(left_out)) > 1


def test_one_batch_of_all_needs_no_copy():
    x, y = numbered()
    ((given_x, given_y),) = nn.Batches(x, y, None)
    assert np.shares_memory(given_x, x) and np.shares_memory(given_y, y)


def test_two_epochs_at_once_do_not_disturb_each_other():
    batches = nn.Batches(*numbered(20), 3, rng=0)
    seen = ([], [])
    for (x, y), (u, v) in zip(batches, batches, strict=True):
        np.testing.assert_array_equal(x[:, 0], y)
        np.testing.assert_array_equal(u[:, 0], v)
        seen[0].extend(y.tolist())
        seen[1].extend(v.tolist())
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(20))


def test_the_source_is_neither_written_nor_kept_apart():
    x, y = numbered()
    before = x.copy()
    batches = nn.Batches(x, y, 4, shuffle=True, rng=0)
    for given_x, _ in batches:
        given_x += 100  # a gathered batch is the consumer's to change
    np.testing.assert_array_equal(x, before)
    x *= 2
    assert {float(v) for given_x, _ in batches for v in given_x[:, 0]} == {2.0 * k for k in range(10)}


# ---- held batches -------------------------------------------------------------------------------
SOURCES = {
    "float32": lambda x: x,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "big-endian": lambda x: x.astype(">f4"),
    "uint8": lambda x: x.astype(np.uint8),
}


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("source", SOURCES)
def test_a_list_of_batches_holds_distinct_arrays(source, shuffle):
    x, y = numbered(23)
    held = list(nn.Batches(SOURCES[source](x), y, 4, shuffle=shuffle, rng=0))
    arrays = [array for pair in held for array in pair]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    assert sorted(epoch(held)) == list(range(23))


@pytest.mark.parametrize(
    "hold",
    [
        lambda x: x,
        lambda x: x[:1],
        lambda x: x.T,
        lambda x: x.reshape(-1),
        lambda x: memoryview(x),
        lambda x: x[1:][:1],
    ],
)
def test_whoever_holds_a_batch_or_a_view_of_it_keeps_it(hold):
    x, y = numbered(40)
    held = []
    for k, (given_x, given_y) in enumerate(nn.Batches(x, y, 4, rng=0)):
        if k % 3 == 0:
            view = hold(given_x)
            held.append((view, np.array(view), given_y[:2], given_y[:2].copy()))
    for view, copy_of_it, labels, copy_of_them in held:
        np.testing.assert_array_equal(np.asarray(view), copy_of_it)
        np.testing.assert_array_equal(labels, copy_of_them)


@pytest.mark.parametrize("source", SOURCES)
def test_a_training_loop_takes_two_arrays_in_turn(source):
    x, y = numbered(400)
    model, addresses = nn.Sequential(nn.Dense(3, 2, rng=0)), set()
    for given_x, _ in nn.Batches(SOURCES[source](x), y, 16, drop_last=True, rng=0):
        addresses.add(given_x.ctypes.data)
        model.forward(given_x)
    assert len(addresses) == 2


@pytest.mark.parametrize(("n", "batch_size"), [(23, 4), (400, 4), (40, None), (7, 10)])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("source", SOURCES)
def test_overwriting_gives_the_same_batches_in_one_array(source, shuffle, n, batch_size):
    x, y = numbered(n)
    x = SOURCES[source](x)
    batches, plain = (nn.Batches(x, y, batch_size, shuffle=shuffle, scale=0.5, rng=0) for _ in range(2))
    held = []
    for (given_x, given_y), (like_x, like_y) in zip(batches.overwriting(), plain, strict=True):
        np.testing.assert_array_equal(given_x, like_x, strict=True)
        np.testing.assert_array_equal(given_y, like_y, strict=True)
        held.append(given_x)
    assert len({array.ctypes.data for array in held}) == 1


def test_a_layer_that_remembers_its_input_still_has_it():
    model = nn.Sequential(nn.Dense(3, 1, rng=0))
    loss = nn.MSE()
    x, y = numbered(12)
    remembered = []
    for given_x, given_y in nn.Batches(x, y[:, None].astype(np.float32), 4, rng=0):
        kept = given_x.copy()
        loss.forward(model.forward(given_x), given_y)
        remembered.append(kept)
        model.backward_parameters(loss.backward())
        delta = loss.backward()
        np.testing.assert_allclose(model[0].weight.grad, delta.T @ kept, rtol=1e-5)


# ---- memory -------------------------------------------------------------------------------------
@pytest.mark.parametrize("source", ["float32", "uint8"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_no_array_is_allocated_per_batch(source, shuffle):
    """Batches of 24 kB and more, a smaller last one; the permutation and the arrays in turn are made once."""
    x = SOURCES[source](np.zeros((20_000, 3), np.float32))
    batches = nn.Batches(
        x, np.zeros((20_000, 3), np.float32), 3000, shuffle=shuffle, scale=0.5 if source == "uint8" else None, rng=0
    )
    state = {"epoch": iter(())}

    def step():
        pair = next(state["epoch"], None)
        if pair is None:
            state["epoch"] = iter(batches)
            for _ in range(4):  # the arrays in turn come into being
                next(state["epoch"])
        del pair

    assert peak_of(step, warm=2) < SMALL


def test_a_loop_that_looks_back_by_one_allocates_no_array_either():
    """Batches of 24 kB, of which it holds two while the next is made."""
    epoch, last = iter(nn.Batches(np.zeros((20_000, 6), np.float32), np.zeros(20_000, np.uint8), 1000, rng=0)), []

    def step():
        x, _ = next(epoch)
        assert not any(np.shares_memory(before, x) for before in last)
        last[:] = [*last[-1:], x]

    assert peak_of(step, warm=4) < SMALL


def test_an_epoch_holds_two_bytes_a_sample_and_one_batch():
    """60,000 samples in batches of 20 kB: the order has 120 kB."""
    batches = nn.Batches(np.zeros((60_000, 50), np.float32), np.zeros(60_000, np.uint8), 100, rng=0)
    assert 120_000 < peak_of(lambda: [None for _ in batches.overwriting()], warm=1) < 120_000 + 20_000 + SMALL
    assert peak_of(lambda: [None for _ in batches], warm=1) > 120_000 + 2 * 20_000


@pytest.mark.parametrize("source", SOURCES)
def test_no_source_is_copied_as_a_whole(source):
    """take() would make a contiguous, native copy first: such sources are gathered in another way."""
    x = SOURCES[source](np.zeros((20_000, 20), np.float32))
    batches = nn.Batches(x, np.zeros(20_000), 100, rng=0)
    assert peak_of(lambda: [None for _ in batches], warm=1) < 400_000


def test_a_memmap_larger_than_what_may_be_allocated(tmp_path):
    """64 MB on disk; an epoch reads it batch by batch and never holds a twentieth of it."""
    path = tmp_path / "x.bin"
    n, features = 20_000, 800
    x = np.memmap(path, np.float32, "w+", shape=(n, features))
    x[:, 0] = np.arange(n)
    x.flush()
    x = np.memmap(path, np.float32, "r", shape=(n, features))
    batches = nn.Batches(x, np.arange(n), 100, rng=0)
    seen = np.zeros(n, bool)

    def one_epoch():
        for given_x, given_y in batches:
            assert type(given_x) is np.ndarray
            assert (given_x[:, 0] == given_y).all()
            seen[given_y] = True

    gc.collect()
    assert peak_of(one_epoch, warm=0) < x.nbytes / 20
    assert seen.all()


# ---- dtypes -------------------------------------------------------------------------------------
def test_images_become_floats_batch_by_batch():
    images = np.arange(256, dtype=np.uint8).reshape(64, 2, 2)
    for shuffle in (True, False):
        plain = nn.Batches(images, np.arange(64), 10, shuffle=shuffle, rng=0)
        scaled = nn.Batches(images, np.arange(64), 10, shuffle=shuffle, scale=1 / 255, rng=0)
        for (x, y), (u, v) in zip(plain, scaled, strict=True):
            assert x.dtype == u.dtype == np.float32
            np.testing.assert_array_equal(y, v)
            np.testing.assert_array_equal(x, images[y])
            np.testing.assert_allclose(u, images[y] / 255, rtol=1e-6)
            assert u.max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.float16, bool, ">f8", "<U3"])
def test_other_dtypes_are_left_alone(dtype):
    x = np.arange(12).reshape(6, 2).astype(dtype)
    for shuffle in (True, False):
        for given_x, y in nn.Batches(x, np.arange(6), 4, shuffle=shuffle, rng=0):
            assert given_x.dtype == x.dtype
            np.testing.assert_array_equal(given_x, x[y])


def test_labels_of_uint8_stay_labels():
    for _, y in nn.Batches(np.zeros((6, 2)), np.arange(6, dtype=np.uint8), 4, rng=0):
        assert y.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_scale_is_a_factor_for_any_x(dtype):
    x = np.arange(12).reshape(6, 2).astype(dtype)
    for given_x, y in nn.Batches(x, np.arange(6), 4, scale=0.5, rng=0):
        np.testing.assert_array_equal(given_x, x[y] * 0.5)
        assert given_x.dtype == (dtype if dtype != np.int64 else np.float32)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch_size", [1, 4, None])
def test_any_shape_of_sample(order, batch_size):
    x = np.asarray(np.arange(48.0).reshape(6, 2, 4), order=order)
    for given_x, y in nn.Batches(x, np.eye(6), batch_size, rng=0):
        np.testing.assert_array_equal(given_x, x[y.argmax(axis=1)])
    for given_x, _ in nn.Batches([1, 2, 3], ["a", "b", "c"], 2, shuffle=False):
        assert given_x.ndim == 1


# ---- errors and looks ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros((3, 2)), np.zeros(4)), nn.ShapeError, "x and y need one length, got 3 and 4"),
        ((np.float32(1.0), np.zeros(1)), nn.ShapeError, "x must have a first axis of samples"),
        ((np.zeros(1), 1), nn.ShapeError, "y must have a first axis of samples"),
        ((np.zeros(3), np.zeros(3), 0), nn.InvalidValueError, "batch_size must be at least 1, or None for all, got 0"),
        ((np.zeros(3), np.zeros(3), -1), nn.InvalidValueError, "batch_size must be at least 1"),
        ((np.zeros(3), np.zeros(3), 2.0), nn.DtypeError, "batch_size must be an int or None, got 2.0"),
        ((np.zeros(3), np.zeros(3), True), nn.DtypeError, "batch_size must be an int"),
        ((np.zeros((0, 2)), np.zeros(0)), nn.InvalidValueError, "x is empty"),
        ((np.zeros((0, 2)), np.zeros(0), None), nn.InvalidValueError, "x is empty"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.Batches(*arguments)


def test_wrong_options():
    x, y = numbered()
    with pytest.raises(nn.DtypeError, match="rng must be"):
        nn.Batches(x, y, rng="seed")
    with pytest.raises(nn.InvalidValueError, match="scale must be finite"):
        nn.Batches(x, y, scale=np.nan)
    with pytest.raises(nn.DtypeError, match="scale must be a number"):
        nn.Batches(x, y, scale="255")


def test_looks():
    batches = nn.Batches(*numbered(), np.int64(4))
    assert (batches.samples, batches.batch_size, len(batches)) == (10, 4, 3)
    assert repr(batches) == "Batches(10 samples, batch_size=4, shuffle=True)"
