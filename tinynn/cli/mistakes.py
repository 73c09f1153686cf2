"""What a network got wrong: which class it takes for which, and where it was wrong most surely."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinynn.layers import Sigmoid, Softmax
from tinynn.metrics import ConfusionMatrix

if TYPE_CHECKING:
    from tinynn._arrays import Array

SHADES = " .:-=+*#%@"
SHOWN = 24
COLUMNS = 3


class Mistakes(NamedTuple):
    """The samples that were taken for another class, the surest first, and the counts of all samples."""

    rows: Array
    true: Array
    predicted: Array
    confidence: Array
    confusion: Array


def find(loss: str, scores: Array, labels: Array) -> Mistakes:
    """The mistakes in `scores` (n, classes) on `labels` (n,); `loss` says whether scores are logits."""
    if loss == "cross-entropy":
        scores = Softmax().predict(scores)
    elif loss == "binary-cross-entropy":
        scores = Sigmoid().predict(scores)
    predicted = scores.argmax(axis=1)
    rows = np.flatnonzero(predicted != labels)
    confidence = scores[rows, predicted[rows]]
    order = np.argsort(-confidence, kind="stable")
    rows = rows[order]
    confusion = ConfusionMatrix(scores.shape[1])(scores, labels)
    return Mistakes(rows, labels[rows], predicted[rows], confidence[order], confusion)


def as_text(mistakes: Mistakes, images: Array) -> str:
    """The confusion matrix and the surest mistakes as small pictures of characters."""
    shown = range(min(SHOWN, len(mistakes.rows)))
    parts = [
        f"{len(mistakes.rows):,} mistakes among {mistakes.confusion.sum():,} test images",
        f"Row: what it is; column: what the network says.\n\n{_table(mistakes.confusion)}",
    ]
    if shown:
        parts.append("The mistakes that the network was surest of:")
    pictures = [[_title(mistakes, k), *_picture(_square(images[mistakes.rows[k]]))] for k in shown]
    parts += [_side_by_side(pictures[k : k + COLUMNS]) for k in range(0, len(pictures), COLUMNS)]
    return "\n\n".join(parts) + "\n"


def for_plot(mistakes: Mistakes, images: Array) -> tuple[list[Array], list[str]]:
    """Square images and a title for each, of the surest mistakes."""
    shown = range(min(SHOWN, len(mistakes.rows)))
    return [_square(images[mistakes.rows[k]]) for k in shown], [_title(mistakes, k) for k in shown]


def _title(mistakes: Mistakes, k: int) -> str:
    row, true, predicted = mistakes.rows[k], mistakes.true[k], mistakes.predicted[k]
    return f"#{row}: {true} taken for {predicted}, {mistakes.confidence[k]:.1%}"


def _table(confusion: Array) -> str:
    """The matrix with its classes along both edges."""
    width = max(len(str(confusion.max())), len(str(len(confusion)))) + 2
    lines = ["".join(f"{number:>{width}}" for number in row) for row in confusion]
    head = "    " + "".join(f"{k:>{width}}" for k in range(len(confusion)))
    return "\n".join([head, *(f"{k:>3} {line}" for k, line in enumerate(lines))])


def _square(image: Array) -> Array:
    """(pixels,) as a square image."""
    side = math.isqrt(image.size)
    return image.reshape(side, side)


def _picture(image: Array) -> list[str]:
    """A line of characters for each pair of rows, or pairs of characters: they are twice as high as wide."""
    rows = len(image)
    image = image.reshape(rows // 2, 2, -1).mean(axis=1) if rows >= 16 else image.repeat(2, axis=1)
    shades = np.minimum((image * len(SHADES)).astype(int), len(SHADES) - 1)
    return ["".join(SHADES[shade] for shade in row) for row in shades]


def _side_by_side(pictures: list[list[str]]) -> str:
    """Pictures of the same height, each under its title."""
    width = max(len(line) for picture in pictures for line in picture) + 4
    lines = zip(*pictures, strict=True)
    return "\n".join("".join(f"{part:<{width}}" for part in line).rstrip() for line in lines)
