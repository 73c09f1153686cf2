"""Right but tricky layers, tinynn's own and other people's."""

from __future__ import annotations

import math
import random

import numpy as np
from testing.right import Right, collector, near, relu, scales, sigmoid, signs, softmax, softmax_vjp

import tinynn as nn
from tinynn import testing as kit

LAYERS: list[Right] = []
right = collector(LAYERS)


def parameter(rng, *shape, scale=1.0):
    return nn.Parameter(scale * rng.normal(size=shape))


def over_rows(array):
    """The sum over all axes but the last."""
    return array.sum(axis=tuple(range(array.ndim - 1)))


def outer_over_rows(x, grad):
    """Σ xᵀ grad over all axes but the last."""
    return x.reshape(-1, x.shape[-1]).T @ grad.reshape(-1, grad.shape[-1])


class Function(nn.Layer):
    """y = f(x), ∂C/∂x = vjp(x, ∂C/∂y)."""

    def __init__(self, f, vjp):
        self.f, self.vjp = f, vjp

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, grad):
        return self.vjp(self.x, grad)


def elementwise(f, slope):
    return Function(f, lambda x, grad: grad * slope(x))


class Dense(nn.Layer):
    """y = x W + b."""

    def __init__(self, weight, bias):
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x):
        self.x = x
        return x @ self.weight.value + self.bias.value

    def backward(self, grad):
        self.weight.grad, self.bias.grad = outer_over_rows(self.x, grad), over_rows(grad)
        return grad @ self.weight.value.T


# ---- normalisation ------------------------------------------------------------------------------
class Normalise(nn.Layer):
    """y = γ x̂ + β, x̂ = (x − mean) / √(variance + ε) over `axes`, one γ and β for each of the last axis."""

    def __init__(self, rng, features, axes):
        self.axes, self.gamma, self.beta = axes, parameter(rng, features), parameter(rng, features)

    def forward(self, x):
        self.mean, variance = x.mean(axis=self.axes, keepdims=True), x.var(axis=self.axes, keepdims=True)
        self.deviation = np.sqrt(variance + 1e-5)
        self.normal = (x - self.mean) / self.deviation
        return self.gamma.value * self.normal + self.beta.value

    def backward(self, grad):
        self.gamma.grad, self.beta.grad = over_rows(grad * self.normal), over_rows(grad)
        grad = grad * self.gamma.value
        mean, along = (g.mean(axis=self.axes, keepdims=True) for g in (grad, grad * self.normal))
        return (grad - mean - self.normal * along) / self.deviation


class RunningBatchNorm(Normalise):
    running_mean, running_deviation = 0.0, 1.0

    def forward(self, x):
        y = super().forward(x)
        self.running_mean = 0.9 * self.running_mean + 0.1 * self.mean
        self.running_deviation = 0.9 * self.running_deviation + 0.1 * self.deviation
        return y


@right("batch norm with running statistics")
def _(rng):
    kit.check_layer(RunningBatchNorm(rng, 3, (0,)), 5 + scales(rng, -2, 2, 3) * rng.normal(size=(6, 3)), rng=rng)


@right("batch norm of images")
def _(rng):
    kit.check_layer(Normalise(rng, 3, (0, 1, 2)), input_shape=(2, 2, 3, 3), rng=rng)


@right("batch norm of a feature that is the same in every row")
def _(rng):
    kit.check_layer(Normalise(rng, 2, (0,)), np.stack([np.full(5, 3.0), rng.normal(size=5)], axis=1), rng=rng)


@right("layer norm, also of two features, where only signs are left")
def _(rng):
    features = int(rng.choice([2, 3, 7]))
    kit.check_layer(Normalise(rng, features, (-1,)), input_shape=(4, features), rng=rng)


@right("instance norm")
def _(rng):
    kit.check_layer(Normalise(rng, 3, (1,)), 100 + rng.normal(size=(2, 5, 3)), rng=rng)


class GroupNorm(nn.Layer):
    """(batch, features) normalised in groups."""

    def __init__(self, groups):
        self.groups = groups

    def forward(self, x):
        x = x.reshape(len(x), self.groups, -1)
        self.deviation = np.sqrt(x.var(axis=2, keepdims=True) + 1e-5)
        self.normal = (x - x.mean(axis=2, keepdims=True)) / self.deviation
        return self.normal.reshape(len(x), -1)

    def backward(self, grad):
        g = grad.reshape(self.normal.shape)
        along = (g * self.normal).mean(axis=2, keepdims=True)
        return ((g - g.mean(axis=2, keepdims=True) - self.normal * along) / self.deviation).reshape(grad.shape)


@right("group norm")
def _(rng):
    kit.check_layer(GroupNorm(2), input_shape=(3, 8), rng=rng)


class RMSNorm(nn.Layer):
    """y = γ x / √(mean x² + ε)."""

    def __init__(self, rng, features):
        self.gamma = parameter(rng, features)

    def forward(self, x):
        self.scale = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-6)
        self.normal = x / self.scale
        return self.gamma.value * self.normal

    def backward(self, grad):
        self.gamma.grad = over_rows(grad * self.normal)
        grad = grad * self.gamma.value
        return (grad - self.normal * (grad * self.normal).mean(axis=-1, keepdims=True)) / self.scale


@right("RMS norm of rows of all scales")
def _(rng):
    kit.check_layer(RMSNorm(rng, 4), scales(rng, -6, 6, (3, 1)) * rng.normal(size=(3, 4)), rng=rng)


def l2_normalise_vjp(x, grad):
    norm = np.linalg.norm(x, axis=-1, keepdims=True)
    y = x / norm
    return (grad - y * (grad * y).sum(axis=-1, keepdims=True)) / norm


@right("L2 normalisation of short and long rows")
def _(rng):
    layer = Function(lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), l2_normalise_vjp)
    kit.check_layer(layer, scales(rng, -4, 4, (3, 1)) * rng.normal(size=(3, 4)), rng=rng)


class WeightNorm(nn.Layer):
    """y = x W, the columns of W are g v / ‖v‖."""

    def __init__(self, rng):
        self.length, self.direction = parameter(rng, 3), parameter(rng, 4, 3)

    def forward(self, x):
        self.x, self.norm = x, np.linalg.norm(self.direction.value, axis=0)
        self.unit = self.direction.value / self.norm
        return x @ (self.length.value * self.unit)

    def backward(self, grad):
        weight = self.x.T @ grad
        self.length.grad = (weight * self.unit).sum(axis=0)
        self.direction.grad = self.length.value / self.norm * (weight - self.length.grad * self.unit)
        return grad @ (self.length.value * self.unit).T


