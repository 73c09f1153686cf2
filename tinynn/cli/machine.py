"""What a measurement runs on: processor, cores, load, versions, NumPy's BLAS and the kernel and threads of that."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import tinynn as nn
from tinynn import _workers
from tinynn._threads import openblas


def describe() -> dict[str, Any]:
    """The facts by name; None where they cannot be found out.

    >>> describe()["numpy"] == np.__version__
    True
    """
    configuration: Any = np.show_config(mode="dicts")
    blas = configuration["Build Dependencies"]["blas"]
    kernel, threads = openblas("get_corename"), openblas("get_num_threads")
    if kernel is not None:
        kernel.restype = ctypes.c_char_p
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tinynn": nn.__version__,
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "blas_configuration": blas.get("openblas configuration"),  # names the builder's kernel, not the one in use
        "blas_kernel": kernel and kernel().decode(),
        "blas_threads": threads and threads(),
        "workers": _workers.workers(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "cores": _workers.cores(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _cpu() -> str:
    """The processor's name, from the kernel where it tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def others() -> float | None:
    """Processor seconds that other programs have taken since the machine started; None where the kernel is silent."""
    with contextlib.suppress(OSError, ValueError):
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        user, nice, system, _, _, irq, softirq, steal = map(int, fields)
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - sum(os.times()[:2])
    return None
