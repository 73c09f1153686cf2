"""Lesson 13: a layer of your own.

A layer is two functions: `forward`, and `backward`, which turns ∂C/∂output into ∂C/∂x and puts ∂C/∂value of
each of its parameters into `.grad`. There is nothing to register; a Parameter that is an attribute is found
and trained. Here are a layer without parameters, `Sine`, and one with three, `Ring`, a neuron that looks
for a circle. Look at the check against finite differences, without which no derivative should be trusted;
and at the four numbers that `Ring` learns, which can be read off as the answer. Who knows something about
the data can write it into a layer.

    python examples/13_custom_layer.py --plot ring.png
"""

import numpy as np
from lesson import arguments, figure, heading

import tinynn as nn

CENTRE, RADIUS = (0.2, -0.1), 0.6  # what Ring shall find out


class Sine(nn.Layer):
    """y = sin(x);  ∂C/∂x = ∂C/∂y · cos(x). Any shape."""

    def forward(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, grad):
        return grad * np.cos(self.x)


class Ring(nn.Layer):
    """One neuron that answers near a circle of radius r around c, the more narrowly the larger s.

    y = exp(−s (d − r)²),  d = ‖x − c‖
    With e = ∂C/∂y · y:  ∂C/∂s = −Σ e (d − r)²,  ∂C/∂d = −2 e s (d − r),  ∂C/∂r = −Σ ∂C/∂d,
    and since ∂d/∂x = (x − c) / d:  ∂C/∂x = ∂C/∂d (x − c) / d,  ∂C/∂c = −Σ ∂C/∂x; sums over the batch.

    Shapes: x (batch, in_features) -> (batch, 1); centre (in_features,), radius (1,), steepness (1,).
    """

    def __init__(self, in_features):
        self.centre = nn.Parameter(np.zeros(in_features, np.float32))
        self.radius = nn.Parameter(np.full(1, 0.5, np.float32))
        self.steepness = nn.Parameter(np.full(1, 10, np.float32))

    def forward(self, x):
        away = x - self.centre.value
        d = np.sqrt((away**2).sum(axis=1, keepdims=True))
        self.direction = away / np.maximum(d, 1e-6)  # at the very centre there is none
        self.outside = d - self.radius.value
        self.y = np.exp(-self.steepness.value * self.outside**2)
        return self.y

    def backward(self, grad):
        e = grad * self.y
        slope_d = -2 * e * self.steepness.value * self.outside
        slope_x = slope_d * self.direction
        self.steepness.grad = -(e * self.outside**2).sum(axis=0)
        self.radius.grad = -slope_d.sum(axis=0)
        self.centre.grad = -slope_x.sum(axis=0)
        return slope_x


def largest_error(layer, x, rng=0, h=1e-5):
    """The largest difference between a layer's derivatives and central differences, by array.

    C = Σ u ⊙ layer(x) with a random u makes a cost of any layer, and its ∂C/∂output is u.
    """
    layer, x = layer.astype(np.float64), np.array(x, dtype=np.float64)
    u = np.random.default_rng(rng).normal(size=layer.forward(x).shape)
    exact = {"x": layer.backward(u).copy()}
    arrays = {"x": x}
    for name, parameter in layer.named_parameters():
        exact[name], arrays[name] = parameter.grad.copy(), parameter.value
    return {name: np.abs(exact[name] - slopes(layer, x, u, arrays[name], h)).max() for name in arrays}


def slopes(layer, x, u, array, h):
    """∂C/∂array by central differences; `array` is x or a parameter's value, and is left as it was."""
    result = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + h
        above = (u * layer.forward(x)).sum()
        array[index] = value - h
        result[index] = (above - (u * layer.forward(x)).sum()) / (2 * h)
        array[index] = value
    return result


def make_data(samples=300, rng=0):
    """Points x (n, 2) and whether they lie near the circle, y (n, 1); one answer in twenty is wrong."""
    rng = np.random.default_rng(rng)
    x = rng.uniform(-1, 1, (samples, 2)).astype(np.float32)
    near = np.abs(np.linalg.norm(x - np.float32(CENTRE), axis=1) - RADIUS) < 0.15
    return x, (near ^ (rng.random(samples) < 0.05)).astype(np.float32)[:, None]


def train(model, x, y, epochs=150):
    loss, optimizer = nn.SigmoidCrossEntropy(), nn.Adam(model, 0.05)
    batches = nn.Batches(x, y, batch_size=30, rng=0)
    for _ in range(epochs):
        for x_batch, y_batch in batches:
            loss.forward(model.forward(x_batch), y_batch)
            model.backward_parameters(loss.backward())
            optimizer.step()


def accuracy(model, x, y):
    return float(((model.predict(x) > 0) == (y > 0.5)).mean())


def make_models():
    return {
        "2-8-1 of sigmoids": nn.Sequential(nn.Dense(2, 8), nn.Sigmoid(), nn.Dense(8, 1), rng=0),
        "Ring": nn.Sequential(Ring(2), nn.Dense(1, 1), rng=0),
    }


def main(argv=None):
    plot = arguments(__doc__, argv).plot

    heading("1. Are the derivatives right? Largest difference from central differences")
    x = np.random.default_rng(1).normal(size=(5, 2))
    for layer in (Sine(), Ring(2)):
        for name, error in largest_error(layer, x).items():
            print(f"{type(layer).__name__:>6} ∂C/∂{name:<10} {error:.0e}")

    heading("2. A ring in the plane, learnt from 300 points, some of them mislabelled")
    x, y = make_data()
    x_test, y_test = make_data(5000, rng=1)
    models = make_models()
    for name, model in models.items():
        train(model, x, y)
        size = sum(parameter.size for parameter in model.parameters())
        print(f"{name:>18}: {size} parameters, {accuracy(model, x_test, y_test):.1%} of unseen points right")
    ring = models["Ring"][0]
    (c1, c2), (radius,) = ring.centre.value, ring.radius.value
    print(f"The best possible is 95%. The circle has centre {CENTRE} and radius {RADIUS};")
    print(f"Ring has found ({c1:.2f}, {c2:.2f}) and {radius:.2f}.")

    if plot:
        draw(plot, models, x, y)


def draw(file, models, x, y):
    side = np.linspace(-1, 1, 150, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    with figure(file, 1, 2, width=4.6, height=4.6, sharey=True) as panels:
        for axes, (name, model) in zip(panels, models.items(), strict=True):
            inside = model.predict(plane).reshape(150, 150) > 0
            axes.contourf(side, side, inside, levels=[-0.5, 0.5, 1.5], colors=["#dbe9f6", "#fddbc7"])
            axes.scatter(*x.T, c=y.ravel(), cmap="coolwarm", s=9)
            axes.set(title=name, xlabel="x₁")
        panels[0].set(ylabel="x₂", title="Eight sigmoid neurons: not yet a ring")
        ring = models["Ring"][0]
        panels[1].plot(*ring.centre.value, "k+", markersize=12)
        panels[1].set_title("One Ring: the circle itself")


if __name__ == "__main__":
    main()
