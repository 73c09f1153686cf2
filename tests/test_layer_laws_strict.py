"""What holds for every layer of tinynn beyond the laws of test_layer_laws.py: states, extremes, copies, modes."""

from __future__ import annotations

import copy
import pickle
import sys
import threading

import numpy as np
import pytest
from cases import LAYERS, over
from differences import generators_kept
from drawn import built, calls, examples, output_sample, values
from hypothesis import given
from hypothesis import strategies as st
from memory import SMALL, peak_of
from test_layer_laws import DIFFERENTIABLE, DTYPES, assert_same, results

import tinynn as nn


def example(row, dtype=np.float64, batch=4, seed=0):
    """A layer, an input and a gradient, all from one seed."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, *row.sample)).astype(dtype)
    return built(row, dtype, seed), x, rng.normal(size=(batch, *output_sample(row))).astype(dtype)


@over(DIFFERENTIABLE)
def test_backward_without_a_training_forward_is_an_error(row):
    layer, x, upstream = example(row)
    backwards = [layer.backward, layer.backward_parameters] if layer.parameters() else [layer.backward]
    for backward in backwards:
        for prepare in (layer.train, lambda: layer.predict(x), layer.eval, lambda: layer.forward(x)):
            prepare()
            with pytest.raises(nn.StateError, match="forward in training mode"):
                backward(upstream)
    layer.train().forward(x)
    layer.backward(upstream)
    layer.eval()
    for backward in backwards:
        with pytest.raises(nn.StateError, match="call train"):
            backward(upstream)


@over(DIFFERENTIABLE)
def test_a_gradient_of_another_shape_is_an_error(row):
    """On the first step and on a warm one: nothing is ever broadcast."""
    layer, x, upstream = example(row)
    for _ in range(3):
        layer.forward(x)
        for wrong in (upstream[:-1], upstream[:1], upstream[None], upstream[..., :0], 1.0):
            for backward in (layer.backward, layer.backward_parameters)[: 2 if layer.parameters() else 1]:
                with pytest.raises(nn.ShapeError, match="expects a gradient of the output's shape"):
                    backward(wrong)
        layer.backward(upstream)


@over(DIFFERENTIABLE)
def test_a_gradient_of_another_dtype_is_converted(row):
    layer, x, upstream = example(row, np.float32)
    expected = results(layer, x, upstream)
    for other in (upstream.astype(np.float64), upstream.tolist()):
        assert_same(results(layer, x, other), expected)


@DTYPES
@over(LAYERS)
@examples(0.03)
@given(data=st.data())
def test_finite_at_a_thousand(row, dtype, data):
    layer, x, upstream = data.draw(calls(row, dtype))
    signs = data.draw(values(x.shape, dtype, largest=1 / 64))
    for factor in (1e3, 1e4):
        y = layer.forward(x + factor * np.sign(signs))
        assert np.isfinite(y).all()
        if row.differentiable:
            assert np.isfinite(layer.backward(factor * upstream)).all()
            assert all(np.isfinite(p.grad).all() for p in layer.parameters())


@over(DIFFERENTIABLE)
def test_a_batch_of_none(row):
    layer, x, upstream = example(row, batch=0)
    got = results(layer, x, upstream)
    assert got["y"].shape == upstream.shape
    assert got["grad x"].shape == x.shape
    assert all((p.grad == 0).all() for p in layer.parameters())


@over(DIFFERENTIABLE)
@examples(0.03)
@given(data=st.data())
def test_any_memory_layout_of_the_input(row, data):
    """Read-only, strided, reversed, in Fortran order: the numbers alone count."""
    layer, x, upstream = data.draw(calls(row))
    expected = results(layer, x, upstream)
    for lay_out in (_read_only, _strided, _reversed, np.asfortranarray):
        assert_same(results(layer, lay_out(x), lay_out(upstream)), expected, but=64)


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def _strided(array):
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan)
    wide[..., ::2] = array
    return wide[..., ::2]


def _reversed(array):
    return array[::-1].copy()[::-1]


@over(LAYERS)
def test_any_real_input_is_converted_at_the_boundary(row):
    """Lists, integers, images and foreign byte orders come in as floats of the layer's dtype."""
    layer, x, _ = example(row)
    whole = np.round(np.abs(x) * 3)
    layer.eval()
    expected = layer.forward(whole.copy())
    for given_x in (whole.tolist(), whole.astype(int), whole.astype(np.uint8), whole.astype(">f8")):
        y = layer.forward(given_x)
        assert y.dtype.isnative
        assert y.dtype.kind == "f"
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@over(LAYERS)
def test_the_same_seed_gives_the_same_bits(row):
    layer, x, _ = example(row)
    outputs = []
    for seed in (5, 5, np.random.default_rng(5), 6):
        layer.initialize(seed)
        outputs.append((layer.forward(x).copy(), layer.state_dict()))
    for y, state in outputs[1:3]:
        np.testing.assert_array_equal(y, outputs[0][0])
        for name, value in state.items():
            np.testing.assert_array_equal(value, outputs[0][1][name], err_msg=name)
    matrices = [name for name, value in outputs[0][1].items() if value.ndim == 2]
    assert not any(np.array_equal(outputs[0][1][name], outputs[3][1][name]) for name in matrices)


