"""`--compare RECORD`: the ratios of a run and those of a kept record of the same processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adfast.cli.interruption import CutOff
from adfast.errors import InvalidArgument
from benchmarks.guard.judgement import Change, Verdict, change_of_ratios
from benchmarks.record import ContenderRecord, Measurement, Record

MINIMAL_EFFECT = 0.10
FEWEST_ROUNDS = 5


@dataclass(frozen=True)
class RatioChange:
    """What became of one ratio of a workload: to a rival, or the share of a limit."""

    against: ContenderRecord
    then: float
    now: float
    change: Change
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """A workload then and now; `reason` says why there is nothing to judge."""

    measurement: Measurement
    ratios: tuple[RatioChange, ...] = ()
    reason: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """What all ratios say: a slower adfast lowers every one, a quicker rival only its own."""
        verdicts = {ratio.verdict for ratio in self.ratios}
        if not verdicts:
            return None
        return verdicts.pop() if len(verdicts) == 1 else "unclear"

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.measurement.name,
            "verdict": self.verdict,
            "reason": self.reason,
            "ratios": [
                {
                    "against": ratio.against.label,
                    "then": ratio.then,
                    "now": ratio.now,
                    "factor_of_time": ratio.change.factor,
                    "interval": [ratio.change.lower, ratio.change.upper],
                    "verdict": ratio.verdict,
                }
                for ratio in self.ratios
            ],
        }


def require_same_machine(record: Record, provenance: dict[str, Any]) -> None:
    """Raise `InvalidArgument` for a record of another processor."""
    then, now = record.provenance.get("processor"), provenance["processor"]
    if then != now:
        raise InvalidArgument(
            f"--compare needs a record of this processor, {now}, but this one is of {then}; "
            "make one here at the earlier commit with --record PATH, or use --against REV, "
            "which measures both on this machine"
        )


def compare(
    record: Record, measurements: Sequence[Measurement], measure_again: Callable[[str], Measurement]
) -> list[Comparison]:
    """Each measurement against the record; what seems changed is measured again to be sure."""
    known = {measurement.name: measurement for measurement in record.measurements}
    comparisons = []
    for measurement in measurements:
        comparison = compare_workload(known.get(measurement.name), measurement)
        if comparison.verdict in ("slower", "faster"):
            try:
                second = measure_again(measurement.name)
            except CutOff:
                comparison = unclear(comparison, "interrupted")
            else:
                comparison = agreed(comparison, compare_workload(known[measurement.name], second))
        comparisons.append(comparison)
    return comparisons


def compare_workload(then: Measurement | None, now: Measurement) -> Comparison:
    """Every ratio that both have."""
    if then is None:
        return Comparison(now, reason="not in the record")
    if then.arguments != now.arguments:
        return Comparison(now, reason=f"other sizes in the record: {differences(then, now)}")
    fewest = min(len(then.subject.seconds), len(now.subject.seconds))
    if fewest < FEWEST_ROUNDS:
        return Comparison(now, reason=f"{fewest} rounds are too few to judge")
    earlier = {(other.role, other.label): other for other in then.contenders[1:]}
    ratios = []
    for other in now.contenders[1:]:
        if (other.role, other.label) in earlier:
            earlier_ratios = ratios_of(then, earlier[other.role, other.label])
            ratios.append(ratio_change(other, earlier_ratios, ratios_of(now, other)))
    reason = "" if ratios else "the record has none of its rivals"
    return Comparison(now, tuple(ratios), reason)


def ratio_change(against: ContenderRecord, then: np.ndarray, now: np.ndarray) -> RatioChange:
    """What became of a ratio, from its rounds."""
    change = change_of_ratios(then, now)
    verdict = change.verdict(MINIMAL_EFFECT)
    return RatioChange(against, float(np.median(then)), float(np.median(now)), change, verdict)


def agreed(first: Comparison, second: Comparison) -> Comparison:
    """The second comparison; where it does not repeat the verdict of the first, `unclear`."""
    return second if second.verdict == first.verdict else unclear(second, "measured twice")


def unclear(comparison: Comparison, reason: str) -> Comparison:
    """The comparison, undecided."""
    ratios = (replace(ratio, verdict="unclear") for ratio in comparison.ratios)
    return Comparison(comparison.measurement, tuple(ratios), reason)


def ratios_of(measurement: Measurement, other: ContenderRecord) -> np.ndarray:
    """float64 `[rounds]`: the subject's rate over `other`'s in each round."""
    subject = measurement.subject
    seconds, theirs = np.array(subject.seconds), np.array(other.seconds)
    return np.asarray((subject.work / seconds) / (other.work / theirs))


def differences(then: Measurement, now: Measurement) -> str:
    """The arguments in which they differ, in words."""
    names = [
        name
        for name in then.arguments | now.arguments
        if then.arguments.get(name) != now.arguments.get(name)
    ]
    return ", ".join(
        f"{name} {then.arguments.get(name)} then, {now.arguments.get(name)} now" for name in names
    )
