"""Gradient checks as assertions of a unittest.TestCase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynn.testing.gradients import check_gradient, check_hessian_product, check_jacobian
from tinynn.testing.layers import check_layer
from tinynn.testing.losses import check_loss
from tinynn.testing.networks import check_network
from tinynn.testing.optimizers import check_optimizer
from tinynn.testing.report import GradientError, Report

__all__ = ["GradientAssertions"]


class GradientAssertions:
    """Beside unittest.TestCase among a class's bases, it gives assertGradient, assertLayer and the others.

    Each takes the arguments of the check of its name in tinynn.testing, returns its report, and fails the
    test with its message, without the traceback of the kit's own code. The checks themselves do as well in
    a TestCase, since a GradientError is an AssertionError.

    >>> import unittest
    >>> import numpy as np
    >>> class TestCube(GradientAssertions, unittest.TestCase):
    ...     def test_gradient(self):
    ...         self.assertGradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, -2.0]))
    >>> TestCube("test_gradient").run().wasSuccessful()
    True
    """

    def assertGradient(self, *arguments: Any, **options: Any) -> Report:
        """As check_gradient(f, gradient, x)."""
        return _asserted(check_gradient, arguments, options)

    def assertJacobian(self, *arguments: Any, **options: Any) -> Report:
        """As check_jacobian(f, vjp, x)."""
        return _asserted(check_jacobian, arguments, options)

    def assertHessianProduct(self, *arguments: Any, **options: Any) -> Report:
        """As check_hessian_product(gradient, product, x)."""
        return _asserted(check_hessian_product, arguments, options)

    def assertLayer(self, *arguments: Any, **options: Any) -> Report:
        """As check_layer(layer, x) or check_layer(layer, input_shape=…)."""
        return _asserted(check_layer, arguments, options)

    def assertLoss(self, *arguments: Any, **options: Any) -> Report:
        """As check_loss(loss, prediction, target)."""
        return _asserted(check_loss, arguments, options)

    def assertNetwork(self, *arguments: Any, **options: Any) -> Report:
        """As check_network(model, loss, x, target)."""
        return _asserted(check_network, arguments, options)

    def assertOptimizer(self, *arguments: Any, **options: Any) -> Report:
        """As check_optimizer(factory)."""
        return _asserted(check_optimizer, arguments, options)


def _asserted(check: Callable[..., Report], arguments: tuple[Any, ...], options: dict[str, Any]) -> Report:
    try:
        return check(*arguments, **options)
    except GradientError as error:
        raise error.with_traceback(None) from None
