"""Lesson 15: XOR, the function that a single neuron cannot learn.

The perceptron, a neuron with a threshold, answers 1 if w·x + b > 0 and else 0: a straight line cuts the
plane in two. AND and OR can be cut so; XOR, "one or the other but not both", cannot, and needs a hidden
layer. Look at three things: the perceptron rule failing on XOR; a hidden layer of threshold neurons that
computes XOR, set by hand, because no gradient could have found it (a step is flat wherever it has a slope
at all); and how putting the smooth σ in the step's place is all that it takes to learn it.

    python examples/15_xor.py --plot xor.png
"""

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
TARGETS = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def column(name):
    """A function's four answers as a column, (4, 1)."""
    return np.array(TARGETS[name], np.float32)[:, None]


def perceptron_rule(y, epochs=100):
    """Rosenblatt's rule: on a mistake add x to w, or subtract it. Returns w, b and the mistakes by epoch."""
    w, b, mistakes = np.zeros(2), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, desired in zip(X, y.ravel(), strict=True):
            error = desired - (w @ x + b > 0)
            w, b, wrong = w + error * x, b + error, wrong + abs(error)
        mistakes.append(int(wrong))
    return w, b, mistakes


def dense(weight, bias):
    """A Dense layer with given numbers. weight: (out, in), bias: (out,)."""
    layer = nn.Dense(len(weight[0]), len(weight))
    layer.weight.value, layer.bias.value = weight, bias
    return layer


def xor_by_hand():
    """XOR = OR and not AND: the hidden neurons compute OR and AND, with thresholds at 0.5 and 1.5."""
    hidden = dense([[1, 1], [1, 1]], [-0.5, -1.5])
    return nn.Sequential(hidden, nn.Step(), dense([[1, -1]], [-0.5]), nn.Step())


def why_not_trained(model, y):
    """What tinynn says when a gradient is asked of a threshold neuron."""
    loss = nn.MSE()
    loss.forward(model.forward(X), y)
    try:
        model.backward(loss.backward())
    except nn.TinynnError as error:
        return str(error)
    raise AssertionError("a step has no useful gradient, and should not give one")


def train(model, y, learning_rate=5.0, epochs=3000):
    """Batch gradient descent on the four points. Returns the cost after each epoch."""
    loss, optimizer = nn.MSE(), nn.SGD(model, learning_rate)
    costs = []
    for _ in range(epochs):
        costs.append(loss.forward(model.forward(X), y))
        model.backward_parameters(loss.backward())
        optimizer.step()
    return costs


def sigmoid_networks():
    """Without and with a hidden layer of three, Nielsen's normal start for both."""
    start = {"weight_initializer": nn.initializers.nielsen(), "bias_initializer": nn.initializers.nielsen()}
    return {
        "one neuron": nn.Sequential(nn.Dense(2, 1, **start), nn.Sigmoid(), rng=0),
        "2-3-1": nn.Sequential(nn.Dense(2, 3, **start), nn.Sigmoid(), nn.Dense(3, 1, **start), nn.Sigmoid(), rng=0),
    }


def main(argv=None):
    plot = arguments(__doc__, argv).plot

    heading("1. The perceptron rule, 100 epochs")
    for name in TARGETS:
        w, b, mistakes = perceptron_rule(column(name))
        if 0 in mistakes:
            print(f"{name:>4}: learnt after {mistakes.index(0)} epochs: w = {w.tolist()}, b = {b:g}")
        else:
            print(f"{name:>4}: never learnt; mistakes in the last five epochs: {mistakes[-5:]}")

    heading("2. XOR with threshold neurons, by hand: OR and not AND")
    by_hand = xor_by_hand()
    for x, answer in zip(X, by_hand.predict(X), strict=True):
        print(f"{x.astype(int).tolist()} -> {answer[0]:.0f}")
    print(f"And can it be trained? {why_not_trained(by_hand, column('XOR'))}")

    heading("3. XOR with sigmoid neurons, batch gradient descent, η = 5")
    networks = sigmoid_networks()
    curves = {name: train(network, column("XOR")) for name, network in networks.items()}
    for name, network in networks.items():
        answers = ", ".join(f"{answer:.2f}" for answer in network.predict(X).ravel())
        print(f"{name:>10}: cost {curves[name][-1]:.5f}, answers {answers}")
    print("Best for one neuron is to say 0.5 always: C = 1/8 · (¼ + ¼ + ¼ + ¼) = 0.125.")

    if plot:
        draw(plot, {"by hand": by_hand, **networks}, curves)


def draw(file, networks, curves):
    side = np.linspace(-0.5, 1.5, 150, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    titles = (
        "Thresholds, by hand: a strip",
        "One sigmoid neuron: 0.5, everywhere",
        "2-3-1, learnt: smooth, and right",
    )
    with figure(file, 1, 4, width=3.9, height=3.8) as (*panels, costs):
        for axes, title, network in zip(panels, titles, networks.values(), strict=True):
            answer = network.predict(plane).reshape(150, 150)
            axes.contourf(side, side, answer, levels=np.linspace(0, 1, 22), cmap="RdBu_r", vmin=0, vmax=1)
            axes.scatter(*X.T, c=TARGETS["XOR"], cmap="RdBu_r", edgecolors="w", linewidths=2, s=160)
            axes.set(title=title, xlabel="x₁", ylabel="x₂")
        for name, curve in curves.items():
            costs.semilogy(curve, label=name)
        costs.set(title="The plateau, and the way out", xlabel="epoch", ylabel="cost C")
        costs.legend()


if __name__ == "__main__":
    main()
