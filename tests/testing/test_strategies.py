"""The strategies: what they draw, to what it shrinks, that nothing public is left out, and what they need."""

from __future__ import annotations

import random
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from cases import public
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinynn as nn
from tinynn.errors import InvalidValueError
from tinynn.testing import GradientError, check_layer, check_loss, check_network, strategies
from tinynn.testing.array_strategies import _numbers

FEW = settings(max_examples=30)


def find(strategy, holds):
    """The plainest example for which `holds`, from the same draws each time."""
    return hypothesis.find(strategy, holds, random=random.Random(0))


class Doubled(nn.Layer):
    """Wrong below 0 alone."""

    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) + 0.5 * np.minimum(x, 0)

    def backward(self, grad):
        return 1 * grad


def wrong(call):
    try:
        check_layer(call.layer, call.x)
    except GradientError:
        return True
    return False


# ---- shrinking ----------------------------------------------------------------------------------
def test_a_wrong_layer_shrinks_to_one_plain_number():
    call = find(strategies.layers(Doubled, 1), wrong)
    assert repr(call) == "Call(Doubled(), x=array([[-1.]]), upstream=array([[0.]]))"


def test_parameters_are_drawn_and_shown():
    make = lambda: nn.Dense(1, 1)  # noqa: E731
    call = find(strategies.layers(make, 1), lambda call: call.layer.weight.value[0, 0] <= -1 and call.x[0, 0] > 2)
    expected = "x=array([[3.]]), upstream=array([[0.]]), weight=array([[-1.]]), bias=array([0.])"
    assert repr(call) == f"Call(Dense(1, 1), {expected})"


@pytest.mark.parametrize(
    ("holds", "plainest"),
    [
        (lambda x: x > 2, 3.0),
        (lambda x: x < -0.5, -1.0),
        (lambda x: x < -7, -8.0),
        (lambda x: x % 1 != 0, 0.0625),
        (lambda x: -3 < x < -2, -2.0625),
    ],
)
def test_numbers_shrink_to_plain_ones(holds, plainest):
    assert find(strategies.arrays(1), lambda x: holds(x[0]))[0] == plainest


def test_networks_shrink_to_one_layer():
    call = find(strategies.networks(), lambda call: call.x.max() > 1)
    assert repr(call.layer) == "Sequential(Dense(1, 1, bias=False))"
    assert call.x.tolist() == [[2.0]]


# ---- arrays -------------------------------------------------------------------------------------
@FEW
@given(st.data(), st.sampled_from([0.5, 2.0, 3.0, 8.0]), st.sampled_from([np.float32, np.float64]))
def test_arrays_are_multiples_below_the_largest(data, largest, dtype):
    x = data.draw(strategies.arrays((2, 3), dtype, largest))
    assert (x.shape, x.dtype) == ((2, 3), dtype)
    assert -largest <= x.min() and x.max() < largest
    steps = x.astype(float) * 128 / largest
    assert largest == 3 or np.array_equal(steps, np.round(steps))  # 1 is no multiple of 3/128, and is drawn too
    x[0, 0] = 0  # writable: nobody else's


@pytest.mark.parametrize("largest", [8.0, 3.0, 2.0, 1.0, 0.1])
def test_all_256_multiples_are_there_and_whole_numbers_keep_their_signs(largest):
    whole, fine = _numbers(largest)
    assert sorted(fine) == [k * (largest / 128) for k in range(-128, 128)]
    assert whole.min() == -largest and whole.max() < largest
    assert np.array_equal(np.sign(whole), np.sign(fine))
    assert np.array_equal(whole, np.round(whole)) or largest < 2


@FEW
@given(strategies.batches((2, 3), min_size=2, max_size=4), strategies.batches(3, np.float32, 1.0))
def test_batches(pair, single):
    assert pair.shape[1:] == (2, 3) and 2 <= len(pair) <= 4
    assert single.shape[1:] == (3,) and 1 <= len(single) <= 3
    assert single.dtype == np.float32 and np.abs(single).max() <= 1


def test_batches_of_every_size():
    for size in (1, 2, 3):
        assert len(find(strategies.batches(2), lambda x, size=size: len(x) == size)) == size


@FEW
@given(strategies.labels(4, 3), strategies.labels((2, 2), 5))
def test_labels(vector, square):
    assert vector.shape == (4,) and vector.dtype == np.intp and vector.min() >= 0 and vector.max() < 3
    assert square.shape == (2, 2) and square.max() < 5


def test_every_label_is_drawn():
    assert find(strategies.labels(3, 3), lambda y: sorted(y) == [0, 1, 2]).tolist() == [0, 1, 2]


