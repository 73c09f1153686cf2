"""The noise of one function along one entry, where the size of its outputs does not tell it."""

from __future__ import annotations

import numpy as np

from tinynn.testing.prober import Prober

#: Steps, in reaches, that are no powers of 2, at which rounding could hide.
JITTERS = 2.0**-20 * np.array([0.4170220, 0.7203245, 0.9302326, 1.0146756, 1.0923386, 1.1862602])


class Noise:
    """What rounding inside the function does to its values, measured with steps of about one reach."""

    def __init__(self, prober: Prober, k: int) -> None:
        self._prober, self._k = prober, k
        self._size = abs(float(prober.flat[k]))
        self._jitters: dict[float, tuple[float, bool]] = {}

    def at(self, reach: float) -> float:
        """The noise to reckon with in differences over steps of about `reach`."""
        change, _ = self._prober.rise(self._k, 0.1 * reach)
        rounding = 0.0 if change is None else self._prober.rounding(change) / 4
        jitter, moved = self._jitter(reach)
        if not moved:
            return max(rounding, self._quantum(reach), self._grain())
        # Nearer by as well: the roundings at six steps may cancel by accident, those at twelve do not.
        jitters = np.nan_to_num([jitter, self._jitter(reach / 64)[0]])
        return max(rounding, float(jitters.max()), self._grain())

    def _jitter(self, reach: float) -> tuple[float, bool]:
        """Noise such as that of (1e8 + x) − 1e8, and whether anything moved.

        Five values so near to one another that a smooth function's third and fourth differences vanish:
        what is left is noise.
        """
        if reach not in self._jitters:
            rests, seen = [0.0], [0.0]
            for t in JITTERS * reach:
                a, b, c, d = (self._prober.projected(self._k, step * t)[0] for step in (-2, -1, 1, 2))
                rests += [abs(a - 4 * b - 4 * c + d), abs(d - 2 * c + 2 * b - a)]
                seen += [a, b, c, d]
            self._jitters[reach] = float(np.max(rests)), bool(np.any(seen))
        return self._jitters[reach]

    def _grain(self) -> float:
        """Noise that is the same for steps of two sizes; what grows with the step is the function's own bend."""
        near = 2.0**-12 * (self._size or 1.0)
        grain = self._jitter(near)[0]
        return grain if self._jitter(8 * near)[0] <= 64 * grain else 0.0

    def _quantum(self, reach: float) -> float:
        """The smallest change that shows at all, where the jitter's steps are swallowed by rounding."""
        for t in JITTERS[0] * reach * 16.0 ** np.arange(1, 6):
            changes = np.abs([self._prober.projected(self._k, step * t)[0] for step in (-1, 1)])
            if np.any(changes > 0):
                return float(np.min(changes[changes > 0]))
        return 0.0
