"""Files of every format there ever was stay readable. The files were written by fixtures/make_format_fixtures.py."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_format_fixtures import halves, made, ones
from storage.custom import Normalisation

import tinynn as nn
from tinynn.storage import container, load, packing, save
from tinynn.storage.reader import VERSION

FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_small_network(version):
    model = load(FORMATS / f"model-{version}.npz", [Normalisation])
    assert repr(model) == "Sequential(Dense(2, 2), ReLU(), Normalisation(2, momentum=0.25), Dense(2, 1, bias=False))"
    assert model.dtype == np.float64
    assert {name: value.tolist() for name, value in model.state_dict().items()} == {
        "0.weight": [[1, 2], [3, 4]],
        "0.bias": [0.5, -0.5],
        "2.gain": [1, -2],
        "3.weight": [[-1, 8]],
        "2.mean": [0.25, 0.125],
        "2.variance": [1, 4],
        "2.batches": 3,
        "2.started": True,
    }
    assert repr(model[0].weight_initializer) == "nielsen(scaled=True)"
    assert repr(model[3].weight_initializer) == "constant(0.5)"
    # x = (1, 1) -> (3.5, 6.5) -> (3.25 · 1, 6.375 / 2 · −2) -> −3.25 − 51; x = (1, −1): both off, then −0.25 and 0.125.
    np.testing.assert_allclose(model.predict([[1.0, 1.0], [1.0, -1.0]]), [[-54.25], [1.25]], rtol=1e-4)


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_layer(version):
    model = load(FORMATS / f"layers-{version}.npz")
    assert " ".join(repr(model).split()) == (
        "Sequential( Flatten(), Reshape(2, -1), Identity(), Dropout(0.25), Sigmoid(), Tanh(), Step(), ReLU(), "
        "LeakyReLU(negative_slope=0.2), ELU(alpha=0.7), SELU(), GELU(approximate='tanh'), SiLU(), Softplus(beta=2.0), "
        "HardSigmoid(), Softmax(), Parallel(Dense(3, 2, bias=False), Residual(Dense(3, 3)), merge='sum'), )"
    )
    assert {name: value.shape for name, value in model.state_dict().items()} == {
        "16.0.weight": (2, 3),
        "16.1.0.weight": (3, 3),
        "16.1.0.bias": (3,),
    }


@pytest.mark.parametrize("name", made())
def test_what_is_written_now_is_what_was_written_then(name, tmp_path):
    """Where this fails on purpose, older versions cannot read what this one writes: it is a new format."""
    save(made()[name], tmp_path / name)
    assert (tmp_path / name).read_bytes() == (FORMATS / name).read_bytes()


def test_numpy_alone_reads_them():
    with np.load(FORMATS / "model-1.npz") as values:
        assert values["0.weight"].tolist() == [[1, 2], [3, 4]]
        assert values["2.batches"] == 3


def test_the_custom_layer_is_needed():
    with pytest.raises(nn.CheckpointError, match='custom_layers={"Normalisation": Normalisation}'):
        load(FORMATS / "model-1.npz")


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_checkpoint_in_the_middle_of_the_second_epoch(version):
    trainer, batches = halves(), ones()
    trainer.optimizer.learning_rate = 9.0  # the checkpoint brings the schedule
    trainer.load_checkpoint(FORMATS / f"checkpoint-{version}.npz")
    costs = [sum(4.0**-k for k in range(first, first + 4)) / 8 for first in (0, 4, 8)]  # w²/2, w halved by each batch
    assert trainer.model[0].weight.value.item() == 2.0**-6
    assert trainer.optimizer.steps == 6
    assert trainer.history["cost"] == [costs[0]]
    assert trainer.optimizer.learning_rate == nn.schedules.constant(0.5)
    assert trainer.callbacks[0].best == costs[0]
    history = trainer.fit(batches, 3, progress=False)
    assert history["cost"] == costs
    assert trainer.model[0].weight.value.item() == 2.0**-12
    assert trainer.callbacks[0].best_epoch == 3
    assert batches.rng.bit_generator.state == batches_after(3).rng.bit_generator.state


def batches_after(epochs):
    batches = ones()
    for _ in range(epochs):
        list(batches)
    return batches


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_checkpoint_holds_what_the_page_says(version):
    saved = packing.unpack(*container.read(FORMATS / f"checkpoint-{version}.npz", "checkpoint"))
    page = (FORMATS.parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
    told = page[page.index("## A checkpoint's content") : page.index("## Versions")]
    assert re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE) == [*saved, *(key for key in saved["epoch"])]
