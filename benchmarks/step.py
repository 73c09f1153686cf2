"""Where gradcheck.py finds `table`; the training step itself is measured by questions/step.py."""

from interleaved import ROOT  # noqa: F401, makes the package below importable

from benchmarks.report import table  # noqa: F401
