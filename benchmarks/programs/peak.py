"""Runs another program of this package, its arguments after its name, and says the most bytes that it held."""

import runpy
import sys

from benchmarks.programs.status import status


def main(name, *arguments):
    sys.argv[1:] = arguments
    runpy.run_module(f"benchmarks.programs.{name}", run_name="__main__")
    print("peak", status("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
