"""Schedules from what their `config` gave, as a checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinynn.errors import CheckpointError, TinynnError
from tinynn.schedules.base import Schedule
from tinynn.schedules.combined import sequential, warmup
from tinynn.schedules.cycles import cosine, one_cycle
from tinynn.schedules.decays import constant, exponential, multi_step, polynomial, step

#: A config names one of these and nothing else: no module is imported and no other function called.
KNOWN: dict[str, type[Schedule]] = {
    kind.__name__: kind
    for kind in (constant, cosine, exponential, multi_step, one_cycle, polynomial, sequential, step, warmup)
}


def from_config(config: Any) -> Schedule:
    """The schedule that gave this config.

    Parameters: config, {"schedule": name, "arguments": {…}}; arguments left out have their defaults.
    Raises: CheckpointError for anything else, for an unknown name and for arguments that the schedule refuses.

    >>> from tinynn import schedules
    >>> schedules.cosine(0.4, steps=100).config()["arguments"]["steps"]
    100
    >>> schedules.from_config({"schedule": "cosine", "arguments": {"learning_rate": 0.4, "steps": 100}})
    cosine(0.4, steps=100)
    """
    if not isinstance(config, Mapping) or set(config) != {"schedule", "arguments"}:
        raise CheckpointError(f"a schedule's config has the keys 'schedule' and 'arguments', got {config!r:.200}")
    name, arguments = config["schedule"], config["arguments"]
    if not isinstance(name, str) or name not in KNOWN:
        raise CheckpointError(f"unknown schedule {name!r:.100}; there are {', '.join(KNOWN)}")
    if not isinstance(arguments, Mapping):
        raise CheckpointError(f"{name}: a config's arguments are a dict, got {arguments!r:.100}")
    try:
        return KNOWN[name](**{key: _parsed(value) for key, value in arguments.items()})
    except CheckpointError:
        raise
    except (TinynnError, TypeError, RecursionError) as error:
        raise CheckpointError(f"the config of a schedule {name} does not fit: {error}") from error


def _parsed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_config(value)
    return [_parsed(part) for part in value] if isinstance(value, list) else value
