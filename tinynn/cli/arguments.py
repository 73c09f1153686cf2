"""What can be asked for on the command line, its defaults, and the ranges that values must lie in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

import tinynn as nn
from tinynn._arguments import number
from tinynn.cli.choices import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS

PROGRAM = "python -m tinynn"
EXAMPLES = f"""examples:
  {PROGRAM} train
      Nielsen's 784-30-10 on MNIST, to about 95 %
  {PROGRAM} train --hidden 100 --train-size 50000
      his second network, on as many images as he used
  {PROGRAM} train --hidden 100 --activation relu --initializer he_normal --loss cross-entropy --optimizer adam
      what one would take today
  {PROGRAM} train --data digits
      the small digits, in a second
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; --help is there for the rest."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults after each option that has a plain one, examples line by line."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return super()._get_help_string(action) if action.default else action.help


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = _Parser(prog=PROGRAM, description="Small neural networks on NumPy, every derivative by hand.")
    top.add_argument("--version", action="version", version=f"tinynn {nn.__version__}")
    commands = top.add_subparsers(dest="command", metavar="command", title="commands")
    train = commands.add_parser(
        "train",
        usage=f"{PROGRAM} train [options]",
        help="train a network to read handwritten digits",
        description="Train a network to read handwritten digits. As it stands this is the network of Nielsen's\n"
        "Neural Networks and Deep Learning, chapter 1: 784-30-10 sigmoid neurons, quadratic cost,\n"
        "mini-batches of 10, learning rate 3.0, 30 epochs. Ctrl-C stops early and keeps what was learnt.",
        epilog=EXAMPLES,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    _add_data(train.add_argument_group("data"))
    _add_network(train.add_argument_group("network"))
    _add_training(train.add_argument_group("training"))
    _add_output(train.add_argument_group("output"))
    return top


def _add_data(group: Any) -> None:
    group.add_argument("--data", choices=("mnist", "digits"), default="mnist", help="which images")
    group.add_argument(
        "--train-size",
        type=_whole(1),
        metavar="N",
        help="learn from the first N training images alone; 50000 as in the book (default: all)",
    )


def _add_network(group: Any) -> None:
    group.add_argument(
        "--hidden",
        type=_widths,
        default="30",
        metavar="N[,N…]",
        help="neurons of each hidden layer; 0 for none",
    )
    group.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default="sigmoid",
        metavar="NAME",
        help=f"of the hidden layers: {', '.join(ACTIVATIONS)}",
    )
    group.add_argument(
        "--initializer",
        choices=INITIALIZERS,
        default="nielsen",
        metavar="NAME",
        help=f"how weights start: {', '.join(INITIALIZERS)}",
    )
    group.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="of all numbers")


def _add_training(group: Any) -> None:
    group.add_argument(
        "--loss",
        choices=LOSSES,
        default="mse",
        help="mse puts a sigmoid on the outputs, the cross-entropies apply softmax or sigmoid themselves",
    )
    group.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        default="sgd",
        metavar="NAME",
        help=f"one of {', '.join(OPTIMIZERS)}",
    )
    group.add_argument(
        "--learning-rate",
        type=_number("above 0", lambda value: value > 0),
        metavar="RATE",
        help="η (default: for sgd 3.0 with mse and 0.5 with the cross-entropies, else the optimizer's own)",
    )
    group.add_argument(
        "--momentum",
        type=_number("at least 0 and below 1", lambda value: 0 <= value < 1),
        metavar="M",
        help="of sgd and rmsprop (default: 0)",
    )
    group.add_argument(
        "--weight-decay",
        type=_number("at least 0", lambda value: value >= 0),
        metavar="LAMBDA",
        help="L2 penalty; decoupled for adamw (default: the optimizer's own)",
    )
    group.add_argument("--epochs", type=_whole(1), default=30, metavar="N", help="passes over the data")
    group.add_argument("--batch-size", type=_whole(1), default=10, metavar="N", help="images a step")
    group.add_argument("--seed", type=_whole(0), default=0, metavar="N", help="of weights and batches (default: 0)")


def _add_output(group: Any) -> None:
    group.add_argument(
        "--output",
        metavar="DIR",
        help="where model, history and mistakes go (default: a new directory in runs/)",
    )
    group.add_argument("--quiet", action="store_true", help="print the result alone")


def _whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least`."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, got {text!r}")
        return value

    return read


def _number(what: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    """A reader of finite numbers in the range that `fits` accepts and `what` names."""

    def read(text: str) -> float:
        try:
            value = number("", float(text))
        except ValueError:  # InvalidValueError is one
            value = None
        if value is None or not fits(value):
            raise argparse.ArgumentTypeError(f"must be a number {what}, got {text!r}")
        return value

    return read


def _widths(text: str) -> tuple[int, ...]:
    """ "100,50" as (100, 50); "0" and "" as ()."""
    if text.strip() in ("", "0"):
        return ()
    read = _whole(1)
    try:
        return tuple(read(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"must be whole numbers with commas between, such as 100,50, or 0, got {text!r}"
        ) from None
