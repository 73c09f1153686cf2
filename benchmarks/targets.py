"""What tinynn wants to reach: round-by-round ratios on two cores, float32, sigmoid layers, quadratic cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A limit on one ratio.

    Parameters: optimizer; ours, the contender that is held to it: "tinynn" (NumPy alone) or "best" (the better of
    that and the compiled extra); peer, with which it is compared: at most so many times the floor's time, or at least
    so many times as fast as another peer; limits, {network: limit}.
    """

    optimizer: str
    ours: str
    peer: str
    limits: dict

    @property
    def title(self):
        if self.peer == "floor":
            return f"{self.ours}, of the floor"
        return f"{self.ours}, times as fast as {self.peer}"

    def measured(self, rows):
        """The ratio in a case's rows, {contender: row}; None where a side is missing."""
        ours = ("tinynn", "tinynn-fused") if self.ours == "best" else (self.ours,)
        if self.peer == "floor":
            found = [rows.get(name, {}).get("ratios", {}).get("floor") for name in ours]
        else:
            # Of a peer's forms the fastest counts: it is the harder to beat.
            forms = [rows[name] for name in FORMS.get(self.peer, (self.peer,)) if "seconds" in rows.get(name, {})]
            fastest = min(forms, key=lambda row: row["seconds"], default={})
            found = [fastest.get("ratios", {}).get(name) for name in ours]
        return max((ratio[0] for ratio in found if ratio), default=None)

    def met(self, measured, limit):
        return measured <= limit if self.peer == "floor" else measured >= limit


#: On more threads or one, whichever is faster.
FORMS = {"torch-fused": ("torch-fused", "torch-fused-1")}

NAMES = ("784-15-10", "784-30-10", "784-100-10", "784-128-128-10", "784-512-512-10", "784-1024-1024-10")


def limits(*values):
    return dict(zip(NAMES, values, strict=True))


TARGETS = (
    Target("sgd", "tinynn", "floor", limits(2.2, 2.0, 1.5, 1.25, 1.12, 1.08)),
    Target("sgd", "tinynn", "torch-fused", limits(10, 9, 2.8, 1.8, 1.5, 1.4)),
    Target("sgd", "tinynn", "sklearn", limits(4, 3.5, 2.2, 2.0, 1.6, 1.2)),
    Target("sgd", "tinynn", "jax-scan", limits(0.9, 0.9, 1.0, 1.1, 1.0, 1.0)),
    Target("sgd", "best", "jax-scan", limits(1.0, 1.0, 1.05, 1.15, 1.02, 1.0)),
    Target("adam", "tinynn", "torch-fused", limits(8, 6, 2.5, 1.6, 1.3, 1.2)),
    Target("adam", "tinynn", "sklearn", limits(4, 3.5, 2.5, 2, 3, 2)),
    Target("adam", "tinynn", "jax-scan", limits(0.7, 0.7, 0.7, 0.7, 0.7, 0.7)),
    Target("adam", "best", "jax-scan", limits(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)),
)

#: Prediction of one row: at least so many times as fast as the peer.
PREDICTION = {"torch": 10, "sklearn": 20, "jax-jit": 5}
