"""MNIST with JAX: one jitted call scans over a quarter of an epoch, its rows gathered within; see recipe.py.

Adam is written out: it is optax's rule, whose package need not be there.
"""

import functools
import sys

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.recipe import BATCH, EPOCHS, PART, RATE, WIDTHS, read_mnist, say, say_accuracy


def initialize(key):
    inputs, hidden, classes = WIDTHS
    glorot, keys = jax.nn.initializers.glorot_uniform(), jax.random.split(key)
    return [
        (glorot(keys[0], (inputs, hidden)), jnp.zeros(hidden)),
        (glorot(keys[1], (hidden, classes)), jnp.zeros(classes)),
    ]


def forward(params, x):
    (w1, b1), (w2, b2) = params
    return jax.nn.relu(x @ w1 + b1) @ w2 + b2


def cost(params, x, y):
    log_p = jax.nn.log_softmax(forward(params, x))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def adam(params, grads, steps, mean, square):
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, grads)
    fix, fix_square = 1 - 0.9**steps, 1 - 0.999**steps

    def move(p, m, v):
        return p - RATE * (m / fix) / (jnp.sqrt(v / fix_square) + 1e-8)

    return jax.tree.map(move, params, mean, square), mean, square


@functools.partial(jax.jit, donate_argnums=0)
def train(state, x, y, order):
    """Steps on the rows that `order` (PART, BATCH) names."""

    def step(state, chosen):
        params, steps, mean, square = state
        grads = jax.grad(cost)(params, x[chosen], y[chosen])
        params, mean, square = adam(params, grads, steps + 1, mean, square)
        return (params, steps + 1, mean, square), None

    return lax.scan(step, state, order)[0]


@jax.jit
def accuracy(params, x, y):
    return (forward(params, x).argmax(axis=1) == y).mean()


def main(seed=0, epochs=EPOCHS):
    say("imported")
    x_train, y_train, x_test, y_test = map(jnp.asarray, read_mnist())
    say("read")
    key, start = jax.random.split(jax.random.key(seed))
    params = initialize(start)
    state = params, 0, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
    for epoch in range(epochs):
        key, drawn = jax.random.split(key)
        order = jax.random.permutation(drawn, len(x_train)).reshape(-1, PART, BATCH)
        for k, part in enumerate(order, start=1):
            state = train(state, x_train, y_train, part)
            say_accuracy(epoch, k * PART, accuracy(state[0], x_test, y_test))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
