"""The sweep over learning rates: its costs by hand, what it suggests, and that it leaves no trace."""

import inspect
import math
import signal

import numpy as np
import pytest
from messages import assert_says
from training import runs
from training.callbacks import halving

import tinynn as nn
from tinynn.errors import DtypeError, InvalidValueError, StateError
from tinynn.training import Trainer, generators, state
from tinynn.training.finder import find_learning_rate
from tinynn.training.learning_rates import LearningRates

every_run = pytest.mark.parametrize("run", runs.RUNS, ids=lambda run: run.__name__)


def sweep_by_hand(rates, change=lambda grad: grad, limit=math.inf):
    """The costs w²/2 of a weight that begins at 1 and steps along change(its gradient w)."""
    w, costs = 1.0, []
    for rate in rates:
        costs.append(w * w / 2)
        if costs[-1] > limit * min(costs):
            break
        w -= rate * change(w)
    return costs


def swept(trainer, batches=(halving.BATCH,), **keywords):
    return find_learning_rate(
        trainer, list(batches), **{"start": 0.01, "stop": 0.64, "steps": 7, "smoothing": 0.0, **keywords}
    )


# ---- the costs ----------------------------------------------------------------------------------
DOUBLING = [0.01 * 2**k for k in range(7)]


def test_the_rate_grows_by_the_same_factor_from_step_to_step():
    found = swept(halving.trainer())
    np.testing.assert_allclose(found.rates, DOUBLING, rtol=1e-12)
    np.testing.assert_allclose(found.raw, sweep_by_hand(DOUBLING), rtol=1e-12)
    assert found.costs.tolist() == found.raw.tolist()


def test_it_ends_where_the_cost_is_four_times_the_lowest():
    """From a rate of 2 on each step makes the weight larger; at 5.12 it is −4.12 times as large."""
    rates = [0.01 * 2**k for k in range(12)]
    expected = sweep_by_hand(rates, limit=4)
    found = swept(halving.trainer(), stop=20.48, steps=12)
    assert len(expected) == 11
    np.testing.assert_allclose(found.raw, expected, rtol=1e-10)
    assert len(found.rates) == 11


@pytest.mark.parametrize(("factor", "steps"), [(3.9, 40), (4.1, 21)])
def test_four_times_is_the_bound(factor, steps):
    """Costs of 1 and then `factor`, the target moved under a weight that stays."""
    one, high = (
        (halving.ONE, halving.ONE * (1 - math.sqrt(2))),
        (halving.ONE, halving.ONE * (1 - math.sqrt(2 * factor))),
    )
    found = swept(halving.trainer(), [one] * 20 + [high] * 20, start=1e-20, stop=1e-19, steps=40)
    assert len(found.raw) == steps
    assert found.raw[0] == pytest.approx(1.0)
    assert found.raw[-1] == pytest.approx(factor)


def test_the_first_costs_are_too_few_to_be_a_lowest_mean():
    """A smoothing of 0.8 waits for 5 costs: one low first cost does not end the sweep at once."""
    low, one = (halving.ONE, halving.ONE * (1 - 0.01)), (halving.ONE, halving.ZERO)
    costs = {"start": 1e-20, "stop": 1e-19, "steps": 30, "smoothing": 0.8}
    assert len(swept(halving.trainer(), [low] * 4 + [one] * 40, **costs).raw) == 30
    # Five of them are a mean, 5e-5, and with the next cost of 0.5 it is over: (½ + 5e-5 · 3.4) / 3.7 = 0.14
    assert len(swept(halving.trainer(), [low] * 5 + [one] * 40, **costs).raw) == 6


