"""Layers and losses whose derivative is right, and that break a law which tinynn asks of its own: strict=True."""

from __future__ import annotations

import copy
import time

import numpy as np
from testing.wrong import Faulty, layer_cases, normal
from testing.wrong_losses import A, FaultyLoss, Quadratic, Y, cases

import tinynn as nn

#: What is pickled by reference, for the layer that pickles no copy of its parameters.
SHARED = {}


def shared_gate(key):
    gate = Gate(key)
    gate.gain, gate.shift = SHARED[key]
    return gate


class Gate(Faulty):
    """y = g tanh x + s, feature by feature, with all that tinynn's own layers keep to."""

    transient = (*nn.Layer.transient, "t")
    t = None

    def build(self):
        self.gain, self.shift, self.size = nn.Parameter(normal(3)), nn.Parameter(normal(3, seed=1)), 1.0

    def initialize(self, rng=None):
        rng = np.random.default_rng(None if self.fault == "initialize ignores its seed" else rng)
        self.gain.value, self.shift.value = rng.normal(size=(2, 3))

    def forward(self, x):
        match self.fault:
            case "read-only input taken as 0" if not x.flags.writeable:
                x = x * 0
            case "strides ignored" if not x.flags.contiguous:
                x = np.lib.stride_tricks.as_strided(x, x.shape, x.copy().strides)
            case "entries in the order of memory":
                x = x.ravel(order="K").reshape(x.shape)
        if self.fault == "no rows are refused" and len(x) == 0:
            raise ValueError("give me a row")
        if self.fault == "another function in evaluation, of the whole batch" and not self.training:
            x = x - x.mean(axis=0)
        if self.fault == "threads meet in an attribute" and not self.training:
            self.size = x
            time.sleep(1e-4)
            x = self.size
        t = self.squashed(x)
        if self.training or self.fault == "backward after evaluation":
            self.t, self.far = t, np.abs(x) > 500
        y = t * self.size if self.fault == "a number left out of the pickle" else t
        y = self.gain.value * y + self.shift.value
        if self.fault == "one buffer in evaluation as well":
            out = self._buffers.take("out", y.shape, y.dtype)
            out[:] = y
            return out
        if self.fault == "one row squeezed" and len(y) == 1:
            return y[0]
        if self.fault == "no rows made one" and len(y) == 0:
            return np.zeros((1, 3))
        return y

    def squashed(self, x):
        if self.fault != "tanh by exponentials":
            return np.tanh(x)
        with np.errstate(over="ignore", invalid="ignore"):
            return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))

    def backward(self, grad):
        t = self.t
        if self.fault == "backward before any forward gives 0" and t is None and self.training:
            return np.zeros_like(grad)
        if self.fault == "backward after evaluation" and t is not None:
            pass
        elif t is None or not self.training:
            raise nn.StateError("backward needs a forward")
        if self.fault == "a number left out of the pickle":
            t = t * self.size
        factor = 1 - (t / self.size) ** 2 if np.isscalar(self.size) else 1 - t**2
        match self.fault:
            case "slope by the inverse":
                factor = np.where(self.far, np.inf, factor)
            case "gain's gradient by the inverse":
                t = np.where(self.far, np.nan, t)
        if not (self.fault == "gradients of no rows left as they were" and len(grad) == 0):
            self.gain.grad, self.shift.grad = np.sum(grad * t, axis=0), np.sum(grad, axis=0)
        back = grad * self.gain.value * factor
        if self.fault == "a number left out of the pickle":
            back = back * self.size
        if self.fault == "∂C/∂x of one row squeezed" and len(back) == 1:
            return back[0]
        return back

    def __deepcopy__(self, memo):
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        vars(twin).update(copy.deepcopy({**vars(self), "t": None}, memo))
        if self.fault == "deepcopy keeps the arrays" and self.t is not None:
            vars(twin).update(gain=self.gain, shift=self.shift)
        return twin

    def __reduce__(self):
        if self.fault == "pickle keeps the arrays":
            SHARED[self.fault] = self.gain, self.shift
            return shared_gate, (self.fault,)
        return super().__reduce__()

    def __getstate__(self):
        state = super().__getstate__()
        if self.fault == "a number left out of the pickle":
            state["size"] = 2.0
        return state

    def load_state_dict(self, state):
        super().load_state_dict(state)
        if self.fault == "state loaded in part":
            self.shift.value = np.zeros(3)


