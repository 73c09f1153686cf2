"""Dense layers as people write them, each fault of theirs behind a switch."""

from __future__ import annotations

import numpy as np
from testing.wrong import UNCLEAR, Faulty, Wrong, layer_cases, normal

import tinynn as nn
from tinynn import testing as kit


class Dense(Faulty):
    """y = x Wᵀ + b."""

    inputs, outputs = 3, 4

    def build(self):
        self.weight = nn.Parameter(normal(self.outputs, self.inputs))
        self.bias = nn.Parameter(normal(self.outputs, seed=1))

    def forward(self, x):
        if self.fault != "stale input" or not hasattr(self, "x") or self.x.dtype != x.dtype:
            self.x = x
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad):
        x, fault = self.x, self.fault
        if fault == "clip inside backward":
            grad = np.clip(grad, -0.5, 0.5)
        elif fault == "gradient scaled to norm 1":
            grad = grad / np.sqrt(np.sum(grad**2))
        elif fault == "upstream forgotten in everything":
            grad = np.ones_like(grad)
        weight, bias, back = grad.T @ x, grad.sum(axis=0), grad @ self.weight.value
        match fault:
            case "weight sign":
                weight = -weight
            case "bias sign":
                bias = -bias
            case "input sign":
                back = -back
            case "weight factor 2":
                weight = 2 * weight
            case "input over features":
                back = back / self.inputs
            case "weight mean instead of sum":
                weight = weight / len(x)
            case "bias mean instead of sum":
                bias = grad.mean(axis=0)
            case "all times the batch":
                weight, bias, back = weight * len(x), bias * len(x), back * len(x)
            case "bias forgotten":
                bias = None
            case "weight forgotten":
                weight = None
            case "input zeros":
                back = np.zeros_like(x)
            case "bias of one row":
                bias = grad[0]
            case "weight of the last row":
                weight = np.outer(grad[-1], x[-1])
            case "weight without the last row":
                weight = grad[:-1].T @ x[:-1]
            case "bias without the first row":
                bias = grad[1:].sum(axis=0)
            case "input without the last row":
                back[-1] = 0
            case "weight flipped":
                weight = weight[::-1]
            case "weight raveled in the other order":
                weight = weight.ravel(order="F").reshape(weight.shape)
            case "bias rolled":
                bias = np.roll(bias, 1)
            case "weight decay in the gradient":
                weight = weight + 0.1 * self.weight.value
            case "weight ignores the upstream":
                weight = np.ones_like(grad).T @ x
            case "bias ignores the upstream":
                bias = np.ones_like(grad).sum(axis=0)
            case "one weight off by 1e-5":
                weight[1, 2] *= 1 + 1e-5
            case "bias accumulates":
                bias = self.bias.grad + bias
            case "input off by 0.1 percent":
                back = 1.001 * back
        if weight is not None:
            self.weight.grad = weight
        if bias is not None:
            self.bias.grad = bias
        return back


class SquareDense(Dense):
    """As many outputs as inputs, where a transposed array still fits."""

    inputs = outputs = 4

    def backward(self, grad):
        back = super().backward(grad)
        if self.fault == "weight transposed":
            self.weight.grad = (grad.T @ self.x).T
        if self.fault == "input through the transposed weight":
            return grad @ self.weight.value.T
        return back


class WideDense(Dense):
    """The book's first layer: 23,520 weights, one of which has a wrong derivative."""

    inputs, outputs = 784, 30

    def backward(self, grad):
        back = super().backward(grad)
        if self.fault == "a single weight forgotten":
            self.weight.grad[17, 400] = 0
        if self.fault == "a single input off by 1 percent":
            back[1, 300] *= 1.01
        return back


class ThousandWeights(Dense):
    inputs, outputs = 100, 10

    def backward(self, grad):
        back = super().backward(grad)
        if self.fault == "one weight of 1,000 off by 1e-5":
            self.weight.grad[7, 77] *= 1 + 1e-5
        return back


class SequenceDense(Dense):
    """On the last axis of (batch, time, features): both axes in front are summed over."""

    def backward(self, grad):
        flat, x = grad.reshape(-1, grad.shape[-1]), self.x.reshape(-1, self.inputs)
        self.weight.grad, self.bias.grad = flat.T @ x, flat.sum(axis=0)
        if self.fault == "bias mean over time":
            self.bias.grad = grad.mean(axis=1).sum(axis=0)
        if self.fault == "weight of the first step only":
            self.weight.grad = grad[:, 0].T @ self.x[:, 0]
        return grad @ self.weight.value


class SigmoidDense(Dense):
    """y = σ(x Wᵀ + b): two layers in one, and the δ that is easily got wrong."""

    def forward(self, x):
        z = super().forward(x)
        self.y = 1 / (1 + np.exp(-z))
        return self.y

    def backward(self, grad):
        y = self.y
        slope = {
            "slope forgotten": 1,
            "slope y instead of y(1 - y)": y,
            "slope at the output": 1 / (2 + np.exp(y) + np.exp(-y)),
            "slope sign": y * (y - 1),
        }.get(self.fault, y * (1 - y))
        return super().backward(grad * slope)