@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("growth", [1.02, 1.1, 1.5, 3.0])
def test_the_bound_is_on_a_mean_that_forgets(growth, smoothing):
    """Σ βᵏ⁻ʲ cⱼ / Σ βᵏ⁻ʲ over the costs so far, four times the least of those over 1 / (1 − β) costs or more."""
    costs = 0.1 * growth ** np.arange(60)
    weights = [smoothing ** np.arange(k, -1.0, -1.0) for k in range(60)]
    means = np.array([w @ costs[: len(w)] / w.sum() for w in weights])
    first = {0.0: 1, 0.5: 2, 0.75: 4, 0.9: 10}[smoothing] - 1
    over = np.flatnonzero(means[first:] > 4 * means[first])  # they grow: the least is the first
    expected = first + over[0] + 1 if len(over) else 60
    batches = [(halving.ONE, halving.ONE * (1 - math.sqrt(2 * cost))) for cost in costs]
    found = swept(halving.trainer(), batches, start=1e-20, stop=1e-19, steps=60, smoothing=smoothing)
    np.testing.assert_allclose(found.raw, costs[:expected], rtol=1e-9)


def test_it_goes_from_epoch_to_epoch():
    halves = (halving.ONE, halving.ONE / 2)
    found = swept(halving.trainer(), [halving.BATCH, halves], start=1e-20, stop=1e-19, steps=5)
    np.testing.assert_allclose(found.raw, [0.5, 0.125, 0.5, 0.125, 0.5])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_cost_that_is_not_finite_ends_it(bad):
    trainer = halving.trainer()
    found = swept(trainer, [halving.BATCH] * 3 + [(halving.ONE * bad, halving.ZERO)])
    np.testing.assert_allclose(found.raw, sweep_by_hand(DOUBLING)[:3], rtol=1e-12)
    np.testing.assert_allclose(found.rates, DOUBLING[:3], rtol=1e-12)
    assert halving.weight(trainer) == 1.0


