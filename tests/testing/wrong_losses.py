"""Losses of numbers whose gradient belongs to another value, or that break a law of losses."""

from __future__ import annotations

import numpy as np
from testing.wrong import UNCLEAR, Wrong, normal

import tinynn as nn
from tinynn import testing as kit

BATCH = 4
A, Y = normal(BATCH, 3), normal(BATCH, 3, seed=1)
BITS = np.array([[1.0, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]])


class FaultyLoss(nn.Loss):
    """The weighted mean over the rows of what `rows` gives: a cost each, and its derivatives."""

    def __init__(self, fault=""):
        self.fault, self.seen = fault, {}

    def rows(self, a, y):
        raise NotImplementedError

    def first_call(self, name, array):
        """The array of the first call of this shape."""
        return self.seen.setdefault((name, array.shape), array)

    def forward(self, prediction, target, sample_weight=None):
        weight = np.ones(len(prediction)) if sample_weight is None else np.asarray(sample_weight)
        share = (weight / weight.sum()).astype(prediction.dtype)
        if target.dtype.kind == "f":
            target = target.astype(prediction.dtype)
        costs, slopes = self.rows(prediction, target)
        self.grad = share.reshape(-1, *[1] * (prediction.ndim - 1)) * slopes
        return float(share @ costs)

    def backward(self):
        match self.fault:
            case "1/n forgotten":
                return self.grad * len(self.grad)
            case "1/n twice":
                return self.grad / len(self.grad)
            case "gradient in float32":
                return self.grad.astype(np.float32)
        return self.grad


def cases(make, prediction, target, faults, **options):
    def case(fault, cause):
        def run(wrong):
            return kit.check_loss(make(fault if wrong else ""), prediction.copy(), target.copy(), **options)

        return Wrong(f"{make.__name__}: {fault}", cause, run)

    return [case(*row) for row in faults]


class Quadratic(FaultyLoss):
    """‖a − y‖² of a row."""

    def rows(self, a, y):
        if self.fault == "target of the first call":
            y = self.first_call("target", y)
        costs, slopes = np.sum((a - y) ** 2, axis=1), 2 * (a - y)
        match self.fault:
            case "2 forgotten":
                slopes = a - y
            case "sign":
                slopes = 2 * (y - a)
            case "mean over the elements":
                slopes = slopes / a.shape[1]
            case "mean over the outputs in the value":
                costs = costs / a.shape[1]
            case "rows rolled":
                slopes = 2 * (a - np.roll(y, 1, axis=0))
            case "last row forgotten":
                slopes[-1] = 0
            case "absolute":
                slopes = 2 * np.abs(a - y)
            case "zeros":
                slopes = np.zeros_like(a)
            case "float32 inside":
                slopes = slopes.astype(np.float32)
            case "writes into its prediction":
                a -= y
            case "target broadcast":
                slopes = 2 * (a - y.mean(axis=1, keepdims=True))
        return costs, slopes


class StaleQuadratic(Quadratic):
    """Takes its gradient from the first call on."""

    def rows(self, a, y):
        costs, slopes = super().rows(a, y)
        if self.fault:
            slopes = self.first_call("slopes", slopes)
        return costs, slopes


class Summed(Quadratic):
    """Value and gradient agree, and both grow with the batch."""

    def forward(self, prediction, target, sample_weight=None):
        cost = super().forward(prediction, target, sample_weight)
        if self.fault:
            self.grad = self.grad * len(prediction)
            return cost * len(prediction)
        return cost


class Weighted(Quadratic):
    """Sample weights that the value or the gradient leaves out, or divides by n."""

    def forward(self, prediction, target, sample_weight=None):
        weight = None if self.fault == "weights ignored" else sample_weight
        cost = super().forward(prediction, target, weight)
        if sample_weight is None:
            return cost
        match self.fault:
            case "weights squared":
                return super().forward(prediction, target, np.square(sample_weight))
            case "weights only in the value":
                super().forward(prediction, target)
            case "divided by n instead of the weights' sum":
                mean = np.mean(sample_weight)
                self.grad = self.grad * mean
                return float(cost * mean)
        return cost


class Absolute(FaultyLoss):
    """Σ |a − y|."""

    def rows(self, a, y):
        slopes = {"sign": np.sign(y - a), "difference": a - y, "1 on both sides": np.ones_like(a)}
        return np.sum(np.abs(a - y), axis=1), slopes.get(self.fault, np.sign(a - y))


class Huber(FaultyLoss):
    """Σ d²/2 where |d| ≤ δ and δ (|d| − δ/2) beyond."""

    delta = 0.8

    def rows(self, a, y):
        d, delta = a - y, self.delta
        costs = np.where(np.abs(d) <= delta, d**2 / 2, delta * (np.abs(d) - delta / 2)).sum(axis=1)
        slopes = np.clip(d, -delta, delta)
        match self.fault:
            case "branches swapped":
                slopes = np.where(np.abs(d) > delta, d, delta * np.sign(d))
            case "delta forgotten beyond":
                slopes = np.where(np.abs(d) <= delta, d, np.sign(d))
            case "quadratic everywhere":
                slopes = d
            case "one side only":
                slopes = np.minimum(d, delta)
        return costs, slopes


