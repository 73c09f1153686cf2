"""Do threads do work, or only turn? Processor time over wall time, and the pace of two processes at once.

A contender is a process that trains for a fixed time, on its own and then beside another of its kind. Threads that
wait by spinning show as more than one processor busy at a pace that one thread reaches as well, and as processor
time that goes by after the work is done; and two such processes on two cores take it from each other.
"""

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours

from benchmarks import command, threads_tables
from benchmarks.interleaved import THREAD_VARIABLES, Unavailable
from benchmarks.program import Program

#: The smallest networks, where a second thread can only be in the way, and two that it helps.
NETWORKS = ("784-15-10", "784-30-10", "784-100-10", "784-512-512-10")
ONE = dict.fromkeys(THREAD_VARIABLES, "1")
#: name: (peer, arguments of programs/steps.py after the network, variables of the environment).
CONTENDERS = {
    "tinynn": ("tinynn", (), {}),
    "tinynn, threads(1)": ("tinynn", (1,), {}),
    "tinynn, OPENBLAS_NUM_THREADS=1": ("tinynn", (), ONE),
    "textbook": ("textbook", (), {}),
    "torch-fused": ("torch-fused", (), {}),
    "torch-fused, OMP_NUM_THREADS=1": ("torch-fused", (), ONE),
    "jax-scan": ("jax-scan", (), {}),
    "sklearn": ("sklearn", (), {}),
}


def measure(options):
    """{"rows": [{"network", "contender", "peer", …figures} or with a "reason"]}."""
    pairs, seconds = (1, 0.3) if options.quick else (4, 0.5)
    names = [name for name, (peer, _, _) in CONTENDERS.items() if peer in (options.peers or (peer,))]
    rows = []
    for network in NETWORKS:
        found = compared(network, names, pairs, seconds)
        command.progress(f"{network}: {', '.join(map(threads_tables.short, found))}")
        rows += found
    return {"rows": rows}


def compared(network, names, pairs, seconds):
    """The rows of a network. Each contender starts several pairs of processes, in turn with the others.

    What a pair measures several times is no better known for it: some processes run at half the pace all their life.
    """
    rows = {name: {"network": network, "contender": name, "peer": CONTENDERS[name][0]} for name in names}
    answers = {name: [] for name in names}
    for k in range(pairs):
        for name in names[:: -1 if k % 2 else 1]:
            if "reason" not in rows[name]:
                try:
                    answers[name].append(pair(network, name, seconds))
                except Unavailable as error:
                    rows[name]["reason"] = str(error)
    return [row if "reason" in row else row | figures(answers[name]) for name, row in rows.items()]


def pair(network, name, seconds):
    """The answers of one process that trains alone, and of the same with another at the same time."""
    peer, arguments, variables = CONTENDERS[name]
    with (
        Program("steps", peer, network, *arguments, **variables) as one,
        Program("steps", peer, network, *arguments, **variables) as other,
    ):
        for program in (one, other):
            program.hear()
        return asked([one], seconds), asked([one, other], seconds)


def asked(programs, seconds):
    """What programs answer that train at the same time."""
    time.sleep(0.1)  # whatever still turns comes to rest
    for program in programs:
        program.say(seconds)
    return [json.loads(program.hear()) for program in programs]


def figures(answers):
    """Medians over the pairs, each the answer of one alone and those of two at once.

    "pace": steps a second alone, [median, most]; "busy": processors at work; "others": of them, by other threads than
    the one that trains; "after": processors at work in the pause; "share": the pace of each of two, as a part of the
    pace alone.
    """
    alone = [first for (first,), _ in answers]
    return {
        "pace": [statistics.median(map(pace, alone)), max(map(pace, alone))],
        "busy": statistics.median(answer["processor"] / answer["wall"] for answer in alone),
        "others": statistics.median(max(0.0, answer["processor"] - answer["own"]) / answer["wall"] for answer in alone),
        "after": statistics.median(answer["paused"] / answer["pause"] for answer in alone),
        "share": statistics.median(statistics.mean(map(pace, both)) / pace(first) for (first,), both in answers),
    }


def pace(answer):
    return answer["steps"] / answer["wall"]


markdown = threads_tables.markdown

if __name__ == "__main__":
    command.main(__file__)
