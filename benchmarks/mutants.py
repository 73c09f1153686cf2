"""Mutation testing: plant small mistakes in tinynn, one at a time, and count those that the tests notice.

`python benchmarks/mutants.py layers losses` has mutmut change + to −, a number, an argument and so on in each
function of tinynn/layers and tinynn/losses, runs against each mutant those tests of the package that reach the
function, and prints how many mutants died. It ends with an error if fewer than 95 % did, or if one survived
that docs/mutants.md does not list. Without packages it takes all that TESTS names.

All happens in copies below build/mutants/, one per package; the checkout is only read. `--sample 200` draws that
many mutants of each package, always the same; `--again` takes the tests anew and runs what survived the last
time; `--only '*Dense*'` runs the mutants whose mutmut name fits.

pytest loads this file too, as a plugin: see the hooks at its end.
"""

import argparse
import importlib
import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parent.parent
BUILD, EXPLAINED = ROOT / "build" / "mutants", ROOT / "docs" / "mutants.md"
LIMIT = 95.0

#: Tests of networks as a whole, of numerics and of messages, which every package's mutants have to pass as well.
SHARED = [
    *("tests/test_errors.py", "tests/test_network_laws.py", "tests/test_training_steps.py", "tests/test_numerics.py"),
    *("tests/test_buffers.py", "tests/test_torch_fixtures.py", "tests/test_worked_example.py", "tests/regressions"),
]
#: package: the tests that judge its mutants, beside its own doctests; what is not there is left out.
TESTS = {
    "layers": ["tests/layers", "tests/test_layer_laws.py", "tests/test_layer_laws_strict.py", *SHARED],
    "losses": ["tests/losses", "tests/test_loss_laws.py", "tests/test_loss_numerics.py", *SHARED],
    "optimizers": [
        *("tests/optimizers", "tests/test_optimizer_laws.py", "tests/test_optimizer_options.py"),
        *("tests/test_clipping.py", *SHARED),
    ],
    "schedules": ["tests/test_schedules.py", "tests/training/test_finder.py", "tests/bad_input/test_table.py"],
    "testing": [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests" / "testing").glob("test_*.py"))
        if path.stem not in ("test_plugin", "test_strategies", "test_unittest")  # pytest, shrinking
    ],
}

#: A mutant has the time that its tests took while mutmut noted what they reach (slow work), and ten seconds more.
SETTINGS = """
[tool.mutmut]
source_paths = ["tinynn"]
only_mutate = ["tinynn/{package}/*.py"]
also_copy = ["tests", "packages", "benchmarks"]
pytest_add_cli_args = [
    "-p", "benchmarks.mutants", "-p", "no:cacheprovider",
    "--ignore=tinynn/testing/strategies.py", "--ignore=tinynn/testing/array_strategies.py",
]
do_not_mutate = ["tinynn/testing/*strategies.py", "tinynn/testing/plugin.py", "tinynn/testing/unittest_case.py"]
pytest_add_cli_args_test_selection = {tests}
timeout_multiplier = 1.0
timeout_constant = 10.0
track_dependencies = false
use_git_change_detection = false
"""
KILLED = {"killed", "timeout", "segfault"}


class Campaign:
    """The mutants of one package, in a copy of the checkout."""

    def __init__(self, package: str) -> None:
        self.package, self.place = package, BUILD / package
        # mutmut copies a function with its docstring, so that the kit's doctests would be there once for each mutant.
        doctests = () if package == "testing" else (f"tinynn/{package}",)
        paths = (*doctests, *TESTS.get(package, ["tests"]))
        self.tests = [path for path in paths if (ROOT / path).exists()]

    def prepare(self, again: bool) -> None:
        """Copy what the tests read; mutmut's records of an earlier run stay for `again` alone."""
        if not again:
            shutil.rmtree(self.place, ignore_errors=True)
        for name in ("tinynn", "tests", "packages", "benchmarks"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.place / name, ignore=ignored, dirs_exist_ok=True)
        project = (ROOT / "pyproject.toml").read_text("utf-8")
        table = SETTINGS.format(package=self.package, tests=self.tests)
        (self.place / "pyproject.toml").write_text(project + table, "utf-8")

    def mutmut(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"HYPOTHESIS_PROFILE": "mutants", "OPENBLAS_NUM_THREADS": "1"}
        command = [Path(sys.executable).parent / "mutmut", *arguments]
        return subprocess.run(command, cwd=self.place, env=environment, capture_output=True, text=True)

    def run(self, sample: int | None, only: list[str], again: bool) -> None:
        """Let mutmut run all mutants, or those asked for, in one process at a time."""
        if again:
            only = [name for name, state in self.states().items() if state not in KILLED | {"not checked"}]
        elif sample is not None:
            self.mutmut("run", "--max-children", "1", "none")  # makes the mutants, then stops: no name fits
            names = sorted(self.states())
            only = random.Random(0).sample(names, min(sample, len(names)))
        done = self.mutmut("run", "--max-children", "1", *only)
        if done.returncode:
            sys.exit(f"mutmut failed on {self.package}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")

    def states(self) -> dict[str, str]:
        """What became of each mutant, by its name."""
        return dict(re.findall(r"^\s*(tinynn\.\S+): (.+)$", self.mutmut("results", "--all", "true").stdout, re.M))

    def describe(self, name: str) -> tuple[str, str]:
        """A mutant as it stands in docs/mutants.md: file, function and code; and what became of it."""
        module, function = re.fullmatch(r"tinynn\.(.+)\.x[_ǁ](.+)__mutmut_\d+", name).groups()
        changed: dict[str, list[str]] = {"-": [], "+": []}
        for line in self.mutmut("show", name).stdout.splitlines():
            if line[:1] in changed and line[:3] not in ("---", "+++"):
                changed[line[0]].append(line[1:].strip())
        old, new = (" ".join(lines) for lines in changed.values())
        return f"{module.replace('.', '/')}.py, {function.replace('ǁ', '.')}, `{old}`", " → ".join(differing(old, new))


