"""Recurrent layers: paths through time that backward forgets or walks in the wrong order."""

from __future__ import annotations

import numpy as np
from testing.right import sigmoid
from testing.wrong import UNCLEAR, Faulty, layer_cases, normal

import tinynn as nn

IN_TIME = ("branch", "row-dropped", *UNCLEAR)


class RNN(Faulty):
    """hₜ = tanh(xₜ Wᵀ + hₜ₋₁ Uᵀ + b) from h₀ = 0; x is (batch, time, 2), y all hₜ as (batch, time, 3)."""

    def build(self):
        self.weight, self.recurrent = nn.Parameter(normal(3, 2)), nn.Parameter(normal(3, 3, seed=1))
        self.bias = nn.Parameter(normal(3, seed=2))

    def forward(self, x):
        self.x, self.states = x, [np.zeros((len(x), 3), x.dtype)]
        for t in range(x.shape[1]):
            z = x[:, t] @ self.weight.value.T + self.states[t] @ self.recurrent.value.T + self.bias.value
            self.states.append(np.tanh(z))
        return np.stack(self.states[1:], axis=1)

    def backward(self, grad):
        x, states, fault = self.x, self.states, self.fault
        gradients = weight, recurrent, bias = [np.zeros_like(p.value) for p in self.parameters()]
        back, later = np.zeros_like(x), 0
        steps = x.shape[1] - (fault == "last step forgotten")
        for t in reversed(range(steps)):
            before, after = states[t], states[t + 1]
            slope = 1 - after**2
            if fault == "slope of the previous state":
                slope = 1 - before**2
            if fault == "slope at the output":
                slope = 1 - np.tanh(after) ** 2
            delta = (grad[:, t] + later) * slope
            if fault == "slope only on the upstream":
                delta = grad[:, t] * slope + later
            back[:, t] = delta @ self.weight.value
            later = delta @ self.recurrent.value
            match fault:
                case "path through the state forgotten":
                    later = 0
                case "truncated at one step":
                    later = (grad[:, t] * slope) @ self.recurrent.value
                case "recurrent weight transposed on the way back":
                    later = delta @ self.recurrent.value.T
            if fault == "weights of the last step only":
                weight[:], recurrent[:] = 0, 0
            weight += delta.T @ x[:, t]
            recurrent += delta.T @ (after if fault == "recurrent weight from the new state" else before)
            bias += delta.sum(axis=0)
            if fault == "bias of one step":
                bias[:] = delta.sum(axis=0)
        for parameter, gradient in zip(self.parameters(), gradients, strict=True):
            parameter.grad = gradient
        return back


class LSTM(Faulty):
    """c ← f c + i g, h = o tanh(c) with (i, f, o) = σ, g = tanh of [x, h] Wᵀ + b; y is the last h."""

    def build(self):
        self.weight, self.bias = nn.Parameter(normal(8, 4, scale=0.7)), nn.Parameter(normal(8, seed=1))

    def forward(self, x):
        h = c = np.zeros((len(x), 2), x.dtype)
        self.steps = []
        for t in range(x.shape[1]):
            xh = np.concatenate([x[:, t], h], axis=1)
            i, f, o, g = np.split(xh @ self.weight.value.T + self.bias.value, 4, axis=1)
            i, f, o, g, before = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g), c
            c = f * c + i * g
            h = o * np.tanh(c)
            self.steps.append((xh, i, f, o, g, before, c))
        return h

    def backward(self, grad):
        fault, h, c = self.fault, grad, 0
        weight, bias, back = np.zeros_like(self.weight.value), np.zeros_like(self.bias.value), []
        for xh, i, f, o, g, before, after in reversed(self.steps):
            squashed = np.tanh(after)
            c = c + h * o * (1 if fault == "slope of the cell's tanh forgotten" else 1 - squashed**2)
            deltas = [c * g * i * (1 - i), c * before * f * (1 - f), h * squashed * o * (1 - o), c * i * (1 - g**2)]
            match fault:
                case "forget gate's slope":
                    deltas[1] = c * before * (1 - f**2)
                case "forget gate from the new cell":
                    deltas[1] = c * after * f * (1 - f)
                case "input and forget gates swapped":
                    deltas[:2] = deltas[1::-1]
                case "output gate from the cell itself":
                    deltas[2] = h * after * o * (1 - o)
            delta = np.concatenate(deltas, axis=1)
            weight += delta.T @ xh
            bias += delta.sum(axis=0)
            dx, h = np.split(delta @ self.weight.value, 2, axis=1)
            back.insert(0, dx)
            c = 0 if fault == "path through the cell forgotten" else c if fault == "cell not faded" else c * f
            if fault == "path through the state forgotten":
                h = 0 * h
        self.weight.grad, self.bias.grad = weight, bias
        return np.stack(back, axis=1)