@right("weight norm")
def _(rng):
    kit.check_layer(WeightNorm(rng), input_shape=(3, 4), rng=rng)


@right("softmax, at ties and far apart too")
def _(rng):
    layer = Function(softmax, lambda x, grad: softmax_vjp(softmax(x), grad))
    kit.check_layer(layer, input_shape=(3, 4), rng=rng)
    kit.check_layer(layer, rng.choice([-300.0, 0.0, 1.0, 300.0], (3, 4)), rng=rng)


@right("softmax with a temperature, over the middle axis")
def _(rng):
    temperature = float(rng.choice([0.1, 0.5, 5.0]))

    def forward(x):
        return softmax(x.swapaxes(1, 2) / temperature).swapaxes(1, 2)

    def vjp(x, grad):
        return softmax_vjp(forward(x).swapaxes(1, 2), grad.swapaxes(1, 2)).swapaxes(1, 2) / temperature

    kit.check_layer(Function(forward, vjp), input_shape=(2, 3, 2), rng=rng)


def log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@right("log-softmax, saturated too")
def _(rng):
    layer = Function(log_softmax, lambda x, grad: grad - softmax(x) * grad.sum(axis=-1, keepdims=True))
    kit.check_layer(layer, rng.choice([1.0, 30.0, 1e3]) * rng.normal(size=(3, 4)), rng=rng)


# ---- kinks --------------------------------------------------------------------------------------
@right("ReLU at exactly 0, with a slope of 0, 1/2 or 1 there")
def _(rng):
    slope = float(rng.choice([0.0, 0.5, 1.0]))
    layer = elementwise(relu, lambda x: np.where(x == 0, slope, x > 0).astype(x.dtype))
    kit.check_layer(layer, near(rng, 0.0, shape=(2, 4)), rng=rng)


@right("CReLU at 0")
def _(rng):
    def vjp(x, grad):
        positive, negative = np.split(grad, 2, axis=-1)
        return positive * (x > 0) - negative * (x < 0)

    layer = Function(lambda x: np.concatenate([relu(x), relu(-x)], axis=-1), vjp)
    kit.check_layer(layer, near(rng, 0.0, shape=(3, 2)), rng=rng)


@right("hard tanh and ReLU6 at their corners")
def _(rng):
    kit.check_layer(elementwise(lambda x: x.clip(-1, 1), lambda x: abs(x) <= 1), near(rng, -1.0, 1.0, shape=(2, 4)))
    kit.check_layer(elementwise(lambda x: x.clip(0, 6), lambda x: (x > 0) & (x < 6)), near(rng, 0.0, 6.0, shape=(2, 4)))


@right("soft and hard shrinkage away from the jump")
def _(rng):
    soft = elementwise(lambda x: np.sign(x) * relu(abs(x) - 0.5), lambda x: abs(x) > 0.5)
    hard = elementwise(lambda x: x * (abs(x) > 0.5), lambda x: abs(x) > 0.5)
    kit.check_layer(soft, near(rng, -0.5, 0.5, shape=(2, 4)), rng=rng)
    kit.check_layer(hard, signs(rng, (2, 4)) * rng.choice([0.0, 0.4, 0.499, 0.501, 3.0], (2, 4)), rng=rng)


class PReLU(nn.Layer):
    """y = x or, where x < 0, α x; one α for each feature."""

    def __init__(self, rng, features):
        self.alpha = parameter(rng, features)

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha.value * x)

    def backward(self, grad):
        self.alpha.grad = over_rows(grad * np.minimum(self.x, 0))
        return np.where(self.x > 0, grad, self.alpha.value * grad)


@right("PReLU at 0, a feature that is never negative")
def _(rng):
    x = near(rng, 0.0, shape=(4, 3))
    x[:, 0] = abs(x[:, 0])
    kit.check_layer(PReLU(rng, 3), x, rng=rng)


class MaxOut(nn.Layer):
    """y = the largest of k linear functions of x; of equals the first wins."""

    def __init__(self, weight):
        self.weight = nn.Parameter(weight)  # (features, outputs, k)

    def forward(self, x):
        z = np.einsum("ni,iok->nok", x, self.weight.value)
        self.x, self.winner = x, (np.arange(z.shape[2]) == z.argmax(axis=2)[..., None]).astype(x.dtype)
        return z.max(axis=2)

    def backward(self, grad):
        grad = grad[..., None] * self.winner
        self.weight.grad = np.einsum("ni,nok->iok", self.x, grad)
        return np.einsum("nok,iok->ni", grad, self.weight.value)


@right("max-out, two of the linear functions equal")
def _(rng):
    weight = rng.normal(size=(3, 2, 3))
    weight[:, 0, 1] = weight[:, 0, 0]
    kit.check_layer(MaxOut(weight), rng.normal(size=(4, 3)), rng=rng)


