"""Eight threads predict from one model in evaluation mode; each result is that of one thread alone, bit for bit."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from cases import LAYERS
from faults import parts
from faults.report import Rows, Say, fail, silent

import tinynn as nn

THREADS = 8
#: Rows of an input: one, a few, more than one batch, more numbers than a chain keeps a prediction for.
ROWS = (1, 3, 100, 1500)


class Subject(NamedTuple):
    """A model with inputs and the outputs that one thread alone computes for them."""

    name: str
    model: nn.Layer
    inputs: list[np.ndarray]
    expected: list[bytes]


def run(scale: float, say: Say) -> Rows:
    """A minute at full scale, half of it beside threads that evaluate through a trainer."""
    found = campaign(60 * scale, say)
    return [
        ("models that 8 threads shared, each layer among them", f"{found['models']:,}"),
        ("predictions of 8 threads compared with those of one", f"{found['predictions']:,}"),
        ("evaluations of a trainer meanwhile", f"{found['evaluations']:,}"),
        ("results that differed in any bit, exceptions", "0, 0"),
    ]


def campaign(seconds: float, say: Say = silent) -> Counter[str]:
    """Predict for so long; how often."""
    shared = subjects()
    found = Counter(models=len(shared))
    for k, evaluating in enumerate((False, True)):
        say(f"threads: {found['predictions']:,} predictions")
        found += together(shared, time.monotonic() + seconds / 2, evaluating, seed=THREADS * k)
    return found


def subjects() -> list[Subject]:
    """Every layer of the law tests, and whole networks of small and large products."""
    layers = [(str(row), row.make(), row.sample) for row in LAYERS]
    wide = nn.Sequential(nn.Dense(784, 512), nn.ReLU(), nn.Residual(nn.Dense(512, 512)), nn.Dense(512, 10), rng=1)
    deep = nn.Sequential(
        *(nn.Dense(20, 30), nn.GELU(), nn.Dropout(0.5), nn.Parallel(nn.Dense(30, 5), nn.Softplus())),
        *(nn.Dense(35, 10), nn.Softmax()),
        rng=1,
    )
    models = [*layers, ("wide", wide, (784,)), ("deep", deep, (20,)), ("double", parts.network(nn.Tanh()), (20,))]
    models[-1][1].astype(np.float64)
    return [subject(*each) for each in models]


def subject(name: str, model: nn.Layer, sample: tuple[int, ...]) -> Subject:
    """The model in evaluation mode, with what it gives when nobody else is there."""
    rng = np.random.default_rng(3)
    dtype = model.dtype or np.float32
    inputs = [rng.normal(size=(rows, *sample)).astype(dtype) for rows in ROWS]
    model.eval()
    return Subject(name, model, inputs, [model.predict(x).tobytes() for x in inputs])


def together(shared: list[Subject], end: float, evaluating: bool, seed: int) -> Counter[str]:
    """All threads until the end; what went wrong in one of them is raised here."""
    tally, wrong = Counter[str](), []
    start = threading.Barrier(THREADS + evaluating)

    def work(function: Callable[[], str]) -> None:
        mine = Counter[str]()
        try:
            start.wait()
            mine[function()] += 1
            while time.monotonic() < end and not wrong:
                mine[function()] += 1
        except BaseException as error:
            wrong.append(error)
        with lock:
            tally.update(mine)

    lock = threading.Lock()
    work_of = [predicting(shared, random.Random(seed + k)) for k in range(THREADS)]
    work_of += [evaluating_through_trainers(shared)] if evaluating else []
    threads = [threading.Thread(target=work, args=(function,)) for function in work_of]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if wrong:
        raise wrong[0]
    return tally


def predicting(shared: list[Subject], draw: random.Random) -> Callable[[], str]:
    """A thread's work: any model, any of its inputs, whole or in batches; and one's own copy of the result."""

    def one() -> str:
        subject = draw.choice(shared)
        k = draw.randrange(len(ROWS))
        y = subject.model.predict(subject.inputs[k])
        if y.tobytes() != subject.expected[k]:
            fail(f"{subject.name}: {ROWS[k]} rows: other bits than alone")
        y[...] = 0  # the caller's own: nobody else sees it
        return "predictions"

    return one


def evaluating_through_trainers(shared: list[Subject]) -> Callable[[], str]:
    """Another thread's work: evaluate and predict as a Trainer does, on the same models."""
    trainers = []
    for each in shared:
        if each.name in ("wide", "deep", "double"):
            trainer = nn.Trainer(each.model, nn.MSE(), nn.SGD(each.model), metrics=[nn.R2()])
            data: tuple[Any, Any] = (each.inputs[3], np.zeros((ROWS[3], 10), each.inputs[3].dtype))
            # Packing the parameters may have changed how they lie in memory, and so the order of sums.
            each.expected[:] = [each.model.predict(x).tobytes() for x in each.inputs]
            trainers.append((each, trainer, data, trainer.evaluate(*data, batch_size=700)))
    turn = 0

    def one() -> str:
        nonlocal turn
        turn += 1
        each, trainer, data, expected = trainers[turn % len(trainers)]
        if trainer.evaluate(*data, batch_size=700) != expected:
            fail(f"{each.name}: evaluate gave other figures than alone")
        if trainer.predict(each.inputs[0]).tobytes() != each.expected[0]:
            fail(f"{each.name}: a trainer predicts other bits")
        return "evaluations"

    return one
