"""Dense layers of other people's making: another spelling, dicts, or a pair of functions."""

from __future__ import annotations

import numpy as np
from testing.wrong import layer_cases, normal

from tinynn import testing as kit


class ForeignDense:
    """Weights (in, out) as W and b, gradients as dW and db: no tinynn anywhere."""

    def __init__(self, fault=""):
        self.W, self.b = normal(3, 4), normal(4, seed=1)
        self.fault = fault

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW, self.db = self.x.T @ grad, grad.sum(axis=0)
        match self.fault:
            case "dW transposed":
                self.dW = grad.T @ self.x
            case "db keeps the batch axis":
                self.db = grad.copy()
            case "dW over the batch":
                self.dW = self.dW / len(grad)
            case "db sign":
                self.db = -self.db
            case "db of one number":
                self.db = grad.sum()
        return grad @ self.W.T


class DictDense:
    """Parameters in one dict, their gradients in another."""

    def __init__(self, fault=""):
        self.params = {"weight": normal(3, 4), "bias": normal(4, seed=1)}
        self.grads = {}
        self.fault = fault

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"] + self.params["bias"]

    def backward(self, grad):
        self.grads = {"weight": self.x.T @ grad, "bias": grad.sum(axis=0)}
        if self.fault == "weight doubled":
            self.grads["weight"] = 2 * self.grads["weight"]
        if self.fault == "bias zeros":
            self.grads["bias"] = np.zeros_like(self.params["bias"])
        return grad @ self.params["weight"].T


def affine(fault):
    """A forward and a backward function that share a cache."""

    def affine_forward(x, w, b):
        return x.reshape(len(x), -1) @ w + b, (x, w, b)

    def affine_backward(dout, cache):
        x, w, _ = cache
        dx = (dout @ w.T).reshape(x.shape)
        dw = x.reshape(len(x), -1).T @ dout
        db = dout.sum(axis=0)
        if fault == "w and b divided by the batch":
            dw, db = dw / len(x), db / len(x)
        elif fault == "dx in the other order":
            dx = (dout @ w.T).reshape(x.shape, order="F")
        elif fault == "dw of another order":
            dw = x.reshape(len(x), -1, order="F").T @ dout
        elif fault == "dw and db returned in the wrong places":
            return dx, db, dw
        return dx, dw, db

    return kit.from_callables(affine_forward, affine_backward, {"w": normal(6, 4), "b": normal(4, seed=1)})


CASES = [
    *layer_cases(
        ForeignDense,
        [
            ("dW transposed", ("shape", "transposed"), "W"),
            ("db keeps the batch axis", ("batch-sum", "shape"), "b"),
            ("dW over the batch", "batch-mean", "W"),
            ("db sign", "sign", "b"),
            ("db of one number", "shape", "b"),
        ],
        input_shape=(5, 3),
    ),
    *layer_cases(
        DictDense,
        [("weight doubled", "factor", "weight"), ("bias zeros", "forgotten", "bias")],
        input_shape=(5, 3),
    ),
    *layer_cases(
        affine,
        [
            ("w and b divided by the batch", "batch-mean"),
            ("dx in the other order", "permuted"),
            ("dw of another order", "permuted", "w"),
            ("dw and db returned in the wrong places", ("shape", "swapped")),
        ],
        input_shape=(5, 2, 3),
    ),
]
