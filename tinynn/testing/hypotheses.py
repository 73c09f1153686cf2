"""Causes that explain every entry, or a part of them: each a function of the evidence, giving a Cause or None."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinynn.testing.evidence import Evidence
from tinynn.testing.patterns import as_fraction, ratio_of, same, threshold
from tinynn.testing.prober import UNDEFINED
from tinynn.testing.report import Cause


# ---- exact explanations -------------------------------------------------------------------------
def not_finite(e: Evidence) -> Cause | None:
    bad = int((~np.isfinite(e.array.gradient)).sum())
    return Cause("not-finite", f"{e.what} holds {bad} values that are not finite") if bad else None


def function_rounds(e: Evidence) -> Cause | None:
    """Does the function itself round to float32? Then no gradient agrees with its differences."""
    name, subject = e.array.name, e.report.subject
    try:
        dtype = np.asarray(e.output(e.value.copy())).dtype
        if dtype in (np.float32, np.float16):
            return Cause("dtype", f"{subject} gives {dtype} where {name} is float64: a hard-coded dtype")
        moves = False
        for share in (1.2345e-3, -3.4567e-4, 7.6543e-4):
            moved = np.where(e.value == 0, share, e.value * (1 + share))
            y = np.array(e.output(moved.copy()))
            if not np.array_equal(y, e.output(moved.astype(np.float32).astype(np.float64))):
                return None
            # A few roundings further on it must differ, or it stands still for another reason.
            moves = moves or not np.array_equal(y, e.output(moved * (1 + 4e-6)))
    except UNDEFINED:
        return None
    return Cause("dtype", f"{subject} rounds {name} to float32: a hard-coded dtype") if moves else None


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
                return Cause(
                    "batch-mean", f"{is_times} {as_fraction(factor)}, and the batch has {e.rows} rows: {where}"
                )
    for _, formula in _named_factor(factor, sizes):
        return Cause("factor", f"{is_times} the constant factor {as_fraction(factor)}, which is {formula}")
    return Cause("factor", f"{is_times} the constant factor {as_fraction(factor)}")


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
    if e.right.any():
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


# ---- some entries are right ---------------------------------------------------------------------
def branch(e: Evidence) -> Cause | None:
    """Right for some entries: which have what in common?"""
    wrong, right, value = e.wrong, e.right, e.value[e.known]
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