class MaxPool(nn.Layer):
    """The largest in each window of 2 × 2 of (batch, height, width); ties: the first, all, or shares."""

    def __init__(self, ties):
        self.ties = ties

    def forward(self, x):
        n, h, w = x.shape
        windows = x.reshape(n, h // 2, 2, w // 2, 2).swapaxes(2, 3).reshape(n, h // 2, w // 2, 4)
        y = windows.max(axis=3, keepdims=True)
        if self.ties == "first":
            self.mask = (np.arange(4) == windows.argmax(axis=3)[..., None]).astype(x.dtype)
        else:
            self.mask = (windows == y).astype(x.dtype)
        if self.ties == "shares":
            self.mask /= self.mask.sum(axis=3, keepdims=True)
        return y[..., 0]

    def backward(self, grad):
        n, h, w = grad.shape
        spread = (grad[..., None] * self.mask).reshape(n, h, w, 2, 2)
        return spread.swapaxes(2, 3).reshape(n, 2 * h, 2 * w)


@right("max pool with ties")
def _(rng):
    ties = str(rng.choice(["first", "all", "shares"]))
    kit.check_layer(MaxPool(ties), rng.choice([0.0, 1.0, 2.0], (2, 4, 4)), rng=rng)
    kit.check_layer(MaxPool(ties), input_shape=(2, 2, 4), rng=rng)


def largest_two():
    """The largest two of each row, sorted."""

    def vjp(x, grad):
        back = np.zeros_like(x)
        np.put_along_axis(back, x.argsort(axis=1, kind="stable")[:, -2:], grad, axis=1)
        return back

    return Function(lambda x: np.sort(x, axis=1)[:, -2:], vjp)


@right("the largest two of each row, equal to one another or one of them to the third")
def _(rng):
    kit.check_layer(largest_two(), rng.permuted([[0.0, 1, 2, 2], [0.0, 1, 1, 2], [0.0, 1, 2, 3]], axis=1), rng=rng)


@right("tinynn's activations at and near their kinks")
def _(rng):
    layers = nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.SELU(), nn.HardSigmoid(), nn.GELU(), nn.SiLU(), nn.Softplus()
    layer = layers[rng.integers(len(layers))]
    kit.check_layer(layer, near(rng, -3.0, -2.5, 0.0, 2.5, 3.0, shape=(2, 4)), rng=rng)


@right("a step away from its jump: the derivative is 0")
def _(rng):
    layer = Function(lambda x: (x > 0).astype(x.dtype), lambda x, grad: np.zeros_like(x))
    kit.check_layer(layer, signs(rng, (2, 4)) * rng.choice([1e-6, 1e-3, 0.5, 3.0], (2, 4)), rng=rng)


@right("absolute value, softsign and square root of it, whose complex extensions are other functions")
def _(rng):
    x = rng.normal(size=(2, 3))
    kit.check_layer(elementwise(abs, np.sign), x, rng=rng)
    kit.check_layer(elementwise(lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2), x, rng=rng)
    kit.check_layer(elementwise(lambda x: np.sqrt(x * x.conj() + 1), lambda x: x / np.sqrt(x * x + 1)), x, rng=rng)


# ---- gates, convolution, recurrence, attention --------------------------------------------------
def glu_vjp(x, grad):
    value, gate = np.split(x, 2, axis=-1)
    s = sigmoid(gate)
    return np.concatenate([grad * s, grad * value * s * (1 - s)], axis=-1)


@right("GLU")
def _(rng):
    layer = Function(lambda x: np.split(x, 2, axis=-1)[0] * sigmoid(np.split(x, 2, axis=-1)[1]), glu_vjp)
    kit.check_layer(layer, input_shape=(3, 6), rng=rng)


class Convolution(nn.Layer):
    """y = b + Σₖ x[shifted by k] W[k] on (batch, *grid, channels), the grid of any dimension."""

    def __init__(self, rng, *shape, stride=1):
        self.weight, self.bias, self.stride = parameter(rng, *shape), parameter(rng, shape[-1]), stride

    def windows(self, x):
        kernel, s = self.weight.shape[:-2], self.stride
        ends = [size - k + 1 for size, k in zip(x.shape[1:-1], kernel, strict=True)]
        for k in np.ndindex(*kernel):
            yield k, (slice(None), *(slice(i, i + end, s) for i, end in zip(k, ends, strict=True)))

    def forward(self, x):
        self.x = x
        return sum(x[window] @ self.weight.value[k] for k, window in self.windows(x)) + self.bias.value

    def backward(self, grad):
        back = np.zeros_like(self.x)
        for k, window in self.windows(self.x):
            self.weight.grad[k] = outer_over_rows(self.x[window], grad)
            back[window] += grad @ self.weight.value[k].T
        self.bias.grad = over_rows(grad)
        return back


@right("convolution over time")
def _(rng):
    kit.check_layer(Convolution(rng, 3, 2, 2), input_shape=(2, 5, 2), rng=rng)


@right("convolution over images, with a stride that leaves pixels out")
def _(rng):
    kit.check_layer(Convolution(rng, 2, 2, 1, 2, stride=int(rng.integers(1, 4))), input_shape=(2, 4, 3, 1), rng=rng)


@right("average pool")
def _(rng):
    layer = Function(
        lambda x: x.reshape(len(x), -1, 3, x.shape[2]).mean(axis=2), lambda x, grad: np.repeat(grad, 3, axis=1) / 3
    )
    kit.check_layer(layer, input_shape=(2, 6, 2), rng=rng)


@right("nearest-neighbour upsampling and padding with the edge")
def _(rng):
    def padded_vjp(x, grad):
        back = grad[:, 1:-1].copy()
        back[:, 0] += grad[:, 0]
        back[:, -1] += grad[:, -1]
        return back

    upsampling = Function(
        lambda x: x.repeat(2, axis=1), lambda x, grad: grad.reshape(len(x), -1, 2, *x.shape[2:]).sum(axis=2)
    )
    kit.check_layer(upsampling, input_shape=(2, 3, 2), rng=rng)
    kit.check_layer(Function(lambda x: np.pad(x, [(0, 0), (1, 1)], "edge"), padded_vjp), input_shape=(2, 3), rng=rng)


class Recurrent(nn.Layer):
    """A cell applied to each step of (batch, time, features), its weights the same in every step."""

    def __init__(self, rng, features, units, gates=1):
        self.units = units
        self.w, self.u = parameter(rng, features, gates * units), parameter(rng, units, gates * units)
        self.b = parameter(rng, gates * units)

    def forward(self, x):
        self.x, self.steps = x, []
        state = np.zeros((2, len(x), self.units), x.dtype)
        for t in range(x.shape[1]):
            state, kept = self.cell(x[:, t], state)
            self.steps.append(kept)
        return np.stack([step[0] for step in self.steps], axis=1)

    def backward(self, grad):
        back = np.empty_like(self.x)
        for p in self.parameters():
            p.grad.fill(0)
        state = np.zeros((2, len(grad), self.units), grad.dtype)
        for t in reversed(range(grad.shape[1])):
            state[0] += grad[:, t]
            back[:, t], state = self.cell_backward(self.x[:, t], self.steps[t], state)
        return back

    def linear_backward(self, x, hidden, grad):
        """Of z = x W + h U + b: adds to the gradients, gives ∂C/∂x and ∂C/∂h."""
        self.w.grad += x.T @ grad
        self.u.grad += hidden.T @ grad
        self.b.grad += grad.sum(axis=0)
        return grad @ self.w.value.T, grad @ self.u.value.T


class RNN(Recurrent):
    """h ← tanh(x W + h U + b)."""

    def cell(self, x, state):
        hidden = np.tanh(x @ self.w.value + state[0] @ self.u.value + self.b.value)
        return np.stack([hidden, state[1]]), (hidden, state[0])

    def cell_backward(self, x, kept, grad):
        hidden, before = kept
        back, grad_before = self.linear_backward(x, before, grad[0] * (1 - hidden**2))
        return back, np.stack([grad_before, grad[1]])


class LSTM(Recurrent):
    """c ← f c + i g, h ← o tanh(c); i, f, o = σ and g = tanh of the parts of x W + h U + b."""

    def cell(self, x, state):
        hidden, memory = state
        z = x @ self.w.value + hidden @ self.u.value + self.b.value
        (i, f, o), g = np.split(sigmoid(z[:, : 3 * self.units]), 3, axis=1), np.tanh(z[:, 3 * self.units :])
        new = f * memory + i * g
        y = o * np.tanh(new)
        return np.stack([y, new]), (y, hidden, memory, new, i, f, o, g)

    def cell_backward(self, x, kept, grad):
        _, hidden, memory, new, i, f, o, g = kept
        t = np.tanh(new)
        through = grad[1] + grad[0] * o * (1 - t**2)
        gates = through * g * i * (1 - i), through * memory * f * (1 - f), grad[0] * t * o * (1 - o)
        z = np.concatenate([*gates, through * i * (1 - g**2)], axis=1)
        back, before = self.linear_backward(x, hidden, z)
        return back, np.stack([before, through * f])


@right("RNN over time")
def _(rng):
    kit.check_layer(RNN(rng, 2, 2), input_shape=(2, 4, 2), rng=rng)


@right("LSTM over time")
def _(rng):
    kit.check_layer(LSTM(rng, 2, 2, gates=4), input_shape=(2, 3, 2), rng=rng)


class Attention(nn.Layer):
    """y = softmax(Q Kᵀ / √d) V with Q, K, V = x W; causal: each step sees itself and those before."""

    def __init__(self, rng, features, causal):
        self.causal, self.weights = causal, [parameter(rng, features, features) for _ in range(3)]

    def forward(self, x):
        self.x, (self.q, self.k, self.v) = x, (x @ w.value for w in self.weights)
        scores = self.q @ self.k.swapaxes(1, 2) / math.sqrt(x.shape[2])
        if self.causal:
            scores[:, ~np.tri(x.shape[1], dtype=bool)] = -np.inf
        self.p = softmax(scores)
        return self.p @ self.v

    def backward(self, grad):
        scores = softmax_vjp(self.p, grad @ self.v.swapaxes(1, 2)) / math.sqrt(grad.shape[2])
        grads = scores @ self.k, scores.swapaxes(1, 2) @ self.q, self.p.swapaxes(1, 2) @ grad
        for w, g in zip(self.weights, grads, strict=True):
            w.grad = outer_over_rows(self.x, g)
        return sum(g @ w.value.T for w, g in zip(self.weights, grads, strict=True))


@right("self-attention")
def _(rng):
    kit.check_layer(Attention(rng, 2, causal=False), input_shape=(2, 3, 2), rng=rng)


@right("causal self-attention, masked with -inf")
def _(rng):
    kit.check_layer(Attention(rng, 2, causal=True), input_shape=(2, 3, 2), rng=rng)


class Embedding(nn.Layer):
    """Rows of a table by number; `answer` makes what backward returns for numbers that have no gradient."""

    def __init__(self, rng, answer):
        self.table, self.answer = parameter(rng, 5, 2), answer

    def forward(self, x):
        self.x = x
        return self.table.value[x]

    def backward(self, grad):
        self.table.grad.fill(0)
        np.add.at(self.table.grad, self.x, grad)
        return self.answer(self.x)


@right("embedding of integers, of which some come twice; ∂C/∂x is zeros")
def _(rng):
    kit.check_layer(Embedding(rng, lambda x: np.zeros(x.shape)), rng.integers(0, 5, (3, 4)), rng=rng)


@right("embedding of integers, ∂C/∂x is None")
def _(rng):
    kit.check_layer(Embedding(rng, lambda x: None), rng.integers(0, 5, 6), rng=rng)


# ---- random numbers -----------------------------------------------------------------------------
class Masked(nn.Layer):
    """y = m x with m drawn anew in every forward by draw(source, shape of x); `source` is the layer's own."""

    def __init__(self, draw, source=None):
        self.draw, self.source = draw, source

    def forward(self, x):
        self.mask = np.asarray(self.draw(self.source, x.shape)).astype(x.dtype)
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


@right("tinynn's Dropout")
def _(rng):
    layer = nn.Dropout(float(rng.uniform(0, 0.9)), rng=int(rng.integers(1000)))
    kit.check_layer(layer, input_shape=(3, 4), rng=rng)


@right("Dropout with a Generator of its own")
def _(rng):
    layer = Masked(lambda source, shape: (source.random(shape) < 0.7) / 0.7, np.random.default_rng(rng.integers(1000)))
    kit.check_layer(layer, input_shape=(3, 4), rng=rng)


@right("Dropout with a RandomState of its own")
def _(rng):
    source = np.random.RandomState(rng.integers(1000))
    kit.check_layer(Masked(lambda source, shape: 2 * source.binomial(1, 0.5, shape), source), input_shape=(3, 4))


@right("Dropout from NumPy's global generator")
def _(rng):
    kit.check_layer(Masked(lambda _, shape: 2.0 * (np.random.rand(*shape) < 0.5)), input_shape=(3, 4), rng=rng)


@right("Dropout of whole rows from Python's generator")
def _(rng):
    def draw(_, shape):
        return np.reshape([2.0 * (random.random() < 0.5) for _ in range(shape[0])], (-1, 1))

    kit.check_layer(Masked(draw), input_shape=(4, 3), rng=rng)


@right("spatial Dropout: whole channels of an image")
def _(rng):
    def draw(source, shape):
        return 2.0 * (source.random((shape[0], 1, 1, shape[3])) < 0.5)

    kit.check_layer(Masked(draw, np.random.default_rng(1)), input_shape=(2, 2, 2, 3), rng=rng)


@right("Gaussian noise as a factor")
def _(rng):
    layer = Masked(lambda source, shape: 1 + 0.3 * source.normal(size=shape), np.random.default_rng(2))
    kit.check_layer(layer, input_shape=(3, 4), rng=rng)


class Noise(nn.Layer):
    """y = tanh(x + s ε) with ε drawn anew in every forward."""

    def __init__(self, seed):
        self.scale, self.source = nn.Parameter(np.array(0.5)), np.random.default_rng(seed)

    def forward(self, x):
        self.noise = self.source.normal(size=x.shape).astype(x.dtype)
        self.y = np.tanh(x + self.scale.value * self.noise)
        return self.y

    def backward(self, grad):
        grad = grad * (1 - self.y**2)
        self.scale.grad = (grad * self.noise).sum()
        return grad


@right("Gaussian noise that is added, its size learnt: a parameter without axes")
def _(rng):
    kit.check_layer(Noise(int(rng.integers(1000))), input_shape=(3, 4), rng=rng)


# ---- what layers keep and return ----------------------------------------------------------------
class Counting(nn.Layer):
    """tanh, counting its calls and keeping the mean of what it saw."""

    calls, seen = 0, 0.0

    def forward(self, x):
        self.calls += 1
        self.seen = self.seen + (x.mean() - self.seen) / self.calls
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * (1 - self.y**2)


@right("a layer that counts its calls and keeps a running mean")
def _(rng):
    kit.check_layer(Counting(), input_shape=(3, 4), rng=rng)


class Memoising(nn.Layer):
    """sin, computed once for one and the same array object."""

    x = y = None

    def forward(self, x):
        if x is not self.x:
            self.x, self.y = x, np.sin(x)
        return self.y

    def backward(self, grad):
        return grad * np.cos(self.x)


@right("a layer that returns the output it has if it gets the very same array again")
def _(rng):
    kit.check_layer(Memoising(), input_shape=(3, 4), rng=rng)


class MemoisingDense(Dense):
    """Computes anew only if x or a parameter has other contents."""

    def forward(self, x):
        key = x.tobytes(), x.shape, x.dtype, self.weight.value.tobytes(), self.bias.value.tobytes()
        if key != getattr(self, "key", None):
            self.key, self.y = key, super().forward(x)
        return self.y


@right("a layer that remembers by the contents of x and of its parameters")
def _(rng):
    kit.check_layer(MemoisingDense(rng.normal(size=(3, 2)), rng.normal(size=2)), input_shape=(4, 3), rng=rng)


class Checkpointed(nn.Layer):
    """Keeps x alone; backward computes what is inside once more."""

    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        self.x = x
        return self.layer.forward(x)

    def backward(self, grad):
        self.layer.forward(self.x)
        return self.layer.backward(grad)


@right("a layer whose backward runs forward again")
def _(rng):
    kit.check_layer(Checkpointed(nn.Sequential(nn.Dense(3, 4), nn.Tanh(), rng=1)), input_shape=(2, 3), rng=rng)


class Buffered(nn.Layer):
    """Writes into the same two arrays in every call."""

    def forward(self, x):
        return np.tanh(x, out=self.buffer("y", x.shape, x.dtype))

    def backward(self, grad):
        y, back = self.buffer("y", grad.shape, grad.dtype), self.buffer("back", grad.shape, grad.dtype)
        np.multiply(y, y, out=back)
        np.subtract(1, back, out=back)
        return np.multiply(grad, back, out=back)


@right("a layer that writes into its own buffers in every call")
def _(rng):
    kit.check_layer(Buffered(), input_shape=(3, 4), rng=rng)


@right("the identity: x itself, and the upstream gradient itself")
def _(rng):
    kit.check_layer(Function(lambda x: x, lambda x, grad: grad), input_shape=(3, 4), rng=rng)
    kit.check_layer(nn.Identity(), input_shape=(3, 4), rng=rng)


@right("views of x: turned over, transposed, reshaped")
def _(rng):
    kit.check_layer(Function(lambda x: x[:, ::-1], lambda x, grad: grad[:, ::-1]), input_shape=(3, 4), rng=rng)
    kit.check_layer(
        Function(lambda x: x.swapaxes(1, 2), lambda x, grad: grad.swapaxes(1, 2)), input_shape=(2, 3, 4), rng=rng
    )
    kit.check_layer(nn.Sequential(nn.Flatten(), nn.Reshape((3, 2))), input_shape=(2, 2, 3), rng=rng)


@right("a part of x, the rest without influence")
def _(rng):
    def vjp(x, grad):
        back = np.zeros_like(x)
        back[:, 1:3] = grad
        return back

    kit.check_layer(Function(lambda x: x[:, 1:3], vjp), input_shape=(3, 5), rng=rng)


@right("a constant output and an output for each row that is a single number")
def _(rng):
    kit.check_layer(Function(np.ones_like, lambda x, grad: np.zeros_like(x)), input_shape=(3, 2), rng=rng)
    layer = Function(lambda x: (x**2).sum(axis=1), lambda x, grad: 2 * x * grad[:, None])
    kit.check_layer(layer, input_shape=(3, 4), rng=rng)


# ---- parameters ---------------------------------------------------------------------------------
class Tied(nn.Layer):
    """y = tanh(x W) Wᵀ: an autoencoder with one weight."""

    def __init__(self, rng):
        self.weight = parameter(rng, 4, 3)

    def forward(self, x):
        self.x, self.hidden = x, np.tanh(x @ self.weight.value)
        return self.hidden @ self.weight.value.T

    def backward(self, grad):
        z = (grad @ self.weight.value) * (1 - self.hidden**2)
        self.weight.grad = self.x.T @ z + grad.T @ self.hidden
        return z @ self.weight.value.T


@right("one weight used twice")
def _(rng):
    kit.check_layer(Tied(rng), input_shape=(3, 4), rng=rng)


class Bilinear(nn.Layer):
    """y = a W b of two inputs."""

    def __init__(self, rng):
        self.weight = parameter(rng, 2, 3, 2)

    def forward(self, a, b):
        self.a, self.b = a, b
        return np.einsum("ni,ijo,nj->no", a, self.weight.value, b)

    def backward(self, grad):
        self.weight.grad = np.einsum("ni,no,nj->ijo", self.a, grad, self.b)
        return (
            np.einsum("no,ijo,nj->ni", grad, self.weight.value, self.b),
            np.einsum("no,ijo,ni->nj", grad, self.weight.value, self.a),
        )


@right("a bilinear layer of two inputs")
def _(rng):
    kit.check_layer(Bilinear(rng), (rng.normal(size=(4, 2)), rng.normal(size=(4, 3))), rng=rng)


class Cosine(nn.Layer):
    """The cosine of the angle between each row of a and of b."""

    def forward(self, a, b):
        self.a, self.b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
        self.lengths = [np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b)]
        self.y = (self.a * self.b).sum(axis=1)
        return self.y

    def backward(self, grad):
        grad, y = grad[:, None], self.y[:, None]
        return grad * (self.b - y * self.a) / self.lengths[0], grad * (self.a - y * self.b) / self.lengths[1]


