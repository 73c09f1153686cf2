"""The gradient-check kit, for tinynn's layers and for anybody's NumPy code.

`check_gradient` and `check_jacobian` hold a hand-written derivative against differences of the
function's own values. Nothing in tinynn imports this package.
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
    if name != "strategies":
        raise AttributeError(f"module 'tinynn.testing' has no attribute {name!r}")
    import importlib

    return importlib.import_module("tinynn.testing.strategies")  # needs Hypothesis
