"""The command line of a question run alone, and the store of what it found."""

import argparse
import importlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, peers

ROOT = Path(__file__).resolve().parents[1]
#: Where each question's last result lies: QUESTION.json.
STORE = ROOT / "runs" / "benchmarks"


def main(file, argv=None):
    """Run the question whose module is `file`: measure, keep the result, print its section."""
    name = Path(file).stem
    question = importlib.import_module(f"benchmarks.questions.{name}")
    parser = argparse.ArgumentParser(description=question.__doc__.splitlines()[0])
    add_arguments(parser, [question])
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"keep the result in FILE, not in {name}.json")
    options = parser.parse_args(argv)
    kept = ask(name, options, options.json)
    print(machine.caption(kept["environment"]), end="\n\n")
    print(getattr(question, "text", question.markdown)(kept["result"]))


def add_arguments(parser, questions):
    """The options that all questions have, and their own."""
    parser.add_argument("--quick", action="store_true", help="a short form, less exact")
    parser.add_argument("--peers", type=names, metavar="A,B", help=f"of {', '.join(peers.PEERS)}; default: all")
    for question in questions:
        if hasattr(question, "arguments"):
            question.arguments(parser)


def names(text):
    """The peers in a comma-separated list."""
    found = tuple(text.split(","))
    if unknown := [name for name in found if name not in peers.PEERS]:
        raise argparse.ArgumentTypeError(f"no peer {', '.join(unknown)}; there are {', '.join(peers.PEERS)}")
    return found


def ask(name, options, file=None):
    """Measure a question and keep what it found: {"question", "date", "quick", "environment", "result"}."""
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)
    question = importlib.import_module(f"benchmarks.questions.{name}")
    environment = machine.environment() | {"versions": peers.versions(options.peers or peers.PEERS)}
    kept = {
        "question": name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "quick": options.quick,
        "environment": environment,
        "result": question.measure(options),
    }
    file = file or STORE / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return kept


def progress(text):
    """A line for whoever waits."""
    print(text, file=sys.stderr, flush=True)
