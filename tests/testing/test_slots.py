"""Where a foreign layer keeps its parameters and gradients: each spelling is found, checked, and left as it was."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import tinynn as nn
from tinynn.testing import GradientError, check_layer
from tinynn.testing.parts import parts
from tinynn.testing.slots import GRADS, SPELLINGS, VALUES, Slot, _is_spelled, _slots_of

RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 3))


DICTS = [("params", "grads"), ("parameters", "gradients"), ("parameters", "grads"), ("params", "gradients")]


class Affine:
    """y = x w + b; a subclass says where w, b and their gradients are. factor 2 makes b's gradient wrong."""

    factor = 1.0

    def forward(self, x):
        self.x = x
        return x * self.value("w") + self.value("b")

    def backward(self, grad):
        self.keep("w", (grad * self.x).sum(axis=0))
        self.keep("b", self.factor * grad.sum(axis=0))
        return grad * self.value("w")


def start(name):
    return np.array([0.5, -1.0, 2.0]) if name == "w" else np.array([1.0, 3.0, -2.0])


def in_attributes(spelling):
    class InAttributes(Affine):
        def __init__(self):
            self.w, self.b = start("w"), start("b")

        def value(self, name):
            return getattr(self, name)

        def keep(self, name, grad):
            setattr(self, spelling.format(name), grad)

    return InAttributes()


def in_dicts(values, grads, spelling="{}"):
    class InDicts(Affine):
        def __init__(self):
            setattr(self, values, {"w": start("w"), "b": start("b"), "axis": 0})
            setattr(self, grads, {})

        def value(self, name):
            return getattr(self, values)[name]

        def keep(self, name, grad):
            getattr(self, grads)[spelling.format(name)] = grad

    return InDicts()


def in_objects(value, grad, listed="attributes", named=False):
    class InObjects(Affine):
        def __init__(self):
            self.items = {name: SimpleNamespace(**{value: start(name), grad: None}) for name in ("w", "b")}
            if named:
                for name, item in self.items.items():
                    item.name = f"my {name}"
            match listed:
                case "attributes":
                    self.w, self.b = self.items["w"], self.items["b"]
                case "list":
                    self.parameters = lambda: list(self.items.values())
                case "iterator":
                    self.parameters = lambda: iter(self.items.values())
                case "dict":
                    self.parameters = lambda: self.items
                case "named":
                    self.named_parameters = lambda: iter(self.items.items())

        def __deepcopy__(self, memo):
            twin = InObjects()
            for name, item in self.items.items():
                setattr(twin.items[name], value, getattr(item, value).copy())
            twin.factor = self.factor
            return twin

        def value(self, name):
            return getattr(self.items[name], value)

        def keep(self, name, gradient):
            setattr(self.items[name], grad, gradient)

    return InObjects()


LAYERS = {
    **{f"attribute {spelling.format('w')}": (lambda s=spelling: in_attributes(s)) for spelling in SPELLINGS},
    **{f"{values}, {grads}": (lambda v=values, g=grads: in_dicts(v, g)) for values, grads in DICTS},
    **{f"params, {s.format('w')} in grads": (lambda s=s: in_dicts("params", "grads", s)) for s in SPELLINGS},
    **{f"objects with {v}, {g}": (lambda v=v, g=g: in_objects(v, g)) for v in VALUES for g in GRADS},
}
over = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


@over
def test_each_spelling_is_found_and_checked(make):
    layer = make()
    report = check_layer(layer, X)
    assert list(report.arrays) == ["x", "w", "b"]
    np.testing.assert_array_equal(layer.value("w"), start("w"))
    layer.factor = 2.0
    with pytest.raises(GradientError) as caught:
        check_layer(layer, X)
    assert [array.name for array in caught.value.report.wrong] == ["b"]


@pytest.mark.parametrize(
    ("listed", "named", "names"),
    [
        ("list", False, ["parameter0", "parameter1"]),
        ("list", True, ["my w", "my b"]),
        ("iterator", False, ["parameter0", "parameter1"]),
        ("dict", False, ["w", "b"]),
        ("named", False, ["w", "b"]),
        ("named", True, ["w", "b"]),
        ("attributes", True, ["w", "b"]),
    ],
)
def test_what_parameters_are_called(listed, named, names):
    layer = in_objects("data", "grad", listed, named)
    assert list(check_layer(layer, X).arrays) == ["x", *names]