class Cliff(nn.MSE):
    """A quadratic cost whose gradient is infinite at the third batch."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def backward(self):
        self.calls += 1
        return super().backward() * (np.inf if self.calls == 3 else 1.0)


def test_a_gradient_that_is_not_finite_ends_it():
    trainer = halving.trainer(clip_norm=9.0)
    trainer.loss = Cliff()
    assert len(swept(trainer).raw) == 2
    assert halving.weight(trainer) == 1.0


def test_overflow_is_no_warning():
    """Warnings are errors here. The weight grows by 10²⁹⁹ at the first step: its square is beyond float64."""
    found = swept(halving.trainer(), start=1e300, stop=1e301, steps=5)
    assert found.raw.tolist() == [0.5]


def test_clipping_is_the_trainer_s():
    found = swept(halving.trainer(clip_norm=0.5))
    expected = sweep_by_hand(DOUBLING, lambda grad: min(grad, grad * 0.5 / (grad + 1e-6)))
    np.testing.assert_allclose(found.raw, expected, rtol=1e-12)
    found = swept(halving.trainer(clip_value=0.25))
    np.testing.assert_allclose(found.raw, sweep_by_hand(DOUBLING, lambda grad: min(grad, 0.25)), rtol=1e-12)


def test_accumulation_is_the_trainer_s():
    """Batches of one row with target 0 and of three rows with target 1: costs w²/2 and (w − 1)²/2, a step along
    their mean over the rows, ¼ w + ¾ (w − 1)."""
    rows = (np.ones((3, 1)), np.ones((3, 1)))
    found = swept(halving.trainer(accumulate=2, start=3.0), [halving.BATCH, rows])
    w, expected = 3.0, []
    for rate in DOUBLING:
        expected.append((w * w / 2 + 3 * (w - 1) ** 2 / 2) / 4)
        w -= rate * (w / 4 + 3 * (w - 1) / 4)
    np.testing.assert_allclose(found.raw, expected, rtol=1e-12)


class Heavy(nn.MSE):
    """A batch with a target other than 0 counts five times."""

    def forward(self, prediction, target, sample_weight=None):
        self.batch_weight = 5.0 if target.any() else 1.0
        return super().forward(prediction, target, sample_weight)


def test_batches_that_weigh_more_pull_more():
    trainer = halving.trainer(accumulate=2, start=3.0)
    trainer.loss = Heavy()
    found = swept(trainer, [halving.BATCH, (halving.ONE, halving.ONE)])
    w, expected = 3.0, []
    for rate in DOUBLING:
        expected.append((w * w / 2 + (w - 1) ** 2 / 2) / 2)
        w -= rate * (w + 5 * (w - 1)) / 6
    np.testing.assert_allclose(found.raw, expected, rtol=1e-12)


class Watched(nn.SGD):
    """Remembers the rates that each group steps with."""

    def step(self):
        self.seen = [*getattr(self, "seen", []), [self.rate(group) for group in self.groups]]
        super().step()


@pytest.mark.parametrize("base", [0.5, nn.schedules.constant(0.5)], ids=["number", "schedule"])
def test_groups_keep_their_ratio(base):
    model = nn.Sequential(nn.Dense(2, 2), nn.Dense(2, 2), nn.Dense(2, 1), rng=0)
    own = nn.schedules.exponential(0.25, 0.5)
    groups = [
        {"parameters": model[0]},
        {"parameters": model[1], "learning_rate": 2.0},
        {"parameters": model[2], "learning_rate": own},
    ]
    trainer = Trainer(model, nn.MSE(), Watched(groups, base))
    find_learning_rate(trainer, [(np.ones((1, 2)), np.ones((1, 1)))], start=1e-3, stop=2e-3, steps=2)
    np.testing.assert_allclose(trainer.optimizer.seen, [[1e-3, 4e-3, 5e-4], [2e-3, 8e-3, 1e-3]], rtol=1e-12)
    assert trainer.optimizer.learning_rate is base or trainer.optimizer.learning_rate == 0.5
    assert trainer.optimizer.groups[1].learning_rate == 2.0
    assert trainer.optimizer.groups[2].learning_rate is own


def test_groups_of_an_optimizer_at_rate_0_have_the_sweep_s_rate():
    model = nn.Sequential(nn.Dense(2, 1), rng=0)
    trainer = Trainer(model, nn.MSE(), Watched([{"parameters": model, "learning_rate": 2.0}], 0.0))
    find_learning_rate(trainer, [(np.ones((1, 2)), np.ones((1, 1)))], start=1e-3, stop=2e-3, steps=2)
    np.testing.assert_allclose(trainer.optimizer.seen, [[1e-3], [2e-3]], rtol=1e-12)


# ---- no trace -----------------------------------------------------------------------------------
def everything(trainer, batches):
    """What a sweep must not change, a copy."""
    layers = list(trainer.model.layers_inside())
    return {
        "state": state.capture(trainer),
        "batches": generators.states([("batches", batches)]),
        "grads": [p.grad.copy() for p in trainer.model.parameters()],
        "modes": [layer.training for layer in layers],
        "rates": [
            id(owner.learning_rate)
            for owner in (trainer.optimizer, *trainer.optimizer.groups)
            if callable(owner.learning_rate)
        ],
        "ids": [id(trainer.history), id(trainer.optimizer), trainer.resumed, trainer.asked],
    }


@every_run
def test_a_sweep_leaves_no_trace(run):
    trainer, batches = run()
    twin, twin_batches = run()
    for each, data in ((trainer, batches), (twin, twin_batches)):
        each.fit(data, 1, progress=False)
    trainer.model[1].training = False
    before = everything(trainer, batches)
    assert len(find_learning_rate(trainer, batches, steps=15).raw) > 1
    assert runs.differences(before, everything(trainer, batches)) == []
    trainer.model[1].training = True
    for each, data in ((trainer, batches), (twin, twin_batches)):
        each.fit(data, 1, progress=False)
    assert runs.differences(trainer, twin) == []


@every_run
def test_a_sweep_before_training_leaves_none_either(run):
    trainer, batches = run()
    before = everything(trainer, batches)
    find_learning_rate(trainer, batches, steps=15)
    assert runs.differences(before, everything(trainer, batches)) == []


def test_parameters_of_the_optimizer_alone_are_put_back():
    model, other = nn.Sequential(nn.Dense(2, 1), rng=0), nn.Parameter([1.0, 1.0])
    optimizer = nn.SGD([*model.parameters(), other], 0.1, weight_decay=0.5)
    other.grad = [1.0, 2.0]
    find_learning_rate(Trainer(model, nn.MSE(), optimizer), [(np.ones((1, 2)), np.ones((1, 1)))], steps=5)
    assert other.value.tolist() == [1.0, 1.0]
    assert other.grad.tolist() == [1.0, 2.0]


class Breaking:
    """Batches of which the third calls something."""

    def __init__(self, call):
        self.call, self.given = call, 0
        self.rng = np.random.default_rng(0)

    def __iter__(self):
        while True:
            self.given += 1
            if self.given == 3:
                self.call()
            yield self.rng.random((2, 64), np.float32), np.zeros((2, 10))


def fail():
    raise RuntimeError("no more data")


@pytest.fixture
def ctrl_c():
    """Ctrl-C means KeyboardInterrupt, as in a program on a terminal; in the background it means nothing."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("call", "error"),
    [(fail, RuntimeError), (lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt)],
    ids=["an error", "Ctrl-C"],
)
def test_nor_does_one_that_is_broken_off(call, error, ctrl_c):
    trainer, _ = runs.plain()
    batches = Breaking(call)
    before = everything(trainer, batches)
    with pytest.raises(error):
        find_learning_rate(trainer, batches)
    assert batches.given == 3
    assert runs.differences(before, everything(trainer, batches)) == []


