"""What is exported, that each of it is documented, and that each class has its row in the law tables."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys

import pytest
from cases import LAYERS, LOSSES, OPTIMIZERS, public

import tinynn as nn

CLASSES = [name for name in nn.__all__ if inspect.isclass(getattr(nn, name))]
CALLABLES = [name for name in nn.__all__ if callable(getattr(nn, name))]


# ---- the law tables -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("base", "covered", "table", "row"),
    [
        (nn.Layer, {type(row.make()) for row in LAYERS}, "LAYERS", "LayerRow(lambda: nn.{0}(…), sample shape)"),
        (nn.Loss, {type(row.make()) for row in LOSSES}, "LOSSES", "LossRow(lambda: nn.{0}(), kind of target, best)"),
        (nn.Optimizer, {row.make for row in OPTIMIZERS}, "OPTIMIZERS", "row(nn.{0}, rate, rate)"),
    ],
    ids=["layers", "losses", "optimizers"],
)
def test_every_public_class_is_held_to_the_laws(base, covered, table, row):
    missing = sorted(c.__name__ for c in public(base) - covered)
    hints = "; ".join(f"add {row.format(name)} to {table} in tests/cases.py" for name in missing)
    assert not missing, f"no law is tested for {', '.join(missing)}: {hints}"


def test_the_coverage_test_sees_a_class_without_a_row(monkeypatch):
    class Fresh(nn.Identity):
        pass

    monkeypatch.setattr(nn, "Fresh", Fresh, raising=False)
    monkeypatch.setattr(nn, "__all__", [*nn.__all__, "Fresh"])
    assert public(nn.Layer) - {type(row.make()) for row in LAYERS} == {Fresh}


# ---- names --------------------------------------------------------------------------------------
def test_all_is_what_is_exported():
    assert len(set(nn.__all__)) == len(nn.__all__)
    own = {n: v for n, v in vars(nn).items() if not n.startswith("_") and not inspect.ismodule(v)}
    visible = {
        n for n, v in own.items() if getattr(v, "__module__", "tinynn").startswith("tinynn") and n != "TYPE_CHECKING"
    }
    assert visible <= set(nn.__all__), f"not in __all__: {sorted(visible - set(nn.__all__))}"
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert {"data", "initializers"} <= set(nn.__all__)


@pytest.mark.parametrize(
    "module",
    ["data", "initializers", "layers", "losses", "metrics", "optimizers", "schedules", "storage", "training"],
)
def test_each_part_exports_what_it_says(module):
    module = importlib.import_module(f"tinynn.{module}")
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_class_everywhere(name):
    """Errors and reprs name a class by the name under which a user imports it."""
    assert getattr(nn, name).__name__ == name
    assert getattr(nn, name).__module__.split(".")[0] == "tinynn"


DEFAULTS = {
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "dampening": 0.0, "nesterov": False},
    "Adagrad": {"learning_rate": 0.01, "epsilon": 1e-10, "initial_accumulator": 0.0, "learning_rate_decay": 0.0},
    "RMSprop": {"learning_rate": 0.01, "decay": 0.99, "epsilon": 1e-8, "momentum": 0.0, "centered": False},
    "Adam": {"learning_rate": 0.001, "betas": (0.9, 0.999), "epsilon": 1e-8, "amsgrad": False},
    "AdamW": {"learning_rate": 0.001, "betas": (0.9, 0.999), "epsilon": 1e-8, "weight_decay": 0.01},
    "Adadelta": {"learning_rate": 1.0, "decay": 0.9, "epsilon": 1e-6},
    "NAdam": {"learning_rate": 0.002, "betas": (0.9, 0.999), "epsilon": 1e-8, "momentum_decay": 0.004},
    "RAdam": {"learning_rate": 0.001, "betas": (0.9, 0.999), "epsilon": 1e-8},
    "Lion": {"learning_rate": 0.0001, "betas": (0.9, 0.99)},
    "MSE": {"half": True, "mean_over": "samples"},
    "MAE": {"mean_over": "samples"},
    "Huber": {"delta": 1.0, "mean_over": "samples"},
    "SoftmaxCrossEntropy": {"label_smoothing": 0.0, "class_weights": None},
    "Batches": {"batch_size": 32, "shuffle": True, "drop_last": False, "scale": None, "rng": None},
}


@pytest.mark.parametrize("name", sorted({*DEFAULTS} | {c.__name__ for c in public(nn.Optimizer)}))
def test_defaults_are_the_promised_ones(name):
    """PyTorch's for the optimizers; a new one needs its row in DEFAULTS."""
    have = {n: p.default for n, p in inspect.signature(getattr(nn, name)).parameters.items()}
    wanted = DEFAULTS[name]
    if issubclass(getattr(nn, name), nn.Optimizer):
        wanted = {"weight_decay": 0.0, "l1_decay": 0.0, **wanted}
    assert {n: have[n] for n in wanted} == wanted


