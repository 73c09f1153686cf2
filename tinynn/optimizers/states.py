"""Whether a saved state is one that an optimizer can go on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn.errors import InvalidValueError, ShapeError

if TYPE_CHECKING:
    from tinynn._arrays import Array


def check_state(state: Mapping[str, Any], name: str, own: Mapping[str, Array], own_scalars: Sequence[str]) -> None:
    """Does the state fit an optimizer of this name, with these slots and scalars?

    Raises: InvalidValueError for another optimizer's state or other options, ShapeError for other parameters.
    """
    slots, scalars = state.get("slots"), state.get("scalars")
    if state.get("optimizer") != name or slots is None or scalars is None:
        raise InvalidValueError(f"{name}: this is not the state of a {name} but of {state.get('optimizer')!r}")
    if set(slots) != set(own) or set(scalars) != set(own_scalars):
        raise InvalidValueError(
            f"{name}: the state has slots {sorted(slots)}, this optimizer needs {sorted(own)}; "
            "build it with the same options"
        )
    for slot, array in own.items():
        if np.shape(slots[slot]) != array.shape:
            raise ShapeError(f"{name}: slot {slot} has shape {np.shape(slots[slot])} instead of {array.shape}")
