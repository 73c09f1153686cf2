"""What the optimizers' errors and reprs say, to the letter."""

from __future__ import annotations

import numpy as np
import pytest
from messages import assert_says

import tinynn as nn

WEIGHT = nn.Parameter([1.0])
SHAPE, DTYPE, VALUE = nn.ShapeError, nn.DtypeError, nn.InvalidValueError

#: what is called, the error, and all that it says.
MESSAGES = [
    (
        lambda: nn.SGD(WEIGHT, 0.1),
        DTYPE,
        (
            "expected a Layer, an iterable of Parameters or a list of groups, got Parameter(shape=(1,), "
            "dtype=float32); put a single one into a list"
        ),
    ),
    (
        lambda: nn.SGD([{"parameters": [WEIGHT]}, WEIGHT], 0.1),
        DTYPE,
        "expected every group to be a dict, got Parameter(shape=(1,), dtype=float32)",
    ),
    (
        lambda: nn.SGD([{"parameters": [WEIGHT], "lr": 0.1}], 0.1),
        VALUE,
        ("a group needs 'parameters' and may have learning_rate, weight_decay, l1_decay; got ['lr', 'parameters']"),
    ),
    (
        lambda: nn.SGD([{"parameters": [WEIGHT], "learning_rate": -1}], 0.1),
        VALUE,
        "group: learning_rate must be at least 0, got -1",
    ),
    (lambda: nn.SGD([WEIGHT], "0.1"), DTYPE, "SGD: learning_rate must be a number, got '0.1'"),
    (
        lambda: nn.SGD([WEIGHT], lambda step: -1).step(),
        VALUE,
        "SGD: the schedule's learning rate for step 0 must be at least 0, got -1",
    ),
    (
        lambda: nn.SGD([WEIGHT], lambda step: "a").step(),
        DTYPE,
        "SGD: the schedule's learning rate for step 0 must be a number, got 'a'",
    ),
    (lambda: nn.SGD([WEIGHT], 0.1, weight_decay=-1), VALUE, "SGD: weight_decay must be at least 0, got -1"),
    (lambda: nn.SGD([WEIGHT], 0.1, l1_decay=-1), VALUE, "SGD: l1_decay must be at least 0, got -1"),
    (lambda: nn.SGD([WEIGHT], 0.1, momentum=1.0), VALUE, "SGD: momentum must be at least 0 and below 1, got 1.0"),
    (lambda: nn.SGD([WEIGHT], 0.1, dampening=-1), VALUE, "SGD: dampening must be at least 0, got -1"),
    (
        lambda: nn.SGD([WEIGHT], 0.1, nesterov=True),
        VALUE,
        "SGD: nesterov needs momentum above 0 and dampening 0, got momentum=0.0 and dampening=0.0",
    ),
    (lambda: nn.Adagrad([WEIGHT], epsilon=-1), VALUE, "Adagrad: epsilon must be at least 0, got -1"),
    (
        lambda: nn.Adagrad([WEIGHT], initial_accumulator=-1),
        VALUE,
        "Adagrad: initial_accumulator must be at least 0, got -1",
    ),
    (
        lambda: nn.Adagrad([WEIGHT], learning_rate_decay=-1),
        VALUE,
        "Adagrad: learning_rate_decay must be at least 0, got -1",
    ),
    (lambda: nn.RMSprop([WEIGHT], decay=1.0), VALUE, "RMSprop: decay must be at least 0 and below 1, got 1.0"),
    (lambda: nn.RMSprop([WEIGHT], epsilon=-1), VALUE, "RMSprop: epsilon must be at least 0, got -1"),
    (lambda: nn.RMSprop([WEIGHT], momentum=-0.1), VALUE, "RMSprop: momentum must be at least 0 and below 1, got -0.1"),
    (lambda: nn.Adadelta([WEIGHT], decay=-0.1), VALUE, "Adadelta: decay must be at least 0 and below 1, got -0.1"),
    (lambda: nn.Adadelta([WEIGHT], epsilon=0), VALUE, "Adadelta: epsilon must be above 0, got 0"),
    (lambda: nn.Adam([WEIGHT], betas=0.9), DTYPE, "Adam: betas must be two numbers (β₁, β₂), got 0.9"),
    (lambda: nn.Adam([WEIGHT], betas=(1.0, 0.9)), VALUE, "Adam: betas[0] must be at least 0 and below 1, got 1.0"),
    (lambda: nn.Adam([WEIGHT], betas=(0.9, 1.0)), VALUE, "Adam: betas[1] must be at least 0 and below 1, got 1.0"),
    (lambda: nn.Adam([WEIGHT], epsilon=-1), VALUE, "Adam: epsilon must be at least 0, got -1"),
    (lambda: nn.NAdam([WEIGHT], momentum_decay=-1), VALUE, "NAdam: momentum_decay must be at least 0, got -1"),
    (lambda: nn.Lion([WEIGHT], betas=(0.9, 1.5)), VALUE, "Lion: betas[1] must be at least 0 and below 1, got 1.5"),
    (lambda: nn.SGD([WEIGHT], 0.1).load_state_dict({}), VALUE, "SGD: this is not the state of a SGD but of None"),
    (
        lambda: nn.SGD([WEIGHT], 0.1).load_state_dict(nn.Adam([WEIGHT]).state_dict()),
        VALUE,
        "SGD: this is not the state of a SGD but of 'Adam'",
    ),
    (
        lambda: nn.SGD([WEIGHT], 0.1, momentum=0.5).load_state_dict(nn.SGD([WEIGHT], 0.1).state_dict()),
        VALUE,
        "SGD: the state has slots [], this optimizer needs ['velocity']; build it with the same options",
    ),
    (
        lambda: nn.SGD([WEIGHT], 0.1, momentum=0.5).load_state_dict(
            nn.SGD([nn.Parameter([1.0, 2.0])], 0.1, momentum=0.5).state_dict()
        ),
        SHAPE,
        "SGD: slot velocity has shape (2,) instead of (1,)",
    ),
    (lambda: nn.clip_norm(np.ones(2), 0), VALUE, "clip_norm: maximum must be above 0, got 0"),
    (
        lambda: nn.clip_norm(np.array([np.nan]), 1.0),
        nn.DivergedError,
        "clip_norm: the gradient's norm is nan; lower the learning rate or check the inputs",
    ),
    (
        lambda: nn.clip_norm([1.0], 1.0),
        DTYPE,
        "clip_norm: expected a floating array or an optimizer's vector, got [1.0]",
    ),
    (lambda: nn.clip_value(np.ones(2), -1), VALUE, "clip_value: maximum must be at least 0, got -1"),
    (
        lambda: nn.clip_value([1.0], 1.0),
        DTYPE,
        "clip_value: expected a floating array or an optimizer's vector, got [1.0]",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MESSAGES)
def test_messages(call, error, message):
    assert_says(call, error, message)


def test_reprs():
    optimizer = nn.SGD([WEIGHT], 0.5)
    assert repr(optimizer) == "SGD(1 parameters, learning_rate=0.5, steps=0)"
    optimizer.step()
    assert repr(optimizer) == "SGD(1 parameters, learning_rate=0.5, steps=1)"
