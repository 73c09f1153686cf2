"""Measure contenders side by side on a machine that is never quiet.

Each contender is a process of its own. It is asked over a pipe for a burst of steps, in turn with the others,
round by round, and is stopped in between (SIGSTOP): a BLAS thread spins on for tens of milliseconds after its
work and would spoil whoever comes next. What comes out are ratios, taken within each round, so that a busy
neighbour or a change of the clock rate meets both sides; their median and quartiles over the rounds count.

A contender is named "module:function" with arguments; the function, called in the child, returns
`burst(steps)`, which performs that many steps. `python benchmarks/interleaved.py` prints what it runs on.
"""

import contextlib
import ctypes
import importlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()


def clean_environment():
    """This process's environment without what would make OpenBLAS take a slower kernel than it needs to."""
    return {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


class Contender:
    """A process that performs steps when asked, and stands still otherwise.

    Parameters: clock, a function of the module time; target, "module:function" in this directory; arguments, for
    the function, as JSON can hold them.
    """

    def __init__(self, clock, target, *arguments):
        command = [sys.executable, HERE, "--serve", clock, target, json.dumps(arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=clean_environment(), **pipes)
        self.steps = 1
        self._answer()
        self._stop()

    def ask(self):
        """Seconds per step of one burst; a fifth more steps before it, unmeasured, warm the caches up."""
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{self.steps}\n")
        self.process.stdin.flush()
        seconds = self._answer() / self.steps
        self._stop()
        return seconds

    def calibrate(self, seconds):
        """Choose the steps of a burst so that it takes about `seconds`, at least one."""
        # The least of three: one that was interrupted would make the bursts too short to mean anything.
        while (took := self.steps * min(self.ask() for _ in range(3))) < seconds / 4:
            self.steps = min(10 * self.steps, 1 + int(self.steps * seconds / took))
        self.steps = max(1, round(self.steps * seconds / took))

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a contender ended with status {self.process.wait()}; see its message above")
        return float(line)

    def _stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def interleave(contenders, rounds, seconds, clock="perf_counter"):
    """Seconds per step of each contender in each round.

    Parameters: contenders, {name: (target, *arguments)}; rounds; seconds of a burst; clock, which may be
    "thread_time" on a busy machine and with one BLAS thread: it counts no time of other programs'.
    Returns: {name: [seconds per step, one a round]}.
    """
    times = {name: [] for name in contenders}
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(Contender(clock, *given)) for name, given in contenders.items()}
        for contender in running.values():
            contender.calibrate(seconds)
        for k in range(rounds):
            # To and fro, so that nobody always follows the same neighbour.
            for name in list(running)[:: -1 if k % 2 else 1]:
                times[name].append(running[name].ask())
    return times


@dataclass(frozen=True)
class Spread:
    """The median of some figures and their quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def ratio(times, of, to):
    """How many times as long `of` takes as `to`, round by round."""
    return Spread.of([a / b for a, b in zip(times[of], times[to], strict=True)])


def environment():
    """Versions, processor and BLAS, as a contender sees them."""
    command = [sys.executable, HERE, "--environment"]
    return json.loads(subprocess.run(command, env=clean_environment(), check=True, capture_output=True).stdout)


def caption(found):
    """An environment in a line."""
    kernel, threads = found["blas_kernel"] or "unknown", found["blas_threads"] or "unknown"
    return (
        f"{found['cpu']}, {found['cpus']} processors (load {found['load_average']:.1f}); Python {found['python']}, "
        f"NumPy {found['numpy']}, {found['blas']}, kernel {kernel}, BLAS threads: {threads}"
    )


def describe():
    """What `environment` tells, found out in this process."""
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    kernel, threads = _openblas(Path(np.__file__))
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "blas_configuration": blas.get("openblas configuration"),  # names the builder's kernel, not the one in use
        "blas_kernel": kernel,
        "blas_threads": threads,
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


def _cpu():
    """The processor's name, from the kernel where it tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _openblas(numpy_file):
    """The kernel that the OpenBLAS in NumPy's wheel chose for this processor, and its threads; else (None, None)."""
    folders = numpy_file.parent.parent / "numpy.libs", numpy_file.parent / ".dylibs"
    for path in (path for folder in folders for path in folder.glob("*openblas*")):
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(str(path))
            library.scipy_openblas_get_corename64_.restype = ctypes.c_char_p
            name = library.scipy_openblas_get_corename64_().decode()
            return name, library.scipy_openblas_get_num_threads64_()
    return None, None


def serve(clock, target, arguments):
    """The child: answer each number of steps with the seconds they took, until the pipe closes."""
    now = getattr(time, clock)
    module, function = target.split(":")
    burst = getattr(importlib.import_module(module), function)(*arguments)
    print(0.0, flush=True)  # ready
    for line in sys.stdin:
        steps = int(line)
        burst(steps // 5)
        began = now()
        burst(steps)
        print(now() - began, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
    else:
        print(json.dumps(describe(), indent=1))
