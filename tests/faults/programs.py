"""Training runs of many kinds, as a user's program would set them up, to be killed and started again.

Run as a program it is one of them: it resumes, trains to the end and writes what came out.

    python tests/faults/programs.py KIND DIRECTORY RESULT
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from faults import parts
from faults.report import plant_mistake
from own_parts import Drift, Jittered

import tinynn as nn
from tinynn.training import state

CSV = "history.csv"


@dataclass
class Program:
    """A trainer with the directory of its checkpoints, and what its `fit` is given."""

    trainer: nn.Trainer
    batches: Any
    epochs: int
    validation: Any = None


def mini_batches(directory):
    """The lecture's: sigmoid neurons, quadratic cost, a checkpoint an epoch."""
    x, labels = parts.data(300)
    model = nn.Sequential(nn.Dense(20, 30), nn.Sigmoid(), nn.Dense(30, 10), nn.Sigmoid(), rng=1)
    callbacks = [nn.CSVLogger(directory / CSV), nn.Checkpoint(directory, keep=2)]
    trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.5, momentum=0.9), callbacks=callbacks)
    return Program(trainer, nn.Batches(x, nn.one_hot(labels, 10), 10, rng=2), 80)


def true_sgd(directory):
    """One sample a step, in float64, with a metric; the checkpoints lie in the middle of epochs."""
    x, labels = parts.data(150, dtype=np.float64)
    model = parts.network(nn.Tanh(), dtype=np.float64)
    callbacks = [nn.Checkpoint(directory, every_steps=37, keep=2, best="accuracy"), nn.CSVLogger(directory / CSV)]
    trainer = nn.Trainer(
        model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.01), metrics=[nn.Accuracy()], callbacks=callbacks
    )
    return Program(trainer, nn.Batches(x, labels, 1, rng=2), 30)


def early_stopping(directory):
    """Dropout, clipping, metrics, an average of the parameters, and an end before the epochs are over."""
    x, labels = parts.data(230)
    model = parts.network(nn.ReLU(), nn.Dropout(0.3))
    trainer = nn.Trainer(
        model,
        nn.SoftmaxCrossEntropy(),
        nn.Adam(model, 0.003),
        metrics=[nn.Accuracy(), nn.ConfusionMatrix(10)],
        callbacks=[
            nn.EarlyStopping(patience=6),
            nn.ExponentialMovingAverage(0.9, apply=False),
            nn.CSVLogger(directory / CSV),
            nn.Checkpoint(directory, every_steps=5, keep=2, best="validation_accuracy"),
        ],
        clip_norm=0.5,
        clip_value=0.1,
    )
    return Program(trainer, nn.Batches(x[:200], labels[:200], 8, drop_last=True, rng=2), 60, (x[200:], labels[200:]))


def one_generator(directory):
    """One generator draws the initial weights, the dropout masks and the order of the samples."""
    x, labels = parts.data(300)
    rng = np.random.default_rng(5)
    model = nn.Sequential(nn.Dense(20, 30), nn.GELU(), nn.Dropout(0.2, rng=rng), nn.Dense(30, 10), rng=rng)
    callbacks = [nn.ExponentialMovingAverage(0.99), nn.Checkpoint(directory, every_steps=4, keep=2)]
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.NAdam(model), callbacks=callbacks)
    return Program(trainer, nn.Batches(x, labels, 10, rng=rng), 12)


def accumulated(directory):
    """Several batches make one step, which a checkpoint may cut through; the rate falls on plateaus."""
    x, labels = parts.data(200)
    model = parts.network(nn.SiLU(), nn.Dropout(0.2))
    loss = nn.SoftmaxCrossEntropy(class_weights=np.linspace(0.5, 2.0, 10))
    callbacks = [
        nn.ReduceOnPlateau("cost", patience=1),
        nn.CSVLogger(directory / CSV),
        nn.Checkpoint(directory, every_steps=1, keep=2),
    ]
    optimizer = nn.RMSprop(model, 0.01, momentum=0.5, centered=True)
    trainer = nn.Trainer(model, loss, optimizer, accumulate=3, callbacks=callbacks)
    return Program(trainer, nn.Batches(x, labels, 7, rng=2), 30)


