"""The complex step: Im f(x + ih)/h with h so small that neither truncation nor rounding is left.

It is exact to rounding where f is analytic in x and its code lets complex numbers through. Code that
takes a modulus, a real part or a comparison on the way does not; so before it is believed, it must agree
with real differences in random directions that move every entry.

Source: Squire & Trapp (1998), Using complex variables to estimate derivatives of real functions.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from tinynn.testing.prober import QUICK, UNDEFINED, Claim, Prober

if TYPE_CHECKING:
    from tinynn._arrays import Array

STEP = 1e-30
#: Fewer entries are cheaper to difference than to find out about.
WORTH_IT = 8
#: Random directions in which both derivatives must agree, and to how many digits.
DIRECTIONS, AGREEMENT = 2, 1e-7


def complex_step(claim: Claim, prober: Prober, entries: Array) -> Array | None:
    """The derivatives of some entries, exact to rounding; None if the code does not take complex numbers."""
    if len(entries) < WORTH_IT or not _trusted(claim, prober):
        return None
    found = np.empty(len(entries))
    for row, k in enumerate(entries.tolist()):
        direction = np.zeros(claim.value.size)
        direction[k] = max(1.0, abs(float(claim.value.flat[k])))
        slope = _along(claim, prober, direction)
        found[row] = np.nan if slope is None else slope / direction[k]
    return found


def _along(claim: Claim, prober: Prober, direction: Array) -> float | None:
    moved = claim.value + 1j * STEP * direction.reshape(claim.value.shape)
    prober.evaluations += 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a ComplexWarning: the imaginary part was dropped
        try:
            value = np.asarray(claim.output(moved))
        except Exception:  # whatever code does that was never meant for complex numbers
            return None
    if value.dtype.kind != "c" or value.size != claim.upstream.size:
        return None
    return float(np.vdot(claim.upstream, value.imag.reshape(claim.upstream.shape)) / STEP)


def _trusted(claim: Claim, prober: Prober) -> bool:
    rng = np.random.default_rng(0)
    for _ in range(DIRECTIONS):
        direction = rng.choice([-1.0, 1.0], claim.value.size) * rng.uniform(0.5, 1.0, claim.value.size)
        slope = _along(claim, prober, direction)
        if slope is None or not np.isfinite(slope):
            return False
        try:
            real = _difference(claim, prober, direction.reshape(claim.value.shape))
        except UNDEFINED:
            return False
        if not abs(real - slope) <= AGREEMENT * abs(slope) + 1e-300:
            return False
    return True


def _difference(claim: Claim, prober: Prober, direction: Array) -> float:
    quotients = []
    prober.evaluations += 4
    for step in (QUICK / 4, QUICK / 8):
        up, down = (np.asarray(claim.output(claim.value + t * direction)) for t in (step, -step))
        quotients.append(float(np.vdot(claim.upstream, up - down)) / (2 * step))
    return (4 * quotients[1] - quotients[0]) / 3
