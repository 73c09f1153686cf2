"""What a check found: one line per array, and the error that says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from tinynn.errors import TinynnError

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Cause(NamedTuple):
    """Why a derivative is probably wrong: a fixed word for programs, a sentence for people."""

    slug: str
    text: str


class GradientError(TinynnError, AssertionError):
    """A derivative, or a law that every derivative keeps, is broken.

    An AssertionError, so that unittest and pytest count it as a failed test. `report` is the whole
    report, as a check that passes returns it; `cause` names the likely cause in one word.
    """

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report

    @property
    def cause(self) -> str:
        """The first likely cause, such as "sign" or "batch-mean"; "unknown" if none was found."""
        return self.report.causes[0].slug if self.report.causes else "unknown"

    def __reduce__(self) -> tuple[type[GradientError], tuple[str, Report]]:
        return type(self), (str(self), self.report)


@dataclass
class ArrayReport:
    """How one claimed gradient compares with differences of the function's values.

    largest_error is |claimed − numeric| where it exceeds its tolerance the most (or comes nearest to
    it), `where` its index, noise what the differences cannot resolve there; kinks lists the entries
    at which the function has no derivative, wrong those that lie outside their tolerance. method is
    "differences", "complex step", or "blocks" for arrays too large to be differenced entry by entry
    ("blocks, in part" where more blocks disagreed, at kinks perhaps, than could be followed).
    """

    name: str
    shape: tuple[int, ...]
    largest_error: float = 0.0
    where: tuple[int, ...] = ()
    claimed: float = 0.0
    numeric: float = 0.0
    noise: float = 0.0
    evaluations: int = 0
    kinks: list[tuple[int, ...]] = field(default_factory=list)
    wrong: list[tuple[int, ...]] = field(default_factory=list)
    method: str = "differences"
    tolerance: float = 0.0
    #: The claimed gradient, and the numeric derivative of every entry that was differenced, nan elsewhere.
    gradient: Array = field(default_factory=lambda: np.empty(0), repr=False)
    derivative: Array = field(default_factory=lambda: np.empty(0), repr=False)
    #: The derivative of each output (columns) by each entry (rows), where it is small enough to keep.
    jacobian: Array | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """The entry in question, as in ∂C/∂x[1, 2]."""
        index = f"[{', '.join(map(str, self.where))}]" if self.where else ""
        return f"∂C/∂{self.name}{index}"

    def message(self) -> str:
        """The wrong entry in words."""
        checked = int(np.isfinite(self.derivative).sum())
        allowed = 4 * self.noise + self.tolerance * abs(self.numeric)
        return (
            f"{self.label}: the code says {self.claimed:.10g}, differences say {self.numeric:.10g} ± {self.noise:.1e} "
            f"(error {self.largest_error:.1e}, tolerance {allowed:.1e}; {len(self.wrong)} of {checked} entries wrong)"
        )


@dataclass
class Report:
    """One row per array; str() is a table.

    `laws` names what else was found to hold, `causes` the likely causes of what does not;
    `couples_batch` says whether a layer's rows depend on one another, None where that was not asked;
    `notes` are lines to read below the table.

    >>> print(Report("f", {"x": ArrayReport("x", (2, 3), 1e-12, (0, 1), evaluations=24)}))
    f: right
    array    shape         largest error  at            noise    kinks  evaluations
    x        (2, 3)        1.0e-12        (0, 1)        0.0e+00  0      24
    """

    subject: str
    arrays: dict[str, ArrayReport] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    laws: list[str] = field(default_factory=list)
    couples_batch: bool | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def evaluations(self) -> int:
        return sum(array.evaluations for array in self.arrays.values())

    @property
    def right(self) -> bool:
        return not self.causes and not self.wrong

    @property
    def wrong(self) -> list[ArrayReport]:
        """The arrays with a wrong entry."""
        return [array for array in self.arrays.values() if array.wrong]

    def fail(self, slug: str, text: str) -> NoReturn:
        """Raise the GradientError of a broken law."""
        self.causes.append(Cause(slug, text))
        raise GradientError("\n".join([f"{self.subject}: {text}", *self.notes]), self)

    def raise_if_wrong(self) -> Report:
        """Itself if all is right, else a GradientError with the wrong entries in words."""
        if self.right:
            return self
        faults = [array.message() for array in self.wrong]
        causes = [f"likely cause: {cause.text}" for cause in self.causes]
        raise GradientError("\n".join([f"{self.subject}: wrong gradient", *faults, *causes, "", str(self)]), self)

    def __str__(self) -> str:
        width = max([8, *(len(name) for name in self.arrays)])
        row = f"{{:<{width}}} {{:<13}} {{:<14}} {{:<13}} {{:<8}} {{:<6}} {{}}".format
        lines = [f"{self.subject}: {'right' if self.right else 'wrong'}"]
        if self.arrays:
            lines.append(row("array", "shape", "largest error", "at", "noise", "kinks", "evaluations"))
        for a in self.arrays.values():
            cells = (f"{a.largest_error:.1e}", str(a.where), f"{a.noise:.1e}", len(a.kinks), a.evaluations)
            lines.append(row(a.name, str(a.shape), *cells))
        if self.laws:
            lines.append(f"laws held: {', '.join(self.laws)}")
        if self.couples_batch is not None:
            lines.append(f"rows {'depend on' if self.couples_batch else 'are independent of'} one another")
        return "\n".join([*lines, *self.notes])
