"""tinynn.testing beside the gradient checkers that others use, on the same wrong and right derivatives.

`python benchmarks/gradcheck.py` hands each case of gradcheck_cases/ to each checker of gradcheck_peers.py, all with
their defaults, and prints a Markdown table: what was missed, what raised a false alarm, what could not run, and how
long it took. Before that it establishes by other means which cases are right (gradcheck_cases/truth.py).
`--sensitivity` adds the smallest error in one entry of 1,000 that each checker finds, `--speed` the time of tinynn's
checks of dense layers. `make gradcheck` installs the peers; one that is missing gets a row that says so.

What the table is not: a sample of the mistakes that people make. The notes under it say what else it is not.
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import gradcheck_cases
import gradcheck_measures
import numpy as np
from gradcheck_cases import truth
from gradcheck_cases.case import GROUPS
from gradcheck_peers import LIMITS, PEERS, versions
from interleaved import caption, environment

from benchmarks.report import table

START, END = "<!-- gradcheck -->", "<!-- /gradcheck -->"


# ---- the verdicts ----------------------------------------------------------------------------------------
def judge(check, cases):
    """What a checker said: {case: {"accepted", "error", "reason", "seconds"}}; a reason says why it cannot run."""
    found = {}
    with np.errstate(all="ignore"):
        check(next(case for case in cases if case.right))  # warms up
        for case in cases:
            began = time.perf_counter()
            try:
                verdict = check(case)
                said = {"accepted": verdict.accepted, "error": verdict.error}
            except Exception as error:  # a checker that breaks down has given no verdict
                said = {"accepted": None, "reason": f"{type(error).__name__}: {error}".splitlines()[0]}
            found[case.name] = {**said, "seconds": time.perf_counter() - began}
    return found


def figures(said, cases):
    """Counts of what a checker said: verdicts that are right, and per group those that are not."""
    wrong = [case for case in cases if said[case.name]["accepted"] not in (None, case.right)]
    failed = [case for case in cases if said[case.name]["accepted"] is None]
    return {
        "right": len(cases) - len(wrong) - len(failed),
        "by_group": dict(Counter(case.group for case in wrong)),
        "missed": [case.name for case in wrong if not case.right],
        "false_alarms": [case.name for case in wrong if case.right],
        "cannot_run": {case.name: said[case.name]["reason"] for case in failed},
        "seconds": sum(verdict["seconds"] for verdict in said.values()),
    }


def best_limit(said, cases):
    """The limit on a checker's errors that gives most verdicts right on these cases: (limit, how many)."""
    errors = {case.name: said[case.name].get("error") for case in cases}
    errors = {name: np.nan_to_num(error, nan=np.inf) for name, error in errors.items() if error is not None}
    rights = [(sum((errors.get(c.name, np.inf) <= e) == c.right for c in cases), e) for e in errors.values()]
    count, limit = max(rights, default=(0, 0.0))
    return float(limit), int(count)


def compare(peers, cases):
    """{row: its figures, or {"missing": why}}"""
    results = {}
    for row in peers:
        check = loaded(row)
        if isinstance(check, str):
            results[row] = {"missing": check}
            continue
        said = judge(check, cases)
        results[row] = {**figures(said, cases), "verdicts": said}
        if row in LIMITS:
            results[row]["limit"] = LIMITS[row]
            results[row]["best_limit"] = best_limit(said, cases)
        print(f"{row}: {results[row]['right']} of {len(cases)} right", file=sys.stderr)
    return results


def loaded(row):
    """The checker of a row, or why there is none."""
    try:
        return PEERS[row][1]()
    except ImportError as error:
        return f"not installed ({error})"


