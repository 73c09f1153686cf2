"""How much of the processors other programs take while contenders are measured.

The rounds' quartiles cannot show it. A contender on two threads waits at each barrier for the one whose processor
somebody else uses, in every round, and those on one thread beside it lose nothing: with one busy program PyTorch's
step of 784-15-10 took twice as long in some runs and all others' the same. Such a ratio would be wrong, and in our
favour. It is not the only such thing: see passes.py.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

#: Share of one processor above which a measurement is disturbed; the kernel's own work stays well below.
LIMIT = 0.1


class Watch:
    """Counts from its making on. Parameters: processes, ids of those whose work is not foreign, beside this one."""

    def __init__(self, processes):
        self.processes = list(processes)
        self.began, self.before = time.perf_counter(), self._foreign()

    def share(self):
        """Processors' worth of other programs' work since then, 0.0 and up; None where the kernel does not tell."""
        now, passed = self._foreign(), time.perf_counter() - self.began
        if now is None or self.before is None or passed <= 0:
            return None
        return max(0.0, (now - self.before) / passed)

    def _foreign(self):
        """Processor seconds of all programs less our own."""
        with suppress(OSError, ValueError):
            fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
            user, nice, system, _, _, irq, softirq, steal = map(int, fields)
            busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
            return busy - sum(map(seconds, self.processes)) - sum(os.times()[:2])
        return None


def seconds(process):
    """Processor seconds of a process and all its threads; 0 once it has ended."""
    with suppress(OSError):
        # The name, in parentheses, may hold spaces; user and system time are the 12th and 13th field after it.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def disturbed(share):
    return share is not None and share > LIMIT
