"""Why is a gradient wrong? Hypotheses, each tested against the numbers; the first that fits is the likely cause.

Every hypothesis is a function of the evidence that gives a Cause or None. They stand in the order in which
they are asked: what explains all entries exactly comes first, what is merely compatible last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.patterns import fitted, ratio_of, same, threshold
from tinynn.testing.prober import Claim, Prober
from tinynn.testing.report import ArrayReport, Cause, Report

if TYPE_CHECKING:
    from tinynn._arrays import Array


@dataclass
class Evidence:
    """What is known about one wrong gradient.

    output(value) is the function of the array in question; claimed(u) the code's gradient for another
    upstream gradient u, None where there is none; values all inputs and parameters by name; rows the
    batch size, None if there is no batch; attributes the subject's plain numbers by name.
    """

    report: Report
    array: ArrayReport
    upstream: Array
    output: Callable[[Array], Array]
    claimed: Callable[[Array], Array] | None
    values: dict[str, Array]
    rows: int | None = None
    attributes: dict[str, float] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return f"∂C/∂{self.array.name}"

    @property
    def value(self) -> Array:
        return self.values[self.array.name]

    @property
    def known(self) -> Array:
        """Which entries were differenced."""
        return np.isfinite(self.array.derivative)

    @property
    def code(self) -> Array:
        """The claimed entries that were differenced, 1-D."""
        return self.array.gradient[self.known]

    @property
    def true(self) -> Array:
        """Their numeric derivatives, 1-D."""
        return self.array.derivative[self.known]

    def true_for(self, upstream: Array, value: Array | None = None) -> Array:
        """The numeric derivatives, 1-D, for another upstream gradient, or at another value."""
        if value is None and self.array.jacobian is not None and self.known.all():
            return np.asarray(self.array.jacobian @ np.ravel(upstream))
        at = self.value if value is None else value
        prober = Prober(Claim("", at, self.output, upstream, np.zeros_like(at)))
        return prober.quick(np.flatnonzero(self.known)).numeric


def diagnose(evidence: Evidence) -> Cause:
    """The likely cause of one wrong gradient."""
    with np.errstate(all="ignore"):
        close = same(evidence.code, evidence.true, 1e-5)
        for hypothesis in NEARLY_RIGHT if close else HYPOTHESES:
            cause = hypothesis(evidence)
            if cause is not None:
                return cause
    wrong, known = len(evidence.array.wrong), int(evidence.known.sum())
    return Cause(
        "unknown", f"no known pattern fits {evidence.what} ({wrong} of {known} entries wrong); is a term missing?"
    )


# ---- exact explanations -------------------------------------------------------------------------
def not_finite(e: Evidence) -> Cause | None:
    bad = int((~np.isfinite(e.array.gradient)).sum())
    return Cause("not-finite", f"{e.what} holds {bad} values that are not finite") if bad else None


def forgotten(e: Evidence) -> Cause | None:
    if e.code.any():
        return None
    return Cause("forgotten", f"{e.what} is 0 everywhere: it is forgotten in backward, or its path is cut")


def kink(e: Evidence) -> Cause | None:
    if not set(e.array.wrong) <= set(e.array.kinks):
        return None
    return Cause("kink", f"{e.what} lies outside of the slopes from the two sides of a kink, and is right elsewhere")


def ignores_upstream(e: Evidence) -> Cause | None:
    if e.claimed is None or not np.any(e.upstream):
        return None
    code, other = e.array.gradient, e.claimed(-3 * e.upstream)
    if same(other, code):
        return Cause("upstream-ignored", f"{e.what} does not depend on the upstream gradient: multiply by it")
    if not same(other, -3 * code):
        return Cause("nonlinear", f"{e.what} is not linear in the upstream gradient (3 times it gives something else)")
    return None


def constant_factor(e: Evidence) -> Cause | None:
    factor = ratio_of(e.code, e.true)
    if factor is None:
        return None
    is_times = f"{e.what} is the right one times"
    if abs(factor + 1) < 1e-6:
        return Cause("sign", f"{e.what} has the wrong sign")
    fractions = {name: a for name, a in e.attributes.items() if a != round(a)}
    sizes = {name: a for name, a in e.attributes.items() if a == round(a)}
    for name, formula in _named_factor(factor, fractions):
        slug = "dropout-scale" if name.strip("_").lower() in DROPOUT else "factor"
        return Cause(slug, f"{is_times} {formula} = {factor:.6g}: a factor {name} missing or doubled")
    if abs(factor - 1) < 1e-2:
        return Cause("coefficient", f"{is_times} {factor:.8g}: a mistyped coefficient")
    if e.rows is not None and e.rows > 2:
        for n, where in ((e.rows, "n too much"), (1 / e.rows, "the mean over the batch where the sum belongs")):
            if abs(factor / n - 1) < 1e-6:
                return Cause("batch-mean", f"{is_times} {_fraction(factor)}, and the batch has {e.rows} rows: {where}")
    for _, formula in _named_factor(factor, sizes):
        return Cause("factor", f"{is_times} the constant factor {_fraction(factor)}, which is {formula}")
    return Cause("factor", f"{is_times} the constant factor {_fraction(factor)}")


#: What people call the probability of dropping or keeping a unit.
DROPOUT = ("rate", "p", "keep", "keep_prob", "keep_probability", "prob", "probability", "drop", "drop_rate", "dropout")


def _named_factor(factor: float, attributes: dict[str, float]) -> Iterator[tuple[str, str]]:
    for name, a in attributes.items():
        formulas = {
            name: a,
            f"1/{name}": 1 / a if a else 0.0,
            f"{name}²": a * a,
            f"1/{name}²": 1 / (a * a) if a else 0.0,
        }
        formulas |= {f"1 − {name}": 1 - a, f"1/(1 − {name})": 1 / (1 - a) if a != 1 else 0.0}
        for formula, number in formulas.items():
            if number not in (0.0, 1.0, -1.0) and abs(factor / number - 1) < 1e-6:
                yield name, formula


def _fraction(factor: float) -> str:
    fraction = Fraction(factor).limit_denominator(1000)
    if factor != 0 and abs(float(fraction) / factor - 1) < 1e-6:
        return str(fraction)
    return f"{factor:.6g}"


def transposed(e: Evidence) -> Cause | None:
    d = e.array.derivative
    if d.ndim < 2 or d.shape[-1] != d.shape[-2] or not e.known.all():
        return None
    if same(e.array.gradient, np.swapaxes(d, -1, -2)):
        return Cause("transposed", f"{e.what} is the transpose of the right one")
    return None


def swapped(e: Evidence) -> Cause | None:
    for name, other in e.report.arrays.items():
        if name != e.array.name and other.shape == e.array.shape:
            known = e.known & np.isfinite(other.derivative)
            if known.any() and same(e.array.gradient[known], other.derivative[known]):
                return Cause("swapped", f"{e.what} is the right gradient of {name}: swapped, or written in its place")
    return None


def permuted(e: Evidence) -> Cause | None:
    if not e.known.all() or e.true.size < 2 or same(e.true, np.full_like(e.true, e.true[0])):
        return None
    if same(np.sort(e.code), np.sort(e.true)):
        return Cause(
            "permuted", f"{e.what} holds the right numbers in other places: reversed, rolled, or another memory order"
        )
    return None


def rows(e: Evidence) -> Cause | None:
    """A parameter's gradient is a sum over the rows: is one of them missing, or one alone there?"""
    n = e.rows
    if n is None or n < 2 or e.upstream.ndim < 1 or len(e.upstream) != n:
        return None
    if _right(e).any():
        return None
    per_row = e.array.shape[:1] == (n,) and e.value.ndim == e.upstream.ndim
    parts = {}
    for row, name in ((n - 1, "last"), (0, "first")):
        alone = np.zeros_like(e.upstream)
        alone[row] = e.upstream[row]
        parts[name] = e.true_for(alone)
    for name, part in parts.items():
        if not per_row and same(e.code, part):
            return Cause("batch-sum", f"{e.what} is that of the {name} row alone: the sum over the batch is missing")
    for name, part in parts.items():
        if same(e.code, e.true - part):
            return Cause("row-dropped", f"{e.what} leaves out the {name} row of the batch")
    return None