@FEW
@given(st.data())
def test_targets(data):
    drawn = {kind: data.draw(strategies.targets(kind, (2, 3), np.float32)) for kind in
             ("values", "labels", "probabilities", "bits", "signs")}  # fmt: skip
    assert drawn.pop("labels").shape == (2,)
    assert all((t.shape, t.dtype) == ((2, 3), np.float32) for t in drawn.values())
    np.testing.assert_allclose(drawn["probabilities"].sum(axis=1), 1, rtol=1e-6)
    assert drawn["bits"].min() >= 0 and drawn["bits"].max() <= 1
    assert set(drawn["signs"].ravel()) <= {-1.0, 1.0}


def test_another_kind_of_target_is_refused():
    with pytest.raises(InvalidValueError, match="targets: kind must be one of values, labels, .*, got 'words'"):
        strategies.targets("words", (2, 3))


# ---- layers, losses, networks -------------------------------------------------------------------
@FEW
@given(strategies.layers())
def test_layers_fit_their_inputs_and_are_right(call):
    assert call.layer.forward(call.x).shape == call.upstream.shape
    assert check_layer(call.layer, call.x).right


@FEW
@given(strategies.losses())
def test_losses_take_their_targets_and_are_right(call):
    assert check_loss(call.loss, call.prediction, call.target).right


@settings(max_examples=15)
@given(strategies.networks(outputs=2), st.data())
def test_networks_are_right(call, data):
    assert call.upstream.shape == (len(call.x), 2)
    assert all(parameter.value.dtype == np.float64 for parameter in call.layer.parameters())
    target = data.draw(strategies.arrays(call.upstream.shape))
    assert check_network(call.layer, nn.MSE(), call.x, target).right


@FEW
@given(strategies.layers(lambda: nn.Dense(3, 2), (4, 3), np.float32, batch=2, largest=1.0, parameters=None))
def test_options_of_layers(call):
    assert (call.x.shape, call.x.dtype) == ((2, 4, 3), np.float32)
    assert (call.upstream.shape, call.upstream.dtype) == ((2, 4, 2), np.float32)
    assert call.layer.weight.dtype == np.float32
    assert np.abs(call.x).max() <= 1
    assert len(np.unique(call.layer.weight.value * 64 % 1)) > 1  # not from the grid


@FEW
@given(strategies.losses(nn.SoftmaxCrossEntropy, "labels", (2, 4), batch=3, largest=1.0))
def test_options_of_losses(call):
    assert (call.prediction.shape, call.target.shape) == ((3, 2, 4), (3, 2))
    assert np.abs(call.prediction).max() <= 1
    assert np.isfinite(call.loss.forward(call.prediction, call.target))


@FEW
@given(strategies.networks(2, 3, np.float32, batch=1, depth=1))
def test_options_of_networks(call):
    assume(call.layer.parameters())
    assert (call.x.shape, call.upstream.shape, call.x.dtype) == ((1, 2), (1, 3), np.float32)
    assert len(call.layer) <= 2
    assert call.layer.forward(call.x).dtype == np.float32


def test_masks_of_dropout_come_from_a_drawn_seed():
    make = lambda: nn.Dropout(0.5)  # noqa: E731

    @FEW
    @given(strategies.layers(make, 8, batch=1))
    def masks(call):
        seen.add((call.layer.forward(np.ones((1, 8))) > 0).tobytes())

    seen: set[bytes] = set()
    masks()
    assert len(seen) > 3


@pytest.mark.parametrize(
    ("base", "made", "table"),
    [
        (nn.Layer, [make((2, 3)) for make in strategies.MADE_FOR], "MADE_FOR"),
        (nn.Loss, [make() for make, _ in strategies.LOSSES], "LOSSES"),
    ],
    ids=["layers", "losses"],
)
def test_every_public_class_is_drawn(base, made, table):
    missing = public(base) - {type(thing) for thing in made} - {nn.Step}  # Step has no derivative
    assert not missing, f"add {', '.join(c.__name__ for c in missing)} to {table} in tinynn/testing/strategies.py"


# ---- imports ------------------------------------------------------------------------------------
def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_kit_imports_no_extra():
    assert python("import sys, tinynn.testing; print({'hypothesis', 'pytest'} & set(sys.modules))") == "set()"


def test_strategies_are_an_attribute_that_is_imported_on_use():
    assert python("from tinynn import testing; print(testing.strategies.__name__)") == "tinynn.testing.strategies"
    with pytest.raises(AttributeError, match="module 'tinynn.testing' has no attribute 'nothing'"):
        nn.testing.nothing  # noqa: B018


@pytest.mark.parametrize("line", ["from tinynn.testing import strategies", "import tinynn.testing.strategies",
                                  "import tinynn.testing as t; t.strategies"])  # fmt: skip
def test_without_hypothesis_the_extra_is_named(line):
    code = f"import sys; sys.modules['hypothesis'] = None\ntry:\n    {line}\nexcept ImportError as e:\n    print(e)"
    assert python(code) == 'tinynn.testing.strategies needs Hypothesis; run  pip install "tinynn-numpy[testing]"'
