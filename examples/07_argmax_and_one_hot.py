"""Lesson 7: argmax and one-hot, from outputs to a digit and back; and why nobody minimises wrong answers.

A network answers with ten activations; argmax picks the digit. The label 3 becomes the desired output y =
(0, 0, 0, 1, 0, 0, 0, 0, 0, 0), one-hot, which activations can be compared with. Look at the last table and
the plot: nudge one weight, and the number of right answers does not move at all, then jumps. It has no
slope to walk down. The quadratic cost answers every nudge, however small; that is why it, and not the
count, is minimised.

    python examples/07_argmax_and_one_hot.py --plot count_and_cost.png
"""

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn

CENTRES = np.array([[-1.0, -0.5], [1.0, -0.5], [0.0, 1.0]])


def one_hot(labels, classes):
    """Rows of the identity matrix: row k is the one-hot form of the label k. (n,) -> (n, classes)."""
    return np.eye(classes)[labels]


def make_data(samples=60, rng=0):
    """Three clouds in the plane, one class each: x (samples, 2), labels (samples,)."""
    rng = np.random.default_rng(rng)
    labels = rng.integers(3, size=samples)
    return CENTRES[labels] + rng.normal(0, 0.6, (samples, 2)), labels


def activations(x, weight):
    """One layer of three sigmoid neurons without biases, a = σ(x Wᵀ). (n, 2) -> (n, 3)."""
    return 1 / (1 + np.exp(-(x @ weight.T)))


def right_answers(x, labels, weight):
    return int((activations(x, weight).argmax(axis=1) == labels).sum())


def cost(x, labels, weight):
    """C = 1/(2n) Σ ‖y − a‖²."""
    return ((activations(x, weight) - one_hot(labels, 3)) ** 2).sum() / (2 * len(x))


def nudged(weight, change):
    """The same weights but for W[0, 0], which is larger by `change`."""
    weight = weight.copy()
    weight[0, 0] += change
    return weight


def main(argv=None):
    plot = arguments(__doc__, argv).plot

    heading("1. argmax: the position of the largest")
    output = np.array([[0.02, 0.10, 0.91, 0.30], [0.60, 0.05, 0.01, 0.55], [0.40, 0.40, 0.10, 0.00]])
    for row, answer in zip(output, output.argmax(axis=1), strict=True):
        print(f"{row.tolist()} -> {answer}")
    print("axis=1: along each row, one answer per sample. On a tie (the last row) the first one wins.")
    print(f"The trap, axis=0, gives one answer per column: {output.argmax(axis=0).tolist()}")

    heading("2. one-hot: the label as a desired output")
    labels = np.array([2, 0, 1])
    print(f"{labels.tolist()} -> {one_hot(labels, 4).astype(int).tolist()}")
    print(f"tinynn's one_hot gives the same: {np.array_equal(nn.one_hot(labels, 4), one_hot(labels, 4))}")
    print(f"and argmax takes it back: {one_hot(labels, 4).argmax(axis=1).tolist()}")
    correct = (output.argmax(axis=1) == labels).mean()
    print(f"accuracy of the outputs above: {correct:.0%}, the mean of (argmax == label)")

    heading("3. Nudge one weight: 60 points, 3 classes, and only W[0, 0] changes")
    x, labels = make_data()
    weight = np.array([[-1.6, -1.5], [1.4, -1.2], [0.2, 1.8]])  # each neuron looks towards its own cloud
    print(f"{'ΔW[0, 0]':>10} {'Δ right answers':>16} {'ΔC':>14} {'ΔC / ΔW[0, 0]':>14}")
    for change in (2.0, 0.5, 0.1, 0.01, 0.001, 0.0001):
        more = right_answers(x, labels, nudged(weight, change)) - right_answers(x, labels, weight)
        rise = cost(x, labels, nudged(weight, change)) - cost(x, labels, weight)
        print(f"{change:10} {more:16} {rise:14.9f} {rise / change:14.6f}")
    print("The count is blind to small changes; ΔC / ΔW settles down, and what it settles at is ∂C/∂W[0, 0].")

    if plot:
        draw(plot, x, labels, weight)


def draw(file, x, labels, weight):
    changes = np.linspace(-4, 4, 1601)
    with figure(file, 1, 2, width=6) as (count, smooth):
        counts = [right_answers(x, labels, nudged(weight, c)) for c in changes]
        count.plot(changes, counts, color="C3")
        count.set(title="Right answers: stairs, flat almost everywhere", ylabel=f"right answers of {len(x)}")
        costs = np.array([cost(x, labels, nudged(weight, c)) for c in changes])
        smooth.plot(changes, costs, color="C0")
        best = costs.argmin()
        smooth.plot(changes[best], costs[best], "o", color="C0", label="lowest cost: downhill leads here")
        smooth.set(title="Quadratic cost: a slope at every point", ylabel="C")
        smooth.legend()
        for axes in (count, smooth):
            axes.set_xlabel("change of the weight W[0, 0]")


if __name__ == "__main__":
    main()
