"""The command line: `python -m tinynn train`, or `tinynn train` where the package is installed; so gradcheck and bench.

arguments.py says what can be asked for. train.py trains, mistakes.py reports what the network got wrong;
gradcheck.py checks what subjects.py finds, at what draws.py draws; bench.py measures networks.py beside
floor.py, as rounds.py does, on what machine.py describes, and bench_table.py prints it. Errors are one line
on stderr and exit code 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinynn.cli.arguments import PROGRAM, parser
from tinynn.errors import TinynnError

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (without the program's name), return the exit code.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    top = parser()
    options = top.parse_args(argv)
    if options.command is None:
        top.print_help()
        return 0
    try:
        # Overflow on the way to infinity needs no warnings: it ends as a DivergedError.
        with np.errstate(all="ignore"):
            return _run(options)
    except KeyboardInterrupt:
        return _complain(options, "aborted", INTERRUPTED)
    except BrokenPipeError:  # `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TinynnError, OSError) as error:
        return _complain(options, " ".join(str(error).split()), 2)


def _run(options: Namespace) -> int:
    if options.command == "gradcheck":
        from tinynn.cli.gradcheck import gradcheck

        return gradcheck(options)
    if options.command == "bench":
        from tinynn.cli.bench import bench

        bench(options)
        return 0
    from tinynn.cli.train import train

    return INTERRUPTED if train(options) else 0


def _complain(options: Namespace, message: str, code: int) -> int:
    print(f"{PROGRAM} {options.command}: {message}", file=sys.stderr)
    return code
