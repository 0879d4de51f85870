"""Launches: the same workload on two trees, in fresh processes that take turns."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np

from adfast.errors import AdfastError
from benchmarks.guard.judgement import Change, change_of_launches, undisturbed_seconds
from benchmarks.guard.side import Side, WorkerFailed
from benchmarks.workload import Workload

MIN_ROUNDS, MAX_ROUNDS = 6, 60


class CannotRun(AdfastError):
    """A workload does not run on one of the trees; `is_then` says on which."""

    def __init__(self, reason: str, *, is_then: bool) -> None:
        self.is_then = is_then
        super().__init__(reason)


@dataclass(frozen=True)
class Launch:
    """One pair of fresh processes: seconds of a call in each round, float64 `[rounds]`."""

    work: float
    now: np.ndarray
    then: np.ndarray

    @property
    def factor(self) -> float:
        """The time that a call takes now over that which it took then."""
        return undisturbed_seconds(self.now) / undisturbed_seconds(self.then)


@dataclass
class Launches:
    """All launches of a workload."""

    workload: Workload
    made: list[Launch] = field(default_factory=list)

    @property
    def change(self) -> Change:
        """The factor of time, over the launches."""
        return change_of_launches([launch.factor for launch in self.made])

    def rate(self, side: str) -> float:
        """Units per second `now` or `then`, the median over the launches."""
        return float(
            np.median([one.work / undisturbed_seconds(getattr(one, side)) for one in self.made])
        )


class Launcher:
    """Makes launches of `seconds` of work each, in slices.

    Which side comes first, and on which core both run, changes every time.
    """

    def __init__(
        self, now: Path, then: Path, *, seconds: float, slice_seconds: float, small: bool
    ) -> None:
        self.trees = (now, then)
        self.seconds = seconds
        self.slice_seconds = slice_seconds
        self.small = small
        self.cores = cycle(sorted(os.sched_getaffinity(0)))
        self.number = 0

    def launch(self, workload: Workload) -> Launch:
        """One launch; raises `CannotRun`."""
        self.number += 1
        first = self.number % 2
        core = next(self.cores)
        with ExitStack() as processes:
            sides: dict[int, Side] = {}
            for side in (first, 1 - first):
                sides[side] = processes.enter_context(Side(self.trees[side], core))
            work = [0.0, 0.0]
            for side in (first, 1 - first):
                work[side] = self.ask(sides[side], side, "prepare", workload.name, self.small)
            if work[0] != work[1]:
                raise CannotRun(
                    f"a call does {work[0]:g} units now, {work[1]:g} then", is_then=True
                )
            count = self.calls_of_a_slice(sides)
            rounds: list[list[float]] = []
            spent = 0.0
            while len(rounds) < MAX_ROUNDS and (len(rounds) < MIN_ROUNDS or spent < self.seconds):
                taken = [0.0, 0.0]
                turn = (first + len(rounds)) % 2
                for side in (turn, 1 - turn):
                    taken[side] = self.ask(sides[side], side, "run", count) / count
                rounds.append(taken)
                spent += sum(taken) * count
        now, then = np.array(rounds).T
        return Launch(work[0], now, then)

    def calls_of_a_slice(self, sides: dict[int, Side]) -> int:
        """How many calls fill a slice, the same on both sides."""
        slowest = 0.0
        for side, process in sides.items():
            slowest = max(slowest, *(self.ask(process, side, "run", 1) for _ in range(2)))
        return max(1, round(self.slice_seconds / max(slowest, 1e-7)))

    def ask(self, process: Side, side: int, command: str, *arguments: object) -> float:
        """The worker's answer; raises `CannotRun`."""
        try:
            return float(process.ask(command, *arguments))
        except WorkerFailed as error:
            raise CannotRun(str(error), is_then=side == 1) from None
