"""Two functions as a layer: in which order backward has its arguments, what it may give, how it is named."""

from __future__ import annotations

import numpy as np
import pytest
from messages import assert_says

import tinynn as nn
from tinynn.testing import GradientError, check_layer, from_callables
from tinynn.testing.callables import Functions

RNG = np.random.default_rng(8)
X, W, G = RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=(4, 3))
UPSTREAMS = ["grad", "g", "dy", "dout", "upstream", "u", "delta", "grad_output", "dz", "da", "grad_out", "gy"]


def scale(x, w):
    return x * w


class Bare:
    """What inspect cannot read."""

    __signature__ = "none"

    def __call__(self, grad, x, w):
        return grad * w, (grad * x).sum(axis=0)


def backward_with(*names):
    """backward(names…) of `scale`; the upstream gradient is the argument that is neither x nor w."""
    upstream = next(name for name in names if name not in ("x", "w"))
    return eval(f"lambda {', '.join(names)}: ({upstream} * w, ({upstream} * x).sum(axis=0))")


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_the_upstream_gradient_is_known_by_its_name(upstream, order):
    names = [(upstream, "x", "w")[k] for k in order]
    functions = from_callables(scale, backward_with(*names), {"w": W})
    np.testing.assert_array_equal(functions.forward(X), X * W)
    np.testing.assert_array_equal(functions.backward(G), G * W)
    np.testing.assert_array_equal(functions.grads["w"], (G * X).sum(axis=0))
    assert check_layer(functions, X).right


def test_an_unknown_name_stands_first():
    functions = from_callables(scale, backward_with("whatever", "x", "w"), {"w": W})
    assert check_layer(functions, X).right


def test_a_function_without_a_signature_gets_the_upstream_first():
    backward = Bare()
    functions = from_callables(scale, backward, {"w": W})
    functions.forward(X)
    np.testing.assert_array_equal(functions.backward(G), G * W)


def test_one_argument_is_the_upstream():
    functions = from_callables(lambda x: 3 * x, lambda grad: 3 * grad)
    functions.forward(X)
    np.testing.assert_array_equal(functions.backward(G), 3 * G)


def test_a_cache_goes_to_backward_until_the_next_forward():
    functions = from_callables(lambda x: (x**2, x, 2.0), lambda grad, x, two: two * x * grad)
    np.testing.assert_array_equal(functions.forward(X), X**2)
    np.testing.assert_array_equal(functions.backward(G), 2 * X * G)
    functions.forward(2 * X)
    np.testing.assert_array_equal(functions.backward(G), 4 * X * G)


def test_gradients_by_name():
    functions = from_callables(scale, lambda grad, x, w: (grad * w, {"w": (grad * x).sum(axis=0)}), {"w": W})
    functions.forward(X)
    functions.backward(G)
    assert type(functions.grads) is dict
    np.testing.assert_array_equal(functions.grads["w"], (G * X).sum(axis=0))
    wrong = from_callables(scale, lambda grad, x, w: (grad * w, {"w": (grad * x).mean(axis=0)}), {"w": W})
    with pytest.raises(GradientError) as caught:
        check_layer(wrong, X)
    assert caught.value.cause == "batch-mean"


def test_several_inputs_and_parameters():
    def forward(a, b, w, c):
        return a * b * w + c

    def backward(grad, a, b, w, c):
        return grad * b * w, grad * a * w, (grad * a * b).sum(axis=0), grad.sum(axis=0)

    functions = from_callables(forward, backward, {"w": W, "c": np.ones(3)})
    functions.forward(X, G)
    back = functions.backward(G)
    assert isinstance(back, tuple) and len(back) == 2
    np.testing.assert_array_equal(back[1], G * X * W)
    assert list(functions.grads) == ["w", "c"]
    assert list(check_layer(functions, (X, G)).arrays) == ["x0", "x1", "w", "c"]


def test_parameters_are_copies():
    w = W.copy()
    functions = from_callables(scale, backward_with("grad", "x", "w"), {"w": w})
    functions.params["w"][:] = 0
    np.testing.assert_array_equal(w, W)
    assert functions.grads == {}


def test_what_does_not_fit_is_a_shape_error_that_names_both_functions():
    def nothing_else(grad, x, w):
        return grad * w

    alone = from_callables(scale, nothing_else, {"w": W})
    alone.forward(X)
    assert_says(
        lambda: alone.backward(G),
        nn.ShapeError,
        "scale, nothing_else: expected backward to give (dx, one gradient for each parameter), got one array",
    )
    two = from_callables(scale, lambda grad, x, w: (grad, grad, grad), {"w": W})
    two.forward(X)
    assert_says(
        lambda: two.backward(G),
        nn.ShapeError,
        "scale, <lambda>: expected 1 parameters' gradients after dx, got 2",
    )


def test_what_has_no_name_is_called_what_it_does():
    class Callable:
        def __call__(self, *arguments):
            return arguments[0]

    assert repr(Functions(Callable(), Callable(), {})) == "forward, backward"
    assert repr(from_callables(scale, np.negative)) == "scale, negative"
