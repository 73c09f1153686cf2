"""Notes: what went wrong beside the training, which goes on."""

from __future__ import annotations


def note(message: str) -> None:
    """Log a warning under the name "tinynn": without a logging configuration it is a line on stderr.

    No Python warning, for those who turn warnings into errors do not want to lose a night's training to one.

    >>> note("checkpoints/checkpoint-000003.npz is damaged; going on with the one before")
    """
    import logging  # on use: it costs as much as half of tinynn

    logging.getLogger("tinynn").warning(message)
