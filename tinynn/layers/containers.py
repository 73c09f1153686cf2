"""What layers made of layers share: a list of them, checks at the boundary, a repr that reads as code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arrays import as_floats
from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError, ShapeError, StateError
from tinynn.layers.base import Layer
from tinynn.layers.plan import same_dtype
from tinynn.layers.tree import Tree

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype
    from tinynn.parameter import Parameter


class Container(Layer):
    """What Sequential, Residual and Parallel share; abstract.

    The first call for each shape and dtype of x checks the whole tree: one dtype throughout, no layer in
    two places. Later calls with that shape trust it.
    """

    transient: ClassVar[tuple[str, ...]] = (*Layer.transient, "_seen", "_admitted")
    #: The last x whose way was checked, with what each layer made of it; the last one for which the tree was.
    _seen: tuple[tuple[int, ...], Dtype] | None = None
    _admitted: tuple[tuple[int, ...], Dtype, int] | None = None

    def __init__(self, *layers: Layer) -> None:
        self._layers: list[Layer] = []
        for layer in layers:
            self._append(layer)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers straight inside, in order."""
        return tuple(self._layers)

    def _append(self, layer: Layer) -> None:
        if not isinstance(layer, Layer):
            hint = ": write Sigmoid(), not Sigmoid" if isinstance(layer, type) else ""
            hint = ": pass the layers one by one, Sequential(*layers)" if isinstance(layer, (list, tuple)) else hint
            raise DtypeError(f"{type(self).__name__}: expected a Layer, got {layer!r}{hint}")
        if any(inner is self for inner in layer.layers_inside()):
            raise StateError(f"{type(self).__name__}: a network cannot stand inside itself, in two places")
        self._layers.append(layer)
        self._seen = self._admitted = None

    def named_children(self) -> Iterator[tuple[str, Parameter | Tree]]:
        """("0", first layer), ("1", second layer), …"""
        for k, layer in enumerate(self._layers):
            yield str(k), layer

    def _admit(self, x: Any) -> Array:
        """The boundary: the tree checked, and x as floats of the parameters' dtype."""
        if type(x) is np.ndarray and (x.shape, x.dtype, LAYOUT.version) == self._admitted:
            return x
        self.named_parameters()
        array = as_floats(x, self.dtype, self)
        if array.ndim < 1:
            raise ShapeError(f"{type(self).__name__}: expected x of shape (batch, …), got a single number")
        self._admitted = array.shape, array.dtype, LAYOUT.version
        return array

    def _checked(self, k: int, what: str, given: Array, result: Array) -> Array:
        """What layer k made of `given`, refused if it changed the dtype on the way."""
        return same_dtype(type(self).__name__, k, self._layers[k], what, given, result)

    def summary_rows(self, x: Array) -> list[tuple[Layer, int, Array]]:
        """A row for this container, then one for each layer inside, and for those inside them."""
        rows = [row for layer in self._layers for row in layer.summary_rows(x)]
        return [(self, 0, self.forward(x)), *((layer, depth + 1, y) for layer, depth, y in rows)]

    def _arguments(self) -> list[str]:
        return [repr(layer) for layer in self._layers]

    def __repr__(self) -> str:
        name, arguments = type(self).__name__, self._arguments()
        line = f"{name}({', '.join(arguments)})"
        if len(line) <= 100:
            return line
        body = ",\n".join(arguments).replace("\n", "\n    ")
        return f"{name}(\n    {body},\n)"
