"""A session: the contenders of one run, each a process that stays, measured on one case after another."""

from benchmarks.equality import TOLERANCE, relative_error
from benchmarks.foreign import Watch, disturbed
from benchmarks.interleaved import Contender, Spread, Unavailable, interleave, ratio

#: The contenders that others are compared with, where they take part.
REFERENCES = ("floor", "tinynn", "tinynn-fused")


class Session:
    """Measures one case after another.

    Parameters: names, of peers.PEERS, `tinynn@1` on one processor; seconds of a burst; budget, about how many seconds
    one case's rounds take; the most and least rounds; references, by whose times the others' are divided.
    """

    def __init__(self, names, seconds=0.025, budget=6.0, most=41, least=5, references=REFERENCES):
        self.names, self.seconds, self.budget, self.most = names, seconds, budget, most
        self.least, self.references = least, references
        self.running = {}

    def __enter__(self):
        self.running = {name: started(name) for name in self.names}
        return self

    def __exit__(self, *_):
        for contender in self.running.values():
            contender.close()

    def measure(self, what, case, expected, *arguments, tolerance=TOLERANCE):
        """One row for each contender: {"peer", …} with figures, or with the reason why there are none.

        Parameters: what, "training", "epoch" or "prediction"; expected, the cost after its first steps, or
        None where costs are not compared, and tolerance, relative; arguments, of the adapter's function after the case.
        """
        self.tolerance = tolerance
        rows = {name: self._made(name, what, case, expected, arguments) for name in self.names}
        ready = {name: self.running[name] for name, row in rows.items() if "reason" not in row}
        times, reasons, share = self._quietest(ready)
        for name, reason in reasons.items():
            rows[name]["reason"] = reason
        for name in times:
            rows[name].update(figures(times, name, self.references), foreign=share)
        return list(rows.values())

    def _quietest(self, ready):
        """(times, reasons, others' share of a processor): a disturbed measurement is repeated once.

        The one that others disturbed less is kept, whatever it says.
        """
        found = []
        while not found or (len(found) < 2 and disturbed(found[-1][2])):
            watch = Watch(contender.process.pid for contender in ready.values())
            times, reasons = interleave(ready, self.seconds, self.budget, self.most, self.least)
            found.append((times, reasons, watch.share()))
            ready = {name: contender for name, contender in ready.items() if name not in reasons}
        times, _, share = min(found, key=lambda each: each[2] or 0.0)
        reasons = {name: reason for _, failed, _ in found for name, reason in failed.items()}
        return {name: seconds for name, seconds in times.items() if name not in reasons}, reasons, share

    def _made(self, name, what, case, expected, arguments):
        """The row of a contender that has made its part and passed the check, or the reason why not."""
        row = {"peer": name}
        try:
            if not self.running[name].alive:
                self.running[name].close()
                self.running[name] = started(name)
            facts = self.running[name].make(
                "benchmarks.peers:make", what, name.partition("@")[0], case.asdict(), *arguments
            )
        except Unavailable as error:
            return row | {"reason": str(error)}
        if facts["cost"] is not None:
            row["cost"] = facts["cost"]
            if expected is not None:
                row |= judged(facts["cost"], expected, self.tolerance)
        return row


def started(name):
    """A contender's process, on as many processors as its name says."""
    cores = name.partition("@")[2]
    return Contender(int(cores) if cores else None)


def judged(cost, expected, tolerance):
    """The check's part of a row."""
    error = relative_error(cost, expected)
    if error <= tolerance:
        return {"error": error}
    return {"error": error, "reason": f"not the same work: cost {cost:.6g}, {expected:.6g} expected"}


def figures(times, name, references):
    """Seconds a step: median, quartiles, least; and of each reference, how many times this contender takes as long."""
    spread = Spread.of(times[name])
    return {
        "seconds": spread.median,
        "quartiles": [spread.low, spread.high],
        "least": min(times[name]),
        "rounds": len(times[name]),
        "ratios": {to: spread_of(ratio(times, name, to)) for to in references if to in times and to != name},
    }


def spread_of(found):
    return [found.median, found.low, found.high]
