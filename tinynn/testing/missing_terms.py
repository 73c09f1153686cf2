"""Causes that are a term or a factor too few: each a function of the evidence, giving a Cause or None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.evidence import Evidence
from tinynn.testing.patterns import as_fraction, fitted, ratio_of, same
from tinynn.testing.report import Cause

if TYPE_CHECKING:
    from tinynn._arrays import Array


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
                times = "" if abs(constant - 1) < 1e-6 else f"{as_fraction(constant)} · "
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
