"""Convolution, pooling, recurrence and attention, right and with the mistakes that are made in them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gradcheck_cases.case import faulty, normal


# ---- convolution and pooling: (batch, channels, length) ---------------------------------------------------
def convolution(x, w, b):
    windows = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1))), w.shape[2], axis=2)
    return np.einsum("nclk,ock->nol", windows, w) + b[:, None]


def convolution_vjp(x, w, b, u, flip=-1, shift=0):
    windows = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1))), w.shape[2], axis=2)
    back = sliding_window_view(np.pad(u, ((0, 0), (0, 0), (1 - shift, 1 + shift))), w.shape[2], axis=2)
    dx = np.einsum("nolk,ock->ncl", back, w[:, :, ::flip])
    return dx, np.einsum("nclk,nol->ock", windows, u), u.sum(axis=(0, 2))


def pooled(x):
    return x.reshape(*x.shape[:2], -1, 2)


def max_pool_vjp(x, u):
    pairs = pooled(x)
    first = np.argmax(pairs, axis=3)[..., None] == np.arange(2)
    return ((u[..., None] * first).reshape(x.shape),)


CONVOLUTIONS = [
    *faulty(
        "convolution",
        convolution,
        convolution_vjp,
        (normal(2, 3, 6), normal(4, 3, 3, seed=1), normal(4, seed=2)),
        {
            "kernel not flipped": (None, lambda x, w, b, u: convolution_vjp(x, w, b, u, flip=1)),
            "input shifted by one": (None, lambda x, w, b, u: convolution_vjp(x, w, b, u, shift=1)),
            "weight of the first sample": (1, lambda x, w, b, u: convolution_vjp(x[:1], w, b, u[:1])[1]),
            "bias: mean over the positions": (2, lambda x, w, b, u: u.mean(axis=2).sum(axis=0)),
        },
    ),
    *faulty(
        "max pooling",
        lambda x: pooled(x).max(axis=3),
        max_pool_vjp,
        (normal(2, 2, 6),),
        {
            "spread evenly": (0, lambda x, u: np.repeat(u, 2, axis=2) / 2),
            "always the first": (0, lambda x, u: (u[..., None] * np.array([1.0, 0.0])).reshape(x.shape)),
        },
    ),
    *faulty(
        "average pooling",
        lambda x: pooled(x).mean(axis=3),
        lambda x, u: (np.repeat(u, 2, axis=2) / 2,),
        (normal(2, 2, 6),),
        {"not divided by the window": (0, lambda x, u: np.repeat(u, 2, axis=2))},
    ),
]


# ---- recurrent: (batch, time, features), and attention: (time, features) -----------------------------------
def states(x, w, r):
    h = [np.zeros_like(x[:, 0] @ w)]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ w + h[-1] @ r))
    return h


def recurrent(x, w, r):
    return np.stack(states(x, w, r)[1:], axis=1)


def recurrent_vjp(x, w, r, u, fault=""):
    h, dx, dw, dr = states(x, w, r), np.zeros_like(x), np.zeros_like(w), np.zeros_like(r)
    dh = np.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        slope = 1 - np.tanh(h[t + 1]) ** 2 if fault == "slope" else 1 - h[t + 1] ** 2
        dz = (u[:, t] + dh) * slope
        dx[:, t], dw, dr = dz @ w.T, dw + x[:, t].T @ dz, dr + h[t + (fault == "state")].T @ dz
        dh = np.zeros_like(dh) if fault == "time" else dz @ (r if fault == "transposed" else r.T)
    return dx, dw, dr


def recurrent_fault(fault):
    return None, lambda x, w, r, u: recurrent_vjp(x, w, r, u, fault)


def weights(q, k):
    e = np.exp(q @ k.T / np.sqrt(q.shape[1]))
    return e / e.sum(axis=1, keepdims=True)


def attention_vjp(q, k, v, u, fault=""):
    a = weights(q, k)
    da, dv = u @ v.T, (a if fault == "value" else a.T) @ u
    ds = a * (da - (0 if fault == "diagonal" else np.sum(a * da, axis=int(fault != "axis"), keepdims=True)))
    ds = ds if fault == "scale" else ds / np.sqrt(q.shape[1])
    dq, dk = ds @ k, ds.T @ q
    return (dk, dq, dv) if fault == "swapped" else (dq, dk, dv)


def attention_fault(fault):
    return None, lambda q, k, v, u: attention_vjp(q, k, v, u, fault)


SEQUENCES = [
    *faulty(
        "recurrent",
        recurrent,
        recurrent_vjp,
        (normal(2, 4, 3), normal(3, 3, seed=1), normal(3, 3, seed=2)),
        {
            "not through time": recurrent_fault("time"),
            "slope at the output": recurrent_fault("slope"),
            "the state after instead of before": recurrent_fault("state"),
            "recurrent weight not transposed": recurrent_fault("transposed"),
        },
    ),
    *faulty(
        "attention",
        lambda q, k, v: weights(q, k) @ v,
        attention_vjp,
        (normal(4, 3), normal(4, 3, seed=1), normal(4, 3, seed=2)),
        {
            "1/√d missing": attention_fault("scale"),
            "softmax: diagonal only": attention_fault("diagonal"),
            "softmax: sum over the wrong axis": attention_fault("axis"),
            "queries and keys swapped": attention_fault("swapped"),
            "values through the weights, not transposed": attention_fault("value"),
        },
    ),
]

CASES = [*CONVOLUTIONS, *SEQUENCES]
