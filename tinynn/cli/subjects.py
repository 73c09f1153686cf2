"""What `gradcheck` is asked to check: classes by module or file, built into layers, losses and optimizers."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinynn as nn
from tinynn.errors import InvalidValueError
from tinynn.testing.signatures import required

if TYPE_CHECKING:
    from argparse import Namespace


class Subject(NamedTuple):
    """One thing to check: a layer, a loss, or a factory of optimizers; or why there is none."""

    name: str
    kind: str
    thing: Any = None
    problem: str = ""


def subjects(options: Namespace) -> Iterator[Subject]:
    """What MODULE[:CLASS] names, one after the other.

    Raises: InvalidValueError if there is no such module or class, or nothing to check in it.
    """
    where, name = _split(options.subject)
    module = _module(where)
    if name:
        yield _built(name, _attribute(module, name, where), options)
        return
    if options.args or options.kwargs:
        raise InvalidValueError(f"--args and --kwargs are for one class: say {where}:CLASS")
    found = list(_classes(module))
    if not found:
        raise InvalidValueError(f"no class with forward and backward, and no optimizer, is defined in {where}")
    for cls in found:
        try:
            yield _built(cls.__name__, cls, options)
        except InvalidValueError as error:
            yield Subject(cls.__name__, "", problem=str(error))


# ---- modules ------------------------------------------------------------------------------------
def _split(text: str) -> tuple[str, str]:
    """ "a/b.py:C" as ("a/b.py", "C"), "a.b" as ("a.b", ""); the colon of a drive letter separates nothing."""
    where, _, name = text.rpartition(":")
    return (where, name) if where and all(part.isidentifier() for part in name.split(".")) else (text, "")


def _module(where: str) -> ModuleType:
    """The module of a dotted name, or of a file; the current directory comes first, as with `python -m`."""
    _first_on_path(Path.cwd())
    if where.endswith(".py") and not Path(where).is_file():
        raise InvalidValueError(f"there is no file {where}")
    try:
        return _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name and (where == error.name or where.startswith(f"{error.name}.")):
            raise InvalidValueError(f"no module {error.name!r} in the current directory or installed") from error
        raise InvalidValueError(f"importing {where}: {reason(error)}") from error
    except (Exception, SystemExit) as error:
        raise InvalidValueError(f"importing {where}: {reason(error)}") from error


def _from_file(path: Path) -> ModuleType:
    """A file as a module: by its dotted name inside a package, by its own name elsewhere."""
    path = path.resolve()
    home, parts = path.parent, [path.stem]
    while (home / "__init__.py").is_file():
        home, parts = home.parent, [home.name, *parts]
    _first_on_path(home)
    if len(parts) > 1:
        module = importlib.import_module(".".join(parts))
        if not path.samefile(str(module.__file__)):
            raise ImportError(f"{'.'.join(parts)} is another module, {module.__file__}")
        return module
    name = path.stem
    while name in sys.modules:  # json.py is no reason to replace Python's own
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _first_on_path(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def _attribute(module: ModuleType, name: str, where: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [cls.__name__ for cls in _classes(module)]
            hint = f"; it defines {', '.join(known)}" if known else ""
            raise InvalidValueError(f"{where} has no {name}{hint}")
        found = getattr(found, part)
    return found


def _classes(module: ModuleType) -> Iterator[type]:
    """The public classes that a module or the modules of a package define, as far as they can be checked."""
    home = module.__name__
    for cls in dict.fromkeys(value for value in vars(module).values() if inspect.isclass(value)):
        own = cls.__module__ == home or cls.__module__.startswith(f"{home}.")
        differentiates = callable(getattr(cls, "forward", None)) and callable(getattr(cls, "backward", None))
        checked = differentiates or issubclass(cls, nn.Optimizer)
        if own and checked and not inspect.isabstract(cls) and not cls.__name__.startswith("_"):
            yield cls


# ---- objects ------------------------------------------------------------------------------------
def _built(name: str, found: Any, options: Namespace) -> Subject:
    """A class or function called with the arguments; an object as it is."""
    called = inspect.isclass(found) or (callable(found) and not hasattr(found, "forward"))
    if not called and (options.args or options.kwargs):
        raise InvalidValueError(f"{name} is an object already: --args and --kwargs are for a class")
    if inspect.isclass(found) and issubclass(found, nn.Optimizer):

        def factory(parameters: Any) -> Any:
            return found(parameters, *options.args, **options.kwargs)

        _call(name, lambda: factory([nn.Parameter(np.ones(2))]), options)
        return Subject(name, "optimizer", factory)
    if called:
        found = _call(name, functools.partial(found, *options.args, **options.kwargs), options)
    if not (callable(getattr(found, "forward", None)) and callable(getattr(found, "backward", None))):
        raise InvalidValueError(f"{name} is no layer, loss or optimizer: it has no forward and backward")
    is_loss = isinstance(found, nn.Loss) or (not isinstance(found, nn.Layer) and required(found.forward) == 2)
    return Subject(name, "loss" if is_loss else "layer", found)


def _call(name: str, make: Callable[[], Any], options: Namespace) -> Any:
    try:
        return make()
    except Exception as error:
        hint = "" if options.args or options.kwargs else f"; MODULE:{name} with --args or --kwargs gives it arguments"
        raise InvalidValueError(f"{name} cannot be built: {reason(error)}{hint}") from error


def reason(error: BaseException) -> str:
    """An exception in one line, with the place in the user's code that raised it."""
    text = ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))
    package = str(Path(nn.__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((package, "<"))]
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text
