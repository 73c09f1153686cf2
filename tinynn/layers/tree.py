"""Parameters, state and modes of a tree of layers, found from the attributes.

A layer's children are the Parameters and Layers among its attributes, and those inside lists, tuples
and dicts among them. Nothing is registered: what an attribute holds now is what is found.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tinynn._arguments import flag, shown
from tinynn._arrays import FLOATS, as_array, as_dtype, as_floats, as_rng
from tinynn._buffers import LAYOUT
from tinynn.errors import DtypeError, ShapeError, StateError
from tinynn.parameter import Parameter

if TYPE_CHECKING:
    from tinynn._arrays import Array, Dtype, Rng


class Tree(abc.ABC):  # noqa: B024 (Layer names what is left to write)
    """What Layer knows about its parts; abstract."""

    #: True after construction; train() and eval() set it for a whole tree.
    training: bool = True
    #: Attributes that one call leaves behind for the next: no children, not part of a copy or a pickle.
    transient: ClassVar[tuple[str, ...]] = ()
    #: Attributes that are part of the state, but not trained: arrays, and numbers that stay Python numbers.
    persistent: ClassVar[tuple[str, ...]] = ()

    def named_children(self) -> Iterator[tuple[str, Parameter | Tree]]:
        """(name, Parameter or Layer) straight below this one, in the order of the attributes."""
        for name, value in vars(self).items():
            if name not in self.transient:
                yield from _found(name, value)

    def layers_inside(self) -> Iterator[Self]:
        """This layer and all below it, from the top down."""
        for _, node in _walk("", self):
            if isinstance(node, Tree):
                yield node  # type: ignore[misc]

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """(name, parameter) in the order of the attributes, names as in "0.weight".

        Raises: StateError if one layer or parameter stands in two places: each holds what its last
        forward left, so the second use would spoil the first one's gradient.
        """
        found: list[tuple[str, Parameter]] = []
        places: dict[int, str] = {}
        for name, node in _walk("", self):
            if id(node) in places:
                raise StateError(
                    f"{node!r} stands in two places of one network, {places[id(node)] or 'the top'!r} and {name!r}; "
                    "use a layer of its own (copy.deepcopy) in each place"
                )
            places[id(node)] = name
            if isinstance(node, Parameter):
                found.append((name, node))
        return found

    def parameters(self) -> list[Parameter]:
        """All parameters of this layer and of those inside it."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_persistent(self) -> dict[str, tuple[Tree, str]]:
        """Where the persistent attributes of the whole tree are: (layer, attribute), by names as of parameters."""
        layers = [(path, node) for path, node in _walk("", self) if isinstance(node, Tree)]
        return {f"{path}.{name}".lstrip("."): (node, name) for path, node in layers for name in node.persistent}

    @property
    def dtype(self) -> Dtype | None:
        """The parameters' common dtype, None without parameters; DtypeError if they differ."""
        dtypes = {parameter.dtype for parameter in self.parameters()}
        if len(dtypes) > 1:
            raise DtypeError(
                f"{type(self).__name__}: the parameters of one network need one dtype, got "
                f"{' and '.join(sorted(map(str, dtypes)))}; convert them all with astype(np.float32)"
            )
        return dtypes.pop() if dtypes else None

    def initialize(self, rng: Rng = None) -> None:
        """Draw the initial values of all parameters anew, layer by layer, from `rng`."""
        rng = as_rng(rng)
        for _, child in self.named_children():
            if isinstance(child, Tree):
                child.initialize(rng)

    def astype(self, dtype: Any) -> Self:
        """Convert all parameters in place, return self; an optimizer must be built anew after it.

        Persistent arrays of floats become new arrays.
        """
        dtype = as_dtype(dtype)
        for parameter in self.parameters():
            parameter.astype(dtype)
        for layer, name in self.named_persistent().values():
            value = getattr(layer, name)
            if isinstance(value, np.ndarray) and value.dtype in FLOATS:
                setattr(layer, name, value.astype(dtype, copy=False))
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode for the whole tree, return self."""
        mode = flag(f"{type(self).__name__}.train: mode", mode)
        for layer in self.layers_inside():
            layer.training = mode
        LAYOUT.version += 1
        return self

    def eval(self) -> Self:
        """Evaluation mode for the whole tree: nothing is remembered, nothing is random; return self."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """A copy of every parameter's values and of every persistent attribute, by name; numbers as 0-d arrays."""
        return {name: np.array(value, order="K") for name, value in self.named_state().items()}

    def named_state(self) -> dict[str, Any]:
        """The values themselves: those of the parameters, then arrays and numbers that persist.

        Raises: DtypeError for a persistent attribute that is neither.
        """
        state: dict[str, Any] = {name: parameter.value for name, parameter in self.named_parameters()}
        for name, (layer, attribute) in self.named_persistent().items():
            state[name] = value = getattr(layer, attribute)
            if np.asarray(value).dtype.kind not in "biuf":
                raise DtypeError(f"{name}: what persists must be an array or a number, got {value!r:.80}")
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy the values in. All is checked first: on an error nothing has changed.

        Raises: ShapeError that lists every missing, unknown and misshapen entry; with strict=False only
        the misshapen ones count, and what fits by name is loaded.
        """
        if not isinstance(state, Mapping):
            raise DtypeError(
                f"{type(self).__name__}: a state must be a dict of arrays as state_dict gives it, got {shown(state)}"
            )
        own, parameters, persistent = self.named_state(), dict(self.named_parameters()), self.named_persistent()
        faults = []
        if strict:
            faults += [f"{name} is missing" for name in own if name not in state]
            faults += [f"{name} is unknown" for name in state if name not in own]
        values = {name: _like(own[name], state[name], name) for name in own if name in state}
        for name, value in values.items():
            if value.shape != np.shape(own[name]):
                faults.append(f"{name} has shape {value.shape} instead of {np.shape(own[name])}")
        if faults:
            raise ShapeError(f"{type(self).__name__}: the state does not fit this network: {'; '.join(faults)}")
        for name, value in values.items():
            if name in parameters:
                parameters[name].value = value
            elif isinstance(own[name], np.ndarray):
                own[name][...] = value
            else:
                layer, attribute = persistent[name]
                setattr(layer, attribute, value.item())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in self.transient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def _like(own: Any, given: Any, name: str) -> Array:
    """What was given as an array of the dtype of one's own array; DtypeError if that would lose what it is."""
    array = as_array(given, name, "values")
    dtype = own.dtype if isinstance(own, np.ndarray) else array.dtype
    if dtype in FLOATS:
        return as_floats(array, dtype, name)
    if array.dtype.kind not in "biuf" or not np.can_cast(array.dtype, dtype, "same_kind"):
        expected = f"values of dtype {own.dtype}" if isinstance(own, np.ndarray) else "a number"
        raise DtypeError(f"{name}: expected {expected}, got an array of dtype {array.dtype}")
    return array.astype(dtype)


def _found(name: str, value: Any) -> Iterator[tuple[str, Parameter | Tree]]:
    if isinstance(value, (Parameter, Tree)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for k, item in enumerate(value):
            yield from _found(f"{name}.{k}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _found(f"{name}.{key}", item)


def _walk(name: str, node: Parameter | Tree) -> Iterator[tuple[str, Parameter | Tree]]:
    yield name, node
    if isinstance(node, Tree):
        for below, child in node.named_children():
            yield from _walk(f"{name}.{below}" if name else below, child)
