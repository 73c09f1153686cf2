"""Two functions as a layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinynn._arguments import shown
from tinynn._arrays import as_array
from tinynn.errors import DtypeError, ShapeError
from tinynn.testing.points import check_function
from tinynn.testing.signatures import positional, required

#: What people call the upstream gradient, in lower case without underscores; the short ones are also used otherwise.
SHORT = ("g", "u", "d", "v", "gy", "dl", "ct")
UPSTREAM = (
    "grad", "gradient", "grads", "delta", "upstream", "dout", "dvalue", "dvalues", "doutput", "doutputs", "dy", "dz",
    "da", "dh", "gradout", "gradoutput", "gradoutputs", "outgrad", "outputgrad", "outputgrads", "outputgradient",
    "outputgradients", "upstreamgrad", "upstreamgradient", "gradupstream", "dupstream", "dldy", "dldz", "dlda", "dldh",
    "dldout", "dldoutput", "dedy", "dcdy", "dlossdy", "dyhat", "dypred", "dnext", "gradnext", "nextgrad", "topgrad",
    "gradtop", "topdiff", "gout", "goutput", "incoming", "gradincoming", "incominggrad", "incominggradient", "gradin",
    "cotangent",
)  # fmt: skip
#: What people call the input.
INPUT = ("x", "input", "inputs", "inp")
#: Upstream gradients of several outputs, dh and dc, da_next and dc_next; dx, dw and db are results of backward.
ONE_OF_SEVERAL = re.compile(r"(d|grad)_?((next|prev)_?)?[ac-vyz]\d?(_?(next|prev|out|t))?|(dout|dy)_?\d")


class Functions:
    """Two functions as one object with forward and backward; made by from_callables."""

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], parameters: Mapping[str, Any]
    ) -> None:
        self._forward, self._backward = forward, backward
        self.params = {name: as_parameter(value) for name, value in parameters.items()}
        self.grads: dict[str, Any] = {}
        self._inputs: tuple[Any, ...] = ()
        self._cache: tuple[Any, ...] = ()
        self._names = [p.name for p in positional(backward)]
        #: backward(dh, dc, cache) has gradients for two outputs: the second one is no cache.
        self._has_several = len(self._names) > 2 and all(map(ONE_OF_SEVERAL.fullmatch, map(str.lower, self._names[:2])))

    def forward(self, *inputs: Any) -> Any:
        result = self._forward(*inputs, *self.params.values())
        self._inputs = inputs
        self._cache = ()
        if isinstance(result, tuple):
            if self._has_several and len(result) > 1 and isinstance(result[1], np.ndarray):
                self._refuse_several(len(result))
            result, *cache = result
            self._cache = tuple(cache)
        return result

    def backward(self, grad: Any) -> Any:
        back = self._backward(*self._arguments(grad))
        if not self.params:
            return back
        count = len(self._inputs)
        if not isinstance(back, (tuple, list)):
            raise ShapeError(
                f"{self!r}: expected backward to give (dx, one gradient for each parameter), got one array"
            )
        inputs, rest = back[:count], back[count:]
        if len(rest) == 1 and isinstance(rest[0], Mapping):
            self.grads = dict(rest[0])
        elif len(rest) == len(self.params):
            self.grads = dict(zip(self.params, rest, strict=True))
        else:
            raise ShapeError(f"{self!r}: expected {len(self.params)} parameters' gradients after dx, got {len(rest)}")
        return inputs if count > 1 else inputs[0]

    def _arguments(self, grad: Any) -> Sequence[Any]:
        names = self._names
        if self._cache:
            return with_cache(names, grad, self._cache)
        values = [*self._inputs, *self.params.values()]
        count = required(self._backward)
        if count == 1:
            return (grad,)
        if count == -1:
            return grad, *values
        # With or without its defaults; where the count fits comes first.
        known = self._known(values)
        for taken in sorted((names, names[:count]), key=lambda taken: len(taken) != len(values) + 1):
            found = by_names(taken, grad, values, known)
            if found is not None:
                return found
        return grad, *values

    def _known(self, values: Sequence[Any]) -> dict[str, int]:
        """The place of each input and parameter by its names: those of forward's arguments, and the keys."""
        arguments = [p.name for p in positional(self._forward)][: len(values)]
        keys = {key: len(self._inputs) + k for k, key in enumerate(self.params)}
        return {name: k for k, name in enumerate(arguments)} | keys

    def _refuse_several(self, count: int) -> None:
        first, second = self._names[:2]
        raise ShapeError(
            f"{self!r}: expected one output and a cache, got {count} results, and backward takes {first} and {second}; "
            "stack several outputs into one array (np.concatenate) and take their gradient apart in backward "
            f"(np.split), or call {second} otherwise if it is from the cache"
        )

    def __repr__(self) -> str:
        return f"{getattr(self._forward, '__name__', 'forward')}, {getattr(self._backward, '__name__', 'backward')}"


