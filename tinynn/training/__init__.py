"""Training: the loop over epochs, with all that one expects around it."""

from __future__ import annotations

from tinynn.training.history import History
from tinynn.training.trainer import Trainer

__all__ = ["History", "Trainer"]
