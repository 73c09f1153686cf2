"""A program of benchmarks/programs as a process of its own, whose lines are heard as they come."""

import subprocess
import sys
import tempfile
import time

from benchmarks.interleaved import ROOT, Unavailable
from benchmarks.machine import clean_environment


class Program:
    """`python -m benchmarks.programs.NAME ARGUMENTS`; leaving the with-block ends it.

    Parameters: name, arguments; variables, that join its environment.
    """

    def __init__(self, name, *arguments, **variables):
        command = [sys.executable, "-m", f"benchmarks.programs.{name}", *map(str, arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._messages = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by __exit__)
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=clean_environment() | variables, cwd=ROOT, stderr=self._messages, **pipes
        )

    def __iter__(self):
        """(seconds since the start of the process, line) of each line that it writes."""
        while line := self._process.stdout.readline():
            yield time.perf_counter() - self._began, line.strip()
        if status := self._process.wait():
            raise Unavailable(f"its process ended with status {status}: {self._last_message()}")

    def say(self, line):
        """Write a line to its input."""
        try:
            print(line, file=self._process.stdin, flush=True)
        except OSError:
            self.hear()

    def hear(self):
        """Its next line; Unavailable if it ends instead."""
        for _, line in self:
            return line
        raise Unavailable("its process ended without an answer")

    def _last_message(self):
        self._messages.seek(0)
        lines = self._messages.read().strip().splitlines()
        return lines[-1][:200] if lines else "no message"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()
        self._messages.close()
