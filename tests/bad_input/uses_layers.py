"""The layers: constructors, forward and backward, and what every layer has from its base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bad_input.kinds import (
    DTYPE,
    SHAPE,
    VALUE,
    Row,
    Rows,
    choice,
    count,
    flag,
    floating,
    holds_nan,
    layer,
    no,
    number,
    positive,
    reals,
    refused,
    rng,
    shape,
    taken,
)
from bad_input.menu import Tensor
from bad_input.use import Use, X, arg, by_keywords, by_position, use

import tinynn as nn
from tinynn import initializers


class Doubled(nn.Layer):
    """A custom layer of the smallest kind."""

    def forward(self, x):
        return 2 * np.asarray(x)

    def backward(self, grad):
        return 2 * grad


def steps(layer: nn.Layer) -> Any:
    """All that a layer gives in a training step and a prediction; its random numbers are drawn anew."""
    layer.train().initialize(5)
    y = layer.forward(X).copy()
    grad = np.ones_like(y)
    back = None if isinstance(layer, nn.Step) else layer.backward(grad).copy()
    if back is not None:
        layer.backward_parameters(grad)
    return y, back, layer.state_dict(), [p.grad.copy() for p in layer.parameters()], layer.predict(X, 2)


#: By name, and how messages name them.
MAKERS: dict[str, tuple[Callable[[], nn.Layer], str]] = {
    "Dense": (lambda: nn.Dense(3, 2, rng=0), "Dense(3, 2)"),
    **{
        name: (getattr(nn, name), f"{name}()")
        for name in ("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Softplus", "HardSigmoid")
    },
    **{name: (getattr(nn, name), f"{name}()") for name in ("Softmax", "Step", "Flatten", "Identity")},
    "Reshape": (lambda: nn.Reshape(3, 1), "Reshape(3, 1)"),
    "Dropout": (lambda: nn.Dropout(0.5, rng=0), "Dropout(0.5)"),
    "Sequential": (
        lambda: nn.Sequential(nn.Dense(3, 4), nn.Tanh(), nn.Dropout(0.2), nn.Dense(4, 2), rng=0),
        "Sequential(Dense(3, 4), Tanh(), Dropout(0.2), Dense(4, 2))",
    ),
    "Residual": (lambda: nn.Residual(nn.Dense(3, 3, rng=0)), "Residual(Dense(3, 3))"),
    "Parallel": (lambda: nn.Parallel(nn.Dense(3, 2, rng=0), nn.Tanh()), "Parallel(Dense(3, 2), Tanh())"),
}
#: What of the base is tried on these alone.
FEW = ("Dense", "Sequential")
#: Wrong shapes of x, where there are any: what must be said, after the name of who says it.
SHAPES: dict[str, list[tuple[Any, tuple[str, ...]]]] = {
    "Dense": [
        (np.zeros((4, 5)), ("expected x of shape (batch, 3)", "(4, 5)", "3 features along the last axis")),
        (np.zeros((4, 0)), ("(batch, 3)", "(4, 0)", "3 features")),
        (np.zeros(3), ("(batch, 3)", "(3,)", "pass x[None]")),
        (np.zeros((4, 3, 1)), ("(batch, 3)", "(4, 3, 1)", "Flatten()")),
        ([], ("(batch, 3)", "(0,)")),
        (1.0, ("(batch, 3)", "()")),
    ],
    "Softmax": [
        (np.zeros(3), ("(batch, classes)", "(3,)")),
        (np.zeros((4, 0)), ("(batch, classes)", "(4, 0)")),
        (1.0, ("(batch, classes)", "()")),
    ],
    "Flatten": [(1.0, ("(batch, …)", "()"))],
    "Reshape": [
        (np.zeros((4, 2)), ("a sample of shape (2,) has 2 numbers", "cannot take this shape")),
        (np.zeros((4, 0)), ("a sample of shape (0,) has 0 numbers",)),
        (1.0, ("a sample of shape ()",)),
    ],
}
INNER = {"Sequential": "Dense(3, 4)", "Residual": "Dense(3, 3)", "Parallel": "Dense(3, 2)"}


def wrong_shapes(name: str, who: str) -> Rows:
    if name in INNER:
        rows = [Row("shape", x, SHAPE, (INNER[name], *words)) for x, words in SHAPES["Dense"][:-1]]
        return [*rows, refused("shape", 1.0, SHAPE, name, "(batch, …)", "a single number")]
    return [Row("shape", x, SHAPE, (who, *words)) for x, words in SHAPES.get(name, [])]


def of_input(name: str, who: str) -> Rows:
    """What x may be. NaN is NumPy's affair: it goes through."""
    nan = [taken("not finite", np.full((4, 3), np.nan, np.float32), holds_nan)] if name != "Step" else []
    return [
        *reals(who, "x"),
        *wrong_shapes(name, who),
        *nan,
        taken("empty", np.zeros((0, 3)), lambda y: len(y) == 0),
    ]


