"""What step.py measures: each function, called in a process of its own, returns `burst(steps)`.

The floor of a training step is its matrix products alone; the others train a network of tinynn's as a user does.
"""

import time
from itertools import pairwise

import numpy as np

#: The epoch that is measured: images, and how many at a time.
IMAGES, BATCH = 50_000, 10


def floor(widths, batch):
    """A burst of the step's matrix products alone, called one by one, each in the faster of its two layouts."""
    products = [faster(candidates) for candidates in layouts(widths, batch)]

    def burst(steps):
        for _ in range(steps):
            for a, b, out in products:
                np.dot(a, b, out)

    return burst


def layouts(widths, batch):
    """For each product of a step its arguments (a, b, out) in both layouts: W stored (out, in), and (in, out)."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return rng.standard_normal(shape, np.float32) / np.float32(widths[0] ** 0.5)

    x = array(batch, widths[0])
    for layer, (n, out) in enumerate(pairwise(widths)):
        z, delta, w, w_in_out = array(batch, out), array(batch, out), array(out, n), array(n, out)
        yield (x, w.T, z), (x, w_in_out, z)
        yield (delta.T, x, array(out, n)), (x.T, delta, array(n, out))
        if layer:  # the first layer needs no ∂C/∂x
            yield (delta, w, array(batch, n)), (delta, w_in_out.T, array(batch, n))
        x = z


def faster(candidates, rounds=25):
    """The candidate whose product takes least time, measured in turn, the best of some rounds."""
    best = [float("inf")] * len(candidates)
    for _ in range(rounds):
        for k, (a, b, out) in enumerate(candidates):
            np.dot(a, b, out)
            began = time.perf_counter()
            for _ in range(10):
                np.dot(a, b, out)
            best[k] = min(best[k], time.perf_counter() - began)
    return candidates[best.index(min(best))]


def learner(widths):
    """A network, its cost and its optimizer, as a user makes them."""
    import tinynn as nn

    layers = [layer for n, out in pairwise(widths) for layer in (nn.Dense(n, out), nn.Sigmoid())]
    model = nn.Sequential(*layers, rng=0)
    return model, nn.MSE(), nn.SGD(model, learning_rate=0.1)


def samples(rows, widths):
    """Random images and one-hot targets."""
    rng = np.random.default_rng(0)
    hot = np.eye(widths[-1], dtype=np.float32)[rng.integers(0, widths[-1], rows)]
    return rng.random((rows, widths[0]), np.float32), hot


def training(widths, batch):
    """A burst of whole training steps on one batch."""
    model, loss, optimizer = learner(widths)
    x, target = samples(batch, widths)

    def burst(steps):
        for _ in range(steps):
            loss.forward(model.forward(x), target)
            model.backward_parameters(loss.backward())
            optimizer.step()

    return burst


def epochs(widths, batch):
    """A burst of epochs over 50,000 images, fed by Batches."""
    import tinynn as nn

    model, loss, optimizer = learner(widths)
    batches = nn.Batches(*samples(IMAGES, widths), batch_size=batch, rng=0)

    def burst(count):
        for _ in range(count):
            for x, target in batches:
                loss.forward(model.forward(x), target)
                model.backward_parameters(loss.backward())
                optimizer.step()

    return burst


def bare_epochs(widths, batch):
    """A burst of as many steps as those epochs have, without the feeding."""
    burst = training(widths, batch)
    return lambda count: burst(count * (IMAGES // batch))
