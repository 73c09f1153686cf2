"""Which learning rate to train with: a sweep from one that is too small to one that is too large."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinynn._arguments import count, fraction, positive, shown
from tinynn.data.batches import Batches
from tinynn.errors import DivergedError, DtypeError, InvalidValueError, StateError
from tinynn.training import generators, state
from tinynn.training.gradients import Accumulation, Gradients
from tinynn.training.interrupts import BetweenBatches
from tinynn.training.learning_rates import LearningRates
from tinynn.training.trainer import Trainer

#: The sweep ends where the smoothed cost is so many times its lowest.
BLOWN_UP = 4.0


def find_learning_rate(
    trainer: Trainer,
    batches: Iterable[tuple[Any, Any]],
    *,
    start: float = 1e-5,
    stop: float = 10.0,
    steps: int = 300,
    smoothing: float = 0.9,
) -> LearningRates:
    """Train a few hundred steps at rates that grow from step to step, and look at the cost.

    It falls while the rate is large enough to learn and not yet too large. The sweep ends at `stop`, or
    where the smoothed cost is four times its lowest or not finite. Then model, optimizer, generators and the
    place in the batches are what they were before, after an error and Ctrl-C as well: nothing was trained.
    Clipping and accumulation are the trainer's; groups with rates of their own keep their ratio to the
    optimizer's. Then set `trainer.optimizer.learning_rate = found.suggestion`, or take it as a schedule's
    largest rate.

    Parameters: trainer; batches, as for `fit`, anew as often as needed; start, stop, the first and the last
    rate; steps of the optimizer; smoothing, β, from 0 to below 1.
    Raises: StateError within fit; InvalidValueError for batches that could not be put back.
    Source: Smith (2017), Cyclical learning rates, section 3.3.

    >>> import tinynn as nn
    >>> x, y = nn.data.load_digits()
    >>> model = nn.Sequential(nn.Dense(64, 30), nn.ReLU(), nn.Dense(30, 10), rng=0)
    >>> trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model))
    >>> found = find_learning_rate(trainer, nn.Batches(x, y, rng=0))
    >>> 0.05 < found.suggestion < 0.5, trainer.optimizer.steps
    (True, 0)
    """
    if not isinstance(trainer, Trainer):
        raise DtypeError(f"find_learning_rate: expected a Trainer, got {shown(trainer)}")
    start, stop = positive("find_learning_rate: start", start), positive("find_learning_rate: stop", stop)
    if stop <= start:
        raise InvalidValueError(f"find_learning_rate: stop must be above start, {start:g}, got {stop:g}")
    steps = count("find_learning_rate: steps", steps)
    smoothing = fraction("find_learning_rate: smoothing", smoothing)
    if trainer.epoch is not None:
        raise StateError("find_learning_rate: fit is running; call it before or after")
    rates, source = np.geomspace(start, stop, steps), _endless(batches)
    with BetweenBatches() as interrupts, _put_back(trainer, batches), np.errstate(all="ignore"):
        trainer.model.train()
        raw = _sweep(trainer, source, rates.tolist(), smoothing, interrupts.came)
    return LearningRates(rates, raw, smoothing)


def _sweep(
    trainer: Trainer, source: Iterator[Any], rates: list[float], smoothing: float, came: list[int]
) -> list[float]:
    """The cost at each rate, up to the first that is not finite or blows up, or to Ctrl-C."""
    gradients = Gradients(trainer.optimizer, trainer.clip_value, trainer.clip_norm)
    accumulation = Accumulation(gradients, trainer.accumulate)
    base, groups = trainer.optimizer.rate(), trainer.optimizer.groups
    ratios = [trainer.optimizer.rate(group) / base if base else 1.0 for group in groups]
    raw: list[float] = []
    total, weight, lowest = 0.0, 0.0, math.inf
    for rate in rates:
        for group, ratio in zip(groups, ratios, strict=True):
            group.learning_rate = ratio * rate
        try:
            cost = _step(trainer, source, accumulation)
        except DivergedError:  # clip_norm met a gradient that is not finite
            break
        if not math.isfinite(cost):
            break
        raw.append(cost)
        total, weight = smoothing * total + cost, smoothing * weight + 1.0
        # A mean over a few batches only may be low by chance.
        if len(raw) >= round(1.0 / (1.0 - smoothing)):
            lowest = min(lowest, total / weight)
        if came or total / weight > BLOWN_UP * lowest:
            break
    return raw


def _step(trainer: Trainer, source: Iterator[Any], accumulation: Accumulation) -> float:
    """One step of the optimizer; the mean cost of its batches."""
    model, loss = trainer.model, trainer.loss
    total, samples = 0.0, 0
    for _ in range(trainer.accumulate):
        x, target = next(source)
        cost = loss.forward(model.forward(x), target)
        model.backward_parameters(loss.backward())
        accumulation.add(getattr(loss, "batch_weight", None) or len(x))
        total, samples = total + cost * len(x), samples + len(x)
    return total / samples


def _endless(batches: Any) -> Iterator[Any]:
    """Epoch after epoch of batches, each looked at."""
    hint = "pass something that gives (x, target) pairs anew each time, such as Batches(x, y)"
    if not isinstance(batches, Iterable):
        raise DtypeError(f"find_learning_rate: {hint}; got {shown(batches)}")
    if isinstance(batches, Iterator):
        raise InvalidValueError(f"find_learning_rate: a {type(batches).__name__} cannot be put back; {hint}")
    return _epochs(batches, hint)


def _epochs(batches: Any, hint: str) -> Iterator[Any]:
    while True:
        pair = None
        for pair in batches.overwriting() if type(batches) is Batches else batches:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise DtypeError(f"find_learning_rate: {hint}; got a {type(batches).__name__} of other things")
            yield pair
        if pair is None:
            raise InvalidValueError(f"find_learning_rate: no batches came from {shown(batches)}")


@contextlib.contextmanager
def _put_back(trainer: Trainer, batches: Any) -> Iterator[None]:
    """Whatever happens within, afterwards all is as it was."""
    model, optimizer = trainer.model, trainer.optimizer
    drawing = [*state.owners(trainer), ("batches", batches)]
    parameters = dict.fromkeys([*model.parameters(), *optimizer.vector.parameters])
    arrays = [(p, p.value.copy(), p.grad.copy()) for p in parameters]
    modes = [(layer, layer.training) for layer in model.layers_inside()]
    rates = [(group, group.learning_rate) for group in optimizer.groups]
    layers, memory, drawn = model.state_dict(), optimizer.state_dict(), generators.states(drawing)
    try:
        yield
    finally:
        model.load_state_dict(layers)
        optimizer.load_state_dict(memory)
        generators.restore(drawing, drawn)
        for group, rate in rates:
            group.learning_rate = rate
        for parameter, value, grad in arrays:
            parameter.value, parameter.grad = value, grad
        for layer, mode in modes:
            layer.training = mode
