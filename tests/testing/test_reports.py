"""What a report and an error hold, how bad calls are refused, and what is told of a layer whose backward fails."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import tinynn as nn
from tinynn.testing import (
    GradientError,
    check_gradient,
    check_layer,
    check_loss,
    check_network,
    check_optimizer,
    from_callables,
    result_laws,
)
from tinynn.testing.report import Report
from tinynn.testing.subjects import Subject

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 3))


class ForeignDense:
    """Weights as `kernel`, their gradient as `update`: no spelling that anybody would guess."""

    def __init__(self):
        self.kernel, self.update = np.eye(3), None

    def forward(self, x):
        self.x = x
        return x @ self.kernel

    def backward(self, grad):
        self.update = self.x.T @ grad * self.factor
        return grad @ self.kernel.T

    factor = 1.0


class TransposedDense(nn.Layer):
    """Its weight's gradient does not fit."""

    def __init__(self):
        self.weight = nn.Parameter(np.ones((2, 3)))

    def forward(self, x):
        self.x = x
        return x @ self.weight.value.T

    def backward(self, grad):
        self.weight.grad = self.x.T @ grad
        return grad @ self.weight.value


def test_an_error_survives_pickling_and_copying():
    with pytest.raises(GradientError) as caught:
        check_gradient(np.sum, lambda x: 2 * np.ones_like(x), X)
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert str(twin) == str(caught.value)
        assert twin.cause == "factor"
        assert twin.report.arrays["x"].wrong == caught.value.report.arrays["x"].wrong


def test_a_message_names_parameter_index_values_error_tolerance_and_cause():
    def wrong(x):
        gradient = 2 * x
        gradient[1, 2] += 1
        return gradient

    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: np.sum(x**2), wrong, X)
    first, cause = str(caught.value).splitlines()[1:3]
    assert first.startswith("∂C/∂x[1, 2]: the code says ")
    for word in ("differences say", "±", "error 1.0e+00", "tolerance", "1 of 15 entries wrong"):
        assert word in first
    assert cause == "likely cause: ∂C/∂x is wrong in a single entry, [1, 2]"


def test_a_report_counts_evaluations_and_kinks():
    counted = []

    def f(x):
        counted.append(1)
        return np.sum(np.maximum(x, 0))

    report = check_gradient(f, lambda x: 1.0 * (x > 0), np.array([0.0, 1.0, -2.0]))
    assert report.arrays["x"].kinks == [(0,)]
    assert report.evaluations == len(counted) - 1  # the first one finds the shape
    assert "kinks" in str(report) and str(report).startswith("f: right")


def test_names_tell_what_no_spelling_shows():
    layer = ForeignDense()
    report = check_layer(layer, X)
    assert list(report.arrays) == ["x"]
    assert report.notes == ["not checked: kernel, which changes the output; no gradient of it was found (names=…?)"]
    assert str(report).endswith("\nrows are independent of one another\n" + report.notes[0])
    assert list(check_layer(layer, X, names={"kernel": "update"}).arrays) == ["x", "kernel"]
    assert list(check_layer(layer, X, names={}).arrays) == ["x"]
    layer.factor = 2.0
    with pytest.raises(GradientError, match="∂C/∂kernel is the right one times factor = 2|constant factor 2"):
        check_layer(layer, X, names={"kernel": "update"})
    with pytest.raises(nn.InvalidValueError, match="has no attribute 'weight'"):
        check_layer(layer, X, names={"weight": "update"})
    assert layer.update is None


def test_a_backward_that_fails_is_a_gradient_error():
    with pytest.raises(GradientError, match="backward fails with ShapeError") as caught:
        check_layer(TransposedDense(), X)
    assert caught.value.cause == "shape"


def test_bad_calls_are_clear_errors():
    with pytest.raises(nn.ShapeError, match="give either x, an input, or input_shape"):
        check_layer(nn.Tanh())
    with pytest.raises(nn.ShapeError, match="give either x"):
        check_layer(nn.Tanh(), X, input_shape=(5, 3))
    with pytest.raises(nn.DtypeError, match="forward"):
        check_layer(np.tanh, X)
    with pytest.raises(nn.InvalidValueError, match="not finite"):
        check_layer(nn.Tanh(), np.array([[np.inf]]))
    with pytest.raises(nn.DtypeError, match="forward"):
        check_loss(3, X, X)
    with pytest.raises(nn.DtypeError, match="strict=True is for tinynn layers"):
        check_layer(ForeignDense(), X, strict=True, names={})
    with pytest.raises(GradientError, match="expected 1 parameters' gradients"):
        check_layer(from_callables(lambda x, w: x * w, lambda g, x, w: (g * w, g, g), {"w": np.ones(3)}), X)