@right("cosine similarity of two inputs of all lengths")
def _(rng):
    a, b = scales(rng, -4, 4, (2, 3, 1)) * rng.normal(size=(2, 3, 4))
    kit.check_layer(Cosine(), (a, b), rng=rng)


class ScaledResidual(nn.Layer):
    """y = x + s f(x); at s = 0 nothing in f has a gradient."""

    def __init__(self, layer, scale):
        self.layer, self.scale = layer, nn.Parameter(np.array(scale))

    def forward(self, x):
        self.inner = self.layer.forward(x)
        return x + self.scale.value * self.inner

    def backward(self, grad):
        self.scale.grad = (grad * self.inner).sum()
        return grad + self.layer.backward(self.scale.value * grad)


@right("a residual block with a learnt scale, 0 or not")
def _(rng):
    layer = nn.Sequential(nn.Dense(3, 3, dtype=np.float64), nn.Tanh(), rng=1)
    kit.check_layer(ScaledResidual(layer, float(rng.choice([0.0, 0.1]))), input_shape=(2, 3), rng=rng)


class LowRank(nn.Layer):
    """y = x (W + A B), W frozen and B = 0 at first, where A has no gradient."""

    def __init__(self, rng):
        self.frozen, self.a, self.b = rng.normal(size=(4, 3)), parameter(rng, 4, 1), nn.Parameter(np.zeros((1, 3)))

    def forward(self, x):
        self.x, self.weight = x, self.frozen.astype(x.dtype) + self.a.value @ self.b.value
        return x @ self.weight

    def backward(self, grad):
        weight = self.x.T @ grad
        self.a.grad, self.b.grad = weight @ self.b.value.T, self.a.value.T @ weight
        return grad @ self.weight.T


