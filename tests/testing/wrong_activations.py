"""Activations as layers: masks, upstream gradients and slopes with parameters."""

from __future__ import annotations

import numpy as np
from testing.right import sigmoid
from testing.wrong import UNCLEAR, Faulty, layer_cases, normal

import tinynn as nn
from tinynn import testing as kit


class ReLU(Faulty):
    def forward(self, x):
        if self.fault != "stale mask" or not hasattr(self, "mask") or self.mask.shape != x.shape:
            self.mask = x > 0
        return np.maximum(x, 0)

    def backward(self, grad):
        if self.fault == "guided by the upstream's sign":
            return grad * self.mask * (grad > 0)
        if self.fault == "masked by the upstream":
            return grad * (grad > 0)
        if self.fault == "upstream ignored":
            return self.mask.astype(grad.dtype)
        if self.fault == "mask forgotten":
            return grad.copy()
        if self.fault == "mask inverted":
            return grad * ~self.mask
        return grad * self.mask


class Sigmoid(Faulty):
    """σ(x / T)."""

    temperature = 2.5

    def forward(self, x):
        self.y = sigmoid(x / self.temperature)
        return self.y

    def backward(self, grad):
        slope = self.y * (1 - self.y)
        if self.fault == "upstream ignored":
            return slope / self.temperature
        if self.fault == "temperature forgotten":
            return grad * slope
        if self.fault == "upstream added":
            return grad + slope / self.temperature
        if self.fault == "upstream squared":
            return grad**2 * slope / self.temperature
        return grad * slope / self.temperature


class PReLU(Faulty):
    """y = x above 0, a x below, with one a per feature."""

    def build(self):
        self.a = nn.Parameter(np.array([0.1, 0.25, 0.4]))

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a.value * x)

    def backward(self, grad):
        x, a = self.x, self.a.value
        self.a.grad = np.sum(grad * np.minimum(x, 0), axis=0)
        match self.fault:
            case "a from the other side":
                self.a.grad = np.sum(grad * np.maximum(x, 0), axis=0)
            case "a of one row":
                self.a.grad = (grad * np.minimum(x, 0))[0]
            case "a as |x|":
                self.a.grad = -self.a.grad
            case "a shared by all features":
                self.a.grad = np.full_like(a, np.sum(grad * np.minimum(x, 0)))
            case "a forgotten in the input":
                return grad * (x > 0)
        return grad * np.where(x > 0, 1, a)


class Scale(Faulty):
    """y = g x + s, feature by feature."""

    def build(self):
        self.gain, self.shift = nn.Parameter(np.array([0.5, 2.0, -1.5])), nn.Parameter(normal(3))

    def forward(self, x):
        self.x = x
        return self.gain.value * x + self.shift.value

    def backward(self, grad):
        gain, shift = np.sum(grad * self.x, axis=0), grad.sum(axis=0)
        if self.fault == "gain and shift swapped":
            gain, shift = shift, gain
        if self.fault == "gain without x":
            gain = shift
        if self.fault == "gain mean":
            gain = np.mean(grad * self.x, axis=0)
        self.gain.grad, self.shift.grad = gain, shift
        if self.fault == "input without the gain":
            return grad.copy()
        if self.fault == "input over the gain":
            return grad / self.gain.value
        return grad * self.gain.value


def relu_functions(fault):
    """A forward that gives a value and a backward that is given the upstream gradient and x."""

    def backward(grad, x):
        return np.where(x < 0, grad, 0) if fault == "the wrong side" else np.where(x > 0, grad, 0)

    return kit.from_callables(lambda x: np.maximum(x, 0), backward)


CASES = [
    *layer_cases(
        ReLU,
        [
            ("stale mask", "stale"),
            ("guided by the upstream's sign", ("nonlinear", "branch")),
            ("masked by the upstream", ("nonlinear", "branch")),
            ("upstream ignored", "upstream-ignored"),
            ("mask forgotten", "branch"),
            ("mask inverted", ("branch", *UNCLEAR)),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        Sigmoid,
        [
            ("upstream ignored", "upstream-ignored"),
            ("temperature forgotten", "factor", "temperature"),
            ("upstream added", ("nonlinear", *UNCLEAR)),
            ("upstream squared", ("nonlinear", "entry-factor")),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        PReLU,
        [
            ("a from the other side", UNCLEAR, "a"),
            ("a of one row", "batch-sum", "a"),
            ("a as |x|", "sign", "a"),
            ("a shared by all features", UNCLEAR, "a"),
            ("a forgotten in the input", "branch"),
        ],
        input_shape=(8, 3),
    ),
    *layer_cases(
        Scale,
        [
            ("gain and shift swapped", "swapped"),
            ("gain without x", ("swapped", *UNCLEAR), "gain"),
            ("gain mean", "batch-mean", "gain"),
            ("input without the gain", "entry-factor"),
            ("input over the gain", "entry-factor"),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(relu_functions, [("the wrong side", ("branch", *UNCLEAR))], input_shape=(5, 3)),
]
