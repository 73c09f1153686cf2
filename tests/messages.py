"""What the tests of error messages share."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def assert_says(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """call raises this very error, with this message to the letter."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message