@right("a low-rank adapter that starts at 0, on a frozen weight")
def _(rng):
    kit.check_layer(LowRank(rng), input_shape=(3, 4), rng=rng)


class TwoBiases(nn.Layer):
    """y = x + a + b + 0 c: two gradients that are equal, and one that is 0."""

    def __init__(self, rng):
        self.a, self.b, self.unused = (parameter(rng, 3) for _ in range(3))

    def forward(self, x):
        return x + (self.a.value + self.b.value)

    def backward(self, grad):
        self.a.grad = self.b.grad = grad.sum(axis=0)
        self.unused.grad.fill(0)
        return grad


@right("two biases with equal gradients, and a parameter that nothing depends on")
def _(rng):
    kit.check_layer(TwoBiases(rng), input_shape=(3, 3), rng=rng)


class LogDensity(nn.Layer):
    """y = −x² / 2s² − log s, defined for s > 0 alone."""

    def __init__(self, scale):
        self.scale = nn.Parameter(scale)

    def forward(self, x):
        self.normal = x / self.scale.value
        return -0.5 * self.normal**2 - np.log(self.scale.value)

    def backward(self, grad):
        self.scale.grad = over_rows(grad * (self.normal**2 - 1)) / self.scale.value
        return -grad * self.normal / self.scale.value


