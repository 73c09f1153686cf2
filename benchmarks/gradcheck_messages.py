"""The classic bugs and what the kit says of each: the table in docs/gradient_checking.md.

python benchmarks/gradcheck_messages.py --write docs/gradient_checking.md
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from testing import test_wrong  # noqa: E402

from tinynn.testing import GradientError  # noqa: E402

START, END = "<!-- messages -->", "<!-- /messages -->"
#: The case in tests/testing, and the bug in words.
SHOWN = {
    "Dense: weight sign": "a sign",
    "Dense: weight factor 2": "a factor 2",
    "Dense: bias mean instead of sum": "the mean over the batch in a layer (the loss owns it)",
    "Dense: bias of one row": "the sum over the batch forgotten",
    "Dense: weight without the last row": "the last row of the batch left out",
    "Dense: bias forgotten": "the bias's gradient never written",
    "Dense: bias accumulates": "`+=` into the gradient",
    "Dense: weight ignores the upstream": "the upstream gradient ignored",
    "SquareDense: weight transposed": "a transposed gradient",
    "ForeignDense: dW transposed": "the same where the shapes tell",
    "TwoWeights: gradients swapped": "one parameter's gradient in another's place",
    "affine: dx in the other order": "another memory order in a reshape",
    "sigmoid: slope at the output": "the derivative taken of the output instead of the input",
    "sigmoid: (1 - y) forgotten": "half of σ′ = y (1 − y)",
    "Sigmoid: temperature forgotten": "an inner derivative: a temperature",
    "ELU: operator precedence": "ELU's slope, wrong by operator precedence",
    "GELU: 0.0447 in the slope": "a mistyped coefficient in GELU's slope",
    "ReLU: both sides added at the kink": "both sides added at ReLU's kink",
    "Dense: one weight off by 1e-5": "one entry off by 0.001 %",
    "Softmax: diagonal only": "softmax treated as if it were element-wise",
    "LayerNorm: mean term forgotten": "a term of a normalisation",
    "Dropout: scale forgotten": "dropout's 1/(1 − p)",
    "Dropout: new mask": "a second mask drawn in backward",
    "Dense: stale input": "backward reads an earlier input",
    "Gate: writes into the upstream": "the upstream gradient written over",
    "Gate: float32 inside": "a hard-coded float32",
    "Dense: clip inside backward": "clipping inside backward",
    "Quadratic: 1/n forgotten": "a loss's gradient without the mean",
    "Summed: sum instead of mean": "a loss that sums: value and gradient agree",
    "Momentum: climbs": "an optimizer's sign",
    "Adam: bias corrections forgotten": "Adam without its bias corrections (`like=` nn.Adam)",
}


def rows() -> list[str]:
    cases = {case.name: case for case in test_wrong.CASES}
    missing = sorted(set(SHOWN) - set(cases))
    if missing:
        raise SystemExit(f"no such cases: {', '.join(missing)}")
    lines = ["| bug | cause | what the message says |", "|---|---|---|"]
    for name, bug in SHOWN.items():
        try:
            cases[name].run(True)
        except GradientError as error:
            text = error.report.causes[0].text.replace("|", "\\|")
            lines.append(f"| {bug} | `{error.cause}` | {text} |")
    return lines


def main() -> None:
    table = "\n".join(rows())
    if "--write" not in sys.argv:
        print(table)
        return
    path = Path(sys.argv[sys.argv.index("--write") + 1])
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(START)
    path.write_text(f"{before}{START}\n\n{table}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
