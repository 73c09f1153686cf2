"""The shim between Python and the C library: built, preloaded, and switched from within."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from faults.report import environment, fail


def why_not() -> str:
    """Why there can be no shim here, if so."""
    if not sys.platform.startswith("linux"):
        return "not tried: needs Linux"
    return "" if shutil.which("cc") else "not tried: needs a C compiler"


def run_with_shim(program: str, directory: str) -> str:
    """What a program prints that runs with the shim, its argument the directory; its mistakes are failures."""
    shim = Path(directory, "shim.so")
    source = Path(__file__).with_name("shim.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    variables = environment(LD_PRELOAD=str(shim))
    done = subprocess.run(
        [sys.executable, "-W", "error", program, directory], env=variables, capture_output=True, text=True
    )
    if done.returncode:
        fail(done.stderr[-2000:])
    return done.stdout


class Shim:
    """Its switches, in the process that it was loaded into."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._arm, self._disarm = library.faults_arm, library.faults_disarm
        self._arm.argtypes, self._disarm.restype = [ctypes.c_long, ctypes.c_int, ctypes.c_size_t], ctypes.c_char_p

    def call(self, function: Callable[[], object], nth: int = 0, error: int = 0, most: int = 0) -> tuple[str, object]:
        """(the calls that were made, as letters; what it returned or the OSError that it raised).

        Parameters: nth, the call that fails, and its errno; most, the bytes that a read or write may take.
        """
        self._arm(nth, error, most)
        try:
            result = function()
        except OSError as raised:
            result = raised
        finally:
            calls = self._disarm().decode()
        return calls, result
