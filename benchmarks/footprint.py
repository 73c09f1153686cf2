"""What a distribution takes on disk: its files as installed, and those of everything that it requires."""

import importlib.metadata
import importlib.util
import io
import re
import zipfile
from pathlib import Path


def closure(name):
    """The distribution's name, then those of all that it requires, directly or not, and that are installed.

    What only an extra requires is left out; the conditions on platform and Python are taken as met where the
    requirement is installed.
    """
    found, waiting = [], [name]
    while waiting:
        name = canonical(waiting.pop(0))
        if name not in found and (distribution := installed(name)):
            found.append(name)
            waiting += filter(None, map(required, distribution.requires or []))
    return found


def required(requirement):
    """The name in a requirement as metadata writes it; None if an extra asks for it.

    >>> required("jaxlib<=0.10.2,>=0.10.1"), required("pytest>=8; extra == 'dev'")
    ('jaxlib', None)
    """
    return None if "extra ==" in requirement else re.match(r"[\w.-]+", requirement).group()


def canonical(name):
    """
    >>> canonical("ml_dtypes")
    'ml-dtypes'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(name):
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def files(name, package=None):
    """The distribution's files but for what is compiled on first use.

    Parameters: package, whose folder counts instead if the distribution is installed in place ("editable").
    """
    listed = [Path(path.locate()) for path in installed(name).files or []]
    if package and not any(path.parent.name == package for path in listed):
        listed = list(folder(package).rglob("*"))
    return [path for path in listed if shipped(path)]


def shipped(path):
    """Whether it is a file that came with the package: what is compiled on first use lies in __pycache__."""
    return "__pycache__" not in path.parts and path.is_file()


def folder(package):
    return Path(importlib.util.find_spec(package).origin).parent


def size(paths):
    return sum(path.stat().st_size for path in paths)


def wheel(package):
    """Bytes of the package's files, deflated as in a wheel."""
    root = folder(package)
    paths = [path for path in sorted(root.rglob("*")) if shipped(path)]
    with zipfile.ZipFile(archive := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as opened:
        for path in paths:
            opened.write(path, path.relative_to(root.parent))
    return len(archive.getvalue())
