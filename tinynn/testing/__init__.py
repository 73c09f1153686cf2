"""The gradient-check kit, for tinynn's layers and for anybody's NumPy code.

`check_gradient` and `check_jacobian` hold a hand-written derivative against differences of the
function's own values. Nothing in tinynn imports this package.
"""

from __future__ import annotations

from tinynn.testing.gradients import check_gradient, check_hessian_product, check_jacobian
from tinynn.testing.report import ArrayReport, GradientError, Report

__all__ = ["ArrayReport", "GradientError", "Report", "check_gradient", "check_hessian_product", "check_jacobian"]
