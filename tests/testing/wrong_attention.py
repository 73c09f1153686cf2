"""Attention, embedding, dropout and the layers that only move numbers about."""

from __future__ import annotations

import math

import numpy as np
from testing.right import softmax, softmax_vjp
from testing.wrong import UNCLEAR, Faulty, layer_cases, normal

import tinynn as nn
from tinynn import testing as kit

SOME = ("branch", "row-dropped", *UNCLEAR)


class Attention(Faulty):
    """y = softmax(Q Kᵀ / √d) V with Q = x Wqᵀ, K = x Wkᵀ, V = x Wvᵀ; x is (batch, time, 3)."""

    def build(self):
        self.query, self.key, self.value = (nn.Parameter(normal(2, 3, seed=k)) for k in range(3))

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = (x @ p.value.T for p in (self.query, self.key, self.value))
        self.weights = softmax(self.q @ self.k.swapaxes(1, 2) / math.sqrt(2))
        return self.weights @ self.v

    def backward(self, grad):
        fault, q, k, v, weights = self.fault, self.q, self.k, self.v, self.weights
        dv = weights.swapaxes(1, 2) @ grad
        upstream = grad @ v.swapaxes(1, 2)
        scores = softmax_vjp(weights, upstream) / math.sqrt(2)
        match fault:
            case "softmax's sum forgotten":
                scores = weights * upstream / math.sqrt(2)
            case "softmax's sum over the queries":
                scores = weights * (upstream - np.sum(upstream * weights, axis=1, keepdims=True)) / math.sqrt(2)
            case "1/√d forgotten":
                scores = scores * math.sqrt(2)
            case "attention not transposed":
                dv = weights @ grad
        dq, dk = scores @ k, scores.swapaxes(1, 2) @ q
        if fault == "scores not transposed":
            dk = scores @ q
        gradients = [np.einsum("bto,bti->oi", d, self.x) for d in (dq, dk, dv)]
        match fault:
            case "query and key swapped":
                gradients[:2] = gradients[1::-1]
            case "1/√d forgotten in the query":
                gradients[0] = gradients[0] * math.sqrt(2)
            case "value of the first sample":
                gradients[2] = dv[0].T @ self.x[0]
        self.query.grad, self.key.grad, self.value.grad = gradients
        paths = [d @ p.value for d, p in ((dq, self.query), (dk, self.key), (dv, self.value))]
        return sum(paths[1:]) if fault == "path through the query forgotten" else sum(paths)


class Embedding(Faulty):
    """y = table[x], x integers; what is looked up twice gets both gradients."""

    def build(self):
        self.table = nn.Parameter(normal(4, 3))

    def forward(self, x):
        self.x = x
        return self.table.value[x]

    def backward(self, grad):
        table = np.zeros_like(self.table.value)
        match self.fault:
            case "the last of repeated words":
                table[self.x] = grad
            case "repeated words added once":
                table[self.x] += grad
            case "mean over repeated words":
                np.add.at(table, self.x, grad / np.bincount(self.x.ravel())[self.x][..., None])
            case "next word":
                np.add.at(table, (self.x + 1) % 4, grad)
            case "the first sample's words":
                np.add.at(table, self.x[0], grad[0])
            case "rows never zeroed":
                table = self.table.grad.copy()
                np.add.at(table, self.x, grad)
            case _:
                np.add.at(table, self.x, grad)
        self.table.grad = table
        return np.zeros(self.x.shape, grad.dtype)


class Dropout(Faulty):
    """y = x · mask / (1 − p), a new mask from the layer's own generator in each forward."""

    rate = 0.4

    def build(self):
        self.rng = np.random.default_rng(0)

    def mask(self, x):
        return (self.rng.random(x.shape) >= self.rate).astype(x.dtype)

    def forward(self, x):
        self.kept = self.mask(x)
        return x * self.kept / (1 - self.rate)

    def backward(self, grad):
        match self.fault:
            case "mask forgotten":
                return grad / (1 - self.rate)
            case "passed through":
                return grad.copy()
            case "scale forgotten":
                return grad * self.kept
            case "scaled twice":
                return grad * self.kept / (1 - self.rate) ** 2
            case "scaled by the rate":
                return grad * self.kept / self.rate
            case "new mask":
                return grad * self.mask(grad) / (1 - self.rate)
            case "writes into its upstream gradient":
                grad *= self.kept / (1 - self.rate)
                return grad
        return grad * self.kept / (1 - self.rate)


class Gather(Faulty):
    """y[:, j] = x[:, columns[j]] with a column taken twice and one never."""

    columns = (2, 0, 2)

    def forward(self, x):
        self.shape = x.shape
        return x[:, list(self.columns)]

    def backward(self, grad):
        back = np.zeros(self.shape, grad.dtype)
        for j, column in enumerate(self.columns):
            if self.fault == "repeated column overwritten":
                back[:, column] = grad[:, j]
            else:
                back[:, column] += grad[:, j]
        return back


