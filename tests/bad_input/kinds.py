"""What may be wrong with an argument of each kind: a value, the error that it must end in, and what that must say.

A kind is a function of the text that names the argument in messages ("SGD: learning_rate"); it gives rows. Each
row belongs to one category: another shape, dtype, length or type, NaN and infinity, nothing, sizes below 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from bad_input.menu import Frame, Tensor

import tinynn as nn

SHAPE, DTYPE, VALUE, STATE, DATA = nn.ShapeError, nn.DtypeError, nn.InvalidValueError, nn.StateError, nn.DataError
CATEGORIES = ("shape", "dtype", "length", "not finite", "empty", "size", "type")


@dataclass(frozen=True)
class Row:
    """One wrong value. `error` None: it is no error, and `gives` must hold for what the call returns."""

    category: str
    value: Any
    error: type[Exception] | None
    words: tuple[str, ...] = ()
    gives: Callable[[Any], bool] = lambda result: True

    def __post_init__(self) -> None:
        assert self.category in CATEGORIES, self.category


Rows = list[Row]


def refused(category: str, value: Any, error: type[Exception], *words: str) -> Row:
    return Row(category, value, error, words)


def taken(category: str, value: Any, gives: Callable[[Any], bool] = lambda result: True) -> Row:
    return Row(category, value, None, (), gives)


def no(what: str, rule: str, error: type[Exception], *values: Any) -> Rows:
    """Values of another type than the rule asks for, each of which the message shows."""
    return [refused("type", value, error, what, rule, "got ", text(value)) for value in values]


def text(value: Any) -> str:
    """What a message that shows a value holds."""
    return value.__name__ if isinstance(value, type) else repr(value)


def holds_nan(result: Any) -> bool:
    return bool(np.isnan(np.asarray(result)).any())


# ---- numbers ------------------------------------------------------------------------------------
def number(what: str) -> Rows:
    rule = "must be a number"
    return [
        *no(what, rule, DTYPE, None, "0.1", b"0.1", True, np.False_, 1j, np.complex64(1), [0.1], (0.1,), {"a": 0.1}),
        *no(what, rule, DTYPE, float, nn.MSE, Tensor(), np.datetime64("2020-01-01"), np.array(None)),
        refused("dtype", np.array("a"), DTYPE, what, rule),
        refused("shape", np.array([0.1]), DTYPE, what, rule, "an array of shape (1,)"),
        refused("empty", [], DTYPE, what, rule, "[]"),
        refused("empty", np.zeros(0), DTYPE, what, rule, "an array of shape (0,)"),
        *(refused("not finite", float(name), VALUE, what, "must be finite", name) for name in ("nan", "inf", "-inf")),
        refused("size", 10**400, VALUE, what, "must be finite", "1000"),
    ]


def positive(what: str) -> Rows:
    return [*number(what), *(refused("size", k, VALUE, what, "must be above 0", str(k)) for k in (0, -1, -0.5))]


def not_negative(what: str) -> Rows:
    return [*number(what), *(refused("size", k, VALUE, what, "must be at least 0", str(k)) for k in (-1, -0.5))]


def rate(what: str) -> Rows:
    """A number, or a function of the step."""
    classes = [row for row in not_negative(what) if not isinstance(row.value, type)]
    return [*classes, refused("type", nn.SGD, DTYPE, what, "a number or a function of the step", "the class SGD")]


def fraction(what: str) -> Rows:
    rule = "must be at least 0 and below 1"
    return [*number(what), *(refused("size", k, VALUE, what, rule, str(k)) for k in (-0.1, 1, 1.5))]


def betas(what: str) -> Rows:
    rule = "must be two numbers"
    return [
        *no(what, rule, DTYPE, None, 0.9, "ab", {0.9: 0.99}, Tensor()),
        *(refused("length", value, DTYPE, what, rule, repr(value)) for value in ((0.9,), [0.9] * 3)),
        refused("empty", (), DTYPE, what, rule, "()"),
        *(Row(row.category, (row.value, 0.9), row.error, row.words) for row in fraction(f"{what}[0]")),
        *(Row(row.category, (0.9, row.value), row.error, row.words) for row in fraction(f"{what}[1]")),
    ]


def count(what: str, kind: str = "an int", rule: str = "at least 1") -> Rows:
    wrong = ["3", b"3", True, np.True_, 2.5, 2.0, np.float64(2), 1j, float("nan"), float("inf"), (2,), {"a": 2}, int]
    return [
        *no(what, f"must be {kind}", DTYPE, *([] if "None" in kind else [None]), *wrong, Tensor()),
        refused("shape", np.array([2]), DTYPE, what, f"must be {kind}", "got a"),
        refused("empty", [], DTYPE, what, f"must be {kind}", "[]"),
        *(refused("size", k, VALUE, what, f"must be {rule}", str(k)) for k in (0, -1, np.int64(-7))),
    ]


def whole(what: str) -> Rows:
    """An int of at least 0."""
    rows = [row for row in count(what, rule="at least 0") if row.category != "size"]
    return [*rows, refused("size", -1, VALUE, what, "must be at least 0", "-1")]


def flag(what: str) -> Rows:
    rule = "must be True or False"
    return [
        *no(what, rule, DTYPE, None, 0, 1, "False", "no", 2.5, {}, bool, Tensor()),
        refused("shape", np.array([True, False]), DTYPE, what, rule, "an array of shape (2,)"),
        refused("empty", [], DTYPE, what, rule, "[]"),
        refused("not finite", float("nan"), DTYPE, what, rule, "nan"),
    ]


def choice(what: str, *names: str, none: bool = False) -> Rows:
    return [
        *no(what, "must be", VALUE, *([] if none else [None]), 3, True, 1j, (names[0],), {names[0]: 1}, str, Tensor()),
        refused("shape", np.array([*names]), VALUE, what, "must be", *names, "an array"),
        refused("empty", "", VALUE, what, "must be", *names, "''"),
        refused("type", names[0].upper(), VALUE, what, "must be", *names, repr(names[0].upper())),
    ]


def rng(what: str) -> Rows:
    rule = "must be None, an int of at least 0 or a numpy.random.Generator"
    wrong = ["seed", b"1", 2.5, True, 1j, [1], {"seed": 1}, np.random.Generator, np.random.RandomState(0), Tensor()]
    return [
        *no(what, rule, DTYPE, *wrong),
        refused("size", -1, DTYPE, what, rule, "-1"),
        refused("not finite", float("nan"), DTYPE, what, rule, "nan"),
        refused("shape", np.array([1]), DTYPE, what, rule, "an array"),
        refused("empty", [], DTYPE, what, rule, "[]"),
    ]


def floating(what: str) -> Rows:
    rule = "must be float32 or float64"
    wrong = [int, complex, object, np.float16, np.longdouble, "half", "abc", ">f4", "", np.dtype("i4"), nn.MSE]
    return [
        *(refused("dtype", value, DTYPE, what, rule) for value in wrong),
        *no(what, rule, DTYPE, None, 3, 2.5, True, (np.float32,), {"f4": 1}, np.float32(1), nn.MSE(), Tensor()),
        refused("empty", [], DTYPE, what, rule, "[]"),
    ]


def shape(what: str) -> Rows:
    rule = "must be sizes of 0 or more"
    return [
        *no(what, rule, VALUE, None, "abc", 2.5, True, (2.5,), (2, None), (True,), (2, "3"), {"a": 2}, int, Tensor()),
        *(refused("size", value, VALUE, what, rule, repr(value)) for value in (-1, (-1,), (3, -2))),
        refused("shape", np.array([2, 3]), VALUE, what, rule, "an array"),
        refused("size", (10**30, 3), VALUE, what, "larger than any memory"),
    ]


# ---- arrays -------------------------------------------------------------------------------------
def reals(who: str, what: str, rule: str = "expected real numbers as {}", *, none: bool = False) -> Rows:
    """An array of real numbers; its shape is a matter of the callable."""
    rule = rule.format(what)
    objects = np.array([[1.0, None, 2.0]] * 4, object)
    return [
        *no(who, rule, DTYPE, *([] if none else [None]), "abc", "", b"a", {"a": 1}, {1, 2}, nn.MSE(), nn.MSE, 1j, ...),
        refused("dtype", objects, DTYPE, who, rule, "an array of dtype object"),
        refused("dtype", np.array(None), DTYPE, who, rule, "got None"),
        *(refused("dtype", np.ones((4, 3), dtype), DTYPE, who, rule, "dtype") for dtype in (complex, "U1", "S1", "V8")),
        refused("dtype", np.zeros((4, 3), "M8[D]"), DTYPE, who, rule, "datetime64[D]"),
        refused("dtype", [["a", "b", "c"]] * 4, DTYPE, who, rule, "<U1"),
        refused("dtype", [[1.0, None, 2.0]] * 4, DTYPE, who, rule, "object"),
        refused("type", Frame(), DTYPE, who, rule, "object"),
        refused("type", Tensor(), DTYPE, who, what, "as an array", "Tensor()", "detach().numpy()"),
        refused("length", [[1.0, 2.0], [3.0]], SHAPE, who, what, "several lengths", "make them one length"),
        refused("length", [np.zeros(2), np.zeros(3)], SHAPE, who, what, "several lengths"),
    ]


def sample_weight(who: str) -> Rows:
    """Of four samples."""
    rule = "sample_weight must be finite, 0 or more, and not all 0"
    return [
        *reals(who, "sample_weight", none=True),
        *(refused("length", [1.0] * k, SHAPE, who, "sample_weight of shape (4,)", f"({k},)") for k in (0, 1, 3, 5)),
        refused("shape", 1.0, SHAPE, who, "(4,)", "()"),
        refused("shape", np.ones((4, 1)), SHAPE, who, "(4,)", "(4, 1)"),
        *(refused("not finite", [1, 1, 1, float(k)], VALUE, who, rule, k) for k in ("nan", "inf")),
        refused("size", [1, 1, 1, -2], VALUE, who, rule, "its minimum is -2"),
        refused("size", [0, 0, 0, 0], VALUE, who, rule, "sums to 0"),
    ]


# ---- things -------------------------------------------------------------------------------------
def layer(who: str) -> Rows:
    rule = "expected a Layer"
    return [
        *(refused("type", value, DTYPE, who, rule, "got") for value in (None, "Dense", 3, 2.5, {}, len, nn.MSE())),
        refused("type", nn.Sigmoid, DTYPE, who, rule, "write Sigmoid(), not Sigmoid"),
        refused("type", [nn.Sigmoid()], DTYPE, who, rule, "pass the layers one by one"),
        refused("empty", (), DTYPE, who, rule, "()"),
        refused("type", nn.Parameter([1.0]), DTYPE, who, rule, "Parameter(shape=(1,)"),
        refused("type", np.zeros(3), DTYPE, who, rule),
    ]


def parameters(who: str = "") -> Rows:
    """A Layer, an iterable of Parameters, or of groups where `who` is an optimizer."""
    single, rule = ("put a single one into a list" if who else "iterable of Parameters"), "expected a Layer"
    return [
        *(refused("type", value, DTYPE, rule, single) for value in (None, 3, nn.Parameter([1.0]), np.zeros(3))),
        *(refused("type", value, DTYPE, rule) for value in (nn.Dense, nn.MSE(), np.array(None), Tensor())),
        *(refused("type", [value], DTYPE, rule, "got an item") for value in (3, None, "a", np.zeros(3), nn.Tanh())),
        refused("type", "abc", DTYPE, rule, "got an item 'a'"),
        *(refused("empty", value, VALUE, "at least one Parameter") for value in ([], nn.Sequential(nn.Tanh()))),
        refused("length", [nn.Parameter([1.0])] * 2, VALUE, "Parameter(shape=(1,), dtype=float32)", "listed twice"),
        refused(
            "dtype",
            [nn.Parameter(np.ones(2)), nn.Parameter([1.0])],
            DTYPE,
            "one dtype",
            "float32 and float64",
            "astype",
        ),
    ]