@right("a parameter that must stay positive")
def _(rng):
    kit.check_layer(LogDensity(scales(rng, -3, 1, 4)), input_shape=(3, 4), rng=rng)


@right("10,000 weights")
def _(rng):
    kit.check_layer(Dense(rng.normal(size=(100, 100)), rng.normal(size=100)), input_shape=(3, 100), rng=rng)


@right("a batch of one")
def _(rng):
    kit.check_layer(Dense(rng.normal(size=(3, 2)), rng.normal(size=2)), input_shape=(1, 3), rng=rng)
    kit.check_layer(nn.Sequential(nn.Dense(3, 4, rng=1), nn.GELU()), rng.normal(size=(1, 3)), rng=rng)


@right("parameters in float32, as tinynn makes them")
def _(rng):
    kit.check_layer(nn.Dense(3, 2, rng=1), input_shape=(4, 3), rng=rng)
    kit.check_layer(Dense([[0.1, 0.2], [0.3, 0.4]], [0.0, 0.1]), rng.normal(size=(4, 2)).astype(np.float32), rng=rng)


@right("weights and inputs in Fortran's order, and strided inputs")
def _(rng):
    layer = Dense(np.asfortranarray(rng.normal(size=(3, 4))), rng.normal(size=4))
    kit.check_layer(layer, np.asfortranarray(rng.normal(size=(5, 3))), rng=rng)
    kit.check_layer(layer, rng.normal(size=(8, 6))[::2, ::-2], rng=rng)


@right("square and symmetric weights, a weight of zeros")
def _(rng):
    weight = rng.normal(size=(3, 3))
    kit.check_layer(Dense(weight, np.zeros(3)), input_shape=(3, 3), rng=rng)
    kit.check_layer(Dense(weight + weight.T, np.zeros(3)), input_shape=(3, 3), rng=rng)
    kit.check_layer(Dense(np.zeros((3, 3)), np.zeros(3)), input_shape=(3, 3), rng=rng)


class Polynomial(nn.Layer):
    """y = Σₖ cₖ xᵏ, the coefficients a dict of parameters without axes."""

    def __init__(self, rng, degree):
        self.coefficients = {f"c{k}": nn.Parameter(np.array(rng.normal())) for k in range(degree + 1)}

    def forward(self, x):
        self.x = x
        return sum(c.value * x**k for k, c in enumerate(self.coefficients.values()))

    def backward(self, grad):
        for k, c in enumerate(self.coefficients.values()):
            c.grad = (grad * self.x**k).sum()
        return grad * sum(k * c.value * self.x ** (k - 1) for k, c in enumerate(self.coefficients.values()) if k)


@right("a polynomial with its coefficients in a dict")
def _(rng):
    kit.check_layer(Polynomial(rng, 4), input_shape=(3, 2), rng=rng)


# ---- linear algebra and complex numbers inside --------------------------------------------------
class Fourier(nn.Layer):
    """y = (cos x B, sin x B) by exp(i x B), the frequencies B learnt."""

    def __init__(self, rng, features, frequencies):
        self.frequencies = parameter(rng, features, frequencies, scale=3.0)

    def forward(self, x):
        self.x, self.wave = x, np.exp(1j * (x @ self.frequencies.value))
        return np.concatenate([self.wave.real, self.wave.imag], axis=-1)

    def backward(self, grad):
        cosine, sine = np.split(grad, 2, axis=-1)
        angle = ((cosine + 1j * sine) * self.wave.conj()).imag
        self.frequencies.grad = self.x.T @ angle
        return angle @ self.frequencies.value.T


@right("Fourier features by complex numbers")
def _(rng):
    kit.check_layer(Fourier(rng, 2, 3), input_shape=(3, 2), rng=rng)


class Spectral(nn.Layer):
    """y = Re F⁻¹(h · F x): a filter with a learnt factor for each frequency."""

    def __init__(self, rng, features):
        self.filter = parameter(rng, features)

    def forward(self, x):
        self.spectrum = np.fft.fft(x)
        return np.fft.ifft(self.filter.value * self.spectrum).real.astype(x.dtype)

    def backward(self, grad):
        spectrum = np.fft.fft(grad)
        self.filter.grad = over_rows((self.spectrum * spectrum.conj()).real) / grad.shape[-1]
        return np.fft.ifft(self.filter.value * spectrum).real.astype(grad.dtype)


@right("a filter between two Fourier transforms")
def _(rng):
    kit.check_layer(Spectral(rng, 5), input_shape=(3, 5), rng=rng)


@right("cumulative sum over time")
def _(rng):
    layer = Function(lambda x: x.cumsum(axis=1), lambda x, grad: grad[:, ::-1].cumsum(axis=1)[:, ::-1])
    kit.check_layer(layer, input_shape=(2, 4, 2), rng=rng)


