"""How layers look, to the letter: reprs, the labels in errors, the table of summary."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinynn as nn


class Named(nn.Identity):
    """A layer with a repr of a length that a test chooses."""

    def __init__(self, length):
        self.length = length

    def __repr__(self):
        return "N" * self.length


class Scale(nn.Identity):
    """Its argument is kept by no attribute of that name."""

    def __init__(self, features, offset=0.0):
        self.factor, self.offset = nn.Parameter(np.ones(features)), offset


class Pad(nn.Identity):
    def __init__(self, widths, value=None):
        self.widths, self.value = widths, value


class Single(nn.Layer):
    """Works in float32 alone."""

    def forward(self, x):
        assert x.dtype == np.float32
        return x

    def backward(self, grad):
        return grad


# ---- reprs --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Dense(3, 2), "Dense(3, 2)"),
        (lambda: nn.Dense(3, 2, bias=False), "Dense(3, 2, bias=False)"),
        (lambda: nn.Dropout(0.25), "Dropout(0.25)"),
        (lambda: nn.Reshape((2, -1)), "Reshape(2, -1)"),
        (lambda: nn.LeakyReLU(), "LeakyReLU()"),
        (lambda: nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (lambda: nn.ELU(0.5), "ELU(alpha=0.5)"),
        (lambda: nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (lambda: nn.Softplus(2), "Softplus(beta=2.0)"),
        (lambda: nn.SELU(), "SELU()"),
        (lambda: nn.Sequential(), "Sequential()"),
        (lambda: nn.Residual(nn.Tanh()), "Residual(Tanh())"),
        (lambda: nn.Parallel(nn.Tanh(), nn.ReLU(), merge="sum"), "Parallel(Tanh(), ReLU(), merge='sum')"),
        (lambda: Scale(3), "Scale(…)"),
        (lambda: Scale(3, 0.5), "Scale(…, offset=0.5)"),
        (lambda: Pad((1, 2)), "Pad((1, 2))"),
        (lambda: Pad((1, ("a", None)), True), "Pad((1, ('a', None)), value=True)"),
        (lambda: Pad((1, np.ones(2))), "Pad(…)"),
        (lambda: Pad(np.ones(2), np.ones(2)), "Pad(…)"),
    ],
)
def test_reprs(make, text):
    assert repr(make()) == text


def test_a_container_s_repr_breaks_after_a_hundred_characters():
    for length in (87, 88):
        assert repr(nn.Sequential(Named(length))) == f"Sequential({'N' * length})"
    assert len(repr(nn.Sequential(Named(88)))) == 100
    assert repr(nn.Sequential(Named(89))) == f"Sequential(\n    {'N' * 89},\n)"
    nested = nn.Sequential(nn.Parallel(Named(60), Named(50)), Named(1))
    inner = f"    Parallel(\n        {'N' * 60},\n        {'N' * 50},\n    ),\n"
    assert repr(nested) == f"Sequential(\n{inner}    N,\n)"


@pytest.mark.parametrize(("length", "label"), [(79, "N" * 79), (80, "N" * 80), (81, "Named")])
def test_an_error_names_a_layer_by_its_repr_unless_that_is_long(length, label):
    with pytest.raises(nn.StateError) as caught:
        raise Named(length)._needs_forward()
    assert str(caught.value).startswith(f"{label}: backward needs")


# ---- summary ------------------------------------------------------------------------------------
def test_a_table_to_the_letter():
    model = nn.Sequential(nn.Reshape(2, 3), nn.Sequential(nn.Flatten(), nn.Dense(6, 1200)), nn.Sigmoid(), rng=0)
    assert (
        model.summary((2, 3))
        == """\
layer                                  output shape   parameters
----------------------------------------------------------------
Reshape(2, 3)                          (batch, 2, 3)           0
Sequential(Flatten(), Dense(6, 1200))  (batch, 1200)       8,400
  Flatten()                            (batch, 6)              0
  Dense(6, 1200)                       (batch, 1200)       8,400
Sigmoid()                              (batch, 1200)           0
----------------------------------------------------------------
8,400 parameters"""
    )


def rows(layer, shape):
    """The rows between the rules, with two blanks between the columns."""
    return [re.sub(r"(?<=\S) {2,}", "  ", line) for line in layer.summary(shape).splitlines()[2:-2]]


def test_a_container_of_one_layer_shows_that_layer():
    assert rows(nn.Sequential(nn.Dense(3, 2)), 3) == ["Dense(3, 2)  (batch, 2)  8"]


def test_a_single_number_is_the_width_of_a_sample():
    assert rows(nn.Sigmoid(), 3) == ["Sigmoid()  (batch, 3)  0"]
    assert rows(nn.Sigmoid(), (0, 3)) == rows(nn.Sigmoid(), 3)


def test_a_layer_whose_repr_breaks_shows_its_first_line():
    model = nn.Sequential(nn.Sequential(Named(60), Named(50)), nn.Tanh())
    assert [row.split("  (")[0] for row in rows(model, 3)] == [
        "Sequential(",
        "  " + "N" * 60,
        "  " + "N" * 50,
        "Tanh()",
    ]


def test_the_shapes_are_found_in_the_model_s_own_dtype():
    for model in (nn.Sequential(Single()), nn.Sequential(nn.Dense(3, 3), Single())):
        assert rows(model, 3)[-1] == "Single()  (batch, 3)  0"
