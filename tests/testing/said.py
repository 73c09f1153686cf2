"""What the kit says of each wrong case, as it was read and found good: said.txt, numbers left out.

After a change of messages, or a new case: `python tests/testing/said.py` from the project's root writes the file
anew; read what git shows of it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FILE = Path(__file__).with_name("said.txt")


def said(error: Exception) -> str:
    """The broken law, or the likely causes, with # for each number: the numbers have tests of their own."""
    lines = str(error).split("\n\n")[0].splitlines()
    kept = [line for line in lines if ": the code says " not in line and not line.endswith(": wrong gradient")]
    return re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "#", "\n".join(kept))


def read() -> dict[str, str]:
    """The text of each case by its name."""
    paragraphs = FILE.read_text("utf-8").rstrip("\n").split("\n\n")
    return dict(paragraph.split("\n", 1) for paragraph in paragraphs)


def write() -> None:
    from testing.test_wrong import CASES

    from tinynn.testing import GradientError

    paragraphs = []
    for case in CASES:
        try:
            case.run(True)
        except GradientError as error:
            paragraphs.append(f"{case.name}\n{said(error)}\n")
    FILE.write_text("\n".join(paragraphs), "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    write()
