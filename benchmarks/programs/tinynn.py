"""MNIST with tinynn; see recipe.py."""

import sys

import tinynn as nn
from benchmarks.programs.recipe import BATCH, EPOCHS, FOLDER, PART, RATE, WIDTHS, say, say_accuracy


def main(seed=0, epochs=EPOCHS):
    say("imported")
    (x_train, y_train), (x_test, y_test) = nn.data.load_mnist(directory=FOLDER)
    say("read")
    inputs, hidden, classes = WIDTHS
    model = nn.Sequential(nn.Dense(inputs, hidden), nn.ReLU(), nn.Dense(hidden, classes), rng=seed)
    loss, optimizer = nn.SoftmaxCrossEntropy(), nn.Adam(model, RATE)
    batches = nn.Batches(x_train, y_train, batch_size=BATCH, rng=seed)
    for epoch in range(epochs):
        for k, (x, target) in enumerate(batches, start=1):
            loss.forward(model.forward(x), target)
            model.backward_parameters(loss.backward())
            optimizer.step()
            if k % PART == 0:
                say_accuracy(epoch, k, (model.predict(x_test).argmax(axis=1) == y_test).mean())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
