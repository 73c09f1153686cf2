"""What is compared with PyTorch, and on which numbers.

Each table has a row per case, in tinynn's words; `torch_optimizer` translates a row of the optimisers
into PyTorch's. The fixture's maker, the test against the fixture and the live test all read these
tables. After a change run `python -m fixtures.make_torch_fixtures` from tests/, where torch is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DTYPES = ("float64", "float32")

# ---- optimisers ---------------------------------------------------------------------------------
STEPS = 100
RECORDED = (1, 2, 3, 5, 6, 10, 51, 100)
#: The learning rate falls to this part of it after step 50.
RATE_CHANGE_AFTER, RATE_FACTOR = 50, 0.25

#: (tinynn's class, its keywords). Without keywords the defaults are compared too; SGD's rate differs there.
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "dampening": 0.4}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.1, "learning_rate_decay": 0.05}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator": 0.1, "epsilon": 1e-3}),
    ("Adagrad", {"learning_rate": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.02, "decay": 0.9, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "epsilon": 1e-3}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True}),
    ("Adam", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("Adam", {"learning_rate": 0.05, "betas": (0.5, 0.9)}),
    ("Adam", {"learning_rate": 0.05, "betas": (0.5, 0.9), "amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"amsgrad": True, "learning_rate": 0.05, "betas": (0.8, 0.99), "epsilon": 1e-4, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.0}),
    ("AdamW", {"learning_rate": 0.05, "betas": (0.5, 0.9), "epsilon": 1e-3, "weight_decay": 0.3}),
    ("AdamW", {"learning_rate": 0.05, "betas": (0.8, 0.99), "amsgrad": True}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 0.5, "decay": 0.99, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("NAdam", {}),
    ("NAdam", {"learning_rate": 0.05, "betas": (0.5, 0.9), "epsilon": 1e-3, "momentum_decay": 0.1}),
    ("NAdam", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("RAdam", {}),
    ("RAdam", {"learning_rate": 0.05, "betas": (0.5, 0.9), "epsilon": 1e-3, "weight_decay": 0.1}),
    ("RAdam", {"learning_rate": 0.05, "betas": (0.9, 0.6)}),  # ρ∞ = 4: never rectified
]

#: Optimisers that PyTorch has not: test_torch_fixtures.py works them by hand.
NOT_IN_TORCH = {"Lion"}

TORCH_KEYWORDS = {
    "learning_rate": "lr",
    "epsilon": "eps",
    "initial_accumulator": "initial_accumulator_value",
    "learning_rate_decay": "lr_decay",
}
TORCH_DECAY = {"RMSprop": "alpha", "Adadelta": "rho"}


def torch_optimizer(name: str, keywords: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The row in PyTorch's words.

    >>> torch_optimizer("RMSprop", {"learning_rate": 0.1, "decay": 0.9})
    ('RMSprop', {'lr': 0.1, 'alpha': 0.9})
    """
    words = {**TORCH_KEYWORDS, "decay": TORCH_DECAY.get(name, "decay")}
    return name, {words.get(word, word): value for word, value in keywords.items()}


# Fourteen weights: four ordinary ones; two whose gradient is always 0 (one at 1, one at 0); one that gets
# a gradient each seventh step and one from step 20 on; tiny gradients beside the epsilons (1e-10 at 0 and
# at 1, 1e-8, 1e-5); huge ones; and one that starts with a spike, for what remembers a maximum.
START = np.array([0.5, -1.5, 2.0, -0.25, 1.0, 0.0, 0.75, -0.5, 0.0, 1.0, 0.0, 0.0, 3.0, 1.25])
SCALE = np.array([1, 1, 1, 1, 0, 0, 1, 1, 1e-10, 1e-10, 1e-8, 1e-5, 1e4, 0.01])
FEEDBACK = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0])


def gradient(value: np.ndarray, step: int) -> np.ndarray:
    """The gradient at step 1, 2, …: SCALE · (w − 3 w / (1 + w²) + ¼ w′ + a wave), w′ the weight before.

    Not convex, and made of basic arithmetic alone, so that it has the same bits on every machine.
    """
    scale, feedback = SCALE.astype(value.dtype), FEEDBACK.astype(value.dtype)
    scale[6] *= step % 7 == 1
    scale[7] *= step >= 20
    scale[13] *= 1000 if step == 1 else 1
    wave = ((7 * step + 3 * np.arange(len(value))) % 11 - 3).astype(value.dtype) / 4
    slope = value - 3 * value / (1 + value * value) + np.roll(value, 1) / 4
    return scale * (feedback * slope + wave)


