"""Data, initializers, threads."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from bad_input.kinds import (
    DATA,
    DTYPE,
    SHAPE,
    VALUE,
    Rows,
    count,
    flag,
    floating,
    holds_nan,
    no,
    number,
    refused,
    rng,
    shape,
    taken,
    whole,
)
from bad_input.menu import Distant, Frame, Tensor
from bad_input.use import LABELS, Use, X, arg, by_keywords, by_position, use
from idx_files import write_idx

import tinynn as nn
from tinynn import data, initializers


def listed(batches: nn.Batches) -> Any:
    return [(x.copy(), y.copy()) for x, y in batches]


def samples(name: str, other: str) -> Rows:
    """What may be wrong with x or y of `Batches`, whatever their dtype."""
    who, rule = "Batches", f"{name} must have a first axis of samples"
    lengths = ("got 4 and {}", "got {} and 4")[name == "x"]
    return [
        *no(who, rule, SHAPE, None, "abc", 3, 2.5, {"a": 1}, {1}, nn.MSE(), nn.MSE, ...),
        refused("shape", np.array(2.0), SHAPE, who, rule),
        refused("type", Tensor(), DTYPE, who, f"{name} as an array", "Tensor()"),
        refused("length", [[1.0, 2.0], [3.0]], SHAPE, who, name, "several lengths"),
        *(
            refused("length", np.zeros((k, 3)), SHAPE, who, "x and y need one length", lengths.format(k))
            for k in (1, 3, 5)
        ),
        refused("empty", [], SHAPE, who, "x and y need one length", lengths.format(0)),
        taken("not finite", np.full((4, 3), np.nan), holds_nan if name == "x" else lambda result: True),
    ]


def firsts(batches: nn.Batches) -> np.ndarray:
    return np.concatenate([x for x, _ in listed(batches)])


def scales() -> Rows:
    return number("Batches: scale")


BATCHES = [
    use(
        "Batches",
        lambda _, **given: firsts(nn.Batches(**given)),
        x=arg(X, samples("x", "y")),
        y=arg(LABELS, samples("y", "x")),
        batch_size=arg(2, count("Batches: batch_size", "an int or None", "at least 1, or None for all")),
        shuffle=arg(True, flag("Batches: shuffle")),
        drop_last=arg(False, flag("Batches: drop_last")),
        scale=arg(None, [row for row in scales() if row.value is not None]),
        rng=arg(0, rng("Batches: rng")),
    ),
    use(
        "Batches, scaled",
        lambda _, x: firsts(nn.Batches(x, LABELS, 2, scale=0.5)),
        x=arg(
            X,
            *(
                refused("dtype", np.zeros((4, 3), dtype), DTYPE, "Batches", "scale is for an x of real numbers", kind)
                for dtype, kind in ((complex, "complex128"), (object, "object"), ("U1", "<U1"), ("M8[D]", "datetime64"))
            ),
            refused("type", Frame(), DTYPE, "Batches", "real numbers", "object"),
        ),
    ),
    use(
        "Batches.overwriting",
        lambda batches, after: list(batches.overwriting(after)),
        after=arg(1, whole("overwriting: after")),
        _options={"make": lambda: nn.Batches(X, LABELS, 2, rng=0), "works": listed},
    ),
    use(
        "Batches, empty",
        lambda _, rows, drop_last: nn.Batches(np.zeros((rows, 3)), np.zeros(rows), 3, drop_last=drop_last),
        rows=arg(3, refused("empty", 0, VALUE, "Batches", "0 samples", "x is empty")),
        drop_last=True,
        _options={"fuzzed": ()},
    ),
    use(
        "Batches, none whole",
        lambda _, batch_size: nn.Batches(X, LABELS, batch_size, drop_last=True),
        batch_size=arg(4, refused("size", 5, VALUE, "Batches", "4 samples in batches of 5", "lower batch_size")),
    ),
]


# ---- labels and splits --------------------------------------------------------------------------
def labels() -> Rows:
    who, rule = "one_hot", "labels must be integers"
    return [
        *no(who, rule, DTYPE, None, "abc", 2.5, True, 1j, {"a": 1}, nn.MSE(), nn.MSE),
        *(
            refused("dtype", np.ones(4, dtype), DTYPE, who, rule, "astype(int)")
            for dtype in (float, bool, complex, object, "U1", "M8[D]")
        ),
        refused("not finite", [0, np.nan], DTYPE, who, rule, "float64"),
        refused("length", [[1, 2], [3]], SHAPE, who, "labels", "several lengths"),
        refused("type", Tensor(), DTYPE, who, "labels as an array", "Tensor()"),
        refused("size", [0, -1], VALUE, who, "from 0 to 2", "-1 at index (1,)", "number the labels from 0"),
        refused("size", [[0], [3]], VALUE, who, "with 3 classes", "from 0 to 2", "3 at index (1, 0)", "more classes"),
        refused("size", np.array([2**64 - 1], np.uint64), VALUE, who, "from 0 to 2"),
        refused("dtype", [], DTYPE, who, rule, "float64"),
        taken("empty", np.zeros(0, int), lambda rows: rows.shape == (0, 3)),
    ]


def real_dtype() -> Rows:
    rule = "dtype must be one of real numbers"
    return [
        *(
            refused("dtype", value, DTYPE, "one_hot", rule)
            for value in (complex, object, str, "abc", "M8[D]", "V4", "")
        ),
        *no("one_hot", rule, DTYPE, None, 3, True, (np.float32,), {}, np.float32(1), Tensor()),
        refused("empty", [], DTYPE, "one_hot", rule, "[]"),
    ]


SPLIT = "train_test_split"


def part() -> Rows:
    """What may be wrong with one of the arrays."""
    rule = "expected arrays of one length"
    return [
        *(refused("type", value, SHAPE, SPLIT, rule, "[(), (4,)]") for value in (None, "abc", 3, {}, nn.MSE(), nn.MSE)),
        refused("type", Tensor(), DTYPE, SPLIT, "array 0 as an array", "Tensor()"),
        refused("length", [[1.0, 2.0], [3.0]], SHAPE, SPLIT, "array 0", "several lengths"),
        *(refused("length", np.zeros(k), SHAPE, SPLIT, rule, f"({k},)", "(4,)") for k in (1, 3, 5)),
        refused("empty", [], SHAPE, SPLIT, rule, "(0,)"),
        taken("not finite", np.full((4, 3), np.nan), lambda parts: holds_nan(parts[0])),
    ]


def test_size() -> Rows:
    return [
        *no(SPLIT, "test_size must be a float or int", DTYPE, None, "0.5", True, 1j, [0.5], (2,), {}, float, Distant()),
        *(refused("size", k, VALUE, SPLIT, f"takes {k} of 4 rows", "each part needs one") for k in (0, -1, 4, 7)),
        *(refused("size", k, VALUE, SPLIT, "between 0 and 1", str(k), "as an int") for k in (0.0, -0.5, 1.0, 2.5)),
        *(refused("not finite", float(k), VALUE, SPLIT, "between 0 and 1", k) for k in ("nan", "inf")),
        refused("shape", np.array([0.5]), DTYPE, SPLIT, "a float or int", "an array of shape (1,)"),
        refused("empty", [], DTYPE, SPLIT, "a float or int", "[]"),
    ]


def strata() -> Rows:
    rule = "stratify must have 4 rows as the arrays do"
    mixed = np.array([0, "a", None, 0], object)
    return [
        *(refused("type", value, SHAPE, SPLIT, rule, "()") for value in ("abc", 3, {}, nn.MSE(), nn.MSE)),
        refused("type", Tensor(), DTYPE, SPLIT, "stratify as an array", "Tensor()"),
        refused("length", [[1.0, 2.0], [3.0]], SHAPE, SPLIT, "stratify", "several lengths"),
        *(refused("length", [0] * k, SHAPE, SPLIT, rule, f"({k},)") for k in (1, 3, 5)),
        refused("empty", [], SHAPE, SPLIT, rule, "(0,)"),
        refused("dtype", mixed, DTYPE, SPLIT, "labels of one type"),
        refused("type", Frame(), DTYPE, SPLIT, "labels of one type"),
        refused("size", [0, 0, 0, 1], VALUE, SPLIT, "a class needs 2 rows (the rarest has 1)"),
        refused("size", [0, 1, 2, 3], VALUE, SPLIT, "a class needs 2 rows", "4 classes"),
    ]


LABEL_USES = [
    by_keywords(
        nn.one_hot,
        labels=arg(LABELS, labels()),
        classes=arg(
            3,
            *no("one_hot", "classes must be an integer", DTYPE, "3", 2.5, True, 1j, (3,), {}, int, Tensor()),
            *(refused("size", k, VALUE, "one_hot: classes", "at least 1", str(k)) for k in (0, -1)),
            *(refused("size", k, VALUE, "one_hot", f"with {k} classes", f"from 0 to {k - 1}") for k in (1, 2)),
            refused("size", 10**30, VALUE, "one_hot", "larger than any memory"),
            refused("not finite", float("nan"), DTYPE, "one_hot: classes", "nan"),
        ),
        dtype=arg(np.float32, real_dtype()),
    ),
    by_keywords(
        nn.one_hot,
        "one_hot, classes as they come",
        labels=arg(
            LABELS,
            refused("empty", np.zeros(0, int), VALUE, "one_hot", "no labels to count the classes by", "classes="),
            refused("size", [0, 2**62], VALUE, "one_hot", "4611686018427387905 classes", "larger than any memory"),
        ),
    ),
    by_position(
        nn.train_test_split,
        x=arg(X, part()),
        y=LABELS,
        test_size=arg(2, test_size()),
        shuffle=arg(True, flag(f"{SPLIT}: shuffle"), refused("type", False, VALUE, "stratify needs shuffle=True")),
        stratify=arg([0, 1, 0, 1], strata()),
        rng=arg(0, rng(f"{SPLIT}: rng")),
        _keywords=("test_size", "shuffle", "stratify", "rng"),
    ),
    use(
        "train_test_split, of nothing",
        lambda _, arrays: nn.train_test_split(*arrays),
        arrays=arg([X], refused("empty", [], VALUE, SPLIT, "at least one array")),
        _options={"fuzzed": ()},
    ),
]


# ---- files --------------------------------------------------------------------------------------
def small_files() -> Path:
    """A folder with small files in MNIST's form, for as long as the process runs."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    for name in ("train", "t10k"):
        write_idx(folder / f"{name}-images-idx3-ubyte", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
        write_idx(folder / f"{name}-labels-idx1-ubyte", np.array([3, 7], np.uint8))
    return folder


FILES = small_files()
LABEL_FILE = str(FILES / "train-labels-idx1-ubyte")


def paths(what: str) -> Rows:
    """Numbers are files that are open already to Python's open; here they are no paths."""
    wrong = (0, 1, True, 2.5, 1j, ["a"], {"a": 1}, str, Tensor())
    return [
        *no(what, "must be a path", DTYPE, *wrong),
        refused("not finite", float("nan"), DTYPE, what, "must be a path", "nan"),
        refused("shape", np.zeros(2), DTYPE, what, "must be a path", "an array"),
    ]


def images(pixels: int, white: int) -> dict[str, Any]:
    """What load_digits and load_mnist share."""
    kinds = f"float32 or float64 (values from 0 to 1) or uint8 (0 to {white})"
    rule = f"expected the shape of one image of {pixels} pixels"
    return {
        "dtype": arg(
            np.float32,
            *(refused("dtype", value, DTYPE, kinds) for value in (int, complex, object, np.float16, "abc", "", ">f4")),
            *no("dtype must be", kinds, DTYPE, None, 3, True, {}, Tensor()),
        ),
        "shape": arg(
            (pixels,),
            *no(f"({pixels},)", rule, SHAPE, None, "abc", 2.5, 1j, {"a": 1}, (2.5,), (None,), int, Tensor()),
            *(
                refused("size", value, SHAPE, rule, repr(value))
                for value in ((pixels + 1,), (0,), (-2,), (10**30,), pixels)
            ),
        ),
    }


FILE_USES = [
    use(
        "read_idx",
        lambda _, path, sha256: data.read_idx(path, sha256=sha256),
        path=arg(
            LABEL_FILE,
            paths("path"),
            refused("type", None, DTYPE, "path must be a path", "None"),
            refused("empty", "", DATA, "cannot read the file", "check the path"),
            refused("type", "a\0b", DATA, "cannot read the file", "null byte"),
            refused("type", "nowhere.idx", DATA, "nowhere.idx", "No such file", "check the path"),
            refused("type", str(FILES), DATA, "directory"),
            refused("shape", __file__, DATA, "uses_data.py", "starts with two zero bytes"),
        ),
        sha256=arg(
            None,
            no("sha256", "must be a text of hexadecimal digits", DTYPE, 3, True, b"ab", ["ab"], {}, str, Tensor()),
            refused("length", "abc", DATA, "expected SHA-256 abc", "get the file anew"),
            refused("empty", "", DATA, "expected SHA-256"),
        ),
    ),
    use(
        "load_mnist",
        lambda _, **given: data.load_mnist(**given),
        directory=arg(
            FILES,
            paths("load_mnist: directory"),
            *(
                refused("empty", path, DATA, "load_mnist()", "found none of", "pass the directory")
                for path in ("", "no")
            ),
            refused("type", "a\0b", DATA, "load_mnist()", "found none of"),
        ),
        verify=arg(False, flag("load_mnist: verify"), refused("type", True, DATA, "SHA-256", "verify=False")),
        **images(6, 255),
        _options={"fuzzed": ()},  # None means the whole of MNIST
    ),
    use("load_digits", lambda _, **given: data.load_digits(**given), **images(64, 16), _options={"fuzzed": ()}),
]


# ---- initializers -------------------------------------------------------------------------------
def initializer(name: str) -> Use:
    makers = {"constant": initializers.constant(0.5), "nielsen": initializers.nielsen(True)}
    function = makers.get(name, getattr(initializers, name))
    matrix = [
        refused("shape", value, SHAPE, "needs a weight of shape (out, in)", "for a bias take zeros or constant")
        for value in ((), (3,), [3], 3)
    ]
    return use(
        f"initializers.{name}, at work",
        lambda _, **given: function(**given),
        shape=arg(
            (3, 2),
            shape(f"{name}: shape"),
            *(matrix if name not in ("zeros", "constant", "nielsen") else []),
            taken("empty", (0, 2), lambda array: array.shape == (0, 2)),
        ),
        rng=arg(0, rng(f"{name}: rng")),
        dtype=arg(np.float32, floating(f"{name}: dtype")),
    )


INITIALIZERS = [
    by_keywords(initializers.constant, "initializers.constant", value=arg(0.5, number("constant: value"))),
    by_keywords(initializers.nielsen, "initializers.nielsen", scaled=arg(True, flag("nielsen: scaled"))),
    *map(initializer, initializers.__all__),
]


# ---- threads ------------------------------------------------------------------------------------
def limited(n: Any) -> Any:
    with nn.threads(n):
        return np.ones((2, 3)) @ np.ones((3, 2))


THREADS = [
    by_keywords(
        nn.threads,
        n=arg(1, count("threads: n"), refused("size", 65_537, VALUE, "threads: n", "at most 65536", "65537")),
    ),
    use("threads, entered", lambda _, n: limited(n), n=arg(1, count("threads: n"))),
]

DATA_USES = [*BATCHES, *LABEL_USES, *FILE_USES, *INITIALIZERS, *THREADS]
