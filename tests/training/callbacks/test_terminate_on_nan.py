"""TerminateOnNaN: parameters and optimizer of one moment, the one that gave the last finite cost."""

import copy

import numpy as np
import pytest
from memory import SMALL
from messages import assert_says
from training.callbacks.halving import BATCH, NAN, Epochs, fit, peak_of_a_step, trainer, weight
from training.noted import noted

import tinynn as nn
from tinynn.errors import DivergedError, DtypeError
from tinynn.training import TerminateOnNaN
from tinynn.training.callbacks.moment import Moment

OPTIMIZERS = {
    "SGD": nn.SGD,
    "momentum": lambda model, rate: nn.SGD(model, rate, momentum=0.9),
    "NAdam": nn.NAdam,
    "RMSprop": lambda model, rate: nn.RMSprop(model, rate, momentum=0.5, centered=True),
}


def ended(data, epochs=1, callback=None, **keywords):
    """The trainer after a fit that diverged and was ended."""
    trained = trainer(callback or TerminateOnNaN(), **keywords)
    with noted("TerminateOnNaN: fit: the cost is nan"):
        fit(trained, epochs, data=data)
    return trained


def assert_same_moment(found, expected):
    np.testing.assert_array_equal(found.optimizer.vector.value, expected.optimizer.vector.value)
    a, b = found.optimizer.state_dict(), expected.optimizer.state_dict()
    assert (a["steps"], a["scalars"], a["learning_rate"]) == (b["steps"], b["scalars"], b["learning_rate"])
    assert a["slots"].keys() == b["slots"].keys()
    for name, slot in a["slots"].items():
        np.testing.assert_array_equal(slot, b["slots"][name])


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("good", [1, 2, 5])
def test_all_goes_back_to_what_gave_the_last_finite_cost(make, good):
    trained = ended([BATCH] * good + [NAN], optimizer=make)
    # the cost of batch `good` is the last finite one, computed after good − 1 steps
    expected = trainer(optimizer=make)
    if good > 1:
        fit(expected, 1, good - 1)
    assert_same_moment(trained, expected)
    assert len(trained.history) == 0
    trained.optimizer.learning_rate = expected.optimizer.learning_rate = 0.125
    assert_same_moment(fit(trained, 2, 3), fit(expected, 2, 3))


def test_it_says_why_and_ends_in_good_order():
    callback = TerminateOnNaN()
    trained = trainer(callback)
    with noted() as caught:
        fit(trained, 1, data=[BATCH, BATCH, NAN])
    message = caught[0]
    assert len(caught) == 1
    assert message.startswith("TerminateOnNaN: fit: the cost is nan")
    assert "lower the learning rate" in message
    assert message.endswith("; parameters and optimizer are those after step 1, fit can go on from them")
    assert trained.stop_reason == message
    assert trained.finished


def test_nothing_can_be_better_than_what_the_first_batch_found():
    trained = ended([NAN, BATCH])
    assert (weight(trained), trained.optimizer.steps) == (1.0, 0)


def test_an_epoch_in_between_changes_nothing():
    trained = ended(Epochs([BATCH, BATCH], [BATCH, BATCH], [BATCH, NAN]), 3)
    assert (weight(trained), trained.optimizer.steps, len(trained.history)) == (2.0**-4, 4, 2)
    trained = ended(Epochs([BATCH, BATCH], [NAN]), 2)
    assert (weight(trained), trained.optimizer.steps, len(trained.history)) == (0.5, 1, 1)


@pytest.mark.parametrize(
    ("data", "steps"),
    [
        ([BATCH, NAN], 0),
        ([BATCH, BATCH, NAN], 0),
        ([BATCH, BATCH, BATCH, NAN], 1),  # the third batch gave a finite cost after step 1
        ([BATCH, BATCH, BATCH, BATCH, NAN], 1),
        ([BATCH, BATCH, BATCH, BATCH, BATCH, NAN], 2),
    ],
)
def test_accumulated_batches(data, steps):
    trained = ended(data, accumulate=2)
    assert (weight(trained), trained.optimizer.steps) == (2.0**-steps, steps)


def test_the_step_at_the_end_of_an_accumulated_epoch():
    trained = ended(
        Epochs([BATCH] * 3, [NAN]), 2, accumulate=2
    )  # step 2 came without a batch of its own, and gave no finite cost
    assert (weight(trained), trained.optimizer.steps, len(trained.history)) == (0.5, 1, 1)


def test_a_batch_that_makes_no_step_proves_the_one_at_the_end_of_the_epoch_before():
    trained = ended(Epochs([BATCH] * 3, [BATCH, NAN]), 2, accumulate=2)
    assert (weight(trained), trained.optimizer.steps) == (0.25, 2)


def test_what_a_checkpoint_brought_is_for_the_resumed_fit_alone():
    source, callback = TerminateOnNaN(), TerminateOnNaN()
    states = []

    class Looks:
        def on_batch_end(self, trained, cost):
            states.append(source.state_dict())

    trained = fit(trainer(source, Looks()), 1, 2)
    callback.load_state_dict(states[1])
    trained.callbacks = (callback,)
    with noted("after step 1, "):
        fit(trained, 1, data=[NAN])
    assert weight(trained) == 0.5
    trained.model[0].weight.value = [[8.0]]
    with noted():
        fit(trained, 1, data=[NAN])
    assert weight(trained) == 8.0


