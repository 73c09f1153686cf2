"""Optimizers in the styles in which people write them: unusual rules that are right, usual ones that are wrong."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn
from tinynn.testing import GradientError, check_optimizer


class Rule:
    """A foreign optimizer: `change(k, parameter)` is what step subtracts."""

    def __init__(self, parameters):
        self.parameters, self.t = list(parameters), 0
        self.states = [np.zeros(p.shape) for p in self.parameters]

    def step(self):
        self.t += 1
        for k, parameter in enumerate(self.parameters):
            parameter.value -= self.change(k, parameter)

    def change(self, k, parameter):
        return 0.05 * parameter.grad


# ---- right --------------------------------------------------------------------------------------
class Sign(Rule):
    def change(self, k, parameter):
        return 0.01 * np.sign(parameter.grad)


class Lookahead(Rule):
    """Every third step goes half the way back to slow values, which were copied at the start."""

    def __init__(self, parameters):
        super().__init__(parameters)
        self.slow = [p.value.copy() for p in self.parameters]

    def step(self):
        super().step()
        if self.t % 3 == 0:
            for parameter, slow in zip(self.parameters, self.slow, strict=True):
                slow += 0.5 * (parameter.value - slow)
                parameter.value = slow


class Resilient(Rule):
    """iRprop−: signs alone, with a step for each weight."""

    def __init__(self, parameters):
        super().__init__(parameters)
        self.lengths = [np.full(p.shape, 0.01) for p in self.parameters]

    def change(self, k, parameter):
        grad, turned = parameter.grad.copy(), parameter.grad * self.states[k]
        self.lengths[k] *= np.where(turned > 0, 1.2, np.where(turned < 0, 0.5, 1.0))
        grad[turned < 0] = 0
        self.states[k] = grad
        return self.lengths[k] * np.sign(grad)


class Gathering(Rule):
    """Four gradients make one step."""

    def change(self, k, parameter):
        self.states[k] += parameter.grad
        if self.t % 4:
            return 0.0
        change, self.states[k] = 0.02 * self.states[k], np.zeros(parameter.shape)
        return change


class Clipped(Rule):
    def step(self):
        norm = np.sqrt(sum((p.grad**2).sum() for p in self.parameters))
        for parameter in self.parameters:
            parameter.value -= 0.05 * parameter.grad / max(1.0, norm)


class LayerWise(Rule):
    """LARS: steps in proportion to the weights."""

    def change(self, k, parameter):
        of_value, of_grad = np.linalg.norm(parameter.value), np.linalg.norm(parameter.grad)
        return 0.01 * parameter.grad * (of_value / of_grad if of_value > 0 and of_grad > 0 else 1.0)


class Orthogonal(Rule):
    """Muon: the nearest orthogonal matrix."""

    def change(self, k, parameter):
        if parameter.grad.ndim < 2 or not parameter.grad.any():
            return 0.01 * parameter.grad
        u, _, v = np.linalg.svd(parameter.grad, full_matrices=False)
        return 0.01 * u @ v


class Factored(Rule):
    """Adafactor: the second moments of rows and columns."""

    def __init__(self, parameters):
        super().__init__(parameters)
        self.sums = [(np.zeros(p.shape[0]), np.zeros(p.shape[-1])) for p in self.parameters]

    def change(self, k, parameter):
        square, (rows, columns) = parameter.grad**2 + 1e-30, self.sums[k]
        if square.ndim < 2:
            self.states[k] = 0.9 * self.states[k] + 0.1 * square
            return 0.01 * parameter.grad / np.sqrt(self.states[k])
        rows[:], columns[:] = 0.9 * rows + 0.1 * square.mean(axis=1), 0.9 * columns + 0.1 * square.mean(axis=0)
        return 0.01 * parameter.grad / np.sqrt(np.outer(rows, columns) / rows.mean())


RIGHT = {
    **{cls.__name__: cls for cls in (Rule, Sign, Lookahead, Resilient, Gathering, Clipped, LayerWise)},
    **{cls.__name__: cls for cls in (Orthogonal, Factored)},
    "Adam at 2e-5": lambda parameters: nn.Adam(parameters, 2e-5),
    "Lion at 1e-5": lambda parameters: nn.Lion(parameters, 1e-5),
    "SGD at 1e-6": lambda parameters: nn.SGD(parameters, 1e-6),
    "SGD that warms up from 0": lambda parameters: nn.SGD(parameters, lambda step: 0.1 * min(1, step / 100)),
    "AdamW that slows down": lambda parameters: nn.AdamW(parameters, lambda step: 0.01 / (1 + step), weight_decay=0.1),
    "a class": nn.SGD,
}


@pytest.mark.parametrize("factory", RIGHT.values(), ids=RIGHT)
def test_right_ones_pass(factory):
    assert check_optimizer(factory).right


# ---- wrong --------------------------------------------------------------------------------------
class BiasClimbs(Rule):
    def change(self, k, parameter):
        return 0.05 * (-parameter.grad if parameter.grad.ndim == 1 and len(self.parameters) > 1 else parameter.grad)


class RowsReversed(Rule):
    def change(self, k, parameter):
        return 0.05 * (parameter.grad[::-1] if parameter.grad.ndim == 2 else parameter.grad)


class EntryClimbs(Rule):
    def change(self, k, parameter):
        grad = parameter.grad.copy()
        if grad.ndim == 2:
            grad[0, 1] *= -1
        return 0.05 * grad


class AnothersGradient(Rule):
    def change(self, k, parameter):
        return 0.05 * (self.parameters[0].grad if k == 3 else parameter.grad)


class KeepsTheArray(Rule):
    def __init__(self, parameters):
        super().__init__(parameters)
        self.states = {}

    def change(self, k, parameter):
        self.states[k] = 0.9 * self.states[k] + parameter.grad if k in self.states else parameter.grad
        return 0.01 * self.states[k]


class LayerWiseWithoutGuard(Rule):
    def change(self, k, parameter):
        return 0.01 * np.linalg.norm(parameter.value) / np.linalg.norm(parameter.grad) * parameter.grad


class SingleStep(Rule):
    def change(self, k, parameter):
        return np.float32(0.05) * parameter.grad.astype(np.float32)


class SingleState(Rule):
    def change(self, k, parameter):
        self.states[k] = (0.9 * self.states[k] + parameter.grad).astype(np.float32)
        return 0.01 * self.states[k]


class Rebound(nn.Optimizer):
    slots = ("velocity",)

    def update(self, value, grad, learning_rate, *, velocity):
        velocity = 0.9 * velocity + grad
        value -= learning_rate * velocity


class NoEpsilon(nn.Optimizer):
    slots = ("sum",)

    def update(self, value, grad, learning_rate, *, sum):
        sum += grad**2
        value -= learning_rate * grad / np.sqrt(sum)


class FixedRate(nn.Optimizer):
    def update(self, value, grad, learning_rate):
        value -= 0.01 * grad


NO_EPSILON = "a gradient of 0 gives values that are not finite: is an epsilon missing?"
SINGLE = "step computes in float32: a change of a float64 gradient by 1e-9 does not show"


def rated(cls):
    return lambda parameters: cls(parameters, 0.01)


@pytest.mark.parametrize(
    ("factory", "cause", "text"),
    [
        (BiasClimbs, "ascends", "steps along a constant gradient take bias uphill"),
        (RowsReversed, "ascends", "steps along a constant gradient take an entry of weight uphill"),
        (EntryClimbs, "ascends", "steps along a constant gradient take an entry of weight uphill"),
        (AnothersGradient, "ascends", "steps along a constant gradient take other uphill"),
        (KeepsTheArray, "state-shared", "a gradient's array is kept, which the next gradient overwrites: copy it"),
        (LayerWiseWithoutGuard, "not-finite", NO_EPSILON),
        (rated(NoEpsilon), "not-finite", NO_EPSILON),
        (SingleStep, "dtype", SINGLE),
        (SingleState, "dtype", SINGLE),
        (rated(Rebound), "state", "the slot velocity is 0 after 12 steps: write into it (velocity[:] = …)"),
        (rated(FixedRate), "rate", "a learning rate of 0 still moves the values: multiply the step by the rate"),
    ],
)
def test_wrong_ones_are_named(factory, cause, text):
    with pytest.raises(GradientError) as caught:
        check_optimizer(factory)
    assert caught.value.cause == cause
    assert str(caught.value).partition(": ")[2] == text


class StepOfLists:
    def step(self, parameters, grads):
        pass


class Update:
    def update(self, value, grad):
        return value - 0.1 * grad


class OfData(Rule):
    def change(self, k, parameter):
        return 0.1 * parameter.data


@pytest.mark.parametrize(
    ("factory", "text"),
    [
        (nn.SGD([nn.Parameter([1.0])], 0.1), r"expected a function of a list of Parameters, got SGD\("),
        (lambda w, dw: w - 0.1 * dw, "expected a function of a list of Parameters, got <function"),
        (lambda parameters: StepOfLists(), "StepOfLists has one that needs 2 arguments"),
        (lambda parameters: Update(), "Update has none"),
        (OfData, r"OfData.step\(\) fails with AttributeError: .* a parameter has .value, .grad, .shape and .name"),
    ],
)
def test_what_is_no_such_optimizer_is_a_clear_error(factory, text):
    with pytest.raises(nn.DtypeError, match=text):
        check_optimizer(factory)
