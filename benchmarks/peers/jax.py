"""JAX: the step jitted and called per batch, or scanned over a stack of batches.

Weights lie (in, out), as JAX's users write it. The optimizers are written out: they are optax's rules, whose
package the environment need not have.
"""

import functools
from itertools import cycle

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.peers import Training
from benchmarks.samples import samples

#: Floating-point operations of one call under scan, at least: its dispatch then weighs nothing.
CALL_FLOPS = 1e8


def parameters(case):
    return [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in case.parameters()]


def forward(case, params, x):
    """The prediction, or the logits."""
    for w, b in params[:-1]:
        x = x @ w + b
        x = jax.nn.sigmoid(x) if case.head == "sigmoid" else jax.nn.relu(x)
    w, b = params[-1]
    return jax.nn.sigmoid(x @ w + b) if case.head == "sigmoid" else x @ w + b


def cost(case, params, x, y):
    """The mean over the batch; y one-hot."""
    out = forward(case, params, x)
    if case.head == "sigmoid":
        return 0.5 * jnp.sum((out - y) ** 2) / len(x)
    return -jnp.sum(y * jax.nn.log_softmax(out)) / len(x)


def start(case):
    """(parameters, steps taken, moments), what a step hands on."""
    params = parameters(case)
    zeros = jax.tree.map(jnp.zeros_like, params)
    slots = {"sgd": (), "adam": (zeros, jax.tree.map(jnp.zeros_like, params)), "rmsprop": (zeros,)}
    return params, jnp.zeros((), jnp.int32), slots[case.optimizer]


def sgd(rate, params, grads, steps, slots):
    return jax.tree.map(lambda p, g: p - rate * g, params, grads), slots


def adam(rate, params, grads, steps, slots):
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, slots[0], grads)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, slots[1], grads)
    fix, fix_square = 1 - 0.9**steps, 1 - 0.999**steps

    def move(p, m, v):
        return p - rate * (m / fix) / (jnp.sqrt(v / fix_square) + 1e-8)

    return jax.tree.map(move, params, mean, square), (mean, square)


def rmsprop(rate, params, grads, steps, slots):
    square = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, slots[0], grads)
    move = jax.tree.map(lambda p, g, v: p - rate * g / (jnp.sqrt(v) + 1e-8), params, grads, square)
    return move, (square,)


RULES = {"sgd": sgd, "adam": adam, "rmsprop": rmsprop}


def step(case, state, batch):
    """One training step -> (state, cost), in the form that lax.scan wants."""
    params, steps, slots = state
    value, grads = jax.value_and_grad(functools.partial(cost, case))(params, *batch)
    steps = steps + 1
    params, slots = RULES[case.optimizer](case.learning_rate, params, grads, steps, slots)
    return (params, steps, slots), value


def training(case, kind):
    pool = [(jnp.asarray(x), jnp.asarray(case.one_hot(labels))) for x, labels in case.batches()]
    return (scanned if kind == "scan" else stepped)(case, pool)


def stepped(case, pool):
    """One jitted call a step."""
    one = jax.jit(functools.partial(step, case), donate_argnums=0)
    state, turns = start(case), cycle(pool)

    def burst(steps):
        nonlocal state
        for _ in range(steps):
            state, value = one(state, next(turns))
        if steps:
            value.block_until_ready()
            jax.block_until_ready(state)

    return Training(burst, lambda: float(cost(case, state[0], *pool[0])))


def scanned(case, pool):
    """One jitted call scans the pool's batches, small ones several times over."""
    stack = tuple(jnp.stack(arrays) for arrays in zip(*pool, strict=True))
    body = functools.partial(step, case)
    turns = max(1, min(64, round(CALL_FLOPS / (case.flops * len(pool)))))

    @functools.partial(jax.jit, donate_argnums=0)
    def scan(state, stack):
        return lax.scan(body, state, stack)

    @functools.partial(jax.jit, donate_argnums=0)
    def scans(state, stack):
        return lax.scan(lambda state, _: lax.scan(body, state, stack), state, length=turns)

    state, stride = start(case), turns * len(pool)

    def burst(steps):
        nonlocal state
        for _ in range(steps // stride):
            state, _ = scans(state, stack)
        for _ in range(steps % stride // len(pool)):
            state, _ = scan(state, stack)
        if rest := steps % len(pool):
            state, _ = scan(state, tuple(array[:rest] for array in stack))
        jax.block_until_ready(state)

    return Training(burst, lambda: float(cost(case, state[0], *pool[0])), stride)


def epoch(case, rows, kind):
    """Fed by a random permutation: rows gathered within the scan, or before each jitted step."""
    x, labels = samples(case, rows)
    x, y = jnp.asarray(x), jnp.asarray(case.one_hot(labels))
    count = rows // case.batch
    state, key = start(case), jax.random.key(0)

    def picked(state, chosen):
        return step(case, state, (x[chosen], y[chosen]))

    @functools.partial(jax.jit, donate_argnums=0)
    def whole(state, key):
        order = jax.random.permutation(key, rows)[: count * case.batch]
        return lax.scan(picked, state, order.reshape(count, case.batch))[0]

    one = jax.jit(picked, donate_argnums=0)

    def stepwise(state, key):
        for chosen in np.asarray(jax.random.permutation(key, rows)[: count * case.batch]).reshape(count, case.batch):
            state, _ = one(state, chosen)
        return state

    def burst(epochs):
        nonlocal state, key
        for _ in range(epochs):
            key, used = jax.random.split(key)
            state = (whole if kind == "scan" else stepwise)(state, used)
        jax.block_until_ready(state)

    return Training(burst, lambda: float(cost(case, state[0], x, y)), first=1)


def prediction(case, rows, kind):
    """Jitted forward; there is nothing to scan."""
    params = parameters(case)
    x = jnp.asarray(np.random.default_rng(0).random((rows, case.widths[0]), np.float32))
    predict = jax.jit(functools.partial(forward, case))

    def burst(count):
        for _ in range(count):
            out = predict(params, x)
            out.block_until_ready()

    return Training(burst, lambda: float(forward(case, params, x[:1]).sum()))
