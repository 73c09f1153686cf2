"""Lesson 12: the optimisers side by side, on one surface and on MNIST.

They all walk downhill and differ in what they remember. Momentum remembers the last steps' direction;
Adagrad, RMSprop and Adadelta remember how large each parameter's gradients have been, and give it a rate of
its own; Adam and its relatives do both. Look at the paths through the banana-shaped valley, each with the η
out of twenty that suits it best, and then at MNIST: the winner on the surface need not be the winner there,
and no optimiser wins everywhere. Without the MNIST package the small digits take its place.

    python examples/12_optimizers_side_by_side.py --plot optimizers.png
"""

from functools import partial
from time import perf_counter

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn

# name: (how it is built from parameters and η, the η for the digits)
OPTIMIZERS = {
    "SGD": (nn.SGD, 3.0),
    "momentum": (partial(nn.SGD, momentum=0.9), 0.1),
    "Nesterov": (partial(nn.SGD, momentum=0.9, nesterov=True), 0.3),
    "Adagrad": (nn.Adagrad, 0.1),
    "RMSprop": (nn.RMSprop, 0.01),
    "Adadelta": (nn.Adadelta, 10.0),
    "Adam": (nn.Adam, 0.005),
    "AMSGrad": (partial(nn.Adam, amsgrad=True), 0.005),
    "AdamW": (nn.AdamW, 0.005),
    "NAdam": (nn.NAdam, 0.01),
    "RAdam": (nn.RAdam, 0.01),
    "Lion": (nn.Lion, 0.0006),
}
START = (-1.2, 1.0)
SAMPLES_SHOWN = 30_000  # to each optimiser: three epochs of 10,000
RATES = 10.0 ** np.arange(-3.5, 1.5, 0.25)


def banana(v):
    """Rosenbrock's valley, C = (1 − v₁)² + 10 (v₂ − v₁²)²; the minimum, 0, is at (1, 1)."""
    return (1 - v[..., 0]) ** 2 + 10 * (v[..., 1] - v[..., 0] ** 2) ** 2


def banana_gradient(v):
    return np.array([-2 * (1 - v[0]) - 40 * v[0] * (v[1] - v[0] ** 2), 20 * (v[1] - v[0] ** 2)])


def walk(build, learning_rate, steps=200):
    """Every point an optimiser visits, (steps + 1, 2): a Parameter needs no network around it."""
    point = nn.Parameter(np.array(START))
    optimizer = build([point], learning_rate)
    path = [point.value.copy()]
    for _ in range(steps):
        point.grad = banana_gradient(point.value)
        optimizer.step()
        path.append(point.value.copy())
        if np.abs(point.value).max() > 10:
            break  # over the rim, and away
    return np.array(path)


def best_walk(build):
    """The η, of all RATES, whose walk ends lowest, and that walk. A lucky leap over the hills is no walk."""
    walks = {rate: walk(build, float(rate)) for rate in RATES}
    steady = [rate for rate, path in walks.items() if banana(path).max() < 2 * banana(path[0])]
    best = min(steady, key=lambda rate: banana(walks[rate][-1]))
    return best, walks[best]


def load():
    """MNIST, of which 10,000 images are learnt here, or the small digits where it is not installed."""
    try:
        (x, labels), test = nn.data.load_mnist()
        return "MNIST", x[:10_000], labels[:10_000], *test
    except nn.TinynnError:
        x, labels = nn.data.load_digits()
        x_train, x_test, labels_train, labels_test = nn.train_test_split(x, labels, test_size=360, rng=0)
        return "the small digits", x_train, labels_train, x_test, labels_test


def train(build, learning_rate, x, labels):
    """Train n-30-10 from one and the same start. Returns the model and the cost of each step's mini-batch."""
    model = nn.Sequential(nn.Dense(x.shape[1], 30), nn.Sigmoid(), nn.Dense(30, 10), nn.Sigmoid(), rng=0)
    loss, optimizer, costs = nn.MSE(), build(model, learning_rate), []
    batches = nn.Batches(x, nn.one_hot(labels, 10), batch_size=20, rng=0)
    for _ in range(SAMPLES_SHOWN // len(x)):
        for x_batch, y_batch in batches:
            costs.append(loss.forward(model.forward(x_batch), y_batch))
            model.backward_parameters(loss.backward())
            optimizer.step()
    return model, costs


def main(argv=None):
    plot = arguments(__doc__, argv).plot

    heading(f"1. The banana: 200 steps from (−1.2, 1), each optimiser with the best η of {len(RATES)}")
    print(f"{'':>10} {'η':>8} {'v₁':>9} {'v₂':>9} {'C':>10}")
    paths = {}
    for name, (build, _) in OPTIMIZERS.items():
        rate, paths[name] = best_walk(build)
        v = paths[name][-1]
        print(f"{name:>10} {rate:8.4g} {v[0]:9.4f} {v[1]:9.4f} {banana(v):10.2e}")
    print("RAdam starts as momentum without a rate for each parameter; so steep a start allows no larger η.")

    data, x, labels, x_test, labels_test = load()
    epochs = SAMPLES_SHOWN // len(x)
    heading(f"2. {len(x):,} images of {data}, {epochs} epochs in batches of 20, from the same start")
    print(f"{'':>10} {'η':>8} {'cost':>8} {'unseen images':>14} {'seconds':>8}")
    curves, right = {}, {}
    for name, (build, rate) in OPTIMIZERS.items():
        start = perf_counter()
        model, curves[name] = train(build, rate, x, labels)
        seconds = perf_counter() - start
        right[name] = nn.Accuracy()(model.predict(x_test), labels_test)
        print(f"{name:>10} {rate:8.4g} {np.mean(curves[name][-50:]):8.4f} {right[name]:14.1%} {seconds:8.2f}")
    on_surface = min(paths, key=lambda name: banana(paths[name][-1]))
    print(f"First on the surface: {on_surface}; first on {data}: {max(right, key=right.get)}.")

    if plot:
        draw(plot, paths, data, curves)


def draw(file, paths, data, curves):
    shown = ("SGD", "momentum", "Adagrad", "RMSprop", "Adam", "NAdam")
    v1, v2 = np.meshgrid(np.linspace(-1.7, 1.7, 200), np.linspace(-0.7, 2, 200))
    with figure(file, 1, 3, width=5.4, height=4.6) as (plane, surface, digits):
        cost = banana(np.stack([v1, v2], axis=-1))
        plane.contour(v1, v2, cost, levels=np.geomspace(0.1, 100, 12), colors="0.8", linewidths=0.8)
        for name in shown:
            plane.plot(*paths[name].T, linewidth=1.2, label=name)
            surface.semilogy(banana(paths[name]), linewidth=1.2, label=name)
            digits.plot(np.convolve(curves[name], np.full(50, 1 / 50), "valid"), linewidth=1.2, label=name)
        plane.plot(1, 1, "k*", markersize=12)
        plane.set(title="Into the valley at once, along it slowly", xlabel="v₁", ylabel="v₂")
        surface.set(title="The same walks: memory pays", xlabel="step", ylabel="C")
        digits.set(title=f"On {data} the ranking is another", xlabel="step", ylabel="cost, mean of 50 batches")
        plane.set(xlim=(-1.7, 1.7), ylim=(-0.7, 2))
        digits.set_yscale("log")
        surface.legend()


if __name__ == "__main__":
    main()
