"""Dense layers, dropout and lookups, right and with the mistakes that are made in them."""

import numpy as np

from gradcheck_cases.case import faulty, normal

KEPT = normal(5, 4, seed=1) > -0.25


# ---- dense -----------------------------------------------------------------------------------------------
def dense(x, w, b):
    return x @ w.T + b


def dense_vjp(x, w, b, u):
    return u @ w, u.T @ x, u.sum(axis=0)


def flat_dense(x, w):
    return x.reshape(len(x), -1) @ w.T


def flat_dense_vjp(x, w, u):
    return (u @ w).reshape(x.shape), u.T @ x.reshape(len(x), -1)


DENSE = [
    *faulty(
        "dense",
        dense,
        dense_vjp,
        (normal(5, 3), normal(4, 3, seed=1), normal(4, seed=2)),
        {
            "weight's sign": (1, lambda x, w, b, u: -u.T @ x),
            "weight doubled": (1, lambda x, w, b, u: 2 * u.T @ x),
            "weight: mean over the batch": (1, lambda x, w, b, u: u.T @ x / len(x)),
            "weight: last row dropped": (1, lambda x, w, b, u: u[:-1].T @ x[:-1]),
            "weight: last row alone": (1, lambda x, w, b, u: np.outer(u[-1], x[-1])),
            "weight reversed": (1, lambda x, w, b, u: (u.T @ x)[::-1]),
            "weight in the other memory order": (1, lambda x, w, b, u: (u.T @ x).ravel("F").reshape(w.shape)),
            "weight: decay added": (1, lambda x, w, b, u: u.T @ x + 0.1 * w),
            "weight: upstream taken as ones": (1, lambda x, w, b, u: np.ones_like(u).T @ x),
            "bias of one row": (2, lambda x, w, b, u: u[0]),
            "bias: mean over the batch": (2, lambda x, w, b, u: u.mean(axis=0)),
            "bias forgotten": (2, lambda x, w, b, u: np.zeros_like(b)),
            "bias: one sum for all": (2, lambda x, w, b, u: np.full_like(b, u.sum())),
            "input's sign": (0, lambda x, w, b, u: -u @ w),
            "input divided by the features": (0, lambda x, w, b, u: u @ w / w.shape[1]),
            "input: last row dropped": (0, lambda x, w, b, u: np.concatenate([u[:-1] @ w, 0 * x[-1:]])),
            "upstream clipped to ±1": (None, lambda x, w, b, u: dense_vjp(x, w, b, np.clip(u, -1, 1))),
            "upstream scaled to norm 1": (
                None,
                lambda x, w, b, u: dense_vjp(x, w, b, u / max(1, np.sum(u * u) ** 0.5)),
            ),
        },
    ),
    *faulty(
        "square dense",
        dense,
        dense_vjp,
        (normal(5, 4), normal(4, 4, seed=1), normal(4, seed=2)),
        {
            "weight transposed": (1, lambda x, w, b, u: x.T @ u),
            "input through the transposed weight": (0, lambda x, w, b, u: u @ w.T),
        },
    ),
    *faulty(
        "flattened dense",
        flat_dense,
        flat_dense_vjp,
        (normal(5, 2, 3), normal(4, 6, seed=1)),
        {"input in the other memory order": (0, lambda x, w, u: (u @ w).reshape(x.shape, order="F"))},
    ),
    *faulty(
        "dropout, fixed mask",
        lambda x: x * KEPT / 0.6,
        lambda x, u: (u * KEPT / 0.6,),
        (normal(5, 4),),
        {
            "1/(1 − p) missing": (0, lambda x, u: u * KEPT),
            "1/(1 − p) twice": (0, lambda x, u: u * KEPT / 0.36),
            "mask forgotten": (0, lambda x, u: u / 0.6),
        },
    ),
]

# ---- embedding and order ---------------------------------------------------------------------------------
IDS, ORDER = np.array([2, 0, 2, 1, 2]), np.array([2, 0, 3, 1])


def embedding_vjp(table, u):
    gradient = np.zeros_like(table)
    np.add.at(gradient, IDS, u)
    return (gradient,)


def embedding_assigned(table, u):
    gradient = np.zeros_like(table)
    gradient[IDS] = u
    return gradient


LOOKUPS = [
    *faulty(
        "embedding",
        lambda table: table[IDS],
        embedding_vjp,
        (normal(4, 3),),
        {"rows used twice are assigned, not added": (0, embedding_assigned)},
    ),
    *faulty(
        "permutation",
        lambda x: x[:, ORDER],
        lambda x, u: (u[:, np.argsort(ORDER)],),
        (normal(3, 4),),
        {"permuted again instead of back": (0, lambda x, u: u[:, ORDER])},
    ),
    *faulty(
        "running sum",
        lambda x: np.cumsum(x, axis=1),
        lambda x, u: (np.cumsum(u[:, ::-1], axis=1)[:, ::-1],),
        (normal(3, 5),),
        {"forward instead of backward": (0, lambda x, u: np.cumsum(u, axis=1))},
    ),
]

CASES = [*DENSE, *LOOKUPS]
