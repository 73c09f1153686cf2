"""Layers in the styles in which people write them: right ones pass, the same ones made wrong are named."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np
import pytest

import tinynn as nn
from tinynn.testing import GradientError, check_layer, from_callables

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
SHARED = np.random.default_rng(5)


class Affine:
    """y = x W + b with the arrays and gradients wherever a subclass keeps them; ∂C/∂W times `factor`."""

    factor = 1.0

    def forward(self, x):
        self.x = x
        return x @ self.get("W") + self.get("b")

    def backward(self, grad):
        self.put("W", self.factor * self.x.T @ grad)
        self.put("b", grad.sum(axis=0))
        return grad @ self.get("W").T


def start(name):
    return np.array([[1.0, 2, 3, 4], [-1, 0.5, 2, 1], [0.25, 3, -2, 1]]) if name == "W" else np.array([1.0, -2, 0.5, 0])


def in_attributes(weight, grad_of_weight, bias, grad_of_bias):
    class InAttributes(Affine):
        def __init__(self):
            self.__dict__ |= {weight: start("W"), bias: start("b")}

        def get(self, name):
            return getattr(self, weight if name == "W" else bias)

        def put(self, name, grad):
            setattr(self, grad_of_weight if name == "W" else grad_of_bias, grad)

    return InAttributes


def in_lists(values, grads):
    class InLists(Affine):
        def __init__(self):
            self.__dict__ |= {values: [start("W"), start("b")], grads: [np.zeros((3, 4)), np.zeros(4)]}

        def get(self, name):
            return getattr(self, values)["Wb".index(name)]

        def put(self, name, grad):
            getattr(self, grads)["Wb".index(name)] = grad

    return InLists


class InNestedDicts(Affine):
    def __init__(self):
        self.params, self.grads = {"layer": {"W": start("W"), "b": start("b")}}, {"layer": {}}

    def get(self, name):
        return self.params["layer"][name]

    def put(self, name, grad):
        self.grads["layer"][f"d{name}"] = grad


class InObjects(Affine):
    def __init__(self):
        self.params = [SimpleNamespace(data=start("W"), grad=None), SimpleNamespace(data=start("b"), grad=None)]

    def get(self, name):
        return self.params["Wb".index(name)].data

    def put(self, name, grad):
        self.params["Wb".index(name)].grad = grad


class InSlots(Affine):
    __slots__ = ("W", "b", "dW", "db")

    def __init__(self):
        self.W, self.b = start("W"), start("b")

    def get(self, name):
        return getattr(self, name)

    def put(self, name, grad):
        setattr(self, f"d{name}", grad)


class Lazy(InSlots):
    """Its arrays are made in the first forward."""

    __slots__ = ()

    def __init__(self):
        self.W = self.b = None

    def forward(self, x):
        if self.W is None:
            self.W, self.b = start("W"), start("b")
        return super().forward(x)


class WholeNumbers(InSlots):
    __slots__ = ()

    def __init__(self):
        self.W, self.b = (4 * start("W")).astype(int), (4 * start("b")).astype(int)


class InHolder:
    """The layer is within an object that is no layer."""

    def __init__(self):
        self.encoder = SimpleNamespace(dense=in_attributes("W", "dW", "b", "db")())

    factor = property(None, lambda self, factor: setattr(self.encoder.dense, "factor", factor))

    def forward(self, x):
        return self.encoder.dense.forward(x)

    def backward(self, grad):
        return self.encoder.dense.backward(grad)


class LeavingResults(Affine):
    """forward and backward give nothing: the results are in attributes."""

    def __init__(self):
        self.weights, self.biases = start("W"), start("b")[None]

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.factor * self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T


class PlainLayer(nn.Layer):
    """A tinynn Layer with arrays that are no Parameters."""

    factor = 1.0

    def __init__(self):
        self.W, self.b = start("W").astype(np.float32), start("b").astype(np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW, self.db = self.factor * self.x.T @ grad, grad.sum(axis=0)
        return grad @ self.W.T


class WeightNorm:
    """W is made from v and g in each forward."""

    factor = 1.0

    def __init__(self):
        self.v, self.g = start("W"), start("b") + 3
        self.W = self.v * self.g / np.linalg.norm(self.v, axis=0)

    def forward(self, x):
        self.x, self.n = x, np.linalg.norm(self.v, axis=0)
        self.W = self.v * self.g / self.n
        return x @ self.W

    def backward(self, grad):
        self.dW = self.x.T @ grad
        along = (self.dW * self.v / self.n).sum(axis=0)
        self.dg = self.factor * along
        self.dv = self.g / self.n * (self.dW - self.v / self.n * along)
        return grad @ self.W.T


class Numbers:
    """w and b are plain numbers."""

    factor = 1.0

    def __init__(self):
        self.w, self.b = np.float64(2.0), 0.0

    def forward(self, x):
        self.x = x
        return x * self.w + self.b

    def backward(self, grad):
        self.dw, self.db = self.factor * (grad * self.x).sum(), grad.sum()
        return grad * self.w


class CacheStack(InSlots):
    """forward pushes what backward pops."""

    __slots__ = ("caches",)

    def __init__(self):
        super().__init__()
        self.caches = []

    def forward(self, x):
        self.caches.append(x)
        return super().forward(x)

    def backward(self, grad):
        self.x = self.caches.pop()
        return super().backward(grad)


SPELLINGS = [
    *(("weights", "dW", "biases", "db"), ("weight", "dw", "bias", "db"), ("_W", "_dW", "_b", "_db")),
    *(("W", "dLdW", "b", "dLdb"), ("W", "dL_dW", "b", "dL_db"), ("W", "dJdW", "b", "dJdb")),
    *(("weights", "nabla_w", "biases", "nabla_b"), ("weights", "weight_grad", "biases", "bias_grad")),
    *(("weights", "weights_gradients", "bias", "bias_gradients"), ("weights", "grad_w", "bias", "grad_b")),
    *(("W", "deltaW", "b", "deltab"), ("filters", "d_L_d_filters", "b", "d_L_d_b")),
    ("weights", "dweights", "biases", "dbiases"),
]
LAYERS = {
    **{f"{names[0]}, {names[1]}": in_attributes(*names) for names in SPELLINGS},
    **{f"{v}, {g} in lists": in_lists(v, g) for v, g in (("params", "grads"), ("weights", "dweights"), ("w", "dw"))},
    **{cls.__name__: cls for cls in (InNestedDicts, InObjects, InSlots, Lazy, WholeNumbers, InHolder, LeavingResults)},
    **{cls.__name__: cls for cls in (PlainLayer, WeightNorm, Numbers, CacheStack)},
}
over = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


@over
def test_right_ones_pass(make):
    assert len(check_layer(make(), X).arrays) == 3
    assert check_layer(make(), input_shape=(4, 3)).right


@over
def test_wrong_ones_are_found(make):
    layer = make()
    layer.factor = 2.0
    with pytest.raises(GradientError) as caught:
        check_layer(layer, X)
    assert caught.value.cause == "factor"


@over
def test_what_an_earlier_call_left_makes_no_difference(make):
    layer = make()
    y = layer.forward(np.zeros((5, 3)))
    layer.backward(np.ones((layer.output if y is None else y).shape))
    assert len(check_layer(layer, X).arrays) == 3
    assert len(check_layer(layer, np.zeros((5, 3))).arrays) == 3


# ---- what is no parameter -----------------------------------------------------------------------
class Laplace:
    """A grid's points x and step dx, times t and dt: no gradients."""

    def __init__(self):
        self.x, self.dx, self.t, self.dt = np.linspace(0, 1, 6), 0.2, np.zeros(3), np.full(3, 0.1)

    def forward(self, u):
        return (np.roll(u, 1, -1) - 2 * u + np.roll(u, -1, -1)) / self.dx**2

    backward = forward


