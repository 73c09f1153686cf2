"""Losses in the styles in which people write them: how they are called, what they give, what is refused and how."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import tinynn as nn
from tinynn.testing import GradientError, check_loss

P, T = np.random.default_rng(1).normal(size=(6, 4)), np.random.default_rng(2).normal(size=(6, 4))


class Mean:
    """The mean of (p − t)²; subclasses change how that is called, or what is wrong with it."""

    def forward(self, p, t):
        self.p, self.t = p, t
        return np.mean((p - t) ** 2)

    def slope(self):
        return 2 * (self.p - self.t) / self.p.size

    def backward(self):
        return self.slope()


class Upstream(Mean):
    def backward(self, dout):
        return dout * self.slope()


class UpstreamFirst(Mean):
    def backward(self, grad, p, t):
        return grad * 2 * (p - t) / p.size


class UpstreamLast(Mean):
    def backward(self, p, t, grad):
        return grad * 2 * (p - t) / p.size


class OfTarget(Mean):
    def backward(self, y_true):
        return 2 * (self.p - y_true) / self.p.size


class OfPrediction(Mean):
    def backward(self, y_pred):
        return 2 * (y_pred - self.t) / y_pred.size


class OfBoth(Mean):
    def backward(self, *pair):
        p, t = pair
        return 2 * (p - t) / p.size


class Property(Mean):
    backward = None

    @property
    def gradient(self):
        return self.slope()


Property.backward = property(lambda self: self.slope())


class Both(Mean):
    def backward(self):
        return self.slope(), -self.slope()


class TargetFirst:
    factor = 1

    def __call__(self, y_true, y_pred):
        return np.mean((y_pred - y_true) ** 2)

    def gradient(self, y_true, y_pred):
        return self.factor * 2 * (y_pred - y_true) / y_pred.size


class PredictionIsY:
    """(y, t), where y is the network's output."""

    def forward(self, y, t):
        self.y, self.t = y, t
        return 0.5 * np.sum((y - t) ** 2)

    def backward(self, dout=1):
        return dout * (self.y - self.t)


class NoTarget:
    def forward(self, p, t):
        assert t is None
        self.p = p
        return 0.5 * np.mean(p**2)

    def backward(self):
        return self.p / self.p.size


class MaskedDict:
    def forward(self, p, t):
        self.p, self.y, self.mask = p, t["y"], t["mask"]
        return np.sum(self.mask * (p - self.y) ** 2)

    def backward(self):
        return 2 * self.mask * (self.p - self.y)


class MaskedPair(MaskedDict):
    def forward(self, p, t):
        return super().forward(p, dict(zip(("y", "mask"), t, strict=True)))


class Noisy(Mean):
    def forward(self, p, t):
        return super().forward(p + 0.1 * np.random.normal(size=p.shape), t)


class WrongNoisy(Noisy):
    def backward(self):
        return 2 * self.slope()


class Own(nn.Loss):
    """A tinynn Loss whose target may be one row."""

    def forward(self, prediction, target, sample_weight=None):
        self.difference = prediction - target
        return float(np.mean(self.difference**2))

    def backward(self):
        return 2 * self.difference / self.difference.size


class RefusingWeights(Own):
    def forward(self, prediction, target, sample_weight=None):
        if sample_weight is not None:
            raise NotImplementedError
        return super().forward(prediction, target)


class WeightByName(nn.Loss):
    def forward(self, prediction, target, *, sample_weight=None):
        weight = np.ones(len(prediction)) if sample_weight is None else sample_weight
        share = weight[:, None] / weight.sum()
        self.slope = 2 * share * (prediction - target)
        return float(np.sum(share * (prediction - target) ** 2))

    def backward(self):
        return self.slope


class LeavingResults(Mean):
    def backward(self, dvalues, y_true):
        self.dinputs = 2 * (dvalues - y_true) / dvalues.size


def named(first, second):
    """A loss whose arguments have these names; the one that is the target stands first."""
    forward = eval(f"lambda self, {first}, {second}: self.keep({second}, {first})")
    return type(f"{first}_{second}", (Mean,), {"forward": forward, "keep": Mean.forward})()


