"""The training loop: epochs of batches, a look at the validation data after each, and a record of it all.

Inside an epoch it is the bare loop of the lecture: forward, backward, step. Everything else happens
between epochs, and in the callbacks.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tinynn._arguments import count, flag, positive
from tinynn.errors import CheckpointError, DivergedError, DtypeError, StateError
from tinynn.training import checkpoints, diagnosis, evaluation, state
from tinynn.training.checks import (
    check_batches,
    check_parts,
    checked_callbacks,
    checked_data,
    checked_metrics,
    checked_validation,
)
from tinynn.training.epoch import Epoch
from tinynn.training.history import History
from tinynn.training.interrupts import BetweenBatches
from tinynn.training.progress import reporter

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.data.batches import Batches
    from tinynn.layers import Layer
    from tinynn.losses import Loss
    from tinynn.metrics import Metric
    from tinynn.optimizers import Optimizer


class Trainer:
    """Trains a model, measures it, keeps the history, and goes on where a killed run was.

    Parameters: model, a Layer; loss; optimizer, built from that model; metrics, measured on the training
    batches as they pass and on validation data; callbacks, objects with any of the methods
    on_fit_start(trainer), on_epoch_start(trainer), on_batch_end(trainer, cost),
    on_epoch_end(trainer, figures), on_fit_end(trainer), the last one called on errors as well;
    clip_value, the largest absolute value of a gradient's element; clip_norm, the largest norm of the whole
    gradient (after clip_value); accumulate, how many batches' gradients make one step, as if they were one batch.
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
        accumulate: int = 1,
    ) -> None:
        check_parts(model, loss, optimizer)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.metrics, self.callbacks = checked_metrics(metrics), checked_callbacks(callbacks)
        self.clip_norm = None if clip_norm is None else positive("Trainer: clip_norm", clip_norm)
        self.clip_value = None if clip_value is None else positive("Trainer: clip_value", clip_value)
        self.accumulate = count("Trainer: accumulate", accumulate)
        self.history = History()
        #: The source of batches that `fit` was given, and the number of epochs in all that it goes to.
        self.batches: Iterable[tuple[Any, Any]] | None = None
        self.epochs = 0
        #: Why training ends early; whether it ended as it should, not by an error or Ctrl-C.
        self.stop_reason: str | None = None
        self.finished = False
        self._reporter: Any = None
        self.epoch: Epoch | None = None
        #: The first batch of the epoch; whether this fit's data were looked at.
        self.first_batch: tuple[Any, Any] | None = None
        self.looked = False
        self._running = False
        #: After a checkpoint was loaded: the epochs that `fit` has been asked for since; and an epoch to go on with.
        self.asked: int | None = None
        self.resumed: state.Resumed | None = None

    # ---- training -------------------------------------------------------------------------------
    def fit(
        self,
        batches: Iterable[tuple[Any, Any]],
        epochs: int,
        validation: tuple[Any, Any] | Batches | None = None,
        progress: bool = True,
    ) -> History:
        """Train for `epochs` more epochs; the history grows from call to call.

        After load_checkpoint or resume, `epochs` counts in total: a program that is started again asks for
        the same, and goes on to it. The model is in training mode meanwhile and as it was afterwards. Ctrl-C
        lets the batch at hand finish and then raises KeyboardInterrupt: model, optimizer and the history of
        the whole epochs stay usable. validation is (x, y) or Batches; progress shows a bar on a terminal (the
        extra `progress`), otherwise a line an epoch.

        Raises: DivergedError at the first cost that is not finite, which names layer and step; the
        parameters stay as they are.
        """
        self._must_not_run("fit")
        epochs, progress = count("fit: epochs", epochs), flag("fit: progress", progress)
        check_batches(batches, epochs)
        if validation is not None:
            validation = checked_validation(validation, batches)
            evaluation.try_first_row(self, validation)
        if self.resumed is not None:
            self.resumed = self.resumed.enter(batches)
        self.batches, self.stop_reason, self.finished = batches, None, False
        self.epochs = epochs + (len(self.history) if self.asked is None else self.asked)
        self._reporter, self.looked = reporter(progress, self), False
        modes = [(layer, layer.training) for layer in self.model.layers_inside()]
        with BetweenBatches() as interrupts, contextlib.ExitStack() as at_end:
            at_end.callback(self._leave, modes)
            for hook in reversed(self.hooks("on_fit_end")):
                at_end.callback(hook, self)
            at_end.callback(self._leave_epoch)
            self._running = True
            self._call("on_fit_start")
            self._train(batches, validation, interrupts.came)
            self.finished = not interrupts.came
        if self.asked is not None:
            self.asked = self.epochs
        return self.history

    def _train(
        self, batches: Iterable[tuple[Any, Any]], validation: tuple[Array, Array] | Batches | None, came: list[int]
    ) -> None:
        """Epoch after epoch, until there are enough or something ends it."""
        unsuspected = True
        while len(self.history) < self.epochs and self.stop_reason is None and not came:
            try:
                figures = self._run_epoch(batches, came)
                if figures is not None and validation is not None:
                    measured = evaluation.figures_of(self, validation, 1024)
                    figures |= {f"validation_{name}": figure for name, figure in measured.items()}
            except DivergedError as error:
                self._call("on_diverged", error)
                if self.stop_reason is None:
                    raise
                return
            if figures is None:
                return
            self.history.append(figures)
            self._call("on_epoch_end", figures)
            if unsuspected:
                unsuspected = not diagnosis.look_at_costs(self)

    def _run_epoch(self, batches: Iterable[tuple[Any, Any]], came: list[int]) -> dict[str, Any] | None:
        """One epoch of training, or the rest of the one that a checkpoint was in; None if it was broken off."""
        resumed, self.resumed = self.resumed, None
        if resumed is None or resumed.epoch is None:
            self._call("on_epoch_start")
            if self.stop_reason is not None:
                return None
        try:
            self.epoch = Epoch(self, resumed)
        except CheckpointError:
            self.resumed = resumed  # it waits for a fit that fits
            raise
        figures = self.epoch.run(batches, came)
        self._leave_epoch()
        return figures

    def _leave_epoch(self) -> None:
        self.epoch = None

    def _leave(self, modes: list[tuple[Layer, bool]]) -> None:
        self._running = False
        for layer, mode in modes:
            layer.training = mode

    def _must_not_run(self, what: str) -> None:
        if self._running:
            raise StateError(f"{what}: this trainer's fit is running; call it before or after, not in a callback")

    def stop(self, reason: str) -> None:
        """End `fit` after the batch or epoch at hand, or before the first; for callbacks."""
        if not isinstance(reason, str):
            raise DtypeError(f"stop: the reason must be a str, got {reason!r}")
        self.stop_reason = reason

    @property
    def batches_done(self) -> int:
        """The batches of the epoch at hand that are done."""
        return 0 if self.epoch is None else self.epoch.batches

    def running(self) -> dict[str, Any]:
        """The figures of the epoch at hand so far."""
        return {} if self.epoch is None else self.epoch.running()

    def sample(self, rows: int = 256) -> tuple[Any, Any]:
        """Some training data to look at: the first rows of Batches, of another source its first batch."""
        return state.sample(self.batches, self.first_batch, count("sample: rows", rows))

    # ---- evaluation -----------------------------------------------------------------------------
    def evaluate(self, x: Any, y: Any, batch_size: int = 1024) -> dict[str, Any]:
        """{"cost": …, and each metric by its name}, in evaluation mode, whatever mode the model is in.

        Raises: DivergedError if the cost is NaN.
        """
        return evaluation.figures_of(self, checked_data("evaluate", x, y), batch_size)

    def predict(self, x: Any, batch_size: int = 1024) -> Array:
        """The model's output for x in evaluation mode, a fresh array."""
        return self.model.predict(x, batch_size)

    # ---- checkpoints ----------------------------------------------------------------------------
    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write all that training depends on into one file: from it a run goes on bit for bit.

        Whole or not at all: an earlier file of that name stays until the new one is on the disk. In a
        callback it may be called after any batch.
        """
        checkpoints.save(self, path)

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Go back, or on, to what a checkpoint holds; the next `fit` counts its epochs in total.

        Raises: CheckpointError for a file that is damaged or of another network; then nothing has changed.
        """
        self._must_not_run("load_checkpoint")
        checkpoints.load(self, path)

    def resume(self, directory: str | os.PathLike[str]) -> bool:
        """Load the newest whole checkpoint of a directory that Checkpoint writes; False if there is none.

        A damaged one is passed over, with a note, for the one before.
        Raises: CheckpointError if the newest whole one is of another network.
        """
        self._must_not_run("resume")
        return checkpoints.resume(self, directory)

    # ---- callbacks ------------------------------------------------------------------------------
    def hooks(self, name: str) -> list[Callable[..., object]]:
        """The methods of that name: of the progress shown, then of the callbacks, those that come last at the end."""
        ordered = sorted(self.callbacks, key=lambda callback: bool(getattr(callback, "comes_last", False)))
        return [getattr(each, name) for each in (self._reporter, *ordered) if hasattr(each, name)]

    def _call(self, name: str, *arguments: Any) -> None:
        for hook in self.hooks(name):
            hook(self, *arguments)
