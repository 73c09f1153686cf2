"""A wrong network: the chain is followed back from the loss to the first link where the numbers part."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn
from tinynn.testing import GradientError, check_network

RNG = np.random.default_rng(6)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


class Doubling(nn.Identity):
    def backward(self, grad):
        return 2 * super().backward(grad)


class HalvedMSE(nn.MSE):
    def backward(self):
        return 0.5 * super().backward()


class ForeignModel:
    """A list of layers by another framework's habits; `extra` spoils how they are joined."""

    extra = 1.0

    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return self.extra * grad


class ForeignAffine:
    def __init__(self, wrong=False):
        self.w, self.b, self.wrong = RNG.normal(size=(3, 2)), np.zeros(2), wrong

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad):
        self.dw = self.x.T @ grad
        self.db = grad.mean(axis=0) if self.wrong else grad.sum(axis=0)
        return grad @ self.w.T


def caught(model, loss=None, x=X, y=Y):
    with pytest.raises(GradientError) as found:
        check_network(model, loss or nn.MSE(), x, y)
    return found.value


def links(error):
    """(right or wrong, link) of each line about a link."""
    return [tuple(line.split(": ", 1)) for line in error.report.notes]


def chain(place):
    layers = [nn.Dense(3, 4, rng=0), nn.Tanh(), nn.Dense(4, 2, rng=1)]
    layers.insert(place, Doubling())
    return nn.Sequential(*layers)


NAMES = ["Dense(3, 4)", "Tanh()", "Dense(4, 2)"]


@pytest.mark.parametrize("place", range(4))
def test_the_links_up_to_the_wrong_one_are_named(place):
    error = caught(chain(place))
    names = NAMES.copy()
    names.insert(place, "Doubling()")
    seen = [("right", "∂C/∂prediction, of MSE()")]
    seen += [("right", f"∂C/∂input and parameters of {name}") for name in reversed(names[place + 1 :])]
    seen += [("wrong", "∂C/∂input and parameters of Doubling()")]
    assert links(error) == seen
    lines = str(error).splitlines()
    assert lines[0].startswith("Sequential(")
    assert lines[0].endswith(
        " under MSE(): wrong gradient; going back from the loss, the numbers part at "
        "∂C/∂input and parameters of Doubling()"
    )
    assert lines[1 : len(seen) + 1] == error.report.notes
    assert lines[len(seen) + 1] == "Doubling(): wrong gradient"
    assert "likely cause: ∂C/∂x is the right one times the constant factor 2" in lines
    assert error.cause == "factor"
    assert error.report.arrays and error.report.wrong


def test_a_wrong_loss_is_the_first_link():
    error = caught(nn.Sequential(nn.Dense(3, 2, rng=0)), HalvedMSE())
    assert links(error) == [("wrong", "∂C/∂prediction, of HalvedMSE()")]
    assert error.cause == "factor"
    assert str(error).splitlines()[0] == (
        "Sequential(Dense(3, 2)) under HalvedMSE(): wrong gradient; going back from the loss, the numbers part at "
        "∂C/∂prediction, of HalvedMSE()"
    )


def test_a_foreign_model_is_followed_through_its_layers():
    assert check_network(ForeignModel(ForeignAffine(), nn.Tanh()), nn.MSE(), X, Y).right
    error = caught(ForeignModel(ForeignAffine(wrong=True), nn.Tanh()))
    assert error.cause == "batch-mean"
    assert [array.name for array in error.report.wrong] == ["layers.0.b"]
    assert links(error) == [
        ("right", "∂C/∂prediction, of MSE()"),
        ("right", "∂C/∂input and parameters of Tanh()"),
        ("wrong", "∂C/∂input and parameters of ForeignAffine"),
    ]


def test_layers_that_are_right_and_joined_wrongly():
    model = ForeignModel(nn.Dense(3, 2, rng=0), nn.Tanh())
    model.extra = 3.0
    error = caught(model)
    assert error.cause == "unknown"
    assert error.report.causes[0].text == "every layer by itself is right: look at how they are joined"
    assert "likely cause: every layer by itself is right: look at how they are joined" in str(error)
    alone = ForeignModel(nn.Dense(3, 2, rng=0))
    alone.parts, alone.layers = alone.layers, []
    alone.forward, alone.backward = (lambda x: 2 * x[:, :2]), (lambda grad: np.pad(grad, ((0, 0), (0, 1))))
    assert caught(alone).cause == "factor"


def test_integers_go_in_as_they_are():
    class Table(nn.Layer):
        def __init__(self):
            self.rows = nn.Parameter(RNG.normal(size=(4, 2)))

        def forward(self, x):
            assert x.dtype.kind == "i"
            self.x = x
            return self.rows.value[x]

        def backward(self, grad):
            self.rows.grad[:] = 0
            np.add.at(self.rows.grad, self.x, grad)
            return np.zeros(self.x.shape)

    report = check_network(Table(), nn.MSE(), np.array([0, 3, 3, 1, 2]), Y)
    assert list(report.arrays) == ["rows"]