def test_a_grid_has_no_parameters():
    assert list(check_layer(Laplace(), RNG.normal(size=(2, 6))).arrays) == ["x"]


class Embedding:
    factor = 1.0

    def __init__(self):
        self.E = RNG.normal(size=(7, 3))

    def forward(self, words):
        self.words, self.h = words, self.E[words]
        return 1.0 * self.h

    def backward(self, grad):
        self.dh, self.dE = grad.copy(), np.zeros_like(self.E)
        np.add.at(self.dE, self.words, self.factor * grad)


def test_an_embedding_that_was_used_before():
    layer, words = Embedding(), RNG.integers(0, 7, (4, 5))
    layer.forward(words)
    layer.backward(np.ones((4, 5, 3)))
    assert list(check_layer(layer, words).arrays) == ["E"]
    layer.factor = 2.0
    with pytest.raises(GradientError, match="∂C/∂E"):
        check_layer(layer, words)


class Recurrent(in_attributes("W", "dW", "b", "db")):
    """Gradients that are None, of what is not trained."""

    def __init__(self):
        super().__init__()
        self.h0, self.dh0 = np.ones(4), None
        self.rest = np.ones(4)
        self.vW, self.dvW = np.zeros((3, 4)), None

    def forward(self, x):
        return super().forward(x) + self.h0 + self.rest


