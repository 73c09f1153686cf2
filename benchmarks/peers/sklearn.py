"""scikit-learn's multi-layer perceptron, driven below its checks.

Its public way to train on one batch, `partial_fit`, spends most of a small step in checking the input. A step here is
the body of its own loop (`_fit_stochastic`, 1.9): `_backprop`, then `_optimizer.update_params`, with momentum 0, a
constant rate and alpha 0. MLPRegressor has no sigmoid output with a quadratic cost, so `SigmoidRegressor` puts σ' in
where the last layer's error is used; all else is scikit-learn's.
"""

from itertools import cycle

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import inplace_logistic_derivative
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from benchmarks.peers import NotOffered, Training
from benchmarks.samples import samples


class SigmoidRegressor(MLPRegressor):
    """Sigmoid in every layer, the output's included, and the quadratic cost."""

    def _initialize(self, y, layer_units, dtype):
        super()._initialize(y, layer_units, dtype)
        self.out_activation_ = "logistic"

    def _compute_loss_grad(self, layer, sw_sum, activations, deltas, coef_grads, intercept_grads):
        if layer == self.n_layers_ - 2:
            inplace_logistic_derivative(activations[-1], deltas[layer])
        super()._compute_loss_grad(layer, sw_sum, activations, deltas, coef_grads, intercept_grads)


def learner(case):
    """An estimator with the case's parameters and the optimizer it would have made."""
    if case.optimizer == "rmsprop":
        raise NotOffered("scikit-learn has no RMSprop")
    kind, activation = (SigmoidRegressor, "logistic") if case.head == "sigmoid" else (MLPClassifier, "relu")
    rules = {"momentum": 0.0, "nesterovs_momentum": False, "learning_rate": "constant", "alpha": 0.0}
    options = {"solver": case.optimizer, "learning_rate_init": case.learning_rate, **rules}
    net = kind(
        hidden_layer_sizes=case.widths[1:-1],
        activation=activation,
        batch_size=case.batch,
        random_state=0,
        **options,
    )
    # One pass over a few rows makes what training needs; its parameters are then replaced.
    rows = max(case.widths[-1], case.batch)
    x = np.zeros((rows, case.widths[0]), np.float32)
    labels = np.arange(rows) % case.widths[-1]
    if case.head == "sigmoid":
        net.partial_fit(x, case.one_hot(labels))
    else:
        net.partial_fit(x, labels, classes=np.arange(case.widths[-1]))
    net.coefs_ = [np.ascontiguousarray(w.T) for w, _ in case.parameters()]
    net.intercepts_ = [b for _, b in case.parameters()]
    parameters = net.coefs_ + net.intercepts_
    if case.optimizer == "sgd":
        net._optimizer = SGDOptimizer(parameters, case.learning_rate, "constant", 0.0, False)
    else:
        net._optimizer = AdamOptimizer(parameters, case.learning_rate)
    return net, parameters


def cost(case, net, x, labels):
    """Of the present parameters."""
    out = net._forward_pass([x] + [None] * len(case.products))[-1]
    if case.head == "sigmoid":
        return float(0.5 * np.sum((out - case.one_hot(labels)) ** 2) / len(x))
    return float(-np.log(out[np.arange(len(x)), labels]).mean())


def training(case):
    net, parameters = learner(case)
    pool = [(x, case.one_hot(labels)) for x, labels in case.batches()]
    turns, layers = cycle(pool), len(case.products)
    activations, deltas = [None] * (layers + 1), [None] * layers
    coef_grads, intercept_grads = [None] * layers, [None] * layers

    def burst(steps):
        for _ in range(steps):
            x, y = next(turns)
            activations[0] = x
            _, coefs, intercepts = net._backprop(x, y, None, activations, deltas, coef_grads, intercept_grads)
            net._optimizer.update_params(parameters, coefs + intercepts)

    return Training(burst, lambda: cost(case, net, *case.batches()[0]))


def epoch(case, rows):
    """By `partial_fit`, which is one shuffled epoch in batches."""
    net, _ = learner(case)
    x, labels = samples(case, rows)
    y = case.one_hot(labels) if case.head == "sigmoid" else labels

    def burst(epochs):
        for _ in range(epochs):
            net.partial_fit(x, y)

    return Training(burst, lambda: cost(case, net, x, labels), first=1)


def prediction(case, rows):
    """By `predict` or `predict_proba`."""
    net, _ = learner(case)
    predict = net.predict if case.head == "sigmoid" else net.predict_proba
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)

    def burst(count):
        for _ in range(count):
            predict(x)

    return Training(burst, lambda: float(predict(x[:1]).sum()))
