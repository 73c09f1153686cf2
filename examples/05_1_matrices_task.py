"""Lesson 5.1: a task on matrices, with its solution.

Take a pencil and the cheat sheet of lesson 5. The script prints five questions, and their answers below
them: cover those, work, and compare. Each solution is also a function here, as short as it can be. The
fourth question is the one that backpropagation is made of.

    python examples/05_1_matrices_task.py
"""

from itertools import pairwise

import numpy as np
from lesson import arguments, heading

W = np.array([[2, -1, 0], [1, 3, 1]])
A = np.array([[1, 2, 3], [0, -1, 4]])
DELTA = np.array([[1, -1], [2, 0]])


def multiply(left, right):
    """The matrix product by its definition: entry (i, j) is Σₖ left[i, k] · right[k, j]."""
    rows, inner, columns = len(left), len(right), len(right[0])
    if len(left[0]) != inner:
        raise ValueError(f"the inner sizes differ: {len(left[0])} columns meet {inner} rows")
    return [[sum(left[i][k] * right[k][j] for k in range(inner)) for j in range(columns)] for i in range(rows)]


def product_shape(left, right):
    """The shape of a product, or None where there is no such product."""
    return (left[0], right[1]) if left[1] == right[0] else None


def row_sums(matrix):
    """Sums by a product: a column of ones picks every entry of a row once. (From the left: column sums.)"""
    return matrix @ np.ones((matrix.shape[1], 1), dtype=int)


def weight_gradient(delta, inputs):
    """∂C/∂W[j, k] = Σ over samples of (error of neuron j) × (input k), and that is δᵀ A."""
    gradient = np.zeros((delta.shape[1], inputs.shape[1]), dtype=int)
    for error, a in zip(delta, inputs, strict=True):
        gradient += np.outer(error, a)
    return gradient


def parameters_of(*sizes):
    """Weights and biases of a network of dense layers: each layer has out × in weights and out biases."""
    return sum(n_out * n_in + n_out for n_in, n_out in pairwise(sizes))


def first():
    return f"by its definition {multiply(W.tolist(), A.T.tolist())}, by NumPy {(W @ A.T).tolist()}"


def second():
    pairs = ((2, 3), (3, 5)), ((3, 2), (3, 5)), ((30, 784), (784, 1)), ((10, 784), (784, 30))
    return "\n   ".join(f"{a} @ {b} -> {product_shape(a, b) or 'no such product'}" for a, b in pairs)


def third():
    return f"A @ ones = {row_sums(A).ravel().tolist()}, by NumPy {A.sum(axis=1).tolist()}"


def fourth():
    return f"sum of outer products {weight_gradient(DELTA, A).tolist()}, and δᵀ A = {(DELTA.T @ A).tolist()}"


def fifth():
    return f"(784 + 1)·30 + (30 + 1)·10 = {parameters_of(784, 30, 10):,}"


TASKS = (
    ("Multiply W by Aᵀ, with a pencil.", first),
    ("Which exist? (2, 3)(3, 5) · (3, 2)(3, 5) · (30, 784)(784, 1) · (10, 784)(784, 30)", second),
    ("Write the row sums of A as a matrix product.", third),
    ("The rows of A are two samples, those of δ their errors. Σ δᵢ aᵢᵀ = ? Write it as one product.", fourth),
    ("How many weights and biases has a network of 784, 30 and 10 neurons?", fifth),
)


def main(argv=None):
    arguments(__doc__, argv, plots=False)
    heading("The task")
    for name, matrix in (("W", W), ("A", A), ("δ", DELTA)):
        print(f"{name} = {matrix.tolist()}, shape {matrix.shape}")
    for number, (question, _) in enumerate(TASKS, start=1):
        print(f"{number}. {question}")

    heading("Its solution (stop here, and take the pencil)")
    for number, (_, solution) in enumerate(TASKS, start=1):
        print(f"{number}. {solution()}")


if __name__ == "__main__":
    main()
