"""Products that are too small for two threads: OpenBLAS would share them out all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tinynn._threads import CHANGING, openblas

if TYPE_CHECKING:
    F = TypeVar("F", bound=Callable[..., Any])


def on_one_thread(function: F) -> F:
    """The function of one array, with OpenBLAS on the caller's thread alone; itself where NumPy has another BLAS.

    Where another thread is changing the number just then, it stays: what threads(n) sets must not get lost.
    """
    get, set_ = openblas("get_num_threads"), openblas("set_num_threads")
    if get is None or set_ is None:
        return function

    def limited(array: Any) -> Any:
        if not CHANGING.acquire(blocking=False):
            return function(array)
        try:
            number = get()
            set_(1)
            try:
                return function(array)
            finally:
                set_(number)
        finally:
            CHANGING.release()

    return limited  # type: ignore[return-value]
