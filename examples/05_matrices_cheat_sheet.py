"""Lesson 5: the matrices a neural network is made of, on one sheet.

Every line below is NumPy code followed by what it gives; the code that is printed is the code that was run.
Look at the shapes: nine network bugs in ten are two shapes that should not have met, or, worse, two that
should not have met and did (the last section). Conventions: W is (out, in), a column vector a is (in, 1), a
batch A is (n, in), one sample per row.

    python examples/05_matrices_cheat_sheet.py
"""

import numpy as np
from lesson import arguments, heading

NAMES = {
    "np": np,
    "W": np.array([[1, 2, 3], [4, 5, 6]]),  # 2 neurons, 3 inputs: W[j, k] leads from input k to neuron j
    "a": np.array([[1], [0], [-1]]),  # one sample, as a column
    "b": np.array([[10], [20]]),  # one bias per neuron, as a column
    "A": np.array([[1, 0, -1], [2, 2, 2], [0, 1, 0], [3, 0, 1]]),  # four samples, as rows
    "bias": np.array([10, 20]),  # the same biases, as a flat vector
    "delta": np.array([[1, 0], [0, 1], [1, 1], [2, 0]]),  # one error per sample and neuron
    "y": np.array([1.0, 2.0, 3.0]),  # flat: (3,)
    "p": np.array([[1.0], [2.0], [3.0]]),  # a column: (3, 1)
}

SHEET = {
    "Shapes": [
        ("W.shape", "rows first: (out, in)"),
        ("W[1, 2]", "row 1, column 2, counted from 0"),
        ("W[0]", "one row: everything that enters neuron 0"),
        ("W[:, 0]", "one column: everything that leaves input 0"),
        ("W.T", "transpose: rows become columns, T[k, j] = W[j, k]"),
        ("W.reshape(3, 2)", "the same six numbers dealt anew; this is not the transpose!"),
        ("y[None, :].shape", "a flat vector as a row: a batch of one"),
        ("y[:, None].shape", "a flat vector as a column"),
    ],
    "Element by element": [
        ("W + 1", "every element; so are W * 2, np.exp(W), W > 2"),
        ("W * W", "the Hadamard product ⊙ of the lecture: same shapes, no sums"),
        ("(W > 2).mean()", "True counts as 1: the share of elements above 2"),
    ],
    "The matrix product": [
        ("W @ a", "(2, 3) @ (3, 1) -> (2, 1): inner sizes agree and vanish; row times column"),
        ("W @ a + b", "a layer's weighted input, z = W a + b, for one sample in a column"),
        ("A @ W.T + bias", "the same for four samples in rows, Z = A Wᵀ + b: row 0 is the line above"),
        ("(W @ A.T == (A @ W.T).T).all()", "(A B)ᵀ = Bᵀ Aᵀ: why both forms agree"),
        ("W @ np.eye(3, dtype=int)", "the identity changes nothing"),
    ],
    "Sums": [
        ("A.sum()", "over everything"),
        ("A.sum(axis=0)", "down the rows, one number per column; axis=0 vanishes from the shape"),
        ("A.sum(axis=1)", "along each row, one number per sample"),
        ("A.sum(axis=1, keepdims=True).shape", "the same, kept as a column"),
        ("delta.T @ A", "∂C/∂W = δᵀ A: for all samples at once, Σ of (error j) × (input k)"),
        ("np.outer(delta[0], A[0])", "one sample's share of that sum, an outer product"),
        ("delta.sum(axis=0)", "∂C/∂b = Σ δ over the batch"),
    ],
    "Broadcasting, a friend": [
        ("A - A.mean(axis=0)", "(4, 3) − (3,): the row is repeated for every sample"),
        ("np.arange(3)[:, None] * np.arange(4)", "(3, 1) × (4,) -> (3, 4): a multiplication table"),
    ],
    "Broadcasting, a trap": [
        ("y - y", "(3,) − (3,): what was meant"),
        ("p - y", "(3, 1) − (3,) -> (3, 3): every pair, and no error message"),
        ("((p - y)**2).mean()", "so the error of a perfect prediction is not 0: tinynn refuses such shapes"),
    ],
}


def evaluate(expression):
    """What a line of the sheet gives."""
    return eval(expression, dict(NAMES))  # our own constants above, nobody's input


def show(expression, comment):
    print(f"{expression:<38} {comment}")
    value = evaluate(expression)
    text = str(value) if isinstance(value, tuple) else np.array2string(np.asarray(value), precision=4)
    for line in text.splitlines():
        print(f"{'':<6}{line}")


def main(argv=None):
    arguments(__doc__, argv, plots=False)
    heading("Given")
    for name, value in NAMES.items():
        if name != "np":
            print(f"{name} {value.shape} = {value.tolist()}")
    for title, lines in SHEET.items():
        heading(title)
        for expression, comment in lines:
            show(expression, comment)


if __name__ == "__main__":
    main()
