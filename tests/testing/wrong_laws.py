"""Layers whose derivative is right where one looks first, and that break a law of layers all the same."""

from __future__ import annotations

import numpy as np
from testing.wrong import Faulty, Wrong, layer_cases, normal

import tinynn as nn
from tinynn import testing as kit


class Gate(Faulty):
    """y = g tanh(x) + s, feature by feature."""

    def build(self):
        self.gain, self.shift = nn.Parameter(np.array([0.5, 2.0, -1.5])), nn.Parameter(normal(3))

    def forward(self, x):
        match self.fault:
            case "x squashed in place":
                np.tanh(x, out=x)
                self.t = x.copy()
                return self.gain.value * self.t + self.shift.value
            case "values clipped in forward":
                np.clip(self.gain.value, -1, 1, out=self.gain.value)
            case "first forward remembered" if hasattr(self, "t") and self.t.shape == x.shape:
                return self.gain.value * np.tanh(x) + self.shift.value
            case "float32 inside":
                x = x.astype(np.float32)
        self.t = np.tanh(x)
        y = self.gain.value * self.t + self.shift.value
        match self.fault:
            case "fresh noise":
                y += 1e-3 * np.random.default_rng().normal(size=y.shape)
            case "float64 out":
                y = y.astype(np.float64)
            case "float32 out":
                y = y.astype(np.float32)
            case "rows in a list":
                return list(y)
            case "square root of what is negative":
                with np.errstate(invalid="ignore"):
                    y = np.sqrt(y)
            case "drifts from call to call":
                self.calls = getattr(self, "calls", 0) + 1
                y = y + 1e-6 * self.calls
        return y

    def backward(self, grad):
        t = self.t
        gain, shift = np.sum(grad * t, axis=0), np.sum(grad, axis=0)
        back = grad * self.gain.value * (1 - t**2)
        match self.fault:
            case "backward fails":
                return grad @ self.gain.value[:2]
            case "scaled by the least input so far":
                self.least = min(getattr(self, "least", np.inf), np.abs(t).min())
                gain = gain * self.least / np.abs(t).min()
            case "scaled by the smallest batch so far":
                self.least = min(getattr(self, "least", len(grad)), len(grad))
                gain = gain * self.least / len(grad)
            case "shift accumulates":
                shift = self.shift.grad + shift
            case "all parameters accumulate":
                gain, shift = self.gain.grad + gain, self.shift.grad + shift
            case "input gradient accumulates":
                if getattr(self, "back", back).shape == back.shape:
                    back = back + getattr(self, "back", 0)
                self.back = back
            case "writes into the upstream":
                grad *= 1 - t**2
            case "updates its own values":
                self.shift.value -= 0.1 * shift
            case "input gradient raveled":
                back = back.ravel()
            case "input gradient with an axis more":
                back = back[:, None]
            case "input gradient summed over the batch":
                back = back.sum(axis=0)
            case "float64 gradient":
                back = back.astype(np.float64)
            case "float32 gradient":
                back = back.astype(np.float32)
            case "upstream clipped at ±100":
                back = np.clip(grad, -100, 100) * self.gain.value * (1 - t**2)
            case "upstream below 1e-3 flushed":
                back = np.where(np.abs(grad) < 1e-3, 0, grad) * self.gain.value * (1 - t**2)
            case "gain gradient clipped at ±100":
                gain = np.clip(gain, -100, 100)
            case "saturated beyond 2.5":
                back = np.where(np.abs(t) > np.tanh(2.5), 0, back)
            case "forgets after one backward":
                self.t = np.zeros_like(t)
            case "no gradient of the input":
                back = None
        self.gain.grad, self.shift.grad = gain, shift
        return back


class GateWithShortcut(Gate):
    """backward_parameters is written out, to save ∂C/∂x."""

    def backward_parameters(self, grad):
        self.gain.grad = np.sum(grad * self.t, axis=0)
        if self.fault != "shift forgotten":
            self.shift.grad = np.mean(grad, axis=0) if self.fault == "shift mean" else np.sum(grad, axis=0)


class Buffered(Gate):
    """Keeps the products of its gradient in an array as long as the largest batch so far."""

    def build(self):
        super().build()
        self.products = np.zeros((0, 3))

    def backward(self, grad):
        back, products = super().backward(grad), grad * self.t
        if len(self.products) < len(grad):
            self.products = np.zeros_like(products)
        self.products[: len(grad)] = products
        rows = self.products if self.fault == "rows of a larger batch kept" else self.products[: len(grad)]
        self.gain.grad = rows.sum(axis=0)
        return back


class Centre(Faulty):
    """x minus its mean over the features; the fault takes the mean over the batch, with the derivative right."""

    def forward(self, x):
        return x - x.mean(axis=0 if self.fault else 1, keepdims=True)

    def backward(self, grad):
        return grad - grad.mean(axis=0 if self.fault else 1, keepdims=True)