class GRU(Faulty):
    """h ← (1 − z) h + z n with (z, r) = σ([x, h] Wᵀ), n = tanh(x Aᵀ + (r h) Bᵀ); y is the last h."""

    def build(self):
        self.gates, self.input = nn.Parameter(normal(4, 4)), nn.Parameter(normal(2, 2, seed=1))
        self.candidate = nn.Parameter(normal(2, 2, seed=2))

    def forward(self, x):
        h, self.steps = np.zeros((len(x), 2), x.dtype), []
        for t in range(x.shape[1]):
            xh = np.concatenate([x[:, t], h], axis=1)
            z, r = np.split(sigmoid(xh @ self.gates.value.T), 2, axis=1)
            n = np.tanh(x[:, t] @ self.input.value.T + (r * h) @ self.candidate.value.T)
            self.steps.append((xh, z, r, n, h))
            h = (1 - z) * h + z * n
        return h

    def backward(self, grad):
        fault, gradients, back = self.fault, [np.zeros_like(p.value) for p in self.parameters()], []
        for xh, z, r, n, h in reversed(self.steps):
            x = xh[:, :2]
            delta = grad * z * (1 - n**2)
            reset = delta @ self.candidate.value
            update = grad * (h - n if fault == "update gate's sign" else n - h)
            deltas = np.concatenate([update * z * (1 - z), reset * h * r * (1 - r)], axis=1)
            if fault == "reset gate forgotten":
                deltas[:, 2:] = 0
            candidate = delta.T @ (h if fault == "candidate without the reset gate" else r * h)
            for total, one in zip(gradients, (deltas.T @ xh, delta.T @ x, candidate), strict=True):
                total += one
            dx, dh = np.split(deltas @ self.gates.value, 2, axis=1)
            back.insert(0, dx + delta @ self.input.value)
            straight = grad * (z if fault == "z instead of 1 - z" else 1 - z)
            grad = dh + straight + reset * (1 if fault == "state without the reset gate" else r)
        for parameter, gradient in zip(self.parameters(), gradients, strict=True):
            parameter.grad = gradient
        return np.stack(back, axis=1)


CASES = [
    *layer_cases(
        RNN,
        [
            ("last step forgotten", IN_TIME),
            ("path through the state forgotten", IN_TIME),
            ("truncated at one step", IN_TIME),
            ("slope of the previous state", UNCLEAR),
            ("slope at the output", ("derivative-at-output", *UNCLEAR)),
            ("slope only on the upstream", IN_TIME),
            ("recurrent weight transposed on the way back", IN_TIME),
            ("weights of the last step only", (*UNCLEAR, "batch-sum"), "weight"),
            ("recurrent weight from the new state", UNCLEAR, "recurrent"),
            ("bias of one step", (*UNCLEAR, "batch-sum"), "bias"),
        ],
        input_shape=(3, 4, 2),
    ),
    *layer_cases(
        LSTM,
        [
            ("forget gate's slope", IN_TIME),
            ("forget gate from the new cell", IN_TIME),
            ("input and forget gates swapped", ("permuted", *UNCLEAR)),
            ("output gate from the cell itself", UNCLEAR),
            ("slope of the cell's tanh forgotten", UNCLEAR),
            ("path through the cell forgotten", IN_TIME),
            ("path through the state forgotten", IN_TIME),
            ("cell not faded", IN_TIME),
        ],
        input_shape=(3, 3, 2),
    ),
    *layer_cases(
        GRU,
        [
            ("update gate's sign", (*IN_TIME, "sign")),
            ("reset gate forgotten", IN_TIME),
            ("candidate without the reset gate", UNCLEAR, "candidate"),
            ("state without the reset gate", IN_TIME),
            ("z instead of 1 - z", IN_TIME),
        ],
        input_shape=(3, 3, 2),
    ),
]
