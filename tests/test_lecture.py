"""docs/lecture.md leads from every term of the lecture to a line of code; this keeps the references alive.

A link `[Dense.backward](../tinynn/layers/dense.py#L88)` must lead to the line where that class, function or
name is defined. A link with a title, `[BP1](../examples/10_network_from_scratch.py#L50 "BP1:")`, must lead
to the one line that holds the title's text. Lines move; `python tests/test_lecture.py --fix` writes the new
numbers.
"""

import ast
import re
import sys
from pathlib import Path

import pytest

LECTURE = Path(__file__).resolve().parent.parent / "docs" / "lecture.md"
LINK = re.compile(r'\[([^\]]+)\]\(([^)\s#]+)(?:#L(\d+))?(?: "([^"]+)")?\)')
FIX = "run `python tests/test_lecture.py --fix`"
TERMS = (
    "perceptron, sigmoid neuron, why smooth, quadratic cost, right answers, ΔC ≈ ∇C·Δv, learning rate, "
    "true stochastic gradient descent, mini-batch, batch gradient descent, epoch, forward pass, "
    "weighted input, error δ, BP1, BP2, BP3, BP4, generalisation, hyper-parameters, one-hot, argmax, "
    "Adagrad, RMSprop, Adam"
)


def links():
    found = [match.groups() for match in LINK.finditer(LECTURE.read_text("utf-8"))]
    return [link for link in found if "://" not in link[1]]


def defined_at(body, name):
    """The line where a dotted name is defined within a module's or class's body; KeyError if it is not."""
    first, _, rest = name.partition(".")
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == first:
            return defined_at(node.body, rest) if rest else node.lineno
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if not rest and any(isinstance(target, ast.Name) and target.id == first for target in targets):
            return node.lineno
    raise KeyError(first)


def line_of(file, label, quote):
    """The line that a link should lead to. LookupError, saying why, if there is none."""
    text = (LECTURE.parent / file).read_text("utf-8")
    if quote:
        found = [number for number, line in enumerate(text.splitlines(), start=1) if quote in line]
        if len(found) != 1:
            raise LookupError(f"{quote!r} stands on {len(found)} lines of {file}; quote what stands on one alone")
        return found[0]
    try:
        return defined_at(ast.parse(text).body, label.strip("`"))
    except KeyError as missing:
        raise LookupError(f"{file} does not define {missing} of {label}; point the link elsewhere") from None


def fix():
    """Rewrite every line number of the lecture. Links that lead nowhere are left to the tests."""

    def renumber(match):
        label, file, line, quote = match.groups()
        if line is None:
            return match[0]
        try:
            return match[0].replace(f"#L{line}", f"#L{line_of(file, label, quote)}")
        except (LookupError, OSError) as error:
            print(error, file=sys.stderr)
            return match[0]

    text = LECTURE.read_text("utf-8")
    LECTURE.write_text(LINK.sub(renumber, text), "utf-8")


@pytest.mark.parametrize(("label", "file", "line", "quote"), links())
def test_link(label, file, line, quote):
    assert (LECTURE.parent / file).is_file(), f"docs/lecture.md: {label} leads to {file}, which does not exist"
    if line is None:
        return
    try:
        expected = line_of(file, label, quote)
    except LookupError as error:
        pytest.fail(f"docs/lecture.md: {error}")
    assert int(line) == expected, f"docs/lecture.md: {label} is on line {expected} of {file}, not {line}; {FIX}"


def test_every_term_of_the_lecture_is_there():
    text = " ".join(LECTURE.read_text("utf-8").lower().split())
    missing = [term for term in TERMS.split(", ") if term.lower() not in text]
    assert not missing, f"docs/lecture.md does not speak of: {', '.join(missing)}"


def test_links_are_many():
    """A change of the pattern that finds the links must not make all of the above pass on nothing."""
    assert len(links()) > 40


def test_fix_writes_the_lines_where_things_are(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    lecture = tmp_path / "docs" / "lecture.md"
    (tmp_path / "code.py").write_text("import math\n\n\nclass A:\n    def b(self):\n        return math.pi\n", "utf-8")
    lecture.write_text(
        '[`A.b`](../code.py#L9) [π](../code.py#L9 "math.pi") [no](../code.py) [`C`](../code.py#L9)', "utf-8"
    )
    monkeypatch.setattr(sys.modules[__name__], "LECTURE", lecture)
    fix()
    expected = '[`A.b`](../code.py#L5) [π](../code.py#L6 "math.pi") [no](../code.py) [`C`](../code.py#L9)'
    assert lecture.read_text("utf-8") == expected


if __name__ == "__main__":
    if sys.argv[1:] != ["--fix"]:
        sys.exit("usage: python tests/test_lecture.py --fix")
    fix()