@right("mean over time: no parameters, three axes")
def _(rng):
    layer = Function(
        lambda x: x.mean(axis=1), lambda x, grad: np.repeat(grad[:, None], x.shape[1], axis=1) / x.shape[1]
    )
    kit.check_layer(layer, input_shape=(2, 4, 3), rng=rng)


@right("a Gaussian kernel between the rows of a batch")
def _(rng):
    def kernel(x):
        return np.exp(-((x[:, None] - x) ** 2).sum(axis=2))

    def vjp(x, grad):
        g = grad * kernel(x)
        return -2 * ((g + g.T)[:, :, None] * (x[:, None] - x)).sum(axis=1)

    kit.check_layer(Function(kernel, vjp), rng.normal(size=(4, 2)), rng=rng)


@right("distances between the rows of a batch, two of them equal")
def _(rng):
    def distances(x):
        return np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))

    def vjp(x, grad):
        d = distances(x)
        g = (grad + grad.T) / np.where(d == 0, 1, d).astype(x.dtype)
        return (g[:, :, None] * (x[:, None] - x)).sum(axis=1)

    x = rng.normal(size=(4, 2))
    x[3] = x[0]
    kit.check_layer(Function(distances, vjp), x, rng=rng)


class Solve(nn.Layer):
    """y = A⁻¹ x for each row x."""

    def __init__(self, matrix):
        self.matrix = nn.Parameter(matrix)

    def forward(self, x):
        self.y = np.linalg.solve(self.matrix.value, x.T).T
        return self.y

    def backward(self, grad):
        back = np.linalg.solve(self.matrix.value.T, grad.T).T
        self.matrix.grad = -back.T @ self.y
        return back


@right("the solution of linear equations")
def _(rng):
    kit.check_layer(Solve(5 * np.eye(3) + rng.normal(size=(3, 3))), input_shape=(4, 3), rng=rng)


class Equilibrium(nn.Layer):
    """The fixed point z = tanh(z W + x + b), differentiated implicitly; W is fixed."""

    def __init__(self, rng, units):
        weight = rng.normal(size=(units, units))
        self.weight, self.bias = 0.4 * weight / np.linalg.norm(weight, 2), parameter(rng, units)

    def forward(self, x):
        w, self.z = self.weight.astype(x.dtype), np.zeros_like(x)
        for _ in range(45):
            self.z = np.tanh(self.z @ w + x + self.bias.value)
        return self.z

    def backward(self, grad):
        slope = 1 - self.z**2
        w, identity = self.weight.astype(grad.dtype), np.eye(grad.shape[1], dtype=grad.dtype)
        back = slope * np.linalg.solve(identity - w * slope[:, None], grad[..., None])[..., 0]
        self.bias.grad = back.sum(axis=0)
        return back


@right("a fixed point, differentiated implicitly")
def _(rng):
    kit.check_layer(Equilibrium(rng, 2), input_shape=(2, 2), rng=rng)


# ---- scales and domains -------------------------------------------------------------------------
@right("logarithm and square root of positive inputs")
def _(rng):
    x = scales(rng, -6, 3, (3, 4))
    kit.check_layer(elementwise(np.log, lambda x: 1 / x), x, rng=rng)
    kit.check_layer(elementwise(np.sqrt, lambda x: 0.5 / np.sqrt(x)), x, rng=rng)


@right("outputs near 1e-9 and near 1e12")
def _(rng):
    for scale in (1e-9, 1e12):
        layer = elementwise(lambda x, scale=scale: scale * np.sin(x), lambda x, scale=scale: scale * np.cos(x))
        kit.check_layer(layer, input_shape=(3, 4), rng=rng)


class Scales(nn.Layer):
    """y = 1e12 sin(x) + 1e-9 s."""

    def __init__(self, rng):
        self.small = parameter(rng, 3)

    def forward(self, x):
        self.x = x
        return np.concatenate([1e12 * np.sin(x), 1e-9 * np.tile(self.small.value, (len(x), 1))], axis=1)

    def backward(self, grad):
        large, small = np.split(grad, 2, axis=1)
        self.small.grad = 1e-9 * small.sum(axis=0)
        return 1e12 * large * np.cos(self.x)


@right("a derivative of 1e-9 beside one of 1e12")
def _(rng):
    kit.check_layer(Scales(rng), input_shape=(2, 3), rng=rng)


@right("sigmoid(1e4 x)")
def _(rng):
    layer = elementwise(lambda x: sigmoid(1e4 * x), lambda x: 1e4 * sigmoid(1e4 * x) * sigmoid(-1e4 * x))
    kit.check_layer(layer, signs(rng, (2, 3)) * scales(rng, -6, -3, (2, 3)), rng=rng)


@right("saturated tanh and sigmoid, the slope by cancellation")
def _(rng):
    x = signs(rng, (2, 4)) * rng.uniform(15, 25, (2, 4))
    kit.check_layer(elementwise(np.tanh, lambda x: 1 - np.tanh(x) ** 2), x, rng=rng)
    kit.check_layer(elementwise(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))), x, rng=rng)
    kit.check_layer(nn.Tanh(), x, rng=rng)


@right("a wave of a thousand radians")
def _(rng):
    layer = elementwise(lambda x: np.sin(1000 * x), lambda x: 1000 * np.cos(1000 * x))
    kit.check_layer(layer, input_shape=(2, 3), rng=rng)


# ---- containers ---------------------------------------------------------------------------------
@right("Sequential with every kind of activation")
def _(rng):
    activations = nn.ReLU(), nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.SiLU(), nn.Softmax(), nn.SELU(), nn.Softplus()
    model = nn.Sequential(nn.Dense(3, 4), activations[rng.integers(8)], nn.Dense(4, 2), rng=int(rng.integers(1000)))
    kit.check_layer(model, input_shape=(3, 3), rng=rng)


@right("Residual, in float32")
def _(rng):
    model = nn.Residual(nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dense(4, 3), rng=int(rng.integers(1000))))
    kit.check_layer(model, input_shape=(2, 3), rng=rng)


@right("Parallel, concatenated and summed")
def _(rng):
    merge = str(rng.choice(["concatenate", "sum"]))
    layers = nn.Dense(3, 3, rng=1), nn.Sequential(nn.Dense(3, 2, rng=2), nn.Sigmoid(), nn.Dense(2, 3, rng=3))
    kit.check_layer(nn.Parallel(*layers, nn.Identity(), merge=merge), input_shape=(2, 3), rng=rng)