def test_the_order_of_backward_s_arguments_is_found():
    def forward(x, w):
        return x * w

    for backward in (
        lambda grad, x, w: (grad * w, (grad * x).sum(axis=0)),
        lambda x, grad, w: (grad * w, (grad * x).sum(axis=0)),
        lambda x, w, grad: (grad * w, (grad * x).sum(axis=0)),
        lambda dout, x, w: (dout * w, {"w": (dout * x).sum(axis=0)}),
    ):
        assert check_layer(from_callables(forward, backward, {"w": np.array([1.0, -2.0, 0.5])}), X).right


def test_coupling_is_reported_and_can_be_forbidden():
    centre = from_callables(lambda x: x - x.mean(axis=0), lambda grad: grad - grad.mean(axis=0))
    assert check_layer(centre, X).couples_batch is True
    assert check_layer(nn.Tanh(), X).couples_batch is False
    with pytest.raises(GradientError, match="depends on the other rows") as caught:
        check_layer(centre, X, couples_batch=False)
    assert caught.value.cause == "couples-batch"


def test_a_network_names_the_first_layer_where_the_numbers_part():
    model = nn.Sequential(nn.Dense(3, 4, rng=0), nn.Tanh(), TransposedDense())
    model[2].weight = nn.Parameter(np.ones((2, 4)))
    with pytest.raises(GradientError):
        check_network(model, nn.MSE(), X, np.zeros((5, 2)))
    assert check_network(model[:2], nn.MSE(), X, np.zeros((5, 4))).right


class FlatDense:
    """Parameters in a dict, in float32."""

    def __init__(self):
        self.params = {"w": np.eye(3, dtype=np.float32) / 3}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["w"]

    def backward(self, grad):
        self.grads["w"] = self.x.T @ grad
        return grad @ self.params["w"].T


def test_parameters_in_a_dict_are_converted():
    layer = FlatDense()
    report = check_layer(layer, X)
    assert report.arrays["w"].largest_error < 1e-9
    assert layer.params["w"].dtype == np.float32 and layer.grads == {}


class Exponential(nn.Layer):
    """exp(± x), which is not finite on one side alone."""

    def __init__(self, sign=1.0):
        self.sign = sign

    def forward(self, x):
        if not self.training:
            return np.exp(self.sign * x)
        self.y = np.exp(self.sign * x)
        return self.y

    def backward(self, grad):
        if not self.training or not hasattr(self, "y"):
            raise nn.StateError("backward needs a forward")
        return grad * self.y * self.sign


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.filterwarnings("ignore:overflow")
def test_finite_at_a_thousand_means_both_signs(sign):
    with pytest.raises(GradientError, match="±1000"):
        check_layer(Exponential(sign), np.array([[0.5, -0.25], [0.75, -0.5]]), strict=True)


LAYER_LAWS = """deterministic, writes into nobody's arrays, gradients overwritten, nothing stale, backward linear,
    no shared memory"""
OWN_LAWS = "backward_parameters, float32 kept"
STRICT_LAWS = """backward without a forward is an error, finite at ±1000, batches of one and of none, any memory layout,
    rows one by one, the same seed gives the same bits, copies, pickles and states, evaluation mode allocates afresh,
    evaluation mode is thread-safe"""
LOSS_LAWS = "deterministic, writes into nobody's arrays, nothing stale"
OPTIMIZER_LAWS = "keeps arrays, dtypes and gradients, finite at a gradient of 0, a state for each parameter, descends"


def held(report):
    """What the report says of the laws, as one line of words."""
    (line,) = [line for line in str(report).splitlines() if line.startswith("laws held: ")]
    assert line == f"laws held: {', '.join(report.laws)}"
    return line.removeprefix("laws held: ")


def words(*texts):
    return ", ".join(" ".join(text.split()) for text in texts)


class SquaredSum:
    def forward(self, prediction, target):
        self.d = prediction - target
        return float((self.d**2).sum())

    def backward(self):
        return 2 * self.d


class Descent:
    def __init__(self, parameters):
        self.parameters = parameters

    def step(self):
        for p in self.parameters:
            p.value -= 0.05 * p.grad