NAMES = [
    *(("actual", "predicted"), ("truth", "prediction"), ("targets", "inputs"), ("y_true", "probs")),
    *(("y_true", "x"), ("t", "y"), ("T", "Y"), ("target", "y"), ("expected", "actual"), ("y", "y_hat"), ("y", "a")),
]
MASK = (T > 0) * 1.0
RIGHT = [
    *((cls(), T) for cls in (Mean, Upstream, UpstreamFirst, UpstreamLast, OfTarget, OfPrediction, OfBoth, Property)),
    *((cls(), T) for cls in (Both, TargetFirst, PredictionIsY, Noisy, RefusingWeights, WeightByName)),
    *((NoTarget(), None), (MaskedDict(), {"y": T, "mask": MASK}), (MaskedPair(), (T, MASK)), (Own(), T[0])),
    *((nn.SoftmaxCrossEntropy(), [0, 1, 2, 3, 0, 1]), (nn.SoftmaxCrossEntropy(), (0, 1, 2, 3, 0, 1))),
    (nn.MSE(), T.tolist()),
    (LeavingResults(), T),
    *((named(*names), T) for names in NAMES),
]


@pytest.mark.parametrize(("loss", "target"), RIGHT, ids=[type(row[0]).__name__ for row in RIGHT])
def test_right_ones_pass(loss, target):
    assert check_loss(loss, P, target).right


# ---- what is wrong ------------------------------------------------------------------------------
class Nothing(Mean):
    def backward(self):
        self.result = self.slope()


class Failing(Mean):
    def backward(self):
        return self.nothing


class FirstBuffer(Mean):
    buffer = None

    def backward(self):
        if self.buffer is None:
            self.buffer = np.empty_like(self.p)
        return np.multiply(2 / self.p.size, self.p - self.t, out=self.buffer)


class Single(Mean):
    def forward(self, p, t):
        return float(super().forward(p.astype(np.float32), t.astype(np.float32)))

    def backward(self):
        return self.slope().astype(np.float64)


class TargetFirstWrong(TargetFirst):
    factor = -1


@pytest.mark.parametrize(
    ("loss", "cause", "text"),
    [
        (Nothing(), "forgotten", "∂C/∂prediction is None: nothing was returned or written"),
        (Failing(), "shape", "backward fails with AttributeError: 'Failing' object has no attribute 'nothing'"),
        (FirstBuffer(), "stale", "after another batch the loss fails, which a loss never used does not"),
        (Single(), "dtype", "forward rounds the prediction to float32 at once: a hard-coded dtype"),
        (TargetFirstWrong(), "sign", "∂C/∂prediction has the wrong sign"),
    ],
)
def test_wrong_ones_are_named(loss, cause, text):
    with pytest.raises(GradientError) as caught:
        check_loss(loss, P, T)
    assert caught.value.cause == cause
    assert text in str(caught.value)


class Locked(Mean):
    def __init__(self):
        self.lock = threading.Lock()


def giving(value):
    return type("Giving", (Mean,), {"forward": lambda self, p, t: value})()


def value_and_gradient(p, t):
    return np.mean((p - t) ** 2), 2 * (p - t) / p.size


@pytest.mark.parametrize(
    ("loss", "error", "text"),
    [
        (value_and_gradient, nn.DtypeError, r"got a tuple of 2; .*check_gradient\(lambda p: f\(p, target\)\[0\]"),
        (nn.MSE, nn.DtypeError, r"expected a loss, got the class MSE; pass an instance, such as MSE\(\)"),
        (giving(None), nn.DtypeError, "expected one real number from forward, got None"),
        (giving(1 + 2j), nn.DtypeError, r"expected one real number from forward, got \(1\+2j\)"),
        (giving(np.ones(3)), nn.ShapeError, r"expected one number from forward, got an array of shape \(3,\)"),
        (Locked(), nn.InvalidValueError, "Locked cannot be copied"),
        (3, nn.DtypeError, "expected a loss with forward"),
        (lambda p, t: 1.0, nn.DtypeError, r"expected a method backward\(\)"),
    ],
)
def test_what_is_no_such_loss_is_a_clear_error(loss, error, text):
    with pytest.raises(error, match=text):
        check_loss(loss, P, T)


def test_a_prediction_that_is_not_finite_is_refused():
    with pytest.raises(nn.InvalidValueError, match="prediction holds values that are not finite"):
        check_loss(nn.MSE(), np.where(P > 1, np.nan, P), T)


def test_global_generators_are_left_as_they_were():
    expected = np.random.RandomState()
    expected.set_state(np.random.get_state())
    check_loss(Noisy(), P, T)
    with pytest.raises(GradientError):
        check_loss(WrongNoisy(), P, T)
    assert np.random.random(5).tolist() == expected.random_sample(5).tolist()