def of_gradient(name: str, who: str, y: np.ndarray) -> Rows:
    """What the gradient of an output may be."""
    rule = f"gradient of the output's shape {y.shape}"
    who_says = "" if name == "Sequential" else who
    others = [np.zeros((4, 7)), np.zeros((3, *y.shape[1:])), np.zeros(4), 1.0, []]
    return [
        *reals(who, "grad"),
        *(refused("shape", grad, SHAPE, who_says, rule, str(np.shape(grad))) for grad in others),
    ]


def trained(make: Callable[[], nn.Layer]) -> Callable[[], nn.Layer]:
    def made() -> nn.Layer:
        layer = make()
        layer.forward(X)
        return layer

    return made


def forward_and_backward(name: str) -> list[Use]:
    make, who = MAKERS[name]
    fresh, begun = {"make": make, "works": steps}, {"make": trained(make), "works": steps}
    x = arg(X, of_input(name, who))
    uses = [
        use(f"{name}.forward", lambda layer, x: layer.forward(x), x=x, _options=fresh),
        use(f"{name}.forward, evaluation mode", lambda layer, x: layer.eval().forward(x), x=x, _options=fresh),
        use(f"{name}.forward, again", lambda layer, x: layer.forward(x), x=x, _options=begun),
    ]
    if name == "Step":
        rule = "Step()", "cannot be trained by gradients", "Sigmoid()"
        grads = arg(None, *(refused("type", value, nn.TinynnError, *rule) for value in (X, "abc", X[:2])))
        # Refused whatever comes.
        backward = use(
            "Step.backward", lambda layer, grad: grad is None or layer.backward(grad), grad=grads, _options=begun
        )
        return [*uses, backward]
    y = make().forward(X)
    grad = arg(np.ones_like(y), of_gradient(name, who, y))
    for method in ("backward", "backward_parameters"):
        uses.append(
            use(
                f"{name}.{method}",
                lambda layer, grad, method=method: getattr(layer, method)(grad),
                grad=grad,
                _options=begun,
            )
        )
    return uses


def from_the_base(name: str) -> list[Use]:
    make, who = MAKERS[name]
    options = {"make": make, "works": steps}
    x = arg(X, of_input(name, who))
    size = arg(7, count("predict: batch_size", "an int or None", "at least 1 or None"), taken("size", 10**30))
    return [
        use(
            f"{name}.train",
            lambda layer, mode: layer.train(mode),
            mode=arg(True, flag("train: mode")),
            _options={"make": make, "works": steps, "fuzzed": ()},
        ),
        use(
            f"{name}.predict",
            lambda layer, x, batch_size: layer.predict(x, batch_size),
            x=x,
            batch_size=size,
            _options=options,
        ),
        use(
            f"{name}.predict, again",
            lambda layer, x, batch_size: (layer.predict(X), layer.predict(x, batch_size))[1],
            x=x,
            batch_size=size,
            _options=options,
        ),
        use(f"{name}.initialize", lambda layer, rng: layer.initialize(rng), rng=arg(0, rng("rng")), _options=options),
        use(
            f"{name}.astype",
            lambda layer, dtype: layer.astype(dtype),
            dtype=arg(np.float32, floating("dtype")),
            _options=options,
        ),
        use(
            f"{name}.buffer",
            lambda layer, name, shape, dtype: layer.buffer(name, shape, dtype),
            name=arg("mine", *(refused("type", value, DTYPE, who, "buffer", repr(value)) for value in ([], {"a": 1}))),
            shape=arg((2, 3), buffer_shapes(who)),
            dtype=arg(
                np.float32,
                *(refused("dtype", value, DTYPE, who, "buffer", "dtype", repr(value)) for value in ("abc", 3)),
            ),
            _options=options,
        ),
        use(
            f"{name}.buffer, evaluation mode",
            lambda layer, shape: layer.eval().buffer("mine", shape, np.float32),
            shape=arg((2, 3), buffer_shapes(who)),
            _options=options,
        ),
        use(
            f"{name}.summary",
            lambda layer, input_shape: layer.summary(input_shape),
            input_shape=arg(
                (3,),
                shape("summary: input_shape"),
                refused("shape", (5,), SHAPE, "Dense(3", "expected x of shape (batch, 3)", "(1, 5)"),
            ),
            _options=options,
        ),
    ]