class Cosine(FaultyLoss):
    """1 − a · y / (‖a‖ ‖y‖)."""

    def rows(self, a, y):
        length, other = (np.linalg.norm(v, axis=1, keepdims=True) for v in (a, y))
        cosine = np.sum(a * y, axis=1, keepdims=True) / (length * other)
        slopes = cosine * a / length**2 - y / (length * other)
        match self.fault:
            case "length taken for a constant":
                slopes = -y / (length * other)
            case "length of the target forgotten":
                slopes = cosine * a / length**2 - y / length
        return 1 - cosine[:, 0], slopes


class ContrastiveLoss:
    """The squared distance where y is 1, max(0, 1 − distance)² where it is 0: no tinynn anywhere."""

    def __init__(self, fault=""):
        self.fault = fault

    def forward(self, p, t):
        self.p, self.t, self.gap = p, t, np.maximum(0, 1 - np.abs(p))
        return np.mean(t * p**2 + (1 - t) * self.gap**2)

    def backward(self):
        near, far = 2 * self.t * self.p, 2 * (1 - self.t) * self.gap * np.sign(self.p)
        if self.fault == "pull and push added":
            return (near + far) / near.size
        if self.fault == "push forgotten":
            return near / near.size
        if self.fault == "n of the rows":
            return (near - far) / len(near)
        return (near - far) / near.size


class LogCosh:
    """mean log cosh(p − t): no tinynn here either."""

    def __init__(self, fault=""):
        self.fault = fault

    def forward(self, p, t):
        self.d = p - t
        return np.log(np.cosh(self.d)).mean()

    def backward(self):
        slope = np.tanh(self.d)
        match self.fault:
            case "mean forgotten":
                return slope
            case "sinh forgotten":
                return 1 / np.cosh(self.d) / slope.size
            case "gradient flattened":
                return slope.ravel() / slope.size
            case "gradient summed over the rows":
                return slope.sum(axis=0) / slope.size
        return slope / slope.size


CASES = [
    *cases(
        Quadratic,
        A,
        Y,
        [
            ("1/n forgotten", "batch-mean"),
            ("1/n twice", "batch-mean"),
            ("gradient in float32", "dtype"),
            ("2 forgotten", "factor"),
            ("sign", "sign"),
            ("mean over the elements", "factor"),
            ("mean over the outputs in the value", "factor"),
            ("rows rolled", UNCLEAR),
            ("last row forgotten", ("row-dropped", "branch")),
            ("absolute", ("branch", *UNCLEAR)),
            ("zeros", "forgotten"),
            ("float32 inside", ("dtype", "coefficient", *UNCLEAR)),
            ("writes into its prediction", "mutates"),
            ("target broadcast", UNCLEAR),
            ("target of the first call", "stale"),
        ],
    ),
    *cases(StaleQuadratic, A, Y, [("gradient of the first call", "stale")]),
    *cases(Summed, A, Y, [("sum instead of mean", "batch-mean")]),
    *cases(
        Weighted,
        A,
        Y,
        [
            ("weights only in the value", ("sample-weights", *UNCLEAR)),
            ("divided by n instead of the weights' sum", "sample-weights"),
            ("weights squared", "sample-weights"),
        ],
    ),
    *cases(Weighted, A, Y, [("weights ignored", "sample-weights")], strict=True),
    *cases(Absolute, A, Y, [("sign", "sign"), ("difference", UNCLEAR), ("1 on both sides", ("branch", *UNCLEAR))]),
    *cases(
        Huber,
        A,
        Y,
        [
            ("branches swapped", ("branch", *UNCLEAR)),
            ("delta forgotten beyond", "branch"),
            ("quadratic everywhere", "branch"),
            ("one side only", "branch"),
        ],
    ),
    *cases(
        Cosine,
        A,
        Y,
        [
            ("length taken for a constant", ("normalisation", *UNCLEAR)),
            ("length of the target forgotten", UNCLEAR),
        ],
    ),
    *cases(
        ContrastiveLoss,
        A,
        BITS,
        [
            ("pull and push added", "branch"),
            ("push forgotten", ("branch", "forgotten")),
            ("n of the rows", "factor"),
        ],
    ),
    *cases(
        LogCosh,
        A,
        Y,
        [
            ("mean forgotten", ("factor", "batch-mean")),
            ("sinh forgotten", UNCLEAR),
            ("gradient flattened", "shape"),
            ("gradient summed over the rows", "shape"),
        ],
    ),
]
