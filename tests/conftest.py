"""Hypothesis profiles: dev (random, remembers failures), ci (the same examples each time), nightly (many).

HYPOTHESIS_PROFILE names one; without it, ci where the environment says CI, and dev elsewhere.
"""

from __future__ import annotations

import gc
import os

from hypothesis import HealthCheck, settings

# Scripts that made the fixtures, not tests; what they import need not be installed.
collect_ignore = ["fixtures"]

# No time limits of any kind: on a busy machine they fail for no fault of the code.
common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("dev", **common)
settings.register_profile("ci", **common, derandomize=True)
settings.register_profile("nightly", **common, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_collection_finish() -> None:
    """What is there before the first test stays: a collection of garbage need not look at ten thousand tests each time.

    Without it a collection takes 0.25 s, and the tests that measure memory ask for one each.
    """
    gc.collect()
    gc.freeze()