def state(name: str, who: str) -> list[Use]:
    """load_state_dict of the base: all is checked first."""
    make = MAKERS[name][0]
    own = make().state_dict()
    first = next(iter(own))

    def load(layer: nn.Layer, value: Any) -> None:
        layer.load_state_dict({**own, first: value})

    shapes = [np.zeros(2), np.zeros((7, 7)), 1.0, []]
    fits = f"{name}: the state does not fit this network"
    return [
        use(
            f"{name}.load_state_dict",
            lambda layer, state: layer.load_state_dict(state),
            state=arg(
                own,
                refused("empty", {}, SHAPE, fits, f"{first} is missing"),
                refused("length", {**own, "other": X}, SHAPE, fits, "other is unknown"),
                refused("length", {1: X}, SHAPE, fits, f"{first} is missing", "1 is unknown"),
                refused("type", {**own, first: "abc"}, DTYPE, first, "real numbers"),
                *no(
                    name,
                    "a state must be a dict of arrays as state_dict gives it",
                    DTYPE,
                    None,
                    3,
                    "a",
                    [],
                    {1, 2},
                    make,
                ),
            ),
            _options={"make": make, "works": steps, "fuzzed": ()},
        ),
        use(
            f"{name}.load_state_dict, one array",
            load,
            value=arg(
                own[first],
                [row for row in reals(first, "", "") if row.category != "type"],
                *(refused("shape", array, SHAPE, fits, f"{first} has shape {np.shape(array)}") for array in shapes),
                taken("not finite", np.full_like(own[first], np.nan)),
            ),
            _options={"make": make, "works": steps, "fuzzed": ()},
        ),
    ]


def buffer_shapes(who: str) -> Rows:
    words = who, "buffer needs a name, a tuple of sizes and a dtype"
    return [
        *(refused("type", value, DTYPE, *words, repr(value)) for value in (None, (2.5,), ("a",), [None])),
        *(refused("size", value, SHAPE, *words, repr(value)) for value in ((-1,), (2, -3), (-1, -1), (10**30,))),
    ]


def initializer(what: str) -> Rows:
    rule = "must be a function (shape, rng, dtype) -> array"
    return [
        *no(what, rule, DTYPE, None, "glorot", 0.5, {}, [], nn.Dense, Tensor()),
        refused("shape", np.zeros((2, 3)), DTYPE, what, rule, "an array of shape (2, 3)"),
        refused("type", lambda shape, rng, dtype: None, DTYPE, "Parameter(shape=", "real numbers as value", "None"),
        refused("shape", lambda shape, rng, dtype: np.zeros((7, 7)), SHAPE, "Parameter(shape=", "of shape", "(7, 7)"),
    ]


def dropout_rate() -> Rows:
    rule = "rate must lie between 0 and 1"
    return [
        *no("Dropout", rule, VALUE, None, "0.5", True, 1j, np.complex64(0.5), [0.5], {}, float, Tensor()),
        *(refused("size", k, VALUE, "Dropout", rule, str(k)) for k in (-0.1, 1.5)),
        *(refused("not finite", float(k), VALUE, "Dropout", rule, k) for k in ("nan", "inf")),
        refused("shape", np.array([0.5]), VALUE, "Dropout", rule, "an array"),
        refused("empty", [], VALUE, "Dropout", rule, "[]"),
    ]


def sample_shape() -> Rows:
    return [
        *(
            refused("type", value, DTYPE, "Reshape", "the shape must be ints")
            for value in (None, "3", 2.5, True, (2.5, 1), (True, 3), [None], {}, int, Tensor())
        ),
        *(
            refused("size", k, VALUE, "Reshape", "0 or more, and one may be -1", str(k))
            for k in (-2, (-1, -1), (3, -7))
        ),
        refused("size", (10**30, 1), VALUE, "Reshape", "larger than any memory"),
        refused("not finite", float("nan"), DTYPE, "Reshape", "must be ints", "nan"),
        refused("shape", np.array([3, 1]), DTYPE, "Reshape", "must be ints"),
        taken("empty", (), lambda layer: layer.shape == ()),
    ]


