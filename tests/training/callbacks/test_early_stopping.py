"""EarlyStopping: when it stops, and which parameters the model ends with."""

import pytest
from messages import assert_says
from training.callbacks.halving import Figures, Raises, fit, trainer, weight

import tinynn as nn
from tinynn.errors import DtypeError, InvalidValueError
from tinynn.training import EarlyStopping

NAN = float("nan")


def stopped(costs, epochs=None, name="validation_cost", **keywords):
    """(stopping, trainer) after epochs with these figures."""
    stopping = EarlyStopping(name, **keywords)
    trained = trainer(Figures(**{name: costs}), stopping)
    return stopping, fit(trained, epochs or len(costs))


def test_it_stops_after_patience_epochs_without_a_better_one():
    stopping, trained = stopped([5.0, 4.0, 4.5, 4.0, 3.95, 4.0, 1.0], patience=3, min_delta=0.1)
    assert len(trained.history) == stopping.stopped_epoch == 5
    assert (stopping.best, stopping.best_epoch) == (4.0, 2)
    assert trained.stop_reason == ("EarlyStopping: validation_cost has not been better than 4 (epoch 2) for 3 epochs")
    assert weight(trained) == 2.0**-2
    assert stopping.best_state["0.weight"].item() == 2.0**-2


def test_any_better_epoch_begins_the_count_anew():
    stopping, trained = stopped([5.0, 6.0, 4.0, 6.0, 3.0, 6.0, 6.0, 1.0], patience=2)
    assert (len(trained.history), stopping.best_epoch) == (7, 5)


def test_min_delta_itself_is_not_enough():
    stopping, trained = stopped([4.0, 3.5, 1.0], patience=1, min_delta=0.5)
    assert (len(trained.history), stopping.best) == (2, 4.0)
    assert trained.stop_reason.endswith("for 1 epoch")
    stopping, trained = stopped([4.0, 3.4, 1.0], patience=1, min_delta=0.5)
    assert (len(trained.history), stopping.best) == (3, 1.0)


def test_what_rises_with_its_name_or_with_mode():
    stopping, trained = stopped([0.5, 0.9, 0.8, 0.7, 1.0], name="validation_accuracy", patience=2)
    assert (len(trained.history), stopping.best_epoch, weight(trained)) == (4, 2, 0.25)
    stopping, _ = stopped([0.5, 0.9, 0.8, 0.7, 1.0], name="validation_cost", patience=2, mode="max")
    assert stopping.best_epoch == 2


def test_nan_is_never_the_best_epoch():
    stopping, trained = stopped([NAN, 2.0, NAN, NAN, 1.0], patience=2)
    assert (len(trained.history), stopping.best, weight(trained)) == (4, 2.0, 0.25)
    stopping, trained = stopped([NAN, NAN, 1.0], patience=2)
    assert (stopping.best, stopping.best_epoch, stopping.best_state) == (None, None, None)
    assert trained.stop_reason == "EarlyStopping: validation_cost has not been finite for 2 epochs"
    assert weight(trained) == 0.25


def test_the_best_parameters_come_back_also_when_the_epochs_run_out():
    stopping, trained = stopped([3.0, 2.0, 2.5])
    assert (stopping.stopped_epoch, trained.stop_reason, weight(trained)) == (None, None, 0.25)


def test_without_restore_best_the_last_parameters_stay():
    stopping, trained = stopped([3.0, 2.0, 2.5, 2.5, 2.5], patience=2, restore_best=False)
    assert (weight(trained), stopping.best_epoch, stopping.best_state) == (2.0**-4, 2, None)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_the_parameters_stay_and_the_best_are_at_hand(error):
    stopping = EarlyStopping("cost", mode="max")
    trained = trainer(stopping, Raises("on_epoch_end", 3, error))
    with pytest.raises(error):
        fit(trained, 9)
    assert (weight(trained), stopping.best_epoch) == (0.125, 1)
    trained.model.load_state_dict(stopping.best_state)
    assert weight(trained) == 0.5


def test_the_best_state_does_not_move_with_the_model():
    stopping, trained = stopped([1.0, 2.0])
    trained.model[0].weight.value = [[7.0]]
    assert stopping.best_state["0.weight"].item() == 0.5


