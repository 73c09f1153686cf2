"""Saturated and dead units: which they are, wherever they stand in a network, and that looking changes nothing."""

import copy
import math

import numpy as np
import pytest
from memory import peak_of
from messages import assert_says

import tinynn as nn
from tinynn._buffers import LAYOUT
from tinynn.errors import InvalidValueError
from tinynn.layers.activations import Activation
from tinynn.training.units import explain, unit_shares


def shares(*layers, x):
    """{path: (saturated, dead)}."""
    return {units.path: (units.saturated, units.dead) for units in unit_shares(nn.Sequential(*layers), x)}


def columns(*units, samples=20):
    """Samples whose column k holds units[k], a number or a list of them."""
    return np.stack([np.broadcast_to(unit, samples) for unit in units], axis=1)


# ---- which units ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("layer", "edge"),
    # where the slope is 3 % of the steepest: 4 σ (1 − σ) = 1 − tanh² (z / 2) = 0.03, and where it ends
    [(nn.Sigmoid(), 2 * math.atanh(0.97**0.5)), (nn.Tanh(), math.atanh(0.97**0.5)), (nn.HardSigmoid(), 3.0)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saturated_unit_rests_where_the_activation_is_flat(layer, edge, dtype):
    far, near = edge + 0.001, edge - 0.001
    x = columns(far, -far, [far, -far] * 10, near, -near, 0.0).astype(dtype)
    assert shares(layer, x=x) == {"0": (0.5, 0.0)}
    (units,) = unit_shares(layer, x)
    assert units.edge == pytest.approx(edge, abs=0.011)
    assert units.layer is layer and units.last


@pytest.mark.parametrize(("samples", "flat", "share"), [(20, 19, 1.0), (20, 18, 0.0), (100, 95, 1.0), (100, 94, 0.0)])
def test_nearly_all_samples_are_nineteen_of_twenty(samples, flat, share):
    x = columns([50.0] * flat + [0.0] * (samples - flat), samples=samples)
    assert shares(nn.Sigmoid(), x=x) == {"0": (share, 0.0)}


@pytest.mark.parametrize(
    ("layer", "dead", "alive"),
    [
        (nn.ReLU(), -0.001, 0.001),
        (nn.ELU(), -7.0, -6.8),  # e⁻⁷ = 0.0009
        (nn.Softplus(), -7.0, -6.8),
        (nn.GELU(), -4.5, -2.0),
        (nn.SiLU(), -12.0, -6.0),
    ],
)
def test_a_dead_unit_has_no_slope_on_any_sample(layer, dead, alive):
    x = columns(dead, [dead] * 19 + [alive], alive, 5.0)
    assert shares(layer, x=x) == {"0": (0.0, 0.25)}


def test_what_cannot_die_or_is_nothing_but_flat():
    x = columns(-100.0, 100.0)
    assert shares(nn.LeakyReLU(), x=x) == {"0": (0.0, 0.0)}
    assert shares(nn.Step(), nn.Identity(), nn.Softmax(), nn.Flatten(), x=x) == {}


class Faint(nn.ReLU):
    """A hundredth of ReLU: its slope is small everywhere, and flat nowhere but below 0."""

    def backward(self, grad):
        return 0.01 * super().backward(grad)


def test_flat_is_flat_beside_the_steepest_slope():
    assert shares(Faint(), x=columns(-1.0, 1.0)) == {"0": (0.0, 0.5)}


def test_a_unit_is_a_number_of_the_last_axis():
    x = np.zeros((4, 5, 2))
    x[..., 0] = 50.0
    assert shares(nn.Sigmoid(), x=x) == {"0": (0.5, 0.0)}
    x[0, 0, 0] = x[1, 0, 0] = 0.0  # 18 of 20
    assert shares(nn.Sigmoid(), x=x) == {"0": (0.0, 0.0)}
    assert shares(nn.Sigmoid(), x=np.full(20, 50.0)) == {"0": (1.0, 0.0)}


def test_nan_is_not_flat():
    assert shares(nn.Sigmoid(), x=columns(np.nan)) == {"0": (0.0, 0.0)}


def test_large_numbers_make_no_noise():
    x = columns(-1e30, 1e30).astype(np.float32)
    assert shares(nn.SiLU(), nn.GELU(), x=x)["0"] == (0.0, 0.5)
    assert shares(Scaled(), x=x) == {"0": (1.0, 0.0)}  # x² overflows


# ---- wherever they stand --------------------------------------------------------------------------
class Twice(nn.Layer):
    """A layer of one's own that uses an activation twice in each pass."""

    def __init__(self):
        self.parts = {"squash": nn.Tanh()}

    def forward(self, x):
        return self.parts["squash"].forward(self.parts["squash"].forward(x) * 0 + 50.0)

    def backward(self, grad):
        raise NotImplementedError


class Scaled(Activation):
    """An element-wise function of one's own, flat at both ends: x / √(1 + x²)."""

    def _apply(self, z, out):
        out[...] = z / np.sqrt(1 + z**2)

    def _derive(self, grad, out):
        out[...] = grad * (1 + self._input**2) ** -1.5


class Trained(nn.ReLU):
    """An activation with a parameter, whose gradient backward would write."""

    def __init__(self):
        self.factor = nn.Parameter(np.ones(1))


def test_nested_layers_and_layers_of_ones_own():
    model = nn.Sequential(
        nn.Residual(nn.Sequential(nn.Identity(), nn.Sigmoid())),
        nn.Parallel(nn.ReLU(), nn.Sequential(nn.Tanh())),
        Twice(),
        Trained(),
        Scaled(),
    )
    found = unit_shares(model, columns(-50.0, 50.0, 0.0, 0.0))
    assert [(units.path, units.saturated, units.dead, units.last) for units in found] == [
        ("0.0.1", 0.5, 0.0, False),
        ("1.0", 0.0, 0.25, False),  # −50 + σ(−50), 51, ½, ½
        ("1.1.0", 0.5, 0.0, False),
        ("2.parts.squash", 0.125, 0.0, False),  # 51 alone is flat in both of its uses
        ("4", 0.0, 0.0, True),
    ]
    assert found[0].layer is model[0].layers[0][1]
    assert unit_shares(Scaled(), columns(9.0, 1.0))[0].saturated == 0.5


@pytest.mark.parametrize("tail", [[], [nn.Identity()], [nn.Flatten()]])
def test_the_last_one_is_whose_output_is_the_networks(tail):
    model = nn.Sequential(nn.Tanh(), nn.Sigmoid(), *tail)
    assert [units.last for units in unit_shares(model, columns(0.0))] == [False, True]
    model = nn.Sequential(nn.Tanh(), nn.Dense(1, 1, rng=0), *tail)
    assert [units.last for units in unit_shares(model, columns(0.0))] == [False]


def test_integers_and_lists_are_taken_as_the_model_takes_them():
    images = np.full((3, 2), 255, np.uint8)
    assert shares(nn.Sigmoid(), x=images) == {"0": (1.0, 0.0)}
    assert shares(nn.Sigmoid(), x=[[255], [255]]) == {"0": (1.0, 0.0)}


@pytest.mark.parametrize("x", [np.zeros((0, 2)), 1.0])
def test_no_samples_are_an_error(x):
    shape = np.shape(x)
    assert_says(
        lambda: unit_shares(nn.Sigmoid(), x),
        InvalidValueError,
        f"unit_shares: expected at least one sample, got x of shape {shape}",
    )


# ---- looking changes nothing ----------------------------------------------------------------------
def test_a_look_in_the_middle_of_a_step_changes_nothing():
    x, y = np.ones((5, 3), np.float32), np.ones((5, 2), np.float32)
    model = nn.Sequential(
        nn.Dense(3, 4), nn.Sigmoid(), nn.Dropout(0.5), nn.Residual(nn.Dense(4, 4)), nn.ReLU(), nn.Dense(4, 2), rng=0
    )
    other, loss = copy.deepcopy(model), nn.MSE()
    for trained, looks in ((model, True), (other, False)):
        for _ in range(3):
            loss.forward(trained.forward(x), y)
            if looks:
                version, plan, noted = (
                    LAYOUT.version,
                    model._plan,
                    [dict(vars(layer)) for layer in model.layers_inside()],
                )
                unit_shares(model, np.ones((9, 3)))
                assert (LAYOUT.version, model._plan) == (version, plan)
                after = [vars(layer) for layer in model.layers_inside()]
                assert [list(layer) for layer in after] == [list(layer) for layer in noted]
                assert all(a[k] is b[k] for a, b in zip(after, noted, strict=True) for k in a)
            trained.backward_parameters(loss.backward())
            for parameter in trained.parameters():
                parameter.value = parameter.value - 0.1 * parameter.grad
    for (name, value), expected in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        np.testing.assert_array_equal(value, expected, name)


def test_parameters_are_shared_and_not_copied():
    model = nn.Sequential(nn.Dense(2000, 500), nn.Sigmoid(), rng=0)
    optimizer = nn.SGD(model)
    before = model[0].weight.value
    assert peak_of(lambda: unit_shares(model, np.zeros((2, 2000), np.float32))) < before.nbytes / 4
    assert model[0].weight.value is before and optimizer.vector.valid


# ---- in words -------------------------------------------------------------------------------------
def saturated_network(weight, x):
    model = nn.Sequential(nn.Dense(1, 4), nn.Sigmoid(), nn.Dense(4, 1), nn.Sigmoid(), rng=0)
    model[0].weight.value, model[0].bias.value = weight, [0, 0, 0, 0]
    return explain(model, x)


def test_explain_names_the_first_layer_half_of_whose_units_are_stuck():
    x = [[0.5], [-1.0]]
    assert saturated_network([[99], [99], [0], [0]], x) == (
        "Layer 1 (Sigmoid()): 50 % of its units are saturated (|z| > 4.9 on nearly all of 2 samples); "
        "lower the learning rate, or start with smaller weights"
    )
    assert saturated_network([[99], [0], [0], [0]], x) is None


def test_explain_blames_large_inputs():
    assert saturated_network([[1], [1], [1], [0]], [[250.0], [-255.0]]) == (
        "Layer 1 (Sigmoid()): 75 % of its units are saturated (|z| > 4.9 on nearly all of 2 samples); "
        "scale the inputs to about 0 … 1 (they reach 255), lower the learning rate, or start with smaller weights"
    )
    assert "(they reach 10.1)" in saturated_network([[1], [1], [1], [0]], [[10.1], [-10.0]])
    assert "reach" not in saturated_network([[1], [1], [1], [0]], [[10.0], [-10.0]])


def test_explain_dead_units():
    model = nn.Sequential(nn.Tanh(), nn.ReLU(), nn.Identity())
    assert explain(model, columns(-1.0, -1.0, 1.0)) == (
        "Layer 1 (ReLU()): 67 % of its units are dead (no slope on any of 20 samples); "
        "lower the learning rate, start anew with he_normal, or take LeakyReLU()"
    )
    assert explain(nn.ReLU(), columns(-1.0)).startswith("ReLU(): 100 % of its units are dead")
    assert explain(nn.Sequential(nn.Dense(1, 1)), columns(-1.0)) is None
