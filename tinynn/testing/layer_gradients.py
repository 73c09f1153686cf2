"""The gradients of one subject at one point: all variables closely, or all at once in random directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn.testing.blocks import looks_right
from tinynn.testing.diagnosis import diagnose
from tinynn.testing.evidence import Evidence
from tinynn.testing.points import claimed_gradient, rounded
from tinynn.testing.prober import Claim
from tinynn.testing.report import Report
from tinynn.testing.subjects import Subject
from tinynn.testing.verdict import verify

if TYPE_CHECKING:
    from tinynn._arrays import Array


class Setting(NamedTuple):
    """How closely to look."""

    tolerance: float
    elementwise: int
    rng: np.random.Generator


def check_gradients(subject: Subject, report: Report, inputs: dict[str, Array], setting: Setting) -> None:
    """Every variable's gradient, entry by entry (large arrays in blocks); GradientError if one is wrong."""
    upstream = _upstream(subject, inputs, setting.rng)
    for claim in claims(subject, inputs, upstream, setting.rng):
        report.arrays[claim.name] = verify(claim, setting.tolerance, setting.elementwise, setting.rng)
    if report.wrong:
        diagnose_all(subject, report, inputs, upstream, setting)
        report.raise_if_wrong()


def claims(subject: Subject, inputs: dict[str, Array], upstream: Array, rng: np.random.Generator) -> list[Claim]:
    """What the code says about each variable of real numbers."""
    values = inputs | subject.parameters
    given = {name: None if g is None else np.array(g) for name, g in subject.gradients(inputs, upstream.copy()).items()}
    composite = subject.native and len(list(subject.layer.layers_inside())) > 2
    found = []
    for name, value in values.items():
        if value.dtype.kind != "f":
            continue  # labels, indices: nothing to differentiate by
        if given[name] is None and name in subject.slots and not subject.native:
            Report(subject.label).fail(
                "forgotten",
                f"∂C/∂{name} is forgotten: {name} changes the output, and backward leaves no gradient of it, at least "
                f"under no name that was looked for; names={{'{name}': 'the attribute that holds it'}} tells another",
            )
        gradient = claimed_gradient(subject.label, name, value, given[name])

        def again(name: str = name) -> Array:
            return gradients_nearby(subject, inputs, rng, lambda moved: upstream.copy())[name]

        output = subject.output_of(name, inputs)
        found.append(Claim(name, value, output, upstream, gradient, again, composite))
    return found


def gradients_nearby(
    subject: Subject,
    inputs: dict[str, Array],
    rng: np.random.Generator,
    upstream_at: Callable[[dict[str, Array]], Array],
) -> dict[str, Array]:
    """The claimed gradients with every input and parameter off by a few roundings."""
    start = subject.parameters
    try:
        subject.assign({name: rounded(value, rng) for name, value in start.items()})
        moved = {name: rounded(value, rng) for name, value in inputs.items()}
        return {name: np.array(grad) for name, grad in subject.gradients(moved, upstream_at(moved)).items()}
    finally:
        subject.assign(start)


def look(subject: Subject, report: Report, inputs: dict[str, Array], setting: Setting) -> None:
    """The same at another point: all variables at once in random directions, and closely where these disagree."""
    with np.errstate(all="ignore"):
        try:
            y = np.asarray(subject.forward(inputs))
        except Exception:  # outside of the layer's domain
            return
        if not np.isfinite(y).all():
            return
        upstream = setting.rng.normal(size=y.shape)
        listed = claims(subject, inputs, upstream, setting.rng)
        if not listed:
            return
        start = subject.parameters
        right = looks_right(_joint(subject, inputs, listed), setting.tolerance, setting.rng)
        subject.assign(start)
        if right:
            return
        for claim in listed:
            there = verify(claim, setting.tolerance, setting.elementwise, setting.rng)
            there.evaluations += report.arrays[claim.name].evaluations
            if there.wrong:
                report.arrays[claim.name] = there
    if report.wrong:
        diagnose_all(subject, report, inputs, upstream, setting)
        report.raise_if_wrong()


def _joint(subject: Subject, inputs: dict[str, Array], listed: list[Claim]) -> Claim:
    """The claims about several variables as one about the vector of them all; it leaves the parameters moved."""
    ends = np.cumsum([claim.value.size for claim in listed]).tolist()
    cuts = [
        (claim.name, slice(end - claim.value.size, end), claim.value.shape)
        for claim, end in zip(listed, ends, strict=True)
    ]

    def output(vector: Array) -> Array:
        moved = dict(inputs)
        for name, cut, shape in cuts:
            part = vector[cut].reshape(shape)
            if name in moved:
                moved[name] = part
            else:
                subject.slots[name].assign(part)
        return np.array(subject.forward(moved))

    value = np.concatenate([claim.value.ravel() for claim in listed])
    gradient = np.concatenate([claim.gradient.ravel() for claim in listed])
    return Claim("all", value, output, listed[0].upstream, gradient)


def diagnose_all(subject: Subject, report: Report, inputs: dict[str, Array], upstream: Array, setting: Setting) -> None:
    """A likely cause for each wrong array."""
    values = {name: value for name, value in (inputs | subject.parameters).items() if value.dtype.kind == "f"}
    first = next(iter(inputs.values()))
    rows = len(first) if first.ndim and upstream.ndim and len(upstream) == len(first) else None
    attributes = numbers_of(subject.original)
    for array in report.wrong:

        def claimed(u: Array, name: str = array.name) -> Array:
            return np.array(subject.gradients(inputs, u)[name], np.float64)

        output = subject.output_of(array.name, inputs)
        report.causes.append(diagnose(Evidence(report, array, upstream, output, claimed, values, rows, attributes)))


def numbers_of(thing: Any) -> dict[str, float]:
    """The plain numbers among an object's and its class's attributes."""
    found = {}
    for holder in (type(thing), thing):
        for name, value in getattr(holder, "__dict__", {}).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not name.startswith("__"):
                found[name] = float(value)
    return found


def _upstream(subject: Subject, inputs: dict[str, Array], rng: np.random.Generator) -> Array:
    upstream: Array = rng.normal(size=np.shape(subject.forward(inputs)))
    return upstream
