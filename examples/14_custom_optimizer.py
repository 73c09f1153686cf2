"""Lesson 14: an optimiser of your own.

An optimiser subclasses Optimizer, names what it remembers of each parameter in `slots`, and writes
`update`, which changes `value` in place. All parameters come as one long 1-D array, so that the code reads
like the paper. Here are two: the sign of the gradient alone, in one line, and AdaMax, from the paper that
brought Adam. Look at the first step, which can be worked by hand: in both it has the length η for every
parameter, whatever the gradient.

    python examples/14_custom_optimizer.py --plot optimizer.png
"""

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn


class SignDescent(nn.Optimizer):
    """value −= η · sign(g): every parameter moves by η, however flat or steep the cost."""

    def update(self, value, grad, learning_rate):
        value -= learning_rate * np.sign(grad)


class AdaMax(nn.Optimizer):
    """Adam with a maximum in place of the mean of squares.

    m = β₁ m + (1 − β₁) g,   u = max(β₂ u, |g|),   value −= η / (1 − β₁ᵗ) · m / (u + ε),   t = 1, 2, …

    Source: Kingma & Ba (2015), "Adam: a method for stochastic optimization", section 7.1.
    """

    slots = ("mean", "largest")

    def __init__(self, parameters, learning_rate=0.002, *, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.0):
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)
        self.betas, self.epsilon = betas, epsilon

    def update(self, value, grad, learning_rate, *, mean, largest):
        beta1, beta2 = self.betas
        mean += (1 - beta1) * (grad - mean)
        np.maximum(beta2 * largest, np.abs(grad), out=largest)
        correction = 1 - beta1**self.steps  # steps counts this one already: 1, 2, …
        value -= learning_rate / correction * mean / (largest + self.epsilon)


def first_step(build, gradient):
    """How far each parameter moves in the first step, for a given gradient."""
    parameter = nn.Parameter(np.zeros(len(gradient)))
    optimizer = build([parameter], 0.1)
    parameter.grad = gradient
    optimizer.step()
    return parameter.value.copy()


def train(build, learning_rate, x, y, epochs=8):
    """Train 64-30-10 from one and the same start. Returns the model and the cost after each epoch."""
    model = nn.Sequential(nn.Dense(64, 30), nn.Sigmoid(), nn.Dense(30, 10), nn.Sigmoid(), rng=0)
    loss, optimizer = nn.MSE(), build(model, learning_rate)
    batches = nn.Batches(x, y, batch_size=20, rng=0)
    costs = [loss.forward(model.predict(x), y)]
    for _ in range(epochs):
        for x_batch, y_batch in batches:
            loss.forward(model.forward(x_batch), y_batch)
            model.backward_parameters(loss.backward())
            optimizer.step()
        costs.append(loss.forward(model.predict(x), y))
    return model, costs


def main(argv=None):
    plot = arguments(__doc__, argv).plot

    heading("1. The first step by hand: η = 0.1, gradient (0.001, −2, 300)")
    gradient = np.array([0.001, -2.0, 300.0])
    for name, build in (("SGD", nn.SGD), ("SignDescent", SignDescent), ("AdaMax", AdaMax), ("Adam", nn.Adam)):
        print(f"{name:>12}: {first_step(build, gradient).round(6).tolist()}")
    print("AdaMax: m = 0.1 g, u = |g|, so value −= 0.1 / (1 − 0.9) · 0.1 g / |g| = 0.1 · sign(g).")

    heading("2. On the small digits: eight epochs in batches of 20, from the same start")
    x, labels = nn.data.load_digits()
    x_train, x_test, y_train, y_test = nn.train_test_split(x, nn.one_hot(labels, 10), test_size=360, rng=0)
    contenders = {
        "SGD": (nn.SGD, 3.0),
        "SignDescent": (SignDescent, 0.003),
        "AdaMax": (AdaMax, 0.03),
        "Adam": (nn.Adam, 0.01),
    }
    print(f"{'':>12} {'η':>8} {'cost':>10} {'unseen digits':>14}")
    curves = {}
    for name, (build, rate) in contenders.items():
        model, curves[name] = train(build, rate, x_train, y_train)
        correct = nn.Accuracy()(model.predict(x_test), y_test)
        print(f"{name:>12} {rate:8} {curves[name][-1]:10.5f} {correct:14.1%}")
    print("Nothing more was written: groups, schedules, weight decay and saving come from the base class.")

    if plot:
        draw(plot, curves)


def draw(file, curves):
    with figure(file, width=6) as axes:
        for name, costs in curves.items():
            axes.semilogy(costs, "o-", markersize=4, label=name)
        axes.set(
            title="AdaMax keeps up with Adam; the sign alone is slower",
            xlabel="epoch",
            ylabel="cost C, all samples",
        )
        axes.legend()


if __name__ == "__main__":
    main()
