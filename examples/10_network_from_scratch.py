"""Lesson 10: a feed-forward network from scratch, beside the same network in tinynn.

`Network` is the book's: column vectors, one sample at a time, and the four equations of backpropagation,
BP1 to BP4, each on a line of its own. Beside it stands the same network built from tinynn's layers, which
pushes a whole batch of rows through at once. Look at the differences between the two: the gradients agree
to rounding error, so after the same mini-batches both are the same network, and give the same answers.

    python examples/10_network_from_scratch.py --plot network.png
"""

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class Network:
    """Layers of sigmoid neurons under the quadratic cost: pairs of W (out, in) and b (out, 1)."""

    def __init__(self, *sizes, rng=0):
        rng = np.random.default_rng(rng)
        pairs = zip(sizes[:-1], sizes[1:], strict=True)  # noqa: RUF007 (the zip of lesson 6)
        self.layers = [(rng.normal(0, n**-0.5, (out, n)), rng.normal(size=(out, 1))) for n, out in pairs]

    def feedforward(self, a):
        """a' = σ(W a + b), layer after layer. a: (in, 1), or (in, n) for n samples in columns."""
        for W, b in self.layers:
            a = sigmoid(W @ a + b)
        return a

    def backpropagate(self, x, y):
        """One sample's ∂Cₓ/∂W and ∂Cₓ/∂b, a pair for each layer. x: (in, 1), y: (out, 1)."""
        activations, weighted_inputs = [x], []
        for W, b in self.layers:  # forward, remembering every a and z
            weighted_inputs.append(W @ activations[-1] + b)
            activations.append(sigmoid(weighted_inputs[-1]))

        last = len(self.layers) - 1
        slopes = [None] * len(self.layers)
        for layer in range(last, -1, -1):  # backward
            if layer == last:
                slope_a = activations[-1] - y  # ∇ₐC of Cₓ = ½ ‖y − a‖²
                delta = slope_a * sigmoid_prime(weighted_inputs[layer])  # BP1: δᴸ = ∇ₐC ⊙ σ'(zᴸ)
            else:
                back = self.layers[layer + 1][0].T @ delta
                delta = back * sigmoid_prime(weighted_inputs[layer])  # BP2: δˡ = (Wˡ⁺¹)ᵀ δˡ⁺¹ ⊙ σ'(zˡ)
            slope_b = delta  # BP3: ∂C/∂b = δ
            slope_W = delta @ activations[layer].T  # BP4: ∂C/∂W = δ aᵀ, with the layer's input a
            slopes[layer] = slope_W, slope_b
        return slopes

    def gradient(self, x, y):
        """∇C = 1/n Σ ∇Cₓ, a pair for each layer. x: (n, in), y: (n, out), a sample per row."""
        samples = [self.backpropagate(a[:, None], b[:, None]) for a, b in zip(x, y, strict=True)]
        by_layer = [zip(*layer, strict=True) for layer in zip(*samples, strict=True)]
        return [(np.mean(slopes_W, axis=0), np.mean(slopes_b, axis=0)) for slopes_W, slopes_b in by_layer]

    def learn(self, x, y, learning_rate):
        """One step of gradient descent on one mini-batch: W → W − η ∂C/∂W, b → b − η ∂C/∂b."""
        pairs = zip(self.layers, self.gradient(x, y), strict=True)
        self.layers = [(W - learning_rate * dW, b - learning_rate * db) for (W, b), (dW, db) in pairs]


def same_in_tinynn(network):
    """The same network of tinynn's layers, in float64, with copies of the same weights and biases."""
    layers = []
    for W, b in network.layers:
        dense = nn.Dense(W.shape[1], W.shape[0], dtype=np.float64)
        dense.weight.value, dense.bias.value = W, b.ravel()
        layers += [dense, nn.Sigmoid()]
    return nn.Sequential(*layers)


def gradient_in_tinynn(model, loss, x, y):
    """All four equations, for the whole batch: each layer's backward knows its own part of them."""
    loss.forward(model.forward(x), y)
    model.backward_parameters(loss.backward())
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def differences(network, model, x, y):
    """The largest difference between the two gradients, for each parameter by name."""
    from_scratch = [slope for pair in network.gradient(x, y) for slope in pair]
    named = zip(gradient_in_tinynn(model, nn.MSE(), x, y).items(), from_scratch, strict=True)
    return {name: float(np.abs(grad - slope.reshape(grad.shape)).max()) for (name, grad), slope in named}


def accuracy(outputs, labels):
    return (outputs.argmax(axis=1) == labels).mean()


def train_both(network, model, batches, x_test, labels_test, epochs=12, learning_rate=3.0):
    """Show both networks the same mini-batches. Returns both test accuracies after each epoch."""
    loss, optimizer = nn.MSE(), nn.SGD(model, learning_rate)
    curve = []
    for _ in range(epochs):
        for x, y in batches:
            network.learn(x, y, learning_rate)
            gradient_in_tinynn(model, loss, x, y)
            optimizer.step()
        outputs = network.feedforward(x_test.T).T, model.predict(x_test)
        curve.append([accuracy(output, labels_test) for output in outputs])
    return curve


def main(argv=None):
    plot = arguments(__doc__, argv).plot
    x, labels = nn.data.load_digits(dtype=np.float64)
    x_train, x_test, labels_train, labels_test = nn.train_test_split(x, labels, test_size=360, rng=0)
    y_train = nn.one_hot(labels_train, 10, dtype=np.float64)
    network = Network(64, 20, 10)
    model = same_in_tinynn(network)

    heading("1. The gradients of a 64-20-10 network on 100 digits, from scratch and in tinynn")
    for name, difference in differences(network, model, x_train[:100], y_train[:100]).items():
        print(f"{name:>10}: largest difference {difference:.1e}")

    heading("2. Both trained on the same mini-batches of ten, η = 3: accuracy on 360 unseen digits")
    batches = nn.Batches(x_train, y_train, batch_size=10, rng=0)
    curve = train_both(network, model, batches, x_test, labels_test)
    print(f"{'epoch':>8} {'from scratch':>14} {'tinynn':>10}")
    for epoch, (scratch, ours) in enumerate(curve, start=1):
        print(f"{epoch:8} {scratch:14.2%} {ours:10.2%}")
    apart = np.abs(network.feedforward(x_test.T).T - model.predict(x_test)).max()
    print(f"largest difference between their outputs after all those steps: {apart:.1e}")

    if plot:
        draw(plot, network.feedforward(x_test.T).T.argmax(axis=1), x_test, labels_test, curve)


def draw(file, answers, x, labels, curve):
    wrong = np.flatnonzero(answers != labels)
    with figure(file, 1, 4, width=3.4, height=3.2) as axes:
        first, *others = axes
        epochs = range(1, len(curve) + 1)
        first.plot(epochs, [row[0] for row in curve], linewidth=5, alpha=0.4, label="from scratch")
        first.plot(epochs, [row[1] for row in curve], "k--", linewidth=1, label="tinynn")
        first.set(title="One curve, drawn twice", xlabel="epoch", ylabel="test accuracy")
        first.legend()
        for axes in others:
            axes.axis("off")
        for axes, k in zip(others, wrong, strict=False):
            axes.imshow(x[k].reshape(8, 8), cmap="gray_r")
            axes.set_title(f"a {labels[k]}, taken for a {answers[k]}")


if __name__ == "__main__":
    main()
