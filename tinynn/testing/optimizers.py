"""check_optimizer: the laws of optimizers, and the rule itself where another optimizer states it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import shown
from tinynn.errors import DtypeError
from tinynn.optimizers.base import Optimizer
from tinynn.parameter import Parameter
from tinynn.testing import descent_laws as descent
from tinynn.testing import optimizer_laws as laws
from tinynn.testing import own_optimizer_laws as own
from tinynn.testing.report import Report
from tinynn.testing.signatures import required

if TYPE_CHECKING:
    Factory = Callable[[Sequence[Parameter]], Any]


def check_optimizer(factory: Factory, *, like: Factory | None = None) -> Report:
    """Does factory(parameters) give an optimizer that descends and keeps the laws?

    It goes down a bowl and Rosenbrock's valley, and takes no parameter against its own gradient; computes
    in float64; leaves gradients, arrays and dtypes as they are; stays finite at a gradient of 0; keeps a
    state for each parameter and shares it with no other optimizer. A tinynn Optimizer also follows its
    learning rate, refuses a parameter given twice, shows step 0 to its schedule first, and goes on from its
    state_dict exactly.

    Parameters: factory, called with a list of Parameters; like, a factory of the optimizer whose path
    must be equalled step for step, such as lambda parameters: nn.Adam(parameters, 0.01).
    Raises: GradientError; DtypeError if factory gives something that has no step().

    >>> import tinynn as nn
    >>> check_optimizer(lambda parameters: nn.SGD(parameters, 0.1)).right
    True
    """
    optimizer = _made(factory)
    if like is not None:
        _made(like)
    report = Report(type(optimizer).__name__)
    laws.keeps_arrays(factory, report)
    laws.zero_gradients(factory, report)
    laws.separate_state(factory, report)
    if not isinstance(optimizer, Optimizer):
        laws.keeps_no_gradient(factory, report)
    laws.computes_in_float64(factory, report)
    if like is not None:
        laws.same_rule(factory, like, report)
    descent.goes_downhill(factory, report)
    descent.descends(factory, report)
    if isinstance(optimizer, Optimizer):
        descent.converges(factory, report)
        own.follows_its_rate(factory, report)
        own.schedule(factory, report)
        own.duplicates(factory, report)
        own.state(factory, report)
    return report


def _made(factory: Factory) -> Any:
    """What the factory gives, if it is an optimizer of the kind that the laws are about."""
    advice = "pass lambda parameters: MyOptimizer(parameters, …)"
    if not callable(factory) or required(factory) not in (1, -1):
        raise DtypeError(
            f"check_optimizer: expected a function of a list of Parameters, got {shown(factory)}; {advice}"
        )
    parameters = laws.parameters_to_step()
    optimizer = factory(parameters)
    laws.give(parameters, np.random.default_rng(0))
    step = getattr(optimizer, "step", None)
    if not callable(step) or required(step) > 0:
        has = "none" if step is None else f"one that needs {required(step)} arguments" if callable(step) else repr(step)
        raise DtypeError(
            f"check_optimizer: expected an optimizer with step(), which reads .grad and writes into .value of each "
            f"parameter; {type(optimizer).__name__} has {has}; wrap yours in a class whose step() calls it"
        )
    try:
        step()
    except Exception as error:
        raise DtypeError(
            f"check_optimizer: {type(optimizer).__name__}.step() fails with {type(error).__name__}: {error}; "
            "a parameter has .value, .grad, .shape and .name"
        ) from error
    return optimizer