def test_a_report_names_the_laws_that_were_found_to_hold():
    assert held(check_layer(ForeignDense(), X, names={"kernel": "update"})) == words(LAYER_LAWS)
    assert held(check_layer(nn.Dense(3, 2, rng=0), X)) == words(LAYER_LAWS, OWN_LAWS)
    assert held(check_layer(nn.Dense(3, 2, rng=0), X, strict=True)) == words(LAYER_LAWS, OWN_LAWS, STRICT_LAWS)
    assert held(check_loss(SquaredSum(), X, X + 1)) == LOSS_LAWS
    own = words(LOSS_LAWS, "mean over the batch, sample weights")
    assert held(check_loss(nn.MSE(), X, X + 1)) == own
    strict = words(own, "finite at ±1000, float32 kept, targets of another shape refused")
    assert held(check_loss(nn.MSE(), X, X + 1, strict=True)) == strict
    assert held(check_optimizer(Descent)) == OPTIMIZER_LAWS
    assert held(check_optimizer(lambda parameters: nn.SGD(parameters, 0.1))) == words(
        OPTIMIZER_LAWS,
        "converges, the rate is followed, schedules see step 0 first, duplicates refused, goes on from its state",
    )
    like = check_optimizer(lambda parameters: nn.SGD(parameters, 0.05), like=Descent)
    assert "a state for each parameter, the rule step for step, descends" in held(like)


def test_a_table_has_a_row_for_each_array_and_a_line_on_coupling():
    lines = str(check_layer(nn.Dense(3, 2, rng=0), X)).splitlines()
    assert lines[0] == "Dense(3, 2): right"
    assert [line.split()[0] for line in lines[1:5]] == ["array", "x", "weight", "bias"]
    assert lines[1] == "array    shape         largest error  at            noise    kinks  evaluations"
    assert lines[-1] == "rows are independent of one another"
    centre = from_callables(lambda x: x - x.mean(axis=0), lambda grad: grad - grad.mean(axis=0))
    assert str(check_layer(centre, X)).splitlines()[-1] == "rows depend on one another"
    named = check_network(nn.Sequential(nn.Dense(3, 2, rng=0)), nn.MSE(), X, np.zeros((5, 2)))
    assert str(named).splitlines()[0] == "Sequential(Dense(3, 2)) under MSE(): right"
    assert list(named.arrays) == ["x", "0.weight", "0.bias"]


# ---- coupling, on layers made for it --------------------------------------------------------------
def coupled(forward, backward, x=X):
    return check_layer(from_callables(forward, backward), x).couples_batch


def test_what_couples_rows():
    assert coupled(lambda x: x / len(x), lambda grad: grad / len(grad)) is True  # only how many there are
    assert coupled(lambda x: x - x[:1], lambda grad: grad - np.eye(len(grad))[:1].T * grad.sum(axis=0)) is True
    assert coupled(lambda x: x[::-1], lambda grad: grad[::-1]) is True
    assert coupled(lambda x: x * 1e-9 + 1e9, lambda grad: grad * 1e-9) is False
    assert coupled(np.tanh, lambda grad, x: grad / np.cosh(x) ** 2, X[:1]) is False
    assert coupled(lambda x: np.array(x.sum()), lambda grad: np.full(X.shape, grad)) is None
    assert coupled(lambda x: x.T, lambda grad: grad.T) is None  # as many rows as features: no batch that one knows
    assert coupled(lambda x: x[:0], lambda grad: np.zeros(X.shape)) is None


def test_random_numbers_do_not_couple_rows():
    def dropout(x):
        mask = np.random.random(x.shape) < 0.5
        return x * mask, mask

    assert coupled(dropout, lambda grad, mask: grad * mask) is False
    layer = nn.Sequential(nn.Dropout(0.5, rng=0), nn.Dense(3, 2, rng=1))
    assert check_layer(layer, X).couples_batch is False


def test_a_layer_for_one_size_of_batch_couples_its_rows():
    def forward(x):
        if len(x) != 5:
            raise ValueError("five rows, please")
        return 2 * x

    assert coupled(forward, lambda grad: 2 * grad) is True


# ---- linearity, where the derivative is right for the upstream gradients that are drawn -----------------
class Moody(nn.Layer):
    """Its gain's gradient is doubled where the first upstream number is positive."""

    def __init__(self):
        self.gain = nn.Parameter(np.ones(3))

    def forward(self, x):
        self.x = x
        return x * self.gain.value

    def backward(self, grad):
        self.gain.grad = (grad * self.x).sum(axis=0) * (2 if grad.flat[0] > 0 else 1)
        return grad * self.gain.value


def test_a_backward_that_scales_but_does_not_add_up():
    subject, report, inputs = Subject(Moody()), Report("Moody()"), {"x": X}
    subject.begin(inputs)
    upstream = -np.ones(X.shape)
    draws = SimpleNamespace(normal=lambda size: np.full(size, 3.0))
    with pytest.raises(GradientError) as caught:
        result_laws.is_linear(subject, report, inputs, upstream, draws)
    assert str(caught.value) == (
        "Moody(): ∂C/∂gain is not linear in the upstream gradient: backward(u + v) ≠ backward(u) + backward(v)"
    )
    draws = SimpleNamespace(normal=lambda size: np.full(size, -3.0))
    result_laws.is_linear(subject, report, inputs, upstream, draws)
    assert report.laws == ["backward linear"]
