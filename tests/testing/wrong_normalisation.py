"""Normalisations and softmax: a term forgotten in the derivative, or zeros that an upstream of ones calls right."""

from __future__ import annotations

import numpy as np
from testing.right import softmax
from testing.wrong import UNCLEAR, Faulty, layer_cases, normal

import tinynn as nn

TERM = ("normalisation", *UNCLEAR)


def total(x, axis=-1):
    return np.sum(x, axis=axis, keepdims=True)


def mean(x, axis=-1):
    return np.mean(x, axis=axis, keepdims=True)


class Softmax(Faulty):
    """y = softmax(x) over the features."""

    def forward(self, x):
        self.y = softmax(x)
        return self.y

    def backward(self, grad):
        y = self.y
        match self.fault:
            case "diagonal only":
                return grad * y * (1 - y)
            case "sum forgotten":
                return grad * y
            case "sum over the batch":
                return y * (grad - total(grad * y, axis=0))
            case "sum not weighted by y":
                return y * (grad - mean(grad))
            case "y forgotten outside":
                return grad - total(grad * y)
            case "left to the cross-entropy":
                return grad.copy()
            case "Jacobian of the first row":
                return y[0] * (grad - total(grad * y[0]))
            case "zeros, right for an upstream of ones":
                return np.zeros_like(y)
        return y * (grad - total(grad * y))


class LogSoftmax(Faulty):
    """y = log softmax(x) over the features."""

    def forward(self, x):
        shifted = x - x.max(axis=-1, keepdims=True)
        self.y = shifted - np.log(total(np.exp(shifted)))
        return self.y

    def backward(self, grad):
        match self.fault:
            case "softmax term forgotten":
                return grad.copy()
            case "upstream not summed":
                return grad - np.exp(self.y) * grad
            case "upstream's mean instead of its sum":
                return grad - np.exp(self.y) * mean(grad)
            case "as if the upstream were one-hot":
                return grad - np.exp(self.y)
        return grad - np.exp(self.y) * total(grad)


class TemperatureSoftmax(Softmax):
    """y = softmax(x / T)."""

    temperature = 2.5

    def forward(self, x):
        return super().forward(x / self.temperature)

    def backward(self, grad):
        back = super().backward(grad)
        match self.fault:
            case "1/T forgotten":
                return back
            case "times T":
                return back * self.temperature
        return back / self.temperature


class LayerNorm(Faulty):
    """y = g x̂ + s with x̂ = (x − μ) / √(σ² + ε), over the features of each row."""

    axis, epsilon = -1, 1e-5

    def build(self):
        self.gain, self.shift = nn.Parameter(1 + normal(5, scale=0.5)), nn.Parameter(normal(5, seed=1))

    def forward(self, x):
        self.x, self.centred = x, x - mean(x, self.axis)
        self.variance = mean(self.centred**2, self.axis)
        self.deviation = np.sqrt(self.variance + self.epsilon)
        self.normalised = self.centred / self.deviation
        return self.gain.value * self.normalised + self.shift.value

    def backward(self, grad):
        axis, gain, deviation, normalised = self.axis, self.gain.value, self.deviation, self.normalised
        gain_grad, shift_grad = np.sum(grad * normalised, axis=0), np.sum(grad, axis=0)
        inner = grad * gain
        mean_term, variance_term = mean(inner, axis), normalised * mean(inner * normalised, axis)
        match self.fault:
            case "mean term forgotten":
                mean_term = 0
            case "variance term forgotten":
                variance_term = 0
            case "statistics taken for constants":
                mean_term = variance_term = 0
            case "variance term of x":
                variance_term = self.x * mean(inner * normalised, axis)
            case "variance over n - 1":
                variance_term = variance_term * grad.shape[axis] / (grad.shape[axis] - 1)
            case "other axis":
                mean_term, variance_term = mean(inner, 1 + axis), normalised * mean(inner * normalised, 1 + axis)
            case "gain forgotten":
                inner, mean_term, variance_term = grad, mean(grad, axis), normalised * mean(grad * normalised, axis)
            case "gain outside":
                inner = gain * (grad - mean(grad, axis) - normalised * mean(grad * normalised, axis))
                mean_term = variance_term = 0
            case "n forgotten":
                inner, mean_term, variance_term = (n * grad.shape[axis] for n in (inner, mean_term, variance_term))
            case "epsilon beside the root":
                deviation = np.sqrt(self.variance) + self.epsilon
            case "epsilon forgotten":
                deviation = np.sqrt(self.variance)
            case "variance instead of deviation":
                deviation = self.variance + self.epsilon
            case "gain from x - mean":
                gain_grad = np.sum(grad * self.centred, axis=0)
            case "gain from y":
                gain_grad = np.sum(grad * (gain * normalised + self.shift.value), axis=0)
            case "gain mean over the batch":
                gain_grad = np.mean(grad * normalised, axis=0)
            case "shift of the first row":
                shift_grad = grad[0]
            case "gain and shift swapped":
                gain_grad, shift_grad = shift_grad, gain_grad
        self.gain.grad, self.shift.grad = gain_grad, shift_grad
        return (inner - mean_term - variance_term) / deviation


