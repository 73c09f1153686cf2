"""Optimizers that climb, share what they should not, or follow another rule than their name says."""

from __future__ import annotations

import numpy as np
from testing.wrong import Wrong

import tinynn as nn
from tinynn import testing as kit


class Momentum(nn.Optimizer):
    """v ← v/2 + g, w ← w − η v."""

    slots = ("velocity",)

    def __init__(self, parameters, fault="", learning_rate=0.05):
        self.fault = fault
        super().__init__(parameters, learning_rate)

    def update(self, value, grad, learning_rate, *, velocity):
        if self.fault == "weight decay added to the gradient itself":
            grad += 0.01 * value
        velocity *= 0.5
        velocity += grad
        match self.fault:
            case "climbs":
                value += learning_rate * velocity
            case "climbs every third step" if self.steps % 3 == 0:
                value += 3 * learning_rate * velocity
            case "a new array that nobody sees":
                value = value - learning_rate * velocity
            case "first entries only":
                value[:1] -= learning_rate * velocity[:1]
            case "climbs from where it is flat" if len(value) > 2 and self.steps == 2:
                value += learning_rate * velocity
            case "climbs the bowl alone" if len(value) == 2 and np.isclose(grad[1] * value[0], 10 * value[1] * grad[0]):
                value += 1e-3 * learning_rate * velocity
            case "steps of one length, whatever the rate":
                value -= (0.1 * np.sign(grad)).astype(value.dtype)
            case "steps too long":
                value -= 1000 * learning_rate * velocity
            case _:
                value -= learning_rate * velocity
        if self.fault == "gradient cleared":
            grad.fill(0)

    def step(self):
        early = self.fault == "schedule sees step 1 first"
        self.steps += early
        super().step()
        self.steps -= early

    def rate(self, group=None):
        if self.fault == "schedule asked once" and callable(self.learning_rate):
            self.learning_rate = self.learning_rate(0)
        return super().rate(group)

    def state_dict(self):
        state = super().state_dict()
        if self.fault == "velocity not in the state":
            state["slots"]["velocity"].fill(0)
        if self.fault == "state not copied":
            state["slots"] = dict(self.state)
        return state


class ForeignMomentum:
    """The same rule on a list of parameters, with no base class."""

    def __init__(self, parameters, fault="", velocities=None):
        self.parameters, self.fault = list(parameters), fault
        self.velocities = {} if velocities is None else velocities
        if len(set(map(id, self.parameters))) < len(self.parameters):
            raise ValueError("a parameter is listed twice")

    def step(self):
        parameters, fault = self.parameters, self.fault
        if fault == "last parameter left out":
            parameters = parameters[:-1]
        if fault == "second parameter left out":
            parameters = parameters[:1] + parameters[2:]
        if fault == "first parameter's gradient for all of its shape":
            firsts = {p.shape: p for p in reversed(parameters)}
            for p in parameters:
                p.grad = firsts[p.shape].grad
        for number, p in enumerate(parameters):
            key = p.shape if fault == "velocity by shape" else (number, p.shape)
            velocity = 0.5 * self.velocities.get(key, np.zeros_like(p.value)) + p.grad
            self.velocities[key] = velocity
            step = 0.05 * velocity
            match fault:
                case "array replaced":
                    p._value = p.value - step
                case "upcast":
                    p._value = p.value.astype(np.float64) - step
                case "float32 only":
                    p.value = (p.value - step).astype(np.float32)
                case "gradient scaled in place":
                    p.grad *= 0.05
                    p.value -= step
                case "gradient zeroed":
                    p.grad[...] = 0
                    p.value -= step
                case _:
                    p.value -= step


