"""The checkers that gradcheck.py compares, each with its defaults, behind one face.

A checker is made by `load()`, which imports what it needs, and called with a Case. It returns Verdict(accepted):
whether it takes the derivative for right. What it raises otherwise means that it cannot run the case.

| checker | how the case goes in |
|---|---|
| tinynn | check_jacobian(f, vjp, x) |
| torch | gradcheck of a custom autograd.Function whose forward and backward call NumPy |
| jax | check_grads, order 1, mode rev, of a custom_vjp around two pure_callbacks, with 64 bits |
| autograd | check_grads, order 1, mode rev, of a primitive with defvjp |
| scipy | check_grad of ⟨u, f⟩ as a function of one flat vector, u random |
| cs231n | the course's recipe, written out below |

scipy and cs231n give an error and leave the verdict to the reader. SciPy's documentation names no limit and shows an
error of 3e-8; 1e-5 leaves room for more entries. The course's notes (Convolutional Neural Networks for Visual
Recognition, "Learning and evaluation") name two, 1e-7 and, with kinks, 1e-4; so it has two rows. As in its notebooks
u is random.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass

import numpy as np

SEED = 1982
LIMITS = {"scipy": 1e-5, "cs231n 1e-7": 1e-7, "cs231n 1e-4": 1e-4}


@dataclass(frozen=True)
class Verdict:
    """accepted; error, from a checker that leaves the verdict to its reader."""

    accepted: bool
    error: float | None = None


def tinynn():
    from tinynn.testing import GradientError, check_jacobian

    def check(case):
        single = len(case.arrays) == 1
        x = case.arrays[0] if single else case.arrays
        try:
            check_jacobian(case.f, (lambda *given: case.vjp(*given)[0]) if single else case.vjp, x)
        except GradientError:
            return Verdict(False)
        return Verdict(True)

    return check


def torch():
    torch = importlib.import_module("torch")
    from torch.autograd.gradcheck import GradcheckError, gradcheck

    def check(case):
        class Function(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *tensors):
                ctx.save_for_backward(*tensors)
                return torch.from_numpy(np.array(case.f(*(t.detach().numpy() for t in tensors)), float))

            @staticmethod
            def backward(ctx, u):
                found = case.vjp(*(t.detach().numpy() for t in ctx.saved_tensors), u.numpy())
                return tuple(torch.from_numpy(np.array(gradient, float)) for gradient in found)

        inputs = tuple(torch.tensor(array, requires_grad=True) for array in case.arrays)
        try:
            return Verdict(gradcheck(Function.apply, inputs))
        except GradcheckError:
            return Verdict(False)

    return check


def autograd():
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def check(case):
        @primitive
        def f(*arrays):
            return np.asarray(case.f(*arrays))

        def gradient(index):
            return lambda _, *arrays: lambda u: case.vjp(*arrays, np.asarray(u))[index]

        defvjp(f, *map(gradient, range(len(case.arrays))))
        np.random.seed(SEED)  # its random direction
        try:
            check_grads(f, tuple(range(len(case.arrays))), modes=["rev"], order=1)(*case.arrays)
        except AssertionError:
            return Verdict(False)
        return Verdict(True)

    return check


def jax():
    jax = importlib.import_module("jax")
    from jax.test_util import check_grads

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)

    def check(case):
        shape = jax.ShapeDtypeStruct(np.shape(case.f(*case.arrays)), np.float64)
        shapes = tuple(jax.ShapeDtypeStruct(array.shape, np.float64) for array in case.arrays)

        def values(*arrays):
            return np.asarray(case.f(*map(np.asarray, arrays)), float)

        def products(*given):
            return tuple(np.asarray(gradient, float) for gradient in case.vjp(*map(np.asarray, given)))

        @jax.custom_vjp
        def f(*arrays):
            return jax.pure_callback(values, shape, *arrays)

        f.defvjp(lambda *arrays: (f(*arrays), arrays), lambda kept, u: jax.pure_callback(products, shapes, *kept, u))
        try:
            check_grads(f, case.arrays, order=1, modes=["rev"])
        except AssertionError:
            return Verdict(False)
        return Verdict(True)

    return check


def flattened(case):
    """⟨u, f⟩ as a function of one vector, its gradient, and where."""
    u = case.upstream(np.random.default_rng(SEED))
    cuts = np.cumsum([array.size for array in case.arrays])[:-1]

    def split(x):
        parts = zip(np.split(np.asarray(x), cuts), case.arrays, strict=True)
        return [part.reshape(array.shape) for part, array in parts]

    def value(x):
        return float(np.vdot(u, case.f(*split(x))))

    def gradient(x):
        return np.concatenate([np.ravel(part) for part in case.vjp(*split(x), u)])

    return value, gradient, np.concatenate([np.ravel(array) for array in case.arrays])


def scipy():
    from scipy.optimize import check_grad

    def check(case):
        error = check_grad(*flattened(case))
        return Verdict(bool(error <= LIMITS["scipy"]), float(error))

    return check


def cs231n(row):
    def load():
        def check(case):
            value, gradient, x = flattened(case)
            claimed, h, worst = gradient(x), 1e-5, 0.0
            for k in range(x.size):
                old = x[k]
                x[k] = old + h
                ahead = value(x)
                x[k] = old - h
                numeric = (ahead - value(x)) / (2 * h)
                x[k] = old
                # fmax would forget a nan, this keeps it
                worst = np.maximum(worst, abs(claimed[k] - numeric) / max(abs(claimed[k]), abs(numeric), 1e-8))
            return Verdict(bool(worst <= LIMITS[row]), float(worst))

        return check

    return load


#: row of the table: (distribution or None, what makes the checker)
PEERS = {
    "tinynn": ("tinynn-numpy", tinynn),
    "torch": ("torch", torch),
    "jax": ("jax", jax),
    "autograd": ("autograd", autograd),
    "scipy": ("scipy", scipy),
    "cs231n 1e-7": (None, cs231n("cs231n 1e-7")),
    "cs231n 1e-4": (None, cs231n("cs231n 1e-4")),
}


def versions():
    """{distribution: version, None where it is not installed}"""
    found = {}
    for distribution in sorted({name for name, _ in PEERS.values() if name} | {"numpy", "jaxlib"}):
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            found[distribution] = None
    return found