# ---- activations --------------------------------------------------------------------------------
#: (tinynn's class, its keywords).
ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("ReLU", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.2}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.7}),
    ("SELU", {}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0}),
    ("HardSigmoid", {}),
    ("Softmax", {}),
]
_POSITIVE = [1e-8, 1e-3, 0.1, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8, 12, 20, 50, 100, 1e3]
#: A grid through all zones of every activation, kinks included; 13 rows of 3 for Softmax.
GRID = np.array([*(-z for z in reversed(_POSITIVE)), 0, *_POSITIVE]).reshape(13, 3)
#: The upstream gradient: no number 0, and not all the same.
UPSTREAM = (((np.arange(39) * 5) % 13 - 4.5) / 8).reshape(13, 3)

# ---- losses -------------------------------------------------------------------------------------
PREDICTION = np.array(
    [
        [0.5, -1.25, 2.0, 0.0],
        [-3.0, 0.75, 1.5, 1e-8],
        [1000.0, -1000.0, 20.0, -20.0],
        [-1000.0, -1000.5, -1001.0, -999.0],
        [0.0, 0.0, 0.0, 0.0],
        [30.0, 5.0, -0.125, 12.5],
    ]
)
ROWS, CLASSES = PREDICTION.shape
#: Numbers to regress on; one meets its prediction exactly, one lies at Huber's corner.
VALUES = np.array(PREDICTION * 0.5 + (np.arange(24) % 5 - 2).reshape(6, 4) / 2)
VALUES[0, 1], VALUES[1, 1] = PREDICTION[0, 1], PREDICTION[1, 1] - 1.0
LABELS = np.array([2, 0, 1, 3, 0, 2])
PROBABILITIES = np.array(
    [
        [0.25, 0.25, 0.25, 0.25],
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.125, 0.375],
        [0.0, 0.0, 0.75, 0.25],
        [0.125, 0.125, 0.5, 0.25],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
#: Independent yes/no targets, some soft.
BITS = np.array([[1, 0, 1, 0.5], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0.25, 0], [1, 0, 1, 0], [0, 1, 0, 0.75]])
CLASS_WEIGHTS = [0.5, 2.0, 1.0, 0.25]
SAMPLE_WEIGHTS = np.array([1.0, 0.5, 2.0, 0.0, 3.0, 0.25])

_SMOOTH, _WEIGHTED = {"label_smoothing": 0.1}, {"class_weights": CLASS_WEIGHTS}
#: (tinynn's class, its keywords, the name of its target here); each with and without SAMPLE_WEIGHTS.
LOSSES: list[tuple[str, dict[str, Any], str]] = [
    ("MSE", {}, "VALUES"),
    ("MSE", {"half": False}, "VALUES"),
    ("MSE", {"half": False, "mean_over": "elements"}, "VALUES"),
    ("MAE", {}, "VALUES"),
    ("MAE", {"mean_over": "elements"}, "VALUES"),
    ("Huber", {}, "VALUES"),
    ("Huber", {"delta": 0.3, "mean_over": "elements"}, "VALUES"),
    *(
        ("SoftmaxCrossEntropy", keywords, target)
        for keywords in ({}, _SMOOTH, _WEIGHTED, {**_SMOOTH, **_WEIGHTED})
        for target in ("LABELS", "PROBABILITIES")
    ),
    ("SigmoidCrossEntropy", {}, "BITS"),
    ("SigmoidCrossEntropy", {"mean_over": "elements"}, "BITS"),
    ("SigmoidCrossEntropy", {"positive_weight": [3.0, 0.5, 1.0, 0.25]}, "BITS"),
]


def key(name: str, keywords: dict[str, Any], *more: str) -> str:
    """A row's name, for the fixture and for pytest.

    >>> key("SGD", {"momentum": 0.9})
    'SGD(momentum=0.9)'
    """
    call = f"{name}({', '.join(f'{word}={value}' for word, value in keywords.items())})"
    return " ".join([call, *more])
