"""The gradient-check kit."""

from __future__ import annotations

from typing import Any

import numpy as np
from bad_input.kinds import DTYPE, SHAPE, VALUE, Rows, flag, no, not_negative, reals, refused, rng, shape
from bad_input.menu import Tensor, within_itself
from bad_input.use import TARGET, Use, X, arg, use

import tinynn as nn
from tinynn import testing

SMALL = X[:2, :2]


def total(x: Any) -> Any:
    return np.sum(np.power(x, 3.0))


def slope(x: Any) -> Any:
    return 3 * x**2


def tanh_vjp(x: Any, u: Any) -> Any:
    return u * (1 - np.tanh(x) ** 2)


def curvature(x: Any, v: Any) -> Any:
    return 6 * x * v


def check(function: Any, name: str = "", /, *, _fuzzed: tuple[str, ...] = (), **arguments: Any) -> Use:
    """A check by keywords. Of the menu only what does not end up in a user's own function."""
    return use(
        name or function.__name__,
        lambda _, **given: function(**given),
        **arguments,
        _options={"fuzzed": _fuzzed},
    )


def options(who: str) -> dict[str, Any]:
    """What all checks take."""
    whole, few = f"{who}: elementwise", "must be an int"
    return {
        "tolerance": arg(1e-8, not_negative(f"{who}: tolerance")),
        "elementwise": arg(
            16,
            *no(whole, few, DTYPE, None, "3", True, 2.5, 1j, (2,), {}, int, Tensor()),
            refused("size", -1, VALUE, whole, "at least 0", "-1"),
            *(refused("not finite", float(k), DTYPE, whole, few, k) for k in ("nan", "inf")),
            refused("shape", np.array([3]), DTYPE, whole, few, "an array of shape (1,)"),
            refused("empty", [], DTYPE, whole, few, "[]"),
        ),
        "rng": arg(0, rng(f"{who}: rng")),
    }


def a_function(what: str) -> Rows:
    rule = "must be a function"
    return [
        *no(what, rule, DTYPE, None, "np.sum", 3, 2.5, [], (), {}, nn.MSE(), ..., Tensor()),
        refused("shape", np.zeros(3), DTYPE, what, rule, "an array of shape (3,)"),
    ]


def point(subject: str) -> Rows:
    """Where a function is checked."""
    text = "expected x of real numbers"
    return [
        *(refused("type", value, DTYPE, text) for value in (None, "abc", b"a", 1j, {1, 2}, nn.MSE(), nn.MSE)),
        *(refused("dtype", np.ones((2, 2), dtype), DTYPE, text, "dtype") for dtype in (complex, "U1", object, "M8[D]")),
        *(
            refused("not finite", float(k), VALUE, "x holds values that are not finite", "another point")
            for k in ("nan", "inf")
        ),
        refused("not finite", np.array([1.0, np.nan]), VALUE, "not finite", "choose another point"),
        refused("type", Tensor(), DTYPE, "x as an array", "Tensor()"),
        refused("type", within_itself(), VALUE, subject, "a container that holds itself"),
    ]


def result(*, number: bool = False) -> Rows:
    """What a function may give in place of a number or an array."""
    one = refused("shape", lambda x: x, SHAPE, "expected a function of one number", "(2, 2)", "check_jacobian")
    return [
        refused(
            "type", lambda x: None, DTYPE, "<lambda> gives None", "expected a number or an array", "return missing"
        ),
        refused("type", lambda x: "abc", DTYPE, "<lambda> gives 'abc'", "expected a number or an array"),
        refused("type", lambda x: nn.MSE(), DTYPE, "<lambda> gives MSE()", "expected a number or an array"),
        refused("length", lambda x: {"a": 1}, SHAPE, "<lambda> gives 1 results", "expected one array"),
        refused("not finite", lambda x: np.nan, testing.GradientError, "not finite at this point", "another point"),
        *([one] if number else []),
    ]