@over(DIFFERENTIABLE)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_work_and_are_independent(row, copied):
    layer, x, upstream = example(row)
    expected = results(layer, x, upstream)
    twin = copied(layer)
    assert repr(twin) == repr(layer)
    if twin.parameters() or not isinstance(twin, nn.Sequential):
        with pytest.raises(nn.StateError):
            twin.backward_parameters(upstream)
    assert_same(results(twin, x, upstream), expected)
    for ours, theirs in zip(layer.parameters(), twin.parameters(), strict=True):
        assert ours.name == theirs.name
        assert ours.value.flags.f_contiguous == theirs.value.flags.f_contiguous
        theirs.value = theirs.value + 1
        theirs.grad = theirs.grad + 1
    assert_same(results(layer, x, upstream), expected)


@over(LAYERS)
def test_copies_keep_the_mode(row):
    layer = built(row).eval()
    assert not any(node.training for node in copy.deepcopy(layer).layers_inside())
    assert all(node.training for node in copy.deepcopy(layer.train()).layers_inside())


@over(LAYERS)
def test_state_dict_round_trip(row):
    layer, x, _ = example(row)
    state = layer.state_dict()
    other = built(row, seed=9)
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.predict(x), layer.predict(x))
    for name, parameter in layer.named_parameters():
        assert not np.shares_memory(state[name], parameter.value)
        parameter.value = np.zeros(parameter.shape)
        assert state[name].any()


@over(LAYERS)
def test_evaluation_allocates_afresh_and_remembers_nothing(row):
    layer, x, _ = example(row)
    layer.eval()
    first = layer.forward(x)
    kept = first.copy()
    second = layer.forward(np.array(x + 1))
    np.testing.assert_array_equal(first, kept)
    assert not np.shares_memory(first, second)
    assert not any(isinstance(v, np.ndarray) for node in layer.layers_inside() for v in vars(node).values())


@over(LAYERS)
def test_predict_gives_the_caller_an_array_of_its_own(row):
    layer, x, _ = example(row)
    expected = layer.eval().forward(x).copy()
    layer.train()
    for batch_size in (None, 1, 3, 4, 100):
        y = layer.predict(x, batch_size)
        assert all(node.training for node in layer.layers_inside())
        assert y.base is None
        assert not np.shares_memory(y, x)
        assert_same({"y": y}, {"y": expected}, but=64)
        y[...] = np.nan
    for batch_size in (None, 2):
        assert layer.predict(x[:0], batch_size).shape == (0, *output_sample(row))


@over(LAYERS)
def test_eight_threads_share_a_model_in_evaluation_mode(row):
    layer, _, _ = example(row)
    layer.eval()
    inputs = [example(row, batch=3 + k % 3, seed=k)[1] for k in range(8)]
    expected = [layer.forward(x) for x in inputs]
    wrong, start = [], threading.Barrier(8)

    def work(k):
        start.wait()
        for _ in range(20):
            y = layer.predict(inputs[k]) if k % 2 else layer.forward(inputs[k])
            if not np.array_equal(y, expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


@DTYPES
@over(DIFFERENTIABLE)
def test_a_warm_training_step_allocates_no_array(row, dtype):
    """Batches of 8192 and of 6000 in turn, so that the smallest array in play has 24 kB."""
    layer, x, upstream = example(row, dtype, batch=8192)
    smaller = x[:6000].copy(), upstream[:6000].copy()

    def step():
        for inputs, gradients in ((x, upstream), smaller):
            layer.forward(inputs)
            layer.backward(gradients)
            layer.backward_parameters(gradients)

    assert peak_of(step) < SMALL


@over(LAYERS)
def test_generators_restored_means_the_same_draw(row):
    """The helper that every law relies on for layers that draw."""
    layer, x, _ = example(row)
    with generators_kept(layer):
        first = layer.forward(x).copy()
    np.testing.assert_array_equal(layer.forward(x), first)
