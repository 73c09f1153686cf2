"""Small training runs for the tests of resuming: each gives a fresh trainer and its data, always the same.

`differences` compares two trainers bit for bit, times aside.
"""

from __future__ import annotations

import numpy as np
from own_parts import Drift, Jittered

import tinynn as nn
from tinynn.training import Trainer, state

X, LABELS = nn.data.load_digits()
X, LABELS = X[:37], LABELS[:37]
TARGETS = nn.one_hot(LABELS, 10)
TIMES = ("seconds", "samples_per_second")


def network(*middle, dtype=np.float32):
    return nn.Sequential(nn.Dense(64, 12, dtype=dtype), *middle, nn.Dense(12, 10, dtype=dtype), rng=1)


def plain():
    model = network(nn.Sigmoid())
    trainer = Trainer(model, nn.MSE(), nn.SGD(model, 0.5))
    return trainer, nn.Batches(X, TARGETS, 10, rng=2)


def true_sgd_in_float64():
    model = network(nn.Tanh(), dtype=np.float64)
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.01, momentum=0.9), metrics=[nn.Accuracy()])
    return trainer, nn.Batches(X[:5], LABELS[:5], 1, rng=2)


def dropout_with_metrics_and_clipping():
    model = network(nn.ReLU(), nn.Dropout(0.3))
    metrics = [nn.Accuracy(), nn.ConfusionMatrix(10)]
    trainer = Trainer(
        model, nn.SoftmaxCrossEntropy(), nn.Adam(model, 0.01), metrics=metrics, clip_norm=0.5, clip_value=0.1
    )
    return trainer, nn.Batches(X, LABELS, 8, drop_last=True, rng=2)


def accumulated_with_class_weights():
    model = network(nn.SiLU(), nn.Dropout(0.2))
    loss = nn.SoftmaxCrossEntropy(class_weights=np.linspace(0.5, 2.0, 10))
    trainer = Trainer(model, loss, nn.RMSprop(model, 0.01, momentum=0.5, centered=True), accumulate=4)
    return trainer, nn.Batches(X, LABELS, 7, rng=2)


def one_generator_for_all():
    rng = np.random.default_rng(5)
    model = network(nn.Sigmoid(), nn.Dropout(0.2, rng=rng))
    model[2].rng = rng
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.NAdam(model))
    return trainer, nn.Batches(X, LABELS, 10, rng=rng)


def own_layer_and_own_batches():
    model = network(Drift(12), nn.Tanh())
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.RAdam(model), metrics=[nn.Accuracy()])
    return trainer, Jittered(X, LABELS, 10, rng=2)


def a_list_of_pairs():
    model = network(nn.Sigmoid())
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adagrad(model))
    return trainer, [(X[k : k + 10], LABELS[k : k + 10]) for k in range(0, 37, 10)]


def groups_with_schedules():
    model = network(nn.Sigmoid())
    groups = [
        {"parameters": model[0], "learning_rate": nn.schedules.cosine(0.1, 12, warmup=3)},
        {"parameters": model[2], "weight_decay": 0.01, "learning_rate": lambda step: 0.1 / (1 + step)},
    ]
    trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.AdamW(groups, nn.schedules.exponential(0.1, 0.9)))
    return trainer, nn.Batches(X, LABELS, 10, rng=2)


RUNS = [
    plain,
    true_sgd_in_float64,
    dropout_with_metrics_and_clipping,
    accumulated_with_class_weights,
    one_generator_for_all,
    own_layer_and_own_batches,
    a_list_of_pairs,
    groups_with_schedules,
]


def differences(a, b, place=""):
    """Where two trees of plain values and arrays differ in anything but times, as a list of places."""
    if isinstance(a, Trainer):
        return differences(state.capture(a), state.capture(b), place)
    if type(a) is not type(b):
        return [f"{place}: {type(a).__name__} and {type(b).__name__}"]
    if isinstance(a, dict):
        if list(a) != list(b):
            return [f"{place}: {list(a)} and {list(b)}"]
        return [d for key in a if key not in TIMES for d in differences(a[key], b[key], f"{place}/{key}")]
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return [f"{place}: {len(a)} and {len(b)} items"]
        return [d for k, pair in enumerate(zip(a, b, strict=True)) for d in differences(*pair, f"{place}/{k}")]
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    else:
        same = repr(a) == repr(b)
    return [] if same else [f"{place}: {a!r} and {b!r}"]
