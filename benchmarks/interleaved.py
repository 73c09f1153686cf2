"""Measure contenders side by side on a machine that is never quiet.

Each contender is a process of its own. It is asked over a pipe for a burst of steps, in turn with the others,
round by round, and is stopped in between (SIGSTOP): a BLAS thread spins on for tens of milliseconds after its
work and would spoil whoever comes next. What comes out are ratios, taken within each round, so that a busy
neighbour or a change of the clock rate meets both sides; their median and quartiles over the rounds count.

A contender is a process that makes one thing after another and performs bursts of the last one: "module:function"
with arguments; the function, called in the child, returns a peers.Training.
"""

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # as a script's neighbour it finds the others, too

from benchmarks.machine import caption, clean_environment, environment  # noqa: E402, F401 for gradcheck.py and nielsen.py

#: What limits the threads of every library that a contender may use.
THREAD_VARIABLES = tuple(f"{name}_NUM_THREADS" for name in ("OPENBLAS", "OMP", "MKL", "BLIS", "NUMBA"))


class Unavailable(Exception):
    """A contender is missing or failed; the message, one line, says why."""


class Contender:
    """A process that performs steps when asked, and stands still otherwise.

    Parameters: cores, if given the number of processors that it may use, and of its libraries' threads.
    """

    def __init__(self, cores=None):
        self.steps = self.stride = 1
        variables = clean_environment()
        if cores:
            variables.update(dict.fromkeys(THREAD_VARIABLES, str(cores)))
        self.messages = tempfile.TemporaryFile("w+")  # noqa: SIM115, close() closes it
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.messages, "text": True}
        command = [sys.executable, "-m", "benchmarks.contender", str(cores or 0)]
        self.process = subprocess.Popen(command, env=variables, cwd=ROOT, **pipes)

    def make(self, target, *arguments):
        """Have the child make what it will perform; returns its facts, {"cost": after ten steps, or None}."""
        facts = self._asked(["make", target, arguments])
        self.steps = self.stride = facts.pop("stride")
        return facts

    def ask(self):
        """Seconds per step of one burst; a fifth more steps before it, unmeasured, warm the caches up."""
        return self._asked(["burst", self.steps])["seconds"] / self.steps

    def calibrate(self, seconds):
        """Choose the steps of a burst so that it takes about `seconds`; returns what it will take."""
        # The least of three: one that was interrupted would make the bursts too short to mean anything.
        while (took := self.steps * self._least(seconds)) < seconds / 4:
            self.steps = self._whole(min(10 * self.steps, 1 + int(self.steps * seconds / took)))
        each = took / self.steps
        self.steps = self._whole(seconds / each)
        return self.steps * each

    def _least(self, seconds):
        first = self.ask()
        return first if first * self.steps > seconds else min(first, self.ask(), self.ask())

    def _whole(self, steps):
        return self.stride * max(1, round(steps / self.stride))

    def _asked(self, message):
        """The child's answer; it runs meanwhile and stands still before and after."""
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise Unavailable(f"its process ended with status {self.process.wait()}: {self._last_message()}")
        self.process.send_signal(signal.SIGSTOP)
        answer = json.loads(line)
        if "reason" in answer:
            raise Unavailable(answer["reason"])
        return answer

    def _last_message(self):
        self.messages.seek(0)
        lines = self.messages.read().strip().splitlines()
        return lines[-1][:200] if lines else "no message"

    @property
    def alive(self):
        return self.process.poll() is None

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.messages.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def interleave(running, seconds, budget, most=41, least=5):
    """Seconds per step of each contender in each round.

    Parameters: running, {name: Contender} that have made something; seconds of a burst; budget, about how many
    seconds all may take together; the most and least rounds.
    Returns: ({name: [seconds per step, one a round]}, {name: reason} of those that failed meanwhile).
    """
    times, reasons, round_takes = {name: [] for name in running}, {}, 0.0
    for name, contender in running.items():
        with failing(name, reasons):
            round_takes += 1.2 * contender.calibrate(seconds)
    rounds = max(least, min(most, int(budget / max(round_takes, 1e-9))))
    for k in range(rounds):
        # To and fro, so that nobody always follows the same neighbour.
        for name in list(running)[:: -1 if k % 2 else 1]:
            if name not in reasons:
                with failing(name, reasons):
                    times[name].append(running[name].ask())
    return {name: found for name, found in times.items() if name not in reasons}, reasons


@contextlib.contextmanager
def failing(name, reasons):
    """Note why a contender fails, and go on without it."""
    try:
        yield
    except Unavailable as error:
        reasons[name] = str(error)


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
