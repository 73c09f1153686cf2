"""Parameter and ParameterVector: one memory for all, and who may use it."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from memory import SMALL, peak_of

import tinynn as nn
from tinynn import Parameter, ParameterVector

COPIES = pytest.mark.parametrize("copied", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])


def matrix(dtype=np.float64):
    return np.arange(6.0, dtype=dtype).reshape(2, 3)


# ---- Parameter ----------------------------------------------------------------------------------
def test_a_parameter_copies_what_it_is_given():
    array = matrix()
    parameter = Parameter(array, "weight")
    assert parameter.name == "weight"
    assert (parameter.shape, parameter.size, parameter.dtype) == ((2, 3), 6, np.float64)
    array[0, 0] = 99
    assert parameter.value[0, 0] == 0
    assert parameter.grad.shape == (2, 3)
    assert parameter.grad.dtype == np.float64
    assert not parameter.grad.any()


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ([1, 2], np.float32),
        ([1.0, 2.0], np.float32),
        (3.5, np.float32),
        (np.float64([1.0]), np.float64),
        (np.float32([1.0]), np.float32),
        (np.float16([1.0]), np.float32),
        (np.arange(3), np.float32),
        (np.array([True]), np.float32),
        (np.arange(3.0).astype(">f8"), np.float64),
    ],
)
def test_dtypes(given, dtype):
    parameter = Parameter(given)
    assert parameter.dtype == dtype
    assert parameter.value.dtype.isnative
    np.testing.assert_array_equal(parameter.value, given)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_memory_order_is_kept(order):
    parameter = Parameter(np.array(matrix(), order=order))
    for array in (parameter.value, parameter.grad):
        assert array.flags["C_CONTIGUOUS"] == (order == "C")
        assert array.flags["F_CONTIGUOUS"] == (order == "F")


def test_a_view_with_gaps_becomes_c_order():
    parameter = Parameter(np.arange(24.0).reshape(4, 6)[::2, ::2])
    assert parameter.value.flags.c_contiguous
    np.testing.assert_array_equal(parameter.value, [[0, 2, 4], [12, 14, 16]])


@pytest.mark.parametrize("what", ["value", "grad"])
def test_assignment_copies_in_place(what):
    parameter, new = Parameter(matrix()), matrix() + 1
    array = getattr(parameter, what)
    setattr(parameter, what, new)
    assert getattr(parameter, what) is array
    np.testing.assert_array_equal(array, new)
    new[:] = 99
    assert (array != 99).all()
    setattr(parameter, what, new.astype(int).tolist())
    assert array.dtype == np.float64
    assert (array == 99).all()


def test_in_place_arithmetic():
    parameter = Parameter(matrix())
    array = parameter.value
    parameter.value += 1
    parameter.grad -= 2
    assert parameter.value is array
    np.testing.assert_array_equal(array, matrix() + 1)
    assert (parameter.grad == -2).all()


@pytest.mark.parametrize("what", ["value", "grad"])
@pytest.mark.parametrize("wrong", [np.ones(6), np.ones((3, 2)), np.ones((2, 1)), 1.0, np.ones((1, 2, 3))])
def test_another_shape_is_an_error(what, wrong):
    parameter = Parameter(matrix(), "weight")
    with pytest.raises(nn.ShapeError, match=rf"'weight'\): expected a {what} of shape \(2, 3\), got"):
        setattr(parameter, what, wrong)
    np.testing.assert_array_equal(parameter.value, matrix())


@pytest.mark.parametrize("wrong", [["a"], [1j], [None], np.array(["x"])])
def test_what_is_no_number_is_an_error(wrong):
    with pytest.raises(nn.DtypeError, match="expected real numbers"):
        Parameter(wrong)
    with pytest.raises(nn.DtypeError, match="expected real numbers"):
        Parameter([1.0]).value = wrong


def test_no_attribute_can_be_misspelled():
    with pytest.raises(AttributeError):
        Parameter([1.0]).gradient = [1.0]


def test_astype_converts_in_place():
    parameter = Parameter(np.asfortranarray(matrix()))
    parameter.grad = matrix()
    value = parameter.value
    assert parameter.astype(np.float64) is parameter
    assert parameter.value is value
    assert parameter.astype("float32") is parameter
    assert parameter.value.dtype == parameter.grad.dtype == parameter.dtype == np.float32
    assert parameter.value.flags.f_contiguous
    np.testing.assert_array_equal(parameter.grad, matrix())
    for wrong in (np.float16, int, "words", None):
        with pytest.raises(nn.DtypeError, match="dtype must be float32 or float64"):
            parameter.astype(wrong)


@COPIES
def test_a_copied_parameter_is_independent(copied):
    parameter = Parameter(np.asfortranarray(matrix()), "weight")
    parameter.grad = matrix() * 2
    ParameterVector([parameter])
    twin = copied(parameter)
    assert twin.name == "weight"
    assert twin.value.flags.f_contiguous
    np.testing.assert_array_equal(twin.value, parameter.value)
    np.testing.assert_array_equal(twin.grad, parameter.grad)
    twin.value += 1
    twin.grad += 1
    np.testing.assert_array_equal(parameter.value, matrix())
    np.testing.assert_array_equal(parameter.grad, matrix() * 2)


def test_repr():
    assert repr(Parameter([1.0])) == "Parameter(shape=(1,), dtype=float32)"
    assert repr(Parameter(matrix(), "weight")) == "Parameter(shape=(2, 3), dtype=float64, name='weight')"


# ---- ParameterVector ----------------------------------------------------------------------------
def pair():
    """A weight in Fortran order and a bias, with values and gradients."""
    weight, bias = Parameter(np.asfortranarray(matrix()), "weight"), Parameter(np.array([10.0, 11.0]), "bias")
    weight.grad, bias.grad = matrix() * 2, np.array([20.0, 22.0])
    return weight, bias


def test_packing_keeps_values_gradients_and_memory_order():
    weight, bias = pair()
    vector = ParameterVector([weight, bias])
    assert len(vector) == 8
    assert vector.parameters == (weight, bias)
    np.testing.assert_array_equal(vector.value, [0, 3, 1, 4, 2, 5, 10, 11])  # column by column
    np.testing.assert_array_equal(vector.grad, 2 * vector.value)
    np.testing.assert_array_equal(weight.value, matrix())
    np.testing.assert_array_equal(weight.grad, 2 * matrix())
    for array in (weight.value, weight.grad):
        assert array.flags.f_contiguous and not array.flags.c_contiguous
    for array in (vector.value, vector.grad):
        assert array.flags.c_contiguous
        assert array.ndim == 1


def test_vector_and_parameters_are_the_same_memory():
    weight, bias = pair()
    vector = ParameterVector([weight, bias])
    vector.value[:] = 0
    assert not weight.value.any() and not bias.value.any()
    weight.value = matrix()
    bias.grad = [5.0, 6.0]
    np.testing.assert_array_equal(vector.value, [0, 3, 1, 4, 2, 5, 0, 0])
    np.testing.assert_array_equal(vector.grad[6:], [5, 6])
    assert not np.shares_memory(vector.value, vector.grad)


def test_the_vectors_begin_where_a_cache_line_does():
    for size in (1, 5, 100):
        vector = ParameterVector([Parameter(np.ones(size)), Parameter(np.ones(3))])
        assert vector.value.ctypes.data % 64 == vector.grad.ctypes.data % 64 == 0


def test_packing_takes_one_more_vector_at_its_peak():
    """Four parameters of 40 kB: the new gradients come when the old values have gone."""
    listed = [np.ones(10_000, np.float32) for _ in range(4)]

    def pack():
        parameters = [Parameter(value) for value in listed]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        vector = ParameterVector(parameters)
        taken.append(tracemalloc.get_traced_memory()[1] - before)
        assert (vector.value == 1).all() and not vector.grad.any()

    taken: list[int] = []
    peak_of(pack)
    assert 160_000 < max(taken) < 160_000 + SMALL


def test_packing_again_is_idempotent():
    listed = pair()
    first = ParameterVector(listed)
    again = ParameterVector(list(listed))
    assert again.value is first.value
    assert again.grad is first.grad
    first.check()


@pytest.mark.parametrize(
    "choose",
    [lambda w, b: [w], lambda w, b: [b], lambda w, b: [b, w], lambda w, b: [w, b, Parameter([1.0, 2.0]).astype("f8")]],
)
def test_a_later_packing_takes_over(choose):
    weight, bias = pair()
    older = ParameterVector([weight, bias])
    newer = ParameterVector(choose(weight, bias))
    assert newer.valid and not older.valid
    newer.check()
    with pytest.raises(nn.StateError, match="packed into another vector .* build a new optimizer"):
        older.check()
    np.testing.assert_array_equal(weight.value, matrix())
    np.testing.assert_array_equal(bias.value, [10, 11])
    newer.value[:] = 7
    assert (newer.parameters[0].value == 7).all()
    third = ParameterVector([weight, bias])
    assert not newer.valid and third.valid


def test_astype_makes_the_vector_stale():
    weight, bias = pair()
    vector = ParameterVector([weight, bias])
    weight.astype(np.float32)
    with pytest.raises(nn.StateError, match="converted by astype"):
        vector.check()
    with pytest.raises(nn.DtypeError, match="float32 and float64.*astype"):
        ParameterVector([weight, bias])


def test_a_layer_or_any_iterable():
    model = nn.Sequential(nn.Dense(3, 2), nn.Dense(2, 1), rng=0)
    vector = ParameterVector(model)
    assert list(vector.parameters) == model.parameters()
    assert len(vector) == 3 * 2 + 2 + 2 + 1
    assert ParameterVector(iter(model.parameters())).value is vector.value


def test_what_cannot_be_packed():
    weight, bias = pair()
    with pytest.raises(nn.InvalidValueError, match="'weight'.*listed twice"):
        ParameterVector([weight, bias, weight])
    for empty in ([], nn.Sequential(nn.Tanh())):
        with pytest.raises(nn.InvalidValueError, match="at least one Parameter"):
            ParameterVector(empty)
    with pytest.raises(nn.DtypeError, match="got an item"):
        ParameterVector([weight, bias.value])
    assert weight.value.base is None  # nothing was packed


@COPIES
def test_a_copied_vector_packs_the_copies(copied):
    weight, bias = pair()
    vector, (weight_copy, _) = copied((ParameterVector([weight, bias]), (weight, bias)))
    assert vector.parameters[0] is weight_copy
    vector.value[:] = 7
    assert (weight_copy.value == 7).all()
    np.testing.assert_array_equal(weight.value, matrix())
    vector.check()


@COPIES
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_copied_stale_vector_stays_stale(copied, order):
    weight, bias = pair()
    vectors = ParameterVector([weight, bias]), ParameterVector([weight])
    *copies, weight_copy = copied((*(vectors[k] for k in order), weight))
    older, newer = (copies[order.index(k)] for k in (0, 1))
    with pytest.raises(nn.StateError):
        older.check()
    newer.check()
    newer.value[:] = 7
    assert (weight_copy.value == 7).all()


@COPIES
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_model_and_optimizer_copied_together_belong_together(copied, order):
    model = nn.Sequential(nn.Dense(3, 2), nn.Tanh(), nn.Dense(2, 1), rng=0)
    things = (model, nn.Adam(model, 0.1))
    copies = copied(tuple(things[k] for k in order))
    twin, optimizer = (copies[order.index(k)] for k in (0, 1))
    before = model.state_dict()
    y = twin.forward(np.ones((4, 3)))
    twin.backward_parameters(np.ones_like(y))
    optimizer.step()
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
        assert (twin.state_dict()[name] != value).any(), name
    assert ParameterVector(twin).value is optimizer.vector.value


def test_vector_repr():
    assert repr(ParameterVector(pair())) == "ParameterVector(2 parameters, 8 values, float64)"
