"""The README's code runs and prints what the README says."""

import doctest
import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_blocks_run_and_print_what_they_say():
    text = README.read_text(encoding="utf-8")
    # Everything but the Python blocks becomes blank lines, so that a failure names the README's own line.
    blank = re.sub(r"[^\n]", "", text)
    code = list(blank.split("\n"))
    lines, inside, blocks = text.split("\n"), False, 0
    for k, line in enumerate(lines):
        if line.startswith("```"):
            inside, blocks = line == "```python", blocks + (line == "```python")
        elif inside:
            code[k] = line
    assert blocks == 2, "a Python block came or went: say so here"
    test = doctest.DocTestParser().get_doctest("\n".join(code), {}, "README.md", str(README), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    assert len(test.examples) > 10
    assert runner.run(test).failed == 0


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), f"README.md links to {target}, which is not there"
