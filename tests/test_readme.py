"""The code in README and docs runs and prints what they say; their links lead somewhere."""

import doctest
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: Pages with Python blocks, and how many.
PAGES = {
    "README.md": 4,
    "docs/callbacks.md": 4,
    "docs/format.md": 6,
    "docs/gradient_checking.md": 3,
    "docs/schedules.md": 5,
}


@pytest.mark.parametrize(("name", "expected"), PAGES.items())
def test_the_blocks_run_and_print_what_they_say(name, expected):
    text = (ROOT / name).read_text(encoding="utf-8")
    # Everything but the Python blocks becomes blank lines, so that a failure names the page's own line.
    lines = text.split("\n")
    code, inside, blocks = [""] * len(lines), False, 0
    for k, line in enumerate(lines):
        if line.startswith("```"):
            inside, blocks = line == "```python", blocks + (line == "```python")
        elif inside:
            code[k] = line
    assert blocks == expected, "a Python block came or went: say so in PAGES"
    test = doctest.DocTestParser().get_doctest("\n".join(code), {}, name, str(ROOT / name), 0)
    flags = doctest.REPORT_ONLY_FIRST_FAILURE | doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    assert len(test.examples) > 10
    assert runner.run(test).failed == 0


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_program_of_the_index_page_learns():
    text = (ROOT / "docs" / "pypi.md").read_text(encoding="utf-8")
    code = text[text.index("    import numpy") : text.index("A custom layer")]
    found = {}
    exec(textwrap.dedent(code), found)
    assert found["cost"] < 0.1