def from_callables(
    forward: Callable[..., Any], backward: Callable[..., Any], parameters: Mapping[str, Any] | None = None
) -> Functions:
    """Two functions as something that check_layer takes.

    forward(x, *parameters) gives y, or (y, cache); backward(grad, cache) then gets that cache, and
    backward(grad, x, *parameters) where there is none (backward(grad) if it takes one argument alone), in
    any order: what is called as in forward is that, and what is left over is the upstream gradient.
    It gives ∂C/∂x, or with parameters (∂C/∂x, ∂C/∂p₁, ∂C/∂p₂, …) or (∂C/∂x, {name: ∂C/∂p}).

    Parameters: forward, backward; parameters, arrays by name, in the order in which forward takes them.

    >>> from tinynn.testing import check_layer
    >>> layer = from_callables(lambda x, w: x @ w, lambda grad, x, w: (grad @ w.T, x.T @ grad), {"w": np.ones((3, 2))})
    >>> check_layer(layer, input_shape=(4, 3)).right
    True
    """
    for name, function in (("forward", forward), ("backward", backward)):
        check_function("from_callables", name, function)
    if parameters is not None and not isinstance(parameters, Mapping):
        raise DtypeError(f"from_callables: parameters must be a dict of arrays by name, got {shown(parameters)}")
    return Functions(forward, backward, parameters or {})


def as_parameter(value: Any) -> Any:
    """A copy as an array; a list of whole numbers is one of floats, an array of integers may be indices."""
    array = np.array(as_array(value, "from_callables", "a parameter"))
    return array.astype(np.float64) if isinstance(value, (list, tuple)) and array.dtype.kind in "iu" else array


def by_names(names: list[str], grad: Any, values: Sequence[Any], known: Mapping[str, int]) -> list[Any] | None:
    """The arguments of backward, by their names; None if these do not fit.

    The upstream gradient is the one that is neither an input nor a parameter; of several, one with a name for
    it, else the first. What has no known name gets what is left, in order.
    """
    unknown = [name for name in names if name not in known and name.lower() not in INPUT]
    if len(unknown) == 1 and all(name in known for name in names if name != unknown[0]):
        upstream = unknown[0]
    elif len(names) == len(values) + 1:
        upstream = next((name for name in [*unknown, *names] if is_upstream(name)), (unknown or names)[0])
    else:
        return None
    given = {name: known[name] for name in names if name in known and name != upstream}
    left = iter([value for k, value in enumerate(values) if k not in given.values()])
    return [grad if name == upstream else values[given[name]] if name in given else next(left) for name in names]


def with_cache(names: list[str], grad: Any, cache: Sequence[Any]) -> Sequence[Any]:
    """The upstream gradient and the cache in backward's order: the gradient first, unless another is called so."""
    k = next((k for k, name in enumerate(names) if is_upstream(name) and plain(name) not in SHORT), 0)
    if len(names) != 1 + len(cache) or is_upstream(names[0]):
        k = 0
    return *cache[:k], grad, *cache[k:]


def is_upstream(name: str) -> bool:
    return plain(name) in (*SHORT, *UPSTREAM)


def plain(name: str) -> str:
    return name.lower().replace("_", "")