def test_a_later_fit_looks_for_a_best_epoch_of_its_own():
    stopping = EarlyStopping("validation_cost", patience=2)
    trained = trainer(Figures(validation_cost=[1.0, 2.0, 2.0, 5.0, 6.0, 4.0]), stopping)
    fit(trained, 5)
    assert len(trained.history) == 3
    fit(trained, 3)
    # from the best of the first fit, 0.5, on
    assert (len(trained.history), stopping.best, stopping.best_epoch) == (6, 4.0, 6)
    assert (weight(trained), stopping.stopped_epoch, trained.stop_reason) == (2.0**-4, None, None)


def test_a_run_that_was_over_is_over_when_it_is_resumed(tmp_path):
    class Save:
        comes_last = True

        def on_epoch_end(self, trained, figures):
            trained.save_checkpoint(tmp_path / "checkpoint")

    costs = [2.0, 1.0, 3.0, 3.0, 0.5]
    for patience, epochs in ((2, 4), (3, 5)):
        stopping = EarlyStopping("validation_cost", patience=2)
        fit(trainer(Figures(validation_cost=costs), stopping, Save()), 5)
        again = EarlyStopping("validation_cost", patience=patience)
        trained = trainer(Figures(validation_cost=costs), again)
        trained.load_checkpoint(tmp_path / "checkpoint")
        fit(trained, 5)
        assert len(trained.history) == epochs
        if patience == 2:
            assert trained.stop_reason.endswith("better than 1 (epoch 2) for 2 epochs")
            assert (weight(trained), again.stopped_epoch, again.best) == (0.25, 4, 1.0)
        else:  # with more patience it goes on, from where it was
            assert (weight(trained), again.best_epoch) == (2.0**-5, 5)


def test_after_a_resumed_fit_the_next_one_begins_anew():
    first = EarlyStopping("validation_cost", patience=2)
    trained = fit(trainer(Figures(validation_cost=[1.0, 2.0, 2.0, 4.0, 3.0, 5.0, 5.0]), first), 5)
    state = first.state_dict()
    assert (first.stopped_epoch, len(trained.history)) == (3, 3)
    first.load_state_dict(state)
    assert (first.stopped_epoch, first.best) == (None, 1.0)
    fit(trained, 5)
    assert (first.stopped_epoch, len(trained.history)) == (3, 3)
    fit(trained, 4)
    assert (first.stopped_epoch, first.best, first.best_epoch) == (7, 3.0, 5)


def test_of_two_the_later_one_has_the_last_word():
    first, second = EarlyStopping("cost", mode="max"), EarlyStopping("cost")
    assert weight(fit(trainer(first, second), 3)) == 0.125
    assert weight(fit(trainer(second, first), 3)) == 0.5


class Counting(nn.Identity):
    persistent = ("seen",)

    def __init__(self):
        self.seen = 0

    def forward(self, x):
        self.seen += self.training
        return super().forward(x)


def test_what_layers_keep_beside_the_parameters_comes_back_too():
    stopping = EarlyStopping("validation_cost", patience=1)
    trained = trainer(Figures(validation_cost=[1.0, 2.0]), stopping)
    trained.model.append(Counting())
    fit(trained, 2)
    assert trained.model[1].seen == 1


def test_a_column_that_is_missing_is_an_error_after_one_epoch():
    trained = trainer(EarlyStopping())
    with pytest.raises(InvalidValueError, match="monitor='validation_cost': .* pass validation="):
        fit(trained, 5)
    assert len(trained.history) == 1


def test_defaults_repr_and_arguments():
    stopping = EarlyStopping()
    assert (stopping.patience, stopping.min_delta, stopping.restore_best) == (10, 0.0, True)
    assert repr(stopping) == "EarlyStopping('validation_cost', patience=10, min_delta=0)"
    assert_says(
        lambda: EarlyStopping(patience=0), InvalidValueError, "EarlyStopping: patience must be at least 1, got 0"
    )
    assert_says(lambda: EarlyStopping(patience=1.5), DtypeError, "EarlyStopping: patience must be an int, got 1.5")
    assert_says(
        lambda: EarlyStopping(restore_best=None),
        DtypeError,
        "EarlyStopping: restore_best must be True or False, got None",
    )
    assert_says(
        lambda: EarlyStopping(min_delta=-1),
        InvalidValueError,
        "EarlyStopping: min_delta must be at least 0, got -1",
    )