def float32(e: Evidence) -> Cause | None:
    code = e.code
    if code.any() and np.array_equal(code.astype(np.float32).astype(np.float64), code) and same(code, e.true, 1e-4):
        return Cause("dtype", f"{e.what} has the seven digits of float32: a dtype is hard-coded on the way")
    return None


def at_output(e: Evidence) -> Cause | None:
    """Is it the derivative at y = f(x) instead of at x?"""
    y = np.asarray(e.output(e.value))
    if y.shape != e.value.shape or not np.isfinite(y).all() or same(y, e.value):
        return None
    if same(e.code, e.true_for(e.upstream, y)):
        return Cause("derivative-at-output", f"{e.what} is the derivative at the output y instead of at the input x")
    return None


def _wrong(e: Evidence) -> Array:
    """Which of the differenced entries are wrong."""
    wrong = np.zeros(e.array.shape, bool)
    wrong[tuple(zip(*e.array.wrong, strict=True))] = True
    return wrong[e.known]


def _right(e: Evidence) -> Array:
    """Which of them are right, and not because there is nothing to get wrong."""
    silent = (np.abs(e.true) <= 1e-9 * np.abs(e.true).max(initial=0.0)) & (e.code == 0)
    right: Array = ~_wrong(e) & ~silent
    return right


