"""Class labels of a batch, checked, and where they stand in its logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinynn.losses.base import integer_labels, labels_outside

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._buffers import Buffers
    from tinynn.losses.base import Loss

INTP = np.dtype(np.intp)


class LabelPlaces:
    """The labels of one batch after the other, in arrays made once for a shape.

    Parameters: buffers, the loss's; shape, that of the labels; classes; starts, where each row of logits begins
    in the flattened logits. Arrays belong to the buffers.
    """

    def __init__(self, buffers: Buffers, shape: tuple[int, ...], classes: int, starts: Array) -> None:
        self._classes, self._starts = classes, starts
        #: (rows,): the labels, and in the flattened logits those of the labels.
        self.labels = buffers.take("labels", starts.shape, INTP)
        self.places = buffers.take("places", starts.shape, INTP)
        self._in_shape = self.labels.reshape(shape)
        #: As unsigned numbers negative labels are huge: one look at the largest finds both faults.
        self._unsigned = self.labels.view(np.uintp)

    def read(self, loss: Loss, labels: Array) -> None:
        """Take integers of the shape as labels; an InvalidValueError if one is no class."""
        self._in_shape[...] = labels if labels.dtype is INTP else integer_labels(loss, labels)
        if self._unsigned.item(self._unsigned.argmax()) >= self._classes:
            raise labels_outside(loss, self.labels, self._classes)
        np.add(self.labels, self._starts, self.places)
