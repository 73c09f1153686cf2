"""Functions that must stay right where the textbook form overflows or cancels.

All are element-wise or row-wise and write into arrays that the caller gives, so that a warm training
step allocates nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn._arrays import FLOAT32, FLOAT64, HALF, ONE, ZERO, constant

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype

FOUR = constant(4.0)
#: Beyond this e^(−u²/2) is 0 in float64 already; it keeps u² from overflowing.
TAIL_END = constant(40.0)

# Coefficients of p(s), highest power first, from tests/fixtures/make_normal_tail.py.
TAIL_FLOAT32 = (
    2.118298425522466e-05,
    -1.7310823014754179e-06,
    -0.0002155737762864521,
    0.00013365338709444132,
    0.0016220401055284282,
    -0.0034799546374434,
    -0.007537717159683632,
    0.060396648278004936,
    -0.1865221598399514,
    0.38713739385984314,
    -0.6078966313662241,
    0.7552851305166057,
)
TAIL_FLOAT64 = (
    3.403312308649495e-10,
    -1.1997782031253095e-10,
    -3.73064508186837e-09,
    -5.873626764987191e-10,
    2.1427603843452355e-08,
    1.7844927772981415e-08,
    -8.686647015997893e-08,
    -1.597739614223922e-07,
    2.7246296951145873e-07,
    1.0247851016552774e-06,
    -6.298367338492369e-07,
    -5.921611045923978e-06,
    7.166587641195121e-07,
    3.514511190283765e-05,
    -1.908246351414571e-06,
    -0.00023109501736277426,
    0.00013334430941183256,
    0.0016308184674099085,
    -0.0034796923670479736,
    -0.007540188967386312,
    0.060396574890917876,
    -0.1865218579596366,
    0.3871374007422149,
    -0.6078966419718923,
    0.7552851304157515,
)
TAIL: dict[Dtype, list[Array]] = {
    FLOAT32: [np.array(c, FLOAT32) for c in TAIL_FLOAT32],
    FLOAT64: [np.array(c, FLOAT64) for c in TAIL_FLOAT64],
}


def sigmoid(z: Array, out: Array, scratch: Array) -> None:
    """σ(z) with a small relative error everywhere: e^min(z, 0) / (1 + e^−|z|)."""
    np.abs(z, scratch)
    np.negative(scratch, scratch)
    np.exp(scratch, scratch)
    np.add(scratch, ONE[z.dtype], scratch)
    np.minimum(z, ZERO[z.dtype], out=out)
    np.exp(out, out)
    np.divide(out, scratch, out)


def softplus(z: Array, out: Array, scratch: Array) -> None:
    """log(1 + e^z) = max(z, 0) + log(1 + e^−|z|), which never overflows."""
    log_1p_exp_minus_abs(z, scratch)
    np.maximum(z, ZERO[z.dtype], out=out)
    np.add(out, scratch, out)


def log_1p_exp_minus_abs(z: Array, out: Array) -> None:
    """log(1 + e^−|z|)."""
    np.abs(z, out)
    np.negative(out, out)
    np.exp(out, out)
    np.log1p(out, out)


def softmax(z: Array, out: Array, row: Array) -> None:
    """e^z / Σ e^z along the last axis, shifted by the largest z; row (…, 1) ends as Σ e^(z − max z)."""
    if z.shape[-1] == 0:
        return
    np.maximum.reduce(z, axis=-1, keepdims=True, out=row)
    np.subtract(z, row, out)
    np.exp(out, out)
    np.add.reduce(out, axis=-1, keepdims=True, out=row)
    np.divide(out, row, out)


def normal_cdf(z: Array, cdf: Array, density: Array, scratch: Array) -> None:
    """Φ(z) = ½ (1 + erf(z / √2)) to the dtype's precision, and e^(−z²/2) on the way.

    The tail Q(u) = 1 − Φ(u), u = |z|, is e^(−u²/2) times a polynomial in (u − 4) / (u + 4), divided by
    u + 4: no branches, a relative error below 1.5e-15 for u < 5 in float64 (2e-9 in exact arithmetic
    with the float32 coefficients).
    Source: Schonfelder (1978), Chebyshev expansions for the error and related functions, Math. Comp. 32.
    """
    four, end, polynomial = FOUR[z.dtype], TAIL_END[z.dtype], TAIL[z.dtype]
    np.abs(z, scratch)
    np.minimum(scratch, end, out=scratch)
    np.multiply(scratch, scratch, density)
    np.multiply(density, HALF[z.dtype], density)
    np.negative(density, density)
    np.exp(density, density)
    np.add(scratch, four, cdf)
    np.subtract(scratch, four, scratch)
    np.divide(scratch, cdf, scratch)  # s
    np.multiply(scratch, polynomial[0], cdf)
    for coefficient in polynomial[1:-1]:
        np.add(cdf, coefficient, cdf)
        np.multiply(cdf, scratch, cdf)
    np.add(cdf, polynomial[-1], cdf)
    np.multiply(cdf, density, cdf)
    np.abs(z, scratch)
    np.minimum(scratch, end, out=scratch)
    np.add(scratch, four, scratch)
    np.divide(cdf, scratch, cdf)  # Q(|z|)
    # Φ(z) is Q for z ≤ 0 and 1 − Q = Q + (1 − 2 Q) above, without a branch.
    np.add(cdf, cdf, scratch)
    np.subtract(ONE[z.dtype], scratch, scratch)
    np.copysign(scratch, z, scratch)
    np.maximum(scratch, ZERO[z.dtype], out=scratch)
    np.add(cdf, scratch, cdf)
