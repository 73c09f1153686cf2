"""What a metric is: something that reads predictions batch by batch and then says one figure.

It keeps counts or sums, not means of batches, so that a data set evaluated in batches of any size
gives what evaluating it at once gives.
"""

from __future__ import annotations

import abc
import copy
from typing import TYPE_CHECKING, Any

from tinynn._arrays import as_array, content
from tinynn.errors import DtypeError, StateError

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Metric(abc.ABC):
    """A figure of merit over all samples seen since the last reset; abstract.

    A subclass sets `name`, under which results are reported, and writes `reset`, `update` and `result`.
    Calling the metric computes it once and leaves what it has seen so far alone.

    Shapes: prediction (n, …), target (n, …), as the subclass says.
    Raises: StateError from result before any sample came.

    >>> import numpy as np
    >>> class MeanError(Metric):
    ...     name = "mean_error"
    ...
    ...     def reset(self):
    ...         self.sum, self.count = 0.0, 0
    ...
    ...     def update(self, prediction, target):
    ...         self.sum += float(np.sum(prediction - target))
    ...         self.count += len(prediction)
    ...
    ...     def result(self):
    ...         return self.sum / self.count
    >>> MeanError()(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    1.0
    """

    name: str

    @abc.abstractmethod
    def reset(self) -> None:
        """Forget all samples."""

    @abc.abstractmethod
    def update(self, prediction: Any, target: Any) -> None:
        """Take in one batch."""

    @abc.abstractmethod
    def result(self) -> Any:
        """The figure, or an array of them, over all samples since the last reset."""

    def __call__(self, prediction: Any, target: Any) -> Any:
        """The figure for these samples alone."""
        once = copy.deepcopy(self)
        once.reset()
        once.update(prediction, target)
        return once.result()

    def _needs_samples(self, count: int, least: int = 1) -> None:
        if count < least:
            raise StateError(
                f"{self!r}: {count} samples seen since the last reset, a result needs at least {least}; "
                "call update(prediction, target) first"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def real_array(owner: object, what: str, values: Any) -> Array:
    """values as an array of real numbers, or a DtypeError."""
    array = as_array(values, repr(owner), what)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{owner!r}: {what} must be real numbers, got {content(array)}")
    return array