def place() -> Rows:
    who, rule = "Sequential", "expected a place or a slice of places"
    return [
        *no(who, rule, DTYPE, None, "0", 0.0, True, (0,), [0], {}, nn.Tanh(), Tensor()),
        refused("not finite", float("nan"), DTYPE, who, rule, "nan"),
        *(refused("type", k, DTYPE, who, rule, repr(k)) for k in (slice("a", None), slice(None, None, 0))),
        *(refused("size", k, IndexError, who, f"no layer {k}", "but 4") for k in (4, -5, 10**30)),
        taken("size", slice(9, 12), lambda part: len(part) == 0),
    ]


def itself(layer: nn.Sequential) -> Any:
    return layer.append(layer)


CONSTRUCTORS = [
    by_keywords(
        nn.Dense,
        in_features=arg(3, count("Dense: in_features"), refused("size", 10**30, VALUE, "Dense: weight", "memory")),
        out_features=arg(2, count("Dense: out_features"), refused("size", 10**30, VALUE, "Dense: weight", "memory")),
        bias=arg(True, flag("Dense: bias")),
        weight_initializer=arg(initializers.zeros, initializer("Dense: weight_initializer")),
        bias_initializer=arg(initializers.zeros, initializer("Dense: bias_initializer")),
        rng=arg(0, rng("Dense: rng")),
        dtype=arg(np.float32, floating("Dense: dtype")),
    ),
    *(by_keywords(getattr(nn, name)) for name in ("Sigmoid", "Tanh", "ReLU", "SELU", "SiLU", "HardSigmoid")),
    *(by_keywords(getattr(nn, name)) for name in ("Softmax", "Step", "Flatten", "Identity")),
    by_keywords(nn.LeakyReLU, negative_slope=arg(0.1, number("LeakyReLU: negative_slope"))),
    by_keywords(nn.ELU, alpha=arg(1.0, positive("ELU: alpha"))),
    by_keywords(nn.GELU, approximate=arg("tanh", choice("GELU: approximate", "none", "tanh"))),
    by_keywords(nn.Softplus, beta=arg(1.0, positive("Softplus: beta"))),
    by_keywords(nn.Dropout, rate=arg(0.5, dropout_rate()), rng=arg(0, rng("Dropout: rng"))),
    by_position(nn.Reshape, shape=arg((3, 1), sample_shape())),
    by_position(nn.Reshape, "Reshape, one by one", rows=arg(3), columns=arg(1)),
    by_position(
        nn.Sequential,
        first=arg(nn.Dense(3, 2), layer("Sequential")),
        second=nn.Tanh(),
        rng=arg(0, rng("Sequential: rng")),
        _keywords=("rng",),
    ),
    by_keywords(nn.Residual, layer=arg(nn.Dense(3, 3), layer("Residual"))),
    by_position(
        nn.Parallel,
        first=arg(nn.Dense(3, 2), layer("Parallel")),
        second=nn.Tanh(),
        merge=arg("sum", choice("Parallel: merge", "concatenate", "sum")),
        _keywords=("merge",),
    ),
    use(
        "Parallel, of nothing",
        lambda _, layers: nn.Parallel(*layers),
        layers=arg([nn.Tanh()], refused("empty", [], VALUE, "Parallel", "at least one layer", "got none")),
        _options={"fuzzed": ()},
    ),
]

LAYERS = [
    *CONSTRUCTORS,
    *(each for name in MAKERS for each in forward_and_backward(name)),
    *(each for name in FEW for each in from_the_base(name)),
    *(each for name in FEW for each in state(name, MAKERS[name][1])),
    use(
        "Dropout.initialize",
        lambda layer, rng: layer.initialize(rng),
        rng=arg(0, rng("Dropout: rng")),
        _options={"make": MAKERS["Dropout"][0], "works": steps},
    ),
    use(
        "Layer.predict, of a custom layer",
        lambda layer, x, batch_size: layer.predict(x, batch_size),
        x=arg(
            X,
            refused("length", [[1.0, 2.0], [3.0]], SHAPE, "Doubled()", "x", "several lengths"),
            refused("type", Tensor(), DTYPE, "Doubled()", "x as an array", "Tensor()"),
        ),
        batch_size=arg(2, count("predict: batch_size", "an int or None", "at least 1 or None")),
        _options={"make": Doubled, "works": lambda layer: layer.predict(X), "fuzzed": ()},
    ),
    use(
        "Sequential.append",
        lambda model, layer: model.append(layer),
        layer=arg(nn.Identity(), layer("Sequential")),
        _options={"make": MAKERS["Sequential"][0], "works": steps},
    ),
    use(
        "Sequential.__getitem__",
        lambda model, place: model[place],
        place=arg(1, place()),
        _options={"make": MAKERS["Sequential"][0], "works": steps, "documented": (IndexError,)},
    ),
]
