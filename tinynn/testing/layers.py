"""check_layer: the gradients of a layer, at several points, and the laws that every layer keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arguments import flag, sizes
from tinynn._arrays import as_array
from tinynn.errors import InvalidValueError, ShapeError, TinynnError
from tinynn.testing import conformance, result_laws
from tinynn.testing.layer_gradients import Setting, check_gradients, look
from tinynn.testing.points import check_settings, drawn
from tinynn.testing.report import Report
from tinynn.testing.strict import check_kind, check_strictly
from tinynn.testing.subjects import Subject
from tinynn.testing.verdict import ELEMENTWISE

if TYPE_CHECKING:
    from tinynn._arrays import Array

#: The entries of a drawn x have one of these sizes: near 0, around 1, and beyond what is nearly linear.
SIZES = (0.1, 1.0, 3.0)
#: All of a drawn x once more times these, in random directions.
SCALES = (0.02, 10.0)
#: Parameters are checked where they stand and moved by about this share: a gain of 1 hides its own absence.
MOVED = 0.3


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
    from_callables makes of two functions; x, an input, or a tuple of them for forward(a, b) (integers of
    which fractions would do as well become float64, those of an embedding are left alone); input_shape,
    with the batch axis, to have x drawn; couples_batch, False if a row's output must not depend on the
    other rows, None to have it reported; strict, to ask for tinynn's own laws as well (see
    tinynn.testing.strict); names, {parameter's attribute: gradient's attribute}, or paths such as
    "params[0]", where no usual spelling leads from one to the other; tolerance and elementwise, as in
    check_gradient; rng.
    Raises: GradientError; ShapeError without x and input_shape.

    >>> import tinynn as nn
    >>> check_layer(nn.Dense(3, 4), input_shape=(5, 3)).couples_batch
    False
    """
    tolerance = check_settings("check_layer", tolerance, elementwise, rng)
    strict = flag("check_layer: strict", strict)
    if couples_batch is not None:
        flag("check_layer: couples_batch", couples_batch)
    setting = Setting(tolerance, elementwise, drawn(rng))
    subject = Subject(layer, names)
    report = Report(subject.label)
    if strict:
        check_kind(layer, x)
    with subject.frozen:
        inputs = _inputs(subject, x, input_shape, setting.rng)
        subject.begin(inputs)
        report.notes += [
            f"not checked: {name}, which changes the output; no gradient of it was found (names=…?)"
            for name in subject.unchecked
        ]
        conformance.before(subject, report, inputs, setting.rng)
        start = subject.parameters
        if start:
            subject.assign(_moved(subject, inputs, start, setting.rng))
        check_gradients(subject, report, inputs, setting)
        if start:
            subject.assign(start)
            look(subject, report, inputs, setting)
        if x is None:
            for scale in SCALES:
                look(subject, report, {name: scale * value for name, value in inputs.items()}, setting)
        _look_at_one_row(subject, report, inputs, setting)
        conformance.after(subject, report, inputs, setting.rng)
        report.couples_batch = result_laws.couples_batch(subject, inputs)
        if report.couples_batch and couples_batch is False:
            report.fail("couples-batch", "a row's output depends on the other rows of the batch")
    if strict:
        check_strictly(layer, report, inputs)
    return report


def _look_at_one_row(subject: Subject, report: Report, inputs: dict[str, Array], setting: Setting) -> None:
    """A batch of one, which squeezing and broadcasting treat in a way of their own."""
    rows = {len(value) if value.ndim else 0 for value in inputs.values()}
    one = {name: value[:1].copy() for name, value in inputs.items() if value.ndim}
    if len(rows) != 1 or rows <= {0, 1}:
        return
    with np.errstate(all="ignore"):
        try:
            y = np.asarray(subject.forward(one))
        except Exception:  # it does not take a batch of one
            return
    if y.shape[:1] == (1,):
        look(subject, report, one, setting)


def _inputs(subject: Subject, x: Any, input_shape: Any, rng: np.random.Generator) -> dict[str, Array]:
    if (x is None) == (input_shape is None):
        raise ShapeError(
            f"check_layer({subject.label}): give either x, an input, or input_shape, its shape with the batch axis"
        )
    if x is not None:
        listed = x if isinstance(x, tuple) else (x,)
        arrays = [as_array(item, f"check_layer({subject.label})") for item in listed]
        for array in arrays:
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise InvalidValueError("check_layer: x holds values that are not finite; choose another point")
        if all(array.dtype.kind in "iu" for array in arrays) and _takes_floats(subject, arrays):
            arrays = [array.astype(np.float64) for array in arrays]
        arrays = [array.astype(np.float64) if array.dtype.kind == "f" else array.copy() for array in arrays]
        return {name: array for name, array in zip(_names(len(arrays)), arrays, strict=True)}
    shape = sizes("check_layer: input_shape", input_shape)
    subject.accepts(1)
    values = rng.normal(size=shape) * rng.choice(SIZES, shape)
    # Some layers take positive numbers alone, or shares.
    failure = "no drawn input gives finite outputs"
    for candidate in (values, np.abs(values) + 0.1, 0.5 + 0.4 * np.tanh(values)):
        with np.errstate(all="ignore"):
            try:
                y = np.asarray(subject.run({"x": candidate.copy()}))
            except (TinynnError, TypeError):
                raise
            except Exception as error:  # outside of its domain, or not made for floats
                failure = f"each drawn input fails, the last one with {type(error).__name__}: {error}"
                continue
            finally:
                subject.frozen.restore()
            if y.dtype.kind in "fiub" and np.isfinite(y).all():
                return {"x": candidate}
    raise InvalidValueError(f"{subject.label}: {failure}; give check_layer an x of your own")


def _takes_floats(subject: Subject, arrays: list[Array]) -> bool:
    """Whether whole numbers stand for numbers (Dense) or for places (an embedding): do those between count?"""
    try:
        given, same, between = (
            np.asarray(subject.forward({str(k): kind(array) for k, array in enumerate(arrays)}))
            for kind in (np.copy, np.float64, lambda array: array + 0.25)
        )
    except Exception:
        return False
    return bool(given.shape == same.shape == between.shape and np.all(given == same) and np.any(same != between))


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
