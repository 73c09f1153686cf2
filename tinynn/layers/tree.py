"""Parameters, state and modes of a tree of layers, found from the attributes.

A layer's children are the Parameters and Layers among its attributes, and those inside lists, tuples
and dicts among them. Nothing is registered: what an attribute holds now is what is found.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tinynn._arrays import as_dtype, as_floats, as_rng
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
        """Convert all parameters in place, return self; an optimizer must be built anew after it."""
        dtype = as_dtype(dtype)
        for parameter in self.parameters():
            parameter.astype(dtype)
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode for the whole tree, return self."""
        for layer in self.layers_inside():
            layer.training = bool(mode)
        LAYOUT.version += 1
        return self

    def eval(self) -> Self:
        """Evaluation mode for the whole tree: nothing is remembered, nothing is random; return self."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """A copy of every parameter's values, by name."""
        return {name: parameter.value.copy() for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy the values in. All is checked first: on an error nothing has changed.

        Raises: ShapeError that lists every missing, unknown and misshapen entry; with strict=False only
        the misshapen ones count, and what fits by name is loaded.
        """
        own = dict(self.named_parameters())
        faults = []
        if strict:
            faults += [f"{name} is missing" for name in own if name not in state]
            faults += [f"{name} is unknown" for name in state if name not in own]
        values = {name: as_floats(state[name], own[name].dtype, name) for name in own if name in state}
        for name, value in values.items():
            if value.shape != own[name].shape:
                faults.append(f"{name} has shape {value.shape} instead of {own[name].shape}")
        if faults:
            raise ShapeError(f"{type(self).__name__}: the state does not fit this network: {'; '.join(faults)}")
        for name, value in values.items():
            own[name].value = value

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in self.transient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


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
