"""tinynn, as a user writes a training loop; `fused=True` asks for the optimizers' compiled form."""

from itertools import cycle

import numpy as np

from benchmarks.peers import Training
from benchmarks.samples import samples


def network(case):
    """The layers, as a user writes them."""
    import tinynn as nn

    layers = []
    for layer, (n, out) in enumerate(case.products, start=1):
        layers.append(nn.Dense(n, out))
        if case.head == "sigmoid":
            layers.append(nn.Sigmoid())
        elif layer < len(case.products):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers, rng=0)


def learner(case, options):
    """The network with the case's parameters, its cost and its optimizer."""
    import tinynn as nn

    model = network(case)
    given = (array for pair in case.parameters() for array in pair)
    for parameter, value in zip(model.parameters(), given, strict=True):
        parameter.value = value
    loss = nn.MSE() if case.head == "sigmoid" else nn.SoftmaxCrossEntropy()
    rule = {"sgd": nn.SGD, "adam": nn.Adam, "rmsprop": nn.RMSprop}[case.optimizer]
    return model, loss, rule(model, case.learning_rate, **options)


def training(case, **options):
    model, loss, optimizer = learner(case, options)
    pool = [(x, case.targets(labels)) for x, labels in case.batches()]
    turns = cycle(pool)

    def burst(steps):
        for _ in range(steps):
            x, target = next(turns)
            loss.forward(model.forward(x), target)
            model.backward_parameters(loss.backward())
            optimizer.step()

    return Training(burst, lambda: loss.forward(model.forward(pool[0][0]), pool[0][1]))


def epoch(case, rows, **options):
    """Fed by Batches."""
    import tinynn as nn

    model, loss, optimizer = learner(case, options)
    x, labels = samples(case, rows)
    y = case.targets(labels)
    batches = nn.Batches(x, y, batch_size=case.batch, rng=0)

    def burst(epochs):
        for _ in range(epochs):
            for x_batch, target in batches:
                loss.forward(model.forward(x_batch), target)
                model.backward_parameters(loss.backward())
                optimizer.step()

    return Training(burst, lambda: loss.forward(model.predict(x), y), first=1)


def prediction(case, rows, **options):
    model, _, _ = learner(case, options)
    x = np.random.default_rng(0).random((rows, case.widths[0]), np.float32)

    def burst(count):
        for _ in range(count):
            model.predict(x)

    return Training(burst, lambda: float(model.predict(x[:1]).sum()))
