"""PyTorch on the CPU: eager with the plain or the fused optimizer, and under torch.compile."""

from itertools import cycle

import numpy as np
import torch
from torch.nn import functional

from benchmarks.peers import NotOffered, Training
from benchmarks.samples import samples


def network(case):
    """torch.nn layers with the case's parameters."""
    layers = []
    for layer, (n, out) in enumerate(case.products, start=1):
        layers.append(torch.nn.Linear(n, out))
        if case.head == "sigmoid":
            layers.append(torch.nn.Sigmoid())
        elif layer < len(case.products):
            layers.append(torch.nn.ReLU())
    model = torch.nn.Sequential(*layers)
    given = (array for pair in case.parameters() for array in pair)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), given, strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model


def criterion(case):
    """cost(prediction, target): torch's mean over all elements, times half the outputs, is the quadratic cost."""
    if case.head == "relu":
        return functional.cross_entropy
    factor = case.widths[-1] / 2
    return lambda prediction, target: functional.mse_loss(prediction, target) * factor


def learner(case, kind, threads=None):
    """(model, cost(x, target), update(), optimizer); threads: None leaves PyTorch's default."""
    if threads:
        torch.set_num_threads(threads)
    model, compare = network(case), criterion(case)
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}[case.optimizer]
    if kind == "fused" and case.optimizer == "rmsprop":
        raise NotOffered("PyTorch has no fused RMSprop")
    optimizer = rule(model.parameters(), lr=case.learning_rate, **({"fused": True} if kind == "fused" else {}))

    def cost(x, target):
        return compare(model(x), target)

    def update():
        optimizer.step()

    if kind == "compile":
        torch._dynamo.reset()  # else a second case's other shapes would be compiled as unknown ones
        cost, update = torch.compile(cost, dynamic=False), torch.compile(update, dynamic=False)
    return model, cost, update, optimizer


def training(case, kind, threads=None, loader=False):
    if loader:
        raise NotOffered("the DataLoader feeds an epoch")
    _, cost, update, optimizer = learner(case, kind, threads)
    pool = [(torch.from_numpy(x), torch.from_numpy(case.targets(labels))) for x, labels in case.batches()]
    turns = cycle(pool)

    def burst(steps):
        for _ in range(steps):
            x, target = next(turns)
            optimizer.zero_grad()
            cost(x, target).backward()
            update()

    return Training(burst, lambda: cost(*pool[0]).item())


def epoch(case, rows, kind, threads=None, loader=False):
    """Fed by a random permutation and indexing, or by the DataLoader in its default form."""
    _, cost, update, optimizer = learner(case, kind, threads)
    x, labels = samples(case, rows)
    x, y = torch.from_numpy(x), torch.from_numpy(case.targets(labels))
    data = torch.utils.data.TensorDataset(x, y)
    feed = torch.utils.data.DataLoader(data, batch_size=case.batch, shuffle=True) if loader else None

    def permuted():
        for chosen in torch.randperm(rows).split(case.batch):
            yield x[chosen], y[chosen]

    def burst(epochs):
        for _ in range(epochs):
            for x_batch, target in feed or permuted():
                optimizer.zero_grad()
                cost(x_batch, target).backward()
                update()

    def cost_of_all():
        with torch.no_grad():
            return cost(x, y).item()

    return Training(burst, cost_of_all, first=1)


def prediction(case, rows, kind, threads=None, loader=False):
    if loader:
        raise NotOffered("the DataLoader feeds an epoch")
    if threads:
        torch.set_num_threads(threads)
    model = network(case).eval()
    if kind == "compile":
        model = torch.compile(model, dynamic=False)
    x = torch.from_numpy(np.random.default_rng(0).random((rows, case.widths[0]), np.float32))

    def burst(count):
        with torch.inference_mode():
            for _ in range(count):
                model(x)

    with torch.inference_mode():
        return Training(burst, lambda: float(model(x)[:1].sum()))
