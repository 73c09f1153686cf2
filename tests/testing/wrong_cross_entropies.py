"""Losses of classes and probabilities, and the shortcuts through softmax and sigmoid that go wrong."""

from __future__ import annotations

import numpy as np
from testing.right import sigmoid, softmax
from testing.wrong import UNCLEAR
from testing.wrong_losses import BITS, A, FaultyLoss, Y, cases

LABELS = np.array([2, 0, 2, 1])


class SoftmaxCrossEntropy(FaultyLoss):
    """−Σ q log p with p = softmax(z / T), q = w · ((1 − ε) one-hot + ε / classes)."""

    temperature, smoothing, weights = 2.0, 0.0, (1.0, 1.0, 1.0)

    def rows(self, z, labels):
        classes, fault = z.shape[1], self.fault
        t, p = np.eye(classes, dtype=z.dtype)[labels], softmax(z / self.temperature)
        q = t * (1 - self.smoothing) + self.smoothing / classes
        w = (t @ np.array(self.weights, z.dtype))[:, None]
        costs = -np.sum(w * q * np.log(p), axis=1)
        slopes = w * (p - q) / self.temperature
        match fault:
            case "1/T forgotten":
                slopes = slopes * self.temperature
            case "one-hot subtracted twice":
                slopes = w * (p - 2 * q) / self.temperature
            case "one-hot of the next row":
                slopes = w * (p - np.roll(q, 1, axis=0)) / self.temperature
            case "labels of the first row":
                slopes = w * (p - q[:1]) / self.temperature
            case "smoothing forgotten":
                slopes = w * (p - t) / self.temperature
            case "class weights along the wrong axis":
                slopes = np.array(self.weights, z.dtype) * (p - q) / self.temperature
            case "class weights forgotten":
                slopes = (p - q) / self.temperature
            case "through the softmax a second time":
                slopes = p * (slopes - np.sum(p * slopes, axis=1, keepdims=True))
            case "-1/p without the softmax":
                slopes = -w * q / p / self.temperature
        return costs, slopes


class Smoothed(SoftmaxCrossEntropy):
    smoothing = 0.1


class ClassWeighted(SoftmaxCrossEntropy):
    weights = (0.5, 1.0, 3.0)


class SigmoidCrossEntropy(FaultyLoss):
    """Σ log(1 + e^z) − y z."""

    def rows(self, z, y):
        p = sigmoid(z)
        slopes = {
            "slope of the sigmoid once more": (p - y) * p * (1 - p),
            "slope forgotten": (p - y) / (p * (1 - p)),
            "logits instead of probabilities": z - y,
            "sign": y - p,
        }.get(self.fault, p - y)
        return np.sum(np.logaddexp(0, z).astype(z.dtype) - y * z, axis=1), slopes


class KullbackLeibler(FaultyLoss):
    """Σ y (log y − a) of log-probabilities a."""

    def rows(self, a, y):
        slopes = {"+1 of the other argument": np.log(y) + 1 - a, "of probabilities": -y / a}.get(self.fault, -y)
        return np.sum(y * (np.log(y) - a), axis=1), slopes


class Hinge(FaultyLoss):
    """Σ max(0, 1 − y a), y = ±1."""

    def rows(self, a, y):
        active = 1 - y * a > 0
        slopes = {
            "margin forgotten": -y * (y * a < 0),
            "y forgotten": np.where(active, -1, 0).astype(a.dtype),
            "always active": -y,
        }.get(self.fault, -y * active)
        return np.sum(np.maximum(0, 1 - y * a), axis=1), slopes


class Focal(FaultyLoss):
    """−Σ (1 − p)² log p with p = σ(±z): the probability of the right answer."""

    def rows(self, z, y):
        side = 2 * y - 1
        p = sigmoid(side * z)
        slopes = {
            "modulation taken for a constant": -((1 - p) ** 3),
            "power rule's 2 forgotten": p * (1 - p) ** 2 * np.log(p) - (1 - p) ** 3,
        }.get(self.fault, 2 * p * (1 - p) ** 2 * np.log(p) - (1 - p) ** 3)
        return -np.sum((1 - p) ** 2 * np.log(p), axis=1), side * slopes


CASES = [
    *cases(
        SoftmaxCrossEntropy,
        A,
        LABELS,
        [
            ("1/n forgotten", "batch-mean"),
            ("1/T forgotten", "factor"),
            ("one-hot subtracted twice", ("branch", *UNCLEAR)),
            ("one-hot of the next row", ("branch", *UNCLEAR)),
            ("labels of the first row", ("branch", *UNCLEAR)),
            ("through the softmax a second time", ("normalisation", *UNCLEAR)),
            ("-1/p without the softmax", ("normalisation", *UNCLEAR)),
        ],
    ),
    *cases(Smoothed, A, LABELS, [("smoothing forgotten", UNCLEAR)]),
    *cases(
        ClassWeighted,
        A,
        LABELS,
        [("class weights along the wrong axis", UNCLEAR), ("class weights forgotten", UNCLEAR)],
    ),
    *cases(
        SigmoidCrossEntropy,
        A,
        BITS,
        [
            ("slope of the sigmoid once more", UNCLEAR),
            ("slope forgotten", UNCLEAR),
            ("logits instead of probabilities", UNCLEAR),
            ("sign", "sign"),
        ],
    ),
    *cases(
        KullbackLeibler,
        np.log(softmax(A)),
        softmax(Y),
        [("+1 of the other argument", UNCLEAR), ("of probabilities", ("entry-factor", *UNCLEAR))],
    ),
    *cases(
        Hinge,
        A,
        2 * BITS - 1,
        [
            ("margin forgotten", ("branch", *UNCLEAR)),
            ("y forgotten", ("branch", "entry-factor", "sign")),
            ("always active", "branch"),
        ],
    ),
    *cases(
        Focal,
        A,
        BITS,
        [("modulation taken for a constant", UNCLEAR), ("power rule's 2 forgotten", UNCLEAR)],
    ),
]
