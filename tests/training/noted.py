"""What tinynn notes through logging."""

from __future__ import annotations

import contextlib
import logging
import re


@contextlib.contextmanager
def noted(match=""):
    """Within, notes are kept as texts; at the end one of them must match."""
    texts, handler, logger = [], logging.Handler(), logging.getLogger("tinynn")
    handler.emit = lambda record: texts.append(record.getMessage())
    logger.addHandler(handler)
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
    assert any(re.search(match, text) for text in texts), f"no note matches {match!r}: {texts}"
