"""Checkpoint: when it writes, what it keeps, what it does when it cannot, and that a run goes on from it."""

from __future__ import annotations

import errno
import logging
import os

import pytest
from training.runs import dropout_with_metrics_and_clipping, plain

import tinynn as nn
from tinynn.errors import CheckpointError, DtypeError, InvalidValueError
from tinynn.training import checkpoints

BATCHES = 4  # an epoch of `plain`


def run(directory, *, make=plain, epochs=4, callbacks=(), resume=False, **keywords):
    trainer, batches = make()
    trainer.callbacks = (nn.Checkpoint(directory, **keywords), *callbacks)
    if resume:
        assert trainer.resume(directory)
    trainer.fit(batches, epochs, validation=(batches.x, batches.y), progress=False)
    return trainer


def steps_in(directory):
    """{file name: the optimizer's steps that it holds}"""
    found = {}
    for name in sorted(os.listdir(directory)):
        trainer, _ = plain()
        trainer.load_checkpoint(directory / name)
        found[name] = trainer.optimizer.steps
    return found


# ---- when and what ----------------------------------------------------------------------------------
def test_by_default_after_each_epoch_and_the_last_three_stay(tmp_path):
    run(tmp_path)
    assert steps_in(tmp_path) == {f"checkpoint-00000{k}.npz": BATCHES * k for k in (2, 3, 4)}


@pytest.mark.parametrize(
    ("keywords", "steps"),
    [
        ({"every_epochs": 2, "keep": 9}, [8, 16]),
        ({"every_epochs": 3, "keep": 9}, [12, 16]),  # the last epoch in any case
        ({"every_epochs": 9, "keep": 9}, [16]),
        ({"every_epochs": 1, "keep": 1}, [16]),
        ({"every_steps": 5, "keep": 9}, [5, 10, 15, 16]),
        ({"every_steps": 4, "keep": 2}, [16, 16]),
        ({"every_steps": 100, "keep": 2}, [16]),
    ],
)
def test_intervals(keywords, steps, tmp_path):
    run(tmp_path, **keywords)
    assert list(steps_in(tmp_path).values()) == steps


def test_accumulated_steps_count_once(tmp_path):
    trainer, batches = plain()
    trainer.accumulate = 3
    trainer.callbacks = (nn.Checkpoint(tmp_path, every_steps=1, keep=99),)
    trainer.fit(batches, 2, progress=False)
    assert list(steps_in(tmp_path).values()) == [1, 2, 3, 4]  # after 3, 4, 7, 8 batches


def test_when_training_is_asked_to_end_that_epoch_is_saved(tmp_path):
    class Stop:
        def on_epoch_end(self, trainer, figures):
            if len(trainer.history) == 2:
                trainer.stop("enough")

    run(tmp_path, callbacks=[Stop()], every_epochs=5)
    assert list(steps_in(tmp_path).values()) == [2 * BATCHES]


@pytest.mark.parametrize(("mode", "best_epoch"), [(None, 1), ("min", 1), ("max", 3)])
def test_the_best_one_is_kept_besides(mode, best_epoch, tmp_path):
    class Figures:
        def on_epoch_end(self, trainer, figures):
            figures["validation_cost"] = [0.5, 0.25, 0.25, 0.75][len(trainer.history) - 1]

    trainer = run(tmp_path, callbacks=[Figures()], keep=1, best="validation_cost", mode=mode)
    assert steps_in(tmp_path) == {"best.npz": BATCHES * (best_epoch + 1), "checkpoint-000004.npz": 4 * BATCHES}
    assert trainer.callbacks[0].state_dict() == {"best": 0.25 if best_epoch == 1 else 0.75}


def test_the_best_so_far_is_remembered_by_a_resumed_run(tmp_path):
    figures = [0.25, 0.5, 0.3, 0.2]

    class Figures:
        def on_epoch_end(self, trainer, row):
            row["validation_cost"] = figures[len(trainer.history) - 1]

    run(tmp_path, callbacks=[Figures()], epochs=2, best="validation_cost")
    run(tmp_path, callbacks=[Figures()], epochs=3, best="validation_cost", resume=True)
    assert steps_in(tmp_path)["best.npz"] == BATCHES
    run(tmp_path, callbacks=[Figures()], epochs=4, best="validation_cost", resume=True)
    assert steps_in(tmp_path)["best.npz"] == 4 * BATCHES


def test_a_column_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InvalidValueError, match="validation_accuracy"):
        run(tmp_path, best="validation_accuracy")