def test_parameters_stand_in_the_order_of_their_attributes():
    layer = in_attributes("d{}")
    layer.__dict__ = {"b": layer.b, "w": layer.w}
    assert list(check_layer(layer, X).arrays) == ["x", "b", "w"]


def test_what_is_no_parameter_is_left_out():
    layer = in_attributes("d{}")
    layer.classes, layer.dclasses = np.arange(3), np.zeros(3)  # integers
    layer.scale, layer.name = np.ones(3), "w"  # no gradient
    layer.rate, layer.drate = 0.5, 0.1  # a number
    assert list(check_layer(layer, X).arrays) == ["x", "w", "b"]
    mixed = SimpleNamespace(
        value_alone=SimpleNamespace(value=np.ones(2)),
        grad_alone=SimpleNamespace(grad=np.ones(2)),
        whole=SimpleNamespace(value=np.ones(2), grad=np.ones(2)),
        integers=SimpleNamespace(value=np.arange(2), grad=np.ones(2)),
    )
    assert [slot.name for slot in _slots_of(mixed)] == ["whole"]
    assert _slots_of(SimpleNamespace()) == []


def test_an_array_is_written_in_place_if_it_can_be():
    holder = SimpleNamespace(array=np.zeros(3))
    kept = holder.array

    def slot():
        return Slot("a", lambda: holder.array, lambda value: setattr(holder, "array", value), lambda: None)

    slot().assign(np.ones(3))
    assert holder.array is kept and kept.tolist() == [1, 1, 1]
    kept.flags.writeable = False
    given = np.full(3, 2.0)
    slot().assign(given)
    assert holder.array is not kept and holder.array is not given and holder.array.tolist() == [2, 2, 2]
    holder.array = np.zeros(3, np.float32)
    slot().assign(given)
    assert holder.array.dtype == np.float64


def test_a_path_of_attributes_is_refused_by_its_first_name():
    layer = in_attributes("d{}")
    assert list(check_layer(layer, X, names={"b": "db"}).arrays) == ["x", "b"]


# ---- objects within objects ----------------------------------------------------------------------
class Chain:
    """A foreign model: its parts by name, the one applied after the other."""

    def __init__(self, **parts):
        self.__dict__ |= parts
        self.order = list(parts.values())

    def forward(self, x):
        for part in self.order:
            x = part.forward(x)
        return x

    def backward(self, grad):
        for part in reversed(self.order):
            grad = part.backward(grad)
        return grad


class Squash:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        self.dy = grad
        return grad * (1 - self.y**2)


def test_parameters_of_parts_are_found_by_their_paths():
    model = Chain(one=in_attributes("d{}"), two=Squash(), three=in_dicts("params", "grads"))
    assert list(check_layer(model, X).arrays) == ["x", "one.w", "one.b", "three.w", "three.b"]
    model.three.factor = 2.0
    with pytest.raises(GradientError) as caught:
        check_layer(model, X)
    assert [array.name for array in caught.value.report.wrong] == ["three.b"]


def test_parts_in_lists_and_dicts():
    held = Chain()
    held.order = [in_attributes("d{}"), Squash()]
    held.more = {"last": in_objects("data", "grad")}
    held.order.append(held.more["last"])
    assert [path for path, _ in parts(held)] == ["", "order.0", "order.1", "order.2"]
    assert list(check_layer(held, X).arrays) == ["x", *(f"order.{k}.{name}" for k in (0, 2) for name in ("w", "b"))]
    held.order, held.pair = [], (Squash, in_attributes("d{}"), 3)  # a class is no part
    assert [path for path, _ in parts(held)] == ["", "more.last", "pair.1"]


def test_a_part_within_itself_ends():
    model = Chain(one=Squash())
    model.one.owner = model
    assert [path for path, _ in parts(model)] == ["", "one"]


def test_tinynn_layers_within_a_foreign_model_are_checked_in_float64():
    model = Chain(one=nn.Dense(3, 4, rng=0), two=nn.Sequential(nn.Tanh(), nn.Dense(4, 2, rng=1)))
    report = check_layer(model, X)
    assert list(report.arrays) == ["x", "one.weight", "one.bias", "two.1.weight", "two.1.bias"]
    assert report.arrays["two.1.weight"].largest_error < 1e-9
    assert model.one.weight.dtype == np.float32