def test_a_step_allocates_nothing():
    assert peak_of_a_step(TerminateOnNaN(), nn.Adam) < SMALL


def test_parameters_that_are_not_finite_at_the_end_of_an_epoch():
    trained = trainer(TerminateOnNaN(), start=1e300, learning_rate=1e10)
    data = [(np.ones((1, 1)) * 1e-2, np.zeros((1, 1)))]
    with np.errstate(all="ignore"), noted("TerminateOnNaN"):
        fit(trained, 1, data=data)
    assert (weight(trained), trained.optimizer.steps) == (1e300, 0)


def test_raises_restores_all_the_same():
    trained = trainer(TerminateOnNaN(raises=True))
    with pytest.raises(DivergedError, match="the cost is nan") as caught:
        fit(trained, 1, data=[BATCH, BATCH, NAN])
    assert caught.value.__notes__ == [
        "TerminateOnNaN; parameters and optimizer are those after step 1, fit can go on from them"
    ]
    assert (weight(trained), trained.optimizer.steps, trained.stop_reason) == (0.5, 1, None)


def test_without_restore_all_stays():
    trained = ended(Epochs([BATCH], [BATCH, NAN]), 2, callback=TerminateOnNaN(restore=False))
    assert (weight(trained), trained.optimizer.steps) == (0.25, 2)
    assert "parameters and optimizer" not in trained.stop_reason
    trained = trainer(TerminateOnNaN(restore=False, raises=True))
    with pytest.raises(DivergedError) as caught:
        fit(trained, 1, data=[BATCH, NAN])
    assert not hasattr(caught.value, "__notes__")


def test_a_later_fit_does_not_go_back_before_its_start():
    trained = trainer(TerminateOnNaN())
    fit(trained, 1, 3)
    trained.model[0].weight.value = [[8.0]]
    with noted("after step 3, "):
        fit(trained, 1, data=[NAN])
    assert (weight(trained), trained.optimizer.steps) == (8.0, 3)


def test_a_callback_of_two_trainers():
    callback = TerminateOnNaN()
    ended([BATCH, BATCH, NAN], callback=callback)
    trained = ended([BATCH, BATCH, NAN], callback=callback, optimizer=nn.Adam, start=4.0)
    assert_same_moment(trained, fit(trainer(optimizer=nn.Adam, start=4.0)))


def test_nothing_is_held_between_fits():
    callback = TerminateOnNaN()
    fit(trainer(callback), 1, 3)
    assert callback.state_dict() == {"good": None}
    assert copy.deepcopy(callback).state_dict() == {"good": None}


class Mean(nn.Layer):
    """Keeps the mean of all it has seen in training, NaN and all."""

    persistent = ("mean", "seen")

    def __init__(self):
        self.mean, self.seen = np.zeros(1), 0

    def forward(self, x):
        if self.training:
            self.seen += 1
            self.mean += (x.mean(axis=0) - self.mean) / self.seen
        return x

    def backward(self, grad):
        return grad


def test_what_layers_keep_goes_back_to_the_same_moment():
    trained = trainer(TerminateOnNaN())
    trained.model.append(Mean())
    with noted():
        fit(trained, 1, data=[BATCH, BATCH, BATCH, NAN])
    # sees w = 1, ½ and ¼ before its own step; after step 2 it had seen 1 and ½
    mean = trained.model[1]
    assert (weight(trained), mean.mean.item(), mean.seen) == (0.25, 0.75, 2)
    state = Moment(trained).state_dict()
    trained.model[1].mean[:], trained.model[1].seen = 9, 9
    moment = Moment(trained)
    moment.load_state_dict(state)
    moment.put_back(trained)
    assert (mean.mean.item(), mean.seen) == (0.75, 2)


def test_repr_and_defaults():
    assert repr(TerminateOnNaN()) == "TerminateOnNaN(restore=True, raises=False)"
    assert repr(TerminateOnNaN(False, True)) == "TerminateOnNaN(restore=False, raises=True)"
    for name in ("restore", "raises"):
        assert_says(
            lambda name=name: TerminateOnNaN(**{name: 1}),
            DtypeError,
            f"TerminateOnNaN: {name} must be True or False, got 1",
        )


def test_a_moment_is_a_copy():
    trained = trainer(optimizer=nn.NAdam)
    moment = Moment(trained)
    state = moment.state_dict()
    fit(trained, 1, 2)
    moment.take(trained)
    other = Moment(trained)
    other.load_state_dict(state)
    for array in (state["value"], *state["slots"].values()):
        array[:] = 9
    other.put_back(trained)
    assert_same_moment(trained, trainer(optimizer=nn.NAdam))
    moment.put_back(trained)
    assert_same_moment(trained, fit(trainer(optimizer=nn.NAdam), 1, 2))
