"""The numbers that training changes.

A Parameter is an array of values beside the array of its gradients. A ParameterVector packs the values
of many parameters into one contiguous array and their gradients into another, so that an optimiser, a
norm or a checkpoint handles two 1-D arrays whatever the network looks like.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._aligned import aligned
from tinynn._arguments import shown
from tinynn._arrays import as_dtype, as_floats
from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError, InvalidValueError, ShapeError, StateError

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype
    from tinynn.layers.base import Layer


class Parameter:
    """A trainable array: its values, and ∂C/∂value of the last backward.

    The values are copied, and stay float32 or float64 as given (integers become float32). Assigning to
    `value` or `grad` copies into the array that is there: `parameter.value is parameter.value`, always.

    Parameters: value, any array; name, for messages.
    Raises: ShapeError if another shape is assigned.

    >>> weight = Parameter([[1.0, 2.0]], name="weight")
    >>> weight.value = [[3.0, 4.0]]
    >>> weight
    Parameter(shape=(1, 2), dtype=float32, name='weight')
    >>> weight.value
    array([[3., 4.]], dtype=float32)
    """

    __slots__ = ("__weakref__", "_grad", "_packing", "_value", "name")

    def __init__(self, value: Any, name: str | None = None) -> None:
        array = as_floats(value, None, "Parameter", "value")
        if array is not value and not isinstance(value, np.ndarray):
            array = array.astype(np.float32)  # Python numbers have no dtype of their own
        self._value: Array = np.array(array, order=_memory_order(array))
        self._grad: Array = np.zeros_like(self._value)
        self._packing: _Packing | None = None
        if name is not None and not isinstance(name, str):
            raise DtypeError(f"Parameter: name must be a text or None, got {shown(name)}")
        self.name = name

    @property
    def value(self) -> Array:
        """The values, shape `shape`; the optimiser writes into this array."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._assign(self._value, value, "value")

    @property
    def grad(self) -> Array:
        """∂C/∂value, same shape and dtype; a layer's backward overwrites this array."""
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        self._assign(self._grad, grad, "grad")

    def _assign(self, target: Array, source: Any, what: str) -> None:
        if source is target:  # `parameter.value += 1` ends here
            return
        array = as_floats(source, target.dtype, self, what)
        if array.shape != target.shape:
            raise ShapeError(f"{self}: expected a {what} of shape {target.shape}, got {array.shape}")
        target[...] = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def size(self) -> int:
        return self._value.size

    @property
    def dtype(self) -> Dtype:
        return self._value.dtype

    def astype(self, dtype: Any) -> Parameter:
        """Convert in place, return self. A ParameterVector that held it must be built anew."""
        dtype = as_dtype(dtype, f"{self}: dtype")
        if dtype != self.dtype:
            value, grad = self._value.astype(dtype), self._grad.astype(dtype)
            self._leave()
            self._value, self._grad = value, grad
        return self

    def _leave(self) -> None:
        """Tell whoever holds the arrays that they are about to be others."""
        if self._packing is not None:
            self._packing.valid = False
        LAYOUT.version += 1
        self._packing = None

    # A copy is independent: it leaves the vector behind. A ParameterVector that is copied with its
    # parameters packs the copies itself.
    def __getstate__(self) -> tuple[Array, Array, str | None]:
        return self._value, self._grad, self.name

    def __setstate__(self, state: tuple[Array, Array, str | None]) -> None:
        value, grad, self.name = state
        order = _memory_order(value)
        self._value, self._grad, self._packing = (
            np.array(value, order=order),
            np.array(grad, order=order),
            None,
        )

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        return f"Parameter(shape={self.shape}, dtype={self.dtype}{name})"


