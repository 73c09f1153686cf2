"""Which schedules are compared with PyTorch's, and at which steps.

A row is (tinynn's name, its arguments), a nested row where an argument is a schedule; the fixture's maker
says it in PyTorch's words. After a change run `python -m fixtures.make_schedule_fixtures` from tests/,
where torch is installed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from tinynn import schedules

Row: TypeAlias = tuple[str, dict[str, Any]]

STEPS = 400
#: All of the first ones, and of the others what no regular distance hides from.
RECORDED = [*range(60), *range(60, STEPS, 7)]
#: Relative to the largest rate of the row.
TOLERANCE = 1e-12

SCHEDULES: list[Row] = [
    ("constant", {"learning_rate": 0.3}),
    ("step", {"learning_rate": 0.1, "every": 30}),
    ("step", {"learning_rate": 2.0, "every": 7, "factor": 0.9}),
    ("step", {"learning_rate": 2.0, "every": 1, "factor": 0.99}),
    ("multi_step", {"learning_rate": 0.1, "milestones": [10, 11, 50, 200]}),
    ("multi_step", {"learning_rate": 0.1, "milestones": [1, 30], "factor": 0.5}),
    ("exponential", {"learning_rate": 0.1, "factor": 0.98}),
    ("exponential", {"learning_rate": 5.0, "factor": 0.9}),
    ("polynomial", {"learning_rate": 0.1, "steps": 50}),
    ("polynomial", {"learning_rate": 0.1, "steps": 350, "power": 2.5}),
    ("polynomial", {"learning_rate": 0.1, "steps": 40, "power": 0.5}),
    ("polynomial", {"learning_rate": 0.2, "steps": 40, "minimum": 0.05}),  # LinearLR
    ("cosine", {"learning_rate": 0.1, "steps": 400}),
    ("cosine", {"learning_rate": 0.1, "steps": 45, "minimum": 0.02}),
    ("cosine", {"learning_rate": 0.1, "steps": 300, "warmup": 25}),
    ("cosine", {"learning_rate": 3.0, "steps": 55, "minimum": 0.1, "warmup": 10, "start_factor": 0.3}),
    ("cosine", {"learning_rate": 0.1, "steps": 20, "restarts": True}),
    ("cosine", {"learning_rate": 0.1, "steps": 10, "minimum": 0.01, "restarts": True, "growth": 2}),
    ("cosine", {"learning_rate": 0.1, "steps": 6, "restarts": True, "growth": 3}),
    ("cosine", {"learning_rate": 0.1, "steps": 14, "restarts": True, "growth": 2, "warmup": 4}),
    *(
        ("one_cycle", {"maximum": 0.5, "steps": STEPS, "anneal": anneal, "three_phase": three_phase, **keywords})
        for anneal in ("cosine", "linear")
        for three_phase in (False, True)
        for keywords in ({}, {"rise": 0.1, "start_divisor": 4.0, "final_divisor": 10.0}, {"rise": 0.0})
    ),
    ("one_cycle", {"maximum": 0.5, "steps": STEPS, "rise": 0.5, "three_phase": True}),
    ("warmup", {"schedule": ("constant", {"learning_rate": 0.1}), "steps": 5, "start_factor": 1 / 3}),
    ("warmup", {"schedule": ("constant", {"learning_rate": 0.1}), "steps": 200}),
    ("warmup", {"schedule": ("exponential", {"learning_rate": 0.1, "factor": 0.97}), "steps": 20}),
    (
        "sequential",
        {
            "schedules": [
                ("constant", {"learning_rate": 0.1}),
                ("exponential", {"learning_rate": 0.1, "factor": 0.9}),
                ("step", {"learning_rate": 0.1, "every": 30, "factor": 0.5}),
                ("cosine", {"learning_rate": 0.1, "steps": 200}),
            ],
            "milestones": [20, 50, 200],
        },
    ),
]


def make(row: Row) -> schedules.Schedule:
    """tinynn's schedule of a row."""
    name, arguments = row
    return getattr(schedules, name)(**{word: _made(value) for word, value in arguments.items()})


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return [_made(part) for part in value]
    return make(value) if isinstance(value, tuple) else value


# ---- reduce on plateau --------------------------------------------------------------------------
_FALLING = [
    *[1.0, 0.5, 0.4, 0.4, 0.41, 0.4, 0.39999, 0.3999, 0.4, 0.4],
    *[0.3, 0.3, 0.31, 0.35, 0.3, 0.3, 0.3, 0.3, 0.2],
]
_FLAT = [0.7] * 40
_STRANGE = [float("nan"), 0.5, float("inf"), 0.5, 0.4, float("nan"), 0.4, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
_EDGES = [1.0, 0.75, 0.5, 0.5, 0.25, 0.3125, 0.25, 0.0, 0.0, -0.25, -0.25, -0.25]

#: (the first rates of the groups, arguments of ReduceOnPlateau, the figures that it watches). Binary fractions in
#: the rows that sit on a threshold's edge.
PLATEAUS: list[tuple[list[float], dict[str, Any], list[float]]] = [
    ([0.1], {}, _FLAT),
    ([0.1], {"patience": 0}, _FALLING),
    ([0.1], {"patience": 1, "factor": 0.5}, _FALLING),
    ([0.1], {"patience": 2, "threshold": 0.1}, _FALLING),
    ([0.1, 1.0, 1e-7], {"patience": 1, "cooldown": 3, "factor": 0.5, "minimum": 0.02}, _FLAT),
    ([0.1], {"patience": 0, "cooldown": 1}, _FALLING),
    ([0.1], {"patience": 1, "threshold": 0.25, "threshold_mode": "absolute", "factor": 0.5}, _EDGES),
    ([0.1], {"patience": 0, "threshold": 0.25, "threshold_mode": "relative", "factor": 0.5}, _EDGES[:-4]),
    ([0.1], {"patience": 0, "threshold": 0.0, "factor": 0.5}, _EDGES),
    ([0.1], {"mode": "max", "patience": 1, "factor": 0.5}, _FALLING),
    ([0.1], {"mode": "max", "patience": 0, "factor": 0.5, "threshold": 0.25}, [0.5, 0.625, 0.75, 0.9375, 1.25, 1.3]),
    (
        [0.1],
        {"mode": "max", "patience": 0, "factor": 0.5, "threshold": 0.25, "threshold_mode": "absolute"},
        [-1.0, -0.75, -0.5, -0.125, 0.125, 0.375, 0.375],
    ),
    ([0.1], {"patience": 1, "factor": 0.5}, _STRANGE),
    ([1e-7], {"patience": 0, "factor": 0.5}, _FLAT),
]


def key(row: Any) -> str:
    """A row's name, for the fixture and for pytest.

    >>> key(("step", {"learning_rate": 0.1, "every": 30}))
    'step(learning_rate=0.1, every=30)'
    """
    if isinstance(row, list):
        return f"[{', '.join(map(key, row))}]"
    if not isinstance(row, tuple):
        return str(row)
    name, arguments, *_ = row
    return f"{name}({', '.join(f'{word}={key(value)}' for word, value in arguments.items())})"


def end(row: Row) -> int:
    """The step from which on the rate stays, or a very large one: where PyTorch's may go on otherwise."""
    name, arguments = row
    if name == "warmup":
        return end(arguments["schedule"]) + arguments["steps"] if arguments["schedule"][0] != "constant" else 10**6
    if name == "one_cycle":
        return arguments["steps"] - 1
    if name == "polynomial" or (name == "cosine" and not arguments.get("restarts")):
        return arguments["steps"]
    return 10**6
