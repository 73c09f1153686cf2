"""The distributions: what is in them, and that they run from an empty environment."""

from __future__ import annotations

import email
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MNIST = ROOT / "packages" / "tinynn-mnist"

# Three lines of training, and the data, as a user of the installed package has them.
PROGRAM = """
import numpy as np
import tinynn as nn

x, y = nn.data.load_digits()
model = nn.Sequential(nn.Dense(64, 20), nn.Sigmoid(), nn.Dense(20, 10), rng=0)
loss, optimizer = nn.SoftmaxCrossEntropy(), nn.SGD(model, learning_rate=0.5)
before = loss.forward(model.forward(x), y)
for x_batch, target in nn.Batches(x, y, batch_size=10, rng=0):
    loss.forward(model.forward(x_batch), target)
    model.backward_parameters(loss.backward())
    optimizer.step()
assert loss.forward(model.forward(x), y) < before / 2
assert nn.data.load_mnist(dtype=np.uint8)[0][0].shape == (60000, 784)
print(nn.__file__)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """The command's standard output; what it said, if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source: Path, out: Path) -> Path:
    """The wheel, built from the source distribution, which so proves complete. Needs no network."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    return build(MNIST, tmp_path_factory.mktemp("mnist"))


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_core_is_small_and_holds_the_package_alone(core):
    assert core.stat().st_size < 400_000
    source = (path for path in (ROOT / "tinynn").rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    expected = {path.relative_to(ROOT).as_posix() for path in source}
    assert contents(core) == expected
    assert {"tinynn/py.typed", "tinynn/data/digits.bz2", "tinynn/__main__.py"} <= expected


def test_the_source_distribution_leaves_mnist_out(core):
    (sdist,) = core.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert any(name.endswith("/tests/test_packaging.py") for name in names)
    assert not [name for name in names if "/packages" in name or name.endswith("-ubyte.gz")]


def test_the_core_needs_numpy_alone(core):
    about = metadata(core)
    assert about["Name"] == "tinynn-numpy"
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "MIT"
    requirements = about.get_all("Requires-Dist")
    assert [each for each in requirements if "extra ==" not in each] == ["numpy>=2.0"]
    assert {"mnist", "plots", "progress", "dev"} <= set(about.get_all("Provides-Extra"))
    assert any(re.match(r"tinynn-mnist\b.*extra == 'mnist'", each) for each in requirements)
    assert not any(each.startswith("torch") for each in requirements)


def test_the_version_is_the_modules(core):
    import tinynn

    assert metadata(core)["Version"] == tinynn.__version__


def test_the_companion_holds_the_four_files_and_no_dependency(mnist):
    about = metadata(mnist)
    assert about["Name"] == "tinynn-mnist"
    assert about["License-Expression"] == "CC-BY-SA-3.0"
    assert about.get_all("Requires-Dist") is None
    names = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    assert contents(mnist) == {f"tinynn_mnist/{name}" for name in [*names, "__init__.py", "py.typed"]}


def test_they_run_from_an_empty_environment(core, mnist, tmp_path):
    home = tmp_path / "environment"
    venv.create(home, symlinks=os.name != "nt")
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    python = Path(paths["scripts"], "python")
    # NumPy as it stands here, and nothing else, so that no index is asked.
    for part in {Path(file).parts[0] for file in importlib.metadata.files("numpy")} - {".."}:
        Path(paths["purelib"], part).symlink_to(importlib.metadata.distribution("numpy").locate_file(part))
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index")
    run(*install, core, mnist, cwd=tmp_path)  # pip itself checks that NumPy is all they need
    where = run(python, "-I", "-W", "error", "-c", PROGRAM, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(home)
    assert "train" in run(Path(paths["scripts"], "tinynn"), "--help", cwd=tmp_path)
