"""What can be asked for on the command line, its defaults, and the ranges that values must lie in."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

import tinynn as nn
from tinynn.cli.choices import ACTIVATIONS, BENCH_RATES, INITIALIZERS, LOSSES, OPTIMIZERS
from tinynn.cli.networks import NETWORKS
from tinynn.cli.readers import choices, keywords, names, networks, number, sequence, shape, whole, widths

PROGRAM = "python -m tinynn"
TRAIN_EXAMPLES = f"""examples:
  {PROGRAM} train
      Nielsen's 784-30-10 on MNIST, to about 95 %
  {PROGRAM} train --hidden 100 --train-size 50000
      his second network, on as many images as he used
  {PROGRAM} train --hidden 100 --activation relu --initializer he_normal --loss cross-entropy --optimizer adam
      what one would take today
  {PROGRAM} train --data digits
      the small digits, in a second
"""
GRADCHECK_EXAMPLES = f"""examples:
  {PROGRAM} gradcheck mylayers.py:Scale --args 3 --shape 5,3
      the class Scale of a file, built as Scale(3), on batches of five rows of three numbers
  {PROGRAM} gradcheck tinynn:Dense --args 3,4 --kwargs '{{"bias": false}}' --strict --seeds 10
      tinynn's own laws as well, and all of it ten times
  {PROGRAM} gradcheck mypackage.losses
      every layer, loss and optimizer of a module that can be built without arguments
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
        epilog=TRAIN_EXAMPLES,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    _add_data(train.add_argument_group("data"))
    _add_network(train.add_argument_group("network"))
    _add_training(train.add_argument_group("training"))
    _add_output(train.add_argument_group("output"))
    gradcheck = commands.add_parser(
        "gradcheck",
        usage=f"{PROGRAM} gradcheck MODULE[:CLASS] [options]",
        help="check the hand-written derivatives of layers, losses and optimizers",
        description="Check derivatives written by hand against differences, and the laws of layers, losses and\n"
        "optimizers. The exit code is 0 if all is right, 1 if not, and 2 if nothing could be checked.",
        epilog=GRADCHECK_EXAMPLES,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    _add_gradcheck(gradcheck)
    bench = commands.add_parser(
        "bench",
        usage=f"{PROGRAM} bench [options]",
        help="measure training steps on this machine, in a minute",
        description="How long a training step takes on this machine, beside its matrix products alone.",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    _add_bench(bench)
    return top


def _add_data(group: Any) -> None:
    group.add_argument("--data", choices=("mnist", "digits"), default="mnist", help="which images")
    group.add_argument(
        "--train-size",
        type=whole(1),
        metavar="N",
        help="learn from the first N training images alone; 50000 as in the book (default: all)",
    )


def _add_network(group: Any) -> None:
    group.add_argument(
        "--hidden",
        type=widths,
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
        type=number("above 0", lambda value: value > 0),
        metavar="RATE",
        help="η (default: for sgd 3.0 with mse and 0.5 with the cross-entropies, else the optimizer's own)",
    )
    group.add_argument(
        "--momentum",
        type=number("at least 0 and below 1", lambda value: 0 <= value < 1),
        metavar="M",
        help="of sgd and rmsprop (default: 0)",
    )
    group.add_argument(
        "--weight-decay",
        type=number("at least 0", lambda value: value >= 0),
        metavar="LAMBDA",
        help="L2 penalty; decoupled for adamw (default: the optimizer's own)",
    )
    group.add_argument("--epochs", type=whole(1), default=30, metavar="N", help="passes over the data")
    group.add_argument("--batch-size", type=whole(1), default=10, metavar="N", help="images a step")
    group.add_argument("--seed", type=whole(0), default=0, metavar="N", help="of weights and batches (default: 0)")


def _add_output(group: Any) -> None:
    group.add_argument(
        "--output",
        metavar="DIR",
        help="where model, history and mistakes go (default: a new directory in runs/)",
    )
    group.add_argument("--quiet", action="store_true", help="print the result alone")


def _add_gradcheck(group: Any) -> None:
    group.add_argument(
        "subject",
        metavar="MODULE[:CLASS]",
        help="a module as in an import, or a file.py; without a class, all in it that need no arguments",
    )
    group.add_argument(
        "--shape",
        type=shape,
        metavar="N[,N…]",
        help="of x or of the prediction, with the batch axis (default: one that the class takes)",
    )
    group.add_argument(
        "--args", type=sequence, default=(), metavar="VALUE[,…]", help="for the constructor, as in Python"
    )
    group.add_argument("--kwargs", type=keywords, default={}, metavar="JSON", help="the same by name, as a JSON object")
    group.add_argument(
        "--names",
        type=names,
        metavar="W=dW[,…]",
        help="which attribute holds which parameter's gradient, if the kit does not find it",
    )
    group.add_argument("--strict", action="store_true", help="hold tinynn's own laws as well")
    group.add_argument("--seeds", type=whole(1), default=1, metavar="N", help="check N times, with rng=0, …, N−1")


def _add_bench(group: Any) -> None:
    group.add_argument(
        "--networks",
        type=networks,
        default=",".join(NETWORKS),
        metavar="N-N[:BATCH][,…]",
        help="widths of the layers, and rows of a batch",
    )
    group.add_argument(
        "--optimizer", type=choices(BENCH_RATES), default=",".join(BENCH_RATES), metavar="NAME[,…]", help="which"
    )
    group.add_argument("--threads", type=whole(1), metavar="N", help="at most so many (default: what NumPy takes)")
    group.add_argument("--quick", action="store_true", help="some ten seconds, less exact")
    group.add_argument("--json", metavar="PATH", help="write the seconds of each round, too")
