"""Plain NumPy as students write it: one line an equation, arrays allocated anew, parameters in a list."""

from itertools import cycle

import numpy as np

from benchmarks.peers import Training
from benchmarks.samples import samples


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(z, 0)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Network:
    """Weights and biases, forward, backward and one of three updates."""

    def __init__(self, case):
        self.weights = [w for w, _ in case.parameters()]
        self.biases = [b for _, b in case.parameters()]
        self.quadratic = case.head == "sigmoid"
        self.rate, self.update = case.learning_rate, getattr(self, case.optimizer)
        self.steps = 0
        self.mean = [np.zeros_like(p) for p in self.weights + self.biases]
        self.square = [np.zeros_like(p) for p in self.weights + self.biases]

    def forward(self, x):
        """All layers' outputs, the input's first."""
        outputs = [x]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            z = outputs[-1] @ w.T + b
            outputs.append(sigmoid(z) if self.quadratic else relu(z))
        z = outputs[-1] @ self.weights[-1].T + self.biases[-1]
        return [*outputs, sigmoid(z) if self.quadratic else softmax(z)]

    def cost(self, prediction, y):
        if self.quadratic:
            return float(0.5 * np.sum((prediction - y) ** 2) / len(y))
        return float(-np.sum(y * np.log(prediction)) / len(y))

    def backward(self, outputs, y):
        """The gradients of weights and biases."""
        a = outputs[-1]
        delta = (a - y) / len(y)
        if self.quadratic:
            delta = delta * a * (1 - a)
        weights, biases = [], []
        for layer in range(len(self.weights) - 1, -1, -1):
            a = outputs[layer]
            weights.insert(0, delta.T @ a)
            biases.insert(0, delta.sum(axis=0))
            if layer:
                delta = delta @ self.weights[layer] * (a * (1 - a) if self.quadratic else a > 0)
        return weights, biases

    def step(self, x, y):
        outputs = self.forward(x)
        cost = self.cost(outputs[-1], y)
        weights, biases = self.backward(outputs, y)
        self.steps += 1
        for k, (p, g) in enumerate(zip(self.weights + self.biases, weights + biases, strict=True)):
            self.update(k, p, g)
        return cost

    def sgd(self, _, p, g):
        p -= self.rate * g

    def adam(self, k, p, g):
        self.mean[k] = 0.9 * self.mean[k] + 0.1 * g
        self.square[k] = 0.999 * self.square[k] + 0.001 * g**2
        mean = self.mean[k] / (1 - 0.9**self.steps)
        square = self.square[k] / (1 - 0.999**self.steps)
        p -= self.rate * mean / (np.sqrt(square) + 1e-8)

    def rmsprop(self, k, p, g):
        self.square[k] = 0.99 * self.square[k] + 0.01 * g**2
        p -= self.rate * g / (np.sqrt(self.square[k]) + 1e-8)


def training(case):
    network = Network(case)
    pool = [(x, case.one_hot(labels)) for x, labels in case.batches()]
    turns = cycle(pool)

    def burst(steps):
        for _ in range(steps):
            network.step(*next(turns))

    return Training(burst, lambda: network.cost(network.forward(pool[0][0])[-1], pool[0][1]))


def epoch(case, rows):
    """A permutation, and rows gathered by it."""
    network, rng = Network(case), np.random.default_rng(0)
    x, labels = samples(case, rows)
    y = case.one_hot(labels)

    def burst(epochs):
        for _ in range(epochs):
            order = rng.permutation(rows)
            for start in range(0, rows, case.batch):
                chosen = order[start : start + case.batch]
                network.step(x[chosen], y[chosen])

    return Training(burst, lambda: network.cost(network.forward(x)[-1], y), first=1)


def prediction(case, rows):
    network = Network(case)
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)

    def burst(count):
        for _ in range(count):
            network.forward(x)

    return Training(burst, lambda: float(network.forward(x[:1])[-1].sum()))
