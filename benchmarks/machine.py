"""What a measurement ran on: processor, cores, load, Python, NumPy, its BLAS and the kernel and threads of that."""

import contextlib
import ctypes
import json
import os
import platform
import subprocess
import sys
from pathlib import Path


def clean_environment():
    """This process's environment without what would make OpenBLAS take a slower kernel than it needs to."""
    return {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


def environment():
    """Versions, processor and BLAS, as a contender sees them."""
    command = [sys.executable, Path(__file__).resolve()]
    return json.loads(subprocess.run(command, env=clean_environment(), check=True, capture_output=True).stdout)


def caption(found):
    """An environment in a line."""
    kernel, threads = found["blas_kernel"] or "unknown", found["blas_threads"] or "unknown"
    return (
        f"{found['cpu']}, {found['cpus']} processors (load {found['load_average']:.1f}); Python {found['python']}, "
        f"NumPy {found['numpy']}, {found['blas']}, kernel {kernel}, BLAS threads: {threads}"
    )


def describe():
    """What `environment` tells, found out in this process."""
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    kernel, threads = _openblas(Path(np.__file__))
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "blas_configuration": blas.get("openblas configuration"),  # names the builder's kernel, not the one in use
        "blas_kernel": kernel,
        "blas_threads": threads,
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


def _cpu():
    """The processor's name, from the kernel where it tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _openblas(numpy_file):
    """The kernel that the OpenBLAS in NumPy's wheel chose for this processor, and its threads; else (None, None)."""
    folders = numpy_file.parent.parent / "numpy.libs", numpy_file.parent / ".dylibs"
    for path in (path for folder in folders for path in folder.glob("*openblas*")):
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(str(path))
            library.scipy_openblas_get_corename64_.restype = ctypes.c_char_p
            name = library.scipy_openblas_get_corename64_().decode()
            return name, library.scipy_openblas_get_num_threads64_()
    return None, None


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