def schedules(directory):
    """Groups with rates of their own, schedules of ours and of the user's, and a log of them."""
    x, labels = parts.data(300)
    model = parts.network(
        nn.Residual(nn.Sequential(nn.Dense(30, 30), nn.ELU())), nn.Parallel(nn.Tanh(), nn.Dense(30, 15))
    )
    model = nn.Sequential(*model[:-1], nn.Dense(45, 10), rng=1)
    middle = [*model[1].parameters(), *model[2].parameters()]
    groups = [
        {"parameters": model[0], "learning_rate": nn.schedules.cosine(0.01, 400, warmup=30)},
        {"parameters": middle, "weight_decay": 0.01, "learning_rate": lambda step: 0.01 / (1 + step)},
        {"parameters": model[3]},
    ]
    callbacks = [
        nn.LearningRateLogger(),
        nn.GradientMonitor(),
        nn.StochasticWeightAveraging(3),
        nn.Checkpoint(directory, every_steps=6, keep=2, best="cost"),
    ]
    optimizer = nn.AdamW(groups, nn.schedules.exponential(0.01, 0.99))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer, callbacks=callbacks)
    return Program(trainer, nn.Batches(x, labels, 20, rng=2), 30)


def own_parts(directory):
    """A layer, batches and a callback of one's own, each with a generator."""
    x, labels = parts.data(200)
    model = parts.network(Drift(30), nn.Tanh())
    callbacks = [parts.Lottery(), nn.Checkpoint(directory, every_steps=3, keep=2)]
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.RAdam(model), metrics=[nn.Accuracy()], callbacks=callbacks)
    return Program(trainer, Jittered(x, labels, 10, rng=2), 15)


def list_of_pairs(directory):
    """A source that is no Batches, and checkpoints every other epoch."""
    x, labels = parts.data(300)
    model = parts.network(nn.LeakyReLU())
    callbacks = [nn.Checkpoint(directory, every_epochs=2, keep=2, best="validation_cost")]
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Lion(model, 0.001), callbacks=callbacks)
    pairs = [(x[k : k + 10], labels[k : k + 10]) for k in range(0, 300, 10)]
    return Program(trainer, pairs, 80, (x, labels))


def wide(directory):
    """Products and updates that are shared out to two threads, and checkpoints of 8 MB after every step."""
    x, labels = parts.data(256, features=784)
    model = nn.Sequential(nn.Dense(784, 640), nn.ReLU(), nn.Dense(640, 256), nn.ReLU(), nn.Dense(256, 10), rng=1)
    callbacks = [nn.Checkpoint(directory, every_steps=1, keep=2, best="cost")]
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(model), callbacks=callbacks)
    return Program(trainer, nn.Batches(x, labels, 64, rng=2), 5)


KINDS: dict[str, Callable[[Path], Program]] = {
    each.__name__: each
    for each in (
        *(mini_batches, true_sgd, early_stopping, one_generator, accumulated),
        *(schedules, own_parts, list_of_pairs, wide),
    )
}


def main(kind: str, directory: str, result: str) -> None:
    """What a user writes, from `resume` on, and the result, as other means than tinynn's write it."""
    program = KINDS[kind](Path(directory))
    program.trainer.resume(directory)
    print("training", flush=True)
    program.trainer.fit(program.batches, program.epochs, program.validation, progress=False)
    with open(result, "wb") as file:
        pickle.dump(outcome(program.trainer, Path(directory)), file)


def outcome(trainer: nn.Trainer, directory: Path) -> dict[str, Any]:
    """All that must be the same however often the run was killed, and times, which may differ."""
    csv = directory / CSV
    return {
        "state": state.capture(trainer),
        "stop_reason": trainer.stop_reason,
        "averages": [each.average for each in trainer.callbacks if hasattr(each, "average")],
        "best": [(each.best, each.best_epoch) for each in trainer.callbacks if hasattr(each, "best_epoch")],
        "csv": csv.read_text() if csv.exists() else None,
        "files": sorted(os.listdir(directory)),
    }


if __name__ == "__main__":
    plant_mistake()
    main(*sys.argv[1:])
