"""How many threads NumPy's BLAS and tinynn's own workers use: a limit within a block.

NumPy multiplies matrices through a BLAS, most often OpenBLAS, whose threads pay off on large matrices alone, and
go on spinning for a while after each product. Nothing in NumPy sets their number.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinynn import _workers
from tinynn._arguments import count, shown
from tinynn.errors import InvalidValueError, StateError

#: More threads than any machine has cores: a slip of the pen.
MOST = 65_536
#: Held by whoever changes the BLAS's number of threads and will bring the one from before back.
CHANGING = threading.Lock()


class threads(contextlib.ContextDecorator):
    """Within the block, at most n threads work at a time: NumPy's BLAS uses n, and n − 1 workers help tinynn's caller.

    Leaving the block brings the numbers from before back, also when an error leaves it. Blocks nest, one object may
    be entered again, and a function can be decorated with it. The limit holds for the whole process, whichever of its
    threads sets it.

    Parameters: n, at least 1; more than there are cores is allowed.
    Raises: DtypeError unless n is an int; InvalidValueError if it is below 1 or above 65,536; ImportError where
    NumPy's BLAS is no OpenBLAS and the extra `threads` (threadpoolctl) is not installed; StateError where that knows
    no way either.

    >>> import numpy as np
    >>> with threads(1):
    ...     np.ones((2, 3)) @ np.ones((3, 2))
    array([[3., 3.],
           [3., 3.]])
    """

    def __init__(self, n: int) -> None:
        self.n = count("threads: n", n)
        if self.n > MOST:
            raise InvalidValueError(f"threads: n must be at most {MOST}, got {shown(n)}; more than cores gain nothing")
        self._limit = _limiter()
        #: What each entered block brings back, the outermost first.
        self._before: list[Callable[[], None]] = []

    def __enter__(self) -> threads:
        with _changing():
            restore = self._limit(self.n)
        workers = _workers.set_workers(self.n - 1)

        def undo() -> None:
            _workers.set_workers(workers)
            with _changing():
                restore()

        self._before.append(undo)
        return self

    def __exit__(self, *error: object) -> None:
        self._before.pop()()

    def __repr__(self) -> str:
        return f"threads({self.n})"


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    """Alone with the BLAS's number, once a training step of another thread is through with it.

    A second is longer than that takes: in a forked child the lock may be held for ever by a thread that is not there.
    """
    held = CHANGING.acquire(timeout=1)
    try:
        yield
    finally:
        if held:
            CHANGING.release()


def _limiter() -> Callable[[int], Callable[[], None]]:
    """A function that sets the BLAS's number of threads and returns one that brings the number from before back.

    OpenBLAS itself comes first: it is what NumPy's wheels bring, a call takes a microsecond, no other library of the
    process is touched, and what happens does not depend on an extra. threadpoolctl, which goes through all that the
    process has loaded (0.3 ms a time), knows the other kinds of BLAS.
    """
    get, set_ = openblas("get_num_threads"), openblas("set_num_threads")
    if get is None or set_ is None:
        return _threadpoolctl()

    def limit(n: int) -> Callable[[], None]:
        restore = functools.partial(set_, get())
        set_(n)
        return restore

    return limit


@functools.cache
def openblas(name: str) -> Any:
    """The function openblas_NAME of the OpenBLAS that NumPy calls, or None; builds differ in prefix and suffix.

    >>> openblas("no_such_function") is None
    True
    """
    for library in _libraries():
        for symbol in (f"{prefix}openblas_{name}{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")):
            with contextlib.suppress(AttributeError):
                return getattr(library, symbol)
    return None


def _libraries() -> Iterator[ctypes.CDLL]:
    """Where NumPy's BLAS can be: loaded already, so that nothing new comes into the process.

    Names are looked up in a library and in those that it links. Windows looks in the library alone, and there
    OpenBLAS lies in a folder beside NumPy.
    """
    bundled = Path(np.__file__).parents[1].joinpath("numpy.libs").glob("*openblas*")
    for path in (importlib.import_module("numpy._core._multiarray_umath").__file__, *map(str, bundled)):
        with contextlib.suppress(OSError):
            yield ctypes.CDLL(path)


def _threadpoolctl() -> Callable[[int], Callable[[], None]]:
    try:
        pools: Any = importlib.import_module("threadpoolctl")
    except ImportError as error:
        raise ImportError(
            f"threads: NumPy's BLAS is no OpenBLAS, and for others it needs threadpoolctl ({error}): "
            "pip install 'tinynn-numpy[threads]'"
        ) from error
    blas = pools.ThreadpoolController().select(user_api="blas")
    if not blas.lib_controllers:
        raise StateError(
            "threads: threadpoolctl finds no BLAS whose threads it can set; set the environment variable of NumPy's "
            "BLAS (numpy.show_config() names it) before Python starts"
        )

    def limit(n: int) -> Callable[[], None]:
        restore: Callable[[], None] = blas.limit(limits=n).restore_original_limits
        return restore

    return limit
