"""The one timer: contenders in turn, A, B, A, B, so that what disturbs one disturbs all.

A ratio is taken within each round, between neighbours in time; a machine that slows down half-way
through changes every rate and hardly any ratio.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat

import numpy as np

Clock = Callable[[], float]


@dataclass(frozen=True)
class Contender:
    """Something to be timed: `call()` does `work` units of its workload."""

    label: str
    call: Callable[[], object]
    work: float


@dataclass(frozen=True)
class Effort:
    """How long to measure: at least `min_rounds`, then until `seconds` are over.

    A sample is as many calls as fill `sample_seconds`.
    """

    seconds: float = 8.0
    sample_seconds: float = 0.05
    min_rounds: int = 5
    max_rounds: int = 100


@dataclass(frozen=True)
class Timing:
    """What was measured of one contender.

    `warm_up_seconds` is its first call, which pays for caches and what is left of compilation;
    `seconds` float64 `[rounds]` the mean time of a call in each round; `work` its units per call.
    """

    calls_per_sample: int
    warm_up_seconds: float
    seconds: np.ndarray
    work: float

    @property
    def rates(self) -> np.ndarray:
        """float64 `[rounds]`: units per second in each round."""
        return np.asarray(self.work / self.seconds)


def time_interleaved(
    contenders: Sequence[Contender], effort: Effort, clock: Clock = time.perf_counter
) -> list[Timing]:
    """The timing of each contender; all have the same rounds. Garbage collection is paused."""
    with garbage_collection_paused():
        warm_up = [time_calls(contender.call, 1, clock) for contender in contenders]
        calls = [
            calls_to_fill(contender.call, effort.sample_seconds, clock)[0]
            for contender in contenders
        ]
        seconds: list[list[float]] = [[] for _ in contenders]
        begin = clock()
        for finished_rounds in range(effort.max_rounds):
            if finished_rounds >= effort.min_rounds and clock() - begin >= effort.seconds:
                break
            for contender, count, samples in zip(contenders, calls, seconds, strict=True):
                samples.append(time_calls(contender.call, count, clock) / count)
    return [
        Timing(count, first, np.array(samples), contender.work)
        for contender, count, first, samples in zip(
            contenders, calls, warm_up, seconds, strict=True
        )
    ]


def calls_to_fill(call: Callable[[], object], seconds: float, clock: Clock) -> tuple[int, float]:
    """How many calls take `seconds`, found by doubling, at least one; and what they take."""
    count = 1
    while (elapsed := time_calls(call, count, clock)) < seconds / 2:
        count *= 2
    filling = max(1, math.ceil(count * seconds / elapsed))
    return filling, filling * elapsed / count


def time_calls(call: Callable[[], object], count: int, clock: Clock) -> float:
    """The seconds that `count` calls take."""
    begin = clock()
    for _ in repeat(None, count):
        call()
    return clock() - begin


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Collects once, then not until the end, if it was on: no sample pays for another's garbage."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