class TwoWeights(Faulty):
    """y = x Aᵀ + tanh(x) Bᵀ with A and B of one shape."""

    def build(self):
        self.a, self.b = nn.Parameter(normal(4, 3)), nn.Parameter(normal(4, 3, seed=1))

    def forward(self, x):
        self.x, self.t = x, np.tanh(x)
        return x @ self.a.value.T + self.t @ self.b.value.T

    def backward(self, grad):
        self.a.grad, self.b.grad = grad.T @ self.x, grad.T @ self.t
        if self.fault == "gradients swapped":
            self.a.grad, self.b.grad = grad.T @ self.t, grad.T @ self.x
        if self.fault == "one gradient for both":
            self.b.grad = self.a.grad
        back = grad @ self.a.value
        if self.fault == "second path forgotten":
            return back
        return back + (grad @ self.b.value) * (1 - self.t**2)


class Multiply(Faulty):
    """y = a · b of two inputs."""

    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, grad):
        if self.fault == "inputs' gradients swapped":
            return grad * self.a, grad * self.b
        if self.fault == "second gradient forgotten":
            return grad * self.b, np.zeros_like(self.b)
        return grad * self.b, grad * self.a


class FaultySigmoid(Faulty):
    """A layer for the middle of a network."""

    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, grad):
        return grad * self.y if self.fault else grad * self.y * (1 - self.y)


def networks():
    """The fault of one layer, found in the network: the layers above it are right."""

    def middle(wrong):
        model = nn.Sequential(nn.Dense(3, 5), FaultySigmoid("y" if wrong else ""), nn.Dense(5, 2), rng=0)
        return kit.check_network(model, nn.MSE(), normal(6, 3), normal(6, 2, seed=1))

    def first(wrong):
        model = nn.Sequential(Dense("bias mean instead of sum" if wrong else ""), nn.Tanh(), nn.Dense(4, 2), rng=0)
        return kit.check_network(model, nn.MSE(), normal(6, 3), normal(6, 2, seed=1))

    return [
        Wrong("network: the activation in the middle", ("entry-factor", "unknown"), middle, "FaultySigmoid"),
        Wrong("network: the first layer's bias", "batch-mean", first, "bias"),
    ]


CASES = [
    *layer_cases(
        Dense,
        [
            ("weight sign", "sign", "weight"),
            ("bias sign", "sign", "bias"),
            ("input sign", "sign"),
            ("weight factor 2", "factor", "weight"),
            ("input over features", "factor"),
            ("weight mean instead of sum", "batch-mean", "weight"),
            ("bias mean instead of sum", "batch-mean", "bias"),
            ("all times the batch", "batch-mean"),
            ("bias forgotten", "forgotten", "bias"),
            ("weight forgotten", "forgotten", "weight"),
            ("input zeros", "forgotten"),
            ("bias of one row", "batch-sum", "bias"),
            ("weight of the last row", "batch-sum", "weight"),
            ("weight without the last row", "row-dropped", "weight"),
            ("bias without the first row", "row-dropped", "bias"),
            ("input without the last row", ("row-dropped", "branch")),
            ("weight flipped", "permuted", "weight"),
            ("weight raveled in the other order", "permuted", "weight"),
            ("bias rolled", "permuted", "bias"),
            ("weight decay in the gradient", ("nonlinear", *UNCLEAR), "weight"),
            ("weight ignores the upstream", "upstream-ignored", "weight"),
            ("bias ignores the upstream", "upstream-ignored", "bias"),
            ("upstream forgotten in everything", "upstream-ignored"),
            ("one weight off by 1e-5", "branch", "weight"),
            ("bias accumulates", "accumulates", "bias"),
            ("input off by 0.1 percent", ("coefficient", "factor")),
            ("clip inside backward", ("nonlinear", "branch")),
            ("gradient scaled to norm 1", ("nonlinear", "factor")),
            ("stale input", "stale"),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        SquareDense,
        [
            ("weight transposed", "transposed", "weight"),
            ("input through the transposed weight", ("transposed", *UNCLEAR)),
        ],
        input_shape=(5, 4),
    ),
    *layer_cases(
        WideDense,
        [
            ("a single weight forgotten", ("branch", "unknown"), "weight"),
            ("a single input off by 1 percent", ("branch", "unknown")),
        ],
        input_shape=(3, 784),
    ),
    *layer_cases(ThousandWeights, [("one weight of 1,000 off by 1e-5", "branch", "weight")], input_shape=(5, 100)),
    *layer_cases(
        SequenceDense,
        [
            ("bias mean over time", "factor", "bias"),
            ("weight of the first step only", (*UNCLEAR, "batch-sum", "row-dropped"), "weight"),
        ],
        input_shape=(5, 2, 3),
    ),
    *layer_cases(
        SigmoidDense,
        [
            ("slope forgotten", UNCLEAR),
            ("slope y instead of y(1 - y)", UNCLEAR),
            ("slope at the output", (*UNCLEAR, "derivative-at-output")),
            ("slope sign", "sign"),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        TwoWeights,
        [
            ("gradients swapped", "swapped"),
            ("one gradient for both", "swapped", "b"),
            ("second path forgotten", UNCLEAR),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        Multiply,
        [("inputs' gradients swapped", "swapped"), ("second gradient forgotten", "forgotten")],
        x=(normal(5, 3), normal(5, 3, seed=1)),
    ),
    *networks(),
]
