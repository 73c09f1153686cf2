"""Anything at all in the place of any argument ends in an error of tinynn's or works, and all still works afterwards.

Each argument meets a quarter of the menu, its neighbour the next one; under the profile nightly each meets it all.
"""

from __future__ import annotations

import functools
import itertools
import os
from typing import Any

import numpy as np
import pytest
from bad_input.menu import MENU
from bad_input.use import Use, same
from bad_input.uses import USES
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn as nn

FUZZED = [use for use in USES if use.exposed]
QUARTERS = [sorted(MENU)[k::4] for k in range(4)]
if os.environ.get("HYPOTHESIS_PROFILE") == "nightly":
    QUARTERS = [sorted(MENU)]


def refused(use: Use, thing: Any, wrong: dict[str, str]) -> bool:
    """Whether the call with these things of the menu ends in an error of ours; whatever else it raises goes on."""
    try:
        # Where values overflow, NumPy may warn: that is its answer to data that are not finite.
        with np.errstate(all="ignore"):
            use.call(thing, **use.right | {name: MENU[key]() for name, key in wrong.items()})
    except (nn.TinynnError, *use.documented):
        return True
    except Exception as error:
        error.add_note(f"{use} with {wrong}")
        raise
    return False


@functools.cache
def results(place: int) -> Any:
    """What the object of a use gives when nothing wrong came before."""
    use = FUZZED[place]
    return use.works(use.make())


@pytest.mark.parametrize("place", range(len(FUZZED)), ids=[use.name for use in FUZZED])
def test_any_one_argument(place):
    use = FUZZED[place]
    thing, taken = use.make(), []
    for quarter, name in zip(itertools.islice(itertools.cycle(QUARTERS), place % 4, None), use.exposed):  # noqa: B905
        for key in quarter:
            if not refused(use, thing, {name: key}):
                taken.append((name, key))
                thing = use.make()
    assert same(use.works(thing), results(place)), f"after all else was refused but {taken}"


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, list[dict[str, str]]]:
    """A use, and some calls each of which has one or more arguments wrong."""
    place = draw(st.integers(0, len(FUZZED) - 1))
    names, keys = st.sampled_from(FUZZED[place].exposed), st.sampled_from(sorted(MENU))
    return place, draw(st.lists(st.dictionaries(names, keys, min_size=1), min_size=1, max_size=4))


@settings(max_examples=100)
@given(calls())
def test_several_arguments_in_several_calls(drawn):
    place, wrong = drawn
    use = FUZZED[place]
    thing = use.make()
    if all([refused(use, thing, call) for call in wrong]):
        assert same(use.works(thing), results(place))
    use.call(use.make(), **use.right)
