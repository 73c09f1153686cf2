"""Metrics: what one reads to judge a network, as against the cost that it descends.

base.py says what a metric is, labels.py what counts as a class, accuracy.py and confusion.py judge
classes, regression.py judges numbers.
"""

from __future__ import annotations

from tinynn.metrics.accuracy import Accuracy, TopKAccuracy
from tinynn.metrics.base import Metric
from tinynn.metrics.confusion import F1, ConfusionMatrix, Precision, Recall
from tinynn.metrics.regression import R2

__all__ = ["F1", "R2", "Accuracy", "ConfusionMatrix", "Metric", "Precision", "Recall", "TopKAccuracy"]