FUNCTIONS = [
    check(
        testing.check_gradient,
        f=arg(total, a_function("check_gradient: f"), result(number=True)),
        gradient=arg(
            slope,
            a_function("check_gradient: gradient"),
            refused("type", lambda x: None, testing.GradientError, "∂C/∂x is None", "nothing was returned"),
            refused("dtype", lambda x: x + 1j, testing.GradientError, "dtype complex128", "real numbers"),
            refused("shape", lambda x: x[0], testing.GradientError, "has shape (2,)", "x has (2, 2)"),
            refused("not finite", lambda x: x * np.nan, testing.GradientError, "not finite"),
        ),
        x=arg(SMALL, point("total")),
        **options("check_gradient"),
        _fuzzed=("tolerance",),
    ),
    check(
        testing.check_jacobian,
        f=arg(np.tanh, a_function("check_jacobian: f"), result()),
        vjp=arg(tanh_vjp, a_function("check_jacobian: vjp")),
        x=arg(SMALL, point("tanh")),
        **options("check_jacobian"),
    ),
    check(
        testing.check_hessian_product,
        gradient=arg(slope, a_function("check_hessian_product: gradient"), result()),
        product=arg(curvature, a_function("check_hessian_product: product")),
        x=arg(SMALL, point("slope")),
        **options("check_hessian_product"),
    ),
]


# ---- layers, losses, networks, optimizers -------------------------------------------------------
def a_layer() -> Rows:
    rule = "expected an object with forward(x) and backward(grad)"
    return [
        *no(rule, "from_callables", DTYPE, None, "Tanh", 3, [], (), {}, nn.Tanh, Tensor()),
        refused("type", np.tanh, DTYPE, rule),
        refused("shape", np.zeros(3), DTYPE, rule, "an array of shape (3,)"),
        refused("length", nn.MSE(), DTYPE, "MSE()", "forward needs 2 arguments and gets 1"),
    ]


def a_loss() -> Rows:
    rule = "expected a loss"
    return [
        *(refused("type", value, DTYPE, rule, "got") for value in (None, "MSE", 3, [], {}, np.zeros(3), Tensor())),
        refused("type", nn.MSE, DTYPE, rule, "the class MSE", "such as MSE()"),
        refused("length", nn.Tanh(), DTYPE, rule, "Tanh()", "one array"),
    ]


def maker() -> Rows:
    rule = "expected a function of a list of Parameters"
    return [
        *no(rule, "pass lambda parameters", DTYPE, "SGD", 3, [], {}, Tensor()),
        refused("length", lambda: nn.SGD([nn.Parameter([1.0])], 0.1), DTYPE, rule, "pass lambda parameters"),
        refused("type", lambda parameters: None, DTYPE, "expected an optimizer with step()", "NoneType has none"),
        refused("type", lambda parameters: nn.MSE(), DTYPE, "expected an optimizer with step()", "MSE has none"),
    ]


