"""MNIST with PyTorch, eager; the form "fused" asks for Adam's fused update. See recipe.py."""

import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.programs.recipe import BATCH, EPOCHS, PART, RATE, WIDTHS, read_mnist, say, say_accuracy


def network():
    inputs, hidden, classes = WIDTHS
    model = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    for layer in (model[0], model[2]):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return model


def main(seed=0, epochs=EPOCHS, form="eager"):
    say("imported")
    x_train, y_train, x_test, y_test = map(torch.from_numpy, read_mnist())
    say("read")
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=form == "fused")
    for epoch in range(epochs):
        for k, chosen in enumerate(torch.randperm(len(x_train)).split(BATCH), start=1):
            optimizer.zero_grad()
            cross_entropy(model(x_train[chosen]), y_train[chosen]).backward()
            optimizer.step()
            if k % PART == 0:
                with torch.inference_mode():
                    right = model(x_test).argmax(dim=1) == y_test
                say_accuracy(epoch, k, right.float().mean().item())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
