"""Imports the modules named, and says as JSON how many seconds that took and the bytes in memory after it."""

import importlib
import json
import sys
import time

from benchmarks.programs.status import status


def main(*names):
    began = time.perf_counter()
    for name in names:
        importlib.import_module(name)
    print(json.dumps({"seconds": time.perf_counter() - began, "resident": status("VmRSS")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
