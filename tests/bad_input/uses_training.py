"""Training: schedules, the Trainer, callbacks, saved networks."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bad_input.kinds import (
    DTYPE,
    SHAPE,
    VALUE,
    Row,
    Rows,
    choice,
    count,
    flag,
    fraction,
    no,
    not_negative,
    positive,
    refused,
    whole,
)
from bad_input.menu import Tensor
from bad_input.use import LABELS, Use, X, arg, by_keywords, use

import tinynn as nn
from tinynn import schedules, training

FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER)
ONE = schedules.constant(0.1)


def without_none(rows: Rows) -> Rows:
    return [row for row in rows if row.value is not None]


# ---- schedules ----------------------------------------------------------------------------------
def factor(what: str) -> Rows:
    return [*positive(what), refused("size", 1.5, VALUE, what, "must be at most 1", "1.5")]


def steps(what: str, rows: Callable[[str], Rows] = count) -> Rows:
    return [*rows(what), refused("size", 10**400, VALUE, what, "must be at most 2**53", "1000")]


def divisor(what: str) -> Rows:
    return [*positive(what), refused("size", 0.5, VALUE, what, "must be at least 1", "0.5")]


def minimum(name: str) -> Rows:
    rule = f"{name}: minimum must be at most learning_rate"
    return [*not_negative(f"{name}: minimum"), refused("size", 2.0, VALUE, rule, "2.0")]


def milestones(what: str) -> Rows:
    return [
        *no(what, "must be a list of steps", DTYPE, None, "ab", 3, 2.5, Tensor()),
        *(refused("type", [value], DTYPE, what, "must be an int", repr(value)) for value in ("3", 2.5, True, None)),
        *(refused("size", [value], VALUE, what, "must be at least 1", str(value)) for value in (0, -1)),
        *(refused("size", value, VALUE, what, "must rise", repr(value)) for value in ([3, 2], [3, 3])),
        refused("size", [10**400], VALUE, f"each of {what}", "must be at most 2**53", "1000"),
        refused("shape", np.array(3), DTYPE, what, "must be a list of steps", "array(3)"),
        refused("type", list, DTYPE, what, "must be a list of steps", "the class list"),
        refused("not finite", [float("nan")], DTYPE, what, "must be an int", "nan"),
    ]


def a_schedule(what: str) -> Rows:
    rule = "must be one of tinynn.schedules"
    return [
        *no(what, "tinynn.schedules", DTYPE, None, 0.1, "cosine", [], {}),
        *(refused("type", value, DTYPE, what, rule, "got") for value in (lambda step: 0.1, schedules.cosine, Tensor())),
    ]


def rate_at(make: Any) -> Any:
    return lambda _, **given: make(**given)(3)


def schedule(make: type, **arguments: Any) -> Use:
    return use(f"schedules.{make.__name__}", rate_at(make), **arguments)


SCHEDULES = [
    schedule(schedules.constant, learning_rate=arg(0.1, not_negative("constant: learning_rate"))),
    schedule(
        schedules.step,
        learning_rate=arg(0.1, positive("step: learning_rate")),
        every=arg(2, steps("step: every")),
        factor=arg(0.5, factor("step: factor")),
    ),
    schedule(
        schedules.multi_step,
        learning_rate=arg(0.1, positive("multi_step: learning_rate")),
        milestones=arg([1, 5], milestones("multi_step: milestones")),
        factor=arg(0.5, factor("multi_step: factor")),
    ),
    schedule(
        schedules.exponential,
        learning_rate=arg(0.1, positive("exponential: learning_rate")),
        factor=arg(0.5, factor("exponential: factor")),
    ),
    schedule(
        schedules.polynomial,
        learning_rate=arg(0.1, positive("polynomial: learning_rate")),
        steps=arg(5, steps("polynomial: steps")),
        power=arg(1.0, positive("polynomial: power")),
        minimum=arg(0.0, minimum("polynomial")),
    ),
    schedule(
        schedules.cosine,
        learning_rate=arg(0.1, positive("cosine: learning_rate")),
        steps=arg(5, steps("cosine: steps"), refused("size", 2, VALUE, "cosine: warmup", "2 steps", "got 2")),
        minimum=arg(0.0, minimum("cosine")),
        warmup=arg(2, steps("cosine: warmup", whole), refused("size", 5, VALUE, "cosine: warmup", "5 steps", "got 5")),
        start_factor=arg(0.1, fraction("cosine: start_factor")),
        restarts=arg(True, flag("cosine: restarts"), refused("type", False, VALUE, "growth=2", "needs restarts=True")),
        growth=arg(2, steps("cosine: growth")),
    ),
    schedule(
        schedules.one_cycle,
        maximum=arg(0.1, positive("one_cycle: maximum")),
        steps=arg(9, steps("one_cycle: steps")),
        rise=arg(
            0.3, fraction("one_cycle: rise"), refused("size", 0.7, VALUE, "one_cycle: rise", "at most 0.5", "0.7")
        ),
        start_divisor=arg(25.0, divisor("one_cycle: start_divisor")),
        final_divisor=arg(1e4, divisor("one_cycle: final_divisor")),
        anneal=arg("linear", choice("one_cycle: anneal", "cosine", "linear")),
        three_phase=arg(True, flag("one_cycle: three_phase")),
    ),
    schedule(
        schedules.warmup,
        schedule=arg(ONE, a_schedule("warmup: schedule")),
        steps=arg(2, steps("warmup: steps")),
        start_factor=arg(0.1, fraction("warmup: start_factor")),
    ),
    schedule(
        schedules.sequential,
        schedules=arg(
            [ONE, ONE],
            *no("sequential: schedules", "must be a list", DTYPE, None, 0.1, "ab", {}, ONE, Tensor()),
            *(
                Row(row.category, [row.value, ONE], row.error, row.words)
                for row in a_schedule("sequential: each schedule")
            ),
            *(refused("length", [ONE] * k, VALUE, "milestones must be one fewer", f"1 and {k}") for k in (1, 3)),
            refused("empty", [], VALUE, "milestones must be one fewer", "1 and 0"),
        ),
        milestones=arg([2], milestones("sequential: milestones")),
    ),
    use(
        "schedules.from_config",
        lambda _, config: schedules.from_config(config),
        config=arg(
            ONE.config(),
            *(
                refused("type", value, nn.CheckpointError, "keys 'schedule' and 'arguments'", repr(value))
                for value in (None, "constant", 3, [], {}, {"schedule": "constant"})
            ),
            *(
                refused(
                    "type", {"schedule": value, "arguments": {}}, nn.CheckpointError, "unknown schedule", repr(value)
                )
                for value in (None, "sine", 3, [], "os.system")
            ),
            *(
                refused("type", {"schedule": "constant", "arguments": value}, nn.CheckpointError, "a dict", repr(value))
                for value in (None, [], 3)
            ),
            refused("length", {"schedule": "constant", "arguments": {}}, nn.CheckpointError, "constant does not fit"),
            refused(
                "size",
                {"schedule": "constant", "arguments": {"learning_rate": -1}},
                nn.CheckpointError,
                "constant: learning_rate must be at least 0, got -1",
            ),
        ),
    ),
    use(
        "schedules.Schedule.__call__",
        lambda _, step: ONE(step),
        step=arg(0, refused("size", -1, VALUE, "constant(0.1)", "the first step is 0", "-1")),
        _options={"fuzzed": ()},
    ),
]


# ---- callbacks ----------------------------------------------------------------------------------
def monitor() -> Rows:
    rule = "monitor must be the name of a column"
    return [
        *no("monitor", rule, DTYPE, None, 3, b"cost", ["cost"], {}, str, Tensor()),
        refused("empty", "", VALUE, "monitor=''", "say mode='min' or mode='max'"),
        refused("type", "validation_height", VALUE, "monitor='validation_height'", "say mode='min' or mode='max'"),
    ]


def mode(name: str = "validation_cost") -> Rows:
    return choice(f"monitor='{name}': mode", "min", "max", none=True)


def path(what: str) -> Rows:
    rule = "must be a path, a str or a Path"
    return [
        *no(what, rule, DTYPE, None, 3, True, 2.5, ["a"], {}, str, Tensor()),
        refused("shape", np.zeros(2), DTYPE, what, rule, "an array"),
    ]


CALLBACKS = [
    by_keywords(
        training.EarlyStopping,
        monitor=arg("validation_cost", monitor()),
        patience=arg(3, count("EarlyStopping: patience")),
        min_delta=arg(0.0, not_negative("EarlyStopping: min_delta")),
        restore_best=arg(True, flag("EarlyStopping: restore_best")),
        mode=arg(None, mode()),
    ),
    by_keywords(
        training.ReduceOnPlateau,
        monitor=arg("validation_cost", monitor()),
        factor=arg(0.1, fraction("ReduceOnPlateau: factor")),
        patience=arg(3, whole("ReduceOnPlateau: patience")),
        threshold=arg(1e-4, fraction("ReduceOnPlateau: threshold")),
        threshold_mode=arg("relative", choice("ReduceOnPlateau: threshold_mode", "relative", "absolute")),
        cooldown=arg(0, whole("ReduceOnPlateau: cooldown")),
        minimum=arg(0.0, not_negative("ReduceOnPlateau: minimum")),
        mode=arg(None, mode()),
    ),
    by_keywords(training.Checkpoint, "Checkpoint, directory", directory=arg(FOLDER, path("Checkpoint: directory"))),
    use(
        "Checkpoint",
        lambda _, **given: training.Checkpoint(FOLDER, **given),
        every_epochs=arg(1, without_none(count("Checkpoint: every_epochs"))),
        keep=arg(3, count("Checkpoint: keep")),
        best=arg("validation_cost", without_none(monitor())),
        mode=arg(None, mode()),
    ),
    use(
        "Checkpoint, by steps",
        lambda _, **given: training.Checkpoint(FOLDER, **given),
        every_steps=arg(5, without_none(count("Checkpoint: every_steps"))),
        every_epochs=arg(None, refused("length", 1, VALUE, "Checkpoint", "not both", "1 and 5")),
    ),
    by_keywords(training.CSVLogger, path=arg(FOLDER / "log.csv", path("CSVLogger: path"))),
    by_keywords(
        training.ExponentialMovingAverage,
        decay=arg(0.9, fraction("ExponentialMovingAverage: decay")),
        every_steps=arg(1, count("ExponentialMovingAverage: every_steps")),
        apply=arg(True, flag("ExponentialMovingAverage: apply")),
    ),
    by_keywords(
        training.StochasticWeightAveraging,
        start_epoch=arg(2, count("StochasticWeightAveraging: start_epoch")),
        every_epochs=arg(1, count("StochasticWeightAveraging: every_epochs")),
        learning_rate=arg(None, without_none(positive("StochasticWeightAveraging: learning_rate"))),
        apply=arg(True, flag("StochasticWeightAveraging: apply")),
    ),
    by_keywords(
        training.GradientMonitor,
        every_epochs=arg(1, count("GradientMonitor: every_epochs")),
    ),
    use(
        "GradientMonitor, of some data",
        lambda _, x: training.GradientMonitor(x),
        x=arg(
            None,
            refused("length", [[1.0, 2.0], [3.0]], SHAPE, "GradientMonitor", "x", "several lengths"),
            refused("type", Tensor(), DTYPE, "GradientMonitor", "x as an array", "Tensor()"),
        ),
        _options={"fuzzed": ()},
    ),
    by_keywords(training.LearningRateLogger, every=arg(1, count("LearningRateLogger: every"))),
    by_keywords(
        training.TerminateOnNaN,
        restore=arg(True, flag("TerminateOnNaN: restore")),
        raises=arg(False, flag("TerminateOnNaN: raises")),
    ),
]


# ---- the Trainer --------------------------------------------------------------------------------
def trainer(**options: Any) -> nn.Trainer:
    model = nn.Sequential(nn.Dense(3, 3), nn.Tanh(), nn.Dense(3, 3), rng=0)
    return nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model, 0.1), metrics=[nn.Accuracy()], **options)


def batches() -> nn.Batches:
    return nn.Batches(X, LABELS, batch_size=2, rng=0)


def goes_on(trainer: nn.Trainer) -> Any:
    """One more epoch: what it does with the parameters."""
    before = len(trainer.history)
    trainer.fit(batches(), 1, progress=False)
    return before, trainer.model.state_dict(), trainer.optimizer.steps, trainer.predict(X), trainer.evaluate(X, LABELS)


MODEL = nn.Sequential(nn.Dense(3, 3), rng=0)


def fitted() -> nn.Trainer:
    made = trainer()
    made.fit(batches(), 1, progress=False)
    return made


def saved() -> Path:
    path = FOLDER / "model.npz"
    nn.save(MODEL, path)
    return path


def checkpoint() -> Path:
    path = FOLDER / "checkpoint.npz"
    fitted().save_checkpoint(path)
    return path


def parts() -> dict[str, Any]:
    """What a Trainer is made of."""
    loss, optimizer = "expected a loss such as MSE()", "expected an Optimizer such as SGD(model)"
    return {
        "model": arg(MODEL, no("Trainer", "expected a Layer as model", DTYPE, None, "Dense", 3, [MODEL], {}, nn.MSE())),
        "loss": arg(
            nn.MSE(),
            *(refused("type", value, DTYPE, "Trainer", loss) for value in (None, "mse", 3, nn.MSE, [nn.MSE()], MODEL)),
        ),
        "optimizer": arg(
            nn.SGD(MODEL, 0.1),
            *(refused("type", value, DTYPE, "Trainer", optimizer) for value in (None, "sgd", 0.1, nn.SGD, [], MODEL)),
            refused(
                "type", nn.SGD([nn.Parameter([1.0])]), VALUE, "Trainer", "none of the model's parameters", "SGD(model)"
            ),
        ),
    }


TRAINER = [
    by_keywords(
        nn.Trainer,
        **parts(),
        metrics=arg(
            [],
            *(refused("type", value, DTYPE, "Trainer: metrics must be a list") for value in (None, "accuracy", 3, {})),
            *(
                refused("type", [value], DTYPE, "Trainer: expected metrics such as [Accuracy()]")
                for value in (None, "accuracy", nn.Accuracy, nn.MSE())
            ),
            refused("length", [nn.Accuracy(), nn.Accuracy()], VALUE, "Trainer", "a name of its own", "'accuracy'"),
        ),
        callbacks=arg(
            [],
            *(refused("type", value, DTYPE, "Trainer: callbacks must be a list") for value in (None, "x", 3, {})),
            *(
                refused("type", [value], DTYPE, "Trainer: a callback is an object with at least one of the methods")
                for value in (None, "x", training.EarlyStopping, nn.MSE())
            ),
        ),
        clip_norm=arg(None, without_none(positive("Trainer: clip_norm"))),
        clip_value=arg(None, without_none(positive("Trainer: clip_value"))),
        accumulate=arg(1, count("Trainer: accumulate")),
    ),
    use(
        "Trainer.fit",
        lambda trainer, **given: trainer.fit(**given),
        batches=arg(
            batches(),
            *(
                refused("type", value, DTYPE, "fit", "gives (x, target) pairs", "such as Batches")
                for value in (None, 3, X, (X, LABELS))
            ),
        ),
        epochs=arg(1, count("fit: epochs")),
        validation=arg(
            (X, LABELS),
            *(
                refused("type", value, DTYPE, "fit: validation must be a pair (x, y)")
                for value in ("ab", 3, X, (X,), (X, LABELS, X), {"x": X})
            ),
            refused("length", (X, LABELS[:3]), SHAPE, "fit: validation", "same number of rows", "(4, 3)", "(3,)"),
            refused("empty", (X[:0], LABELS[:0]), VALUE, "fit: validation", "no samples"),
            refused("shape", (X[:, :2], LABELS), SHAPE, "Dense(3, 3)", "(batch, 3)"),
            refused("dtype", (X, LABELS.astype(float)), DTYPE, "class labels must be integers"),
            refused("size", (X, 3 - LABELS), VALUE, "labels must lie in 0 … 2", "3"),
        ),
        progress=False,
        _options={"make": trainer, "works": goes_on, "fuzzed": ()},
    ),
    use(
        "Trainer.fit, progress",
        lambda trainer, progress: trainer.fit(batches(), 1, progress=progress),
        progress=arg(False, flag("fit: progress")),
        _options={"make": trainer, "works": goes_on, "fuzzed": ()},
    ),
    use(
        "Trainer.stop",
        lambda trainer, reason: trainer.stop(reason),
        reason=arg("enough", no("stop", "the reason must be a str", DTYPE, None, 3, b"x", ["x"], {}, True)),
        _options={"make": trainer, "works": goes_on},
    ),
    use(
        "Trainer.sample",
        lambda trainer, rows: trainer.sample(rows),
        rows=arg(2, count("sample: rows")),
        _options={"make": fitted, "works": goes_on},
    ),
    *(
        use(
            f"Trainer.{method}",
            lambda trainer, path, method=method: getattr(trainer, method)(path),
            path=arg(checkpoint(), *(refused("type", value, DTYPE, "path") for value in (None, 3, True, 2.5, [], {}))),
            _options={"make": fitted, "works": goes_on, "documented": (OSError,)},
        )
        for method in ("save_checkpoint", "load_checkpoint")
    ),
    use(
        "Trainer.load_checkpoint, files",
        lambda trainer, path: trainer.load_checkpoint(path),
        path=arg(
            checkpoint(),
            refused("empty", "", FileNotFoundError),
            refused("type", "nowhere.npz", FileNotFoundError, "nowhere.npz"),
            refused("type", str(FOLDER), nn.CheckpointError, "a directory"),
            refused("type", __file__, nn.CheckpointError, "uses_training.py"),
            refused("type", saved(), nn.CheckpointError, "is a model, not a checkpoint"),
        ),
        _options={"make": fitted, "works": goes_on, "fuzzed": ()},
    ),
    use(
        "Trainer.resume",
        lambda trainer, directory: trainer.resume(directory),
        directory=arg(FOLDER, *(refused("type", value, DTYPE, "directory") for value in (None, 3, True, 2.5, [], {}))),
        _options={"make": fitted, "works": goes_on, "documented": (OSError,)},
    ),
    use(
        "Trainer.evaluate",
        lambda trainer, x, y, batch_size: trainer.evaluate(x, y, batch_size),
        x=arg(
            X,
            refused("length", X[:3], SHAPE, "evaluate", "same number of rows", "(3, 3)", "(4,)"),
            refused("empty", X[:0], SHAPE, "evaluate", "same number of rows"),
            refused("shape", X[:, :2], SHAPE, "Dense(3, 3)", "(batch, 3)", "(4, 2)"),
            refused("type", None, SHAPE, "evaluate", "same number of rows"),
            refused("not finite", X * np.nan, nn.DivergedError, "evaluate", "nan"),
        ),
        y=arg(
            LABELS,
            refused("length", LABELS[:3], SHAPE, "evaluate", "same number of rows", "(3,)"),
            refused("dtype", LABELS.astype(float), DTYPE, "class labels must be integers"),
            refused("size", LABELS + 1, VALUE, "labels must lie in 0 … 2"),
            refused("type", None, SHAPE, "evaluate", "same number of rows"),
        ),
        batch_size=arg(7, count("batch_size", "an int or None", "at least 1 or None")),
        _options={"make": trainer, "works": goes_on, "fuzzed": ("batch_size",)},
    ),
    use(
        "Trainer.predict",
        lambda trainer, x, batch_size: trainer.predict(x, batch_size),
        x=arg(X, refused("shape", X[:, :2], SHAPE, "Dense(3, 3)", "(batch, 3)", "(4, 2)")),
        batch_size=arg(7, count("predict: batch_size", "an int or None", "at least 1 or None")),
        _options={"make": trainer, "works": goes_on},
    ),
    use(
        "find_learning_rate, of a trainer",
        lambda made, trainer: training.find_learning_rate(made if trainer is None else trainer, batches(), steps=2).raw,
        trainer=arg(
            None, *(refused("type", value, DTYPE, "find_learning_rate") for value in (3, "x", MODEL, nn.Trainer))
        ),
        _options={"make": trainer, "works": goes_on, "fuzzed": ()},
    ),
    use(
        "find_learning_rate",
        lambda trainer, **given: training.find_learning_rate(trainer, **given).raw,
        batches=arg(
            batches(),
            *(
                refused("type", value, DTYPE, "find_learning_rate", "gives (x, target) pairs")
                for value in (None, 3, [1, 2])
            ),
            refused("empty", [], VALUE, "find_learning_rate", "no batches"),
            refused("type", iter([]), VALUE, "find_learning_rate", "cannot be put back"),
        ),
        start=arg(
            1e-3, positive("find_learning_rate: start"), refused("size", 3.0, VALUE, "stop must be above start", "3")
        ),
        stop=arg(1.0, positive("find_learning_rate: stop"), refused("size", 1e-4, VALUE, "stop must be above start")),
        steps=arg(3, count("find_learning_rate: steps")),
        smoothing=arg(0.5, fraction("find_learning_rate: smoothing")),
        _options={"make": trainer, "works": goes_on, "fuzzed": ("start", "stop", "smoothing")},
    ),
]


# ---- saved networks -----------------------------------------------------------------------------
STORAGE = [
    use(
        "save",
        lambda _, model, path: nn.save(model, path),
        model=arg(MODEL, no("save", "model must be a Layer", DTYPE, None, "model", 3, [MODEL], {}, nn.MSE(), nn.Dense)),
        path=arg(
            FOLDER / "saved.npz", *(refused("type", value, DTYPE, "path") for value in (None, 3, True, 2.5, [], {}))
        ),
        _options={"documented": (OSError,)},
    ),
    use(
        "load, paths",
        lambda _, path: nn.load(path),
        path=arg(saved(), *(refused("type", value, DTYPE, "path") for value in (None, 3, True, 2.5, [], {}))),
        _options={"documented": (OSError,), "fuzzed": ()},
    ),
    use(
        "load",
        lambda _, path, custom_layers: nn.load(path, custom_layers),
        path=arg(
            saved(),
            refused("empty", "", FileNotFoundError),
            refused("type", "nowhere.npz", FileNotFoundError, "nowhere.npz"),
            refused("type", __file__, nn.CheckpointError, "uses_training.py"),
        ),
        custom_layers=arg(
            (),
            *(
                refused("type", value, DTYPE, "load: custom_layers must be classes of layers", "Scale")
                for value in (None, 3, "Scale", [3], ["Scale"], [nn.MSE], [nn.Tanh()], {"Scale": 3}, nn.Tanh)
            ),
        ),
        _options={"documented": (OSError,)},
    ),
]


# ---- what training left behind ------------------------------------------------------------------
def history() -> nn.History:
    return nn.History.from_dict({"cost": [0.5], "validation_accuracy": [0.75]})


def table(history: nn.History) -> Any:
    return history.to_csv(), repr(history), len(history)


def written_history() -> Path:
    path = FOLDER / "history.json"
    nn.History.from_dict({"cost": [0.5]}).to_json(path)
    return path


HISTORY = [
    by_keywords(nn.History),
    use(
        "History.append",
        lambda history, figures: history.append(figures),
        figures=arg(
            {"cost": 0.5}, *(refused("type", value, DTYPE, "History") for value in (None, 3, "cost", [1.0], X))
        ),
        _options={"make": history, "works": table, "fuzzed": ()},
    ),
    use(
        "History.__getitem__",
        lambda history, key: history[key],
        key=arg(
            "cost",
            *no("History", "expected a column's name, an epoch's number or a slice", DTYPE, None, 2.5, [1], {}),
            refused("type", "accuracies", VALUE, "History", "no figures named 'accuracies'", "cost"),
            *(refused("size", k, IndexError, "History", f"no epoch at {k}", "there are 1") for k in (1, -2)),
        ),
        _options={"make": history, "works": table, "fuzzed": ()},
    ),
    *(
        use(
            f"History.{method}",
            lambda history, path, method=method: getattr(history, method)(path),
            path=arg(
                FOLDER / f"history.{method}",
                *(refused("type", value, DTYPE, "path") for value in (3, True, 2.5, [], {})),
            ),
            _options={"make": history, "works": table, "documented": (OSError,), "fuzzed": ()},
        )
        for method in ("to_csv", "to_json")
    ),
    use(
        "History.plot",
        lambda history, path: path is None or history.plot(path),
        path=arg(None, *(refused("type", value, DTYPE, "path") for value in (3, True, 2.5, [], {}))),
        _options={"make": history, "works": table, "fuzzed": ()},
    ),
    use(
        "History.table",
        lambda history, rows: history.table(rows),
        rows=arg(3, whole("table: rows")),
        _options={"make": history, "works": table},
    ),
    use(
        "History.from_dict",
        lambda _, columns: nn.History.from_dict(columns),
        columns=arg(
            {"cost": [0.5]},
            *(refused("type", value, DTYPE, "History", "a dict of columns") for value in (None, 3, [], {"cost": 0.5})),
            refused("length", {"cost": [0.5], "x": [1, 2]}, VALUE, "History", "one length", "{'cost': 1, 'x': 2}"),
        ),
    ),
    use(
        "History.from_json",
        lambda _, path: nn.History.from_json(path),
        path=arg(
            written_history(),
            *(refused("type", value, DTYPE, "path") for value in (None, True, 2.5, [], {})),
            refused("type", __file__, nn.DataError, "uses_training.py", "no history"),
            refused("type", "nowhere.json", FileNotFoundError, "nowhere.json"),
        ),
        _options={"documented": (OSError,), "fuzzed": ()},
    ),
]

TRAINING = [*SCHEDULES, *CALLBACKS, *TRAINER, *STORAGE, *HISTORY]