class Adam(nn.Optimizer):
    slots = ("mean", "mean_square")

    def __init__(self, parameters, fault="", learning_rate=0.02, betas=(0.9, 0.999), weight_decay=0.0):
        self.fault, self.decoupled = fault, fault == "weight decay beside the gradient"
        self.betas = betas[::-1] if fault == "betas swapped" else betas
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)

    def update(self, value, grad, learning_rate, *, mean, mean_square):
        (b1, b2), t, epsilon, fault = self.betas, self.steps, 1e-8, self.fault
        mean[:] = b1 * mean + (1 - b1) * grad
        mean_square[:] = b2 * mean_square + (1 - b2) * (np.abs(grad) if fault == "square forgotten" else grad**2)
        if fault == "steps counted from 2":
            t += 1
        m, v = mean / (1 - b1**t), mean_square / (1 - b2**t)
        root = np.sqrt(v) + epsilon
        match fault:
            case "bias corrections forgotten":
                m, root = mean, np.sqrt(mean_square) + epsilon
            case "second correction forgotten":
                root = np.sqrt(mean_square) + epsilon
            case "epsilon under the root":
                root = np.sqrt(v + epsilon)
            case "epsilon beside the uncorrected root":
                root = (np.sqrt(mean_square) + epsilon) / np.sqrt(1 - b2**t)
            case "root forgotten":
                root = v + epsilon
            case "gradient instead of its mean":
                m = grad
        value -= learning_rate * m / root.astype(value.dtype)


class ForeignAdam:
    """Adam with one count of the steps for all parameters."""

    def __init__(self, parameters, fault=""):
        self.parameters, self.fault, self.t = list(parameters), fault, 0
        if len(set(map(id, self.parameters))) < len(self.parameters):
            raise ValueError("a parameter is listed twice")
        self.means = [(np.zeros_like(p.value), np.zeros_like(p.value)) for p in self.parameters]

    def step(self):
        self.t += 1
        for p, (m, v) in zip(self.parameters, self.means, strict=True):
            m[...] = 0.9 * m + 0.1 * p.grad
            v[...] = 0.999 * v + (1 - 0.999) * p.grad**2
            p.value -= 0.02 * (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)
            if self.fault == "steps counted once a parameter":
                self.t += 1


class RMSprop(nn.Optimizer):
    slots = ("mean_square",)

    def __init__(self, parameters, fault="", learning_rate=0.02):
        self.fault = fault
        super().__init__(parameters, learning_rate)

    def update(self, value, grad, learning_rate, *, mean_square):
        decay = 0.01 if self.fault == "decay of the wrong term" else 0.99
        old = mean_square.copy()
        mean_square[:] = decay * mean_square + (1 - decay) * grad**2
        match self.fault:
            case "epsilon under the root":
                root = np.sqrt(mean_square + 1e-8)
            case "mean before this step":
                root = np.sqrt(old if self.steps > 1 else mean_square) + 1e-8
            case _:
                root = np.sqrt(mean_square) + 1e-8
        value -= learning_rate * grad / root


class Adagrad(nn.Optimizer):
    slots = ("sum_of_squares",)

    def __init__(self, parameters, fault="", learning_rate=0.5):
        self.fault = fault
        super().__init__(parameters, learning_rate)

    def update(self, value, grad, learning_rate, *, sum_of_squares):
        match self.fault:
            case "square forgotten":
                sum_of_squares += np.abs(grad)
            case "sum forgotten":
                sum_of_squares[:] = grad**2
            case _:
                sum_of_squares += grad**2
        root = sum_of_squares if self.fault == "root forgotten" else np.sqrt(sum_of_squares)
        value -= learning_rate * grad / (root + 1e-10)


class HeavyBall(nn.Optimizer):
    """v ← μ v + g, w ← w − η v; Nesterov: w ← w − η (g + μ v)."""

    slots = ("velocity",)

    def __init__(self, parameters, fault="", learning_rate=0.02, nesterov=False):
        self.fault, self.nesterov = fault, nesterov
        super().__init__(parameters, learning_rate)

    def update(self, value, grad, learning_rate, *, velocity):
        momentum = 0.9
        if self.fault == "learning rate inside":
            velocity[:] = momentum * velocity + learning_rate * grad
            value -= velocity
            return
        damping = 1 - momentum if self.fault == "damped" else 1
        velocity[:] = momentum * velocity + damping * grad
        ahead = self.nesterov and self.fault != "look ahead forgotten"
        value -= learning_rate * (grad + momentum * velocity if ahead else velocity)


class AdamW(Adam):
    """Its weight decay shrinks the weights themselves."""

    def __init__(self, parameters, fault=""):
        super().__init__(parameters, fault, weight_decay=0.1)
        self.decoupled = fault != "weight decay into the gradient"


class Twice(nn.SGD):
    """Takes each parameter as often as it is given."""

    def __init__(self, parameters, fault=""):
        super().__init__({id(p): p for p in parameters}.values() if fault else parameters, 0.1)


def falling(step):
    return 0.02 / (1 + step)


