"""The child's side of interleaved.py: answers each line of JSON on its input by one on its output.

["make", "module:function", arguments] -> {"stride", "cost"} after its first steps; ["burst", steps] -> {"seconds"};
and {"reason"} where that failed.
"""

import importlib
import json
import os
import sys
import time


def make(target, arguments):
    module, function = target.split(":")
    training = getattr(importlib.import_module(module), function)(*arguments)
    training.burst(training.first)
    return training, {"stride": training.stride, "cost": training.cost() if training.cost else None}


def burst(training, steps):
    training.burst(round(steps / 5 / training.stride) * training.stride)
    began = time.perf_counter()
    training.burst(steps)
    return {"seconds": time.perf_counter() - began}


def reason(error):
    """One line about an exception."""
    name = "" if type(error).__name__ == "NotOffered" else f"{type(error).__name__}: "
    return (name + " ".join(str(error).split()))[:200]


def serve(lines, answer):
    training = None
    for line in lines:
        kind, *rest = json.loads(line)
        try:
            if kind == "make":
                training = None  # the former one's memory is given back before the next takes its own
                training, facts = make(*rest)
            else:
                facts = burst(training, *rest)
        except Exception as error:  # whatever a peer raises is its row's reason, never this run's end
            facts = {"reason": reason(error)}
        print(json.dumps(facts), file=answer, flush=True)


if __name__ == "__main__":
    if cores := int(sys.argv[1]):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    # What libraries print goes to the errors: the answers' pipe is this program's alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
