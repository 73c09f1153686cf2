"""Threads that take a part of long element-wise work: NumPy and compiled loops run without Python's lock.

There is one worker per core beside the caller's, started when first needed, and asleep between runs. Work
that a worker is slow to begin (its core is busy elsewhere) the caller does itself.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tinynn import _calls

if TYPE_CHECKING:
    from tinynn._calls import Call


#: No core's number.
NOWHERE = -1


def run(tasks: Sequence[Call]) -> None:
    """Call each function with its arguments, on the caller's thread and on the workers; return when all are done.

    Where another thread keeps the workers busy, or a task runs tasks of its own, the caller does all alone.
    Tasks see the caller's context (`np.errstate`, say).

    Raises: what a task raised. The tasks that had begun are finished by then, others may be left out.

    >>> import numpy as np
    >>> a = np.ones(4)
    >>> run([(np.multiply, (a[:2], 2.0, a[:2])), (np.add, (a[2:], 2.0, a[2:]))])
    >>> a
    array([2., 2., 3., 3.])
    """
    crew = _crew
    if len(tasks) < 2 or not workers() or not crew.lock.acquire(blocking=False):
        _calls.run(tasks)
        return
    called: Sequence[_Worker] = ()
    try:
        called = crew.workers_for(len(tasks) - 1)
        crew.tasks.extend(tasks)
        core = _current_core()
        for worker in called:
            worker.begin(core)
        _work(crew.tasks)
    finally:
        crew.tasks.clear()
        errors = [error for worker in called if (error := worker.finish()) is not None]
        crew.lock.release()
    if errors:
        raise errors[0]


def workers() -> int:
    """How many threads may help the caller's: those of `set_workers`, else one for each further core."""
    global _workers
    if _workers is None:
        _workers = max(0, cores() - 1)
    return _workers


def set_workers(number: int) -> int:
    """Let this many threads help the caller's, 0 for none; returns how many it was before."""
    global _workers
    before = workers()
    _workers = number
    return before


def cores() -> int:
    """The cores that this process may use."""
    count = getattr(os, "process_cpu_count", None)  # Python 3.13 and later
    if count is None and hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return (count or os.cpu_count)() or 1


def _work(tasks: deque[Call]) -> None:
    """Take tasks, one after the other, until none is left."""
    while tasks:
        try:
            function, arguments = tasks.popleft()
        except IndexError:  # another thread took the last one
            return
        function(*arguments)


class _Worker:
    """A thread that sleeps until `begin`; `finish` waits for it, unless it has not even woken up."""

    def __init__(self, tasks: deque[Call]) -> None:
        self._tasks = tasks
        self._awake, self._done = threading.Lock(), threading.Lock()
        self._awake.acquire()
        self._done.acquire()
        self._working = False
        self._error: BaseException | None = None
        #: The core that the thread is kept off.
        self._avoided = NOWHERE
        self._thread = threading.Thread(target=self._serve, name="tinynn worker", daemon=True)
        self._thread.start()

    def begin(self, core: int) -> None:
        if core != self._avoided:
            self._avoid(core)
        self._context = contextvars.copy_context()
        self._working = True
        self._awake.release()

    def _avoid(self, core: int) -> None:
        """Stay off the caller's core: there Linux likes to wake a thread up, and lets the caller wait for it.

        An Adam step of 670,000 parameters between matrix products takes 0.93 ms on one thread, 0.55 on two,
        and 1.18 on two without this.
        """
        self._avoided = core
        others = os.sched_getaffinity(0) - {core}
        if others and self._thread.native_id is not None:
            with contextlib.suppress(OSError):  # where it is forbidden, all works without
                os.sched_setaffinity(self._thread.native_id, others)

    def finish(self) -> BaseException | None:
        """Return once the thread writes nowhere any more: what went wrong, or None."""
        if self._awake.acquire(blocking=False):
            self._working = False
            return None
        while self._working:  # the lock only says when to look again
            try:
                self._done.acquire()
            except BaseException as interrupt:  # Ctrl-C: not before the thread has finished
                self._error = interrupt
        error, self._error = self._error, None
        return error

    def _serve(self) -> None:
        while True:
            self._awake.acquire()
            try:
                self._context.run(_work, self._tasks)
            except BaseException as error:
                self._error = error
            self._working = False
            with contextlib.suppress(RuntimeError):  # nobody has waited for the last time's release
                self._done.release()


class _Crew:
    """The workers, their tasks, and the lock of the thread whose tasks they are."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: deque[Call] = deque()
        self._workers: list[_Worker] = []

    def workers_for(self, tasks: int) -> Sequence[_Worker]:
        """As many workers as there are tasks for them, at most `workers()`."""
        number = min(tasks, workers())
        with contextlib.suppress(RuntimeError):  # where no thread can be started, those there are must do
            while len(self._workers) < number:
                self._workers.append(_Worker(self.tasks))
        return self._workers[:number]


def _forget() -> None:
    """In a forked child: the parent's threads are not there, and its locks may be held for ever."""
    global _crew
    _crew = _Crew()


def _core_finder() -> Callable[[], int]:
    """A function that says on which core the caller runs: the C library's where threads can be kept off a core."""
    with contextlib.suppress(OSError, AttributeError):
        if hasattr(os, "sched_setaffinity"):
            found: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
            return found
    return lambda: NOWHERE


_current_core = _core_finder()
_workers: int | None = None
_crew = _Crew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
