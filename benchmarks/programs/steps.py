"""Trains steps for as long as it is told, and says how much processor time that took: `PEER NETWORK [THREADS]`.

Each line on its input is a number of seconds; each answer is JSON: the steps done, the wall time, the processor time
of the whole process and of this thread alone, a pause's length and the processor time that went by within it.
THREADS limits tinynn by `tinynn.threads`; other libraries are limited by environment variables.
"""

import contextlib
import json
import sys
import time

from benchmarks import peers
from benchmarks.cases import Case

#: Seconds of the pause.
PAUSE = 0.2


def main(peer, network, threads=None):
    training = peers.make("training", peer, Case.parse(network).asdict())
    with limited(threads):
        training.burst(whole(training, 100))
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(train(training, float(line))), flush=True)


def limited(threads):
    """The context in which tinynn uses so many threads."""
    if threads is None:
        return contextlib.nullcontext()
    import tinynn

    if not hasattr(tinynn, "threads"):
        raise peers.NotOffered("there is no tinynn.threads")
    return tinynn.threads(int(threads))


def whole(training, steps):
    """About so many steps, a multiple of what one call does."""
    return training.stride * max(1, round(steps / training.stride))


def train(training, seconds):
    """Steps until the time is over; about fifty looks at the clock."""
    steps, count = 0, training.stride
    wall, processor, own = time.perf_counter(), time.process_time(), time.thread_time()
    while (took := time.perf_counter() - wall) < seconds:
        if steps:
            count = whole(training, steps / took * seconds / 50)
        training.burst(count)
        steps += count
    found = {"steps": steps, "wall": took, "processor": time.process_time() - processor}
    found["own"] = time.thread_time() - own
    before = time.process_time()
    time.sleep(PAUSE)
    return found | {"pause": PAUSE, "paused": time.process_time() - before}


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except peers.NotOffered as error:
        sys.exit(str(error))
