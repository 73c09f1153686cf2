"""Parameters, the optimizers over them, and clipping."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from bad_input.kinds import (
    DTYPE,
    SHAPE,
    STATE,
    VALUE,
    Rows,
    betas,
    flag,
    floating,
    fraction,
    holds_nan,
    no,
    not_negative,
    number,
    parameters,
    positive,
    rate,
    reals,
    refused,
    taken,
)
from bad_input.menu import Tensor
from bad_input.use import Use, X, arg, by_keywords, use

import tinynn as nn


# ---- parameters ---------------------------------------------------------------------------------
def contents(parameter: nn.Parameter) -> Any:
    parameter.grad = parameter.value
    return parameter.value.copy(), parameter.grad.copy(), repr(parameter)


class Packed:
    """Two parameters that an optimizer holds."""

    def __init__(self) -> None:
        self.parameters = nn.Parameter([1.0, 2.0]), nn.Parameter([3.0])
        self.optimizer = nn.SGD(self.parameters, 0.1)

    def goes_on(self) -> Any:
        for parameter in self.parameters:
            parameter.grad = np.ones(parameter.shape)
        self.optimizer.step()
        return [parameter.value.copy() for parameter in self.parameters]


def assigned(what: str) -> Use:
    who = "Parameter(shape=(4, 3), dtype=float32)"
    shapes = [np.zeros(3), np.zeros((4, 1)), np.zeros((3, 4)), np.zeros((1, 4, 3)), 1.0, []]
    return use(
        f"Parameter.{what}",
        lambda parameter, value: setattr(parameter, what, value) or getattr(parameter, what),
        value=arg(
            X,
            reals(who, what),
            *(refused("shape", array, SHAPE, who, f"{what} of shape (4, 3)", str(np.shape(array))) for array in shapes),
            refused("empty", np.zeros((0, 3)), SHAPE, who, "(4, 3)", "(0, 3)"),
            taken("not finite", np.full((4, 3), np.nan), holds_nan),
        ),
        _options={"make": lambda: nn.Parameter(X), "works": contents},
    )


PARAMETERS = [
    by_keywords(
        nn.Parameter,
        value=arg(
            [1.0],
            reals("Parameter", "value"),
            taken("not finite", [np.nan], lambda parameter: holds_nan(parameter.value)),
            taken("empty", [], lambda parameter: parameter.shape == (0,)),
        ),
        name=arg("weight", no("Parameter", "name must be a text or None", DTYPE, 3, b"w", True, ["w"], {}, str)),
    ),
    assigned("value"),
    assigned("grad"),
    use(
        "Parameter.astype",
        lambda parameter, dtype: parameter.astype(dtype),
        dtype=arg(np.float32, floating("Parameter(shape=(4, 3), dtype=float32): dtype")),
        _options={"make": lambda: nn.Parameter(X), "works": contents},
    ),
    use(
        "ParameterVector",
        lambda packed, parameters: nn.ParameterVector(parameters),
        parameters=arg([nn.Parameter([1.0])], parameters()),
        _options={"make": Packed, "works": Packed.goes_on},
    ),
    use(
        "ParameterVector, a packed one and something else",
        lambda packed, other: nn.ParameterVector([packed.parameters[0], other]),
        other=arg(
            nn.Parameter([1.0]),
            *(refused("type", value, DTYPE, "got an item") for value in (None, 3, nn.Tanh(), np.zeros(2))),
            refused("dtype", nn.Parameter(np.ones(2)), DTYPE, "float32 and float64"),
        ),
        _options={"make": Packed, "works": Packed.goes_on},
    ),
]


# ---- optimizers ---------------------------------------------------------------------------------
@functools.cache
def hyperparameters(name: str) -> dict[str, dict[str, Any]]:
    """The keywords of each optimizer, but for those of all."""
    epsilon = arg(1e-8, not_negative(f"{name}: epsilon"))
    fused = arg(False, flag(f"{name}: fused"))
    two = arg((0.9, 0.99), betas(f"{name}: betas"))
    return {
        "SGD": {
            "momentum": arg(0.9, fraction("SGD: momentum")),
            "dampening": arg(0.0, not_negative("SGD: dampening")),
            "nesterov": arg(True, flag("SGD: nesterov")),
            "fused": fused,
        },
        "Adagrad": {
            "epsilon": epsilon,
            "initial_accumulator": arg(0.1, not_negative("Adagrad: initial_accumulator")),
            "learning_rate_decay": arg(0.0, not_negative("Adagrad: learning_rate_decay"), taken("size", 1.0)),
            "fused": fused,
        },
        "RMSprop": {
            "decay": arg(0.99, fraction("RMSprop: decay")),
            "epsilon": epsilon,
            "momentum": arg(0.5, fraction("RMSprop: momentum")),
            "centered": arg(True, flag("RMSprop: centered")),
            "fused": fused,
        },
        "Adam": {"betas": two, "epsilon": epsilon, "amsgrad": arg(True, flag("Adam: amsgrad")), "fused": fused},
        "AdamW": {"betas": two, "epsilon": epsilon, "amsgrad": arg(False, flag("AdamW: amsgrad")), "fused": fused},
        "NAdam": {
            "betas": two,
            "epsilon": epsilon,
            "momentum_decay": arg(0.004, not_negative("NAdam: momentum_decay")),
        },
        "RAdam": {"betas": two, "epsilon": epsilon},
        "Adadelta": {
            "decay": arg(0.9, fraction("Adadelta: decay")),
            "epsilon": arg(1e-6, positive("Adadelta: epsilon")),
        },
        "Lion": {"betas": two},
    }[name]


class PlainDescent(nn.Optimizer):
    """A rule without a compiled form."""

    def update(self, value, grad, learning_rate):
        value -= learning_rate * grad


NAMES = ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "NAdam", "RAdam", "Adadelta", "Lion")
#: Those on which what comes from the base is tried, the second one with a scalar in its state.
FEW = ("SGD", "NAdam")


class Held:
    """Two parameters and their optimizer, which has made a step; others may try to take them over."""

    def __init__(self, name: str) -> None:
        self.kind = getattr(nn, name)
        self.parameters = [nn.Parameter([1.0, 2.0]), nn.Parameter([[3.0]])]
        options = {key: value.right for key, value in hyperparameters(name).items()}
        self.optimizer = self.kind(self.parameters, 0.1, **options)
        self.step()

    def step(self) -> None:
        for parameter in self.parameters:
            parameter.grad = np.full(parameter.shape, 0.5)
        self.optimizer.step()

    def goes_on(self) -> Any:
        state = self.optimizer.state_dict()
        self.step()
        group = self.optimizer.groups[0]
        settings = group.learning_rate, group.weight_decay, group.l1_decay
        return state, self.optimizer.state_dict(), [p.value.copy() for p in self.parameters], settings

    def groups(self, **settings: Any) -> Any:
        """An optimizer of groups, the first with these settings."""
        return self.kind([{"parameters": self.parameters[:1], **settings}, {"parameters": self.parameters[1:]}], 0.1)

    def load(self, **parts: Any) -> None:
        """Load the own state with parts of it replaced."""
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), **parts})

    def load_slot(self, array: Any) -> None:
        slots = self.optimizer.state_dict()["slots"]
        self.load(slots={**slots, sorted(slots)[-1]: array})


def options(name: str) -> dict[str, Any]:
    return {"make": lambda: Held(name), "works": Held.goes_on}


def constructor(name: str) -> list[Use]:
    """Which parameters, and with what over one that another optimizer holds: that one must keep it."""
    settings = {
        "learning_rate": arg(0.1, rate(f"{name}: learning_rate")),
        "weight_decay": arg(0.0, not_negative(f"{name}: weight_decay")),
        "l1_decay": arg(0.0, not_negative(f"{name}: l1_decay")),
        **hyperparameters(name),
    }
    more = {**options(name), "documented": (ImportError,)}
    return [
        use(
            name,
            lambda held, **given: held.kind(**given),
            parameters=arg([nn.Parameter([1.0])], parameters(name)),
            _options=more,
        ),
        use(
            f"{name}, over a parameter in use",
            lambda held, **given: held.kind(held.parameters[:1], **given),
            **settings,
            _options=more,
        ),
    ]


def state_rows(name: str) -> Rows:
    other = "Adam" if name != "Adam" else "SGD"
    foreign = f"this is not the state of a {name} but of"
    return [
        *no(name, "expected a dict as state_dict() gives it", DTYPE, None, "abc", 3, [], nn.MSE(), dict, Tensor()),
        refused("empty", {}, VALUE, name, foreign, "None"),
        refused("type", {"a": 1}, VALUE, name, foreign, "None"),
        refused("type", nn.Sequential(nn.Dense(1, 1)).state_dict(), VALUE, name, foreign, "None"),
        refused("type", getattr(nn, other)([nn.Parameter([1.0])]).state_dict(), VALUE, name, foreign, f"'{other}'"),
    ]


def from_the_base(name: str) -> list[Use]:
    more = options(name)
    state = Held(name).optimizer.state_dict()
    slots = sorted(state["slots"])
    whole = "steps must be an int of at least 0"
    part = f"this is not the state of a {name}"
    uses = [
        use(
            f"{name}, groups",
            Held.groups,
            learning_rate=arg(
                0.1,
                *(refused("size", k, VALUE, "group: learning_rate", str(k)) for k in (-1, -0.1)),
                refused("not finite", float("nan"), VALUE, "group: learning_rate", "finite"),
                refused("type", "0.1", DTYPE, "group: learning_rate", "'0.1'"),
            ),
            weight_decay=arg(0.0, not_negative(f"{name}: weight_decay")),
            l1_decay=arg(0.0, not_negative(f"{name}: l1_decay")),
            _options=more,
        ),
        use(
            f"{name}, a group",
            lambda held, group: held.kind([group], 0.1),
            group=arg(
                {"parameters": [nn.Parameter([1.0])]},
                refused("empty", {}, VALUE, "a group needs 'parameters'", "[]"),
                refused(
                    "type", {"parameters": [], "lr": 1}, VALUE, "a group needs 'parameters'", "['lr', 'parameters']"
                ),
                refused("type", {1: 2, None: 3}, VALUE, "a group needs 'parameters'", "['1', 'None']"),
                refused("empty", {"parameters": []}, VALUE, "at least one Parameter"),
                *(
                    refused("type", {"parameters": value}, DTYPE, "expected a Layer")
                    for value in (None, 3, nn.Dense, np.zeros(3), [3])
                ),
            ),
            _options=more,
        ),
        use(
            f"{name}, groups and something else",
            lambda held, other: held.kind([{"parameters": held.parameters}, other], 0.1),
            other=arg(
                {"parameters": [nn.Parameter([1.0])]},
                *(
                    refused("type", value, DTYPE, "every group to be a dict", repr(value))
                    for value in (None, 3, "a", nn.Parameter([1.0]))
                ),
            ),
            _options=more,
        ),
        use(
            f"{name}.learning_rate",
            lambda held, value: setattr(held.optimizer, "learning_rate", value),
            value=arg(0.1, rate(f"{name}: learning_rate")),
            _options=more,
        ),
        use(
            f"{name}.step, a schedule",
            lambda held, value: (setattr(held.optimizer, "learning_rate", lambda step: value), held.optimizer.step()),
            value=arg(0.1, not_negative(f"{name}: the schedule's learning rate for step 1")),
            _options={"make": lambda: Held(name)},
        ),
        *(
            use(
                f"{name}.groups, {attribute}",
                lambda held, value, attribute=attribute: setattr(held.optimizer.groups[0], attribute, value),
                value=arg(0.1, rows),
                _options=more,
            )
            for attribute, rows in (
                ("learning_rate", [row for row in rate("group: learning_rate") if row.value is not None]),
                ("weight_decay", not_negative(f"{name}: weight_decay")),
                ("l1_decay", not_negative(f"{name}: l1_decay")),
            )
        ),
        use(
            f"{name}.load_state_dict",
            lambda held, state: held.optimizer.load_state_dict(state),
            state=arg(state, state_rows(name)),
            _options=more,
        ),
        use(
            f"{name}.load_state_dict, parts",
            Held.load,
            optimizer=arg(
                name, *(refused("type", value, VALUE, name, f"{part} but of") for value in (None, "Other", 3, X))
            ),
            steps=arg(
                7,
                *(refused("type", value, VALUE, name, whole) for value in (None, "3", 2.5, True, [1], X)),
                refused("size", -1, VALUE, name, whole, "-1"),
                refused("not finite", float("nan"), VALUE, name, whole, "nan"),
            ),
            learning_rate=arg(0.1, [row for row in rate(f"{name}: learning_rate") if row.value is not None]),
            slots=arg(
                state["slots"],
                *(refused("type", value, VALUE, name, part, "slots must be a dict") for value in (None, [], 3, X)),
                *(
                    refused("length", value, VALUE, name, "this optimizer needs", "build it with the same options")
                    for value in ({}, {"other": X}, {1: X, None: X})
                ),
            ),
            scalars=arg(
                state["scalars"],
                *(refused("type", value, VALUE, name, part, "scalars must be a dict") for value in (None, [], 3, X)),
                refused("length", {"other": 1.0}, VALUE, name, "scalars ['other']", "build it with the same options"),
            ),
            _options=more,
        ),
        use(
            f"{name}.load_state_dict, a slot",
            Held.load_slot,
            array=arg(
                state["slots"][slots[-1]],
                reals(name, f"slot {slots[-1]}"),
                *(
                    refused("shape", value, SHAPE, name, f"slot {slots[-1]}", "instead of (3,)", str(np.shape(value)))
                    for value in (np.zeros(2), np.zeros((3, 1)), 1.0, [])
                ),
                taken("not finite", np.full(3, np.nan)),
            ),
            _options=more,
        ),
    ]
    for scalar in state["scalars"]:
        uses.append(
            use(
                f"{name}.load_state_dict, {scalar}",
                lambda held, value, scalar=scalar: held.load(scalars={scalar: value}),
                value=arg(
                    0.5, no(name, f"{scalar} must be a number", DTYPE, None, "1", 1j, [1.0], {}, float, Tensor())
                ),
                _options=more,
            )
        )
    return uses


def gradient(name: str) -> Rows:
    rule = "expected a floating array or an optimizer's vector"
    frozen = np.ones(3)
    frozen.flags.writeable = False
    return [
        *no(name, rule, DTYPE, None, 1.0, "abc", [1.0], {}, nn.MSE(), nn.Parameter, Tensor()),
        *(
            refused("dtype", np.ones(3, dtype), DTYPE, name, rule, f"shape (3,) and dtype {np.dtype(dtype)}")
            for dtype in (int, complex, bool, object, "U1")
        ),
        refused("dtype", frozen, VALUE, name, "read-only", "pass a copy"),
        taken("empty", np.zeros(0), lambda norm: norm in (0.0, None)),
    ]


def clipped(gradient: np.ndarray) -> Any:
    return gradient.copy()


CLIPPING = [
    use(
        "clip_norm",
        lambda array, gradient, maximum: nn.clip_norm(array if gradient is None else gradient, maximum),
        gradient=arg(
            np.ones(3),
            [row for row in gradient("clip_norm") if row.value is not None],
            *(
                refused("not finite", np.array([1.0, float(k)]), nn.DivergedError, "clip_norm", f"norm is {k}", "lower")
                for k in ("nan", "inf")
            ),
        ),
        maximum=arg(1.0, positive("clip_norm: maximum")),
    ),
    use(
        "clip_value",
        lambda _, gradient, maximum: nn.clip_value(gradient, maximum),
        gradient=arg(np.ones(3), gradient("clip_value"), taken("not finite", np.array([np.nan, 1.0]))),
        maximum=arg(1.0, not_negative("clip_value: maximum")),
    ),
    *(
        use(
            f"{function.__name__}, what is refused changes nothing",
            lambda gradient, maximum, function=function: function(gradient, maximum),
            maximum=arg(1.0, number(f"{function.__name__}: maximum")),
            _options={"make": lambda: np.array([3.0, 4.0]), "works": clipped},
        )
        for function in (nn.clip_norm, nn.clip_value)
    ),
]

OPTIMIZERS = [
    *(each for name in NAMES for each in constructor(name)),
    *(each for name in FEW for each in from_the_base(name)),
    use(
        "SGD, nesterov",
        lambda held, **given: held.kind(held.parameters, 0.1, nesterov=True, **given),
        momentum=arg(0.9, refused("size", 0.0, VALUE, "SGD: nesterov", "momentum=0.0")),
        dampening=arg(0.0, refused("size", 0.1, VALUE, "SGD: nesterov", "dampening=0.1")),
        _options=options("SGD"),
    ),
    use(
        "SGD, before a rule that has no compiled form",
        lambda held, kind: kind(held.parameters[:1], 0.1, fused=True) if kind is not nn.SGD else None,
        kind=arg(nn.SGD, refused("type", PlainDescent, VALUE, "PlainDescent", "no compiled form", "leave fused out")),
        _options={**options("SGD"), "fuzzed": ()},
    ),
    use(
        "SGD.step, taken over",
        lambda held, other: other(held),
        other=arg(
            lambda held: None,
            refused(
                "type",
                lambda held: (nn.SGD(held.parameters[:1]), held.optimizer.step()),
                STATE,
                "packed into another vector",
                "build a new optimizer",
            ),
        ),
        _options={"make": lambda: Held("SGD"), "fuzzed": ()},
    ),
]
