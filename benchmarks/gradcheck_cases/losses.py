"""Normalisations and losses, right and with the mistakes that are made in them."""

import numpy as np

from gradcheck_cases.activations import last_row, sigmoid
from gradcheck_cases.case import faulty, normal


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# ---- softmax and normalisations --------------------------------------------------------------------------
def softmax_vjp(z, u, axis=-1):
    y = softmax(z)
    return (y * (u - np.sum(y * u, axis=axis, keepdims=True)),)


def normalised(x, axis):
    return (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + 1e-5)


def norm(axis):
    return lambda x, gain, shift: gain * normalised(x, axis) + shift


def norm_vjp(axis, mean=1, variance=1, scaled=True, ddof=0, epsilon=1e-5):
    def vjp(x, gain, shift, u):
        y, deviation = normalised(x, axis), np.sqrt(x.var(axis=axis, keepdims=True, ddof=ddof) + epsilon)
        dy = u * gain if scaled else u
        back = dy - mean * dy.mean(axis=axis, keepdims=True) - variance * y * (dy * y).mean(axis=axis, keepdims=True)
        return back / deviation, np.sum(u * y, axis=0), u.sum(axis=0)

    return vjp


def norm_faults(axis):
    return {
        "term of the mean missing": (None, norm_vjp(axis, mean=0)),
        "term of the variance missing": (None, norm_vjp(axis, variance=0)),
        "term of the variance doubled": (None, norm_vjp(axis, variance=2)),
        "gain forgotten in the input": (None, norm_vjp(axis, scaled=False)),
        "n − 1 in the backward alone": (None, norm_vjp(axis, ddof=1)),
    }


def length(x):
    return np.sqrt(np.sum(x * x, axis=1, keepdims=True))


NORMALISATIONS = [
    *faulty(
        "softmax",
        softmax,
        softmax_vjp,
        (normal(3, 4),),
        {
            "diagonal only": (0, lambda z, u: u * softmax(z) * (1 - softmax(z))),
            "sum over the wrong axis": (None, lambda z, u: softmax_vjp(z, u, 0)),
        },
    ),
    *faulty(
        "log-softmax",
        lambda z: np.log(softmax(z)),
        lambda z, u: (u - softmax(z) * u.sum(axis=1, keepdims=True),),
        (normal(3, 4),),
        {"sum of the upstream missing": (0, lambda z, u: u - softmax(z))},
    ),
    *faulty("layer norm", norm(1), norm_vjp(1), (normal(5, 4), normal(4, seed=1), normal(4, seed=2)), norm_faults(1)),
    *faulty("batch norm", norm(0), norm_vjp(0), (normal(5, 4), normal(4, seed=1), normal(4, seed=2)), norm_faults(0)),
    *faulty(
        "unit vectors",
        lambda x: x / length(x),
        lambda x, u: ((u - x * np.sum(u * x, axis=1, keepdims=True) / length(x) ** 2) / length(x),),
        (normal(4, 3),),
        {"projection missing": (0, lambda x, u: u / length(x))},
    ),
]

# ---- losses, functions of the prediction -----------------------------------------------------------------
P, LOGITS = normal(5, 4), 1.5 * normal(5, 4, seed=3)
TARGET, HOT = normal(5, 4, seed=1), np.eye(4)[[0, 2, 1, 3, 2]]
CLASSES, SMOOTH = np.array([0.5, 1.0, 2.0, 1.5]), 0.9 * np.eye(4)[[0, 2, 1, 3, 2]] + 0.025


def cross_entropy(target, classes=1.0):
    return lambda z: -np.sum(classes * target * np.log(softmax(z))) / len(z)


def cross_entropy_vjp(target, classes=1.0, n=5):
    return lambda z, u: (u * (softmax(z) * np.sum(classes * target, axis=1, keepdims=True) - classes * target) / n,)


def huber(p):
    e = abs(p - TARGET)
    return np.mean(np.where(e <= 1, 0.5 * e**2, e - 0.5))


LOSSES = [
    *faulty(
        "mean squared error",
        lambda p: np.sum((p - TARGET) ** 2) / len(p),
        lambda p, u: (u * 2 * (p - TARGET) / len(p),),
        (P,),
        {
            "2 forgotten": (0, lambda p, u: u * (p - TARGET) / len(p)),
            "batch mean missing": (0, lambda p, u: u * 2 * (p - TARGET)),
            "mean over the entries": (0, lambda p, u: u * 2 * (p - TARGET) / p.size),
            "target minus prediction": (0, lambda p, u: u * 2 * (TARGET - p) / len(p)),
        },
    ),
    *faulty(
        "cross-entropy",
        cross_entropy(HOT),
        cross_entropy_vjp(HOT),
        (LOGITS,),
        {
            "batch mean missing": (None, cross_entropy_vjp(HOT, n=1)),
            "last row dropped": (0, lambda z, u: last_row(z, 0) * cross_entropy_vjp(HOT)(z, u)[0]),
            "upstream forgotten": (None, lambda z, u: cross_entropy_vjp(HOT)(z, np.ones_like(u))),
        },
    ),
    *faulty(
        "smoothed cross-entropy",
        cross_entropy(SMOOTH),
        cross_entropy_vjp(SMOOTH),
        (LOGITS,),
        {"smoothing forgotten": (None, cross_entropy_vjp(HOT))},
    ),
    *faulty(
        "weighted cross-entropy, 4 samples of 4 classes",
        cross_entropy(HOT[:4], CLASSES),
        cross_entropy_vjp(HOT[:4], CLASSES, n=4),
        (LOGITS[:4],),
        {"class weights along the wrong axis": (None, cross_entropy_vjp(HOT[:4], CLASSES[:, None], n=4))},
    ),
    *faulty(
        "binary cross-entropy of logits",
        lambda z: np.sum(np.logaddexp(0, z) - HOT * z) / len(z),
        lambda z, u: (u * (sigmoid(z) - HOT) / len(z),),
        (LOGITS,),
        {
            "slope of the sigmoid once more": (
                0,
                lambda z, u: u * (sigmoid(z) - HOT) * sigmoid(z) * sigmoid(-z) / len(z),
            )
        },
    ),
    *faulty(
        "Huber",
        huber,
        lambda p, u: (u * np.clip(p - TARGET, -1, 1) / p.size,),
        (P,),
        {"linear part forgotten": (0, lambda p, u: u * (p - TARGET) / p.size)},
    ),
    *faulty(
        "hinge",
        lambda p: np.sum(np.maximum(0, 1 - (2 * HOT - 1) * p)) / len(p),
        lambda p, u: (u * (1 - 2 * HOT) * ((2 * HOT - 1) * p < 1) / len(p),),
        (P,),
        {"margin of 0 in place of 1": (0, lambda p, u: u * (1 - 2 * HOT) * ((2 * HOT - 1) * p < 0) / len(p))},
    ),
]

CASES = [*NORMALISATIONS, *LOSSES]
