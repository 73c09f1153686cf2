"""How small an error each checker of gradcheck.py finds, and what tinynn's checks cost."""

import math
import statistics
import time

import numpy as np
from gradcheck_cases import subtle
from gradcheck_cases.case import Case, normal
from gradcheck_cases.layers import dense, dense_vjp

ENTRIES, LEAST, STEPS = (7, 500, 777), -13.0, 9
DENSE_OVERHEAD, WIDE_LIMIT = 2e-3, 2.0


# ---- the smallest error that is found ----------------------------------------------------------------------
def tanh_case(entry, error):
    slope = subtle.tanh_with(1 + error, entry)
    return Case("tanh", "subtle", np.tanh, lambda x, u: (u * slope(x),), (normal(50, 20),))


def dense_case(entry, error):
    def vjp(x, w, b, u):
        dx, dw, db = dense_vjp(x, w, b, u)
        return dx, subtle.one_entry(entry, 1 + error)(dw), db

    return Case("dense", "subtle", dense, vjp, subtle.WIDE)


SINGLE = {"tanh of 1,000 numbers": tanh_case, "dense layer of 1,000 weights": dense_case}


def smallest(check, make):
    """The least relative error of one entry in 1,000 that is found, the median of three entries.

    None: even the right derivative is rejected. inf: an error of 100 % is not found.
    """
    found = []
    with np.errstate(all="ignore"):
        for entry in ENTRIES:
            if not check(make(entry, 0)).accepted:
                return None
            passes, fails = LEAST, 0.0
            if check(make(entry, 1.0)).accepted:
                found.append(math.inf)
                continue
            for _ in range(STEPS):
                middle = (passes + fails) / 2
                if check(make(entry, 10.0**middle)).accepted:
                    passes = middle
                else:
                    fails = middle
            found.append(10.0**fails)
    return statistics.median(found)


# ---- time ------------------------------------------------------------------------------------------------
def seconds(function, rounds):
    """The median time of a call, after one that warms up."""
    function()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def speed():
    """{what: figures} of check_layer for a small dense layer and for the book's first one."""
    import tinynn as nn
    from tinynn import testing

    layer, x = nn.Dense(5, 3, dtype=np.float64, rng=0), normal(10, 5)
    forwards, backwards = calls_of(testing.check_layer, layer, x)
    upstream = np.ones(layer.forward(x).shape)
    forward = min(seconds(lambda: layer.forward(x), 2000) for _ in range(3))
    backward = min(seconds(lambda: layer.backward(upstream), 2000) for _ in range(3))
    check = seconds(lambda: testing.check_layer(layer, x), 50)
    small = {"seconds": check, "forwards": forwards, "backwards": backwards, "limit": DENSE_OVERHEAD}
    small["bare"] = forwards * forward + backwards * backward
    wide = nn.Dense(784, 30, rng=0)
    took = seconds(lambda: testing.check_layer(wide, input_shape=(10, 784)), 3)
    return {
        "Dense(5, 3)": {**small, "over": check - small["bare"]},
        "Dense(784, 30)": {"seconds": took, "limit": WIDE_LIMIT},
    }


def calls_of(check, layer, x):
    """How often a check calls forward and backward of a layer's copies, those of the laws included."""
    kind, counts = type(layer), {"forward": 0, "backward": 0}

    def counted(name):
        method = getattr(kind, name)

        def call(self, argument):
            counts[name] += 1
            return method(self, argument)

        return call

    counting = type(kind.__name__, (kind,), {name: counted(name) for name in counts})
    layer.__class__ = counting
    try:
        check(layer, x)
    finally:
        layer.__class__ = kind
    return counts["forward"], counts["backward"]


def speed_rows(found):
    small, wide = found["Dense(5, 3)"], found["Dense(784, 30)"]
    yield [
        f"check_layer(Dense(5, 3), x of 10 rows): {1e3 * small['seconds']:.2f} ms − {small['forwards']} forwards and "
        f"{small['backwards']} backwards alone ({1e3 * small['bare']:.2f} ms)",
        f"{1e3 * small['over']:.2f} ms",
        f"{1e3 * small['limit']:.0f} ms",
    ]
    yield ["check_layer(Dense(784, 30), input_shape=(10, 784))", f"{wide['seconds']:.2f} s", f"{wide['limit']:.0f} s"]
