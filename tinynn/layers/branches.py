"""A shortcut around a layer, and layers side by side.

With these and Sequential a network can branch and join without a recorded graph: each container knows
the chain rule of its own shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinynn._arguments import choice
from tinynn.errors import InvalidValueError, ShapeError
from tinynn.layers.base import Layer
from tinynn.layers.containers import Container

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Residual(Container):
    """A shortcut around a layer.

    y = x + f(x)                                                     forward
    ∂C/∂x = ∂C/∂y + Jᵀ ∂C/∂y, J the derivative of f                  backward

    Parameters: layer, f; its output has its input's shape.
    Shapes: x (batch, …) -> the same shape.
    Raises: ShapeError if f changes the shape.
    Source: He et al. (2016).

    >>> from tinynn import Identity
    >>> Residual(Identity()).forward(np.array([[1.0, 2.0]]))
    array([[2., 4.]])
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__(layer)

    def forward(self, x: Any) -> Array:
        """y = x + f(x)."""
        x = self._admit(x)
        y = self._checked(0, "forward", x, self._layers[0].forward(x))
        if y.shape != x.shape:
            raise ShapeError(f"{self!r}: x + f(x) needs f to keep the shape {x.shape}, it gave {y.shape}")
        output = self.buffer("output", x.shape, x.dtype)
        np.add(x, y, output)
        if self.training:
            self._output = output
        return output

    def backward(self, grad: Array) -> Array:
        """∂C/∂x = ∂C/∂y + Jᵀ ∂C/∂y."""
        grad = self._upstream(grad, self._output)
        inner = self._checked(0, "backward", grad, self._layers[0].backward(grad))
        grad_x = self.buffer("grad", grad.shape, grad.dtype)
        np.add(grad, inner, grad_x)
        return grad_x

    def backward_parameters(self, grad: Array) -> None:
        """f's parameters alone."""
        self._layers[0].backward_parameters(self._upstream(grad, self._output))

    def config(self) -> dict[str, Any]:
        """As `Layer.config`."""
        return {"layer": self._layers[0]}


class Parallel(Container):
    """Branches that read the same input, joined along the last axis or added.

    y = (f₁(x), f₂(x), …) or y = Σ fᵢ(x)                             forward
    ∂C/∂x = Σ Jᵢᵀ ∂C/∂yᵢ                                             backward

    Parameters: layers, at least one; merge, "concatenate" or "sum".
    Shapes: x (batch, …) -> (batch, …, Σ widths), or the branches' common shape.
    Raises: ShapeError if the branches' shapes do not fit together.
    Source: Szegedy et al. (2015) for branches side by side.

    >>> from tinynn import Identity
    >>> Parallel(Identity(), Identity()).forward(np.array([[1.0, 2.0]]))
    array([[1., 2., 1., 2.]])
    """

    transient: ClassVar[tuple[str, ...]] = (*Container.transient, "_cuts")
    _cuts: tuple[slice, ...] = ()

    def __init__(self, *layers: Layer, merge: str = "concatenate") -> None:
        super().__init__(*layers)
        if not layers:
            raise InvalidValueError("Parallel: expected at least one layer, got none")
        self.merge = choice("Parallel: merge", merge, "concatenate", "sum")

    def forward(self, x: Any) -> Array:
        """All branches on x, then the merge."""
        x = self._admit(x)
        parts = [self._checked(k, "forward", x, layer.forward(x)) for k, layer in enumerate(self._layers)]
        shapes = [part.shape for part in parts]
        joined = self.merge == "concatenate"
        if len({shape[:-1] if joined else shape for shape in shapes}) > 1 or not shapes[0]:
            raise ShapeError(
                f"{self!r}: the branches' outputs do not fit for {self.merge!r}, they have shapes {shapes}"
            )
        width = sum(shape[-1] for shape in shapes) if joined else shapes[0][-1]
        output = self.buffer("output", (*shapes[0][:-1], width), x.dtype)
        if joined:
            np.concatenate(parts, axis=-1, out=output)
        else:
            np.copyto(output, parts[0])
            for part in parts[1:]:
                np.add(output, part, output)
        if self.training:
            stops = np.cumsum([shape[-1] for shape in shapes]).tolist()
            self._cuts = tuple(map(slice, [0, *stops[:-1]], stops))
            self._input, self._output = x, output
        return output

    def _parts(self, grad: Array) -> list[Array]:
        """Each branch's own ∂C/∂yᵢ."""
        grad = self._upstream(grad, self._output)
        if self.merge == "sum":
            return [grad] * len(self._layers)
        parts = []
        for k, cut in enumerate(self._cuts):
            # Copied into an array of its own: np.dot would copy a strided one anew in every step.
            part = self.buffer(f"part{k}", (*grad.shape[:-1], cut.stop - cut.start), grad.dtype)
            np.copyto(part, grad[..., cut])
            parts.append(part)
        return parts

    def backward(self, grad: Array) -> Array:
        """∂C/∂x = Σ Jᵢᵀ ∂C/∂yᵢ."""
        x: Array = self._input  # type: ignore[assignment]
        parts = self._parts(grad)
        grad_x = self.buffer("grad", x.shape, x.dtype)
        grad_x.fill(0)
        for k, (layer, part) in enumerate(zip(self._layers, parts, strict=True)):
            np.add(grad_x, self._checked(k, "backward", part, layer.backward(part)), grad_x)
        return grad_x

    def backward_parameters(self, grad: Array) -> None:
        """The branches' parameters alone."""
        for layer, part in zip(self._layers, self._parts(grad), strict=True):
            layer.backward_parameters(part)

    def _arguments(self) -> list[str]:
        merge = [] if self.merge == "concatenate" else [f"merge={self.merge!r}"]
        return super()._arguments() + merge