def test_numbers_go_on_from_the_highest_that_is_there(tmp_path):
    run(tmp_path, epochs=2)
    (tmp_path / "checkpoint-000009.npz").write_bytes((tmp_path / "checkpoint-000002.npz").read_bytes())
    (tmp_path / "checkpoint-notes.txt").write_text("mine")
    run(tmp_path, epochs=1, keep=2)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint-000009.npz", "checkpoint-000010.npz", "checkpoint-notes.txt"]


def test_a_directory_is_made_and_litter_of_killed_writers_removed(tmp_path):
    directory = tmp_path / "a" / "b"
    directory.mkdir(parents=True)
    (directory / ".checkpoint-000009.npz.0123456789ab.part").write_bytes(b"half")
    run(directory, epochs=1)
    assert os.listdir(directory) == ["checkpoint-000001.npz"]


# ---- what cannot be written -------------------------------------------------------------------------
def test_a_full_disk_is_noted_and_training_goes_on(tmp_path, monkeypatch, caplog):
    whole = run(tmp_path / "whole")
    save, calls = checkpoints.save, []

    def full(trainer, path):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(trainer, path)

    monkeypatch.setattr(checkpoints, "save", full)
    with caplog.at_level(logging.WARNING, "tinynn"):
        trainer = run(tmp_path / "full")
    assert trainer.history["cost"] == whole.history["cost"]
    (record,) = caplog.records
    assert "checkpoint-000003.npz could not be written" in record.getMessage()
    assert "No space left on device" in record.getMessage()
    assert list(steps_in(tmp_path / "full").values()) == [BATCHES, 2 * BATCHES, 4 * BATCHES]


def test_a_directory_that_cannot_be_is_an_error_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    trainer, batches = plain()
    trainer.callbacks = (nn.Checkpoint(tmp_path / "file"),)
    with pytest.raises(OSError):
        trainer.fit(batches, 1, progress=False)
    assert trainer.optimizer.steps == 0


# ---- resume -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [plain, dropout_with_metrics_and_clipping])
def test_resume_takes_the_newest_and_falls_back_when_it_is_damaged(make, tmp_path, caplog):
    whole = run(tmp_path, make=make, epochs=3)
    newest = tmp_path / "checkpoint-000003.npz"
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 16
    newest.write_bytes(data)
    with caplog.at_level(logging.WARNING, "tinynn"):
        resumed = run(tmp_path, make=make, epochs=3, resume=True)
    assert "checkpoint-000003.npz" in caplog.text
    for name, value in whole.model.state_dict().items():
        assert value.tobytes() == resumed.model.state_dict()[name].tobytes()
    assert whole.history["cost"] == resumed.history["cost"]


def test_resume_without_a_whole_checkpoint_is_false(tmp_path, caplog):
    trainer, _ = plain()
    assert trainer.resume(tmp_path / "nowhere") is False
    assert trainer.resume(str(tmp_path)) is False
    run(tmp_path, epochs=1)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert trainer.resume(tmp_path) is False
    assert "checkpoint-000001.npz" in caplog.text
    assert (trainer.optimizer.steps, len(trainer.history)) == (0, 0)


def test_resume_says_if_the_newest_is_of_another_network(tmp_path):
    run(tmp_path, epochs=1)
    model = nn.Sequential(nn.Dense(64, 3), rng=0)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(model))
    with pytest.raises(CheckpointError, match="checkpoint-000001.npz does not fit this trainer: .*0.weight"):
        trainer.resume(tmp_path)


# ---- arguments --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"every_epochs": 1, "every_steps": 5}, InvalidValueError, "every_epochs or every_steps, not both"),
        ({"every_epochs": 0}, InvalidValueError, "Checkpoint: every_epochs must be at least 1, got 0"),
        ({"every_steps": 2.0}, DtypeError, "Checkpoint: every_steps must be an int, got 2.0"),
        ({"keep": 0}, InvalidValueError, "Checkpoint: keep must be at least 1, got 0"),
        ({"best": "figure of merit"}, InvalidValueError, "mode"),
    ],
)
def test_what_cannot_be_is_refused(keywords, error, message, tmp_path):
    with pytest.raises(error, match=message):
        nn.Checkpoint(tmp_path, **keywords)


def test_a_repr_that_reads_as_code():
    assert repr(nn.Checkpoint("runs")) == "Checkpoint('runs', every_epochs=1, keep=3)"
    saving = nn.Checkpoint("runs", every_steps=5, keep=2, best="validation_accuracy")
    assert repr(saving) == "Checkpoint('runs', every_steps=5, keep=2, best='validation_accuracy')"
    assert saving.best == "validation_accuracy"