def differing(old: str, new: str) -> tuple[str, str]:
    """The words in which two lines differ.

    >>> differing('take("row", shape)', 'take("ROW", shape)')
    ('`"row"`', '`"ROW"`')
    >>> differing("if k <= 1:", "if k < 1:")
    ('`<=`', '`<`')
    """
    start = common(old, new)
    stop = common(old[start:][::-1], new[start:][::-1])
    while start and re.match(r"[^\s(),\[\]]", old[start - 1]):
        start -= 1
    while stop and re.match(r"[^\s(),\[\]]", old[len(old) - stop]):
        stop -= 1
    return tuple(f"`{line[start : len(line) - stop]}`" for line in (old, new))


def common(one: str, other: str) -> int:
    """How many characters two strings begin with together."""
    return next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def report(campaign: Campaign) -> tuple[int, int, list[tuple[str, str]]]:
    """Print a row for each module and a line for each place with survivors; (died, all that ran, survivors)."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    states: Counter[str] = Counter()
    survivors = []
    for name, state in campaign.states().items():
        if state != "not checked":
            states[state] += 1
            rows[re.sub(r"\.x[_ǁ].*", "", name)]["killed" if state in KILLED else "survived"] += 1
        if state not in KILLED | {"not checked"}:
            survivors.append(campaign.describe(name))
    print("\n| module | mutants | killed | survived |\n|---|---|---|---|")
    for module, row in rows.items():
        print(f"| {module.replace('.', '/')}.py | {row.total()} | {row['killed']} | {row['survived']} |")
    print(f"\n{campaign.package}: {', '.join(f'{number} {state}' for state, number in states.items())}\n")
    print(*listed(survivors), sep="\n", flush=True)
    return sum(states[state] for state in KILLED), states.total(), survivors


def listed(survivors: list[tuple[str, str]]) -> list[str]:
    """A line for each place, as docs/mutants.md has them."""
    places: dict[str, list[str]] = defaultdict(list)
    for place, change in survivors:
        places[place].append(change)
    return [f"- {place}: {', '.join(changes)}" for place, changes in places.items()]


def explained(place: str, change: str) -> bool:
    lines = EXPLAINED.read_text("utf-8").splitlines() if EXPLAINED.exists() else []
    return any(line.startswith(f"- {place}: ") and change in line for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packages", nargs="*", help=f"below tinynn/; {', '.join(TESTS)} if none is given")
    parser.add_argument("--sample", type=int, help="so many mutants of each package, drawn at random")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="only mutants of such names")
    parser.add_argument("--again", action="store_true", help="the survivors of the last run, with the tests of now")
    options = parser.parse_args()
    died = total = 0
    survivors: list[tuple[str, str]] = []
    for package in options.packages or TESTS:
        campaign = Campaign(package)
        campaign.prepare(options.again)
        campaign.run(options.sample, options.only, options.again)
        result = report(campaign)
        died, total, survivors = died + result[0], total + result[1], survivors + result[2]
    new = [survivor for survivor in survivors if not explained(*survivor)]
    print(f"\n{died} of {total} mutants died, {100 * died / total:.2f} %; not in docs/mutants.md: {len(new)}")
    print(*listed(new), sep="\n")
    sys.exit(died < LIMIT / 100 * total or bool(new))


# ---- the plugin -----------------------------------------------------------------------------------
# A failing example is not made smaller: that it fails is all that counts here.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_configure() -> None:
    """See that the tests import the mutants; allow for the memory that mutmut takes in each call."""
    origin = Path(importlib.util.find_spec("tinynn").origin)
    assert origin.is_relative_to(Path.cwd()), f"the tests import {origin}"
    memory = importlib.import_module("memory")
    # Up to 22,000 bytes were seen; the smallest array in play has 24,000, and what else there is adds to it.
    memory.SMALL, peak_of = 30_000, memory.peak_of
    # Nothing is measured while mutmut notes which test reaches which function.
    memory.peak_of = lambda *given: peak_of(*given) * (os.environ["MUTANT_UNDER_TEST"] != "stats")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect with the mutant asleep: a test that is missed, or named otherwise, would count as a death."""
    mutant = os.environ.get("MUTANT_UNDER_TEST", "")
    os.environ["MUTANT_UNDER_TEST"] = ""
    try:
        return (yield)
    finally:
        os.environ["MUTANT_UNDER_TEST"] = mutant


if __name__ == "__main__":
    main()
