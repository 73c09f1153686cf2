"""Is it the same work? Each contender's cost after ten identical steps against a reference in float64.

The reference is written for reading, with weights (out, in): forward, backward and update as the lecture has them.
"""

import numpy as np

from benchmarks.samples import samples

#: Steps before the costs are compared, and what float32 may differ by, relative to the cost.
STEPS = 10
TOLERANCE = 1e-4
EPOCH_TOLERANCE = 0.03


def expected_cost(case, steps=STEPS):
    """The cost on the first batch after `steps` steps on the batches in turn."""
    params = [array.astype(np.float64) for pair in case.parameters() for array in pair]
    slots = [[np.zeros_like(p), np.zeros_like(p)] for p in params]
    pool = case.batches()
    for t in range(1, steps + 1):
        x, labels = pool[(t - 1) % len(pool)]
        _, grads = cost_and_gradients(case, params, x, labels)
        for p, g, slot in zip(params, grads, slots, strict=True):
            p -= case.learning_rate * direction(case.optimizer, g, slot, t)
    return float(cost_and_gradients(case, params, *pool[0])[0])


def expected_epoch(case, rows):
    """(the cost over all samples after one epoch in an order of its own, by how much another order may differ).

    Contenders draw permutations of their own, so the costs agree only roughly; what a wrong rate, a missing 1/n or
    half an epoch would do is far more.
    """
    x, labels = samples(case, rows)
    params = [array.astype(np.float64) for pair in case.parameters() for array in pair]
    order = np.random.default_rng(1).permutation(rows)
    for start in range(0, rows - case.batch + 1, case.batch):
        chosen = order[start : start + case.batch]
        for p, g in zip(params, cost_and_gradients(case, params, x[chosen], labels[chosen])[1], strict=True):
            p -= case.learning_rate * g
    return float(cost_and_gradients(case, params, x, labels)[0]), EPOCH_TOLERANCE


def cost_and_gradients(case, params, x, labels):
    """C and its gradients in the order of params: weight, bias of each layer in turn."""
    weights, biases = params[::2], params[1::2]
    outputs, y = [x.astype(np.float64)], case.one_hot(labels).astype(np.float64)
    for w, b in zip(weights, biases, strict=True):
        z = outputs[-1] @ w.T + b
        last = len(outputs) == len(weights)
        outputs.append(activation(case, z, last))
    a, n = outputs[-1], len(x)
    if case.head == "sigmoid":
        cost, delta = 0.5 * np.sum((a - y) ** 2) / n, (a - y) / n * a * (1 - a)
    else:
        cost, delta = -np.sum(y * np.log(a)) / n, (a - y) / n
    grads = []
    for layer in reversed(range(len(weights))):
        below = outputs[layer]
        grads = [delta.T @ below, delta.sum(axis=0), *grads]
        delta = delta @ weights[layer] * (below * (1 - below) if case.head == "sigmoid" else below > 0)
    return cost, grads


def activation(case, z, last):
    """The sigmoid; ReLU, and softmax in the last layer."""
    if case.head == "sigmoid":
        return 1 / (1 + np.exp(-z))
    if not last:
        return np.maximum(z, 0)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def direction(optimizer, g, slot, t):
    """What the learning rate multiplies; slot = [mean, mean of squares] is updated."""
    if optimizer == "sgd":
        return g
    decay = 0.999 if optimizer == "adam" else 0.99
    slot[1] = decay * slot[1] + (1 - decay) * g**2
    if optimizer == "rmsprop":
        return g / (np.sqrt(slot[1]) + 1e-8)
    slot[0] = 0.9 * slot[0] + 0.1 * g
    return slot[0] / (1 - 0.9**t) / (np.sqrt(slot[1] / (1 - decay**t)) + 1e-8)


def expected_output(case, rows):
    """The sum of the first row's outputs, what prediction's contenders answer with.

    Outputs are the last layer's sigmoids; under the other head what a peer returns differs (logits, probabilities).
    """
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)[:1]
    for w, b in case.parameters():
        x = activation(case, x.astype(np.float64) @ w.T + b, False)
    return float(x.sum())


def relative_error(cost, expected):
    return float(abs(cost - expected) / abs(expected))
