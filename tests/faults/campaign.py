"""The fault campaign: `make faults`, or `make faults ONLY=kills`.

Every experiment is a module with a function run(scale, say) -> rows of figures; at the first promise that is
not kept it raises. The figures go into docs/reliability.md when the campaign is run at full scale.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from faults import (  # noqa: E402
    damaged_files,
    failing_calls,
    full_disk,
    kills,
    lines,
    mistakes,
    power_cuts,
    same_bits,
    shared_model,
    soak,
    two_writers,
)
from faults.report import Rows, plant_mistake, replaced  # noqa: E402

from tinynn._workers import cores  # noqa: E402

EXPERIMENTS: dict[str, Any] = {
    "kills": kills,
    "lines": lines,
    "power": power_cuts,
    "damage": damaged_files,
    "calls": failing_calls,
    "disk": full_disk,
    "writers": two_writers,
    "bits": same_bits,
    "threads": shared_model,
    "soak": soak,
    "mistakes": mistakes,
}
DOCUMENT = ROOT / "docs" / "reliability.md"


def main() -> int:
    """Run what was asked for; the number of experiments that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help=f"experiments, of {', '.join(EXPERIMENTS)}; all without")
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the full campaign, for a quick look")
    options = parser.parse_args()
    unknown = set(options.only) - set(EXPERIMENTS)
    if unknown:
        parser.error(f"no experiment named {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    failed = [name for name in options.only or EXPERIMENTS if not succeeds(name, options.scale)]
    print(f"failed: {', '.join(failed)}" if failed else "every promise was kept")
    return len(failed)


def succeeds(name: str, scale: float) -> bool:
    """Run an experiment, print its figures, and write them down if they are those of the full scale."""
    start = time.monotonic()
    try:
        rows = EXPERIMENTS[name].run(scale, say)
    except Exception:
        print(f"\r\033[K{name} FAILED after {time.monotonic() - start:.0f} s\n{traceback.format_exc()}", flush=True)
        return False
    print(f"\r\033[K{name}, {time.monotonic() - start:.0f} s" if sys.stdout.isatty() else name)
    for what, figure in rows:
        print(f"  {what}: {figure}")
    sys.stdout.flush()
    if scale == 1:
        write(name, rows)
    return True


def write(name: str, rows: Rows) -> None:
    """Put the figures into their place in the document, with what they were found with."""
    with_what = f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.system()}, {cores()} processors"
    document = replaced(DOCUMENT.read_text(encoding="utf-8"), name, rows, with_what)
    DOCUMENT.write_text(document, encoding="utf-8")


def say(line: str) -> None:
    """One line of progress, on a terminal over the one before; elsewhere one now and then."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)


if __name__ == "__main__":
    plant_mistake()
    sys.exit(main())
