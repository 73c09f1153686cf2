"""Lesson 8: the second task on matrices, a layer's forward pass: six inputs, three sigmoid neurons.

Compute the layer's activations a' = σ(W a + b) for the numbers below: one neuron with a pencil, the rest as
you like. Then look at how the same numbers come out five ways: by loops over every weight, as W a + b with
the sample in a column (the lecture's form), as Z = A Wᵀ + b with a whole batch of samples in rows (the form
that tinynn computes), and from tinynn's own layers. Batched rows do in one product what columns do in one
product per sample.

    python examples/08_second_matrices_task.py
"""

import numpy as np
from lesson import arguments, heading

import tinynn as nn

W = np.array([[1.0, 0, -1, 2, 0, 1], [0, 1, 1, -1, 2, 0], [-2, 1, 0, 0, 1, -1]])  # (3, 6): W[j, k], k -> j
B = np.array([[-1.0], [0.5], [0.0]])  # (3, 1)
SAMPLES = np.array([[1.0, 2, 0, 1, 0, 1], [0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1], [0, 2, 0, 0, 1, 3]])  # (4, 6)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def by_loops(a):
    """zⱼ = Σₖ W[j, k] aₖ + bⱼ, one weight after the other. a: six numbers -> z: three numbers."""
    z = []
    for j in range(3):
        total = B[j, 0]
        for k in range(6):
            total += W[j, k] * a[k]
        z.append(float(total))
    return z


def by_column(a):
    """z = W a + b for one sample. a: (6, 1) -> z: (3, 1)."""
    return W @ a + B


def by_rows(A):
    """Z = A Wᵀ + b for n samples; b, as a row, is added to each of them. A: (n, 6) -> Z: (n, 3)."""
    return A @ W.T + B.T


def by_tinynn(A):
    """The same from the framework: a Dense layer that is given our weights, and a Sigmoid."""
    dense = nn.Dense(6, 3, rng=0, dtype=np.float64)
    dense.weight.value = W
    dense.bias.value = B.ravel()
    return nn.Sequential(dense, nn.Sigmoid()).predict(A)


def neuron_in_words(j, a):
    """A neuron's weighted sum, written out as one would on paper; zero weights are left out."""
    terms = [f"{weight:g}·{x:g}" for weight, x in zip(W[j], a, strict=True) if weight]
    return f"{' + '.join(terms)} + {B[j, 0]:g}".replace("+ -", "− ").replace("-", "−")


def main(argv=None):
    arguments(__doc__, argv, plots=False)
    first = SAMPLES[0]

    heading("The task")
    print(f"W =\n{W}\nb = {B.ravel().tolist()}ᵀ\na = {first.tolist()}ᵀ\nz = W a + b = ?   σ(z) = ?")

    heading("1. With a pencil")
    for j in range(3):
        z = by_loops(first)[j]
        print(f"z{j} = {neuron_in_words(j, first)} = {z:g}, σ(z{j}) = {sigmoid(z):.4f}")

    heading("2. As a matrix times a column")
    column = by_column(first[:, None])
    print(f"(3, 6) @ (6, 1) + (3, 1) -> {column.shape}: z = {column.ravel().tolist()}ᵀ")

    heading("3. Four samples at once, as rows")
    Z = by_rows(SAMPLES)
    print(f"(4, 6) @ (6, 3) + (1, 3) -> {Z.shape}: Z =\n{Z}\nσ(Z) =\n{sigmoid(Z).round(4)}")

    heading("4. The same numbers, whichever way")
    columns = np.hstack([by_column(sample[:, None]) for sample in SAMPLES]).T
    print(f"rows against loops:   largest difference {np.abs(Z - [by_loops(a) for a in SAMPLES]).max():.1e}")
    print(f"rows against columns: largest difference {np.abs(Z - columns).max():.1e}")
    print(f"rows against tinynn:  largest difference {np.abs(sigmoid(Z) - by_tinynn(SAMPLES)).max():.1e}")
    print("Transposing W a + b gives aᵀ Wᵀ + bᵀ: a sample that was a column is now a row, and rows stack.")


if __name__ == "__main__":
    main()
