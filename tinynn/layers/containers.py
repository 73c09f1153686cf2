"""Layers made of layers: a chain, a shortcut, and branches side by side.

With these three a network can branch and join without a recorded graph: each container knows the chain
rule of its own shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from tinynn._arrays import as_floats
from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.layers.base import Layer
from tinynn.layers.plan import Plan
from tinynn.layers.tree import Tree

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype, Rng
    from tinynn.parameter import Parameter


class Container(Layer):
    """What Sequential, Residual and Parallel share; abstract.

    The first call for each shape and dtype of x checks the whole tree: one dtype throughout, no layer in
    two places. Later calls with that shape trust it.
    """

    transient: ClassVar[tuple[str, ...]] = (*Layer.transient, "_seen")
    _seen: tuple[tuple[int, ...], Dtype] | None = None

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
        self._layers.append(layer)
        self._seen = None

    def named_children(self) -> Iterator[tuple[str, Parameter | Tree]]:
        """("0", first layer), ("1", second layer), …"""
        for k, layer in enumerate(self._layers):
            yield str(k), layer

    def _admit(self, x: Any) -> Array:
        """The boundary: the tree checked, and x as floats of the parameters' dtype."""
        self.named_parameters()
        array = as_floats(x, self.dtype, self)
        if array.ndim < 1:
            raise ShapeError(f"{type(self).__name__}: expected x of shape (batch, …), got a single number")
        return array

    def _checked(self, k: int, what: str, given: Array, result: Array) -> Array:
        """What layer k made of `given`, refused if it changed the dtype on the way."""
        if isinstance(result, np.ndarray) and result.dtype == given.dtype:
            return result
        got = f"an array of {result.dtype}" if isinstance(result, np.ndarray) else repr(result)
        raise DtypeError(
            f"{type(self).__name__}: layer {k}, {self._layers[k]!r}, was given {given.dtype} and its {what} returned "
            f"{got}; a layer computes in the dtype it is given (does it mix in arrays or parameters of another dtype? "
            "make them with dtype=np.float32, or convert the network with astype)"
        )

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


class Sequential(Container):
    """Layers one after the other.

    y = fₙ(… f₂(f₁(x)))                                              forward
    ∂C/∂x = J₁ᵀ J₂ᵀ … Jₙᵀ ∂C/∂y, from the last layer to the first    backward

    Parameters: layers, in order; rng: if given, every layer is initialised anew from it, in order.
    Shapes: as its layers say; x (batch, …).
    Raises: StateError if one layer stands in two places; DtypeError if a layer changes the dtype.

    >>> from tinynn import Dense, Sigmoid
    >>> model = Sequential(Dense(784, 30), Sigmoid(), Dense(30, 10), Sigmoid(), rng=0)
    >>> model
    Sequential(Dense(784, 30), Sigmoid(), Dense(30, 10), Sigmoid())
    >>> model.forward(np.zeros((5, 784))).shape, len(model), model[:2]
    ((5, 10), 4, Sequential(Dense(784, 30), Sigmoid()))
    """

    transient: ClassVar[tuple[str, ...]] = (*Container.transient, "_plan", "_backward_seen")
    #: How the next step runs without looking anything up; None until a forward in training mode.
    _plan: Plan | None = None
    #: Whether a backward with every check has passed since the plan was made.
    _backward_seen: bool = False

    def __init__(self, *layers: Layer, rng: Rng = None) -> None:
        super().__init__(*layers)
        if rng is not None:
            self.initialize(rng)

    def append(self, layer: Layer) -> Sequential:
        """Add a layer at the end, return self; an optimizer must be built after it."""
        self._append(layer)
        self._plan = None
        return self

    def forward(self, x: Any) -> Array:
        """Each layer's output is the next one's input."""
        if type(x) is np.ndarray:
            plan = self._plan
            if not self.training:
                if (x.shape, x.dtype) == self._seen:
                    return self._evaluate(x)
            elif plan is not None and (x.shape, x.dtype) == plan.key and plan.version == LAYOUT.version:
                return plan.forward(x)
        return self._checked_forward(x)

    def _evaluate(self, x: Array) -> Array:
        for layer in self._layers:
            x = layer.forward(x)
        return x

    def _checked_forward(self, x: Any) -> Array:
        """forward with every check; what passed is trusted until something moves or x has another shape."""
        y = self._admit(x)
        seen = y.shape, y.dtype
        for k, layer in enumerate(self._layers):
            y = self._checked(k, "forward", y, layer.forward(y))
        if self.training:
            self._plan, self._backward_seen = Plan(self._layers, seen), False
        else:
            self._seen = seen
        return y

    def backward(self, grad: Array) -> Array:
        """Each layer's ∂C/∂x is the ∂C/∂output of the one before."""
        return self._checked_backward(grad, 0)

    def backward_parameters(self, grad: Array) -> None:
        """As backward, but the first layer with parameters skips ∂C/∂x, the costliest product of all."""
        plan = self._plan
        if plan is not None and self._backward_seen and self.training and plan.version == LAYOUT.version:
            plan.backward_parameters(grad)
            return
        first = next((k for k, layer in enumerate(self._layers) if layer.parameters()), len(self._layers))
        grad = self._checked_backward(grad, first + 1)
        if first < len(self._layers):
            self._layers[first].backward_parameters(grad)

    def _checked_backward(self, grad: Any, first: int) -> Array:
        """∂C/∂x of layer `first`, with every check."""
        if self._plan is None or not self.training:
            raise self._needs_forward()
        incoming = as_floats(grad, self._plan.key[1], self, "grad")
        for k in range(len(self._layers) - 1, first - 1, -1):
            incoming = self._checked(k, "backward", incoming, self._layers[k].backward(incoming))
        self._backward_seen = True
        return incoming

    def summary_rows(self, x: Array) -> list[tuple[Layer, int, Array]]:
        """As in Container, each layer on the output of the one before."""
        rows: list[tuple[Layer, int, Array]] = []
        for layer in self._layers:
            inside = layer.summary_rows(x)
            rows += [(inner, depth + 1, y) for inner, depth, y in inside]
            x = inside[0][2]
        return [(self, 0, x), *rows]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @overload
    def __getitem__(self, k: int) -> Layer: ...
    @overload
    def __getitem__(self, k: slice) -> Sequential: ...
    def __getitem__(self, k: int | slice) -> Layer | Sequential:
        """One layer, or a Sequential of some of the same layers."""
        return Sequential(*self._layers[k]) if isinstance(k, slice) else self._layers[k]


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
        if merge not in ("concatenate", "sum"):
            raise InvalidValueError(f'Parallel: merge must be "concatenate" or "sum", got {merge!r}')
        self.merge = merge

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