def test_callbacks_are_not_called():
    class Loud:
        def on_batch_end(self, trainer, cost):
            raise AssertionError

        on_fit_start = on_fit_end = on_epoch_start = on_epoch_end = on_batch_end

    swept(halving.trainer(Loud()))


# ---- the suggestion -----------------------------------------------------------------------------
def test_costs_are_smoothed_both_ways():
    """β = ½: the weights of (8, 4, 16) are (1, ½, ¼), (½, 1, ½) and (¼, ½, 1)."""
    found = LearningRates([1, 2, 4], [8.0, 4.0, 16.0], 0.5)
    np.testing.assert_allclose(found.costs, [(8 + 2 + 4) / 1.75, (4 + 4 + 8) / 2, (2 + 2 + 16) / 1.75])
    assert LearningRates([1.0], [3.0], 0.5).costs.tolist() == [3.0]


def test_a_third_of_the_rate_with_the_lowest_cost():
    rates = np.geomspace(1e-3, 10, 41)
    found = LearningRates(rates, np.abs(np.log10(rates)), 0.0)  # lowest at 1
    assert found.suggestion == pytest.approx(1 / 3)
    assert type(found.suggestion) is float
    assert found.note is None
    assert repr(found) == "LearningRates(41 steps from 0.001 to 10: suggestion 0.333)"


def test_still_falling_at_the_end():
    rates = np.geomspace(1e-3, 10, 41)
    found = LearningRates(rates, 1 - np.log10(rates), 0.0)
    assert found.suggestion == pytest.approx(10 / 3)
    note = "the cost was still falling at the last rate; raise stop"
    assert found.note == note
    assert repr(found) == f"LearningRates(41 steps from 0.001 to 10: suggestion 3.33; {note})"
    # Where the sweep ended early it was not falling any more.
    assert LearningRates(rates, (1 - np.log10(rates))[:30], 0.0).note is None


def test_no_cost_at_all():
    found = swept(halving.trainer(), [halving.NAN])
    assert (len(found.raw), len(found.rates), len(found.costs), found.suggestion) == (0, 0, 0, None)
    assert repr(found) == (
        "LearningRates(0 steps: the cost was not finite at the first batch; check the data and the model's parameters)"
    )


NEVER = (
    "the cost never fell clearly, by more than the batches differ anyway; "
    "take more steps or larger batches, start lower, or check model and data"
)


@pytest.mark.parametrize(
    "costs",
    [np.ones(50), np.linspace(1, 3, 50), np.random.default_rng(0).exponential(size=50), [1.0], [2.0, 1.0]],
    ids=["constant", "rising", "noise", "one", "two"],
)
def test_a_cost_that_never_falls_suggests_nothing(costs):
    found = LearningRates(np.geomspace(1e-3, 1, 50), costs, 0.9)
    assert found.suggestion is None
    assert found.note == NEVER
    assert NEVER in repr(found)


