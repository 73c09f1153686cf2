"""One epoch: the loop of the lecture, and where in it the training stands.

Inside it is forward, backward, step for each batch. What an interrupted epoch needs to go on is kept up
to date while somebody watches: the sums so far, and the generators as they were when the epoch began,
from which the same permutation is drawn again.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tinynn.data.batches import Batches
from tinynn.errors import CheckpointError, DivergedError, InvalidValueError
from tinynn.training import diagnosis, generators, state
from tinynn.training.gradients import Accumulation, Gradients
from tinynn.training.measured import Measured

if TYPE_CHECKING:
    from tinynn.training.state import Resumed
    from tinynn.training.trainer import Trainer


class Epoch:
    """A pass over the training data, from its first batch or from where it was left.

    Parameters: trainer; resumed, an epoch of a checkpoint to go on with.
    """

    def __init__(self, trainer: Trainer, resumed: Resumed | None = None) -> None:
        saved = None if resumed is None else resumed.epoch
        self._trainer = trainer
        self._gradients = Gradients(trainer.optimizer, trainer.clip_value, trainer.clip_norm)
        self._accumulation = Accumulation(self._gradients, trainer.accumulate) if trainer.accumulate > 1 else None
        self._measured = Measured(trainer.metrics) if trainer.metrics else None
        self.number = len(trainer.history) + 1
        self.batches, self.samples, self._total, self._seconds = 0, 0, 0.0, 0.0
        self._rate, self._norm = trainer.optimizer.rate(), 0.0
        self._resumed = resumed if saved is not None else None
        self._started = time.perf_counter()
        self._begun: dict[str, Any] = {} if saved is None else saved.get("begun", {})
        if saved is not None:
            try:
                self._go_on_from(saved)
            # Whatever the parts raise over a state that is not theirs.
            except Exception as error:
                raise CheckpointError(
                    "fit: the checkpoint was written in the middle of an epoch with other metrics or another "
                    "accumulate; give the Trainer the same, or load a checkpoint of an epoch's end"
                ) from error

    def _go_on_from(self, saved: dict[str, Any]) -> None:
        """The sums of the epoch that a checkpoint was in. Metrics may be gone, but gradients that wait must not."""
        self.batches, self.samples = int(saved["batches"]), int(saved["samples"])
        self._total, self._rate, self._norm = float(saved["total"]), float(saved["rate"]), float(saved["norm"])
        self._seconds = float(saved["seconds"])
        if self._measured is not None:
            self._measured.load_state_dict(saved["measured"])
        if self._accumulation is not None:
            self._accumulation.load_state_dict(saved["accumulation"])
        elif saved["accumulation"] is not None and saved["accumulation"]["pending"]:
            raise CheckpointError("a gradient waits for its step")

    def run(self, batches: Iterable[tuple[Any, Any]], came: list[int]) -> dict[str, Any] | None:
        """Descend along the remaining batches; the epoch's figures, or None if it was broken off.

        Raises: DivergedError at the first cost that is not finite, before it could spoil a parameter.
        """
        trainer, done = self._trainer, self.batches
        trainer.model.train()
        source = self._source(batches)
        self._started = time.perf_counter()
        try:
            whole = self._descend(source, came)
        except DivergedError as error:
            diagnosis.place(error, trainer, self.number)
            raise
        if not whole:
            return None
        if self.samples == 0:
            raise InvalidValueError(f"fit: epoch {self.number} got no samples from {batches!r}")
        stepped = self._accumulation is not None and self._accumulation.finish()
        if stepped or self.batches > done:
            self._norm = self._gradients.norm()
        diagnosis.check_finite(trainer, self._norm)
        return self._figures()

    def _descend(self, source: Iterator[tuple[Any, Any]], came: list[int]) -> bool:
        """Forward, backward, step for each batch; whether all batches were done."""
        trainer, measured = self._trainer, self._measured
        forward, backward = trainer.model.forward, trainer.model.backward_parameters
        cost_of, gradient = trainer.loss.forward, trainer.loss.backward
        accumulation, loss = self._accumulation, trainer.loss
        step = trainer.optimizer.step if self._gradients.plain else self._gradients.step
        finite = math.isfinite
        hooks = trainer.hooks("on_batch_end")
        total, samples, done = self._total, self.samples, self.batches
        for x, target in source:
            prediction = forward(x)
            cost = cost_of(prediction, target)
            if not finite(cost):
                raise diagnosis.diverged(trainer, x, target, cost)
            if measured is not None:
                measured.add(prediction, target)
            backward(gradient())
            if accumulation is None:
                step()
            else:
                accumulation.add(getattr(loss, "batch_weight", None) or len(x))
            total += cost * len(x)
            samples += len(x)
            done += 1
            if hooks:
                self._total, self.samples, self.batches = total, samples, done
                for hook in hooks:
                    hook(trainer, cost)
                if trainer.stop_reason is not None:
                    return False
            if came:
                return False
        self._total, self.samples, self.batches = total, samples, done
        return True

    def _source(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """The batches that are still to come, the first of them looked at."""
        if self._resumed is None:
            self._begun = generators.states([("batches", batches)])
            # The loop is done with a batch when it asks for the next: one array is enough.
            source = batches.overwriting() if type(batches) is Batches else iter(batches)
            first = self._trainer.first_batch = next(source, None)
        else:
            source, first = self._rest(batches, self._resumed)
        if first is None:
            return iter(())
        if not self._trainer.looked:
            self._trainer.looked = True
            diagnosis.look(self._trainer, *first)
        return itertools.chain((first,), source)

    def _rest(self, batches: Iterable[tuple[Any, Any]], resumed: Resumed) -> tuple[Iterator[Any], Any]:
        """The rest of the epoch: begun again as it was begun, and led to where it was left."""
        generators.restore([("batches", batches)], self._begun)
        if type(batches) is Batches:
            source = batches.overwriting(self.batches)
            first = next(source, None)  # draws the permutation, and nothing after it
            self._restore_generators(batches, resumed)
            return source, first
        source = iter(batches)
        for done, batch in enumerate(itertools.islice(source, self.batches)):
            if done == 0:
                self._trainer.first_batch = batch
        self._restore_generators(batches, resumed)
        return source, next(source, None)

    def _restore_generators(self, batches: Any, resumed: Resumed) -> None:
        """All generators as the batch that comes next found them."""
        generators.restore([("batches", batches)], resumed.drawing)
        generators.restore(state.owners(self._trainer), resumed.generators)

    def running(self) -> dict[str, Any]:
        """The figures so far."""
        if not self.samples:
            return {}
        measured = self._measured.running() if self._measured is not None else {}
        return {
            "cost": self._total / self.samples,
            **measured,
            "samples_per_second": self.samples / max(self._elapsed(), 1e-9),
        }

    def _figures(self) -> dict[str, Any]:
        seconds = self._elapsed()
        measured = self._measured.results() if self._measured is not None else {}
        return {
            "cost": self._total / self.samples,
            **measured,
            "learning_rate": self._rate,
            "gradient_norm": self._norm,
            "seconds": seconds,
            "samples_per_second": self.samples / max(seconds, 1e-9),
        }

    def _elapsed(self) -> float:
        """Seconds of training in this epoch, those before a checkpoint included."""
        return self._seconds + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch stands, after a whole batch."""
        return {
            "batches": self.batches,
            "samples": self.samples,
            "total": self._total,
            "rate": self._rate,
            "norm": self._gradients.norm(),
            "seconds": self._elapsed(),
            "begun": self._begun,
            "measured": None if self._measured is None else self._measured.state_dict(),
            "accumulation": None if self._accumulation is None else self._accumulation.state_dict(),
        }
