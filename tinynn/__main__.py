"""`python -m tinynn`."""

from __future__ import annotations

import sys

from tinynn.cli import main

if __name__ == "__main__":
    sys.exit(main())
