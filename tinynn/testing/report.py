"""What a check found: one line per array, and the error that says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tinynn.errors import TinynnError

if TYPE_CHECKING:
    from tinynn._arrays import Array


class GradientError(TinynnError, AssertionError):
    """A derivative, or a law that every derivative keeps, is broken.

    An AssertionError, so that unittest and pytest count it as a failed test. `report` is the whole
    report, as a check that passes returns it.
    """

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


@dataclass
class ArrayReport:
    """How one claimed gradient compares with differences of the function's values.

    largest_error is |claimed − numeric| where it exceeds its tolerance the most (or comes nearest to
    it), `where` its index, noise what the differences cannot resolve there; kinks lists the entries
    at which the function has no derivative, wrong those that lie outside their tolerance.
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
    #: The numeric derivative of every entry that was differenced, nan elsewhere.
    derivative: Array = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def label(self) -> str:
        """The entry in question, as in ∂C/∂x[1, 2]."""
        index = f"[{', '.join(map(str, self.where))}]" if self.where else ""
        return f"∂C/∂{self.name}{index}"

    def message(self) -> str:
        """The wrong entry in words."""
        checked = int(np.isfinite(self.derivative).sum())
        return (
            f"{self.label}: the code says {self.claimed:.10g}, differences say {self.numeric:.10g} ± {self.noise:.1e} "
            f"(error {self.largest_error:.1e}; {len(self.wrong)} of {checked} entries wrong)"
        )


@dataclass
class Report:
    """One row per array; str() is a table.

    >>> print(Report("f", {"x": ArrayReport("x", (2, 3), 1e-12, (0, 1), evaluations=24)}))
    f: right
    array    shape         largest error  at            noise    kinks  evaluations
    x        (2, 3)        1.0e-12        (0, 1)        0.0e+00  0      24
    """

    subject: str
    arrays: dict[str, ArrayReport] = field(default_factory=dict)

    @property
    def evaluations(self) -> int:
        return sum(array.evaluations for array in self.arrays.values())

    @property
    def right(self) -> bool:
        return not any(array.wrong for array in self.arrays.values())

    def raise_if_wrong(self) -> Report:
        """This report, or a GradientError with it."""
        if self.right:
            return self
        faults = [array.message() for array in self.arrays.values() if array.wrong]
        raise GradientError("\n".join([f"{self.subject}: wrong gradient", *faults, "", str(self)]), self)

    def __str__(self) -> str:
        head = f"{self.subject}: {'right' if self.right else 'wrong'}"
        row = "{:<8} {:<13} {:<14} {:<13} {:<8} {:<6} {}".format
        lines = [head, row("array", "shape", "largest error", "at", "noise", "kinks", "evaluations")]
        for a in self.arrays.values():
            cells = (f"{a.largest_error:.1e}", str(a.where), f"{a.noise:.1e}", len(a.kinks), a.evaluations)
            lines.append(row(a.name, str(a.shape), *cells))
        return "\n".join(lines)
