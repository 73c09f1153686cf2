"""Lesson 11: three ways of feeding the data: true SGD, mini-batches, the whole batch.

The gradient ∇C is a mean over all training samples. Batch gradient descent computes it whole for every
step; true stochastic gradient descent takes one sample at a time and believes it; a mini-batch is an
estimate from a few, here ten. In tinynn all three are one optimiser and one number, `batch_size`. Look at
the first table, how fast the estimate gets better with m (as 1/√m: four times the work for half the error),
and at the second, what this means: per epoch (all samples seen once) the small batches win by far, because
they make so many more steps.

    python examples/11_three_ways_of_feeding.py --plot feeding.png
"""

from time import perf_counter

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn

# batch size, η and epochs: the noisier the estimate of the gradient, the smaller the step it deserves
WAYS = {
    "true SGD": (1, 1.0, 20),
    "mini-batch": (10, 5.0, 20),
    "whole batch": (None, 8.0, 400),
}


def make_model():
    return nn.Sequential(nn.Dense(64, 20), nn.Sigmoid(), nn.Dense(20, 10), nn.Sigmoid(), rng=0)


def load():
    """1,437 digits to learn from and 360 to be judged by, targets one-hot."""
    x, labels = nn.data.load_digits()
    return nn.train_test_split(x, nn.one_hot(labels, 10), test_size=360, rng=0)


def gradient(model, x, y):
    """∇C of these samples as one flat array, the caller's own."""
    loss = nn.MSE()
    loss.forward(model.forward(x), y)
    model.backward_parameters(loss.backward())
    return nn.ParameterVector(model).grad.copy()


def estimate_error(model, x, y, batch_size, tries=300, rng=0):
    """How far the gradient of m random samples is off: the root mean square of ‖∇Cₘ − ∇C‖ / ‖∇C‖."""
    rng = np.random.default_rng(rng)
    whole = gradient(model, x, y)
    picks = (rng.integers(len(x), size=batch_size) for _ in range(tries))
    misses = [np.linalg.norm(gradient(model, x[pick], y[pick]) - whole) for pick in picks]
    return float(np.sqrt(np.mean(np.square(misses))) / np.linalg.norm(whole))


def train(x, y, batch_size, learning_rate, epochs):
    """Train from one and the same start. Returns the model, its steps, and C over all of x by epoch."""
    model, loss = make_model(), nn.MSE()
    optimizer = nn.SGD(model, learning_rate)
    batches = nn.Batches(x, y, batch_size=batch_size, rng=0)
    costs = [loss.forward(model.predict(x), y)]
    for _ in range(epochs):
        for x_batch, y_batch in batches:
            loss.forward(model.forward(x_batch), y_batch)
            model.backward_parameters(loss.backward())
            optimizer.step()
        costs.append(loss.forward(model.predict(x), y))
    return model, optimizer.steps, costs


def main(argv=None):
    plot = arguments(__doc__, argv).plot
    x_train, x_test, y_train, y_test = load()

    heading("1. After three epochs: the gradient of m random digits, as an estimate of that of all 1,437")
    print(f"{'m':>8} {'off by':>10} {'off by · √m':>14}")
    model = train(x_train, y_train, batch_size=10, learning_rate=5.0, epochs=3)[0]
    errors = {m: estimate_error(model, x_train, y_train, m) for m in (1, 4, 16, 64, 256)}
    for m, error in errors.items():
        print(f"{m:8} {error:10.3f} {error * m**0.5:14.3f}")
    print("One sample's gradient is mostly noise; but it is 1/1437 of the work, and right on average.")

    heading("2. The three ways, from the same start")
    print("              batch    η  epochs   steps  seconds  C at 20       C  unseen")
    curves = {}
    for way, (batch_size, learning_rate, epochs) in WAYS.items():
        start = perf_counter()
        model, steps, costs = train(x_train, y_train, batch_size, learning_rate, epochs)
        seconds = perf_counter() - start
        correct = nn.Accuracy()(model.predict(x_test), y_test)
        feed = f"{way:>12} {batch_size or 'all':>6} {learning_rate:4} {epochs:7}"
        print(f"{feed} {steps:7} {seconds:8.2f} {costs[20]:8.4f} {costs[-1]:7.4f} {correct:7.1%}")
        curves[way] = steps, costs
    print("Each step of the whole batch is the best informed; but the others make a hundred meanwhile.")

    if plot:
        draw(plot, errors, curves)


def draw(file, errors, curves):
    with figure(file, 1, 3) as (estimates, by_epoch, by_step):
        m = np.array(list(errors))
        estimates.loglog(m, list(errors.values()), "o", label="measured")
        estimates.loglog(m, errors[1] / np.sqrt(m), "k--", linewidth=1, label="falling as 1/√m")
        estimates.set(title="A mini-batch estimates the gradient", xlabel="samples m", ylabel="relative error")
        estimates.legend()
        for way, (steps, costs) in curves.items():
            by_epoch.semilogy(costs[:21], label=way)
            by_step.loglog(np.linspace(0, steps, len(costs))[1:], costs[1:], label=way)
        by_epoch.set(title="For the same data seen: small batches win", xlabel="epoch", ylabel="cost C, all samples")
        by_step.set(title="For the same number of steps: large ones", xlabel="step", ylabel="cost C, all samples")
        by_epoch.legend()


if __name__ == "__main__":
    main()