class ParameterVector:
    """All values of some parameters as one contiguous array, all gradients as another.

    Each parameter becomes a view of both, in its own memory order. Packing the same parameters again
    gives the same two arrays; packing some of them with others takes them over, and then using the
    older vector is a StateError instead of a silent no-op.

    Parameters: a Layer or an iterable of Parameters, all of one dtype, none twice.
    Shapes: value (size,), grad (size,).

    >>> a, b = Parameter([[1.0, 2.0]]), Parameter([3.0])
    >>> vector = ParameterVector([a, b])
    >>> vector.value
    array([1., 2., 3.], dtype=float32)
    >>> vector.value[:] = 0
    >>> a.value, b.value
    (array([[0., 0.]], dtype=float32), array([0.], dtype=float32))
    """

    def __init__(self, parameters: Layer | Iterable[Parameter]) -> None:
        self._packing = _pack(_listed(parameters))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self._packing.parameters

    @property
    def value(self) -> Array:
        return self._packing.value

    @property
    def grad(self) -> Array:
        return self._packing.grad

    @property
    def valid(self) -> bool:
        """Whether the parameters still live in this vector."""
        return self._packing.valid

    def check(self) -> None:
        """Raise a StateError if the parameters were packed anew or converted since."""
        if not self._packing.valid:
            raise StateError(
                "these parameters were packed into another vector (by a later optimizer) or converted by "
                "astype since this one was built; build a new optimizer for what you want to train"
            )

    def __len__(self) -> int:
        return self.value.size

    def __getstate__(self) -> tuple[tuple[Parameter, ...], bool]:
        return self.parameters, self.valid

    def __setstate__(self, state: tuple[tuple[Parameter, ...], bool]) -> None:
        parameters, valid = state
        self._packing = _pack(parameters) if valid else _Packing(parameters, np.empty(0), np.empty(0), False)

    def __repr__(self) -> str:
        return f"ParameterVector({len(self.parameters)} parameters, {len(self)} values, {self.value.dtype})"


class _Packing:
    """The two arrays that packed parameters are views of, and whether that is still so."""

    __slots__ = ("grad", "parameters", "valid", "value")

    def __init__(self, parameters: tuple[Parameter, ...], value: Array, grad: Array, valid: bool) -> None:
        self.parameters, self.value, self.grad, self.valid = parameters, value, grad, valid


def _pack(parameters: tuple[Parameter, ...]) -> _Packing:
    present = parameters[0]._packing
    if present is not None and present.valid and present.parameters == parameters:
        return present
    for p in parameters:
        p._leave()
    packing = _Packing(parameters, _joined(parameters, "_value"), _joined(parameters, "_grad"), True)
    for p in parameters:
        p._packing = packing
    return packing


def _joined(parameters: tuple[Parameter, ...], what: str) -> Array:
    """All `_value`s or `_grad`s in one new array, of which they become views.

    The old ones are freed on the way: packing takes one more vector at its peak, not two.
    """
    vector, start = aligned(sum(p.size for p in parameters), parameters[0].dtype), 0
    for p in parameters:
        old, stop = getattr(p, what), start + p.size
        view = vector[start:stop].reshape(p.shape, order=_memory_order(old))
        view[...] = old
        setattr(p, what, view)
        start = stop
    return vector


def parameters_in(thing: Layer | Iterable[Parameter]) -> tuple[Any, ...]:
    """Those of a Layer, or the items of an iterable."""
    found = getattr(thing, "parameters", None)
    if isinstance(thing, (type, np.ndarray)) or not (callable(found) or isinstance(thing, Iterable)):
        hint = f"; write {thing.__name__}(…)" if isinstance(thing, type) else ""
        raise DtypeError(f"expected a Layer or an iterable of Parameters, got {shown(thing)}{hint}")
    return tuple(found() if callable(found) else thing)  # type: ignore[arg-type]


def _listed(parameters: Layer | Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The parameters as a tuple: at least one, none twice, all of one dtype."""
    listed = parameters_in(parameters)
    if not listed:
        raise InvalidValueError("expected at least one Parameter, got none: is this a model with weights?")
    for p in listed:
        if not isinstance(p, Parameter):
            raise DtypeError(f"expected a Layer or an iterable of Parameters, got an item {shown(p)}")
    if len(set(map(id, listed))) < len(listed):
        twice = next(p for k, p in enumerate(listed) if any(p is q for q in listed[:k]))
        raise InvalidValueError(f"{twice} is listed twice; give each Parameter once")
    dtypes = sorted({str(p.dtype) for p in listed})
    if len(dtypes) > 1:
        raise DtypeError(
            f"parameters of one network need one dtype, got {' and '.join(dtypes)}; "
            "convert them all with model.astype(np.float32) or model.astype(np.float64)"
        )
    return listed


def _memory_order(array: Array) -> Any:
    """ "F" for a matrix stored column by column, else "C"."""
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
