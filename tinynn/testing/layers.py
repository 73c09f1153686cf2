"""check_layer: the gradients of a layer, at several points, and the laws that every layer keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn.errors import InvalidValueError, ShapeError
from tinynn.testing import conformance, result_laws
from tinynn.testing.blocks import looks_right
from tinynn.testing.diagnosis import diagnose
from tinynn.testing.evidence import Evidence
from tinynn.testing.points import claimed_gradient, drawn, rounded
from tinynn.testing.prober import Claim
from tinynn.testing.report import Report
from tinynn.testing.strict import check_strictly
from tinynn.testing.subjects import Subject
from tinynn.testing.verdict import ELEMENTWISE, verify

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: The entries of a drawn x have one of these sizes: near 0, around 1, and beyond what is nearly linear.
SIZES = (0.1, 1.0, 3.0)
#: All of a drawn x once more times these, in random directions.
SCALES = (0.02, 10.0)
#: Parameters are checked where they stand and moved by about this share: a gain of 1 hides its own absence.
MOVED = 0.3


class Setting(NamedTuple):
    """How closely to look."""

    tolerance: float
    elementwise: int
    rng: np.random.Generator


def check_layer(
    layer: Any,
    x: Any = None,
    *,
    input_shape: int | tuple[int, ...] | None = None,
    couples_batch: bool | None = None,
    strict: bool = False,
    names: Mapping[str, str] | None = None,
    tolerance: float = 1e-8,
    elementwise: int = ELEMENTWISE,
    rng: Any = 0,
) -> Report:
    """Does backward give ∂C/∂x and every parameter's gradient, and does the layer keep the laws?

    The layer is copied, in float64; C = ⟨u, forward(x)⟩ with a random u. It is checked at x, or at drawn
    inputs of several scales, with its parameters as they are and moved a little.

    Parameters: layer, a tinynn Layer or any object with forward(x) and backward(grad), or what
    from_callables makes of two functions; x, an input, or a tuple of them for forward(a, b) (integers, as
    of an embedding, are left alone); input_shape, with the batch axis, to have x drawn; couples_batch,
    False if a row's output must not depend on the other rows, None to have it reported; strict, to ask
    for tinynn's own laws as well (see tinynn.testing.strict); names, {parameter's attribute: gradient's
    attribute} for another framework's spelling; tolerance and elementwise, as in check_gradient; rng.
    Raises: GradientError; ShapeError without x and input_shape.

    >>> import tinynn as nn
    >>> check_layer(nn.Dense(3, 4), input_shape=(5, 3)).couples_batch
    False
    """
    setting = Setting(tolerance, elementwise, drawn(rng))
    subject = Subject(layer, names)
    report = Report(subject.label)
    inputs = _inputs(subject, x, input_shape, setting.rng)
    subject.begin(inputs)
    conformance.before(subject, report, inputs, setting.rng)
    start = subject.parameters
    if start:
        subject.assign(_moved(subject, inputs, start, setting.rng))
    check_gradients(subject, report, inputs, setting)
    if start:
        subject.assign(start)
        _look(subject, report, inputs, setting)
    if x is None:
        for scale in SCALES:
            _look(subject, report, {name: scale * value for name, value in inputs.items()}, setting)
    conformance.after(subject, report, inputs, setting.rng)
    report.couples_batch = result_laws.couples_batch(subject, inputs)
    if report.couples_batch and couples_batch is False:
        report.fail("couples-batch", "a row's output depends on the other rows of the batch")
    subject.frozen.restore()
    if strict:
        check_strictly(layer, report, inputs)
    return report


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


def _look(subject: Subject, report: Report, inputs: dict[str, Array], setting: Setting) -> None:
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
        if not listed or looks_right(_joint(subject, inputs, listed), setting.tolerance, setting.rng):
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
    """The claims about several variables as one about the vector of them all."""
    ends = np.cumsum([claim.value.size for claim in listed])[:-1]

    def output(vector: Array) -> Array:
        parts = {
            claim.name: part.reshape(claim.value.shape)
            for claim, part in zip(listed, np.split(vector, ends), strict=True)
        }
        subject.assign({name: part for name, part in parts.items() if name not in inputs})
        return np.array(subject.forward({name: parts.get(name, value) for name, value in inputs.items()}))

    def restored(vector: Array) -> Array:
        try:
            return output(vector)
        finally:
            subject.assign({claim.name: claim.value for claim in listed if claim.name not in inputs})

    value = np.concatenate([np.ravel(claim.value) for claim in listed])
    gradient = np.concatenate([np.ravel(claim.gradient) for claim in listed])
    return Claim("all", value, restored, listed[0].upstream, gradient)


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


def _inputs(subject: Subject, x: Any, input_shape: Any, rng: np.random.Generator) -> dict[str, Array]:
    if (x is None) == (input_shape is None):
        raise ShapeError(
            f"check_layer({subject.label}): give either x, an input, or input_shape, its shape with the batch axis"
        )
    if x is not None:
        listed = x if isinstance(x, tuple) else (x,)
        arrays = [np.asarray(item) for item in listed]
        for array in arrays:
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise InvalidValueError("check_layer: x holds values that are not finite; choose another point")
        arrays = [array.astype(np.float64) if array.dtype.kind == "f" else array.copy() for array in arrays]
        return {name: array for name, array in zip(_names(len(arrays)), arrays, strict=True)}
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    values = rng.normal(size=shape) * rng.choice(SIZES, shape)
    # Some layers take positive numbers alone, or shares.
    for candidate in (values, np.abs(values) + 0.1, 0.5 + 0.4 * np.tanh(values)):
        with np.errstate(all="ignore"):
            if np.isfinite(np.asarray(subject.run({"x": candidate.copy()}))).all():
                subject.frozen.restore()
                return {"x": candidate}
    raise InvalidValueError(f"{subject.label}: no drawn input gives finite outputs; give check_layer an x of your own")


def _names(count: int) -> list[str]:
    return ["x"] if count == 1 else [f"x{k}" for k in range(count)]


def _moved(
    subject: Subject, inputs: dict[str, Array], start: dict[str, Array], rng: np.random.Generator
) -> dict[str, Array]:
    """The parameters moved a little, signs kept; as they are where that leaves the layer's domain."""
    moved = {}
    for name, value in start.items():
        moved[name] = np.where(
            value != 0, value * (1 + MOVED * rng.uniform(-1, 1, value.shape)), MOVED * rng.normal(size=value.shape)
        )
    subject.assign(moved)
    with np.errstate(all="ignore"):
        finite = np.isfinite(np.asarray(subject.forward(inputs))).all()
    subject.assign(start)
    return moved if finite else start


def _upstream(subject: Subject, inputs: dict[str, Array], rng: np.random.Generator) -> Array:
    return rng.normal(size=np.shape(subject.forward(inputs)))
