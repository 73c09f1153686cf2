"""Checkpoints and model files, damaged in every way: each is loaded right, or refused with a CheckpointError.

Never another exception, a hang, memory that the file does not justify, or a load of something else than what
was saved; and after a refusal the trainer is as it was. Where the checksums were made to fit again, a load
must be of exactly what the file says then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import damage
import numpy as np
from faults import edits
from faults.loads import CheckpointFile, File, ModelFile, says
from faults.report import Rows, Say, fail, scratch, silent
from faults.small import Small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training.runs import differences

from tinynn.training import state


def run(scale: float, say: Say) -> Rows:
    """At full scale every byte, 10,000 by Hypothesis and 20,000 others."""
    found = campaign(max(1, round(1 / scale)), round(10_000 * scale), say)
    refused = {what: count for what, count in sorted(found.items()) if what.startswith("refused")}
    return [
        ("damaged checkpoints and model files loaded", f"{sum(refused.values()) + found['loaded']:,}"),
        *((f"of these {what}", f"{count:,}") for what, count in refused.items()),
        ("of these loaded, as what the file says (its checksums made to fit)", f"{found['loaded']:,}"),
        ("resumed from the one before a damaged one; found none whole", f"{found['one before']:,}; {found['none']:,}"),
        ("loads measured for memory", f"{found['measured']:,}"),
        ("other exceptions, hangs, wrong loads, trainers changed by a refusal", "0, 0, 0, 0"),
    ]


def campaign(stride: int, count: int, say: Say = silent) -> Counter[str]:
    """Every stride-th byte of both files flipped, and cut there; and three times `count` variants of other kinds."""
    logging.getLogger("tinynn").addHandler(logging.NullHandler())
    with scratch() as directory:
        small = Small(directory)
        rng, found = np.random.default_rng(0), Counter[str]()
        for file in (CheckpointFile(small), ModelFile(small)):
            for k, variant in enumerate(all_variants(file, stride, count // 2, rng)):
                file.try_one(variant, measured=k % 50 == 0)
                if k % 500 == 0:
                    say(f"damaged files: {file.found.total():,} {file.kind}s")
            say("damaged files: by Hypothesis")
            by_hypothesis(file, count // 2)
            found += file.found
        check_resume(small, max(10, count // 50), rng, found)
    return found


def all_variants(file: File, stride: int, count: int, rng: np.random.Generator) -> Iterator[damage.Variant]:
    """Bytes one after the other, then whatever comes up: plain, under a checksum that fits, under all that fit."""
    data = file.data
    for k in range(0, len(data), stride):
        flipped = data[:k] + bytes([data[k] ^ 1 << int(rng.integers(8))]) + data[k + 1 :]
        yield damage.Variant(f"byte {k} flipped", flipped)
        yield damage.Variant(f"byte {k} flipped, sealed", damage.resealed(flipped))
        yield damage.Variant(f"cut after {k}", data[:k])
        yield damage.Variant(f"cut after {k}, sealed", damage.resealed(data[:k] + bytes(damage.DIGITS)))
    yield from damage.variants(data, rng, count, seal=True)
    yield from edits.variants(file.kind, data, count, rng)


def by_hypothesis(file: File, count: int) -> None:
    """As many as Hypothesis thinks of."""

    @settings(max_examples=max(1, count), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(drawn_damage(file.data))
    def check(variant: damage.Variant) -> None:
        file.try_one(variant)

    check()


@st.composite
def drawn_damage(draw: Any, data: bytes) -> damage.Variant:
    """Up to four stretches replaced: by nothing, by other bytes, by what stands elsewhere."""
    damaged, places = data, []
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        elsewhere = draw(st.integers(0, len(data)))
        with_this = draw(st.binary(max_size=40) | st.just(data[elsewhere : elsewhere + length]))
        damaged = damaged[:start] + with_this + damaged[start + length :]
        places.append(f"{start}+{length} became {with_this!r}")
    damaged = damaged[: draw(st.just(len(damaged)) | st.integers(0, len(damaged)))]
    what = f"{'; '.join(places)}; {len(damaged)} bytes"
    if draw(st.booleans()):
        return damage.Variant(f"{what}, sealed", damage.resealed(damaged))
    return damage.Variant(what, damaged)


def check_resume(small: Small, count: int, rng: np.random.Generator, found: Counter[str]) -> None:
    """A directory whose newest checkpoint is damaged, and one in which all are."""
    small.change()
    small.callback.on_epoch_end(small.trainer, small.trainer.history[-1])
    first, second = (small.directory / f"checkpoint-00000{number}.npz" for number in (1, 2))
    good = first.read_bytes()
    for variant in damage.variants(second.read_bytes(), rng, count):
        trainer = small.fresh()
        second.write_bytes(variant.data)
        if not trainer.resume(small.directory) or differences(says(good, "checkpoint"), state.capture(trainer)):
            fail(f"resume: newest {variant.what}")
        first.write_bytes(variant.data[: len(variant.data) // 2])
        trainer = small.fresh()
        before = state.capture(trainer)
        if trainer.resume(small.directory) or differences(before, state.capture(trainer)):
            fail(f"resume: all {variant.what}")
        first.write_bytes(good)
        found.update({"one before": 1, "none": 1})