def test_an_array_that_two_parts_hold_is_neithers():
    model = Chain(one=in_attributes("d{}"), two=in_attributes("d{}"))
    model.two.w = model.one.w
    assert list(check_layer(model, X).arrays) == ["x", "one.b", "two.b"]


def test_an_array_that_the_whole_holds_is_the_wholes():
    class Whole(Chain):
        def backward(self, grad):
            back = super().backward(grad)
            self.grads = {"w": self.one.dw}
            return back

    model = Whole(one=in_attributes("d{}"))
    model.params, model.grads = {"w": model.one.w}, {}
    assert list(check_layer(model, X).arrays) == ["x", "w", "one.b"]


def test_a_part_that_forward_does_not_reach_has_gradients_of_0():
    model = Chain(one=in_attributes("d{}"))
    model.idle = in_objects("data", "grad")
    assert list(check_layer(model, X).arrays) == ["x", "one.w", "one.b", "idle.w", "idle.b"]
    model.one.keep = lambda name, grad: None
    model.one.dw = model.one.db = None
    with pytest.raises(GradientError, match="forgotten"):
        check_layer(model, X)


# ---- what only looks like a parameter ------------------------------------------------------------
class Remembering(Affine):
    """Everything of the last call stays in attributes."""

    def __init__(self):
        self.w, self.b = start("w"), start("b")

    def value(self, name):
        return getattr(self, name)

    def keep(self, name, grad):
        setattr(self, f"d{name}", grad)

    def forward(self, x):
        self.z = super().forward(x)
        self.y = np.exp(self.z)
        return self.y

    def backward(self, grad):
        self.dy = grad
        self.dz = grad * self.y
        self.dx = super().backward(self.dz)
        return self.dx


@pytest.mark.parametrize("rows", [4, 7])
def test_what_a_call_before_the_check_left_is_no_parameter(rows):
    layer = Remembering()
    layer.forward(RNG.normal(size=(rows, 3)))
    layer.backward(np.ones((rows, 3)))
    assert list(check_layer(layer, X).arrays) == ["x", "w", "b"]
    layer.forward(X)
    layer.backward(np.ones(X.shape))
    assert list(check_layer(layer, X).arrays) == ["x", "w", "b"]
    layer.factor = 2.0
    with pytest.raises(GradientError, match="∂C/∂b"):
        check_layer(layer, X)


def test_a_parameter_that_forward_moves_is_still_one():
    class Clipping(Remembering):
        def forward(self, x):
            self.w = np.clip(self.w, -1, 1)
            return super().forward(x)

    with pytest.raises(GradientError, match="∂C/∂w"):
        check_layer(Clipping(), X)


@pytest.mark.parametrize("make", [lambda: in_attributes("d{}"), lambda: in_dicts("params", "grads"), in_objects])
def test_float32_parameters_are_checked_in_float64(make):
    layer = in_objects("data", "grad") if make is in_objects else make()
    for name in ("w", "b"):
        single = layer.value(name).astype(np.float32)
        if make is in_objects:
            layer.items[name].data = single
        else:
            (layer.params if hasattr(layer, "params") else vars(layer))[name] = single
    report = check_layer(layer, X)
    assert list(report.arrays) == ["x", "w", "b"]
    assert all(array.largest_error < 1e-9 for array in report.arrays.values())
    assert layer.value("w").dtype == np.float32


@pytest.mark.parametrize(
    ("grad", "name", "spelled"),
    [
        *(("dW", "W", True), ("W_grad", "W", True), ("dL_dW", "W", True), ("weights_gradients", "weights", True)),
        *(("gradBias", "b", True), ("nabla_w", "weights", True), ("_A__dw", "_A__w", True), ("b_update", "bias", True)),
        *(("xW", "W", False), ("dWx", "W", False), ("W", "W", False), ("dW_grad", "W", False), ("gradW2", "W", False)),
        *(("weights_old", "weights", False), ("dx", "W", False), ("", "W", False), ("best_W", "W", False)),
    ],
)
def test_spellings_without_underscores_and_capitals(grad, name, spelled):
    assert _is_spelled(grad, name) is spelled
