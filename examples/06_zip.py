"""Lesson 6: zip, the function that walks through several sequences side by side.

A network is a list of weights beside a list of biases, a data set a list of inputs beside a list of
answers; zip is how Python walks along both. Look at its two traps: it stops silently at the shorter
sequence, and it can be walked only once. Both have cost people whole evenings: a network trained on half of
its data, or on nothing from the second epoch on.

    python examples/06_zip.py
"""

import numpy as np
from lesson import arguments, heading


def layer_shapes(sizes):
    """The weight shapes (out, in) of a network: every size beside the next one (itertools.pairwise, too)."""
    return [(n_out, n_in) for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)]  # noqa: RUF007


def feedforward(a, weights, biases):
    """The book's three lines: for each layer's W and b, a' = σ(W a + b)."""
    for W, b in zip(weights, biases, strict=True):
        a = 1 / (1 + np.exp(-(W @ a + b)))
    return a


def shuffle_together(x, y, rng):
    """Shuffle two sequences in step: pair them, shuffle the pairs, and unzip with zip(*pairs)."""
    pairs = list(zip(x, y, strict=True))
    rng.shuffle(pairs)
    return tuple(map(list, zip(*pairs, strict=True)))


def lengths_seen(pairs, epochs=2):
    """How many pairs each of several epochs gets to see."""
    return [sum(1 for _ in pairs) for _ in range(epochs)]


def strict_message(x, y):
    """What zip(…, strict=True) has to say about two lengths."""
    try:
        list(zip(x, y, strict=True))
    except ValueError as error:
        return str(error)
    return "nothing: the lengths agree"


def main(argv=None):
    arguments(__doc__, argv, plots=False)
    images, labels = ["five", "zero", "four"], [5, 0, 4]
    rng = np.random.default_rng(0)

    heading("1. Side by side")
    for image, label in zip(images, labels, strict=True):
        print(f"the picture of a {image} is labelled {label}")
    print("dict(zip(…)):", dict(zip(images, labels, strict=True)))

    heading("2. A list beside itself, shifted by one: the layers of a network")
    sizes = [784, 30, 10]
    print(f"sizes {sizes} -> weights {layer_shapes(sizes)}, biases {[(n, 1) for n in sizes[1:]]}")

    heading("3. Weights beside biases: the forward pass")
    weights = [rng.normal(size=shape) for shape in layer_shapes(sizes)]
    biases = [rng.normal(size=(n, 1)) for n in sizes[1:]]
    output = feedforward(rng.random((784, 1)), weights, biases)
    print(f"(784, 1) in, {output.shape} out: {np.round(output.ravel(), 2).tolist()}")

    heading("4. Back again: zip(*pairs) unzips")
    shuffled = shuffle_together(images, labels, rng)
    print(f"shuffled, and still in step: {shuffled[0]} {shuffled[1]}")

    heading("5. First trap: it stops at the shorter one")
    pairs = list(zip(images, labels[:2], strict=False))
    print(f"zip of 3 images and 2 labels gives {len(pairs)} pairs, and no error.")
    print(f"With strict=True it is one: ValueError: {strict_message(images, labels[:2])}")

    heading("6. Second trap: it can be walked only once")
    once, again = zip(images, labels, strict=True), list(zip(images, labels, strict=True))
    print(f"two epochs over zip(x, y) see       {lengths_seen(once)} pairs")
    print(f"two epochs over list(zip(x, y)) see {lengths_seen(again)} pairs")
    print("In the Python 2 of the book's code zip gave a list; that is why it needs list(…) today.")
    print("tinynn's Batches(x, y) can be walked at will, and refuses x and y of different lengths.")


if __name__ == "__main__":
    main()
