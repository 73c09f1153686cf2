"""GradientMonitor: norms by hand, one warning for each trouble, and training as without it."""

import warnings

import numpy as np
import pytest
from messages import assert_says
from training import runs
from training.callbacks.halving import BATCH, Figures, fit, trainer

import tinynn as nn
from tinynn.errors import InvalidValueError, ShapeError, TrainingWarning
from tinynn.training import GradientMonitor, Trainer
from tinynn.training.state import capture


def chain(*weights, rate=0.0, **keywords):
    """A trainer of w₁ w₂ … x, one weight a layer."""
    model = nn.Sequential(*(nn.Dense(1, 1, bias=False, dtype=np.float64) for _ in weights))
    for layer, weight in zip(model, weights, strict=True):
        layer.weight.value = [[weight]]
    return Trainer(model, nn.MSE(), nn.SGD(model, rate), **keywords)


def test_norms_by_hand():
    monitor = GradientMonitor()
    model = nn.Sequential(nn.Dense(2, 1, dtype=np.float64), nn.Residual(nn.Dense(1, 1, bias=False, dtype=np.float64)))
    model[0].weight.value, model[0].bias.value = [[3.0, 4.0]], [12.0]
    model[1].layers[0].weight.value = [[1.0]]
    x = np.array([[3.0, 4.0]])
    fit(Trainer(model, nn.MSE(), nn.SGD(model, 0.0), callbacks=[monitor]), data=[(x, np.array([[73.0]]))])
    # z = 9 + 16 + 12 = 37, a = 2 z = 74, δ = 1: ∂C/∂w₂ = z, ∂C/∂z = 2, ∂C/∂W = 2 x, ∂C/∂b = 2
    assert monitor.records == [
        {
            "epoch": 1,
            "gradient_norm": {"0": pytest.approx(2 * 26**0.5), "1.0": 37.0},
            "weight_norm": {"0": 13.0, "1.0": 1.0},
            "saturated": {},
            "dead": {},
        }
    ]


def test_a_network_of_one_layer_goes_by_its_class():
    monitor = GradientMonitor()
    model = nn.Dense(1, 1, bias=False, dtype=np.float64)
    model.weight.value = [[3.0]]
    fit(Trainer(model, nn.MSE(), nn.SGD(model, 0.5), callbacks=[monitor]))
    assert monitor.records[0]["gradient_norm"] == {"Dense": 3.0}
    assert monitor.records[0]["weight_norm"] == {"Dense": 1.5}


def half_dead(*callbacks, **keywords):
    """A quarter of the hidden units is saturated, half are dead, all of the output is saturated."""
    model = nn.Sequential(nn.Dense(1, 4), nn.Tanh(), nn.Dense(4, 4), nn.ReLU(), nn.Dense(4, 2), nn.Sigmoid(), rng=0)
    model[0].bias.value = [30, 0, 0, 0]
    model[2].bias.value = [-30, -30, 30, 30]
    model[4].bias.value = [300, -300]
    return Trainer(model, nn.MSE(), nn.SGD(model, 0.0), callbacks=callbacks, **keywords)


DATA = [(np.full((8, 1), 0.5, np.float32), np.zeros((8, 2), np.float32))]


def test_shares_in_records_and_columns_without_the_output_layer():
    monitor = GradientMonitor()
    trained = half_dead(monitor)
    with pytest.warns(TrainingWarning):
        fit(trained, 2, data=DATA)
    assert monitor.records[1]["saturated"] == {"1": 0.25, "3": 0.0, "5": 1.0}
    assert monitor.records[1]["dead"] == {"1": 0.0, "3": 0.5, "5": 0.0}
    assert trained.history["saturated_share"] == [0.25, 0.25]
    assert trained.history["dead_share"] == [0.5, 0.5]


def test_shares_are_zero_without_other_activations():
    model = nn.Sequential(nn.Dense(1, 2), rng=0)
    trained = nn.Trainer(model, nn.MSE(), nn.SGD(model, 0.1), callbacks=[GradientMonitor()])
    fit(trained, 1, data=DATA)
    assert (trained.history["saturated_share"], trained.history["dead_share"]) == ([0.0], [0.0])


def own(caught):
    """The monitor's warnings: the Trainer itself says why the cost does not fall."""
    messages = [str(warning.message) for warning in caught]
    return [message for message in messages if message.startswith("GradientMonitor: ")]


def test_one_warning_for_each_layer():
    trained = half_dead(GradientMonitor())
    with pytest.warns(TrainingWarning) as caught:
        fit(trained, 3, data=DATA)
        fit(trained, 2, data=DATA)
    assert own(caught) == [
        "GradientMonitor: Layer 3 (ReLU()): 50 % of its units are dead (no slope on any of 8 samples); "
        "lower the learning rate, start anew with he_normal, or take LeakyReLU()"
    ]
    trained.model[0].bias.value = [30, 30, 0, 0]
    with pytest.warns(TrainingWarning, match=r"Layer 1 \(Tanh\(\)\): 50 % of its units are saturated") as caught:
        fit(trained, 1, data=DATA)
    assert len(own(caught)) == 1


