"""Each wrong argument of each public callable ends in the error that names the rule, what came, and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
from bad_input.kinds import CATEGORIES, Row
from bad_input.use import Use, same
from bad_input.uses import USES

WITH_ROWS = [
    pytest.param(use, id=use.name) for use in USES if any(argument.rows for argument in use.arguments.values())
]


def fault(use: Use, thing: object, name: str, row: Row) -> str | None:
    """What the call with this one wrong argument does other than the row says."""
    try:
        with np.errstate(all="ignore"):
            result = use.call(thing, **{**use.right, name: row.value})
    except Exception as error:
        missing = [word for word in row.words if word not in str(error)]
        if type(error) is row.error and not missing:
            return None
        found = f"{type(error).__name__}: {error}" + (f", without {missing}" if missing else "")
    else:
        if row.error is None and row.gives(result):
            return None
        found = f"{result!r:.80}"
    expected = "a result" if row.error is None else row.error.__name__
    return f"{row.category}: {name}={row.value!r:.80} should end in {expected}, but gives {found}"


@pytest.mark.parametrize("use", WITH_ROWS)
def test_the_error_is_the_documented_one_and_all_still_works(use):
    rows = [(name, row) for name, argument in use.arguments.items() for row in argument.rows]
    thing = use.make()
    faults = [fault(use, thing, name, row) for name, row in rows if row.error is not None]
    faults += [fault(use, use.make(), name, row) for name, row in rows if row.error is None]
    assert not any(faults), "\n".join(filter(None, faults))
    assert same(use.works(thing), use.works(use.make())), "after what was refused it gives something else"
    use.call(thing, **use.right)


def test_each_category_has_its_rows():
    found = {row.category for use in USES for argument in use.arguments.values() for row in argument.rows}
    assert found == set(CATEGORIES)


def test_names_are_unique():
    names = [use.name for use in USES]
    assert len(set(names)) == len(names), sorted({name for name in names if names.count(name) > 1})
