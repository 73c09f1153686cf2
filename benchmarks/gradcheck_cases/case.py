"""A case of gradcheck.py: a derivative as people write them, right or wrong, in a form that every checker can take.

f(*arrays) is an array and vjp(*arrays, u) a tuple of arrays, one for each of `arrays`; all is NumPy in float64.
truth.py tells independently of all checkers which are right.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: group: its cases in words. A wrong case belongs to one of the first two, a right one to one of the others.
GROUPS = {
    "everyday": "mistakes in layers and losses",
    "subtle": "errors that are small, in one entry, at a kink, or of a tiny derivative",
    "plain": "layers and losses",
    "kink": "a kink or a jump at the point or within 1e-5 of it",
    "scale": "large, small and noisy numbers",
    "steep": "steep, oscillating and flat functions, edges of domains",
}


@dataclass(frozen=True)
class Case:
    """A function with a claimed derivative.

    right_vjp: what a wrong case ought to say, None if the case is right. scale: the length over which f varies,
    None if that is each entry's own size; only the truth needs it.
    """

    name: str
    group: str
    f: Callable
    vjp: Callable
    arrays: tuple
    right_vjp: Callable | None = None
    scale: float | None = 1.0

    @property
    def right(self):
        return self.right_vjp is None

    def upstream(self, rng):
        """A random ∂C/∂f."""
        return rng.normal(size=np.shape(self.f(*self.arrays)))


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def faulty(name, f, vjp, arrays, faults, group="everyday", right="plain", **options):
    """The right case of an operation, and one for each fault: {name of the fault: (index, its gradient)}.

    The index says which argument's gradient is replaced by `its gradient`(*arrays, u); None: the whole tuple.
    group: of the faults; right: the group of the right case, None leaves it out.
    """

    def replaced(index, gradient):
        def wrong(*given):
            if index is None:
                return gradient(*given)
            found = list(vjp(*given))
            found[index] = gradient(*given)
            return tuple(found)

        return wrong

    cases = [Case(name, right, f, vjp, arrays, **options)] if right else []
    for fault, how in faults.items():
        cases.append(Case(f"{name}: {fault}", group, f, replaced(*how), arrays, vjp, **options))
    return cases


def elementwise(name, f, slope, wrong_slopes, x, group="everyday", right="plain", **options):
    """The same for y = f(x) and its slope, a function of x."""

    def times(any_slope):
        return lambda x, u: (u * any_slope(x),)

    faults = {fault: (None, times(wrong)) for fault, wrong in wrong_slopes.items()}
    return faulty(name, f, times(slope), (x,), faults, group, right, **options)


def pointwise(name, group, f, slope, x, scale=1.0):
    """A right y = f(x) and its slope."""
    return Case(name, group, f, lambda x, u: (u * slope(x),), (np.asarray(x, dtype=float),), scale=scale)