def test_another_trainer_begins_anew():
    monitor = GradientMonitor()
    for trained in (half_dead(monitor), half_dead(monitor)):
        with pytest.warns(TrainingWarning, match="dead") as caught:
            fit(trained, 1, data=DATA)
        assert (len(caught), len(monitor.records)) == (1, 1)


def test_every_so_many_epochs():
    monitor = GradientMonitor(every_epochs=2)
    trained = fit(trainer(monitor), 5)
    assert [record["epoch"] for record in monitor.records] == [2, 4]
    assert trained.history["dead_share"] == [None, 0.0, None, 0.0, None]


def test_the_samples_may_be_given_and_are_tried_before_training():
    monitor = GradientMonitor([[0.5]] * 3)
    with pytest.warns(TrainingWarning, match="on any of 3 samples"):
        fit(half_dead(monitor), 1, data=DATA)
    trained = half_dead(GradientMonitor(np.zeros((3, 2))))
    with pytest.raises(ShapeError):
        fit(trained, 1, data=DATA)
    assert trained.optimizer.steps == 0


def test_the_samples_are_those_of_the_training_data_otherwise():
    x = np.zeros((300, 1), np.float32)
    x[256:] = np.nan
    model = nn.Sequential(nn.Dense(1, 1), nn.ReLU(), nn.Dense(1, 1), rng=0)
    model[0].bias.value = [-1.0]
    trained = Trainer(model, nn.MSE(), nn.SGD(model, 0.0), callbacks=[GradientMonitor()])
    with pytest.warns(TrainingWarning, match="on any of 256 samples"):
        fit(trained, 1, data=nn.Batches(x[:256], x[:256], 10, rng=0))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0, 1e-4), "the gradient vanishes: ‖gradient‖ is 1e-08 in layer 0 and 0.0001 in layer 1; the first layers"),
        ((1e-4, 1.0), "the gradient explodes: ‖gradient‖ is 0.0001 in layer 0 and 1e-08 in layer 1; clip it"),
        ((1.0, 0.9e-3), "vanishes"),
        ((0.9e-3, 1.0), "explodes"),
        ((1.0, 1.1e-3), None),
        ((1.1e-3, 1.0), None),
        ((0.0, 0.0), None),
    ],
)
def test_vanishing_and_exploding_gradients(weights, message):
    # a = w₁ w₂, δ = a: ∂C/∂w₁ = a w₂, ∂C/∂w₂ = a w₁
    trained = chain(*weights, callbacks=[GradientMonitor()])
    if message is None:
        fit(trained, 2)
        return
    with pytest.warns(TrainingWarning, match=f"GradientMonitor: .*{message}") as caught:
        fit(trained, 2)
    assert len(caught) == 1


def test_a_last_layer_that_sees_nothing_is_no_explosion():
    monitor = GradientMonitor()
    fit(chain(0.0, 1.0, callbacks=[monitor]), data=[(np.ones((1, 1)), np.ones((1, 1)))])
    assert monitor.records[0]["gradient_norm"] == {"0": 1.0, "1": 0.0}


@pytest.mark.parametrize("make", runs.RUNS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("looks", [[GradientMonitor()], [GradientMonitor(runs.X)]], ids=["sample", "x"])
def test_training_goes_on_bit_for_bit_as_without_it(make, looks):
    captured = []
    for callbacks in ([], looks):
        trained, batches = make()
        trained.callbacks = tuple(callbacks)
        fit(trained, 2, data=batches)
        state = capture(trained)
        state.pop("callbacks")
        for figures in state["history"]:
            figures.pop("saturated_share", None), figures.pop("dead_share", None)
        captured.append(state)
    assert runs.differences(*captured) == []
    assert len(looks[0].records) == 2


def test_what_was_seen_is_kept_when_a_warning_is_an_error():
    monitor = GradientMonitor()
    trained = half_dead(Figures(cost=[1.0]), monitor)
    with warnings.catch_warnings(), pytest.raises(TrainingWarning):
        warnings.simplefilter("error")
        fit(trained, 1, data=DATA)
    assert (len(monitor.records), trained.history["dead_share"]) == (1, [0.5])


def test_repr_and_arguments():
    assert repr(GradientMonitor()) == "GradientMonitor(every_epochs=1)"
    assert repr(GradientMonitor([[1.0]], every_epochs=3)) == "GradientMonitor(x of shape (1, 1), every_epochs=3)"
    assert_says(
        lambda: GradientMonitor(every_epochs=0),
        InvalidValueError,
        "GradientMonitor: every_epochs must be at least 1, got 0",
    )
    fit(trainer(GradientMonitor(BATCH[0])))
