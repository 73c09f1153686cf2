"""The training loop: epochs of batches, a look at the validation data after each, and a record of it all.

Inside an epoch it is the bare loop of the lecture: forward, backward, step. Everything else happens
between epochs.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tinynn._arguments import positive
from tinynn.data.batches import Batches
from tinynn.errors import DivergedError, InvalidValueError, TinynnError
from tinynn.optimizers import clip_norm as clip_to_norm
from tinynn.optimizers import clip_value as clip_to_value
from tinynn.training import progress as progress_lines
from tinynn.training.checks import (
    check_batches,
    check_parts,
    checked_callbacks,
    checked_data,
    checked_metrics,
    checked_validation,
    diverged,
)
from tinynn.training.history import History
from tinynn.training.interrupts import BetweenBatches

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.layers import Layer
    from tinynn.losses import Loss
    from tinynn.metrics import Metric
    from tinynn.optimizers import Optimizer


class Trainer:
    """Trains a model, measures it, and keeps the history.

    Parameters: model, a Layer; loss; optimizer, built from that model; metrics, measured on validation
    data; clip_value, the largest absolute value of a gradient's element; clip_norm, the largest norm of
    the whole gradient (after clip_value); callbacks, objects with any of the methods
    on_fit_start(trainer), on_epoch_start(trainer), on_batch_end(trainer, cost),
    on_epoch_end(trainer, figures), on_fit_end(trainer), the last one called on errors as well.
    Raises: InvalidValueError for a network that ends in Softmax or Sigmoid under a loss that takes logits,
    and for an optimizer of another model.

    >>> import numpy as np
    >>> import tinynn as nn
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    >>> y = x.any(axis=1)[:, None].astype(np.float32)  # or
    >>> model = nn.Sequential(nn.Dense(2, 1), nn.Sigmoid(), rng=0)
    >>> trainer = nn.Trainer(model, nn.MSE(), nn.SGD(model, 5.0), metrics=[nn.Accuracy()])
    >>> history = trainer.fit(nn.Batches(x, y, batch_size=1, rng=0), 50, validation=(x, y), progress=False)
    >>> len(history), history["validation_accuracy"][-1]
    (50, 1.0)
    >>> trainer.predict(x).round().ravel()
    array([0., 1., 1., 1.], dtype=float32)
    """

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        optimizer: Optimizer,
        *,
        metrics: Sequence[Metric] = (),
        callbacks: Sequence[Any] = (),
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        check_parts(model, loss, optimizer)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.metrics, self.callbacks = checked_metrics(metrics), checked_callbacks(callbacks)
        self.clip_norm = None if clip_norm is None else positive("Trainer: clip_norm", clip_norm)
        self.clip_value = None if clip_value is None else positive("Trainer: clip_value", clip_value)
        self.history = History()

    def fit(
        self,
        batches: Iterable[tuple[Array, Array]],
        epochs: int,
        validation: tuple[Array, Array] | None = None,
        progress: bool = True,
    ) -> History:
        """Train for `epochs` more epochs; the history grows from call to call.

        The model is in training mode meanwhile and as it was afterwards. Ctrl-C lets the batch at hand
        finish and then raises KeyboardInterrupt: model, optimizer and the history of the whole epochs
        stay usable. validation is (x, y); progress prints a line an epoch.

        Raises: DivergedError if an epoch's mean cost is not finite; the parameters stay as they are.
        """
        check_batches(batches, epochs)
        if validation is not None:
            validation = checked_validation(validation, batches)
            self._try(*validation)
        modes = [(layer, layer.training) for layer in self.model.layers_inside()]
        last = len(self.history) + epochs
        try:
            self._call("on_fit_start")
            while len(self.history) < last:
                self._call("on_epoch_start")
                figures = self._epoch(batches)
                if validation is not None:
                    measured = self.evaluate(*validation)
                    figures |= {f"validation_{name}": figure for name, figure in measured.items()}
                self.history.append(figures)
                if progress:
                    print(progress_lines.line(len(self.history), last, figures), flush=True)
                self._call("on_epoch_end", figures)
        finally:
            for layer, mode in modes:
                layer.training = mode
            self._call("on_fit_end")
        return self.history

    def evaluate(self, x: Any, y: Any, batch_size: int = 1024) -> dict[str, Any]:
        """{"cost": …, and each metric by its name}, in evaluation mode, whatever mode the model is in.

        Raises: DivergedError if the cost is NaN.
        """
        x, y = checked_data("evaluate", x, y)
        prediction = self.predict(x, batch_size)
        # A copy, so that a backward that is still to come finds what its own forward left.
        cost = copy.copy(self.loss).forward(prediction, y)
        if math.isnan(cost):
            raise diverged("evaluate", cost, self.optimizer)
        figures: dict[str, Any] = {"cost": cost}
        for metric in self.metrics:
            metric.reset()
            metric.update(prediction, y)
            figures[metric.name] = metric.result()
        return figures

    def predict(self, x: Any, batch_size: int = 1024) -> Array:
        """The model's output for x in evaluation mode, a fresh array."""
        return self.model.predict(x, batch_size)

    def _epoch(self, batches: Iterable[tuple[Array, Array]]) -> dict[str, Any]:
        """One epoch of training, and its figures."""
        self.model.train()
        epoch = len(self.history) + 1
        rate, start = self.optimizer.rate(), time.perf_counter()
        try:
            total, samples = self._descend(batches)
        except DivergedError as error:  # from clip_norm, before the step could spoil the parameters
            error.add_note(f"epoch {epoch}, step {self.optimizer.steps}, learning rate {rate:g}")
            raise
        seconds = time.perf_counter() - start
        if samples == 0:
            raise InvalidValueError(f"fit: epoch {epoch} got no samples from {batches!r}")
        cost = total / samples
        if not math.isfinite(cost):
            raise diverged(f"fit: epoch {epoch}", cost, self.optimizer)
        speed = samples / max(seconds, 1e-9)
        return {"cost": cost, "learning_rate": rate, "seconds": seconds, "samples_per_second": speed}

    def _descend(self, batches: Iterable[tuple[Array, Array]]) -> tuple[float, int]:
        """Forward, backward, step for each batch; the sum of the samples' costs, and their number."""
        forward, backward = self.model.forward, self.model.backward_parameters
        cost_of, gradient, step = self.loss.forward, self.loss.backward, self._step()
        hooks = self._hooks("on_batch_end")
        total, samples = 0.0, 0
        with BetweenBatches() as interrupts:
            came = interrupts.came
            # This loop is done with a batch when it asks for the next: one array is enough.
            for x, target in batches.overwriting() if type(batches) is Batches else batches:
                cost = cost_of(forward(x), target)
                backward(gradient())
                step()
                total += cost * len(x)
                samples += len(x)
                for hook in hooks:
                    hook(self, cost)
                if came:
                    break
        return total, samples

    def _step(self) -> Callable[[], object]:
        """The optimizer's step, with the clipping that was asked for before it."""
        step, vector = self.optimizer.step, self.optimizer.vector
        largest, norm = self.clip_value, self.clip_norm
        if largest is None and norm is None:
            return step

        def clipped_step() -> None:
            if largest is not None:
                clip_to_value(vector.grad, largest)
            if norm is not None:
                clip_to_norm(vector.grad, norm)
            step()

        return clipped_step

    def _try(self, x: Array, y: Array) -> None:
        """One row through all that validation does: an error now, not after a long epoch."""
        try:
            prediction = self.predict(x[:1])
            copy.copy(self.loss).forward(prediction, y[:1])
            for metric in self.metrics:
                metric.reset()
                metric.update(prediction, y[:1])
        except TinynnError as error:
            error.add_note("This came from trying the first row of the validation data, before training.")
            raise

    def _hooks(self, name: str) -> list[Callable[..., object]]:
        return [getattr(callback, name) for callback in self.callbacks if hasattr(callback, name)]

    def _call(self, name: str, *arguments: Any) -> None:
        for hook in self._hooks(name):
            hook(self, *arguments)
