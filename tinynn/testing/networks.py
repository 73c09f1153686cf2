"""check_network: a whole model with its loss, and the first layer where the numbers part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._arrays import as_array
from tinynn.layers.sequential import Sequential
from tinynn.testing import conformance
from tinynn.testing.layer_gradients import Setting, check_gradients, claims, gradients_nearby
from tinynn.testing.loss_subject import LossSubject
from tinynn.testing.losses import check_loss
from tinynn.testing.parts import is_part
from tinynn.testing.points import check_settings, drawn
from tinynn.testing.prober import Claim
from tinynn.testing.report import Cause, GradientError, Report
from tinynn.testing.subjects import Subject, copied
from tinynn.testing.verdict import ELEMENTWISE, verify

if TYPE_CHECKING:
    from tinynn._arrays import Array


def check_network(
    model: Any,
    loss: Any,
    x: Any,
    target: Any,
    *,
    tolerance: float = 1e-8,
    elementwise: int = ELEMENTWISE,
    rng: Any = 0,
) -> Report:
    """Are ∂C/∂x and all parameters' gradients those of C = loss(model(x), target)?

    If not, the chain is followed from the loss back to x, each link by itself: the report names the first
    layer where the numbers part, and why. At kinks of a network nothing is asked, since the chain rule's
    value need not lie between the one-sided derivatives there.

    Parameters: model, a Layer or any object with forward and backward; loss, as in check_loss; x, target;
    the rest as in check_layer.
    Raises: GradientError.

    >>> import tinynn as nn
    >>> model = nn.Sequential(nn.Dense(3, 4), nn.Sigmoid(), nn.Dense(4, 2), rng=0)
    >>> check_network(model, nn.MSE(), np.eye(3), np.ones((3, 2))).right
    True
    """
    tolerance = check_settings("check_network", tolerance, elementwise, rng)
    setting = Setting(tolerance, elementwise, drawn(rng))
    # One copy of both: a loss may hold the model, to charge for its weights.
    copied_model, copied_loss = copied((model, loss))
    subject = Subject(model, layer=copied_model)
    of_loss = LossSubject(loss, loss=copied_loss)
    report = Report(f"{subject.label} under {of_loss.label}")
    array = as_array(x, f"check_network({subject.label})")
    inputs = {"x": array.astype(np.float64) if array.dtype.kind == "f" else array.copy()}
    with subject.frozen:
        subject.begin(inputs)
        conformance.before(subject, report, inputs, setting.rng)
        prediction = np.array(subject.forward(inputs))
        links = [f"∂C/∂prediction, of {of_loss.label}"]
        try:
            check_loss(loss, prediction, target, tolerance=tolerance, rng=setting.rng)
        except GradientError as error:
            _part(report, links, 0, error)
        for claim in _claims(subject, of_loss, inputs, prediction, target, setting):
            report.arrays[claim.name] = verify(claim, tolerance, elementwise, setting.rng)
        if report.wrong:
            _follow(subject, report, inputs["x"], links, setting)
            report.causes.append(Cause("unknown", "every layer by itself is right: look at how they are joined"))
            report.raise_if_wrong()
        conformance.afterwards(subject, report, inputs, np.ones(prediction.shape))
    return report


def _claims(
    subject: Subject, loss: LossSubject, inputs: dict[str, Array], prediction: Array, target: Any, setting: Setting
) -> list[Claim]:
    """Each variable's gradient through model and loss, against the cost."""
    target = np.asarray(target)
    loss.value(prediction.copy(), target)
    loss.frozen.notice_globals()

    def upstream_of(prediction: Array) -> Array:
        return np.array(loss.gradient(prediction, target), np.float64)

    def costs(claim: Claim) -> Claim:
        slot = subject.slots.get(claim.name)

        def output(value: Array) -> Any:
            if slot is None:
                return np.float64(loss.value(np.array(claim.output(value)), target))
            slot.assign(value)  # and left so until the loss has seen it: it may charge for weights
            cost = np.float64(loss.value(np.array(subject.forward(inputs)), target))
            slot.assign(claim.value)
            return cost

        def again() -> Array:
            def there(moved: dict[str, Array]) -> Array:
                return upstream_of(np.array(subject.forward(moved)))

            return gradients_nearby(subject, inputs, setting.rng, there)[claim.name]

        return claim._replace(output=output, upstream=np.ones(()), composite=True, again=again)

    return [costs(claim) for claim in claims(subject, inputs, upstream_of(prediction.copy()), setting.rng)]


def _follow(subject: Subject, report: Report, x: Array, links: list[str], setting: Setting) -> None:
    """From the loss back to x: each layer at its own input; raises at the first that is wrong."""
    for layer, value in reversed(_chain(subject, x)):
        link = Subject(layer)
        links.append(f"∂C/∂input and parameters of {link.label}")
        try:
            link.begin({"x": value})
            check_gradients(link, Report(link.label), {"x": value}, setting)
        except GradientError as error:
            _part(report, links, len(links) - 1, error)


def _chain(subject: Subject, x: Array) -> list[tuple[Any, Array]]:
    """The links of a chain, each with its input: the layers of a Sequential, or of a foreign model's `layers`.

    The model as its one link if it has no such layers, or if they are not applied one after the other.
    """
    model, alone = subject.layer, [(subject.layer, x)]
    listed = getattr(model, "layers", []) if not isinstance(model, Sequential) else model
    layers = list(listed.values() if isinstance(listed, dict) else listed if np.iterable(listed) else ())
    if not layers or not all(is_part(layer) for layer in layers):
        return alone
    expected, chain, at = np.array(subject.forward({"x": x})), [], x
    try:
        for layer in layers:
            chain.append((layer, np.array(at)))
            at = subject.output_from(layer, layer.forward(at))
    except Exception:  # another layer's output goes in there
        return alone
    return chain if np.shape(at) == expected.shape and np.allclose(at, expected) else alone


def _part(report: Report, links: list[str], wrong: int, error: GradientError) -> None:
    """Say which links are right, and which is the first that is not."""
    report.causes += error.report.causes
    report.notes += [f"{'wrong' if k == wrong else 'right'}: {link}" for k, link in enumerate(links)]
    head = f"{report.subject}: wrong gradient; going back from the loss, the numbers part at {links[wrong]}"
    faults = [array.message() for array in report.wrong]
    raise GradientError("\n".join([head, *report.notes, str(error), *faults]), report) from error
