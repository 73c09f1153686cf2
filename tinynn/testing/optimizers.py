"""check_optimizer: the laws of optimizers, and the rule itself where another optimizer states it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tinynn.optimizers.base import Optimizer
from tinynn.parameter import Parameter
from tinynn.testing import optimizer_laws as laws
from tinynn.testing.report import Report

if TYPE_CHECKING:
    Factory = Callable[[Sequence[Parameter]], Any]


def check_optimizer(factory: Factory, *, like: Factory | None = None) -> Report:
    """Does factory(parameters) give an optimizer that descends and keeps the laws?

    It goes down a bowl and Rosenbrock's valley; leaves gradients, arrays and dtypes as they are; keeps a
    state for each parameter and shares it with no other optimizer. A tinynn Optimizer also refuses a
    parameter given twice, shows step 0 to its schedule first, and goes on from its state_dict exactly.

    Parameters: factory, called with a list of Parameters; like, a factory of the optimizer whose path
    must be equalled step for step, such as lambda parameters: nn.Adam(parameters, 0.01).
    Raises: GradientError.

    >>> import tinynn as nn
    >>> check_optimizer(lambda parameters: nn.SGD(parameters, 0.1)).right
    True
    """
    optimizer = factory(laws.parameters_to_step())
    report = Report(type(optimizer).__name__)
    laws.keeps_arrays(factory, report)
    laws.separate_state(factory, report)
    if like is not None:
        laws.same_rule(factory, like, report)
    laws.descends(factory, report)
    if isinstance(optimizer, Optimizer):
        laws.converges(factory, report)
        laws.schedule(factory, report)
        laws.duplicates(factory, report)
        laws.state(factory, report)
    return report