def test_a_gradient_of_none_is_none_unless_the_name_is_a_parameters():
    report = check_layer(Recurrent(), X)
    assert list(report.arrays) == ["x", "W", "b"]
    assert report.notes == [
        f"not checked: {name}, which changes the output; no gradient of it was found (names=…?)"
        for name in ("h0", "rest")
    ]


# ---- what is forgotten --------------------------------------------------------------------------
class Forgetful(in_attributes("W", "dW", "b", "db")):
    def put(self, name, grad):
        if name == "W":
            self.dW = grad


@pytest.mark.parametrize("initial", ["absent", None, "zeros"])
def test_a_forgotten_bias_is_found(initial):
    layer = Forgetful()
    if initial != "absent":
        layer.db = None if initial is None else np.zeros(4)
    with pytest.raises(GradientError, match="∂C/∂b") as caught:
        check_layer(layer, X)
    assert caught.value.cause == "forgotten"


def test_constants_are_noted_and_those_of_tinynn_layers_are_their_own():
    class Positions(in_attributes("W", "dW", "b", "db")):
        def __init__(self):
            super().__init__()
            self.places = RNG.normal(size=(5, 4))

        def forward(self, x):
            return super().forward(x) + self.places

    assert check_layer(Positions(), X).notes == [
        "not checked: places, which changes the output; no gradient of it was found (names=…?)"
    ]

    class Constant(nn.Layer):
        def __init__(self):
            self.W = np.eye(3, dtype=np.float32)

        def forward(self, x):
            return x @ self.W.astype(x.dtype)

        def backward(self, grad):
            return grad @ self.W.T.astype(grad.dtype)

    report = check_layer(Constant(), X)
    assert list(report.arrays) == ["x"] and report.notes == []


def test_names_may_be_paths():
    layer = in_lists("stuff", "other")()
    names = {"stuff[0]": "other[0]", "stuff[1]": "other[1]"}
    assert list(check_layer(layer, X, names=names).arrays) == ["x", *names]
    holder = InHolder()
    assert list(check_layer(holder, X, names={"encoder.dense.W": "encoder.dense.dW"}).arrays) == [
        "x",
        "encoder.dense.W",
    ]
    for wrong in ({"stuff[2]": "other[0]"}, {"stuff[0]": "nothing"}, {"stuff.x": "other[0]"}):
        with pytest.raises(nn.InvalidValueError, match="has no attribute"):
            check_layer(layer, X, names=wrong)


# ---- what forward and backward may give -----------------------------------------------------------
def affine_methods(**methods):
    return type("Odd", (in_attributes("W", "dW", "b", "db"),), methods)()


@pytest.mark.parametrize(
    ("methods", "error", "text"),
    [
        ({"forward": lambda self, x: (x, x)}, nn.ShapeError, "forward gives a tuple of 2, not one array"),
        ({"forward": lambda self, x: {"y": x}}, nn.ShapeError, "forward gives a dict of 1, not one array"),
        ({"forward": lambda self, x, training: x}, nn.DtypeError, "forward needs 2 arguments and gets 1"),
        ({"backward": lambda self, grad, rate: grad}, nn.DtypeError, "backward needs 2 arguments and gets 1"),
        ({"backward": lambda self, grad: {"x": grad}}, nn.ShapeError, "backward gives a dict, expected ∂C/∂x"),
        ({"backward": lambda self, grad: (grad, grad)}, nn.ShapeError, "backward gives 2 arrays for one input"),
    ],
)
def test_other_results_and_arguments_are_clear_errors(methods, error, text):
    with pytest.raises(error, match=text):
        check_layer(affine_methods(**methods), X)


def test_one_number_is_an_output():
    class Energy:
        def forward(self, x):
            self.x = x
            return np.sum(x**2)

        def backward(self, grad):
            return 2 * grad * self.x

    assert check_layer(Energy(), X).right


def test_drawn_inputs_keep_to_the_domain():
    class Root:
        def forward(self, x):
            if np.any(x < 0):
                raise ValueError("negative")
            self.y = np.sqrt(x)
            return self.y

        def backward(self, grad):
            return grad / (2 * self.y)

    assert check_layer(Root(), input_shape=(4, 3)).right
    with pytest.raises(nn.InvalidValueError, match="each drawn input fails, the last one with ValueError: negative"):
        check_layer(from_callables(lambda x: Root().forward(-x), lambda grad: grad), input_shape=(4, 3))