def cases(make, faults, like=None, **options):
    """One case for each row (fault, cause)."""

    def case(fault, cause):
        def run(wrong):
            return kit.check_optimizer(
                lambda parameters: make(parameters, fault if wrong else "", **options), like=like
            )

        return Wrong(f"{make.__name__}: {fault}", cause, run)

    return [case(*row) for row in faults]


def velocities_in_the_class(wrong):
    shared = {}
    return kit.check_optimizer(lambda parameters: ForeignMomentum(parameters, velocities=shared if wrong else None))


CASES = [
    *cases(
        Momentum,
        [
            ("climbs", "ascends"),
            ("climbs every third step", ("ascends", "diverges")),
            ("a new array that nobody sees", ("forgotten", "array-replaced")),
            ("first entries only", ("forgotten", "state-shared")),
            ("climbs from where it is flat", "ascends"),
            ("climbs the bowl alone", "ascends"),
            ("steps of one length, whatever the rate", "diverges"),
            ("steps too long", "diverges"),
            ("weight decay added to the gradient itself", "grad-written"),
            ("gradient cleared", "grad-written"),
            ("schedule sees step 1 first", "schedule"),
            ("schedule asked once", "schedule"),
            ("velocity not in the state", "state"),
            ("state not copied", "state"),
        ],
    ),
    *cases(Twice, [("a parameter given twice is taken once", "duplicates")]),
    *cases(
        ForeignMomentum,
        [
            ("last parameter left out", "forgotten"),
            ("second parameter left out", "forgotten"),
            ("first parameter's gradient for all of its shape", ("grad-written", "state-shared")),
            ("velocity by shape", "state-shared"),
            ("array replaced", "array-replaced"),
            ("upcast", ("dtype", "array-replaced")),
            ("gradient scaled in place", "grad-written"),
            ("gradient zeroed", "grad-written"),
        ],
    ),
    *cases(
        ForeignMomentum,
        [("float32 only", ("dtype", "rule"))],
        like=lambda parameters: nn.SGD(parameters, 0.05, momentum=0.5),
    ),
    Wrong("ForeignMomentum: velocities in the class", "state-shared", velocities_in_the_class),
    *cases(
        Adam,
        [
            ("bias corrections forgotten", "rule"),
            ("second correction forgotten", "rule"),
            ("epsilon under the root", "rule"),
            ("epsilon beside the uncorrected root", "rule"),
            ("betas swapped", ("rule", "diverges")),
            ("square forgotten", ("rule", "diverges")),
            ("root forgotten", ("rule", "diverges")),
            ("gradient instead of its mean", "rule"),
            ("steps counted from 2", "rule"),
        ],
        like=lambda parameters: nn.Adam(parameters, 0.02),
    ),
    *cases(
        Adam,
        [("weight decay beside the gradient", "rule")],
        like=lambda parameters: nn.Adam(parameters, 0.02, weight_decay=0.1),
        weight_decay=0.1,
    ),
    *cases(
        AdamW,
        [("weight decay into the gradient", "rule")],
        like=lambda parameters: nn.AdamW(parameters, 0.02, weight_decay=0.1),
    ),
    *cases(
        ForeignAdam,
        [("steps counted once a parameter", ("rule", "state-shared"))],
        like=lambda parameters: nn.Adam(parameters, 0.02),
    ),
    *cases(
        RMSprop,
        [
            ("epsilon under the root", "rule"),
            ("decay of the wrong term", "rule"),
            ("mean before this step", "rule"),
        ],
        like=lambda parameters: nn.RMSprop(parameters, 0.02),
    ),
    *cases(
        Adagrad,
        [
            ("square forgotten", "rule"),
            ("sum forgotten", ("rule", "diverges")),
            ("root forgotten", ("rule", "diverges")),
        ],
        like=lambda parameters: nn.Adagrad(parameters, 0.5),
    ),
    *cases(
        HeavyBall,
        [("learning rate inside", "rule")],
        like=lambda parameters: nn.SGD(parameters, falling, momentum=0.9),
        learning_rate=falling,
    ),
    *cases(HeavyBall, [("damped", "rule")], like=lambda parameters: nn.SGD(parameters, 0.02, momentum=0.9)),
    *cases(
        HeavyBall,
        [("look ahead forgotten", "rule")],
        like=lambda parameters: nn.SGD(parameters, 0.02, momentum=0.9, nesterov=True),
        nesterov=True,
    ),
]
