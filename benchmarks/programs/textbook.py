"""MNIST with plain NumPy as students write it, a line an equation; see recipe.py."""

import sys

import numpy as np

from benchmarks.programs.recipe import BATCH, EPOCHS, PART, RATE, WIDTHS, read_mnist, say, say_accuracy


def glorot(rng, n, out):
    bound = np.sqrt(6 / (n + out))
    return rng.uniform(-bound, bound, (n, out)).astype(np.float32)


def forward(parameters, x):
    """(hidden outputs, logits)."""
    w1, b1, w2, b2 = parameters
    a = np.maximum(x @ w1 + b1, 0)
    return a, a @ w2 + b2


def gradients(parameters, x, labels):
    a, z = forward(parameters, x)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    delta = e / e.sum(axis=1, keepdims=True)
    delta[np.arange(len(x)), labels] -= 1
    delta /= len(x)
    hidden = delta @ parameters[2].T * (a > 0)
    return [x.T @ hidden, hidden.sum(axis=0), a.T @ delta, delta.sum(axis=0)]


class Adam:
    def __init__(self, parameters):
        self.steps = 0
        self.mean = [np.zeros_like(p) for p in parameters]
        self.square = [np.zeros_like(p) for p in parameters]

    def update(self, parameters, grads):
        self.steps += 1
        for k, (p, g) in enumerate(zip(parameters, grads, strict=True)):
            self.mean[k] = 0.9 * self.mean[k] + 0.1 * g
            self.square[k] = 0.999 * self.square[k] + 0.001 * g**2
            mean = self.mean[k] / (1 - 0.9**self.steps)
            square = self.square[k] / (1 - 0.999**self.steps)
            p -= RATE * mean / (np.sqrt(square) + 1e-8)


def main(seed=0, epochs=EPOCHS):
    say("imported")
    x_train, y_train, x_test, y_test = read_mnist()
    say("read")
    rng = np.random.default_rng(seed)
    inputs, hidden, classes = WIDTHS
    biases = [np.zeros(n, np.float32) for n in (hidden, classes)]
    parameters = [glorot(rng, inputs, hidden), biases[0], glorot(rng, hidden, classes), biases[1]]
    adam = Adam(parameters)
    for epoch in range(epochs):
        order = rng.permutation(len(x_train))
        for k, start in enumerate(range(0, len(x_train), BATCH), start=1):
            chosen = order[start : start + BATCH]
            adam.update(parameters, gradients(parameters, x_train[chosen], y_train[chosen]))
            if k % PART == 0:
                say_accuracy(epoch, k, (forward(parameters, x_test)[1].argmax(axis=1) == y_test).mean())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
