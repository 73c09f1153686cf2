"""All that a training run depends on, in one nested dict: what a checkpoint holds.

Parameters, the optimizer's memory with its schedule, every generator's state, where in which epoch the
run stands, the history, and what the callbacks remember. What is not in it is the program's own: the
network's structure, the loss, the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinynn.data.batches import Batches
from tinynn.errors import CheckpointError, InvalidValueError
from tinynn.training import generators
from tinynn.training.history import History

if TYPE_CHECKING:
    from tinynn.optimizers.groups import Rate
    from tinynn.training.trainer import Trainer


def owners(trainer: Trainer) -> list[tuple[str, Any]]:
    """(name, object) of all that may own a generator, but for the source of the batches."""
    layers = [(f"model.{path}".rstrip("."), layer) for path, layer in generators.named_layers(trainer.model)]
    callbacks = [(f"callbacks.{k}", callback) for k, callback in enumerate(trainer.callbacks)]
    return [*layers, ("loss", trainer.loss), *callbacks]


def capture(trainer: Trainer) -> dict[str, Any]:
    """A copy of the state, after a whole batch or between two epochs."""
    optimizer, waiting = trainer.optimizer, trainer.resumed
    if waiting is not None:
        batches, epoch = waiting.batches, waiting.epoch
    else:
        batches = None if trainer.batches is None else source_state(trainer.batches)
        epoch = None if trainer.epoch is None else trainer.epoch.state_dict()
    return {
        "model": trainer.model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "learning_rate": _described(optimizer.learning_rate),
        "groups": [
            {"learning_rate": _described(g.learning_rate), "weight_decay": g.weight_decay, "l1_decay": g.l1_decay}
            for g in optimizer.groups
        ],
        "generators": generators.states(owners(trainer)),
        "batches": batches,
        "epoch": epoch,
        "history": [dict(figures) for figures in trainer.history],
        "callbacks": [[type(each).__name__, each.state_dict()] for each in _remembering(trainer)],
    }


def restore(trainer: Trainer, saved: Mapping[str, Any]) -> None:
    """Put a trainer into a captured state; the source of batches follows when `fit` is given one.

    Raises: whatever does not fit raises its error; then the trainer is as it was.
    """
    before = capture(trainer), trainer.history, trainer.resumed, trainer.asked
    try:
        _apply(trainer, saved)
        trainer.resumed, trainer.asked = Resumed(saved), 0
    except BaseException:
        _apply(trainer, before[0])
        _, trainer.history, trainer.resumed, trainer.asked = before
        raise


class Resumed:
    """What waits for the next `fit`: where the source of batches and the epoch at hand stand."""

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self.batches: dict[str, Any] | None = saved["batches"]
        self.generators: dict[str, Any] = saved["generators"]
        self.epoch: dict[str, Any] | None = saved["epoch"]

    @property
    def drawing(self) -> dict[str, Any]:
        """The states of the source's generators."""
        return {} if self.batches is None else self.batches["generators"]

    def enter(self, batches: Any) -> Resumed | None:
        """Bring the source to where it stood; what is left to do when the epoch at hand begins.

        Raises: CheckpointError if an epoch was broken off over other data.
        """
        if self.batches is None:
            return None
        if self.epoch is None:
            generators.restore([("batches", batches)], self.batches["generators"])
            return None
        if self.batches["source"] != described_source(batches):
            raise CheckpointError(
                f"fit: the checkpoint was written in the middle of an epoch over {self.batches['source']}, these "
                f"batches are {described_source(batches)}; pass the same data in batches of the same size"
            )
        return self


def source_state(batches: Any) -> dict[str, Any]:
    """What the batches are, and their generators' states."""
    return {"source": described_source(batches), "generators": generators.states([("batches", batches)])}


def described_source(batches: Any) -> str:
    """What must stay the same for an epoch to go on: the samples and how they are cut."""
    if isinstance(batches, Batches):
        return f"{batches!r}, drop_last={batches.drop_last}"
    return f"{type(batches).__name__} of {len(batches) if hasattr(batches, '__len__') else 'unknown'} batches"


def sample(batches: Any, last: tuple[Any, Any] | None, rows: int) -> tuple[Any, Any]:
    """The first rows of Batches, as a model gets them; of another source, rows of the last batch looked at."""
    if not isinstance(batches, Batches):
        if last is None:
            raise InvalidValueError("sample: there are no training data yet; call it within fit")
        return last[0][:rows], last[1][:rows]
    parts = Batches(batches.x[:rows], batches.y[:rows], None, shuffle=False, scale=batches.scale)
    return next(iter(parts))


def _apply(trainer: Trainer, saved: Mapping[str, Any]) -> None:
    optimizer = trainer.optimizer
    rate = _rate(saved["learning_rate"], optimizer.learning_rate)
    if len(saved["groups"]) != len(optimizer.groups):
        raise CheckpointError(
            f"the optimizer has {len(optimizer.groups)} groups of parameters, saved were {len(saved['groups'])}"
        )
    groups = [
        (group, _rate(one["learning_rate"], group.learning_rate), one)
        for group, one in zip(optimizer.groups, saved["groups"], strict=True)
    ]
    trainer.model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    optimizer.learning_rate = rate
    for group, own_rate, one in groups:
        group.learning_rate = own_rate
        group.weight_decay, group.l1_decay = float(one["weight_decay"]), float(one["l1_decay"])
    generators.restore(owners(trainer), saved["generators"])
    trainer.history = History()
    for figures in saved["history"]:
        trainer.history.append({**figures})
    _restore_callbacks(trainer, list(saved["callbacks"]))


def _restore_callbacks(trainer: Trainer, states: list[Any]) -> None:
    """Give each callback the next saved state of its class; one that has none, or is gone, was changed on purpose."""
    for callback in _remembering(trainer):
        names = [name for name, _ in states]
        if type(callback).__name__ in names:
            callback.load_state_dict(states.pop(names.index(type(callback).__name__))[1])


def _remembering(trainer: Trainer) -> list[Any]:
    return [each for each in trainer.callbacks if hasattr(each, "state_dict") and hasattr(each, "load_state_dict")]


def _described(rate: Rate | None) -> Any:
    """A learning rate as plain values: a number, a schedule of ours by its arguments, one of the user's as "own"."""
    if not callable(rate):
        return rate
    config = getattr(rate, "config", None)
    return config() if callable(config) else "own"


def _rate(saved: Any, present: Rate | None) -> Any:
    if saved == "own":
        if not callable(present):
            raise CheckpointError(
                "the run had a schedule of its own, a function of the step, which no file can hold; "
                "give the optimizer that function as its learning_rate"
            )
        return present
    if isinstance(saved, Mapping):
        from tinynn.schedules import from_config

        return from_config(saved)
    return saved
