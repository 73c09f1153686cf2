"""Numbers from denormal to 1e30, their images with mpmath's 40 digits, and how near is near enough."""

from __future__ import annotations

import mpmath as mp
import numpy as np


def grid(dtype):
    """Both signs of: zero, denormals, small numbers, the interesting middle, far beyond every overflow."""
    tiny = np.finfo(dtype).smallest_subnormal
    positive = [0, tiny, 1000 * tiny, np.finfo(dtype).tiny, *np.geomspace(1e-30, 1e-2, 15), *np.arange(1, 80) * 0.37]
    positive += [88.5, 103, 350, 708, 745, 1e3, 1e4, 1e30]
    z = np.array(positive, dtype)
    return np.concatenate([-z[::-1], z])


def exact(function, z):
    """function of each z, correctly rounded to float64; mpmath works with 40 digits."""
    with mp.workdps(40):
        return np.array([float(function(mp.mpf(float(v)))) for v in z.ravel()]).reshape(z.shape)


def assert_accurate(got, expected, roundings, atol=0.0, spacings=4):
    """|got − expected| ≤ roundings · eps · |expected| + atol; a denormal may be off by some of their spacings."""
    info = np.finfo(got.dtype)
    assert np.isfinite(got).all()
    error = abs(got.astype(np.float64) - expected)
    allowed = roundings * info.eps * abs(expected) + atol + spacings * float(info.smallest_subnormal)
    worst = (error - allowed).argmax()
    assert (error <= allowed).all(), (
        f"number {worst}: {got.ravel()[worst]!r}, exactly {expected.ravel()[worst]!r}, "
        f"{(error / np.maximum(abs(expected), info.tiny)).ravel()[worst] / info.eps:.1f} roundings"
    )


def logistic(z):
    return 1 / (1 + mp.exp(-z))


def soft_rectifier(z):
    return mp.log1p(mp.exp(-abs(z))) + max(z, 0)