# ---- some entries are right ---------------------------------------------------------------------
def branch(e: Evidence) -> Cause | None:
    """Right for some entries: which have what in common?"""
    wrong, right, value = _wrong(e), _right(e), e.value[e.known]
    if not right.any():
        return None
    if wrong.sum() == 1:
        return Cause("branch", f"{e.what} is wrong in a single entry, {list(e.array.wrong[0])}")
    if e.rows is not None and e.array.shape[:1] == (e.rows,):
        in_rows = sorted({index[0] for index in e.array.wrong})
        if len(in_rows) == 1 and e.rows > 1:
            slug = "row-dropped" if not e.array.gradient[in_rows[0]].any() else "branch"
            return Cause(slug, f"{e.what} is wrong in row {in_rows[0]} alone")
    where = threshold(value, wrong, right)
    if where is not None:
        return Cause("branch", f"{e.what} is wrong only where {e.array.name} {where}: look at that branch")
    if wrong.sum() <= right.sum():
        share = f"{int(wrong.sum())} of {wrong.size} entries"
        return Cause("branch", f"{e.what} is wrong in {share} and right in the others: a case is missing")
    return None


# ---- terms and factors --------------------------------------------------------------------------
def diagonal(e: Evidence) -> Cause | None:
    """Each output depends on many inputs: was its own alone differentiated by?"""
    jacobian, y = e.array.jacobian, np.asarray(e.output(e.value))
    if (
        jacobian is None
        or y.shape != e.value.shape
        or not same(np.ravel(e.array.gradient), np.ravel(e.upstream) * np.diag(jacobian))
    ):
        return None
    text = f"{e.what} holds the diagonal of the Jacobian alone: an output depends on other inputs, too, through a sum"
    return Cause("normalisation", text)


def normalisation(e: Evidence) -> Cause | None:
    """Along one axis the error is a constant, or a multiple of x or y: a mean or a variance was not differentiated."""
    if not e.known.all() or e.value.ndim < 2:
        return None
    error = e.array.gradient - e.array.derivative
    y = np.asarray(e.output(e.value))
    for axis in (-1, 0):
        size, over = error.shape[axis], "the features" if axis == -1 else "the batch"
        if size >= 3 and fitted(error, axis, ["1"], e.value):
            return Cause(
                "normalisation", f"{e.what} lacks a term that is constant over {over}: that of a mean or a sum"
            )
        for name, array in (("y", y), ("exp y", np.exp(y)), ("x", e.value)):
            if size >= 3 and array.shape == error.shape and fitted(error, axis, ["y"], array):
                text = f"{e.what} lacks a term proportional to {name} over {over}: that of a sum or a norm"
                return Cause("normalisation", text)
        if size >= 4 and fitted(error, axis, ["1", "y"], e.value):
            return Cause(
                "normalisation", f"{e.what} lacks a term linear in x over {over}: that of a variance or a norm"
            )
    return None


def entry_factor(e: Evidence) -> Cause | None:
    """The right one times a known array, up to a constant."""
    y = np.asarray(e.output(e.value))
    if y.shape == e.upstream.shape == e.array.shape and same(e.array.gradient, e.upstream):
        return Cause("entry-factor", f"{e.what} is the upstream gradient itself: the factor f'(x) is forgotten")
    big = np.abs(e.true) > 1e-6 * np.abs(e.true).max(initial=0.0)
    if big.sum() < 3:
        return None
    ratio = e.code[big] / e.true[big]
    for formula, array in _candidates(e, y):
        try:
            known = np.broadcast_to(array, e.array.shape)[e.known][big]
        except ValueError:
            continue
        for power, text in ((1, formula), (-1, f"1/({formula})" if " " in formula else f"1/{formula}")):
            constant = ratio_of(ratio, known**power)
            if constant is not None and not same(known, np.full_like(known, known[0])):
                times = "" if abs(constant - 1) < 1e-6 else f"{_fraction(constant)} · "
                return Cause("entry-factor", f"{e.what} is the right one times {times}{text}, entry by entry")
    return None


def _candidates(e: Evidence, y: Array) -> Iterator[tuple[str, Array]]:
    for name, value in e.values.items():
        yield name, value
        yield f"{name}²", value**2
    if y.shape == e.array.shape:
        yield from {
            "y": y,
            "1 − y": 1 - y,
            "1 + y": 1 + y,
            "y (1 − y)": y * (1 - y),
            "1 − y²": 1 - y**2,
            "y²": y**2,
        }.items()


def coefficient(e: Evidence) -> Cause | None:
    if not same(e.code, e.true, 1e-2) or 2 * len(e.array.wrong) < e.true.size:
        return None
    share = float(np.abs(e.code - e.true).max() / np.abs(e.true).max())
    return Cause(
        "coefficient", f"{e.what} is off by {share:.1e} of its size at most: a mistyped or an approximate coefficient"
    )


HYPOTHESES: list[Callable[[Evidence], Cause | None]] = [
    not_finite, forgotten, kink, ignores_upstream, float32, constant_factor, transposed, swapped, permuted, rows,
    at_output, coefficient, branch, diagonal, normalisation, entry_factor,
]  # fmt: skip
#: Where no entry is far off, a pattern would fit by accident.
NEARLY_RIGHT: list[Callable[[Evidence], Cause | None]] = [
    not_finite, kink, ignores_upstream, float32, coefficient, branch,
]  # fmt: skip
