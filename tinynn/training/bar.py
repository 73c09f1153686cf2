"""A live bar over the whole training, drawn by tqdm (the extra tinynn-numpy[progress])."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

from tinynn.training.progress import Output, epoch_line, listing, place, speed

if TYPE_CHECKING:
    from tinynn.training.trainer import Trainer

#: Seconds between two drawings.
INTERVAL = 0.1
#: Columns at most, and those that stay free at the right: for the ^C that a terminal echoes, and for the cursor.
WIDTH, MARGIN = 100, 3
WITH_END = "{desc} {percentage:3.0f}% |{bar}| {remaining} left{postfix}"
WITHOUT_END = "{desc}  {n} batches{postfix}"


class Bar:
    """Epoch, share done, time left, cost, metrics and speed, in one line that follows the training.

    The time left is that of all epochs, validation included. Where the batches have no length, the line
    counts those of the epoch at hand. The epochs' lines go above, and at the end nothing else is left.

    Parameters: stream, a terminal.
    Raises: ImportError without tqdm.
    """

    def __init__(self, stream: Any) -> None:
        tqdm: Any = importlib.import_module("tqdm").tqdm
        # Without the thread in which tqdm looks for bars that were not drawn for long: this one has a clock.
        self._tqdm: Any = type("Bar", (tqdm,), {"monitor_interval": 0})
        self._output: Any = Output(stream)
        self._bar: Any = None
        self._next = 0.0

    def on_batch_end(self, trainer: Trainer, cost: float) -> None:
        """Look at the clock, which is all that most batches pay, and draw when it is time."""
        if time.perf_counter() >= self._next:
            self._draw(trainer)
            self._next = time.perf_counter() + INTERVAL

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, Any]) -> None:
        """Put the epoch's line in the bar's place.

        The bar comes back with a batch: what callbacks print in between finds an empty line.
        """
        if self._bar is not None:
            self._bar.clear()
            self._bar.disable = True
        self._tqdm.write(epoch_line(trainer, figures), file=self._output)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Take the bar away, however the training ended."""
        bar, output = self._bar, self._output
        self._bar = self._output = self._tqdm = None  # none of which a copy of the trainer could hold
        if bar is not None:
            bar.disable = False
            bar.close()
            if bar.pos == 0:  # no other bar is on this line
                output.write("\r" + " " * (bar.ncols + MARGIN - 1) + "\r")

    def _draw(self, trainer: Trainer) -> None:
        past, batches, done = len(trainer.history), _length(trainer.batches), trainer.batches_done
        total = trainer.epochs * batches or None
        if total is not None:
            done = min(past * batches + done, total)
        figures = trainer.running()
        told = [listing(figures, ["cost", *(metric.name for metric in trainer.metrics)])]
        if "samples_per_second" in figures:
            told.append(speed(figures["samples_per_second"]))
        shown = {
            "desc": place(past + 1, trainer.epochs),
            "postfix": ", ".join(told),
            "total": total,
            "ncols": min(WIDTH, self._output.columns - MARGIN),
            "bar_format": WITHOUT_END if total is None else WITH_END,
        }
        if self._bar is None:
            with contextlib.suppress(OSError, ValueError):
                for stream in (sys.stderr, sys.stdout):  # tqdm does it too, but then half a bar is in the way for good
                    getattr(stream, "flush", bool)()
                self._bar = self._tqdm(initial=done, file=self._output, leave=False, **shown)
        else:
            vars(self._bar).update(shown, n=done, disable=False)
            self._bar.refresh()


def _length(batches: Any) -> int:
    """The number of batches of an epoch, 0 where it is not known."""
    try:
        return len(batches)
    except (TypeError, NotImplementedError):
        return 0