@right("a tree of containers with batch norm and Dropout inside")
def _(rng):
    branch = nn.Sequential(
        nn.Dense(3, 3, rng=1, dtype=np.float64), RunningBatchNorm(rng, 3, (0,)), nn.Dropout(0.3, rng=4)
    )
    kit.check_layer(nn.Sequential(nn.Residual(branch), nn.Dense(3, 2, rng=5, dtype=np.float64)), input_shape=(4, 3))


@right("a ReLU network of which some units are at exactly 0 in a row")
def _(rng):
    x, weight = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
    first = Dense(weight, -x[0] @ weight)
    kit.check_layer(nn.Sequential(first, nn.ReLU()), x, rng=rng)


class Block(nn.Layer):
    """y = W₂ tanh(W₁ x): a layer that keeps its inner layers in a list and skips ∂C/∂x when it may."""

    def __init__(self, seed):
        self.layers = [nn.Dense(3, 4, rng=seed), nn.Tanh(), nn.Dense(4, 2, rng=seed + 1)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def backward_parameters(self, grad):
        for layer in reversed(self.layers[1:]):
            grad = layer.backward(grad)
        self.layers[0].backward_parameters(grad)


@right("a layer made of layers, with a backward_parameters of its own")
def _(rng):
    kit.check_layer(Block(int(rng.integers(1000))), input_shape=(3, 3), rng=rng)


# ---- other people's layers ----------------------------------------------------------------------
class Attributes:
    """W, b beside dW, db, which only backward makes."""

    def __init__(self, rng):
        self.W, self.b = rng.normal(size=(3, 2)), rng.normal(size=2)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW, self.db = self.x.T @ grad, grad.sum(axis=0)
        return grad @ self.W.T


class GradPrefix(Attributes):
    """W, b beside grad_W, grad_b, which hold nothing until backward."""

    grad_W = grad_b = None

    def backward(self, grad):
        self.grad_W, self.grad_b = self.x.T @ grad, grad.sum(axis=0)
        return grad @ self.W.T


class GradSuffix(Attributes):
    """W, b beside W_grad, b_grad, written in place."""

    def __init__(self, rng):
        super().__init__(rng)
        self.W_grad, self.b_grad = np.zeros_like(self.W), np.zeros_like(self.b)

    def backward(self, grad):
        np.matmul(self.x.T, grad, out=self.W_grad)
        np.sum(grad, axis=0, out=self.b_grad)
        return grad @ self.W.T


class Dicts:
    """params["W"] beside grads["W"]."""

    def __init__(self, rng):
        self.params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=(1, 2))}
        self.grads = {}

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.params["W"] + self.params["b"]

    def backward(self, grad):
        self.grads["W"] = self.inputs.T @ grad
        self.grads["b"] = grad.sum(axis=0, keepdims=True)
        return grad @ self.params["W"].T


class Tensor:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Tensors:
    """parameters() gives objects with .data and .grad."""

    def __init__(self, rng):
        self.weight, self.bias = Tensor(rng.normal(size=(3, 2))), Tensor(rng.normal(size=2))

    def parameters(self):
        return [self.weight, self.bias]

    def forward(self, x):
        self.x = x
        return x @ self.weight.data + self.bias.data

    def backward(self, grad):
        self.weight.grad, self.bias.grad = self.x.T @ grad, grad.sum(axis=0)
        return grad @ self.weight.data.T


class Accumulating(Tensors):
    """Adds to the gradients, which zero_grad() sets to 0."""

    def zero_grad(self):
        for tensor in self.parameters():
            tensor.grad = np.zeros_like(tensor.data)

    def backward(self, grad):
        self.weight.grad += self.x.T @ grad
        self.bias.grad += grad.sum(axis=0)
        return grad @ self.weight.data.T


class AccumulatingAttributes(Attributes):
    """The same with dW and db."""

    def __init__(self, rng):
        super().__init__(rng)
        self.zero_grad()

    def zero_grad(self):
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def backward(self, grad):
        self.dW += self.x.T @ grad
        self.db += grad.sum(axis=0)
        return grad @ self.W.T


for _foreign in (Attributes, GradPrefix, GradSuffix, Dicts, Tensors, Accumulating, AccumulatingAttributes):

    @right(f"foreign: {_foreign.__doc__}")
    def _(rng, foreign=_foreign):
        kit.check_layer(foreign(rng), input_shape=(4, 3), rng=rng)


class Unusual(Attributes):
    """Names that nobody would guess."""

    def backward(self, grad):
        self.how_w_matters, self.how_b_matters = self.x.T @ grad, grad.sum(axis=0)
        return grad @ self.W.T


@right("foreign: unusual names that the caller tells")
def _(rng):
    kit.check_layer(Unusual(rng), input_shape=(4, 3), names={"W": "how_w_matters", "b": "how_b_matters"}, rng=rng)


class Transposed:
    """Columns are samples, as in the lecture: z = W a + b."""

    def __init__(self, rng):
        self.W, self.b = rng.normal(size=(2, 3)), rng.normal(size=(2, 1))

    def forward(self, a):
        self.a = a
        return self.W @ a + self.b

    def backward(self, delta):
        self.dW, self.db = delta @ self.a.T, delta.sum(axis=1, keepdims=True)
        return self.W.T @ delta


@right("foreign: samples in columns")
def _(rng):
    kit.check_layer(Transposed(rng), rng.normal(size=(3, 4)), rng=rng)


class ForeignReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


@right("foreign: no parameters")
def _(rng):
    kit.check_layer(ForeignReLU(), near(rng, 0.0, shape=(3, 3)), rng=rng)


@right("two functions with a cache between them")
def _(rng):
    def forward(x, w, b):
        y = np.tanh(x @ w + b)
        return y, (x, w, y)

    def backward(grad, cache):
        x, w, y = cache
        z = grad * (1 - y**2)
        return z @ w.T, x.T @ z, z.sum(axis=0)

    layer = kit.from_callables(forward, backward, {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)})
    kit.check_layer(layer, input_shape=(4, 3), rng=rng)


@right("two functions without a cache")
def _(rng):
    def backward(grad, x, w):
        return grad @ w.T, {"w": x.T @ grad}

    layer = kit.from_callables(lambda x, w: x @ w, backward, {"w": rng.normal(size=(3, 2))})
    kit.check_layer(layer, input_shape=(4, 3), rng=rng)


@right("two functions without parameters")
def _(rng):
    kit.check_layer(kit.from_callables(np.tanh, lambda g, x: g / np.cosh(x) ** 2), input_shape=(4, 3), rng=rng)
    with_cache = kit.from_callables(lambda x: (np.exp(x), np.exp(x)), lambda grad, cache: grad * cache)
    kit.check_layer(with_cache, input_shape=(4, 3), rng=rng)
