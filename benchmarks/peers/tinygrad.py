"""tinygrad on the CPU, the whole step under TinyJit."""

from itertools import cycle

import numpy as np
from tinygrad import Context, Tensor, TinyJit, nn

from benchmarks.peers import NotOffered, Training


def parameters(case):
    """[weight, bias, …] with gradients, weights (out, in)."""
    return [Tensor(array).is_param_() for pair in case.parameters() for array in pair]


def forward(case, params, x):
    """The prediction, or the logits."""
    for k in range(0, len(params), 2):
        x = x.linear(params[k].transpose(), params[k + 1])
        if case.head == "sigmoid":
            x = x.sigmoid()
        elif k + 2 < len(params):
            x = x.relu()
    return x


def cost(case, params, x, y):
    out = forward(case, params, x)
    if case.head == "sigmoid":
        return ((out - y) ** 2).sum() * (0.5 / x.shape[0])
    return out.sparse_categorical_crossentropy(y)


def training(case):
    if case.optimizer == "rmsprop":
        raise NotOffered("tinygrad has no RMSprop")
    params = parameters(case)
    rule = {"sgd": nn.optim.SGD, "adam": nn.optim.Adam}[case.optimizer]
    optimizer = rule(params, lr=case.learning_rate)
    pool = [(Tensor(x).realize(), Tensor(np.asarray(case.targets(labels))).realize()) for x, labels in case.batches()]
    turns = cycle(pool)

    @TinyJit
    def step(x, y):
        optimizer.zero_grad()
        value = cost(case, params, x, y).backward()
        return value.realize(*optimizer.schedule_step())

    def burst(steps):
        with Context(TRAINING=1):
            for _ in range(steps):
                value = step(*next(turns))
            if steps:
                value.item()

    return Training(burst, lambda: cost(case, params, *pool[0]).item())


def prediction(case, rows):
    params = parameters(case)
    x = Tensor(np.random.default_rng(0).random((rows, case.widths[0]), np.float32)).realize()
    predict = TinyJit(lambda x: forward(case, params, x).realize())

    def burst(count):
        for _ in range(count):
            out = predict(x)
        if count:
            out.numpy()

    return Training(burst, lambda: float(forward(case, params, x[:1]).numpy().sum()))
