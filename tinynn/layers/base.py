"""What a layer is: forward, backward, and the parameters found in its attributes.

A custom layer subclasses Layer and writes `forward` and `backward`, nothing else. All that remains
(buffers, modes, parameter lists, state, copies, repr, summary) is derived from those two and from the
attributes that its `__init__` sets.
"""

from __future__ import annotations

import abc
import functools
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tinynn._arguments import count, shown
from tinynn._arrays import as_array, as_floats
from tinynn._buffers import Buffers
from tinynn.errors import DtypeError, ShapeError, StateError
from tinynn.layers.tree import Tree

if TYPE_CHECKING:
    import inspect

    from tinynn._arrays import Array
    from tinynn._calls import Call


class Layer(Tree):
    """A function with a hand-written derivative.

    y = f(x; parameters)                                             forward
    ∂C/∂x and each parameter's ∂C/∂value from ∂C/∂y                  backward

    A subclass keeps its Parameters and inner Layers as attributes (lists, tuples and dicts of them too).
    One whose start is random also overrides `initialize(rng)`, which Sequential(..., rng=…) calls. Arrays and
    numbers that belong to its state but are not trained, a running mean say, it names in the class attribute
    `persistent`; state_dict, files and checkpoints then carry them beside the parameters.

    Shapes: x (batch, …) -> y (batch, …); the gradient of an array has that array's shape.
    Raises: StateError from backward without a forward in training mode before it.

    >>> import tinynn as nn
    >>> class Scale(nn.Layer):
    ...     def __init__(self, features):
    ...         self.factor = nn.Parameter(np.ones(features, np.float32))
    ...
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * self.factor.value
    ...
    ...     def backward(self, grad):
    ...         self.factor.grad[:] = (grad * self.x).sum(axis=0)
    ...         return grad * self.factor.value
    >>> scale = Scale(2)
    >>> scale.forward(np.array([[1, 2], [3, 4]], np.float32))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    >>> scale.backward(np.ones((2, 2), np.float32))
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    >>> scale.factor.grad
    array([4., 6.], dtype=float32)
    """

    transient: ClassVar[tuple[str, ...]] = ("_buffers", "_input", "_output")
    _buffers: Buffers
    _input: Array | None = None
    _output: Array | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        # Here and not in __init__, so that a custom layer need not call super().__init__().
        layer = super().__new__(cls)
        layer._buffers = Buffers()
        return layer

    @abc.abstractmethod
    def forward(self, x: Any) -> Array:
        """(batch, …) -> (batch, …); in training mode it remembers what backward needs."""

    @abc.abstractmethod
    def backward(self, grad: Array) -> Array:
        """∂C/∂output -> ∂C/∂x; overwrites every parameter's `.grad`."""

    def backward_parameters(self, grad: Array) -> None:
        """As backward, without ∂C/∂x: what the first layer of a network needs."""
        self.backward(grad)

    def predict(self, x: Any, batch_size: int | None = None) -> Array:
        """forward in evaluation mode; the result is a fresh array that the caller owns.

        batch_size bounds the memory of the intermediate results. Modes are restored afterwards; on a
        model that is in evaluation mode already, nothing is written, so threads can share it.
        """
        if batch_size is not None:
            batch_size = count("predict: batch_size", batch_size, "an int or None", "at least 1 or None")
        x = as_array(x, self)
        modes = [layer for layer in self.layers_inside() if layer.training]
        for layer in modes:
            layer.training = False
        try:
            return self._predict(x, batch_size)
        finally:
            for layer in modes:
                layer.training = True

    def _predict(self, x: Array, batch_size: int | None) -> Array:
        rows = x.shape[0] if x.ndim else 0
        if batch_size is None or batch_size >= rows:
            y = self.forward(x)
            return y.copy() if np.may_share_memory(y, x) or y.base is not None else y
        out: Array | None = None
        for start in range(0, rows, batch_size):
            y = self.forward(x[start : start + batch_size])
            if out is None:
                out = np.empty((rows, *y.shape[1:]), y.dtype)
            out[start : start + len(y)] = y
        assert out is not None
        return out

    # ---- for the layers' own use ----------------------------------------------------------------
    def _prediction_calls(self, x: Array) -> tuple[Array, list[Call]] | None:
        """forward in evaluation mode as (y, the calls that fill it from x); None for a layer that lists none.

        x always is the same array, of a shape that forward has accepted, and may be overwritten.
        """
        return None

    def buffer(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An uninitialised array: one and the same in training mode, a fresh one in evaluation mode.

        So the same forward code allocates nothing in a warm training step, and can be called from many
        threads on a model in evaluation mode.
        """
        try:
            return self._buffers.take(name, shape, dtype) if self.training else np.empty(shape, dtype)
        except (TypeError, ValueError, IndexError, OverflowError, RuntimeError) as error:
            given = ", ".join(map(shown, (name, shape, dtype)))
            raise (DtypeError if isinstance(error, TypeError) else ShapeError)(
                f"{self._label()}: buffer needs a name, a tuple of sizes and a dtype, got {given}: {error}"
            ) from error

    def _upstream(self, grad: Any, output: Array | None) -> Array:
        """∂C/∂output as an array of the output's dtype; refused if it does not fit the last forward."""
        if output is None or not self.training:
            raise self._needs_forward()
        array = as_floats(grad, output.dtype, self, "grad")
        if array.shape != output.shape:
            raise ShapeError(
                f"{self._label()}: backward expects a gradient of the output's shape {output.shape}, got {array.shape}"
            )
        return array

    def _needs_forward(self) -> StateError:
        return StateError(
            f"{self._label()}: backward needs a forward in training mode before it; "
            "call train(), then forward(x), then backward(grad)"
        )

    def _label(self) -> str:
        text = repr(self)
        return text if len(text) <= 80 else type(self).__name__

    # ---- looks ----------------------------------------------------------------------------------
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, as far as attributes of the same names keep them: what `save` stores.

        A layer that keeps an argument in another form overrides this. `rng` and `dtype` are left out.
        """
        names = [name for name in constructor(type(self)) if name not in ("rng", "dtype")]
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __repr__(self) -> str:
        parts: list[str] = []
        config = self.config()
        for name, argument in constructor(type(self)).items():
            value, required = config.get(name, config), argument.default is argument.empty
            if argument.kind is argument.VAR_POSITIONAL:
                parts += map(repr, value if isinstance(value, tuple) and _is_plain(value) else ())
            elif not _is_plain(value):
                parts += ["…"] if required else []  # an argument that no attribute of its name keeps
            elif required or value != argument.default:
                parts.append(repr(value) if required else f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def summary(self, input_shape: int | tuple[int, ...]) -> str:
        """A table of output shapes and parameter counts, for x of `input_shape`, with or without its batch axis."""
        from tinynn.layers._summary import summary

        return summary(self, input_shape)

    def summary_rows(self, x: Array) -> list[tuple[Layer, int, Array]]:
        """(layer, depth, output) of this layer; a container adds a row for each layer inside."""
        return [(self, 0, self.forward(x))]


@functools.lru_cache(maxsize=256)
def constructor(cls: type) -> dict[str, inspect.Parameter]:
    """A class's constructor arguments by name, but for **options."""
    import inspect  # on use: it takes a quarter of the time that importing all of tinynn takes

    init = next(vars(c)["__init__"] for c in cls.__mro__ if "__init__" in vars(c))
    if init is object.__init__:
        return {}
    arguments = list(inspect.signature(init).parameters.values())[1:]
    return {argument.name: argument for argument in arguments if argument.kind is not argument.VAR_KEYWORD}


def _is_plain(value: Any) -> bool:
    """Whether a value can stand in a repr: a number, a string, None, a dtype or a tuple of these."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