@pytest.mark.parametrize("x", [np.arange(6).reshape(2, 3), [[1, 2, 3], [4, 5, 6]]])
def test_whole_numbers_are_numbers_where_fractions_count(x):
    assert list(check_layer(from_callables(lambda x: 2.0 * x, lambda grad: 2 * grad), x).arrays) == ["x"]
    with pytest.raises(GradientError):
        check_layer(from_callables(lambda x: 2.0 * x, lambda grad: 5 * grad), x)


def test_a_batch_of_one_is_looked_at():
    class Squares(nn.Layer):
        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, grad):
            return (2 if len(grad) > 1 else 1) * grad * self.x

    with pytest.raises(GradientError, match="constant factor 1/2"):
        check_layer(Squares(), X)


# ---- where generators are held --------------------------------------------------------------------
class OwnDropout:
    def __init__(self):
        self.rng = np.random.default_rng(3)

    def forward(self, x):
        self.mask = self.rng.random(x.shape) > 0.5
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


class ModuleDropout(OwnDropout):
    def forward(self, x):
        self.mask = SHARED.random(x.shape) > 0.5
        return x * self.mask


class SlottedDropout(OwnDropout):
    __slots__ = ("mask", "rng")


def dropout(x, rng):
    mask = rng.random(x.shape) > 0.5
    return x * mask, mask


def defaulting(x, rng=np.random.default_rng(2)):  # noqa: B008 (this is what is tested)
    return dropout(x, rng)


def of_module(x):
    mask = SHARED.random(x.shape) > 0.5
    return x * mask, mask


def masked(grad, mask):
    return grad * mask


OWN = OwnDropout()


@pytest.mark.parametrize(
    "layer",
    [
        OwnDropout(),
        ModuleDropout(),
        SlottedDropout(),
        from_callables(OWN.forward, OWN.backward),
        from_callables(functools.partial(dropout, rng=np.random.default_rng(1)), masked),
        from_callables(defaulting, masked),
        from_callables(of_module, masked),
    ],
    ids=["attribute", "module", "slot", "bound method", "partial", "default", "function's module"],
)
def test_generators_are_put_back_wherever_they_are_held(layer):
    before = SHARED.bit_generator.state
    assert check_layer(layer, X).right
    assert SHARED.bit_generator.state == before


# ---- found by those who tried -----------------------------------------------------------------------
class FixedFeatures:
    """Random Fourier features: W and b are never trained."""

    def __init__(self):
        self.W, self.b = RNG.normal(size=(3, 8)), RNG.uniform(0, 6, 8)

    def forward(self, x):
        self.z = x @ self.W + self.b
        return np.cos(self.z)

    def backward(self, grad):
        return (-np.sin(self.z) * grad) @ self.W.T


class Updating:
    """backward updates the weights; its rate is 0 unless somebody gives another."""

    def __init__(self):
        self.weights, self.bias = start("W"), start("b")[None]

    def forward(self, x):
        self.input = x
        self.output = x @ self.weights + self.bias
        return self.output

    def backward(self, output_error, learning_rate=0.0):
        input_error = output_error @ self.weights.T
        self.weights -= learning_rate * self.input.T @ output_error
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class Frozen(in_attributes("W", "dW", "b", "db")):
    trainable = None

    def __init__(self):
        super().__init__()
        self.trainable, self.dW, self.db = False, None, np.zeros(4)

    def put(self, name, grad):
        pass


@pytest.mark.parametrize("make", [FixedFeatures, Updating, Frozen])
def test_weights_without_any_gradient_are_noted(make):
    report = check_layer(make(), X)
    assert list(report.arrays) == ["x"]
    assert report.notes and all(note.startswith("not checked: ") for note in report.notes)


class GradsInDict(in_attributes("W", "dW", "b", "db")):
    def __init__(self):
        super().__init__()
        self.grads = {}

    def put(self, name, grad):
        self.grads[name] = grad


class NablaLists(Affine):
    def __init__(self):
        self.weights, self.biases = [start("W")], [start("b")]

    def get(self, name):
        return (self.weights if name == "W" else self.biases)[0]

    def put(self, name, grad):
        if name == "W":
            self.nabla_w = [grad]
        else:
            self.nabla_b = [grad]


class PairsOfTuples(Affine):
    def __init__(self):
        self.params, self.grads = (start("W"), start("b")), [None, None]

    def get(self, name):
        return self.params["Wb".index(name)]

    def put(self, name, grad):
        self.grads["Wb".index(name)] = grad


