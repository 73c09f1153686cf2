"""Ctrl-C between two batches and never within one.

A KeyboardInterrupt can come between any two lines of Python. In the middle of an optimiser's step it
would leave the parameters moved and the optimiser's memory not, or half of either.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class BetweenBatches:
    """A context in which Ctrl-C only sets `came`; leaving it raises the KeyboardInterrupt.

    The loop inside is left when `came` holds something. A second Ctrl-C is not put off: it stops a batch
    that hangs. Where Ctrl-C does not mean KeyboardInterrupt (another handler, another thread), nothing
    is changed.

    >>> with BetweenBatches() as interrupts:
    ...     bool(interrupts.came)
    False
    """

    def __init__(self) -> None:
        self.came: list[int] = []
        self._active = False

    def __enter__(self) -> BetweenBatches:
        here = threading.current_thread() is threading.main_thread()
        if here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._put_off)
            self._active = True
        return self

    def _put_off(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.came.append(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.came and kind is None:
            raise KeyboardInterrupt
