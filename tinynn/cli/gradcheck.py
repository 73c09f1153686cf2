"""The command `gradcheck`: the kit's checks on classes of a module, and a table of what they found."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tinynn.cli.draws import input_shape, loss_calls
from tinynn.cli.subjects import Subject, reason, subjects
from tinynn.errors import InvalidValueError
from tinynn.testing import GradientError, Report, check_layer, check_loss, check_optimizer

if TYPE_CHECKING:
    from argparse import Namespace

    from tinynn._arrays import Array

    Check = tuple[str, str, Callable[[], Report]]

HEAD = ("checked", "array", "shape", "largest error", "kinks", "evaluations", "verdict")


@dataclass
class Outcome:
    """What was found out about one thing, with all seeds; a fault ends it."""

    label: str
    reports: list[Report] = field(default_factory=list)
    verdict: str = "right"
    fault: str = ""


def gradcheck(options: Namespace) -> int:
    """Check what `options` name and print it; 0 if all is right, 1 if something is wrong.

    Raises: InvalidValueError if nothing of what was asked for can be checked.
    """
    outcomes: list[Outcome] = []
    problems: list[str] = []
    for subject in subjects(options):
        try:
            if subject.problem:
                raise InvalidValueError(subject.problem)
            outcomes += _checked(subject, options)
        except InvalidValueError as error:
            problems.append(" ".join(str(error).split()))
    if not outcomes:
        raise InvalidValueError("; ".join(problems))
    print(_table(outcomes))
    wrong = [outcome for outcome in outcomes if outcome.fault]
    parts = [outcome.fault for outcome in wrong] + [f"not checked: {problem}" for problem in problems]
    counts = f"{len(outcomes) - len(wrong)} right, {len(wrong)} wrong"
    parts.append(counts + (f", {len(problems)} not checked" if problems else ""))
    print("".join(f"\n{part}\n" for part in parts), end="")
    return 1 if wrong else 0


def _checked(subject: Subject, options: Namespace) -> list[Outcome]:
    """The outcomes of one subject: one, or for a loss one for each kind of target."""
    found: dict[str, Outcome] = {}
    for seed in range(options.seeds):
        for label, hint, check in _checks(subject, options, seed):
            outcome = found.get(label) or Outcome(label)
            if not outcome.fault:
                _run(outcome, check)
                notes = [f"with rng={seed}"] * (options.seeds > 1) + [hint] * bool(hint)
                outcome.fault = "\n".join([outcome.fault, *notes]) if outcome.fault else ""
            found[label] = outcome
    return list(found.values())


def _checks(subject: Subject, options: Namespace, seed: int) -> Iterator[Check]:
    """What there is to check: a label that says how, a hint for the case that it is wrong, and the check."""
    thing, asked = subject.thing, options.shape
    if subject.kind == "optimizer":
        if seed == 0:  # nothing in it is drawn
            yield subject.name, "", lambda: check_optimizer(thing)
    elif subject.kind == "loss":
        hint = "prediction and target were drawn; tinynn.testing.check_loss takes others"
        for kind, p, t in loss_calls(thing, asked, seed):

            def check(p: Array = p, t: Array = t) -> Report:
                return check_loss(thing, p, t, strict=options.strict, rng=seed)

            yield f"{_shown(subject)}, {kind}", hint, check
    else:
        shape = input_shape(thing, asked)
        hint = "" if asked else f"x of shape {shape} is a guess; --shape gives another"
        yield (
            _shown(subject),
            hint,
            lambda: check_layer(thing, input_shape=shape, strict=options.strict, names=options.names, rng=seed),
        )


def _shown(subject: Subject) -> str:
    text = repr(subject.thing)
    return subject.name if text.startswith("<") or len(text) > 60 or "\n" in text else text


def _run(outcome: Outcome, check: Callable[[], Report]) -> None:
    """One check; its GradientError, and what the checked code raises, is the outcome's fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome.reports.append(check())
    except GradientError as error:
        outcome.reports.append(error.report)
        outcome.verdict, outcome.fault = f"wrong: {error.cause}", str(error)
    except InvalidValueError:  # what was asked for, not what was checked, is at fault
        raise
    except Exception as error:
        outcome.verdict, outcome.fault = "wrong: raises", f"{outcome.label}: {reason(error)}"


# ---- the table ----------------------------------------------------------------------------------
def _table(outcomes: list[Outcome]) -> str:
    """A row for each array; largest errors are over all seeds."""
    rows = [HEAD, *(row for outcome in outcomes for row in _rows(outcome))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _rows(outcome: Outcome) -> list[tuple[str, ...]]:
    names = dict.fromkeys(name for report in outcome.reports for name in report.arrays)
    rows = []
    for name in names:
        same = [report.arrays[name] for report in outcome.reports if name in report.arrays]
        error = max(array.largest_error for array in same)
        kinks, evaluations = max(len(array.kinks) for array in same), sum(array.evaluations for array in same)
        rows.append((name, str(same[0].shape), f"{error:.1e}", str(kinks), str(evaluations)))
    rows = rows or [("",) * 5]
    return [(outcome.label if k == 0 else "", *row, outcome.verdict if k == 0 else "") for k, row in enumerate(rows)]
