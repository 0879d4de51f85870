"""`--against REV`: this checkout and another commit, each workload in processes that take turns.

A workload gets eight launches, more while they leave the question open, and where they show a
slow-down or a gain, as many again by themselves: only what both show is reported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adfast.cli.interruption import CutOff
from benchmarks.guard.judgement import Change, Verdict
from benchmarks.guard.launches import CannotRun, Launcher, Launches
from benchmarks.workload import Workload

MINIMAL_EFFECT = 0.05
FEWEST_LAUNCHES = 8
MOST_LAUNCHES = 16
SLICE_SECONDS = 0.03
CHANGED: tuple[Verdict, ...] = ("slower", "faster")


@dataclass(frozen=True)
class Outcome:
    """What is known of a workload; `reason` says why there is no change to judge."""

    workload: Workload
    verdict: Verdict | None
    change: Change | None = None
    rate_now: float = 0.0
    rate_then: float = 0.0
    launches: int = 0
    reason: str = ""
    runs_now: bool = True

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        described: dict[str, Any] = {
            "name": self.workload.name,
            "unit": self.workload.unit,
            "verdict": self.verdict,
            "reason": self.reason,
        }
        if self.change is not None:
            described |= {
                "rate_now": self.rate_now,
                "rate_then": self.rate_then,
                "factor_of_time": self.change.factor,
                "interval": [self.change.lower, self.change.upper],
                "launches": self.launches,
            }
        return described


def judge_all(launcher: Launcher, workloads: Sequence[Workload]) -> list[Outcome]:
    """The outcomes of the workloads, until a signal; progress goes to stderr."""
    outcomes: list[Outcome] = []
    begun: Launches | None = None
    try:
        for number, workload in enumerate(workloads, start=1):
            begun = Launches(workload)
            place = f"[{number}/{len(workloads)}] {workload.name} "
            print(place, end="", file=sys.stderr, flush=True)
            outcomes.append(judge_workload(launcher, begun))
            begun = None
            print(f" {outcomes[-1].verdict or 'cannot run'}", file=sys.stderr, flush=True)
    except CutOff:
        print(" interrupted", file=sys.stderr)
        if begun is not None:
            outcomes.append(outcome_of(begun, "unclear", "interrupted"))
    return outcomes


def judge_workload(launcher: Launcher, launches: Launches) -> Outcome:
    """Add to `launches` until the question is settled."""
    verdict: Verdict = "unclear"
    try:
        for wanted in (FEWEST_LAUNCHES, MOST_LAUNCHES):
            launch_up_to(wanted, launcher, launches)
            verdict = launches.change.verdict(MINIMAL_EFFECT)
            if verdict != "unclear":
                break
        if verdict in CHANGED:
            verdict = confirm(verdict, launcher, launches)
    except CannotRun as error:
        where = "does not run there" if error.is_then else "does not run here"
        reason = f"{where}: {error}"
        return Outcome(launches.workload, None, reason=reason, runs_now=error.is_then)
    return outcome_of(launches, verdict)


def launch_up_to(wanted: int, launcher: Launcher, launches: Launches) -> None:
    """Add launches until there are `wanted`."""
    while len(launches.made) < wanted:
        launches.made.append(launcher.launch(launches.workload))
        print(".", end="", file=sys.stderr, flush=True)


def confirm(verdict: Verdict, launcher: Launcher, launches: Launches) -> Verdict:
    """The verdict if a second series shares it, `unclear` otherwise; adds that series."""
    print(f" {verdict}? again ", end="", file=sys.stderr, flush=True)
    second = Launches(launches.workload)
    launch_up_to(len(launches.made), launcher, second)
    launches.made += second.made
    return verdict if second.change.verdict(MINIMAL_EFFECT) == verdict else "unclear"


def outcome_of(launches: Launches, verdict: Verdict, reason: str = "") -> Outcome:
    """The outcome of the launches that were made."""
    if not launches.made:
        return Outcome(launches.workload, None, reason=reason)
    return Outcome(
        launches.workload,
        verdict,
        launches.change,
        launches.rate("now"),
        launches.rate("then"),
        len(launches.made),
        reason,
    )
