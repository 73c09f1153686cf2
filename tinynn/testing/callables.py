"""Two functions as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn.errors import ShapeError
from tinynn.testing.points import required


class Functions:
    """Two functions as one object with forward and backward; made by from_callables."""

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], parameters: Mapping[str, Any]
    ) -> None:
        self._forward, self._backward = forward, backward
        self.params = {name: np.array(value) for name, value in parameters.items()}
        self.grads: dict[str, Any] = {}
        self._inputs: tuple[Any, ...] = ()
        self._cache: tuple[Any, ...] = ()

    def forward(self, *inputs: Any) -> Any:
        result = self._forward(*inputs, *self.params.values())
        self._inputs = inputs
        self._cache = ()
        if isinstance(result, tuple):
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

    def _arguments(self, grad: Any) -> tuple[Any, ...]:
        if self._cache:
            return grad, *self._cache
        if required(self._backward) == 1:
            return (grad,)
        if _x_comes_first(self._backward):
            return (*self._inputs, *self.params.values(), grad) if _x_comes_first(self._backward) == "last" else (
                *self._inputs, grad, *self.params.values(),
            )  # fmt: skip
        return grad, *self._inputs, *self.params.values()

    def __repr__(self) -> str:
        return f"{getattr(self._forward, '__name__', 'forward')}, {getattr(self._backward, '__name__', 'backward')}"


def from_callables(
    forward: Callable[..., Any], backward: Callable[..., Any], parameters: Mapping[str, Any] | None = None
) -> Functions:
    """Two functions as something that check_layer takes.

    forward(x, *parameters) gives y, or (y, cache); backward(grad, cache) then gets that cache, and
    backward(grad, x, *parameters) where there is none (backward(grad) if it takes one argument alone).
    It gives ∂C/∂x, or with parameters (∂C/∂x, ∂C/∂p₁, ∂C/∂p₂, …) or (∂C/∂x, {name: ∂C/∂p}).

    Parameters: forward, backward; parameters, arrays by name, in the order in which forward takes them.

    >>> from tinynn.testing import check_layer
    >>> layer = from_callables(lambda x, w: x @ w, lambda grad, x, w: (grad @ w.T, x.T @ grad), {"w": np.ones((3, 2))})
    >>> check_layer(layer, input_shape=(4, 3)).right
    True
    """
    return Functions(forward, backward, parameters or {})


def _x_comes_first(backward: Callable[..., Any]) -> str:
    """Whether backward names x before the upstream gradient, and where that stands: "second", "last", or ""."""
    try:
        names = list(inspect.signature(backward).parameters)
    except (TypeError, ValueError):
        return ""
    words = ("grad", "g", "dy", "dout", "upstream", "u", "delta", "grad_output", "dz", "da", "grad_out", "gy")
    if len(names) < 2 or names[0] in words:
        return ""
    return "second" if names[1] in words else "last" if names[-1] in words else ""