class Private(Affine):
    def __init__(self):
        self.__W, self.__b = start("W"), start("b")

    def get(self, name):
        return self.__W if name == "W" else self.__b

    def put(self, name, grad):
        if name == "W":
            self.__dW = grad
        else:
            self.__db = grad


MORE = [
    GradsInDict, NablaLists, PairsOfTuples, Private, in_attributes("W", "dE_dW", "b", "dE_db"),
    in_attributes("W", "W_update", "b", "b_update"), in_attributes("W", "partial_w", "b", "partial_b"),
    in_attributes("weights", "weights_error", "bias", "bias_error"),
]  # fmt: skip


@pytest.mark.parametrize("make", MORE)
def test_more_spellings(make):
    assert len(check_layer(make(), X).arrays) == 3
    layer = make()
    layer.factor = 2.0
    with pytest.raises(GradientError) as caught:
        check_layer(layer, X)
    assert caught.value.cause == "factor"


def test_arrays_in_lists_without_gradients_are_noted():
    class Lists(NablaLists):
        def put(self, name, grad):
            pass

    assert check_layer(Lists(), X).notes == [
        f"not checked: {name}, which changes the output; no gradient of it was found (names=…?)"
        for name in ("weights.0", "biases.0")
    ]


class ClearingGradients(in_attributes("W", "dW", "b", "db")):
    """zero_grad drops what forward kept, too."""

    def zero_grad(self):
        self.x = self.dW = self.db = None


class Summing(in_attributes("W", "dW", "b", "db")):
    """Gradients are added up until zero_grad."""

    def __init__(self):
        super().__init__()
        self.zero_grad()

    def zero_grad(self):
        self.dW, self.db = np.zeros((3, 4)), np.zeros(4)

    def put(self, name, grad):
        setattr(self, f"d{name}", getattr(self, f"d{name}") + grad)


@pytest.mark.parametrize("make", [ClearingGradients, Summing])
def test_zero_grad_is_called_before_forward(make):
    assert list(check_layer(make(), X).arrays) == ["x", "W", "b"]


def test_other_methods_of_the_same_names_do_no_harm():
    class Odd(in_attributes("W", "dW", "b", "db")):
        def parameters(self, prefix):
            raise RuntimeError(prefix)

    assert list(check_layer(Odd(), X).arrays) == ["x", "W", "b"]

    class Configured(nn.Layer):
        def __init__(self):
            self.config = {"a": 1}

        def forward(self, x):
            return 2 * x

        def backward(self, grad):
            return 2 * grad

    assert check_layer(Configured(), X).subject == "Configured"


def test_a_tuple_that_repeats_the_found_gradients_begins_with_that_of_x():
    class All(in_attributes("W", "dW", "b", "db")):
        def backward(self, grad):
            back = super().backward(grad)
            return back, self.dW, self.db

    assert list(check_layer(All(), X).arrays) == ["x", "W", "b"]


def test_an_input_that_is_rounded_to_places_stays_one_of_places():
    rows = RNG.normal(size=(7, 2))
    layer = from_callables(lambda x, w: w[x.astype(int)], lambda grad, x, w: (None, scattered(grad, x, w)), {"w": rows})
    assert list(check_layer(layer, np.array([0, 3, 6, 3])).arrays) == ["w"]


def scattered(grad, x, w):
    result = np.zeros_like(w)
    np.add.at(result, x.astype(int), grad)
    return result


class LeavingOne(LeavingResults):
    def backward(self, dvalues):
        super().backward(dvalues)
        self.dinput = self.__dict__.pop("dinputs")


def test_results_under_another_name():
    assert len(check_layer(LeavingOne(), X).arrays) == 3


class OwnEmbedding(nn.Layer):
    def __init__(self):
        self.rows = nn.Parameter(RNG.normal(size=(7, 3)))
        self.words = None

    def initialize(self, rng=None):
        self.rows.value = np.random.default_rng(rng).normal(size=(7, 3))

    def forward(self, words):
        if self.training:
            self.words = words
        return self.rows.value[words]

    def backward(self, grad):
        if self.words is None or not self.training:
            raise nn.StateError("backward needs a forward")
        self.rows.grad[:] = 0
        np.add.at(self.rows.grad, self.words, grad)
        return np.zeros(self.words.shape)


def test_the_strict_laws_take_layers_of_places():
    assert check_layer(OwnEmbedding(), RNG.integers(0, 7, (4, 5)), strict=True).right
