"""Whether a saved state is one that an optimizer can go on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import shown
from tinynn._arrays import as_floats
from tinynn.errors import DtypeError, InvalidValueError, ShapeError
from tinynn.optimizers.groups import as_rate

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn.optimizers.groups import Rate


def checked_state(
    state: Any, name: str, own: Mapping[str, Array], own_scalars: Sequence[str]
) -> tuple[int, Rate | None, dict[str, Array], dict[str, float]]:
    """Steps, learning rate, slots and scalars of a state, if it fits an optimizer of this name, slots and scalars.

    Raises: InvalidValueError for another optimizer's state or other options, ShapeError for other parameters,
    DtypeError for what is no number.
    """
    if not isinstance(state, Mapping):
        raise DtypeError(f"{name}: expected a dict as state_dict() gives it, got {shown(state)}")
    kind, steps = state.get("optimizer"), state.get("steps")
    slots: Any = state.get("slots")
    scalars: Any = state.get("scalars")
    if not isinstance(kind, str) or kind != name:
        raise InvalidValueError(f"{name}: this is not the state of a {name} but of {shown(kind)}")
    for what, given, needed in (("slots", slots, own), ("scalars", scalars, own_scalars)):
        if not isinstance(given, Mapping):
            raise InvalidValueError(
                f"{name}: this is not the state of a {name}: its {what} must be a dict, got {shown(given)}"
            )
        if set(given) != set(needed):
            raise InvalidValueError(
                f"{name}: the state has {what} {sorted(map(str, given))}, this optimizer needs {sorted(needed)}; "
                "build it with the same options"
            )
    arrays = {slot: as_floats(slots[slot], array.dtype, name, f"slot {slot}") for slot, array in own.items()}
    for slot, array in own.items():
        if arrays[slot].shape != array.shape:
            raise ShapeError(f"{name}: slot {slot} has shape {arrays[slot].shape} instead of {array.shape}")
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise InvalidValueError(f"{name}: steps must be an int of at least 0, got {shown(steps)}")
    for scalar in own_scalars:
        if not isinstance(scalars[scalar], Real):
            raise DtypeError(f"{name}: {scalar} must be a number, got {shown(scalars[scalar])}")
    rate = state.get("learning_rate")
    return int(steps), None if rate is None else as_rate(rate, f"{name}: learning_rate"), arrays, dict(scalars)
