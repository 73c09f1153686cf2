"""The gradient-check kit, for tinynn's layers and for anybody's NumPy code.

Each check holds a hand-written derivative against differences of the function's own values: `check_gradient`,
`check_jacobian` and `check_hessian_product` for functions, `check_layer`, `check_loss`, `check_network` and
`check_optimizer` for what they say, with the laws that each keeps beside its derivative. A check that fails is a
GradientError, which names the likely cause. Hypothesis strategies are in `strategies`, a pytest plugin in `plugin`.
Nothing in tinynn but its command line imports this package.
"""

from __future__ import annotations

from typing import Any

from tinynn.testing.callables import from_callables
from tinynn.testing.gradients import check_gradient, check_hessian_product, check_jacobian
from tinynn.testing.layers import check_layer
from tinynn.testing.losses import check_loss
from tinynn.testing.networks import check_network
from tinynn.testing.optimizers import check_optimizer
from tinynn.testing.report import ArrayReport, Cause, GradientError, Report

__all__ = [
    "ArrayReport",
    "Cause",
    "GradientError",
    "Report",
    "check_gradient",
    "check_hessian_product",
    "check_jacobian",
    "check_layer",
    "check_loss",
    "check_network",
    "check_optimizer",
    "from_callables",
]


def __getattr__(name: str) -> Any:
    """What not every user of the kit needs loads on first use: strategies (with Hypothesis), GradientAssertions."""
    import importlib

    if name == "strategies":
        return importlib.import_module("tinynn.testing.strategies")
    if name == "GradientAssertions":
        return importlib.import_module("tinynn.testing.unittest_case").GradientAssertions
    raise AttributeError(f"module 'tinynn.testing' has no attribute {name!r}")