def test_dropout_is_frozen_and_put_back():
    model = nn.Sequential(nn.Dense(3, 8, rng=0), nn.Dropout(0.5, rng=1), nn.Dense(8, 2, rng=2))
    state = model[1].rng.bit_generator.state
    assert check_network(model, nn.MSE(), X, Y).right
    assert model[1].rng.bit_generator.state == state


def test_another_seed_asks_in_other_directions():
    model = nn.Sequential(nn.Dense(60, 50, rng=0), nn.Tanh(), nn.Dense(50, 2, rng=1))
    x = RNG.normal(size=(5, 60))
    reports = [check_network(model, nn.MSE(), x, Y, rng=seed) for seed in (0, 0, 1)]
    assert reports[0].arrays["0.weight"].method == "blocks"
    assert str(reports[0]) == str(reports[1]) != str(reports[2])
    whole = check_network(model, nn.MSE(), x, Y, elementwise=3000)
    assert whole.arrays["0.weight"].method == "differences"


# ---- laws of the model as a whole -----------------------------------------------------------------
class Linear(nn.Layer):
    def __init__(self):
        self.weight = nn.Parameter(np.random.default_rng(0).normal(size=(3, 2)))

    def forward(self, x):
        self.x = x
        return x @ self.weight.value

    def backward(self, grad):
        self.weight.grad[:] = self.x.T @ grad
        return grad @ self.weight.value.T


class Accumulating(Linear):
    def backward(self, grad):
        self.weight.grad[:] += self.x.T @ grad
        return grad @ self.weight.value.T


class Unseeded(nn.Identity):
    def forward(self, x):
        return super().forward(x * np.random.default_rng().integers(1, 3, x.shape))


class PreviousInput(nn.Layer):
    """The slope is that at the input of the call before."""

    before = None

    def forward(self, x):
        self.at = x if self.before is None or self.before.shape != x.shape else self.before
        self.before = x.copy()
        return x**2

    def backward(self, grad):
        return 2 * grad * self.at


class WritingIntoInput(nn.Layer):
    def forward(self, x):
        x *= x > 0
        self.mask = x > 0
        return x

    def backward(self, grad):
        return grad * self.mask


@pytest.mark.parametrize(
    ("layers", "cause"),
    [
        ([Accumulating()], "accumulates"),
        ([nn.Dense(3, 3, rng=0), Accumulating(), nn.Tanh()], "accumulates"),
        ([Linear(), Unseeded()], "nondeterministic"),
        ([Linear(), PreviousInput()], "stale"),
        ([WritingIntoInput(), Linear()], "mutates"),
    ],
)
def test_laws_broken_inside_a_network_are_found(layers, cause):
    assert caught(nn.Sequential(*layers)).cause == cause
    assert check_network(nn.Sequential(Linear()), nn.MSE(), X, Y).right


class RidgeLoss:
    """The mean square and a charge for the weights of a model."""

    def __init__(self, model):
        self.model = model

    def forward(self, prediction, target):
        self.difference = prediction - target
        return np.mean(self.difference**2) + 0.05 * np.sum(self.model.w**2)

    def backward(self):
        return 2 * self.difference / self.difference.size


class RidgeModel(ForeignAffine):
    charge = 0.1

    def backward(self, grad):
        back = super().backward(grad)
        self.dw = self.dw + self.charge * self.w
        return back


def test_a_loss_may_charge_for_the_weights_of_the_model():
    model = RidgeModel()
    assert check_network(model, RidgeLoss(model), X, Y).right
    model.charge = 0.0
    assert [array.name for array in caught(model, RidgeLoss(model)).report.wrong] == ["w"]


# ---- models that are no chain of their `layers` -----------------------------------------------------
class Sizes(ForeignAffine):
    layers = (3, 2)


class Named(ForeignModel):
    """Its layers are in a dict."""

    def __init__(self, *layers):
        self.layers = {f"layer {k}": layer for k, layer in enumerate(layers)}

    def forward(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers.values()):
            grad = layer.backward(grad)
        return grad


class Sum(ForeignModel):
    def forward(self, x):
        return sum(layer.forward(x) for layer in self.layers)

    def backward(self, grad):
        return sum(layer.backward(grad) for layer in self.layers)


class OverParameters(ForeignAffine):
    def __iter__(self):
        return iter([self.w, self.b])


@pytest.mark.parametrize(
    ("make", "link"),
    [
        (Sizes, "Sizes"),
        (OverParameters, "OverParameters"),
        (lambda wrong: Named(nn.Tanh(), ForeignAffine(wrong)), "ForeignAffine"),
        (lambda wrong: Sum(ForeignAffine(), ForeignAffine(wrong)), "Sum"),
    ],
)
def test_other_models_are_followed_as_far_as_they_go(make, link):
    assert check_network(make(False), nn.MSE(), X, Y).right
    error = caught(make(True))
    assert error.cause == "batch-mean"
    assert links(error)[-1] == ("wrong", f"∂C/∂input and parameters of {link}")
