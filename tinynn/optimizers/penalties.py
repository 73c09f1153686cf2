"""Weight decay and its relatives: what is added to the gradient, or taken off the weights, before the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tinynn._arrays import Array
    from tinynn._calls import Call
    from tinynn.optimizers.blocks import Block
    from tinynn.optimizers.groups import Group
    from tinynn.optimizers.scratch import Scratch


def penalty_calls(block: Block, group: Group, shrinking: Array | None, scratch: Scratch) -> tuple[list[Call], Array]:
    """Calls for g + λ w + λ₁ sign(w), and the array that then holds it: the gradient's own if nothing is added.

    With `shrinking`, 1 − η λ, the decay is decoupled: the weights are multiplied by it and λ w is left out.
    """
    value, grad, _ = block
    calls: list[Call] = []
    if shrinking is not None:
        calls.append((np.multiply, (value, shrinking, value)))
    elif group.weight_decay:
        penalised, decay = scratch.like("penalised", value), np.array(group.weight_decay, value.dtype)
        calls += [(np.multiply, (value, decay, penalised)), (np.add, (grad, penalised, penalised))]
        grad = penalised
    if group.l1_decay:
        penalised, term = scratch.like("penalised", value), scratch.like("penalty", value)
        decay = np.array(group.l1_decay, value.dtype)
        calls += [(np.sign, (value, term)), (np.multiply, (term, decay, term)), (np.add, (grad, term, penalised))]
        grad = penalised
    return calls, grad


def penalty(block: Block, group: Group, decoupled: bool) -> float:
    """λ/2 ‖w‖² + λ₁ ‖w‖₁ of one block; a decoupled decay adds nothing."""
    value, total = block.value, 0.0
    if group.weight_decay and not decoupled:
        total += 0.5 * group.weight_decay * float(value @ value)
    if group.l1_decay:
        total += group.l1_decay * float(np.abs(value).sum())
    return total
