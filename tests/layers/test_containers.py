"""Containers: behave like a list of layers, read as code, refuse what cannot work."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tinynn as nn


class Scale(nn.Layer):
    """A custom layer as a user writes it: forward and backward, nothing more."""

    def __init__(self, factor, dtype=np.float32):
        self.factor = nn.Parameter(np.array([factor], dtype))

    def forward(self, x):
        self.x = x
        return x * self.factor.value

    def backward(self, grad):
        self.factor.grad = [(grad * self.x).sum()]
        return grad * self.factor.value


def four():
    return nn.Sequential(nn.Dense(4, 3), nn.Sigmoid(), nn.Dense(3, 2), nn.Tanh(), rng=0)


# ---- the list protocol --------------------------------------------------------------------------
def test_sequential_is_a_sequence_of_layers():
    model = four()
    assert len(model) == 4
    assert isinstance(model[0], nn.Dense)
    assert model[-1] is model[3]
    assert list(model) == [model[k] for k in range(4)] == list(model.layers)
    with pytest.raises(IndexError):
        model[4]


def test_a_slice_shares_its_layers():
    model = four()
    part = model[1:3]
    assert isinstance(part, nn.Sequential)
    assert list(part) == [model[1], model[2]]
    x = np.ones((2, 4))
    np.testing.assert_array_equal(model[2:].predict(model[:2].predict(x)), model.predict(x))
    part[1].weight.value *= 2
    assert part[1].weight.value is model[2].weight.value


def test_append():
    model = four()
    x = np.ones((5, 4))
    before = model.forward(x).copy()
    extra = nn.Dense(2, 1, rng=1)
    assert model.append(extra) is model
    assert len(model) == 5
    np.testing.assert_array_equal(model.forward(x), extra.forward(before))
    assert model.named_parameters()[-1][0] == "4.bias"
    model.backward_parameters(np.ones((5, 1), np.float32))
    assert extra.weight.grad.any() and model[0].weight.grad.any()


def test_the_empty_sequential_is_the_identity():
    model = nn.Sequential()
    assert len(model) == 0
    assert list(model) == []
    assert repr(model) == "Sequential()"
    x = np.ones((2, 3))
    np.testing.assert_array_equal(model.forward(x), x)
    np.testing.assert_array_equal(model.backward(x), x)


def test_names_are_places():
    model = nn.Sequential(
        nn.Residual(nn.Dense(2, 2)), nn.Parallel(nn.Identity(), nn.Sequential(nn.Tanh(), nn.Dense(2, 1, bias=False)))
    )
    assert [name for name, _ in model.named_parameters()] == ["0.0.weight", "0.0.bias", "1.1.1.weight"]
    assert list(model.state_dict()) == ["0.0.weight", "0.0.bias", "1.1.1.weight"]


# ---- start values -------------------------------------------------------------------------------
def test_rng_initialises_layer_by_layer():
    model = nn.Sequential(nn.Dense(4, 3), nn.Dense(3, 2), rng=7)
    rng = np.random.default_rng(7)
    expected = [nn.Dense(4, 3, rng=rng), nn.Dense(3, 2, rng=rng)]
    for layer, like in zip(model, expected, strict=True):
        np.testing.assert_array_equal(layer.weight.value, like.weight.value)


def test_without_rng_the_layers_keep_their_values():
    dense = nn.Dense(4, 3, rng=1)
    before = dense.weight.value.copy()
    nn.Sequential(dense)
    np.testing.assert_array_equal(dense.weight.value, before)


def test_two_dropouts_of_one_seed_draw_different_masks():
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), rng=0)
    x = np.ones((1, 64))
    assert (model[0].forward(x) != model[1].forward(x)).any()


# ---- merging ------------------------------------------------------------------------------------
def test_residual_by_hand():
    model = nn.Residual(Scale(3.0))
    np.testing.assert_array_equal(model.forward(np.float32([[1, 2]])), [[4, 8]])
    np.testing.assert_array_equal(model.backward(np.float32([[1, -1]])), [[4, -4]])
    np.testing.assert_array_equal(model.parameters()[0].grad, [1 - 2])


def test_parallel_by_hand():
    x, grad = np.float32([[1, 2]]), np.float32([[1, 10, 100, 1000]])
    joined = nn.Parallel(Scale(2.0), Scale(3.0))
    np.testing.assert_array_equal(joined.forward(x), [[2, 4, 3, 6]])
    np.testing.assert_array_equal(joined.backward(grad), [[2 + 300, 20 + 3000]])
    assert [p.grad.tolist() for p in joined.parameters()] == [[21], [2100]]
    added = nn.Parallel(Scale(2.0), Scale(3.0), merge="sum")
    np.testing.assert_array_equal(added.forward(x), [[5, 10]])
    np.testing.assert_array_equal(added.backward(grad[:, :2]), [[5, 50]])
    assert [p.grad.tolist() for p in added.parameters()] == [[21], [21]]


def test_one_branch_is_the_branch_itself():
    for merge in ("sum", "concatenate"):
        model = nn.Parallel(Scale(2.0), merge=merge)
        np.testing.assert_array_equal(model.forward(np.float32([[1, 2]])), [[2, 4]])
        np.testing.assert_array_equal(model.backward(np.float32([[1, 2]])), [[2, 4]])


# ---- looks --------------------------------------------------------------------------------------
REPRS = [
    "Sequential()",
    "Sequential(Dense(4, 3), Sigmoid(), Dense(3, 2, bias=False))",
    "Residual(Sequential(Dense(2, 2), Tanh()))",
    "Parallel(Identity(), Dense(2, 1))",
    "Parallel(Identity(), Dense(2, 2), merge='sum')",
    "Sequential(Flatten(), Reshape(2, -1), Dropout(0.3), Softmax())",
    "Sequential(Dense(784, 100), ReLU(), Dropout(0.25), Dense(100, 100), ReLU(), Dense(100, 10, bias=False), Tanh())",
]


@pytest.mark.parametrize("code", REPRS)
def test_repr_is_code(code):
    model = eval(code, vars(nn))
    assert repr(eval(repr(model), vars(nn))) == repr(model)
    assert "".join(repr(model).split()).replace(",)", ")") == "".join(code.split())
    assert max(map(len, repr(model).splitlines())) <= 100


# ---- errors -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (nn.Sigmoid, r"write Sigmoid\(\), not Sigmoid"),
        ([nn.Sigmoid()], r"one by one, Sequential\(\*layers\)"),
        ("relu", ""),
        (None, ""),
    ],
)
@pytest.mark.parametrize("make", [nn.Sequential, nn.Residual, nn.Parallel, lambda layer: nn.Sequential().append(layer)])
def test_only_layers_are_taken(make, wrong, hint):
    with pytest.raises(nn.DtypeError, match=rf"expected a Layer, got .*{hint}"):
        make(wrong)


def test_one_layer_in_two_places_is_an_error():
    shared = nn.Dense(2, 2)
    tied = nn.Parameter([1.0])
    one, other = Scale(1.0), Scale(1.0)
    one.factor = other.factor = tied
    for model in (
        nn.Sequential(shared, nn.Tanh(), shared),
        nn.Sequential(shared, nn.Residual(shared)),
        nn.Parallel(shared, nn.Sequential(shared)),
        nn.Residual(nn.Sequential(shared, shared)),
        nn.Sequential(one, other),
    ):
        for use in (lambda m: m.forward(np.ones((1, 2))), lambda m: nn.SGD(m, 0.1), lambda m: m.parameters()):
            with pytest.raises(nn.StateError, match="stands in two places"):
                use(model)
    activation = nn.Tanh()
    with pytest.raises(nn.StateError, match=r"'0' and '1'.*copy\.deepcopy"):
        nn.Sequential(activation, activation).forward(np.ones((1, 2)))


def test_a_container_inside_itself_is_an_error_not_a_recursion():
    model = nn.Sequential(nn.Tanh())
    for inside in (model, nn.Residual(nn.Sequential(model))):
        with pytest.raises(nn.StateError, match="cannot stand inside itself"):
            model.append(inside)
    assert len(model) == 1


def test_two_dtypes_in_one_network_are_an_error():
    model = nn.Sequential(nn.Dense(2, 2), nn.Dense(2, 2, dtype=np.float64))
    for use in (lambda: model.forward(np.ones((1, 2))), lambda: nn.SGD(model, 0.1), lambda: model.dtype):
        with pytest.raises(nn.DtypeError, match="float32 and float64.*astype"):
            use()
    assert model.astype(np.float64).forward(np.ones((1, 2))).dtype == np.float64


class Widening(nn.Identity):
    """A layer with a hard-coded dtype, forward or backward."""

    def __init__(self, where):
        self.where = where

    def forward(self, x):
        y = super().forward(x)
        return y.astype(np.float64) if self.where == "forward" else y

    def backward(self, grad):
        return grad.astype(np.float64) if self.where == "backward" else grad


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("wrap", [nn.Sequential, nn.Residual, nn.Parallel])
def test_a_layer_that_changes_the_dtype_is_named(where, wrap):
    model = wrap(nn.Sequential(nn.Dense(2, 2), Widening(where)))
    with pytest.raises(nn.DtypeError, match=f"layer 1, Widening.*was given float32 and its {where} returned"):
        y = model.forward(np.ones((1, 2), np.float32))
        model.backward(np.ones_like(y))


def test_residual_and_parallel_number_their_layers_from_0():
    for model, name in ((nn.Residual(Widening("forward")), "0"), (nn.Parallel(nn.Tanh(), Widening("forward")), "1")):
        with pytest.raises(nn.DtypeError, match=f"{type(model).__name__}: layer {name}, Widening"):
            model.forward(np.ones((1, 2), np.float32))


def test_a_layer_that_returns_nothing_is_named():
    class Forgetful(nn.Identity):
        def forward(self, x):
            super().forward(x)

    with pytest.raises(nn.DtypeError, match="Forgetful.*its forward returned None"):
        nn.Sequential(Forgetful()).forward(np.ones((1, 2)))


def test_shapes_that_do_not_fit():
    with pytest.raises(nn.ShapeError, match=r"x \+ f\(x\) needs f to keep the shape"):
        nn.Residual(nn.Dense(2, 3)).forward(np.ones((1, 2)))
    with pytest.raises(nn.ShapeError, match="do not fit for 'sum'"):
        nn.Parallel(nn.Dense(2, 3), nn.Identity(), merge="sum").forward(np.ones((1, 2)))
    with pytest.raises(nn.ShapeError, match="do not fit for 'concatenate'"):
        nn.Parallel(nn.Flatten(), nn.Identity()).forward(np.ones((1, 2, 2)))
    with pytest.raises(nn.InvalidValueError, match="merge must be"):
        nn.Parallel(nn.Tanh(), merge="add")
    with pytest.raises(nn.InvalidValueError, match="at least one layer"):
        nn.Parallel()
    with pytest.raises(nn.ShapeError, match="got a single number"):
        nn.Sequential(nn.Tanh()).forward(1.0)
    with pytest.raises(nn.DtypeError, match="expected real numbers"):
        four().forward([["a"] * 4])


# ---- custom layers ------------------------------------------------------------------------------
def test_a_custom_layer_trains_like_a_built_in_one():
    model = nn.Sequential(Scale(1.0), nn.Dense(2, 1, rng=0))
    loss, optimizer = nn.MSE(), nn.SGD(model, 0.05)
    x = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    costs = []
    for _ in range(100):
        costs.append(loss.forward(model.forward(x), 3 * x[:, :1]))
        model.backward_parameters(loss.backward())
        optimizer.step()
    assert costs[-1] < 1e-3 * costs[0]
    assert [name for name, _ in model.named_parameters()] == ["0.factor", "1.weight", "1.bias"]


# ---- the look at the tree, once a shape -------------------------------------------------------------
SHORTCUTS = pytest.mark.parametrize("make", [nn.Residual, nn.Parallel, nn.Sequential], ids=lambda make: make.__name__)
X = np.ones((3, 2), np.float32)


@SHORTCUTS
def test_a_shape_that_was_seen_is_not_looked_at_again(make, monkeypatch):
    layer, looks = make(nn.Sequential(nn.Dense(2, 2), nn.Tanh())), []
    layer.forward(X)
    own = nn.Layer.named_parameters
    monkeypatch.setattr(nn.Layer, "named_parameters", lambda tree: looks.append(tree) or own(tree))
    layer.forward(X)
    assert looks == []
    layer.forward(X[:2])
    assert looks


@SHORTCUTS
def test_a_conversion_after_the_look_counts(make):
    layer = make(nn.Dense(2, 2))
    assert layer.forward(X).dtype == np.float32
    layer.astype(np.float64)
    assert layer.forward(X).dtype == np.float64


@SHORTCUTS
def test_a_single_number_after_the_look_is_refused(make):
    layer = make(nn.Tanh())
    layer.forward(X)
    with pytest.raises(nn.ShapeError, match="expected x of shape .batch"):
        layer.forward(np.array(1, np.float32))


@pytest.mark.parametrize("training", [True, False])
def test_a_layer_appended_after_the_look_is_looked_at(training):
    model = nn.Sequential(nn.Dense(2, 2)).train(training)
    model.forward(X)
    model.append(model[0])
    with pytest.raises(nn.StateError, match="stands in two places"):
        model.forward(X)


@SHORTCUTS
def test_a_copy_begins_without_the_look(make):
    layer = make(nn.Dense(2, 2))
    before = pickle.dumps(layer)
    layer.forward(X)
    assert pickle.dumps(layer) == before