OBJECTS = [
    check(
        testing.check_layer,
        layer=arg(nn.Tanh(), a_layer()),
        x=arg(
            SMALL,
            *(row for row in reals("Tanh()", "x") if row.category == "dtype"),
            refused("type", None, SHAPE, "check_layer(Tanh())", "give either x, an input, or input_shape"),
            refused("type", Tensor(), DTYPE, "check_layer(Tanh())", "x as an array", "Tensor()"),
            refused("length", [[1.0, 2.0], [3.0]], SHAPE, "check_layer(Tanh())", "x", "several lengths"),
            refused("length", (SMALL, SMALL), DTYPE, "Tanh()", "forward needs 1 arguments and gets 2"),
            *(
                refused("not finite", SMALL * float(k), VALUE, "check_layer", "not finite", "another point")
                for k in ("nan", "inf")
            ),
        ),
        couples_batch=arg(None, [row for row in flag("check_layer: couples_batch") if row.value is not None]),
        strict=arg(False, flag("check_layer: strict")),
        names=arg(
            None, no("names", "must be a dict of attributes' names", DTYPE, "w", 3, ["w"], nn.MSE(), dict, Tensor())
        ),
        **options("check_layer"),
        _fuzzed=("layer", "names", "couples_batch", "strict"),
    ),
    check(
        testing.check_layer,
        "check_layer, drawn",
        layer=arg(nn.Tanh(), a_layer()),
        input_shape=arg(
            (2, 2),
            [row for row in shape("check_layer: input_shape") if row.value is not None],
            refused("type", None, SHAPE, "check_layer(Tanh())", "give either x, an input, or input_shape"),
        ),
        _fuzzed=("layer", "input_shape"),
    ),
    check(
        testing.check_loss,
        loss=arg(nn.MSE(), a_loss()),
        prediction=arg(
            X,
            *(
                refused("dtype", np.ones((4, 3), dtype), DTYPE, "expected prediction of real numbers", "dtype")
                for dtype in (complex, object, "U1")
            ),
            *(
                refused("type", value, DTYPE, "expected prediction of real numbers")
                for value in (None, "abc", {}, nn.MSE)
            ),
            refused("type", Tensor(), DTYPE, "prediction as an array", "Tensor()"),
            refused("length", [[1.0, 2.0], [3.0]], SHAPE, "prediction", "several lengths"),
            *(
                refused("not finite", X * float(k), VALUE, "prediction holds values that are not finite")
                for k in ("nan", "inf")
            ),
            refused("shape", np.zeros((4, 2)), SHAPE, "MSE()", "(4, 2)", "(4, 3)"),
            refused("empty", np.zeros((0, 3)), SHAPE, "MSE()", "not empty", "(0, 3)"),
        ),
        target=arg(
            TARGET,
            [row for row in reals("MSE()", "target") if row.category == "dtype"],
            refused("type", None, DTYPE, "MSE()", "target", "None"),
            refused("type", Tensor(), DTYPE, "MSE()", "target as an array", "Tensor()"),
            refused("length", [[1.0, 2.0], [3.0]], SHAPE, "MSE()", "target", "several lengths"),
            refused("shape", np.zeros((4, 2)), SHAPE, "MSE()", "(4, 3)", "(4, 2)"),
        ),
        sample_weight=arg(
            None,
            *(refused("length", [1.0] * k, SHAPE, "sample_weight of shape (4,)", f"({k},)") for k in (0, 3, 5)),
            refused("not finite", [1, 1, 1, np.nan], VALUE, "sample_weight must be finite"),
            refused("size", [1, 1, 1, -1], VALUE, "sample_weight must be finite, 0 or more"),
            refused("type", "abc", DTYPE, "sample_weight", "'abc'"),
            refused("type", Tensor(), DTYPE, "sample_weight as an array", "Tensor()"),
        ),
        strict=arg(False, flag("check_loss: strict")),
        **options("check_loss"),
        _fuzzed=("loss", "sample_weight", "strict"),
    ),
    check(
        testing.check_network,
        model=arg(nn.Dense(3, 1, rng=0), a_layer()),
        loss=arg(nn.MSE(), a_loss()),
        x=arg(
            X,
            *(
                refused("dtype", np.ones((4, 3), dtype), DTYPE, "Dense(3, 1)", "real numbers")
                for dtype in (complex, object)
            ),
            refused("type", None, DTYPE, "Dense(3, 1)", "real numbers", "None"),
            refused("type", Tensor(), DTYPE, "check_network(Dense(3, 1))", "x as an array", "Tensor()"),
            refused("length", [[1.0, 2.0], [3.0]], SHAPE, "check_network(Dense(3, 1))", "x", "several lengths"),
            refused("shape", np.zeros((4, 5)), SHAPE, "Dense(3, 1)", "(batch, 3)", "(4, 5)"),
        ),
        target=arg(
            TARGET[:, :1],
            refused("shape", TARGET, SHAPE, "MSE()", "(4, 1)", "(4, 3)"),
            refused("type", None, DTYPE, "MSE()", "target"),
            refused("type", Tensor(), DTYPE, "MSE()", "target as an array", "Tensor()"),
        ),
        **options("check_network"),
        _fuzzed=("model", "loss"),
    ),
    check(
        testing.check_optimizer,
        factory=arg(lambda parameters: nn.SGD(parameters, 0.1), maker(), refused("type", None, DTYPE, "None")),
        like=arg(None, maker()),
        _fuzzed=("factory",),
    ),
    check(
        testing.from_callables,
        forward=arg(lambda x, w: x * w, a_function("from_callables: forward")),
        backward=arg(lambda grad, x, w: (grad * w, (grad * x).sum(axis=0)), a_function("from_callables: backward")),
        parameters=arg(
            {"w": np.ones(3)},
            *no(
                "from_callables: parameters",
                "must be a dict of arrays by name",
                DTYPE,
                "w",
                3,
                [np.ones(3)],
                nn.MSE(),
                dict,
                Tensor(),
            ),
            refused("type", {"w": Tensor()}, DTYPE, "from_callables", "a parameter as an array", "Tensor()"),
            refused("length", {"w": [[1.0], [1.0, 2.0]]}, SHAPE, "from_callables", "a parameter", "several lengths"),
        ),
        _fuzzed=("forward", "backward", "parameters"),
    ),
]

KIT = [*FUNCTIONS, *OBJECTS]
