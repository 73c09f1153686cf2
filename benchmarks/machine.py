"""What a measurement ran on, tinynn.cli.machine, as a contender sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def clean_environment():
    """This process's environment without what would make OpenBLAS take a slower kernel than it needs to."""
    return {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


def environment():
    """Versions, processor and BLAS, of a fresh process."""
    command = [sys.executable, "-m", "benchmarks.machine"]
    return json.loads(
        subprocess.run(command, env=clean_environment(), cwd=ROOT, check=True, capture_output=True).stdout
    )


def caption(found):
    """An environment in a line."""
    kernel, threads = found["blas_kernel"] or "unknown", found["blas_threads"] or "unknown"
    return (
        f"{found['cpu']}, {found['cpus']} processors (load {found['load_average']:.1f}); Python {found['python']}, "
        f"NumPy {found['numpy']}, {found['blas']}, kernel {kernel}, BLAS threads: {threads}"
    )


if __name__ == "__main__":
    from tinynn.cli.machine import describe

    print(json.dumps(describe(), indent=1))
