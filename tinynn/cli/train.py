"""The main job: build what was asked for, train it, keep what was learnt, say how good it is."""

from __future__ import annotations

import datetime
import itertools
import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinynn as nn
from tinynn import data
from tinynn.cli import mistakes
from tinynn.cli.choices import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS
from tinynn.errors import InvalidValueError
from tinynn.metrics import Accuracy
from tinynn.storage.atomic import replacing
from tinynn.training import Trainer

if TYPE_CHECKING:
    from argparse import Namespace

    from tinynn._arrays import Array

CLASSES = 10
DIGITS_TEST_SHARE = 0.2


class Data(NamedTuple):
    """Images (n, pixels) and labels (n,), to learn from and to be judged by."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


def train(options: Namespace) -> bool:
    """Train as `options` say and write everything into the output directory; True if Ctrl-C came.

    Raises: TinynnError or OSError for what cannot be done; KeyboardInterrupt if Ctrl-C comes again.
    """
    images = load(options)
    for_model, for_batches = np.random.default_rng(options.seed).spawn(2)
    model = build_model(options, images.x_train.shape[1], for_model)
    trainer = build_trainer(options, model)
    target_train, target_test = targets(options, images.y_train), targets(options, images.y_test)
    batches = nn.Batches(images.x_train, target_train, batch_size=options.batch_size, rng=for_batches)
    directory = make_directory(options)
    if not options.quiet:
        print(describe(options, images, trainer), flush=True)
    interrupted = False
    try:
        trainer.fit(batches, options.epochs, (images.x_test, target_test), progress=not options.quiet)
    except KeyboardInterrupt:
        interrupted = True
        note = "keeping what was learnt; Ctrl-C again drops it"
        print(f"interrupted after {len(trainer.history)} whole epochs: {note}", file=sys.stderr, flush=True)
    nn.save(model, directory / "model.npz")
    report(options, trainer, images, trainer.evaluate(images.x_test, target_test), directory)
    return interrupted


def load(options: Namespace) -> Data:
    """The images that were asked for. The test part of the small digits is the same for every seed."""
    if options.data == "mnist":
        (x_train, y_train), (x_test, y_test) = data.load_mnist(dtype=options.dtype)
    else:
        x, y = data.load_digits(dtype=options.dtype)
        x_train, x_test, y_train, y_test = data.train_test_split(x, y, test_size=DIGITS_TEST_SHARE, stratify=y, rng=0)
    size = options.train_size
    if size is not None and size > len(x_train):
        raise InvalidValueError(f"--train-size: {options.data} has {len(x_train)} training images, got {size}")
    return Data(x_train[:size], y_train[:size], x_test, y_test)


def build_model(options: Namespace, pixels: int, rng: np.random.Generator) -> nn.Sequential:
    """Dense layers with activations between; on the outputs a sigmoid under mse, nothing under a loss on logits."""
    weights = INITIALIZERS[options.initializer]
    biases = weights if options.initializer.startswith("nielsen") else nn.initializers.zeros
    model = nn.Sequential()
    widths = (pixels, *options.hidden, CLASSES)
    for inputs, outputs in itertools.pairwise(widths):
        if len(model):
            model.append(ACTIVATIONS[options.activation]())
        model.append(
            nn.Dense(inputs, outputs, weight_initializer=weights, bias_initializer=biases, dtype=options.dtype)
        )
    if options.loss == "mse":
        model.append(nn.Sigmoid())
    model.initialize(rng)
    return model


def build_trainer(options: Namespace, model: nn.Sequential) -> Trainer:
    """Loss and optimizer with what was asked for; the rest as their own defaults have it."""
    make_loss, book_rate = LOSSES[options.loss]
    asked = {name: getattr(options, name) for name in ("learning_rate", "momentum", "weight_decay")}
    settings = {name: value for name, value in asked.items() if value is not None}
    if options.optimizer == "sgd":
        settings.setdefault("learning_rate", book_rate)
    if "momentum" in settings and options.optimizer not in ("sgd", "rmsprop"):
        raise InvalidValueError(f"--momentum is for sgd and rmsprop, {options.optimizer} has none to set")
    return Trainer(model, make_loss(), OPTIMIZERS[options.optimizer](model, **settings), metrics=[Accuracy()])


def targets(options: Namespace, labels: Array) -> Array:
    """Labels for softmax, a desired value for each output otherwise."""
    return labels if options.loss == "cross-entropy" else data.one_hot(labels, CLASSES, dtype=options.dtype)


def make_directory(options: Namespace) -> Path:
    """The output directory, made before training so that a bad path does not cost a minute."""
    if options.output is not None:
        directory = Path(options.output)
    else:
        now = datetime.datetime.now().strftime("%Y-%m-%d_%H%M%S")
        directory = Path("runs", "-".join([now, options.data, *map(str, options.hidden)]))
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidValueError(f"--output: cannot make the directory {directory}: {error.strerror}") from None
    return directory


def describe(options: Namespace, images: Data, trainer: Trainer) -> str:
    """What is about to be trained, on what."""
    return (
        f"{options.data}: {len(images.x_train):,} images to learn from, {len(images.x_test):,} to be judged by\n"
        f"{trainer.model}\n"
        f"{trainer.loss}, {options.optimizer}, learning rate {trainer.optimizer.rate():g}, "
        f"batches of {options.batch_size}, seed {options.seed}"
    )


def report(options: Namespace, trainer: Trainer, images: Data, result: dict[str, Any], directory: Path) -> None:
    """Say the result; write history and mistakes."""
    wrong = mistakes.find(options.loss, trainer.predict(images.x_test), images.y_test)
    seconds = sum(trainer.history["seconds"]) if len(trainer.history) else 0.0
    run = {
        "versions": {"tinynn": nn.__version__, "numpy": np.__version__, "python": platform.python_version()},
        "options": {name: value for name, value in vars(options).items() if name != "command"},
        "model": repr(trainer.model),
        "history": trainer.history.to_dict(),
        "test": result,
    }
    with replacing(directory / "history.json") as stream:
        stream.write(json.dumps(run, indent=1).encode())
    with replacing(directory / "mistakes.txt") as stream:
        stream.write(mistakes.as_text(wrong, images.x_test).encode())
    names, hint = ["model.npz", "history.json", "mistakes.txt"], ""
    try:
        from tinynn.plots import draw_mistakes

        with replacing(directory / "mistakes.png") as stream:
            draw_mistakes(stream, *mistakes.for_plot(wrong, images.x_test))
        names.append("mistakes.png")
    except ImportError:
        hint = '; for mistakes.png too:  pip install "tinynn-numpy[plots]"'
    print(
        f"test accuracy {100 * result['accuracy']:.2f} % ({len(wrong.rows):,} of {len(images.y_test):,} wrong), "
        f"cost {result['cost']:.4f}, after {len(trainer.history)} epochs in {seconds:.1f} s of training"
    )
    print(f"wrote {', '.join(names)} into {directory}{hint}", flush=True)
