"""A pytest plugin, there wherever tinynn is installed: the fixture and marker `gradcheck`, and short failures.

    @pytest.mark.gradcheck(examples=20)
    def test_my_layer(gradcheck):
        gradcheck.check_layer(MyLayer(3, 4), input_shape=(5, 3))

checks with rng=0, …, rng=19. `pytest --gradcheck-examples 100` sets the number for tests without one of
their own. A GradientError anywhere in a test, with the fixture or without, is shown as the test's own lines
and a section "gradient check" with the wrong entries, likely causes and the table.

Nothing of tinynn is imported here before a check runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tinynn.testing import Report

OPTION, NAME, SECTION = "--gradcheck-examples", "gradcheck", "gradient check"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tinynn", "gradient checks").addoption(
        OPTION,
        type=_whole,
        default=1,
        metavar="N",
        help="check N times, with rng=0, …, N−1, in tests that use the fixture gradcheck (default: 1); "
        "@pytest.mark.gradcheck(examples=N) sets a test's own number",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "gradcheck(examples=N): a gradient check; the fixture gradcheck repeats its checks N times"
    )


class GradientChecks:
    """The checks of tinynn.testing, each repeated with rng, rng + 1, … (rng=0 unless given).

    Each method takes the arguments of the function of its name, raises its GradientError at the first
    example that fails, with a note that says which, and returns the last example's report.
    """

    def __init__(self, examples: int = 1) -> None:
        self.examples = examples

    def check_gradient(self, *arguments: Any, **options: Any) -> Report:
        return self._repeat("check_gradient", arguments, options)

    def check_jacobian(self, *arguments: Any, **options: Any) -> Report:
        return self._repeat("check_jacobian", arguments, options)

    def check_hessian_product(self, *arguments: Any, **options: Any) -> Report:
        return self._repeat("check_hessian_product", arguments, options)

    def check_layer(self, *arguments: Any, **options: Any) -> Report:
        return self._repeat("check_layer", arguments, options)

    def check_loss(self, *arguments: Any, **options: Any) -> Report:
        return self._repeat("check_loss", arguments, options)

    def check_network(self, *arguments: Any, **options: Any) -> Report:
        return self._repeat("check_network", arguments, options)

    def check_optimizer(self, *arguments: Any, **options: Any) -> Report:
        """Once: nothing in it is drawn."""
        from tinynn.testing import check_optimizer

        return check_optimizer(*arguments, **options)

    def _repeat(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Report:
        from tinynn import testing

        check, first = getattr(testing, name), options.pop("rng", 0)
        if not isinstance(first, int):
            raise TypeError(
                f"gradcheck.{name}: rng must be a whole number, the first of {self.examples}, got {first!r}"
            )
        report: Report
        for rng in range(first, first + self.examples):
            try:
                report = check(*arguments, rng=rng, **options)
            except testing.GradientError as error:
                error.add_note(f"with rng={rng}, example {rng - first + 1} of {self.examples}")
                raise
        return report


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> GradientChecks:
    """check_gradient, check_layer, … as in tinynn.testing, repeated --gradcheck-examples times."""
    mark = request.node.get_closest_marker(NAME)
    examples = request.config.getoption(OPTION) if mark is None else _marked(mark, request.config.getoption(OPTION))
    return GradientChecks(examples)


def _marked(mark: pytest.Mark, default: int) -> int:
    """The number of examples that a marker asks for."""
    asked = [*mark.args, *mark.kwargs.values()]
    examples = asked[0] if asked else default
    if len(asked) > 1 or mark.kwargs.keys() - {"examples"} or type(examples) is not int or examples < 1:
        words = ", ".join([*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())])
        pytest.fail(f"expected @pytest.mark.gradcheck(examples=N), N at least 1, got gradcheck({words})", pytrace=False)
    return examples


# ---- the look of a failure ----------------------------------------------------------------------
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    kit = sys.modules.get("tinynn.testing.report")
    if kit is not None and call.excinfo is not None:
        for name in [name for name in sys.modules if name.startswith("tinynn.testing")]:
            vars(sys.modules[name])["__tracebackhide__"] = True  # --full-trace shows it all the same
    outcome = yield
    error = None if call.excinfo is None else call.excinfo.value
    marked = item.config.getoption("tbstyle") in ("auto", "long", "short")  # the styles with lines marked E
    if marked and kit is not None and isinstance(error, kit.GradientError):
        _shorten(outcome.get_result().longrepr, error)


def _shorten(shown: Any, error: BaseException) -> None:
    """Leave the test's own lines and the message's first; all else goes into a section of its own."""
    entries = getattr(getattr(shown, "reprtraceback", None), "reprentries", [])
    if not entries:
        return
    if isinstance(error.__cause__, type(error)):  # a network's failing link: the message tells of it
        shown.chain = shown.chain[-1:]
    lines = entries[-1].lines
    for k in [k for k, line in enumerate(lines) if line.startswith("E ")][:0:-1]:
        del lines[k]
    text = str(error).split("\n", 1)[1:] + getattr(error, "__notes__", [])
    if text:
        shown.addsection(SECTION, "\n".join(text))


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)