# ---- the tables ------------------------------------------------------------------------------------------
def verdict_table(results, cases, installed):
    sizes = Counter(case.group for case in cases)
    header = ["checker", f"right of {len(cases)}"]
    header += [f"missed: {group}, of {sizes[group]}" for group in list(GROUPS)[:2]]
    header += [f"false alarms: {group}, of {sizes[group]}" for group in list(GROUPS)[2:]]
    rows = []
    for row, found in results.items():
        name = " ".join(filter(None, [row, installed.get(PEERS[row][0])]))
        if "missing" in found:
            rows.append([name, found["missing"], *[""] * (len(header) - 2), "", ""])
            continue
        counts = [str(found["by_group"].get(group, 0)) for group in GROUPS]
        rows.append([name, str(found["right"]), *counts, str(len(found["cannot_run"])), f"{found['seconds']:.1f}"])
    return table([*header, "cannot run", "seconds"], rows, True)


def notes(results):
    """What the figures do not say: the groups, the limits, why something could not run."""
    yield (
        "The cases are ours, and half of them are meant to be hard. A kink lies outside of what the others promise; "
        "JAX and autograd look into one random direction, which takes far less time than a look at each entry."
    )
    yield "Groups: " + "; ".join(f"{group} – {words}" for group, words in GROUPS.items()) + "."
    for row, found in results.items():
        if "best_limit" in found:
            limit, count = found["best_limit"]
            yield (
                f"{row}: an error above {found['limit']:.0e} counts as a verdict of wrong. The limit that suits these "
                f"cases best, {limit:.1e}, would have {count} right."
            )
        for why, count in Counter(found.get("cannot_run", {}).values()).items():
            yield f"{row} cannot run {count}: {why}"


def sensitivity_table(found):
    def cell(value):
        return "rejects the right one" if value is None else f"{value:.0e}" if np.isfinite(value) else "above 1"

    rows = [[row, *[cell(found[row][name]) for name in gradcheck_measures.SINGLE]] for row in found]
    return table(["smallest relative error found in one entry", *gradcheck_measures.SINGLE], rows, True)


def written(path, text):
    """Put the text between the markers of a file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise SystemExit(f"{path}: expected the lines {START} and {END}; put them where the tables shall stand")
    path.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=",".join(PEERS), metavar="ROW,…", help=f"from {', '.join(PEERS)} (all)")
    parser.add_argument("--sensitivity", action="store_true", help="also the smallest error that each one finds")
    parser.add_argument("--speed", action="store_true", help="also the time of tinynn's checks of dense layers")
    parser.add_argument("--details", action="store_true", help="also the names of what was missed and of false alarms")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict to FILE as well")
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"put the tables between {START} and {END} of FILE")
    parsed = parser.parse_args(argv)
    parsed.peers = parsed.peers.split(",")
    if unknown := sorted(set(parsed.peers) - set(PEERS)):
        parser.error(f"--peers: unknown {', '.join(unknown)}; choose from {', '.join(PEERS)}")
    return parsed


def main(argv=None):
    options = arguments(argv)
    cases, installed = gradcheck_cases.every(), versions()
    if disputed := truth.disputed(cases):
        raise SystemExit(f"these cases are not what their tables say: {disputed}")
    results = {"environment": environment(), "versions": installed, "peers": compare(options.peers, cases)}
    if torch := sys.modules.get("torch"):
        results["environment"]["torch_threads"] = torch.get_num_threads()
    parts = [verdict_table(results["peers"], cases, installed), "\n".join(f"- {n}" for n in notes(results["peers"]))]
    if options.sensitivity:
        checks = {row: check for row in options.peers if not isinstance(check := loaded(row), str)}
        results["sensitivity"] = {
            row: {name: gradcheck_measures.smallest(check, make) for name, make in gradcheck_measures.SINGLE.items()}
            for row, check in checks.items()
        }
        parts.append(sensitivity_table(results["sensitivity"]))
    if options.speed:
        results["speed"] = gradcheck_measures.speed()
        rows = list(gradcheck_measures.speed_rows(results["speed"]))
        parts.append(table(["tinynn", "measured", "limit"], rows, True))
    parts.append(caption(results["environment"]))
    print("\n\n".join(parts))
    if options.details:
        for row, found in results["peers"].items():
            for what in ("missed", "false_alarms"):
                print(f"\n{row}, {what}: {'; '.join(found.get(what, []))}")
    if options.write:
        written(options.write, "\n\n".join(parts))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
