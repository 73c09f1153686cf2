"""MNIST with scikit-learn: `partial_fit` is one pass over the rows it is given; see recipe.py.

Its biases start from the weights' distribution; that cannot be chosen, and does no harm.
"""

import sys

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.programs.recipe import BATCH, EPOCHS, PART, RATE, WIDTHS, read_mnist, say, say_accuracy


def main(seed=0, epochs=EPOCHS):
    say("imported")
    x_train, y_train, x_test, y_test = read_mnist()
    say("read")
    rng = np.random.default_rng(seed)
    # The rows come in random order already, so it need not shuffle them once more.
    net = MLPClassifier(
        WIDTHS[1:-1], alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, shuffle=False, random_state=seed
    )
    for epoch in range(epochs):
        parts = rng.permutation(len(x_train)).reshape(-1, PART * BATCH)
        for k, part in enumerate(parts, start=1):
            net.partial_fit(x_train[part], y_train[part], classes=np.arange(WIDTHS[-1]))
            say_accuracy(epoch, k * PART, (net.predict(x_test) == y_test).mean())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
