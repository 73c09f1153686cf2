"""Lesson 9: gradient descent on the mean squared error, for a small network, all by hand.

One input, four sigmoid neurons, one sigmoid output: thirteen parameters that shall learn a bump. The
gradient is the chain rule, written down line by line in `gradient`; whether it is right, finite differences
tell, which move one parameter a little and look at C. Look at that check first (a wrong sign or a forgotten
1/n would be seen there at once), and then at how the four neurons, each an S-shaped step, are put together
to a bump.

    python examples/09_mse_gradient_descent_network.py --plot bump.png
"""

import numpy as np
from lesson import arguments, figure, heading

HIDDEN = 4


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def make_data(samples=41):
    """The bump y = exp(−8 x²) on [−1, 1]. x, y: (samples, 1)."""
    x = np.linspace(-1, 1, samples)[:, None]
    return x, np.exp(-8 * x**2)


def start(rng=1):
    """Random W1 (4, 1), b1 (4,), W2 (1, 4), b2 (1,); W1 large, for steep steps."""
    rng = np.random.default_rng(rng)
    return [
        rng.normal(0, 4, (HIDDEN, 1)),
        rng.normal(0, 2, HIDDEN),
        rng.normal(0, 1, (1, HIDDEN)),
        np.zeros(1),
    ]


def forward(parameters, x):
    """Both layers' activations: A1 = σ(X W1ᵀ + b1) (n, 4) and A2 = σ(A1 W2ᵀ + b2) (n, 1); x is (n, 1)."""
    W1, b1, W2, b2 = parameters
    A1 = sigmoid(x @ W1.T + b1)
    return A1, sigmoid(A1 @ W2.T + b2)


def cost(parameters, x, y):
    """C = 1/(2n) Σ (a − y)²."""
    return ((forward(parameters, x)[1] - y) ** 2).sum() / (2 * len(x))


def gradient(parameters, x, y):
    """∂C/∂W1, ∂C/∂b1, ∂C/∂W2, ∂C/∂b2: the chain rule, from the cost backwards. σ' = σ (1 − σ)."""
    _, _, W2, _ = parameters
    A1, A2 = forward(parameters, x)
    delta2 = (A2 - y) / len(x) * A2 * (1 - A2)  # ∂C/∂Z2 = ∂C/∂A2 · σ'(Z2)
    delta1 = delta2 @ W2 * A1 * (1 - A1)  # ∂C/∂Z1 = (∂C/∂Z2 · W2) · σ'(Z1)
    return [delta1.T @ x, delta1.sum(axis=0), delta2.T @ A1, delta2.sum(axis=0)]


def numerical_gradient(parameters, x, y, h=1e-5):
    """The same by central differences, (C(p + h) − C(p − h)) / 2h, one parameter at a time."""
    parameters = [p.copy() for p in parameters]
    slopes = [np.empty_like(p) for p in parameters]
    for p, slope in zip(parameters, slopes, strict=True):
        for index in np.ndindex(p.shape):
            value = p[index]
            p[index] = value + h
            above = cost(parameters, x, y)
            p[index] = value - h
            slope[index] = (above - cost(parameters, x, y)) / (2 * h)
            p[index] = value
    return slopes


def train(parameters, x, y, learning_rate=2.0, epochs=20_000, keep=()):
    """Batch gradient descent. Returns the last parameters, and those after each epoch named in `keep`."""
    kept = {}
    for epoch in range(epochs + 1):
        if epoch in keep:
            kept[epoch] = parameters
        slopes = gradient(parameters, x, y)
        parameters = [p - learning_rate * slope for p, slope in zip(parameters, slopes, strict=True)]
    return parameters, kept


def main(argv=None):
    plot = arguments(__doc__, argv).plot
    x, y = make_data()
    parameters = start()

    heading("1. Is the gradient right?")
    names = ("W1", "b1", "W2", "b2")
    pairs = zip(names, gradient(parameters, x, y), numerical_gradient(parameters, x, y), strict=True)
    print(f"{'':>8} {'chain rule':>14} {'differences':>14} {'apart':>9}")
    for name, exact, numerical in pairs:
        for k, (e, m) in enumerate(zip(exact.ravel(), numerical.ravel(), strict=True)):
            print(f"{name + f'[{k}]':>8} {e:14.10f} {m:14.10f} {abs(e - m):9.0e}")

    heading(f"2. Descent: η = 2, {len(x)} points, all in every step")
    trained, kept = train(parameters, x, y, keep=(0, 100, 1000, 5000, 20_000))
    print(f"{'epoch':>8} {'C':>12} {'largest miss':>14}")
    for epoch, p in kept.items():
        print(f"{epoch:8} {cost(p, x, y):12.7f} {np.abs(forward(p, x)[1] - y).max():14.4f}")
    print(f"To answer the mean of y everywhere costs {y.var() / 2:.7f}: 100 epochs learn little more.")
    moves = np.ptp(forward(trained, x)[0], axis=0)
    print(f"Over all x the hidden activations move by {moves.round(2).tolist()}. A neuron that hardly moves")
    print("is saturated: far out on its S the slope σ' is nearly 0, and so is the gradient to free it.")

    if plot:
        draw(plot, x, y, kept)


def draw(file, x, y, kept):
    with figure(file, 1, 2, width=6) as (curves, neurons):
        curves.plot(x, y, "o", color="0.6", markersize=4, label="desired")
        for shade, (epoch, parameters) in zip(np.linspace(0.2, 1, len(kept)), kept.items(), strict=True):
            curves.plot(x, forward(parameters, x)[1], color="C0", alpha=shade, label=f"epoch {epoch}")
        curves.set(title="From a flat guess to a bump", xlabel="x", ylabel="output a")
        curves.legend()

        trained = kept[max(kept)]
        hidden, weights = forward(trained, x)[0], trained[2][0]
        for j in range(HIDDEN):
            neurons.plot(x, weights[j] * hidden[:, j], label=f"neuron {j}, weight {weights[j]:.1f}")
        neurons.plot(x, hidden @ weights + trained[3], "k--", label="their sum + b2")
        neurons.set(title="How: steps up and steps down, added", xlabel="x", ylabel="weight × activation")
        neurons.set_ylim(-9.5, 9)
        neurons.legend(loc="lower center", ncols=2)


if __name__ == "__main__":
    main()
