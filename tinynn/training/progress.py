"""What training tells while it runs: a bar where a terminal shows it, a plain line an epoch everywhere else.

Telling never ends a training. A pipe whose reader has left, a closed or missing stream, a full disk, a
character that the output's encoding lacks: what cannot be told is left out.
"""

from __future__ import annotations

import contextlib
import numbers
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinynn.training.bar import Bar
    from tinynn.training.trainer import Trainer


def reporter(progress: bool, trainer: Trainer) -> Lines | Bar | None:
    """Whoever tells of this training: nobody, a bar (with the extra `progress`) or lines.

    It is called like a callback, before all others. Lines have no on_batch_end, so a step pays nothing for them.
    """
    if not progress:
        return None
    if is_terminal(sys.stdout) and not os.environ.get("TQDM_DISABLE"):
        from tinynn.training.bar import Bar

        with contextlib.suppress(ImportError):
            return Bar(sys.stdout)
    return Lines()


def is_terminal(stream: Any) -> bool:
    """Whether a line written to the stream can be overwritten.

    A notebook's stream is none, though it may have the descriptor of one; that of IDLE says that it is and has none.

    >>> import io
    >>> is_terminal(io.StringIO()), is_terminal(None)
    (False, False)
    """
    try:
        return bool(stream.isatty() and os.isatty(stream.fileno())) and os.environ.get("TERM") != "dumb"
    except (AttributeError, OSError, ValueError):
        return False


class Output:
    """A text stream that drops what it cannot write, and replaces a character that it does not have.

    >>> import io
    >>> stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    >>> Output(stream).write("café")
    >>> stream.buffer.getvalue()
    b'caf?'
    >>> Output(None).write("nobody hears this")
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "ascii"

    def write(self, text: str) -> None:
        """Write at once."""
        standard: Any = sys.__stdout__
        with contextlib.suppress(AttributeError, OSError, ValueError):  # no stream, nobody who reads it, closed
            if self._stream is standard and os.name == "posix":
                # Past the buffer. It would keep what a broken pipe refused, and the program would fail with it at exit.
                self._stream.flush()
                os.write(self._stream.fileno(), text.encode(self.encoding, "replace"))
                return
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
            self._stream.flush()

    def flush(self) -> None:
        """Nothing waits: for those who flush a stream."""

    @property
    def columns(self) -> int:
        """How wide the terminal is now; 80 where it does not say."""
        with contextlib.suppress(OSError, ValueError):
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        return 80

    def __eq__(self, other: object) -> bool:
        """Equal to the stream itself: tqdm asks which bars are in the way of a text."""
        return bool(self._stream == other)


class Lines:
    """One plain line an epoch: it reads well in a log, in a notebook and through a pipe."""

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, Any]) -> None:
        """Print the epoch's line."""
        Output(sys.stdout).write(epoch_line(trainer, figures) + "\n")


def epoch_line(trainer: Trainer, figures: dict[str, Any]) -> str:
    """The line of the epoch that the trainer has just ended."""
    return line(len(trainer.history), trainer.epochs, figures, [metric.name for metric in trainer.metrics])


def line(epoch: int, epochs: int, figures: dict[str, Any], metrics: Iterable[str] = ()) -> str:
    """The line after `epoch` of `epochs`; figures that are no single numbers are left out.

    Parameters: figures, a row of the history; metrics, the names of those that the training was measured by.

    >>> figures = {"cost": 0.0612, "accuracy": 0.9012, "validation_cost": 0.0587, "validation_accuracy": 0.9123}
    >>> line(3, 30, figures | {"learning_rate": 3.0, "seconds": 1.25, "samples_per_second": 48000.0}, ["accuracy"])
    'epoch  3/30  cost 0.0612, accuracy 0.9012  validation: cost 0.0587, accuracy 0.9123  1.25 s  48,000 samples/s'
    """
    validation = {
        name.removeprefix("validation_"): figure for name, figure in figures.items() if name.startswith("validation_")
    }
    measured = listing(validation, validation)
    return "  ".join(
        [
            place(epoch, epochs),
            listing(figures, ["cost", *metrics]),
            *([f"validation: {measured}"] if measured else []),
            f"{figures['seconds']:.2f} s",
            speed(figures["samples_per_second"]),
        ]
    )


def place(epoch: int, epochs: int) -> str:
    """Which epoch of how many."""
    return f"epoch {epoch:>{len(str(epochs))}}/{epochs}"


def listing(figures: dict[str, Any], names: Iterable[str]) -> str:
    """Those of the figures that are single numbers, short."""
    numbered = ((name, figures.get(name)) for name in names)
    return ", ".join(f"{name} {_short(figure)}" for name, figure in numbered if isinstance(figure, numbers.Real))


def speed(samples_per_second: float) -> str:
    """The training's speed."""
    return f"{samples_per_second:,.0f} samples/s"


def _short(figure: Any) -> str:
    """Four digits after the point, or three digits and an exponent where that would not read well."""
    return f"{figure:.4f}" if 0.001 <= abs(figure) < 10000 or figure == 0 else f"{figure:.2e}"