class Masked(Gate):
    """y = (g tanh x + s) m with a drawn mask m in training."""

    mask = 1.0

    def build(self):
        super().build()
        self.rng = np.random.default_rng(5)

    def initialize(self, rng=None):
        rng = np.random.default_rng(rng)
        super().initialize(rng)
        if self.fault != "generator left as it was":
            self.rng = np.random.default_rng(rng.integers(2**63))

    def forward(self, x):
        y = super().forward(x)
        self.mask = self.rng.integers(1, 5, y.shape).astype(y.dtype) if self.training else np.ones((), y.dtype)
        return y * self.mask

    def backward(self, grad):
        return super().backward(grad * self.mask)


class Positive(FaultyLoss):
    """The softplus of the prediction, in a form that overflows."""

    def rows(self, a, y):
        if a.shape != y.shape:
            raise nn.ShapeError("the target's shape is not the prediction's")
        with np.errstate(over="ignore", invalid="ignore"):
            safe, naive = np.logaddexp(0, a), np.log(1 + np.exp(a))
            slope, quotient = 1 / (1 + np.exp(-a)), np.exp(a) / (1 + np.exp(a))
        costs = naive if self.fault == "log(1 + exp)" else safe
        return costs.sum(axis=1), quotient if self.fault == "exp / (1 + exp)" else slope


class Strict(Quadratic):
    """½ (a − y)², with the laws of losses broken one by one."""

    calls = 0

    def forward(self, prediction, target, sample_weight=None):
        self.calls += 1
        match self.fault:
            case "rows beyond the target's left out" if len(target) < len(prediction):
                prediction = prediction[: len(target)]
            case "a leading axis dropped" if target.ndim > prediction.ndim:
                target = target[0]
        if target.shape != prediction.shape:
            raise nn.ShapeError("the target's shape is not the prediction's")
        cost = super().forward(prediction, target, sample_weight)
        match self.fault:
            case "float64 gradient":
                self.grad = self.grad.astype(np.float64)
            case "gradient that drifts":
                self.grad = self.grad * (1 + 1e-7 * self.calls)
            case "mean over the largest batch so far":
                self.largest = max(getattr(self, "largest", 0), len(prediction))
                return cost * len(prediction) / self.largest
        return cost

    def backward(self):
        if self.fault == "gradient doubled by each backward":
            self.grad *= 2
            return self.grad / 2
        return super().backward()


CASES = [
    *layer_cases(
        Gate,
        [
            ("backward before any forward gives 0", "state"),
            ("backward after evaluation", "state"),
            ("tanh by exponentials", "not-finite"),
            ("slope by the inverse", "not-finite"),
            ("gain's gradient by the inverse", "not-finite"),
            ("one row squeezed", "shape"),
            ("∂C/∂x of one row squeezed", "shape"),
            ("no rows made one", "shape"),
            ("no rows are refused", "fails", "batches of one and of none"),
            ("gradients of no rows left as they were", "batch-sum"),
            ("read-only input taken as 0", "mutates", "read-only"),
            ("strides ignored", "mutates", "strided"),
            ("entries in the order of memory", "mutates", "Fortran"),
            ("another function in evaluation, of the whole batch", "couples-batch"),
            ("initialize ignores its seed", "nondeterministic"),
            ("deepcopy keeps the arrays", "shared-memory", "deepcopy"),
            ("pickle keeps the arrays", "shared-memory", "pickle"),
            ("a number left out of the pickle", "state", "pickled"),
            ("state loaded in part", "state", "load_state_dict"),
            ("one buffer in evaluation as well", "shared-memory", "evaluation"),
            ("threads meet in an attribute", "state", "threads"),
        ],
        input_shape=(5, 3),
        strict=True,
    ),
    *layer_cases(Masked, [("generator left as it was", "nondeterministic")], input_shape=(5, 3), strict=True),
    *cases(Positive, A, Y, [("log(1 + exp)", "not-finite"), ("exp / (1 + exp)", "not-finite")], strict=True),
    *cases(
        Strict,
        A,
        Y,
        [
            ("float64 gradient", "dtype"),
            ("gradient that drifts", "stale"),
            ("gradient doubled by each backward", "accumulates"),
            ("mean over the largest batch so far", "stale"),
            ("rows beyond the target's left out", "shape"),
            ("a leading axis dropped", "shape"),
        ],
        strict=True,
    ),
]
