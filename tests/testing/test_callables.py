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


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x, g: x * g, lambda dY, x, g: (dY * g, (dY * x).sum(axis=0))),
        (lambda x, g: x * g, lambda x, g, dY: (dY * g, (dY * x).sum(axis=0))),
        (lambda x, g: x * g, lambda g, whatever, x: (whatever * g, (whatever * x).sum(axis=0))),
        (lambda u, w: u * w, lambda d, u, w: (d * w, (d * u).sum(axis=0))),
        (lambda a, b: a * b, lambda inputs, weight, grad_outputs: ((g := grad_outputs) * weight, (g * inputs).sum(0))),
        (lambda a, b: a * b, lambda inputs, dL_dY, weight: (dL_dY * weight, (dL_dY * inputs).sum(axis=0))),
        (lambda a, b: a * b, lambda inputs, b, dA: (dA * b, (dA * inputs).sum(axis=0))),
        (lambda a, b: a * b, lambda b, inputs, up, eps=1e-8: (up * b + 0 * eps, (up * inputs).sum(axis=0))),
        (lambda x, g, scale=1.0: x * g, lambda x, upstream_grad, g: (upstream_grad * g, (upstream_grad * x).sum(0))),
    ],
)
def test_arguments_called_as_in_forward_are_those(forward, backward):
    assert check_layer(from_callables(forward, backward, {"w": W}), X).right


@pytest.mark.parametrize(
    "backward",
    [
        lambda d, u: d * (1 - np.tanh(u) ** 2),
        lambda u, dvalues: dvalues * (1 - np.tanh(u) ** 2),
        lambda x, u: u * (1 - np.tanh(x) ** 2),  # u is the input of forward, and x is not the upstream gradient
        lambda x, dvalues: dvalues * (1 - np.tanh(x) ** 2),
        lambda inputs, output_gradient: output_gradient * (1 - np.tanh(inputs) ** 2),
        lambda d, *rest: d * (1 - np.tanh(rest[0]) ** 2),
        lambda d, u, scale=1.0: scale * d * (1 - np.tanh(u) ** 2),
    ],
)
def test_two_arguments_in_either_order(backward):
    assert check_layer(from_callables(lambda u: np.tanh(u), backward), X).right


def test_the_keys_of_the_parameters_are_names_as_well():
    functions = from_callables(lambda x, *p: x * p[0], lambda gain, x, up: (up * gain, (up * x).sum(0)), {"gain": W})
    assert check_layer(functions, X).right
    functions = from_callables(lambda x, p: x * p, lambda gain, x, up: (up * gain, (up * x).sum(0)), {"gain": W})
    assert check_layer(functions, X).right


def test_a_parameter_that_backward_does_without():
    functions = from_callables(lambda x, b: x + b, lambda up, x: (up, up.sum(axis=0)), {"b": W})
    assert check_layer(functions, X).right


def test_a_cache_may_come_before_the_upstream_gradient():
    functions = from_callables(lambda x: (x**2, x), lambda cache, dout: 2 * cache * dout)
    assert check_layer(functions, X).right


@pytest.mark.parametrize("names", [("dh", "dc"), ("dnext_h", "dnext_c"), ("da_next", "dc_next"), ("grad_h", "grad_c")])
def test_a_second_output_is_not_taken_for_a_cache(names):
    backward = eval(f"lambda {', '.join(names)}, cache: cache")
    functions = from_callables(lambda x, c: (x * c, x + c, (x, c)), backward)
    with pytest.raises(
        nn.ShapeError, match=r"got 3 results, and backward takes \w+ and \w+; stack several outputs into"
    ):
        functions.forward(X, G)


def test_what_is_cached_may_be_called_nearly_like_a_gradient():
    functions = from_callables(lambda x: (x**3, x**2, 3.0), lambda dy, dx, three: dy * dx * three)
    assert check_layer(functions, X).right
    functions = from_callables(lambda x: (x**3, 3.0, x**2), lambda dy, dt, square: dy * dt * square)
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


def test_a_list_of_whole_numbers_is_a_parameter_like_any_other():
    assert list(check_layer(from_callables(scale, backward_with("g", "x", "w"), {"w": [1, 2, 3]}), X).arrays)[1:] == [
        "w"
    ]
    assert from_callables(scale, scale, {"w": np.arange(3)}).params["w"].dtype.kind == "i"


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