class BatchNorm(LayerNorm):
    """The same over the batch of each feature; running statistics stand in when it evaluates."""

    axis, momentum = 0, 0.1

    def build(self):
        super().build()
        self.running_mean, self.running_variance = 0.0, 1.0

    def forward(self, x):
        if not self.training:
            normalised = (x - self.running_mean) / np.sqrt(self.running_variance + self.epsilon)
            return self.gain.value * normalised + self.shift.value
        y = super().forward(x)
        self.running_mean = self.running_mean + self.momentum * (x.mean(axis=0) - self.running_mean)
        self.running_variance = self.running_variance + self.momentum * (self.variance[0] - self.running_variance)
        return y

    def backward(self, grad):
        if self.fault == "running variance in backward":
            self.deviation = np.sqrt(self.running_variance + self.epsilon)
        return super().backward(grad)


class UnitGainLayerNorm(LayerNorm):
    """With a gain of ones, where an upstream of ones calls zeros right."""

    def build(self):
        self.gain, self.shift = nn.Parameter(np.ones(5)), nn.Parameter(np.zeros(5))

    def backward(self, grad):
        back = super().backward(grad)
        return np.zeros_like(back) if self.fault == "zeros, right for an upstream of ones" else back


class RMSNorm(Faulty):
    """y = g x / √(mean x² + ε)."""

    epsilon = 1e-6

    def build(self):
        self.gain = nn.Parameter(1 + normal(4, scale=0.5))

    def forward(self, x):
        self.root = np.sqrt(mean(x**2) + self.epsilon)
        self.normalised = x / self.root
        return self.gain.value * self.normalised

    def backward(self, grad):
        self.gain.grad = np.sum(grad * self.normalised, axis=0)
        inner = grad if self.fault == "gain forgotten" else grad * self.gain.value
        average = total if self.fault == "sum instead of mean" else mean
        if self.fault == "root taken for a constant":
            return inner / self.root
        return (inner - self.normalised * average(inner * self.normalised)) / self.root


class UnitLength(Faulty):
    """y = x / ‖x‖."""

    def forward(self, x):
        self.length = np.sqrt(total(x**2))
        self.y = x / self.length
        return self.y

    def backward(self, grad):
        match self.fault:
            case "length taken for a constant":
                return grad / self.length
            case "length forgotten":
                return grad - self.y * total(self.y * grad)
            case "length squared":
                return (grad - self.y * total(self.y * grad)) / self.length**2
            case "projection entry by entry":
                return grad * (1 - self.y**2) / self.length
        return (grad - self.y * total(self.y * grad)) / self.length


CASES = [
    *layer_cases(
        Softmax,
        [
            ("diagonal only", "normalisation"),
            ("sum forgotten", "normalisation"),
            ("sum over the batch", TERM),
            ("sum not weighted by y", TERM),
            ("y forgotten outside", "entry-factor"),
            ("left to the cross-entropy", TERM),
            ("Jacobian of the first row", TERM),
            ("zeros, right for an upstream of ones", "forgotten"),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        LogSoftmax,
        [
            ("softmax term forgotten", "normalisation"),
            ("upstream not summed", TERM),
            ("upstream's mean instead of its sum", TERM),
            ("as if the upstream were one-hot", ("nonlinear", *TERM)),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        TemperatureSoftmax,
        [
            ("1/T forgotten", "factor", "temperature"),
            ("times T", "factor", "temperature"),
            ("diagonal only", TERM),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        LayerNorm,
        [
            ("mean term forgotten", "normalisation"),
            ("variance term forgotten", "normalisation"),
            ("statistics taken for constants", "normalisation"),
            ("variance term of x", TERM),
            ("variance over n - 1", TERM),
            ("other axis", TERM),
            ("gain forgotten", TERM),
            ("gain outside", TERM),
            ("n forgotten", "factor"),
            ("variance instead of deviation", TERM),
            ("gain from x - mean", UNCLEAR, "gain"),
            ("gain from y", UNCLEAR, "gain"),
            ("gain mean over the batch", "batch-mean", "gain"),
            ("shift of the first row", "batch-sum", "shift"),
            ("gain and shift swapped", "swapped"),
        ],
        input_shape=(4, 5),
    ),
    *layer_cases(
        LayerNorm,
        [
            ("epsilon beside the root", ("coefficient", *TERM)),
            ("epsilon forgotten", ("coefficient", *TERM)),
        ],
        x=normal(4, 5, seed=2),
    ),
    *layer_cases(
        BatchNorm,
        [
            ("mean term forgotten", "normalisation"),
            ("variance term forgotten", "normalisation"),
            ("statistics taken for constants", "normalisation"),
            ("running variance in backward", (*TERM, "stale")),
            ("variance over n - 1", TERM),
            ("gain forgotten", "entry-factor"),
            ("n forgotten", ("batch-mean", "factor")),
            ("gain mean over the batch", "batch-mean", "gain"),
            ("shift of the first row", "batch-sum", "shift"),
        ],
        input_shape=(4, 5),
    ),
    *layer_cases(UnitGainLayerNorm, [("zeros, right for an upstream of ones", "forgotten")], input_shape=(4, 5)),
    *layer_cases(
        RMSNorm,
        [
            ("root taken for a constant", "normalisation"),
            ("sum instead of mean", TERM),
            ("gain forgotten", TERM),
        ],
        input_shape=(5, 4),
    ),
    *layer_cases(
        UnitLength,
        [
            ("length taken for a constant", "normalisation"),
            ("length forgotten", ("derivative-at-output", *TERM)),
            ("length squared", TERM),
            ("projection entry by entry", TERM),
        ],
        input_shape=(5, 3),
    ),
]
