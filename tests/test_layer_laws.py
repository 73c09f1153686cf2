"""What holds for every layer, custom ones included: gradients, shapes, ownership, nothing stale."""

from __future__ import annotations

import numpy as np
import pytest
from cases import LAYERS, over
from differences import check_layer_gradients, generators_kept
from drawn import Call, calls, examples, values
from hypothesis import given
from hypothesis import strategies as st

import tinynn as nn

Array = np.ndarray

DIFFERENTIABLE = [row for row in LAYERS if row.differentiable]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def results(layer: nn.Layer, x: Array, upstream: Array) -> dict[str, Array]:
    """Copies of all that one forward and one backward give; the layer's generators are put back."""
    with generators_kept(layer):
        y = layer.forward(x).copy()
    grad_x = layer.backward(upstream).copy()
    return {"y": y, "grad x": grad_x} | {f"grad {n}": p.grad.copy() for n, p in layer.named_parameters()}


def assert_same(got: dict[str, Array], expected: dict[str, Array], but: float = 0) -> None:
    """Bit for bit, or up to `but` roundings of the largest number."""
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype, name
        assert got[name].shape == array.shape, name
        rounding = np.finfo(array.dtype).eps * max(1.0, np.abs(array).max(initial=0.0))
        np.testing.assert_allclose(got[name], array, rtol=0, atol=but * rounding, err_msg=name)


@over(DIFFERENTIABLE)
@examples(0.2)
@given(data=st.data())
def test_gradients_match_differences(row, data):
    check_layer_gradients(*data.draw(calls(row)))


@DTYPES
@over(DIFFERENTIABLE)
@examples(0.03)
@given(data=st.data())
def test_shapes_and_dtypes_are_kept(row, dtype, data):
    layer, x, upstream = data.draw(calls(row, dtype))
    y = layer.forward(x)
    assert isinstance(y, np.ndarray)
    assert (y.shape, y.dtype) == (upstream.shape, dtype)
    grad_x = layer.backward(upstream)
    assert (grad_x.shape, grad_x.dtype) == (x.shape, dtype)
    for name, parameter in layer.named_parameters():
        assert parameter.grad.shape == parameter.value.shape == parameter.shape, name
        assert parameter.grad.dtype == parameter.value.dtype == dtype, name


@over(DIFFERENTIABLE)
@examples(0.03)
@given(data=st.data())
def test_float32_differs_from_float64_by_rounding_alone(row, data):
    layer, x, upstream = data.draw(calls(row))
    if row.random:
        layer.eval()
        exact, rounded = {"y": layer.forward(x).astype(np.float32)}, {}
        rounded["y"] = layer.astype(np.float32).forward(x.astype(np.float32))
    else:
        exact = {name: array.astype(np.float32) for name, array in results(layer, x, upstream).items()}
        rounded = results(layer.astype(np.float32), x.astype(np.float32), upstream.astype(np.float32))
    assert_same(rounded, exact, but=256)


@over(DIFFERENTIABLE)
@examples(0.03)
@given(data=st.data())
def test_arguments_and_values_are_not_written(row, data):
    layer, x, upstream = data.draw(calls(row))
    x_before, upstream_before = x.copy(), upstream.copy()
    before = layer.state_dict()
    layer.forward(x)
    layer.backward(upstream)
    layer.backward_parameters(upstream)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(upstream, upstream_before)
    for name, parameter in layer.named_parameters():
        np.testing.assert_array_equal(parameter.value, before[name], err_msg=name)


@over(DIFFERENTIABLE)
@examples(0.02)
@given(data=st.data())
def test_gradients_share_no_memory(row, data):
    layer, x, upstream = data.draw(calls(row))
    y = layer.forward(x)
    grad_x = layer.backward(upstream)
    parameters = layer.parameters()
    for k, parameter in enumerate(parameters):
        others = [x, upstream, y, grad_x, *(p.value for p in parameters), *(p.grad for p in parameters[:k])]
        assert not any(np.shares_memory(parameter.grad, other) for other in others)


@over(DIFFERENTIABLE)
@examples(0.03)
@given(data=st.data())
def test_backward_overwrites(row, data):
    layer, x, upstream = data.draw(calls(row))
    first = results(layer, x, upstream)
    for parameter in layer.parameters():
        parameter.grad = np.full(parameter.shape, 7.0)
    again = {"y": first["y"], "grad x": layer.backward(upstream)}
    assert_same(again | {f"grad {n}": p.grad for n, p in layer.named_parameters()}, first)


@over(DIFFERENTIABLE)
@examples(0.03)
@given(data=st.data())
def test_backward_parameters_gives_the_same_gradients(row, data):
    layer, x, upstream = data.draw(calls(row))
    first = results(layer, x, upstream)
    for parameter in layer.parameters():
        parameter.grad = np.full(parameter.shape, 7.0)
    assert layer.backward_parameters(upstream) is None
    grads = {f"grad {n}": p.grad for n, p in layer.named_parameters()}
    assert_same(grads, {name: first[name] for name in grads})


@over(DIFFERENTIABLE)
@examples(0.05)
@given(data=st.data())
def test_nothing_is_stale_after_another_input(row, data):
    """After a larger and a smaller batch, and a backward skipped, all is as on a layer never used."""
    layer, x, upstream = data.draw(calls(row))
    expected = results(layer, x, upstream)
    for batch in (len(x) + 2, 1, len(x)):
        other = data.draw(values((batch, *row.sample)))
        with generators_kept(layer):
            y = layer.forward(other)
        if batch != 1:
            layer.backward(np.ones(y.shape))
    assert_same(results(layer, x, upstream), expected)


@over(LAYERS)
@examples(0.03)
@given(data=st.data())
def test_the_same_call_gives_the_same_result(row, data):
    layer, x, upstream = data.draw(calls(row))
    with generators_kept(layer):
        first = layer.forward(x).copy()
    with generators_kept(layer):
        np.testing.assert_array_equal(layer.forward(x), first)
    if row.differentiable:
        expected = results(layer, x, upstream)
        assert_same(results(layer, x.copy(), upstream.copy()), expected)


@over(LAYERS)
@examples(0.03)
@given(data=st.data())
def test_rows_are_independent(row, data):
    """n rows at once give what n times one row gives; their parameter gradients add up."""
    if row.couples_batch:
        pytest.skip("couples the batch by nature")
    call: Call = data.draw(calls(row))
    layer, x, upstream = call
    if row.random:
        layer.eval()
    one_by_one = [layer.forward(x[k : k + 1]).copy() for k in range(len(x))]
    assert_same({"y": layer.forward(x)}, {"y": np.concatenate(one_by_one)}, but=64)
    if row.random or not row.differentiable:
        return
    single = [results(layer, x[k : k + 1], upstream[k : k + 1]) for k in range(len(x))]
    expected = {name: sum(r[name] for r in single) for name in single[0] if name not in ("y", "grad x")}
    expected |= {name: np.concatenate([r[name] for r in single]) for name in ("y", "grad x")}
    assert_same(results(layer, x, upstream), expected, but=256)