class Cumsum(Faulty):
    """y_t = Σ x_s over s ≤ t."""

    def forward(self, x):
        return np.cumsum(x, axis=1)

    def backward(self, grad):
        match self.fault:
            case "not reversed":
                return np.cumsum(grad, axis=1)
            case "not reversed back":
                return np.cumsum(grad[:, ::-1], axis=1)
            case "own entry left out":
                return np.cumsum(grad[:, ::-1], axis=1)[:, ::-1] - grad
            case "later entries forgotten":
                return grad.copy()
        return np.cumsum(grad[:, ::-1], axis=1)[:, ::-1].copy()


class Skip(Faulty):
    """y = x + tanh(x Wᵀ)."""

    def build(self):
        self.weight = nn.Parameter(normal(3, 3))

    def forward(self, x):
        self.x, self.branch = x, np.tanh(x @ self.weight.value.T)
        return x + self.branch

    def backward(self, grad):
        delta = grad * (1 - self.branch**2)
        self.weight.grad = delta.T @ self.x
        match self.fault:
            case "skip forgotten":
                return delta @ self.weight.value
            case "branch forgotten":
                return grad.copy()
            case "skip twice":
                return 2 * grad + delta @ self.weight.value
            case "weight from the upstream":
                self.weight.grad = grad.T @ self.x
        return grad + delta @ self.weight.value


class Concatenate(Faulty):
    """[a, b] along the features."""

    def forward(self, a, b):
        self.width = a.shape[1]
        return np.concatenate([a, b], axis=1)

    def backward(self, grad):
        if self.fault == "parts swapped":
            return grad[:, self.width :].copy(), grad[:, : self.width].copy()
        if self.fault == "split one too late":
            return grad[:, 1 : self.width + 1].copy(), grad[:, self.width :].copy()
        return grad[:, : self.width].copy(), grad[:, self.width :].copy()


class MatMul(Faulty):
    """y = a b, matrix by matrix."""

    def forward(self, a, b):
        self.a, self.b = a, b
        return a @ b

    def backward(self, grad):
        through_a, through_b = self.a.swapaxes(1, 2), self.b.swapaxes(1, 2)
        if self.fault == "a through b itself":
            through_b = self.b
        second = through_a @ grad
        return grad @ through_b, second.swapaxes(1, 2) if self.fault == "b transposed" else second


def broadcast_product(fault):
    """x · w, w stretched over the batch and the rows."""

    def backward(grad, x, w):
        product = grad * x
        return grad * w, product.sum(axis=0) if fault == "rows not summed over" else product.sum(axis=(0, 1))

    return kit.from_callables(lambda x, w: x * w, backward, {"w": normal(3)})


CASES = [
    *layer_cases(
        Attention,
        [
            ("softmax's sum forgotten", ("normalisation", *UNCLEAR)),
            ("softmax's sum over the queries", ("normalisation", *UNCLEAR)),
            ("1/√d forgotten", ("factor", *UNCLEAR)),
            ("1/√d forgotten in the query", "factor", "query"),
            ("attention not transposed", UNCLEAR, "value"),
            ("scores not transposed", UNCLEAR, "key"),
            ("query and key swapped", "swapped"),
            ("value of the first sample", "batch-sum", "value"),
            ("path through the query forgotten", UNCLEAR),
        ],
        input_shape=(2, 3, 3),
    ),
    *layer_cases(
        Embedding,
        [
            ("the last of repeated words", SOME, "table"),
            ("repeated words added once", SOME, "table"),
            ("mean over repeated words", SOME, "table"),
            ("next word", "permuted", "table"),
            ("the first sample's words", ("batch-sum", *SOME), "table"),
            ("rows never zeroed", "accumulates", "table"),
        ],
        x=np.array([[0, 1, 1], [3, 0, 1]]),
    ),
    *layer_cases(
        Dropout,
        [
            ("mask forgotten", SOME),
            ("passed through", SOME),
            ("scale forgotten", "dropout-scale"),
            ("scaled twice", "dropout-scale"),
            ("scaled by the rate", ("factor", "dropout-scale")),
            ("new mask", (*SOME, "nondeterministic")),
            ("writes into its upstream gradient", "mutates"),
        ],
        input_shape=(5, 4),
    ),
    *layer_cases(Gather, [("repeated column overwritten", SOME)], input_shape=(4, 3)),
    *layer_cases(
        Cumsum,
        [
            ("not reversed", UNCLEAR),
            ("not reversed back", "permuted"),
            ("own entry left out", UNCLEAR),
            ("later entries forgotten", ("normalisation", *SOME)),
        ],
        input_shape=(3, 4),
    ),
    *layer_cases(
        Skip,
        [
            ("skip forgotten", UNCLEAR),
            ("branch forgotten", UNCLEAR),
            ("skip twice", UNCLEAR),
            ("weight from the upstream", UNCLEAR, "weight"),
        ],
        input_shape=(4, 3),
    ),
    *layer_cases(
        Concatenate,
        [("parts swapped", ("swapped", "permuted")), ("split one too late", ("permuted", *SOME))],
        x=(normal(4, 2), normal(4, 2, seed=1)),
    ),
    *layer_cases(
        MatMul,
        [("a through b itself", UNCLEAR), ("b transposed", ("transposed", "permuted"))],
        x=(normal(2, 3, 3), normal(2, 3, 3, seed=1)),
    ),
    *layer_cases(broadcast_product, [("rows not summed over", ("shape", "batch-sum"), "w")], input_shape=(4, 2, 3)),
]