class Length(Faulty):
    """y = |x|, with 0 for its slope at 0."""

    def forward(self, x):
        self.x, self.y = x, np.abs(x)
        return self.y

    def backward(self, grad):
        with np.errstate(invalid="ignore"):
            return grad * (self.x / self.y if self.fault == "0/0 at 0" else np.sign(self.x))


class Positions:
    """y = x + W[position], five positions and then again from the first: no tinynn anywhere."""

    def __init__(self, fault=""):
        self.W = normal(5, 3)
        self.fault = fault

    def forward(self, x):
        self.x = x
        return x + self.W[np.arange(len(x)) % 5]

    def backward(self, grad):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, np.arange(len(grad)) % 5, grad)
        if len(grad) == 5:
            match self.fault:
                case "gradient is the upstream itself":
                    self.dW = grad
                case "gradient is a view of the upstream":
                    self.dW = grad[:]
                case "gradient written over x":
                    self.x[:] = grad
                    self.dW = self.x
        return grad.copy()


class TwoShifts:
    """y = x + W + b."""

    def __init__(self, fault=""):
        self.W, self.b = normal(3), normal(3, seed=1)
        self.fault = fault

    def forward(self, x):
        return x + self.W + self.b

    def backward(self, grad):
        self.dW = grad.sum(axis=0)
        self.db = self.dW if self.fault == "one gradient array for both" else self.dW.copy()
        return grad.copy()


class Accumulating:
    """y = x + b, whose gradient starts at 0 once and for all."""

    def __init__(self, fault=""):
        self.b, self.db = normal(3), np.zeros(3)
        self.fault = fault

    def forward(self, x):
        return x + self.b

    def backward(self, grad):
        self.db = self.db + grad.sum(axis=0) if self.fault == "gradient added" else grad.sum(axis=0)
        return grad.copy()


def coupled(wrong):
    return kit.check_layer(Centre("batch" if wrong else ""), input_shape=(4, 3), couples_batch=False)


CASES = [
    *layer_cases(
        Gate,
        [
            ("x squashed in place", "mutates", "x"),
            ("values clipped in forward", ("mutates", "forgotten"), "gain"),
            ("first forward remembered", "stale"),
            ("rows in a list", "shape", "list"),
            ("backward fails", "shape", "ValueError"),
            ("scaled by the least input so far", "stale", "gain"),
            ("scaled by the smallest batch so far", "stale", "gain"),
            ("fresh noise", "nondeterministic"),
            ("drifts from call to call", ("nondeterministic", "stale")),
            ("float32 inside", ("dtype", "nondeterministic", "forgotten", "unknown")),
            ("float64 out", "dtype"),
            ("float32 out", "dtype"),
            ("shift accumulates", "accumulates", "shift"),
            ("all parameters accumulate", "accumulates"),
            ("input gradient accumulates", "accumulates"),
            ("writes into the upstream", "mutates"),
            ("updates its own values", "mutates", "shift"),
            ("input gradient raveled", "shape"),
            ("input gradient with an axis more", "shape"),
            ("input gradient summed over the batch", "shape"),
            ("no gradient of the input", ("shape", "forgotten")),
            ("float64 gradient", "dtype"),
            ("float32 gradient", "dtype"),
            ("upstream clipped at ±100", "nonlinear"),
            ("upstream below 1e-3 flushed", "nonlinear"),
            ("gain gradient clipped at ±100", "nonlinear", "gain"),
            ("saturated beyond 2.5", "branch"),
            ("forgets after one backward", ("accumulates", "stale", "nondeterministic")),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(Gate, [("square root of what is negative", "not-finite")], x=normal(5, 3)),
    *layer_cases(
        GateWithShortcut,
        [("shift forgotten", "backward-parameters", "shift"), ("shift mean", "backward-parameters", "shift")],
        input_shape=(5, 3),
    ),
    *layer_cases(
        Buffered,
        [("rows of a larger batch kept", "stale", "gain")],
        input_shape=(5, 3),
    ),
    Wrong("Centre: mean over the batch", "couples-batch", coupled),
    *layer_cases(Length, [("0/0 at 0", "not-finite")], x=np.array([[0.0, 1.5, -2.0], [0.7, 0.0, -0.3]])),
    *layer_cases(
        Positions,
        [
            ("gradient is the upstream itself", "shared-memory", "W"),
            ("gradient is a view of the upstream", "shared-memory", "W"),
            ("gradient written over x", ("mutates", "shared-memory")),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(TwoShifts, [("one gradient array for both", "shared-memory")], input_shape=(5, 3)),
    *layer_cases(Accumulating, [("gradient added", "accumulates", "b")], input_shape=(5, 3)),
]