def test_how_clear_a_fall_must_be():
    """Costs of 10 ± 1 in turn differ by 2: σ² = 2²/2, and with β = 0 the error of a fall is √1.5 σ; five times that
    is 8.66. The fall itself is a difference too: for a fall by d from 10 + 1 at the last of 200,
    σ² = (4 · 198 + (d − 2)²) / 398 or so, which moves the bound to 8.9."""
    rates = np.geomspace(1e-3, 1, 200)
    noisy = 10.0 + (-1.0) ** np.arange(200)

    def last(fall):
        return LearningRates(rates, [*noisy[:-1], noisy[0] - fall], 0.0).suggestion

    assert last(8.6) is None
    assert last(9.2) == pytest.approx(1 / 3)
    # With β = ½ the error is √(1.5 · ½ / 1.5) σ = 1. The first mean is 10 + ⅓, the last 10 − ⅓ − the fall.
    means = [LearningRates(rates, noisy - fall * (rates > rates[99]), 0.5) for fall in (4.2, 4.4, 5.0)]
    np.testing.assert_allclose([found.costs[0] - found.costs[-1] for found in means], [4.87, 5.07, 5.67], atol=0.01)
    assert [found.suggestion is None for found in means] == [True, False, False]


def test_a_suggestion_that_trains():
    """Two epochs at it leave a lower cost than at a thirtieth or at thirty times as much."""
    x, y = nn.data.load_digits()

    def cost_at(rate):
        model = nn.Sequential(nn.Dense(64, 30), nn.ReLU(), nn.Dense(30, 10), rng=0)
        trainer = Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.01 if rate is None else rate))
        batches = nn.Batches(x, y, rng=0)
        if rate is None:
            return find_learning_rate(trainer, batches)
        with np.errstate(all="ignore"):
            trainer.fit(batches, 2, progress=False)
        return trainer.evaluate(x, y)["cost"]

    found = cost_at(None)
    at, below, above = (cost_at(found.suggestion * factor) for factor in (1, 1 / 30, 30))
    assert at < 0.5 * below
    assert at < 0.5 * above


# ---- errors -------------------------------------------------------------------------------------
HINT = "pass something that gives (x, target) pairs anew each time, such as Batches(x, y)"


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"start": 0.0}, InvalidValueError, "start must be above 0, got 0.0"),
        ({"stop": "10"}, DtypeError, "stop must be a number, got '10'"),
        ({"start": 0.5, "stop": 0.5}, InvalidValueError, "stop must be above start, 0.5, got 0.5"),
        ({"steps": 0}, InvalidValueError, "steps must be at least 1, got 0"),
        ({"smoothing": 1.0}, InvalidValueError, "smoothing must be at least 0 and below 1, got 1.0"),
    ],
)
def test_arguments_are_checked_at_once(keywords, error, message):
    assert_says(lambda: swept(halving.trainer(), **keywords), error, f"find_learning_rate: {message}")


@pytest.mark.parametrize(
    ("batches", "error", "message"),
    [
        (3, DtypeError, f"{HINT}; got 3"),
        ([], InvalidValueError, "no batches came from []"),
        ((np.ones((3, 1)), np.ones((3, 1))), DtypeError, f"{HINT}; got a tuple of other things"),
        (np.ones((3, 2, 1)), DtypeError, f"{HINT}; got a ndarray of other things"),
        ([(*halving.BATCH, halving.ONE)], DtypeError, f"{HINT}; got a list of other things"),
        (iter([halving.BATCH]), InvalidValueError, f"a list_iterator cannot be put back; {HINT}"),
    ],
    ids=["number", "empty", "arrays", "array", "triples", "iterator"],
)
def test_batches_that_will_not_do(batches, error, message):
    trainer = halving.trainer()
    assert_says(lambda: find_learning_rate(trainer, batches), error, f"find_learning_rate: {message}")
    assert halving.weight(trainer) == 1.0


def test_defaults():
    have = {n: p.default for n, p in inspect.signature(find_learning_rate).parameters.items()}
    wanted = {"start": 1e-5, "stop": 10.0, "steps": 300, "smoothing": 0.9}
    assert {n: have[n] for n in wanted} == wanted


def test_within_fit_it_is_refused():
    class Curious:
        def on_batch_end(self, trainer, cost):
            swept(trainer)

    message = "find_learning_rate: fit is running; call it before or after"
    assert_says(lambda: halving.fit(halving.trainer(Curious())), StateError, message)
