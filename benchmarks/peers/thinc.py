"""thinc: its layers, chained, its optimizer, its NumPy back end (whose products are its own BLAS's, blis)."""

from itertools import cycle

import numpy as np
from thinc.api import Linear, NumpyOps, Optimizer, Relu, Sigmoid, chain, set_current_ops

from benchmarks.peers import NotOffered, Training
from benchmarks.samples import samples


def learner(case):
    """(the model with the case's parameters, its optimizer)."""
    if case.optimizer == "rmsprop":
        raise NotOffered("thinc has no RMSprop")
    set_current_ops(NumpyOps())
    *hidden, (n, out) = case.products
    kind, last = (Sigmoid, Sigmoid) if case.head == "sigmoid" else (Relu, Linear)
    layers = [*(kind(nO=width, nI=below) for below, width in hidden), last(nO=out, nI=n)]
    model = chain(*layers) if hidden else layers[0]
    model.initialize()
    for layer, (w, b) in zip(layers, case.parameters(), strict=True):
        layer.set_param("W", w)
        layer.set_param("b", b)
    decay = (0.9, 0.999) if case.optimizer == "adam" else (0.0, 0.0)
    rules = {"beta1": decay[0], "beta2": decay[1], "eps": 1e-8, "L2": 0.0, "grad_clip": 0.0, "use_averages": False}
    return model, Optimizer(case.learning_rate, **rules)


def cost_and_gradient(case, out, y):
    """C and ∂C/∂output; thinc's own losses have other factors, and its softmax is a layer."""
    if case.head == "sigmoid":
        error = out - y
        return float(0.5 * np.vdot(error, error) / len(y)), error / np.float32(len(y))
    e = np.exp(out - out.max(axis=1, keepdims=True))
    a = e / e.sum(axis=1, keepdims=True)
    return float(-np.log((a * y).sum(axis=1)).mean()), (a - y) / np.float32(len(y))


def step(case, model, optimizer, x, y):
    out, backprop = model.begin_update(x)
    _, gradient = cost_and_gradient(case, out, y)
    backprop(gradient)
    model.finish_update(optimizer)


def training(case):
    model, optimizer = learner(case)
    pool = [(x, case.one_hot(labels)) for x, labels in case.batches()]
    turns = cycle(pool)

    def burst(steps):
        for _ in range(steps):
            step(case, model, optimizer, *next(turns))

    return Training(burst, lambda: cost_and_gradient(case, model.predict(pool[0][0]), pool[0][1])[0])


def epoch(case, rows):
    """Fed by `ops.multibatch`."""
    model, optimizer = learner(case)
    x, labels = samples(case, rows)
    y = case.one_hot(labels)

    def burst(epochs):
        for _ in range(epochs):
            for x_batch, target in model.ops.multibatch(case.batch, x, y, shuffle=True):
                step(case, model, optimizer, x_batch, target)

    return Training(burst, lambda: cost_and_gradient(case, model.predict(x), y)[0], first=1)


def prediction(case, rows):
    model, _ = learner(case)
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)

    def burst(count):
        for _ in range(count):
            model.predict(x)

    return Training(burst, lambda: float(model.predict(x[:1]).sum()))