def test_a_version():
    assert nn.__version__.count(".") == 2


# ---- documentation ------------------------------------------------------------------------------
def examples_of(thing):
    """The doctest examples of an object's own docstring."""
    return doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")


@pytest.mark.parametrize("name", CALLABLES)
def test_everything_public_is_documented(name):
    thing = getattr(nn, name)
    doc = thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)
    assert doc and doc.strip(), f"{name} has no docstring"
    first = doc.strip().splitlines()[0]
    assert first.endswith((".", ":")) or len(doc.strip().splitlines()) > 1, f"{name}: one sentence comes first"


@pytest.mark.parametrize(
    "name", [n for n in CALLABLES if not (inspect.isclass(getattr(nn, n)) and issubclass(getattr(nn, n), Exception))]
)
def test_everything_public_has_a_runnable_example(name):
    thing = getattr(nn, name)
    if name == "Loss":
        pytest.skip("abstract, and each loss shows its own")
    assert examples_of(thing), f"{name}: add an example (>>>) to its docstring"


@pytest.mark.parametrize("base", [nn.Layer, nn.Loss, nn.Optimizer], ids=lambda base: base.__name__)
def test_docstrings_state_shapes_and_sources(base):
    for thing in sorted(public(base), key=lambda c: c.__name__):
        wanted = {
            nn.Layer: ["Shapes:", "forward"],
            nn.Loss: ["Shapes:", "forward", "backward"],
            nn.Optimizer: ["Parameters:", "Source:", "←"],
        }
        for word in wanted[base]:
            assert word in thing.__doc__, f"{thing.__name__}: its docstring lacks {word!r}"


@pytest.mark.parametrize("name", nn.initializers.__all__)
def test_initializers_have_examples(name):
    assert examples_of(getattr(nn.initializers, name)), name


@pytest.mark.parametrize("name", nn.schedules.__all__)
def test_schedules_have_examples(name):
    assert examples_of(getattr(nn.schedules, name)), name


@pytest.mark.parametrize("name", nn.data.__all__)
def test_data_functions_have_examples(name):
    assert examples_of(getattr(nn.data, name)), name


# ---- imports ------------------------------------------------------------------------------------
def test_import_loads_nothing_heavy():
    """numpy and the standard library alone, and of that nothing slow."""
    heavy = (
        "matplotlib torch scipy hypothesis pytest mpmath sklearn pandas PIL argparse multiprocessing asyncio unittest"
    )
    later = "tinynn.cli tinynn.metrics tinynn.plots tinynn.schedules tinynn.storage tinynn.training"
    code = f"import sys, tinynn; print(sorted({{*{heavy.split()}, *{later.split()}}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ARROWS = [
    ("schedules", ("layers", "losses", "optimizers", "training", "data")),
    ("storage", ("losses", "optimizers", "training", "data")),
    ("parameter", ("layers", "losses", "optimizers", "training", "data")),
    ("layers", ("losses", "optimizers", "training", "data")),
    ("losses", ("layers", "optimizers", "training", "data")),
    ("optimizers", ("layers", "losses", "training", "data")),
    ("data", ("layers", "losses", "optimizers", "training")),
]
#: Imports one part without running tinynn/__init__.py, and prints what of tinynn it brought along.
ONE_PART = """
import importlib, sys, types
package = sys.modules["tinynn"] = types.ModuleType("tinynn")
package.__path__ = [{path!r}]
importlib.import_module("tinynn.{part}")
print(*(name for name in sys.modules if name.startswith("tinynn.")))
"""


@pytest.mark.parametrize(("part", "later"), ARROWS)
def test_arrows_point_one_way(part, later):
    """parameter ← layers, losses, optimizers ← training: each part imports without the later ones."""
    code = ONE_PART.format(path=nn.__path__[0], part=part)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    brought = {name.split(".")[1] for name in done.stdout.split()}
    assert part in brought
    assert not brought & set(later)
